"""The journey of a batch: where its doses stood, what they went through, and the verdict.

The figures of a batch are those of its worst parcel that is still here (of the worst issue, when
nothing is): the one with the gravest verdict, then longest outside, then longest unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from history.port import History
from history.statistics import Exposure
from journal.excursions import ExcursionRow, overlapping
from ledger.custody import Custody, Parcel
from ledger.exposure import Assets
from ledger.holds import Hold, holds_of
from ledger.phrases import DEFAULT_ZONE, Phrase
from ledger.stock import worst_of
from ledger.store import Batch, custody_of, find_batch
from ledger.verdict import RANK, Judged, Verdict, arithmetic, judge
from ledger.ways import Way, announce, ways


@dataclass(frozen=True, slots=True)
class Journey:
    """Everything known of a batch.

    Attributes:
        batch: product, lot, expiry.
        received: doses that came from outside.
        in_stock: doses that are here.
        issued: doses that have left.
        held: doses that are here and on hold.
        way: the way whose figures stand for the batch.
        stays: every parcel with the exposure of its place while it was there.
        excursions: of those assets and times, whether or not they hold.
        holds: every hold that was entered.
        judged: the parcels that are here.
        verdict: the worst of theirs.
        why: the reasons, and how the time adds up.
    """

    batch: Batch
    received: int
    in_stock: int
    issued: int
    held: int
    way: Way
    stays: tuple[tuple[Parcel, Exposure], ...]
    excursions: tuple[ExcursionRow, ...]
    holds: tuple[Hold, ...]
    judged: tuple[Judged, ...]
    verdict: Verdict
    why: tuple[Phrase, ...]


def journey(
    conn: Connection,
    history: History,
    batch: str,
    *,
    now: int,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Journey:
    """Work out the journey of a batch; LedgerError where no such batch is known."""
    found = find_batch(conn, batch)
    custody = custody_of(conn, found.id)
    assets = Assets(conn, history)
    announce(custody, assets, now=now)
    all_ways = ways(custody, assets, now=now)
    here = {parcel.id: all_ways.parcels[parcel.id] for parcel in custody.standing()}
    judged = judge(conn, found, custody, here, at=now, zone=zone)
    worst = max(judged, key=_badness, default=None)
    way = worst.way if worst is not None else max(all_ways.issued.values(), key=_worst_way)
    reasons = [
        reason for one in sorted(judged, key=_badness, reverse=True) for reason in one.reasons
    ]
    moved = {kind: _doses(custody, kind) for kind in ("received", "issued")}
    return Journey(
        batch=found,
        received=moved["received"],
        in_stock=sum(parcel.doses for parcel in custody.standing()),
        issued=moved["issued"],
        held=sum(one.parcel.doses for one in judged if one.held),
        way=way,
        stays=tuple((parcel, all_ways.stays[parcel.id]) for parcel in custody.parcels),
        excursions=tuple(_excursions(conn, custody)),
        holds=tuple(holds_of(conn, found.id)),
        judged=tuple(judged),
        verdict=worst_of(judged),
        why=(*_once(reasons), *arithmetic(way)),
    )


def _doses(custody: Custody, kind: str) -> int:
    return sum(flow.movement.doses for flow in custody.flows if flow.movement.kind == kind)


def _once(reasons: list[Phrase]) -> list[Phrase]:
    kept: list[Phrase] = []
    for reason in reasons:
        if reason not in kept:
            kept.append(reason)
    return kept


def _badness(one: Judged) -> tuple[int, int, int]:
    outside, unknown = _worst_way(one.way)
    return RANK[one.verdict], outside, unknown


def _worst_way(way: Way) -> tuple[int, int]:
    sum_ = way.exposure()
    return sum_.above_ms + sum_.below_ms - sum_.both_ms, sum_.unknown_ms


def _excursions(conn: Connection, custody: Custody) -> list[ExcursionRow]:
    found = {}
    for parcel in custody.parcels:
        end = parcel.end.at if parcel.end is not None else None
        for row in overlapping(conn, parcel.place.asset, parcel.begin.at, end, holds=None):
            found[row.id] = row
    return sorted(found.values(), key=lambda row: (row.start, row.id))
