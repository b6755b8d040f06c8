"""What the history says of an asset between given times: the worst of the points that decide.

Exposure uses the storage range of the asset, never a rule's limit. An asset without a deciding
point, or without a range, is unknown all the time, and finally so: nothing will arrive.
Times are UTC milliseconds, values integer thousandths.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from sqlalchemy import Connection

from history.columns import Point, exposures
from history.port import History
from history.segments import Segment, segments, worst
from history.statistics import Exposure, total
from journal.watches import WatchRow, deciding

# One stretch of unknown time that needs no explanation (design, "Ledger"). WHO's loggers may take
# a sample every 15 minutes at most, so half an hour is two of them missing. Products that bear
# less or more will say so in their stability profile.
UNKNOWN_LIMIT_MS: Final = 30 * 60_000

_DAY_MS: Final = 86_400_000


class Blank(NamedTuple):
    """A stretch of which nobody knows anything; ``final``: nothing more will arrive."""

    start: int
    end: int
    final: bool


class Assets:
    """The exposures of assets between given times, each asset's history read once.

    First every time that will be asked about is announced by `need`; then the rest answers.
    """

    def __init__(self, conn: Connection, history: History) -> None:
        """Read settings from ``conn`` and readings from ``history``."""
        self._conn = conn
        self._history = history
        self._edges: dict[str, set[int]] = {}
        self._pieces: dict[str, tuple[list[int], list[Exposure]]] = {}

    def need(self, asset: str, times: Iterable[int]) -> None:
        """Announce times at which the asset's exposure will be cut."""
        edges = self._edges.setdefault(asset, set())
        if not edges.issuperset(times := set(times)):
            edges |= times
            self._pieces.pop(asset, None)

    def between(self, asset: str, start: int, end: int) -> Exposure:
        """Return the exposure over [start, end), two times that were announced."""
        if asset not in self._pieces:
            edges = sorted(self._edges[asset])
            self._pieces[asset] = edges, self._read(asset, edges)
        edges, pieces = self._pieces[asset]
        return total(pieces[bisect_left(edges, start) : bisect_left(edges, end)])

    def blanks(self, asset: str, exposure: Exposure, limit_ms: int) -> Iterator[Blank]:
        """Yield, in order, the blanks of a range that may be longer than the limit.

        Shorter ones are left out unless they touch an end of the range, where they may go on.
        """
        start, end = exposure.start, exposure.end
        if not exposure.unknown_ms:
            return
        if not exposure.pending_ms and exposure.longest_unknown_ms <= limit_ms:
            if exposure.head_unknown_ms:
                yield Blank(start, start + exposure.head_unknown_ms, final=True)
            if exposure.tail_unknown_ms and exposure.tail_unknown_ms < exposure.span_ms:
                yield Blank(end - exposure.tail_unknown_ms, end, final=True)
        elif not exposure.pending_ms and exposure.unknown_ms == exposure.span_ms:
            yield Blank(start, end, final=True)
        elif exposure.span_ms > _DAY_MS:
            for part in self._read(asset, [*range(start, end, _DAY_MS), end]):
                yield from self.blanks(asset, part, limit_ms)
        else:
            yield from _blanks_among(self._segments(asset, start, end))

    def _read(self, asset: str, edges: list[int]) -> list[Exposure]:
        watches = _with_range(self._conn, asset)
        if not watches:
            return [_all_unknown(start, end) for start, end in pairwise(edges)]
        low, high = _storage_range(watches)
        points = [self._point(watch, edges[0], edges[-1]) for watch in watches]
        return exposures(points, edges, low=low, high=high)

    def _point(self, watch: WatchRow, start: int, end: int) -> Point:
        history, site, series = self._history, watch.site, watch.series
        # In this order: what arrives between two questions must never turn time that was pending
        # into final unknown time, for that would hold doses for nothing.
        settled = history.settled(site, series)
        after = history.first_from(site, series, end)
        samples = history.samples(site, series, start, end)
        before = history.last_before(site, series, start)
        times, values = samples.times, samples.values
        if before is not None and before.reading.value is not None:
            times.insert(0, before.reading.at)
            values.insert(0, before.reading.value)
        if after is not None and after.reading.value is not None:
            times.append(after.reading.at)
            values.append(after.reading.value)
        return Point(times, values, watch.interval_ms, watch.max_gap_ms, settled)

    def _segments(self, asset: str, start: int, end: int) -> Iterable[Segment]:
        watches = _with_range(self._conn, asset)
        if not watches:
            return [Segment(start, end, "unknown", None, None, 0)]
        low, high = _storage_range(watches)
        history = self._history
        points = []
        for watch in watches:
            settled = history.settled(watch.site, watch.series)
            after = history.first_from(watch.site, watch.series, end)
            found = list(history.readings(watch.site, watch.series, start, end))
            before = history.last_before(watch.site, watch.series, start)
            points.append(
                segments(
                    (item.reading for item in found),
                    start=start,
                    end=end,
                    low=low,
                    high=high,
                    interval_ms=watch.interval_ms,
                    max_gap_ms=watch.max_gap_ms,
                    before=before.reading if before is not None else None,
                    after=after.reading if after is not None else None,
                    settled=settled,
                )
            )
        return worst(points)


def _blanks_among(stretches: Iterable[Segment]) -> Iterator[Blank]:
    """Yield the unknown and pending stretches, neighbours of one kind joined."""
    last: Blank | None = None
    for segment in stretches:
        if segment.state not in {"unknown", "pending"} or segment.start == segment.end:
            continue
        final = segment.state == "unknown"
        if last is not None and last.end == segment.start and last.final == final:
            last = last._replace(end=segment.end)
            continue
        if last is not None:
            yield last
        last = Blank(segment.start, segment.end, final)
    if last is not None:
        yield last


def _with_range(conn: Connection, asset: str) -> list[WatchRow]:
    """Return the points that speak for an asset; without a range nobody knows what inside is."""
    return [watch for watch in deciding(conn, asset) if watch.storage_low is not None]


def _storage_range(watches: Sequence[WatchRow]) -> tuple[int | None, int | None]:
    """Return the range that is inside for every point: the narrowest, where settings differ."""
    low = max((w.storage_low for w in watches if w.storage_low is not None), default=None)
    high = min((w.storage_high for w in watches if w.storage_high is not None), default=None)
    return low, high


def _all_unknown(start: int, end: int) -> Exposure:
    span = end - start
    return Exposure(
        start,
        end,
        span_ms=span,
        unknown_ms=span,
        longest_unknown_ms=span,
        head_unknown_ms=span,
        tail_unknown_ms=span,
    )
