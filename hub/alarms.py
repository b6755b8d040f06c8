"""Alarms: what people are told of, and answer. A projection of the journal.

An alarm begins with the first excursion that tells people of one (asset, quantity, side) and
collects every further one of the same until all have recovered; its id is that of the excursion
that began it. It is made of the entries ``excursion.*``, ``alarm.acknowledged`` and
``alarm.explained``, in their transactions, and can be made again from them (`hub.collecting`).

Times are of the hub's clock, UTC milliseconds: that is when people can be told and can answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, select

from alerts.answers import REASONS, Reason
from alerts.codes import code_of
from hub.collecting import (
    ACKNOWLEDGED,
    ANSWER_HOLDS_MS,
    CUMULATIVE,
    EXPLAINED,
    STALE_MS,
    collect,
    end,
    project_answer,
    rebuild,
    take_over,
    turn,
)
from hub.device_sms import said_with
from hub.tables import alarm_answers, alarm_excursions, alarms, notices, sms
from journal import journal
from journal.database import require_write

__all__ = [
    "ACKNOWLEDGED",
    "ANSWER_HOLDS_MS",
    "CUMULATIVE",
    "EXPLAINED",
    "REASONS",
    "STALE_MS",
    "Alarm",
    "Reason",
    "UnknownAlarmError",
    "Way",
    "acknowledge",
    "alarm",
    "alarm_of",
    "alarms_open",
    "by_code",
    "collect",
    "end",
    "explain",
    "rebuild",
    "take_over",
    "turn",
    "unexplained",
]

Way = Literal["sms", "console", "command"]

# Who has said why and what was done (never by SMS) is asked again only in the next shift.
EXPLANATION_HOLDS_MS: Final = 12 * 3_600_000
# The code of an alarm that is over answers it for so long.
ANSWERABLE_FOR_MS: Final = 86_400_000
# Too hot or too cold in the sense of the law: somebody has to say why, and what was done.
_STOCK_KINDS: Final = frozenset({"consecutive", CUMULATIVE, "instant"})


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm.

    Attributes:
        id: that of the excursion that began it.
        site: where.
        asset: ``site/asset``; of a device ``site/device``.
        quantity: of its series: a fridge that is warm is another matter than its open door.
        side: ``above``, ``below``, ``silent`` …; ``calibration`` and ``misplaced`` are their own.
        opened_at: when the hub learned of it.
        happened_at: when the rule was fulfilled, on the device's clock.
        excursions: ids, in the order in which they were learned of.
        worsened_at: when it last got worse.
        recovered_at: when it was over; None while it is not.
        answered_at: when it was acknowledged: the first of the answers that hold now, or held last.
        answered_by: by whom; id of a person.
        answered_way: ``sms``, ``console`` or ``command``.
        explained_at: when a reason or an action was last given.
        explained_by: by whom.
        reason: one of REASONS, or empty.
        action: what was done.
        text: more words; those of reason ``other``.
    """

    id: str
    site: str
    asset: str
    quantity: str
    side: str
    opened_at: int
    happened_at: int
    excursions: tuple[str, ...]
    worsened_at: int | None
    recovered_at: int | None
    answered_at: int | None
    answered_by: str
    answered_way: str
    explained_at: int | None
    explained_by: str
    reason: str
    action: str
    text: str

    @property
    def explained(self) -> bool:
        """Whether a reason and an action are given."""
        return bool(self.reason and self.action)

    @property
    def code(self) -> str:
        """The code of the excursion that began it; those of the others answer it as well."""
        return code_of(self.id)


class UnknownAlarmError(LookupError):
    """There is no such alarm."""


# --- asking ---


def alarms_open(conn: Connection, site: str | None = None) -> list[Alarm]:
    """Return the alarms that are not over, oldest first."""
    query = select(alarms).where(alarms.c.recovered_at.is_(None))
    if site is not None:
        query = query.where(alarms.c.site == site)
    return _alarms(conn, query)


def alarm(conn: Connection, id_: str) -> Alarm | None:
    """Return one alarm."""
    found = _alarms(conn, select(alarms).where(alarms.c.id == id_))
    return found[0] if found else None


def alarm_of(conn: Connection, excursion: str) -> Alarm | None:
    """Return the alarm that an excursion belongs to."""
    of = select(alarm_excursions.c.alarm).where(alarm_excursions.c.excursion == excursion)
    found = _alarms(conn, select(alarms).where(alarms.c.id.in_(of)))
    return found[0] if found else None


def by_code(
    conn: Connection, person: str, code: str, now: int, *, told_at: str = ""
) -> list[Alarm]:
    """Return the alarms that this code answers for this person, oldest first.

    Those of which the person was told, that are open or over for less than a day, and of which any
    excursion has the code; and those that the person was told of by one SMS that bears this code,
    ours or a device's own, for an SMS that speaks of several bears one. Two alarms may have the
    same one.

    Args:
        conn: any transaction.
        person: id of who answers.
        code: what they sent.
        now: the hub's clock.
        told_at: a site whose alarms this person counts as told of, whether the hub has told or not.
    """
    mine = (notices.c.person == person) & (notices.c.alarm != "")
    told = select(notices.c.alarm).where(mine)
    living = alarms.c.recovered_at.is_(None) | (alarms.c.recovered_at > now - ANSWERABLE_FOR_MS)
    known = alarms.c.id.in_(told) | (alarms.c.site == told_at)
    found = _alarms(conn, select(alarms).where(known, living))
    meant = {each.id for each in found if code in {code_of(id_) for id_ in each.excursions}}
    if meant:
        # A later SMS may have joined them with others, under another code.
        bearing = (
            select(sms.c.id)
            .join(notices, notices.c.sms == sms.c.id)
            .where(mine, notices.c.alarm.in_(meant), sms.c.text.contains(code))
        )
        # An SMS asks for no answer to what is over, or what somebody else has answered.
        asked = notices.c.sms.in_(bearing) & notices.c.happening.not_in(("answered", "recovered"))
        meant |= set(conn.execute(select(notices.c.alarm).where(mine, asked).distinct()).scalars())
    said = said_with(conn, person, code, dict.fromkeys(each.site for each in found))
    if said:
        meant |= {
            each.id for each in found if any((each.site, id_) in said for id_ in each.excursions)
        }
    return [each for each in found if each.id in meant]


def unexplained(conn: Connection, site: str | None = None) -> list[Alarm]:
    """Return the heat and freeze alarms that are over and lack a reason or an action, oldest first."""
    kinds = select(alarm_excursions.c.alarm).where(alarm_excursions.c.kind.in_(_STOCK_KINDS))
    query = select(alarms).where(
        alarms.c.recovered_at.is_not(None),
        alarms.c.quantity == "temperature",
        alarms.c.side.in_(("above", "below")),
        (alarms.c.reason == "") | (alarms.c.action == ""),
        alarms.c.id.in_(kinds),
    )
    if site is not None:
        query = query.where(alarms.c.site == site)
    return _alarms(conn, query)


def _alarms(conn: Connection, query: Any) -> list[Alarm]:
    rows = conn.execute(query.order_by(alarms.c.opened_at, alarms.c.id)).all()
    members: dict[str, list[str]] = {row.id: [] for row in rows}
    for some in _slices(list(members)):
        mine = (
            select(alarm_excursions.c.alarm, alarm_excursions.c.excursion)
            .where(alarm_excursions.c.alarm.in_(some))
            .order_by(alarm_excursions.c.opened_at, alarm_excursions.c.excursion)
        )
        for member in conn.execute(mine):
            members[member.alarm].append(member.excursion)
    return [_alarm(row, members[row.id]) for row in rows]


def _slices(ids: list[str]) -> Iterable[list[str]]:
    """Yield them in pieces that every SQLite takes as parameters."""
    return (ids[begin : begin + 500] for begin in range(0, len(ids), 500))


def _alarm(row: Row[Any], members: list[str]) -> Alarm:
    # The one that began it first, whatever shared its millisecond.
    ordered = (row.id, *(one for one in members if one != row.id))
    names = [name for name in Alarm.__dataclass_fields__ if name != "excursions"]
    return Alarm(excursions=ordered, **{name: getattr(row, name) for name in names})


# --- answering ---


def acknowledge(conn: Connection, alarm_id: str, *, person: str, way: Way, now: int) -> Alarm:
    """Enter that a person has taken an alarm on, and return it.

    It stops escalation and repeats (alerts/escalation.py says until when). Repeating it while it
    holds enters nothing; another person's is an entry of its own.

    Raises:
        UnknownAlarmError: there is no such alarm.
    """
    require_write(conn)
    known = _known(conn, alarm_id)
    since = max(known.worsened_at or 0, now - ANSWER_HOLDS_MS)
    mine = (alarm_answers.c.alarm == alarm_id) & (alarm_answers.c.person == person)
    holding = select(alarm_answers.c.entry).where(mine)
    if known.recovered_at is None:
        holding = holding.where(alarm_answers.c.at > since)
    if conn.execute(holding.limit(1)).first() is not None:
        return known
    body = {"person": person, "way": way}
    entry = journal.append(
        conn, at=now, actor=person, type=ACKNOWLEDGED, subject=alarm_id, body=body
    )
    project_answer(conn, entry)
    return _known(conn, alarm_id)


def explain(
    conn: Connection,
    alarm_id: str,
    *,
    person: str,
    reason: Reason,
    action: str,
    text: str,
    way: Way,
    now: int,
) -> Alarm:
    """Enter why an alarm came and what was done, and return it; the newest explanation counts.

    Repeating the same changes nothing. What ``probe`` does beyond that: hub/lost_probes.py.

    Raises:
        UnknownAlarmError: there is no such alarm.
        ValueError: another reason than REASONS, or ``other`` without words.
    """
    require_write(conn)
    known = _known(conn, alarm_id)
    if reason not in REASONS:
        raise ValueError(f"{reason!r} is no reason; write one of {', '.join(REASONS)}")
    action, text = action.strip(), text.strip()
    if reason == "other" and not text:
        raise ValueError("the reason `other` needs words; say what it was")
    said = (known.reason, known.action, known.text, known.explained_by)
    if said == (reason, action, text, person):
        return known
    body = {"person": person, "way": way, "reason": reason, "action": action, "text": text}
    entry = journal.append(conn, at=now, actor=person, type=EXPLAINED, subject=alarm_id, body=body)
    project_answer(conn, entry)
    return _known(conn, alarm_id)


def _known(conn: Connection, alarm_id: str) -> Alarm:
    found = alarm(conn, alarm_id)
    if found is None:
        raise UnknownAlarmError(f"there is no alarm {alarm_id}")
    return found
