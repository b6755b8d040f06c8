"""Which points speak for which asset: a projection of the newest settings of each device.

A settings record in a stream says how each series is judged. The hub enters it here
(``settings.recorded``), so that the ledger knows which series decide for the stock in an asset,
what its storage range is, and how long a reading of it holds.

Times are UTC milliseconds, values integer thousandths.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, Index, String, Table, delete, insert, select

from alerts.rules import Watch, watches_from_record
from journal import certificates, projections
from journal.database import Position, metadata, require_write
from journal.journal import Entry, append, entries
from journal.looser import loosened

log = logging.getLogger(__name__)

RECORDED: Final = "settings.recorded"
# Behind it, where a series is watched less strictly than before.
LOOSENED: Final = "settings.loosened"

watches: Final = Table(
    "watches",
    metadata,
    Column("site", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("series", String, primary_key=True),
    Column("asset", String, nullable=False),
    Column("decides", Boolean, nullable=False),
    Column("storage_low", Position),
    Column("storage_high", Position),
    Column("interval_ms", Position, nullable=False),
    Column("max_gap_ms", Position, nullable=False),
    Column("stream", String, nullable=False),
    Column("since", Position, nullable=False),
    Index("watches_by_asset", "asset"),
)


@dataclass(frozen=True, slots=True)
class WatchRow:
    """How one series is judged now.

    Attributes:
        site: the device's site.
        device: the device whose settings say so.
        series: ``asset/point/quantity``.
        asset: ``site/asset``.
        decides: whether the point speaks for the asset's stock.
        storage_low: the lowest value inside; None: no storage range.
        storage_high: the highest value inside.
        interval_ms: how long a reading holds when the next one is late.
        max_gap_ms: the longest time to the next reading that still counts as held.
        stream: the stream that carried the settings.
        since: time of the settings record.
    """

    site: str
    device: str
    series: str
    asset: str
    decides: bool
    storage_low: int | None
    storage_high: int | None
    interval_ms: int
    max_gap_ms: int
    stream: str
    since: int


def save(
    conn: Connection,
    site: str,
    by_series: Mapping[str, Watch],
    *,
    device: str,
    at: int,
    stream: str,
    learned_at: int,
) -> bool:
    """Enter the settings of a device in the journal; return whether they were new.

    Settings that come late (an old stream that is recovered) are entered, and change nothing for
    the present. Repeating the call changes nothing.

    Args:
        conn: the caller's write transaction.
        site: the device's site.
        by_series: everything the record says, by series; what it leaves out is watched no more.
        device: the device.
        at: time of the settings record.
        stream: the stream that carried it.
        learned_at: the hub's clock.
    """
    require_write(conn)
    subject = f"{site}/{device}"
    body = {
        "site": site,
        "device": device,
        "stream": stream,
        "at": at,
        "series": {series: watch.body() for series, watch in by_series.items()},
    }
    earlier = [entry.body for entry in entries(conn, types=RECORDED, subject=subject)]
    if body in earlier:
        return False
    entry = append(conn, at=learned_at, actor="hub", type=RECORDED, subject=subject, body=body)
    _project(conn, entry)
    before = max(
        (one for one in reversed(earlier) if one["at"] <= at),
        key=lambda one: one["at"],
        default=None,
    )
    if before is not None and (found := loosened(watches_from_record(before), by_series)):
        append(
            conn, at=learned_at, actor="hub", type=LOOSENED, subject=subject,
            body={"stream": stream, "at": at, "series": found},
        )  # fmt: skip
        for series in [name for name, one in found.items() if not one["because"]]:
            ways = "; ".join(found[series]["ways"])
            log.warning("%s: %s is watched less strictly, and nobody said why: %s",
                        subject, series, ways)  # fmt: skip
    return True


def _project(conn: Connection, entry: Entry) -> None:
    body = entry.body
    site, device, at = body["site"], body["device"], body["at"]
    mine = (watches.c.site == site) & (watches.c.device == device)
    newer = select(watches.c.series).where(mine, watches.c.since > at).limit(1)
    if conn.execute(newer).first() is not None:
        return
    conn.execute(delete(watches).where(mine))
    found = watches_from_record(body).values()
    rows = [_row(site, device, body["stream"], at, watch) for watch in found]
    if rows:
        conn.execute(insert(watches), rows)
    certificates.project(conn, site, device, at, found)


def _row(site: str, device: str, stream: str, at: int, watch: Watch) -> dict[str, Any]:
    asset = watch.series.partition("/")[0]
    return {
        "site": site,
        "device": device,
        "series": watch.series,
        "asset": f"{site}/{asset}",
        "decides": watch.decides,
        "storage_low": watch.storage[0] if watch.storage is not None else None,
        "storage_high": watch.storage[1] if watch.storage is not None else None,
        "interval_ms": watch.interval_ms,
        "max_gap_ms": watch.max_gap_ms,
        "stream": stream,
        "since": at,
    }


def deciding(conn: Connection, asset: str) -> list[WatchRow]:
    """Return the series that speak for the stock in ``site/asset``; none: nothing is known of it."""
    query = (
        select(*(watches.c[field.name] for field in fields(WatchRow)))
        .where(watches.c.asset == asset, watches.c.decides)
        .order_by(watches.c.series, watches.c.device)
    )
    return [WatchRow(**row._mapping) for row in conn.execute(query)]  # noqa: SLF001 - its public name


def rebuild(conn: Connection) -> None:
    """Make the projection again from the journal alone."""
    require_write(conn)
    conn.execute(delete(watches))
    certificates.clear(conn)
    for entry in entries(conn, types=RECORDED):
        _project(conn, entry)


projections.register("watches", rebuild, watches, certificates.certificates)
