"""Batches with their verdict, and the journey of one: the ledger's answers with people's names."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from console.directory import Directory
from console.excursions import described
from console.models import (
    BatchJourney,
    BatchStock,
    HoldEntry,
    Name,
    Parcel,
    Reason,
    Stay,
    Stock,
)
from console.shares import shares_of, statistics_of
from history.port import History
from ledger.holds import Hold
from ledger.journey import Journey, journey
from ledger.phrases import Phrase
from ledger.stock import overview
from ledger.verdict import Judged


def stock(
    conn: Connection, history: History, directory: Directory, *, now: int, zone: ZoneInfo
) -> Stock:
    """Return the batches that have doses somewhere, first to expire first."""
    return Stock(
        batches=[
            BatchStock(
                batch=item.batch.id,
                product=item.batch.product,
                lot=item.batch.lot,
                expiry=item.batch.expiry,
                doses=item.doses,
                held=item.held,
                verdict=item.verdict,
                parcels=[_parcel(one, directory, zone) for one in item.parcels],
            )
            for item in overview(conn, history, now, zone=zone)
        ]
    )


def batch_journey(
    conn: Connection,
    history: History,
    directory: Directory,
    batch: str,
    *,
    now: int,
    late_after_ms: int,
    zone: ZoneInfo,
) -> BatchJourney:
    """Return the journey of ``product/lot``; LedgerError where no such batch is known."""
    found = journey(conn, history, batch, now=now, zone=zone)
    return BatchJourney(
        batch=found.batch.id,
        product=found.batch.product,
        lot=found.batch.lot,
        expiry=found.batch.expiry,
        received=found.received,
        in_stock=found.in_stock,
        issued=found.issued,
        held=found.held,
        verdict=found.verdict,
        why=[_reason(why, zone) for why in found.why],
        exposure=statistics_of(found.way.exposure()),
        stays=_stays(found, directory),
        parcels=[_parcel(one, directory, zone) for one in found.judged],
        excursions=described(
            conn, history, directory, found.excursions[::-1], now=now, late_after_ms=late_after_ms
        ),
        holds=[_hold(hold, directory) for hold in found.holds],
    )


def _parcel(one: Judged, directory: Directory, zone: ZoneInfo) -> Parcel:
    return Parcel(
        parcel=one.parcel.id,
        asset=one.parcel.place.asset,
        asset_name=directory.asset_name(one.parcel.place.asset),
        label=one.parcel.place.label,
        since=one.parcel.begin.at,
        doses=one.parcel.doses,
        held=one.held,
        verdict=one.verdict,
        why=[_reason(reason, zone) for reason in one.reasons],
        shares=shares_of(one.exposure),
    )


def _stays(found: Journey, directory: Directory) -> list[Stay]:
    return [
        Stay(
            parcel=parcel.id,
            asset=parcel.place.asset,
            asset_name=directory.asset_name(parcel.place.asset),
            label=parcel.place.label,
            start=parcel.begin.at,
            end=parcel.end.at if parcel.end is not None else None,
            doses=parcel.most,
            shares=shares_of(exposure),
        )
        for parcel, exposure in found.stays
    ]


def _hold(hold: Hold, directory: Directory) -> HoldEntry:
    return HoldEntry(
        at=hold.at,
        code=hold.code,
        cause=hold.cause,
        asset=hold.place.asset,
        asset_name=directory.asset_name(hold.place.asset),
        doses=hold.doses,
        exposed_asset=hold.exposed_asset,
        exposed_from=hold.exposed_from,
        exposed_to=hold.exposed_to,
        issued=hold.issued,
        recipient=hold.recipient,
    )


def _reason(why: Phrase, zone: ZoneInfo) -> Reason:
    return Reason(code=why.code, text=Name(zh=why.text("zh", zone), en=why.text("en", zone)))
