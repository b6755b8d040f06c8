"""The history of one asset over a range: chart, table, statistics, excursions, batches.

A chart's buckets keep the extremes of their readings, so no crossing is hidden whatever the width
(history/envelope.py); unknown time is a list of stretches of its own, widened to a pixel at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from sqlalchemy import Connection, case, func, or_, select

from console.assets import Limits, first_reading, storage_range
from console.directory import Directory
from console.excursions import described
from console.models import AssetHistory, AssetRecord, Batch, Row, SeriesTrace
from console.points import DOOR, MAINS, column, holding_rule
from console.ranges import Range, row_edges
from console.runs import Held, union, unknown, where
from console.shares import shares_of, statistics_of
from console.snapshot import Snapshot
from history.port import History
from history.statistics import Exposure
from journal.excursions import overlapping
from journal.watches import WatchRow
from ledger.exposure import Assets
from ledger.store import custody
from protocol.reading import UNITS, split_series

# Narrower buckets than a pixel show nothing more; more than these no screen has.
MAX_WIDTH: Final = 4_000
DEFAULT_WIDTH: Final = 1_000

_SWITCHES: Final = frozenset({DOOR, MAINS})
_Interval = tuple[int, int]


class AssetRange:
    """One asset over one range; each answer reads what it needs."""

    def __init__(
        self, view: Snapshot, directory: Directory, key: str, shown: Range, limits: Limits
    ) -> None:
        """Choose asset and range; what lies before the first reading ever is left out."""
        self.view = view
        self.directory = directory
        self.key = key
        self.site = key.partition("/")[0]
        self.shown = shown
        self.limits = limits
        self.watches = {watch.series: watch for watch in view.watches.get(key, [])}
        names = sorted(view.latest.get(key, {}).keys() | self.watches.keys())
        self.series: list[tuple[str, WatchRow | None]] = [
            (name, self.watches.get(name)) for name in names
        ]
        self.deciding = [watch for watch in self.watches.values() if watch.decides]
        self._begins = first_reading(view.history, self.site, [w.series for w in self.deciding])
        if self._begins is not None and shown.start < self._begins < shown.end:
            self.shown = replace(shown, start=self._begins)
        self._edges = self._row_edges()
        self._exposures = Assets(view.conn, view.history)
        self._exposures.need(key, self._edges)

    def history(self, width: int = DEFAULT_WIDTH) -> AssetHistory:
        """Return the record with the chart.

        Args:
            width: of the chart, pixels; there are no more buckets than that.
        """
        pixel = max(1, (self.shown.end - self.shown.start) // width)
        return AssetHistory(
            **dict(self.record()),
            series=self._traces(width),
            unknown=self._unknown(pixel),
            door_open=self._switch(DOOR, pixel, on=True),
            mains_off=self._switch(MAINS, pixel, on=False),
        )

    def record(self) -> AssetRecord:
        """Return what stands beside the chart."""
        shown = self.shown
        low, high = storage_range(list(self.watches.values()))
        touching = overlapping(
            self.view.conn, self.key, shown.start, max(shown.end, shown.start + 1), holds=None
        )
        return AssetRecord(
            key=self.key,
            name=self.directory.asset_name(self.key),
            zone=self.directory.zone(self.site).key,
            start=shown.start,
            end=shown.end,
            storage_low=low,
            storage_high=high,
            interval_ms=max((watch.interval_ms for watch in self.deciding), default=None),
            max_gap_ms=max((watch.max_gap_ms for watch in self.deciding), default=None),
            begins=self._begins,
            statistics=(
                statistics_of(self._between(self._edges[0], self._edges[-1]))
                if self._edges
                else None
            ),
            excursions=described(
                self.view.conn,
                self.view.history,
                self.directory,
                touching[::-1],
                now=self.view.now,
                late_after_ms=self.limits.late_after_ms,
            ),
            batches=_batches(self.view.conn, self.key, shown.start, shown.end),
        )

    def rows(self, excursions: Sequence[tuple[str, int, int | None]]) -> list[Row]:
        """Return the table: the range cut on the hour or at midnight, newest first.

        Args:
            excursions: id, start and end of those in the range.
        """
        return [
            Row(
                shares=shares_of(self._between(begin, end)),
                excursions=[
                    id_
                    for id_, first, last in excursions
                    if first < end and (last is None or last > begin or first == last >= begin)
                ],
            )
            for begin, end in reversed(list(pairwise(self._edges)))
        ]

    def _row_edges(self) -> list[int]:
        """Return where the table cuts the range; nothing where nothing is known of it."""
        if self._begins is None or self._begins >= self.shown.end:
            return []
        return row_edges(self.shown, self.directory.zone(self.site))

    def _between(self, start: int, end: int) -> Exposure:
        """Return the exposure between two edges; the history is read once for all of them."""
        return self._exposures.between(self.key, start, end)

    def _traces(self, width: int) -> list[SeriesTrace]:
        """Return the envelope of every series that is no switch."""
        return [
            _trace(self.view.history, self.site, name, watch, self.shown, width)
            for name, watch in self.series
            if split_series(name)[2] not in _SWITCHES
        ]

    def _column(self, name: str, watch: WatchRow | None) -> Held:
        return column(self.view, self.site, name, watch, self.shown.start, self.shown.end)

    def _unknown(self, pixel: int) -> list[_Interval]:
        stretches = [unknown(self._column(watch.series, watch)) for watch in self.deciding]
        return union(stretches, closer_than=pixel)

    def _switch(self, quantity: str, pixel: int, *, on: bool) -> list[_Interval]:
        """Return when a door was open, or the mains were off."""
        stretches = []
        for name, watch in self.series:
            if split_series(name)[2] == quantity:
                series = self._column(name, watch)
                stretches.append(where(series, (series.values > 0) == on))
        return union(stretches, closer_than=pixel)


def _trace(
    history: History, site: str, name: str, watch: WatchRow | None, shown: Range, width: int
) -> SeriesTrace:
    """Return the envelope of one series: a bucket for each pixel, or for each reading."""
    interval, gap = holding_rule(watch)
    span = shown.end - shown.start
    buckets = history.envelope(
        site,
        name,
        shown.start,
        shown.end,
        max(1, min(width, -(-span // interval))),
        interval_ms=interval,
        max_gap_ms=gap,
    )
    _, point, quantity = split_series(name)
    return SeriesTrace(
        series=name,
        point=point,
        quantity=quantity,
        unit=UNITS.get(quantity, ""),
        decides=watch is not None and watch.decides,
        start=[bucket.start for bucket in buckets],
        minimum=[bucket.minimum for bucket in buckets],
        maximum=[bucket.maximum for bucket in buckets],
        readings=[bucket.count for bucket in buckets],
        rejected=[bucket.rejected for bucket in buckets],
        suspect=[bucket.suspect for bucket in buckets],
        unknown_ms=[bucket.unknown_ms for bucket in buckets],
    )


def _batches(conn: Connection, key: str, start: int, end: int) -> list[Batch]:
    """Return the batches that stood in an asset at any moment of the range."""
    column_ = custody.c
    still_there = func.max(case((column_.to_at.is_(None), 1), else_=0))
    query = (
        select(
            column_.batch,
            func.max(column_.doses).label("doses"),
            func.min(column_.from_at).label("start"),
            func.max(column_.to_at).label("end"),
            still_there.label("still"),
        )
        .where(
            column_.asset == key,
            column_.from_at < end,
            or_(column_.to_at.is_(None), column_.to_at > start),
        )
        .group_by(column_.batch)
        .order_by(column_.batch)
    )
    return [
        Batch(batch=row.batch, doses=row.doses, start=row.start, end=None if row.still else row.end)
        for row in conn.execute(query)
    ]
