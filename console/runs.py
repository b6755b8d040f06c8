"""Since when: the newest stretch of time in which a series was in one state.

Times are UTC milliseconds, values integer thousandths. A reading holds as everywhere
(history/segments.py); arrays, for the overview asks this of every asset every few seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from history.columns import hold_ends
from history.port import History

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

Interval = tuple[int, int]


class Held(NamedTuple):
    """A series over a range: reading i holds its value from times[i] to ends[i].

    The last reading before the range and the first one behind it are among them: they tell what
    holds into it, and out of it.
    """

    start: int
    end: int
    times: Integers
    values: Integers
    ends: Integers


def held(
    history: History,
    site: str,
    series: str,
    *,
    start: int,
    end: int,
    interval_ms: int,
    max_gap_ms: int,
) -> Held:
    """Read the judged readings of a series over [start, end)."""
    import numpy as np

    after = history.first_from(site, series, end)
    samples = history.samples(site, series, start, end)
    before = history.last_before(site, series, start)
    if before is not None and before.reading.value is not None:
        samples.times.insert(0, before.reading.at)
        samples.values.insert(0, before.reading.value)
    if after is not None and after.reading.value is not None:
        samples.times.append(after.reading.at)
        samples.values.append(after.reading.value)
    times = np.frombuffer(samples.times, dtype=np.int64)
    values = np.frombuffer(samples.values, dtype=np.int64)
    return Held(start, end, times, values, hold_ends(times, interval_ms, max_gap_ms))


def where(series: Held, chosen: Flags) -> list[Interval]:
    """Return the stretches in which a chosen reading holds, cut to the range, neighbours joined."""
    import numpy as np

    index = np.flatnonzero(chosen)
    if not len(index):
        return []
    starts, ends = series.times[index], series.ends[index]
    # of several readings with one time the last one holds: the others have no length
    apart = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    first, last = np.append(0, apart), np.append(apart, len(index)) - 1
    return _cut(zip(starts[first].tolist(), ends[last].tolist(), strict=True), series)


def above(series: Held, high: int | None) -> list[Interval]:
    """Return the stretches above the upper limit."""
    return where(series, series.values > high) if high is not None else []


def below(series: Held, low: int | None) -> list[Interval]:
    """Return the stretches below the lower limit."""
    return where(series, series.values < low) if low is not None else []


def unknown(series: Held) -> list[Interval]:
    """Return the stretches of the range in which nothing holds."""
    import numpy as np

    edges_from = np.append(series.start, series.ends)
    edges_to = np.append(series.times, series.end)
    gaps = np.flatnonzero(edges_from < edges_to)
    return _cut(zip(edges_from[gaps].tolist(), edges_to[gaps].tolist(), strict=True), series)


def _cut(intervals: Iterable[Interval], series: Held) -> list[Interval]:
    cut = ((max(start, series.start), min(end, series.end)) for start, end in intervals)
    return [(start, end) for start, end in cut if start < end]


def union(lists: Iterable[Sequence[Interval]], *, closer_than: int = 0) -> list[Interval]:
    """Join intervals that overlap, touch, or lie less than ``closer_than`` ms apart."""
    joined: list[Interval] = []
    for start, end in sorted(interval for each in lists for interval in each):
        if joined and start - joined[-1][1] <= closer_than:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
