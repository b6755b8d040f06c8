"""Making alarms of the journal's entries, one by one as they come or all of them anew.

``excursion.*`` collects, ``alarm.acknowledged`` and ``alarm.explained`` answer, ``alarm.ended`` ends
what nothing else would. Nothing but the entries and the rows before decides a row.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from hub.tables import alarm_answers, alarm_excursions, alarm_turns, alarms, notices
from journal import journal, projections
from journal.database import require_write
from journal.excursions import CALIBRATION, FAMILY, LOST_CONTACT, MISPLACED, ExcursionRow
from journal.journal import Entry

ACKNOWLEDGED: Final = "alarm.acknowledged"
EXPLAINED: Final = "alarm.explained"
ENDED: Final = "alarm.ended"

# An acknowledgement holds so long, if it does not get worse before (design.md, "Alarms").
ANSWER_HOLDS_MS: Final = 30 * 60_000
# A thread that has closed and is never heard of again (its rule was taken away, its stream ended)
# keeps its alarm together for so long.
STALE_MS: Final = 86_400_000

# A sum that falls is no news: such an excursion alone does not keep an alarm open.
CUMULATIVE: Final = "cumulative"
# How an excursion closes of which nothing will ever say that it has recovered.
_NOBODY_KNOWS: Final = frozenset({"rule-changed", "probe-lost"})
# What only forecasts, or doubts a probe: the excursion itself is worse.
_FORECASTS: Final = frozenset({"rate", "disagreement", "stuck"})


class Answerable(Protocol):
    """What is asked of an alarm to know whether its answer holds; times of the hub's clock."""

    @property
    def answered_at(self) -> int | None:
        """When the answer came that holds now, or held last."""

    @property
    def worsened_at(self) -> int | None:
        """When it last got worse."""

    @property
    def recovered_at(self) -> int | None:
        """When it was over."""


def collect(conn: Connection, row: ExcursionRow, happening: str) -> None:
    """Bring the alarms up to a step of an excursion, within the transaction of its entry."""
    require_write(conn)
    position = getattr(row, f"{happening}_entry")
    (entry,) = journal.entries(conn, after=position - 1, limit=1)
    _project_step(conn, entry)


def _project_step(conn: Connection, entry: Entry) -> None:
    body = entry.body
    happening = entry.type.removeprefix(FAMILY)
    if happening == "opened":
        if body["rule"]["tells"]:
            _opened(conn, entry)
        return
    if happening == "recovered":
        _recovered(conn, alarm_excursions.c.thread == body["thread"], entry, entry.subject)
        return
    row = conn.execute(
        select(alarm_excursions).where(alarm_excursions.c.excursion == entry.subject)
    ).one_or_none()
    if row is None:
        return
    mine = alarm_excursions.c.excursion == entry.subject
    if happening == "confirmed":
        values = {"certain_at": entry.at, "gravity": row.gravity | 1}
        conn.execute(update(alarm_excursions).where(mine).values(values))
        worsened = update(alarms).where(alarms.c.id == row.alarm)
        conn.execute(worsened.values(worsened_at=entry.at))
    elif body["reason"] in _NOBODY_KNOWS:
        conn.execute(update(alarm_excursions).where(mine).values(closed_at=entry.at))
        _recovered(conn, alarm_excursions.c.thread == row.thread, entry, "")
    else:
        conn.execute(update(alarm_excursions).where(mine).values(closed_at=entry.at))
    turn(conn, row.alarm)


def _opened(conn: Connection, entry: Entry) -> None:
    body = entry.body
    asset, _, quantity = body["series"].split("/")
    kind, rule = body["kind"], body["rule"]
    what = {
        "site": body["site"],
        "asset": f"{body['site']}/{asset}",
        "quantity": quantity,
        "side": kind if kind in (CALIBRATION, MISPLACED) else body["side"],
    }
    gravity = _gravity(kind, holds=rule["holds"], certain=body["certainty"] == "certain")
    known = _under_way(conn, what, entry)
    fresh = worse = True
    if known is None:
        id_ = body["id"]
        values = dict.fromkeys(alarms.columns.keys()) | what
        values |= {"id": id_, "opened_at": entry.at, "happened_at": body["opened"], "ended_by": ""}
        empty = ("answered_by", "answered_way", "explained_by", "reason", "action", "text")
        conn.execute(insert(alarms).values(values | dict.fromkeys(empty, "")))
    else:
        id_ = known
        others = conn.execute(
            select(alarm_excursions.c.thread, alarm_excursions.c.gravity).where(
                alarm_excursions.c.alarm == id_
            )
        ).all()
        # A link that comes and goes is one story until it has held for ten minutes.
        fresh = kind != LOST_CONTACT and body["thread"] not in {row.thread for row in others}
        # Another rule that holds stock, or one that says more than all before it.
        worse = fresh and (rule["holds"] or gravity > max(row.gravity for row in others))
        if worse:
            mine = alarms.c.id == id_
            conn.execute(update(alarms).where(mine).values(worsened_at=entry.at))
    member = {
        "excursion": body["id"],
        "alarm": id_,
        "thread": body["thread"],
        "kind": kind,
        "opened_at": entry.at,
        "fresh": fresh,
        "gravity": gravity,
        "worse": worse,
    }
    conn.execute(insert(alarm_excursions).values(member))
    turn(conn, id_)


def _gravity(kind: str, *, holds: bool, certain: bool) -> int:
    """Order what an excursion says: a forecast, out of range, stock on hold; certain or not."""
    return (0 if kind in _FORECASTS else 4 if holds else 2) + certain


def _under_way(conn: Connection, what: dict[str, Any], entry: Entry) -> str | None:
    """Return the alarm that this excursion continues; one that nobody will ever end, is ended."""
    query = select(alarms.c.id).where(
        *(alarms.c[name] == value for name, value in what.items()),
        alarms.c.recovered_at.is_(None),
    )
    id_ = conn.execute(query.order_by(alarms.c.opened_at.desc()).limit(1)).scalar()
    if id_ is None:
        return None
    query = select(
        func.count().filter(alarm_excursions.c.closed_at.is_(None)),
        func.max(alarm_excursions.c.closed_at),
        func.count().filter(alarm_excursions.c.thread == entry.body["thread"]),
    ).where(alarm_excursions.c.alarm == id_)
    still_open, closed_at, same = conn.execute(query).one()
    if still_open or same or entry.at - closed_at < STALE_MS:
        return str(id_)
    _over(conn, str(id_), entry.at, "")
    return None


def _recovered(conn: Connection, which: Any, entry: Entry, by: str) -> None:
    """Note that a thread has recovered, and end the alarms that nothing keeps open any more."""
    found = select(alarm_excursions.c.alarm).where(which).distinct()
    ids = list(conn.execute(found).scalars())
    values = {
        "recovered_at": entry.at,
        "closed_at": func.coalesce(alarm_excursions.c.closed_at, entry.at),
    }
    unrecovered = alarm_excursions.c.recovered_at.is_(None)
    conn.execute(update(alarm_excursions).where(which, unrecovered).values(values))
    for id_ in ids:
        mine = alarm_excursions.c.alarm == id_
        rows = conn.execute(select(alarm_excursions).where(mine)).all()
        keeping = [row for row in rows if row.kind != CUMULATIVE] or rows
        if all(row.recovered_at is not None for row in keeping):
            _over(conn, id_, entry.at, by)


def _over(conn: Connection, id_: str, at: int, by: str) -> None:
    mine = (alarms.c.id == id_) & alarms.c.recovered_at.is_(None)
    conn.execute(update(alarms).where(mine).values(recovered_at=at, ended_by=by))
    turn(conn, id_)


def turn(conn: Connection, alarm_id: str, next_at: int | None = 0) -> None:
    """Have an alarm's escalation looked at again: at once, at that time, or (None) never."""
    mine = alarm_turns.c.alarm == alarm_id
    if next_at is None:
        conn.execute(delete(alarm_turns).where(mine))
    elif not conn.execute(update(alarm_turns).where(mine).values(next_at=next_at)).rowcount:
        conn.execute(insert(alarm_turns).values(alarm=alarm_id, next_at=next_at))


def end(conn: Connection, alarm_id: str, members: Iterable[str], reason: str, now: int) -> None:
    """Enter that nothing will ever say of these excursions that they have recovered.

    Where they are all that keeps the alarm open, it is over, and nobody is told that it recovered.
    """
    body = {"reason": reason, "excursions": sorted(members)}
    entry = journal.append(conn, at=now, actor="hub", type=ENDED, subject=alarm_id, body=body)
    _project_end(conn, entry)


def _project_end(conn: Connection, entry: Entry) -> None:
    _recovered(conn, alarm_excursions.c.excursion.in_(entry.body["excursions"]), entry, "")


# --- answers ---


def project_answer(conn: Connection, entry: Entry) -> None:
    """Take an answer into its alarm, within the transaction of its entry."""
    known = conn.execute(select(alarms).where(alarms.c.id == entry.subject)).one_or_none()
    if known is None:
        return
    body = entry.body
    values: dict[str, Any] = {}
    if entry.type == EXPLAINED:
        values = {name: body[name] for name in ("reason", "action", "text")}
        values |= {"explained_at": entry.at, "explained_by": body["person"]}
    elif not answer_holds(known, entry.at):
        values = {"answered_at": entry.at, "answered_by": body["person"]}
        values |= {"answered_way": body["way"]}
    if values:
        conn.execute(update(alarms).where(alarms.c.id == known.id).values(values))
    row = {
        "entry": entry.position,
        "alarm": known.id,
        "kind": entry.type.removeprefix("alarm."),
        "at": entry.at,
        "person": body["person"],
        "way": body["way"],
    }
    if entry.type == ACKNOWLEDGED or (body["reason"] and body["action"]):
        conn.execute(insert(alarm_answers).values(row))
    turn(conn, known.id)


def answer_holds(known: Row[Any] | Answerable, at: int) -> bool:
    """Whether the answer that the alarm has holds then: for half an hour, unless it worsens.

    Of one that is over the last answer holds for good: a second one is not the first.
    """
    if known.answered_at is None:
        return False
    worse = known.worsened_at is not None and known.worsened_at > known.answered_at
    return not worse and (
        known.recovered_at is not None or at - known.answered_at < ANSWER_HOLDS_MS
    )


# --- making it again ---


def rebuild(conn: Connection) -> int:
    """Make the projection again from the journal alone; return how many alarms it has.

    Of the outbox it only forgets when each open alarm has to be looked at: at once, then.
    """
    require_write(conn)
    for table in (alarm_turns, alarm_answers, alarm_excursions, alarms):
        conn.execute(delete(table))
    families = (journal.entries(conn, types=family) for family in (FAMILY, "alarm."))
    for entry in heapq.merge(*families, key=lambda entry: entry.position):
        if entry.type.startswith(FAMILY):
            _project_step(conn, entry)
        elif entry.type == ENDED:
            _project_end(conn, entry)
        elif entry.type in (ACKNOWLEDGED, EXPLAINED):
            project_answer(conn, entry)
    is_open = select(alarms.c.id).where(alarms.c.recovered_at.is_(None))
    conn.execute(delete(alarm_turns).where(alarm_turns.c.alarm.not_in(is_open)))
    return int(conn.execute(select(func.count()).select_from(alarms)).scalar_one())


def take_over(conn: Connection) -> None:
    """Make the alarms of a database in which there were none yet: that of an earlier version."""
    if conn.execute(select(alarms.c.id).limit(1)).first() is not None:
        return
    if rebuild(conn):
        of = (
            select(alarm_excursions.c.alarm)
            .where(alarm_excursions.c.excursion == notices.c.excursion)
            .scalar_subquery()
        )
        conn.execute(
            update(notices).where(notices.c.alarm == "").values(alarm=func.coalesce(of, ""))
        )


projections.register("alarms", rebuild, alarms, alarm_excursions, alarm_answers)
