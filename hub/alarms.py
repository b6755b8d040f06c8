"""Alarms: what people are told of, and answer. A projection of the journal.

An alarm begins with the first excursion that tells people of one (asset, quantity, side) and
collects every further one of the same until all have recovered; its id is that of the excursion
that began it. It is made of the entries ``excursion.*``, ``alarm.acknowledged`` and
``alarm.explained``, in their transactions, and can be made again from them (`rebuild`).

Times are of the hub's clock, UTC milliseconds: that is when people can be told and can answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from alerts.codes import code_of
from hub.tables import alarm_answers, alarm_excursions, alarm_turns, alarms, notices
from journal import journal, projections
from journal.database import require_write
from journal.excursions import CALIBRATION, FAMILY, LOST_CONTACT, MISPLACED, ExcursionRow
from journal.journal import Entry

Way = Literal["sms", "console", "command"]
Reason = Literal[
    "door", "defrost", "restocking", "power", "equipment", "probe", "test", "other"
]  # fmt: skip
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

ACKNOWLEDGED: Final = "alarm.acknowledged"
EXPLAINED: Final = "alarm.explained"

# An acknowledgement holds so long, if it does not get worse before (design.md, "Alarms").
ANSWER_HOLDS_MS: Final = 30 * 60_000
# Who has said why and what was done is asked again only in the next shift.
EXPLANATION_HOLDS_MS: Final = 12 * 3_600_000
# The code of an alarm that is over answers it for so long.
ANSWERABLE_FOR_MS: Final = 86_400_000
# A thread that has closed and is never heard of again (its rule was taken away, its stream ended)
# keeps its alarm together for so long.
_STALE_MS: Final = 86_400_000

# A sum that falls is no news: such an excursion alone does not keep an alarm open.
CUMULATIVE: Final = "cumulative"
# What only forecasts, or doubts a probe: the excursion itself is worse.
_FORECASTS: Final = frozenset({"rate", "disagreement", "stuck"})
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


def by_code(conn: Connection, person: str, code: str, now: int) -> list[Alarm]:
    """Return the alarms that this code answers for this person, oldest first.

    Those of which the person was told, that are open or over for less than a day, and of which any
    excursion has the code; and those that the person was told of by one SMS with such an alarm, for
    an SMS that speaks of several bears one code. Two alarms may have the same one.
    """
    mine = (notices.c.person == person) & (notices.c.alarm != "")
    told = select(notices.c.alarm).where(mine)
    living = alarms.c.recovered_at.is_(None) | (alarms.c.recovered_at > now - ANSWERABLE_FOR_MS)
    found = _alarms(conn, select(alarms).where(alarms.c.id.in_(told), living))
    meant = {each.id for each in found if code in {code_of(id_) for id_ in each.excursions}}
    if meant:
        together = select(notices.c.sms).where(mine, notices.c.alarm.in_(meant))
        beside = select(notices.c.alarm).where(mine, notices.c.sms.in_(together)).distinct()
        meant |= set(conn.execute(beside).scalars())
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
    _project_answer(conn, entry)
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

    Repeating the same changes nothing.

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
    _project_answer(conn, entry)
    return _known(conn, alarm_id)


def _known(conn: Connection, alarm_id: str) -> Alarm:
    found = alarm(conn, alarm_id)
    if found is None:
        raise UnknownAlarmError(f"there is no alarm {alarm_id}")
    return found


def _project_answer(conn: Connection, entry: Entry) -> None:
    known = alarm(conn, entry.subject)
    if known is None:
        return
    body = entry.body
    values: dict[str, Any] = {}
    if entry.type == EXPLAINED:
        values = {name: body[name] for name in ("reason", "action", "text")}
        values |= {"explained_at": entry.at, "explained_by": body["person"]}
    elif not _holds(known, entry.at):
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


def _holds(known: Alarm, at: int) -> bool:
    """Whether the answer that the alarm has still holds then: a second one is not the first."""
    if known.answered_at is None:
        return False
    worse = known.worsened_at is not None and known.worsened_at > known.answered_at
    return not worse and (
        known.recovered_at is not None or at - known.answered_at < ANSWER_HOLDS_MS
    )


# --- collecting ---


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
    elif body["reason"] == "rule-changed":
        # Nothing judges it any more, so nothing will ever say that it has recovered.
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
    if still_open or same or entry.at - closed_at < _STALE_MS:
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
        elif entry.type in (ACKNOWLEDGED, EXPLAINED):
            _project_answer(conn, entry)
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
