"""One moment of both databases, read once for all assets that a page shows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields

from sqlalchemy import Connection, func, select

from history.port import History, StreamReading
from hub.tables import devices, streams
from journal.certificates import CertificateRow, in_force
from journal.excursions import ExcursionRow, open_ones
from journal.watches import WatchRow, watches


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is needed to say how assets are now.

    Attributes:
        conn: the hub's database.
        history: the readings.
        now: the time that everything is judged at, UTC milliseconds.
        latest: the newest reading of each (site, series), by asset.
        watches: how the series of each asset are judged, by asset; of two devices that claim
            one series the one that was set up last.
        heard: when each device was last heard of, the hub's clock.
        reached: up to when the records of each device reach, its own clock.
        excursions: open excursions by asset (of a lost device: ``site/device``).
        certificates: the calibration certificate of each (site, series) that has one.
    """

    conn: Connection
    history: History
    now: int
    latest: dict[str, dict[str, StreamReading]]
    watches: dict[str, list[WatchRow]]
    heard: dict[str, int]
    reached: dict[str, int]
    excursions: dict[str, list[ExcursionRow]]
    certificates: dict[tuple[str, str], CertificateRow]

    def assets(self) -> list[str]:
        """Return every ``site/asset`` that has a reading or settings, sorted."""
        return sorted(self.latest.keys() | self.watches.keys())


def snapshot(conn: Connection, history: History, now: int, site: str | None = None) -> Snapshot:
    """Read both databases as they are now; with ``site``, only what is of that site."""
    latest: dict[str, dict[str, StreamReading]] = defaultdict(dict)
    for (of_site, series), item in history.latest(site).items():
        latest[f"{of_site}/{series.partition('/')[0]}"][series] = item
    judged: dict[str, list[WatchRow]] = defaultdict(list)
    query = select(*(watches.c[field.name] for field in fields(WatchRow)))
    if site is not None:
        query = query.where(watches.c.site == site)
    newest_watch = {}
    for row in conn.execute(query.order_by(watches.c.series, watches.c.since)):
        newest_watch[row.site, row.series] = WatchRow(**row._mapping)  # noqa: SLF001
    for watch in newest_watch.values():
        judged[watch.asset].append(watch)
    opened: dict[str, list[ExcursionRow]] = defaultdict(list)
    for excursion in open_ones(conn):
        opened[excursion.asset].append(excursion)
    heard = {row.device: row.heard_at for row in conn.execute(select(devices)) if row.heard_at}
    newest = select(streams.c.device, func.max(streams.c.newest_at)).group_by(streams.c.device)
    reached = {device: at for device, at in conn.execute(newest)}  # noqa: C416 - rows, no pairs
    return Snapshot(
        conn, history, now, dict(latest), dict(judged), heard, reached, dict(opened),
        in_force(conn, site),
    )  # fmt: skip
