"""Holds: which parcels nobody may use until a person with the right releases them.

Whatever happened to an asset (an excursion of a rule that holds, unknown time beyond the limit)
happened to the doses that stood in it, and goes with them: moved since, split, met by others, or
entered later. Each parcel that it reaches gets one entry ``ledger.held``; doses that had been
issued by then cannot be held, and get ``ledger.issued-affected``, so that people learn who got
them. A hold stays when its cause turns out shorter than it seemed: only a release ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection, select

from journal.database import require_write
from journal.excursions import ExcursionRow, overlapping
from journal.journal import append
from ledger.custody import Custody, Key, Movement, Parcel, Place, Spread, exposed, spread
from ledger.store import (
    HELD,
    ISSUED_AFFECTED,
    batches_in,
    custody_of,
    holds,
    project,
)

Code = Literal["excursion", "unknown-time"]

ACTOR: Final = "hub"

# An excursion that the hub learns of this long after its opening may be over by now.
LATE_MS: Final = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Cause:
    """What holds.

    Attributes:
        id: of the excursion; of unknown time ``unknown:<asset>:<start>``.
        code: ``excursion`` or ``unknown-time``.
        asset: where it happened.
        start: from when on doses standing there share it.
        end: until when; None: still.
    """

    id: str
    code: Code
    asset: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Hold:
    """One parcel on hold for one cause, or issued doses that can no longer be held.

    Attributes:
        position: of its journal entry.
        cause: id of the cause (of the excursion, where ``code`` says so).
        code: ``excursion`` or ``unknown-time``.
        batch: ``product/lot``.
        parcel: the parcel; of issued doses the one that they left.
        place: where it stood then.
        doses: how many.
        issued: whether the doses had left already.
        movement: of issued doses: position of the entry that gave them away.
        recipient: of issued doses: who got them, as far as it was said.
        exposed_asset: where it happened.
        exposed_from: from when on.
        exposed_to: until when, as known then; None: still.
        since: from when on the parcel may have affected doses in it.
        at: when it was entered.
    """

    position: int
    cause: str
    code: Code
    batch: str
    parcel: str
    place: Place
    doses: int
    issued: bool
    movement: int | None
    recipient: str
    exposed_asset: str
    exposed_from: int
    exposed_to: int | None
    since: Key
    at: int


def excursion_cause(excursion: ExcursionRow) -> Cause:
    """Return what an excursion does to the doses in its asset, from its back-dated start on."""
    return Cause(excursion.id, "excursion", excursion.asset, excursion.start, excursion.end)


def holds_of(conn: Connection, batch: str) -> list[Hold]:
    """Return every hold that was ever entered for a batch, oldest first."""
    query = select(holds).where(holds.c.batch == batch).order_by(holds.c.position)
    return [_hold(row) for row in conn.execute(query)]


def listing(conn: Connection, *, after: int = 0) -> list[Hold]:
    """Return the holds of all batches entered behind a journal position, oldest first."""
    query = select(holds).where(holds.c.position > after).order_by(holds.c.position)
    return [_hold(row) for row in conn.execute(query)]


def _hold(row: Any) -> Hold:
    return Hold(
        row.position,
        row.cause,
        row.code,
        row.batch,
        row.parcel,
        Place(row.asset, row.label),
        row.doses,
        row.issued,
        row.movement,
        row.recipient,
        row.exposed_asset,
        row.exposed_from,
        row.exposed_to,
        Key(row.since, row.since_position),
        row.at,
    )


def hold_overlapping(conn: Connection, excursion: ExcursionRow, *, at: int) -> list[Hold]:
    """Hold every parcel that an excursion reaches, in the caller's write transaction.

    To be called with each step of an excursion whose rule holds; repeating it enters nothing twice.

    Of an excursion that is learned late and has not ended as far as is known (a link that was cut
    delivers in pieces), only the time up to its opening is certain. Doses that came later are
    held when it closes, if it lasted so long; until then their verdict keeps them here, without
    a hold that somebody would have to release.

    Args:
        conn: the transaction in which the excursion was applied.
        excursion: as it is now.
        at: the hub's clock.

    Returns:
        What was entered now: holds, and with ``issued`` set what had left already.
    """
    require_write(conn)
    if not excursion.holds:
        return []
    cause = excursion_cause(excursion)
    if cause.end is None and at - excursion.opened > LATE_MS:
        cause = replace(cause, end=max(excursion.opened, excursion.start + 1))
    found: list[Hold] = []
    for batch in batches_in(conn, cause.asset, cause.start, cause.end):
        found += hold_batch(conn, batch, at=at, causes=[cause])
    return found


def hold_batch(
    conn: Connection, batch: str, *, at: int, causes: Sequence[Cause] | None = None
) -> list[Hold]:
    """Enter the holds that a batch should have and has not; return those.

    Args:
        conn: the caller's write transaction.
        batch: ``product/lot``.
        at: the hub's clock.
        causes: what to look at; None: everything that is known.
    """
    require_write(conn)
    custody = custody_of(conn, batch)
    entered = holds_of(conn, batch)
    parcels = {(hold.cause, hold.parcel) for hold in entered if not hold.issued}
    movements = {(hold.cause, hold.movement) for hold in entered if hold.issued}
    found = []
    for cause, reach in reaches(conn, custody, entered, causes):
        for parcel in custody.standing():
            if parcel.id in reach.parcels and (cause.id, parcel.id) not in parcels:
                found.append(_enter_parcel(conn, batch, cause, parcel, reach, at))
        for flow in custody.flows:
            movement = flow.movement
            if movement in reach.issued and (cause.id, movement.position) not in movements:
                assert flow.source is not None
                found.append(_enter_issued(conn, batch, cause, flow.source, movement, at))
    return found


def reaches(
    conn: Connection,
    custody: Custody,
    entered: Iterable[Hold],
    causes: Sequence[Cause] | None = None,
) -> list[tuple[Cause, Spread]]:
    """Return for each cause which parcels it reaches.

    Both ways count: what the excursions on record say now, and what was held before. So a hold
    that was entered stays with its doses although its cause shrank (an excursion that seemed
    open had ended, late readings filled a hole).
    """
    stuck: dict[str, list[Hold]] = {}
    for hold in entered:
        if not hold.issued:
            stuck.setdefault(hold.cause, []).append(hold)
    result = []
    looked_at = _excursions_met(conn, custody) if causes is None else causes
    live = {cause.id: cause for cause in looked_at}
    for cause in live.values():
        seeds = exposed(custody, cause.asset, cause.start, cause.end)
        result.append((cause, spread(custody, _with(seeds, custody, stuck.get(cause.id, [])))))
    if causes is None:
        for cause_id, kept in stuck.items():
            if cause_id not in live:
                result.append((_cause_of(kept[0]), spread(custody, _with({}, custody, kept))))
    return result


def _with(seeds: dict[str, Key], custody: Custody, kept: Iterable[Hold]) -> dict[str, Key]:
    """Add the parcels in which the doses of earlier holds stood when they were held."""
    for hold in kept:
        for parcel in custody.parcels:
            if parcel.place == hold.place and parcel.contains(hold.since):
                seeds[parcel.id] = min(seeds.get(parcel.id, hold.since), hold.since)
    return seeds


def _cause_of(hold: Hold) -> Cause:
    return Cause(hold.cause, hold.code, hold.exposed_asset, hold.exposed_from, hold.exposed_to)


def _excursions_met(conn: Connection, custody: Custody) -> list[Cause]:
    """Return what happened in the assets of a batch while any of it stood there."""
    spans: dict[str, tuple[int, int | None]] = {}
    for parcel in custody.parcels:
        start, end = parcel.begin.at, parcel.end.at if parcel.end is not None else None
        first, last = spans.get(parcel.place.asset, (start, end))
        spans[parcel.place.asset] = (
            min(first, start),
            max(last, end) if last is not None and end is not None else None,
        )
    return [
        excursion_cause(excursion)
        for asset, (start, end) in spans.items()
        for excursion in overlapping(conn, asset, start, end, holds=True)
    ]


def held_doses(custody: Custody, reached: Iterable[tuple[Cause, Spread]]) -> dict[str, int]:
    """Return for each cause how many doses that are still here it holds."""
    return {
        cause.id: sum(p.doses for p in custody.standing() if p.id in reach.parcels)
        for cause, reach in reached
    }


def _enter_parcel(
    conn: Connection, batch: str, cause: Cause, parcel: Parcel, reach: Spread, at: int
) -> Hold:
    since = reach.parcels[parcel.id]
    body = _body(batch, cause, parcel, parcel.doses, since)
    return _enter(conn, HELD, body, at)


def _enter_issued(
    conn: Connection, batch: str, cause: Cause, parcel: Parcel, movement: Movement, at: int
) -> Hold:
    body = _body(batch, cause, parcel, movement.doses, movement.key)
    body |= {"movement": movement.position, "recipient": movement.recipient}
    return _enter(conn, ISSUED_AFFECTED, body, at)


def _body(batch: str, cause: Cause, parcel: Parcel, doses: int, since: Key) -> dict[str, Any]:
    return {
        "batch": batch,
        "cause": cause.id,
        "code": cause.code,
        "parcel": parcel.id,
        "asset": parcel.place.asset,
        "label": parcel.place.label,
        "doses": doses,
        "movement": None,
        "recipient": "",
        "exposed_asset": cause.asset,
        "exposed_from": cause.start,
        "exposed_to": cause.end,
        "since": since.at,
        "since_position": since.position,
    }


def _enter(conn: Connection, type_: str, body: dict[str, Any], at: int) -> Hold:
    entry = append(conn, at=at, actor=ACTOR, type=type_, subject=body["batch"], body=body)
    project(conn, entry)
    row = conn.execute(select(holds).where(holds.c.position == entry.position)).one()
    return _hold(row)
