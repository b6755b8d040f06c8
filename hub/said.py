"""What an SMS speaks of, and the words for it (hub/wording.py has a method for each)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, select

from alerts.codes import code_of
from alerts.facts import Way
from config.hub import HubSettings, Person
from hub.alarms import Alarm, alarm
from hub.escalating import TELLING
from hub.tables import alarm_answers, notices, sms
from hub.wording import Wording
from journal.excursions import ExcursionRow, get

Step = Literal["first", "repeat", "escalated", "resumed"]

# Of several notices of one alarm, the one that decides what is said, the weightiest first.
_WEIGHT: Final = (
    "unreachable", "work-over", "opened", "escalated", "resumed", "repeat", "recovered", "answered",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing that an SMS to one person speaks of: an alarm, or something without one.

    Attributes:
        happening: what is told: ``opened``, ``work-over``, ``unreachable``, ``recovered``,
            ``answered``; without an alarm ``all-well``, ``way-test``, ``channel-failing``,
            ``channel-back``, ``channel-poor``, ``unreachable``, ``unconfirmed``, ``short``.
        site: its id; empty where it is about the hub.
        alarm: as it is now.
        opened: excursions that are told as open, or that were.
        recovered: those that are over.
        step: why this person is told now.
        unanswered: ids of those who were told before and have not answered.
        facts: of its notice, what the happening needs.
        first: this person is told of the alarm for the first time.
    """

    happening: str
    site: str
    alarm: Alarm | None = None
    opened: tuple[ExcursionRow, ...] = ()
    recovered: tuple[ExcursionRow, ...] = ()
    step: Step = "first"
    unanswered: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    first: bool = False


# (conn, person, matters, now) -> the text of one SMS that speaks of all of them
Words = Callable[[Connection, Person, Sequence[Matter], int], str]


def matter_of(
    conn: Connection, group: Sequence[Row[Any]], told: frozenset[str] = frozenset()
) -> Matter:
    """Return what one person must learn of one alarm (or of something without one).

    Args:
        conn: any transaction.
        group: notices to one person, of one alarm or of one happening.
        told: ids of the alarms that the person has been told of before.
    """
    newest = group[-1]
    if not newest.alarm:
        return Matter(newest.happening, newest.site, facts=json.loads(newest.facts))
    known = alarm(conn, newest.alarm)
    assert known is not None
    telling = [row for row in group if row.happening in TELLING]
    over = [row for row in group if row.happening == "recovered"]
    before = newest.alarm in told
    if over and before:
        # What was to be said again is not so any more.
        telling = [row for row in telling if row.happening == "opened"]
    rows = telling + over or list(group)
    chief = min(rows, key=lambda row: _WEIGHT.index(row.happening))
    steps = {row.happening for row in telling}
    step: Step = "first"
    for each in ("repeat", "escalated", "resumed"):
        if each in steps and (before or each == "escalated"):
            step = each
    return Matter(
        "opened" if chief.happening in ("escalated", "resumed", "repeat") else chief.happening,
        newest.site,
        known,
        opened=_rows(conn, telling or ([] if over else group)),
        recovered=_rows(conn, over),
        step=step,
        unanswered=_unanswered(conn, known, newest.person),
        facts=json.loads(chief.facts),
        first=bool(telling) and not before,
    )


def told_before(conn: Connection, person: str) -> frozenset[str]:
    """Return the alarms of which a person has been told by an SMS."""
    query = select(notices.c.alarm).where(
        notices.c.person == person,
        notices.c.happening.in_(TELLING),
        notices.c.sms.is_not(None),
        notices.c.alarm != "",
    )
    return frozenset(conn.execute(query.distinct()).scalars())


def _unanswered(conn: Connection, known: Alarm, person: str) -> tuple[str, ...]:
    """Return who was told by an SMS that left, and has not answered."""
    told = (
        select(notices.c.person)
        .join(sms, sms.c.id == notices.c.sms)
        .where(
            notices.c.alarm == known.id,
            notices.c.happening.in_(TELLING),
            sms.c.state.in_(("handed", "sent")),
        )
        .order_by(notices.c.id)
    )
    answered = select(alarm_answers.c.person).where(alarm_answers.c.alarm == known.id)
    gone = {person, *conn.execute(answered).scalars()}
    found = dict.fromkeys(conn.execute(told).scalars())
    return tuple(each for each in found if each not in gone)


def _rows(conn: Connection, group: Iterable[Row[Any]]) -> tuple[ExcursionRow, ...]:
    ids = dict.fromkeys(row.excursion for row in group)
    return tuple(row for id_ in ids if (row := get(conn, id_)) is not None)


class Saying:
    """Words for what the outbox tells."""

    def __init__(self, settings: HubSettings, wording: Wording) -> None:
        self._names = {person.id: person.name for person in settings.people}
        self._sites = [site.id for site in settings.sites]
        self._wording = wording

    def say(self, conn: Connection, person: Person, matters: Sequence[Matter], now: int) -> str:
        """Return one text that speaks of all these matters: alarms, or one other happening."""
        if matters[0].alarm is None:
            return self._other(conn, person, matters, now)
        if len(matters) == 1:
            return self._alarm(conn, person, matters[0], now)
        others = [each for each in matters if each.happening != "answered"]
        if len(others) == 1:
            return self._alarm(conn, person, others[0], now)
        # Where all that there is to say is that others answer, the first of them stands for all.
        if not others:
            return self._alarm(conn, person, matters[0], now)
        steps = {each.step for each in others}
        opened = [row for each in others for row in each.opened if not each.recovered]
        return self._wording.storm(
            conn,
            person,
            opened,
            [row for each in others for row in each.recovered],
            now,
            step=steps.pop() if len(steps) == 1 else "first",
            unanswered=self._named(
                dict.fromkeys(person for each in others for person in each.unanswered)
            ),
        )

    def _alarm(self, conn: Connection, person: Person, one: Matter, now: int) -> str:
        """Speak of one alarm."""
        assert one.alarm is not None
        words, code = self._wording, one.alarm.code
        if one.happening == "answered":
            return words.answered(conn, person, self._name(one.facts["by"]), one.opened, now)
        if one.happening == "work-over" and not one.recovered:
            return words.work_over(conn, person, one.opened, now, code=code)
        if one.happening == "unreachable" and not one.recovered:
            missed, reason = [self._name(one.facts["missed"])], one.facts["reason"]
            return words.unreachable(
                conn, person, missed, reason, one.opened, now, sites=[one.site], code=code
            )
        resumed = one.step == "resumed" and one.alarm.answered_at is not None
        return words.text(
            conn,
            person,
            one.opened,
            one.recovered,
            now,
            step=one.step,
            unanswered=self._named(one.unanswered),
            answered_by=self._name(one.alarm.answered_by) if resumed else "",
            answered_at=one.alarm.answered_at if resumed else None,
            code=code if one.opened else "",
        )

    def _other(self, conn: Connection, person: Person, matters: Sequence[Matter], now: int) -> str:
        """Speak of something that is no alarm, at one site or several."""
        one = matters[-1]
        sites = list(dict.fromkeys(each.site for each in matters if each.site))
        if one.happening == "all-well":
            return self._wording.all_well(conn, person, sites, now, ways=_ways(one.facts))
        if one.happening == "way-test":
            return self._wording.way_test(person, sites, now)
        if one.happening == "unreachable":
            missed = self._missed(matters)
            reasons = {each.facts["reason"] for each in matters}
            reason = reasons.pop() if len(reasons) == 1 else ""
            return self._wording.unreachable(conn, person, missed, reason, (), now, sites=sites)
        if one.happening == "unconfirmed":
            channels = {each.facts["channel"] for each in matters}
            channel = channels.pop() if len(channels) == 1 else ""
            return self._wording.unconfirmed(person, sites, self._missed(matters), channel, now)
        # A caretaker of the hub has no site of their own: it concerns all of them.
        sites = self._wording.sites_of(person.id) or list(self._sites)
        if one.happening == "channel-poor":
            ways = [Way(each.facts["channel"], each.facts["need"]) for each in matters]
            return self._wording.channel_poor(person, sites, ways, now)
        return self._wording.channel(
            person,
            sites,
            now,
            failing=one.happening == "channel-failing",
            since=one.facts["since"],
            channel=one.facts["channel"],
            instead=one.facts["instead"],
            reason=one.facts["reason"],
        )

    def _missed(self, matters: Sequence[Matter]) -> list[str]:
        """Return the names of those whom these matters say are missed, each once."""
        return self._named(dict.fromkeys(each.facts["missed"] for each in matters))

    def _name(self, person: str) -> str:
        return self._names.get(person, person)

    def _named(self, people: Iterable[str]) -> list[str]:
        return [self._name(each) for each in people]


def _ways(facts: Mapping[str, Any]) -> list[Way]:
    return [Way(channel, wrong) for channel, wrong in facts.get("ways", ())]


def params_of(
    settings: HubSettings, person: Person, matters: Sequence[Matter], text: str
) -> dict[str, str]:
    """Return the message in pieces, for gateways that send approved templates only.

    ``happening``, ``language`` and ``text`` always; ``site`` and ``asset`` by their names, and
    ``code``, where the message speaks of one.
    """
    one, language = matters[0], person.language
    pieces = {"happening": one.happening, "language": language, "text": text}
    site = next((each for each in settings.sites if each.id == one.site), None)
    if site is not None:
        pieces["site"] = getattr(site.name, language)
        if one.alarm is not None:
            id_ = one.alarm.asset.partition("/")[2]
            names = {asset.id: getattr(asset.name, language) for asset in site.assets}
            pieces |= {"asset": names.get(id_, id_), "code": code_of(one.alarm.id)}
    return pieces
