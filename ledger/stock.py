"""What is there, and whether it may be used: for the console, the CLI and the daily eye."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from history.port import History
from ledger.exposure import Assets
from ledger.phrases import DEFAULT_ZONE
from ledger.store import Batch, all_batches, custody_of
from ledger.verdict import RANK, Judged, Verdict, judge
from ledger.ways import announce, ways


@dataclass(frozen=True, slots=True)
class BatchOverview:
    """A batch that has doses somewhere.

    Attributes:
        batch: product, lot, expiry.
        parcels: each place where doses stand, with its verdict and reasons.
        doses: how many there are.
        held: how many of them are on hold.
        verdict: the worst one.
    """

    batch: Batch
    parcels: tuple[Judged, ...]
    doses: int
    held: int
    verdict: Verdict


def overview(
    conn: Connection, history: History, now: int, *, zone: ZoneInfo = DEFAULT_ZONE
) -> list[BatchOverview]:
    """Return the batches in stock, first to expire first. Each asset's history is read once."""
    assets = Assets(conn, history)
    stock = []
    for batch in all_batches(conn):
        custody = custody_of(conn, batch.id)
        if custody.standing():
            announce(custody, assets, now=now)
            stock.append((batch, custody))
    result = []
    for batch, custody in stock:
        everything = ways(custody, assets, now=now).parcels
        here = {parcel.id: everything[parcel.id] for parcel in custody.standing()}
        parcels = judge(conn, batch, custody, here, at=now, zone=zone)
        result.append(
            BatchOverview(
                batch,
                tuple(parcels),
                sum(one.parcel.doses for one in parcels),
                sum(one.parcel.doses for one in parcels if one.held),
                worst_of(parcels),
            )
        )
    return result


def worst_of(parcels: list[Judged]) -> Verdict:
    """Return the verdict on several parcels together; nothing at all is usable."""
    return max((one.verdict for one in parcels), key=RANK.__getitem__, default="usable")
