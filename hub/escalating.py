"""From alarms to notices: what the escalation says is due becomes rows of the outbox.

A row is unique by excursion, happening, step and person, so looking again changes nothing; what
follows from an alarm follows from its rows and the settings alone, whoever asks and when.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, not_, select

from alerts.by_day import by_day, waits
from alerts.escalation import AlarmFacts, Answer, Due, Opening, Policy, Span, answered, schedule
from hub.alarms import (
    ANSWER_HOLDS_MS,
    CUMULATIVE,
    EXPLANATION_HOLDS_MS,
    turn,
)
from hub.chains import Chains
from hub.tables import alarm_answers, alarm_excursions, alarm_turns, alarms, notices, sms
from journal import journal, work
from journal.excursions import CALIBRATION

log = logging.getLogger(__name__)

# Happenings that tell a person of an alarm; whoever got one hears of its end.
TELLING: Final = frozenset(
    {"opened", "work-over", "resumed", "escalated", "repeat", "unreachable", "covered"}
)

# Why somebody was not reached: what every channel says, or what one reports, or does not, of what it
# has sent; or there was no channel that took it.
REFUSED: Final = "number refused"
NOT_DELIVERED: Final = "not delivered"
NO_REPORT: Final = "no delivery report"
NO_WAY_OUT: Final = "no way out"


@dataclass(slots=True)
class Escalated:
    """What a round of the escalation did.

    Attributes:
        notices: how many became due.
        covered: SMS that, as it turned out, had told of a further excursion already.
    """

    notices: int = 0
    covered: set[str] = field(default_factory=set)


def escalate(conn: Connection, chains: Chains, now: int) -> Escalated:
    """Make the notices of every alarm whose turn it is, in the caller's write transaction."""
    done = Escalated()
    query = (
        select(alarms)
        .join(alarm_turns, alarm_turns.c.alarm == alarms.c.id)
        .where(alarm_turns.c.next_at <= now)
        .order_by(alarms.c.opened_at, alarms.c.id)
    )
    for alarm in conn.execute(query).all():
        next_at = _Alarm(conn, chains, alarm, done).step(now) if alarm.site in chains else None
        turn(conn, alarm.id, next_at)
    return done


def begin_anew(conn: Connection) -> None:
    """Look at every open alarm again: the settings may be others, or what is planned."""
    for id_ in conn.execute(select(alarms.c.id).where(alarms.c.recovered_at.is_(None))).scalars():
        turn(conn, id_)


class _Alarm:
    """One alarm on its turn."""

    def __init__(self, conn: Connection, chains: Chains, alarm: Row[Any], done: Escalated) -> None:
        self._conn = conn
        self._chains = chains
        self._alarm = alarm
        self._done = done
        self._policy: Policy = chains.policy(alarm.site)
        members = select(alarm_excursions).where(alarm_excursions.c.alarm == alarm.id)
        self._members = conn.execute(members.order_by(alarm_excursions.c.opened_at)).all()
        given = select(alarm_answers).where(alarm_answers.c.alarm == alarm.id)
        # Earlier versions took words of an SMS for what was done; such a text holds for nothing.
        guessed = (alarm_answers.c.kind == "explained") & (alarm_answers.c.way == "sms")
        given = given.where(not_(guessed))
        self._answers = conn.execute(given.order_by(alarm_answers.c.entry)).all()
        mine = select(notices).where(notices.c.alarm == alarm.id).order_by(notices.c.id)
        rows = conn.execute(mine).all()
        self._there = {(row.excursion, row.happening, row.step, row.person) for row in rows}
        # Who was told, by which SMS last, and since when.
        self._told: dict[str, str | None] = {}
        self._since: dict[str, int] = {}
        for row in rows:
            if row.happening in TELLING and row.person:
                self._told[row.person] = row.sms or self._told.get(row.person)
                self._since.setdefault(row.person, row.created_at)

    def step(self, now: int) -> int | None:
        """Insert what is due; return when to look again."""
        facts = self.facts()
        alarm = self._alarm
        kind = self._members[0].kind if self._members else ""
        if waits(kind, alarm.quantity, alarm.side):
            zone, silent = self._chains.zone(alarm.site), kind == "silence"
            found = by_day(self._policy, facts, zone, now, silent=silent)
        else:
            found = schedule(self._policy, facts, now)
        for due in found.due:
            if due.happening == "covered":
                self._cover(due)
            else:
                self._tell(due)
        self._say_who_answered(facts)
        if self._alarm.recovered_at is not None:
            self._say_that_it_is_over()
        return found.next_at

    # --- what is known ---

    def facts(self) -> AlarmFacts:
        """Return what is known of it by now."""
        alarm = self._alarm
        fresh = [row for row in self._members if row.fresh and row.excursion != alarm.id]
        worsened = {row.opened_at for row in fresh if row.worse}
        worsened |= {row.certain_at for row in self._members if row.certain_at is not None}
        spans = [
            Span(each.begin, each.over_at)
            for each in work.planned(self._conn, asset=alarm.asset)
            # What happened before the work began is not of its making, however late it is learned.
            if alarm.happened_at >= each.begin or alarm.opened_at < each.begin
        ]
        return AlarmFacts(
            alarm.id,
            alarm.opened_at,
            late_ms=max(0, alarm.opened_at - alarm.happened_at),
            openings=tuple(Opening(row.excursion, row.opened_at) for row in fresh),
            worsened=tuple(sorted(worsened)),
            answers=tuple(_answer(row) for row in self._answers),
            inside=tuple(_inside(self._members)),
            works=tuple(spans),
            recovered_at=alarm.recovered_at,
        )

    # --- what follows ---

    def _tell(self, due: Due) -> None:
        # Somebody must see that nobody was told: a notice to nobody ends as refused.
        nobody = {"": due.steps[-1]}
        people = self._chains.people_by_step(self._alarm.site, due.steps, due.at) or nobody
        for excursion in due.excursions:
            for person, step in people.items():
                channels = ",".join(self._policy[step].channels)
                self._insert(excursion, due.happening, due.key, person, due.at, channels=channels)

    def _cover(self, due: Due) -> None:
        """Note that those who know of the alarm need no word of this rule."""
        (excursion,) = due.excursions
        for person, known in list(self._told.items()):
            # What is still waiting to be worded speaks of this as well.
            happening = "covered" if known is not None else "opened"
            if self._insert(excursion, happening, "", person, due.at, sms=known) and known:
                self._done.covered.add(known)

    def _say_who_answered(self, facts: AlarmFacts) -> None:
        """Tell the others that somebody has taken it on, once for each time that it is taken on."""
        before: list[Answer] = []
        for row in self._answers:
            taken_on = not answered(replace(facts, answers=tuple(before)), row.at)
            before.append(_answer(row))
            over = facts.recovered_at is not None and facts.recovered_at <= row.at
            if row.kind != "acknowledged" or not taken_on or over:
                continue
            about = {"by": row.person, "at": row.at}
            those = {each.person for each in self._answers if each.at <= row.at}
            told = [person for person, since in self._since.items() if since <= row.at]
            for person in told:
                if person not in those:
                    self._insert(facts.id, "answered", str(row.entry), person, row.at, facts=about)

    def _say_that_it_is_over(self) -> None:
        alarm = self._alarm
        if not alarm.ended_by or alarm.side == CALIBRATION:
            return  # its rule is gone, or whoever wrote the new certificate knows
        if all(row.kind == CUMULATIVE for row in self._members):
            return  # a window's sum that falls is no news: the fridge has been inside for hours
        for person in list(self._told):
            self._insert(alarm.ended_by, "recovered", "", person, alarm.recovered_at)

    def _insert(
        self,
        excursion: str,
        happening: str,
        step: str,
        person: str,
        at: int,
        *,
        channels: str = "",
        sms: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> bool:
        """Add a notice that is not there yet; return whether it was not."""
        key = (excursion, happening, step, person)
        if key in self._there:
            return False
        self._there.add(key)
        alarm = self._alarm
        row = {
            "excursion": excursion,
            "happening": happening,
            "step": step,
            "person": person,
            "site": alarm.site,
            "asset": alarm.asset,
            "side": alarm.side,
            "created_at": at,
            "sms": sms,
            "alarm": alarm.id,
            "facts": json.dumps(dict(facts or {})),
            "channels": channels,
        }
        self._conn.execute(insert(notices).values(row))
        if happening in TELLING and person:
            self._told.setdefault(person, sms)
            self._since.setdefault(person, at)
        self._done.notices += sms is None
        return True


def _answer(row: Row[Any]) -> Answer:
    holds_ms = ANSWER_HOLDS_MS if row.kind == "acknowledged" else EXPLANATION_HOLDS_MS
    return Answer(row.at, holds_ms)


def _inside(members: Iterable[Row[Any]]) -> list[Span]:
    """Return when nothing in an alarm was open, though not for long enough to have recovered."""
    rows = list(members)
    rows = [row for row in rows if row.kind != CUMULATIVE] or rows
    changes = sorted(
        [(row.opened_at, 1) for row in rows]
        + [(row.closed_at, -1) for row in rows if row.closed_at is not None],
        # What closes and what opens at one instant leave no time between.
        key=lambda change: (change[0], -change[1]),
    )
    spans: list[Span] = []
    open_, since = 0, None
    for at, change in changes:
        if open_ + change == 0:
            since = at
        elif open_ == 0 and since is not None:
            spans.append(Span(since, at))
            since = None
        open_ += change
    return [*spans, Span(since, None)] if since is not None else spans


# --- somebody who cannot be reached ---


def nobody_reached(conn: Connection, chains: Chains, row: Row[Any], reason: str, now: int) -> int:
    """Tell somebody else what an SMS did not get through to a person; return the new notices.

    For each alarm in it the next one who was not told yet is told, or else somebody who was, that
    this person could not be; once for each alarm and person. Nobody is for what somebody else knows
    and that is over, nor, by a delivery report, for what somebody has taken on; if such an answer
    ends, that stands in no way of telling it then.

    Args:
        conn: the caller's write transaction.
        chains: of the sites.
        row: of the table `sms`.
        reason: why, one of those that the words know or as the channel says it.
        now: the hub's clock.
    """
    conn.execute(sms.update().where(sms.c.id == row.id).values(unreachable_at=now))
    carried = conn.execute(select(notices).where(notices.c.sms == row.id)).all()
    matters: dict[str, Row[Any]] = {}
    for notice in carried:
        tells = notice.happening in TELLING if notice.alarm else notice.happening == "way-test"
        if tells and notice.site in chains:
            matters.setdefault(notice.alarm or notice.excursion, notice)
    made = 0
    for id_, notice in matters.items():
        mine = notices.c.alarm == id_ if notice.alarm else notices.c.excursion == id_
        there = conn.execute(select(notices).where(mine).order_by(notices.c.id)).all()
        step = f"-{row.person}"
        if any(each.happening == "unreachable" and each.step == step for each in there):
            continue
        if notice.alarm and _in_hand(conn, chains, notice, reason, now):
            continue
        told = list(dict.fromkeys(each.person for each in there if each.person))
        instead = chains.instead_of(notice.site, row.person, told, now) if notice.alarm else None
        if instead is None:
            instead = _reachable(conn, chains, notice, told, now)
        if instead is None:
            fields = {"event": "nobody-reached", "person": row.person, "alarm": id_}
            log.error("nobody can be told instead of %s", row.person, extra=fields)
            journal.append(
                conn, at=now, actor="hub", type="notice.nobody", subject=id_,
                body={"person": row.person, "reason": reason},
            )  # fmt: skip
            continue
        about = {"missed": row.person, "reason": reason}
        values = {
            "excursion": id_, "happening": "unreachable", "step": step, "person": instead,
            "site": notice.site, "asset": notice.asset, "side": notice.side, "created_at": now,
            "alarm": notice.alarm, "facts": json.dumps(about, ensure_ascii=False), "channels": "",
        }  # fmt: skip
        conn.execute(insert(notices).values(values))
        made += 1
    return made


def _in_hand(conn: Connection, chains: Chains, notice: Row[Any], reason: str, now: int) -> bool:
    """Whether nobody need be woken instead of somebody whom a notice did not reach."""
    alarm = conn.execute(select(alarms).where(alarms.c.id == notice.alarm)).one_or_none()
    if alarm is None:
        return False
    by_report = reason in (NOT_DELIVERED, NO_REPORT)
    if alarm.recovered_at is None:
        # A report comes late: by then the others have had their time to answer.
        facts = _Alarm(conn, chains, alarm, Escalated()).facts()
        return by_report and answered(facts, now)
    if reason == NO_REPORT:
        return True
    # What is over may have put stock on hold: somebody must have heard of it.
    heard = (
        select(notices.c.id)
        .join(sms, sms.c.id == notices.c.sms)
        .where(
            notices.c.alarm == alarm.id,
            notices.c.happening.in_(TELLING),
            notices.c.person != notice.person,
            sms.c.state == "sent",
            sms.c.unreachable_at.is_(None),
        )
    )
    return conn.execute(heard.limit(1)).first() is not None


def _reachable(
    conn: Connection, chains: Chains, notice: Row[Any], told: list[str], now: int
) -> str | None:
    """Return somebody who was told, or is told first, and of whom nothing says that they were not."""
    lost = select(sms.c.person).where(sms.c.unreachable_at > now - ANSWER_HOLDS_MS)
    # Whoever is missed now is among them.
    gone = set(conn.execute(lost).scalars())
    people = [*told, *chains.people(notice.site, (0,), now)]
    return next((person for person in people if person not in gone), None)
