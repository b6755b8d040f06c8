"""Exposure from columns: the rules of segments.py and statistics.py, for a million readings at once.

A range of history is cut into pieces at every reading, at every end of a hold and at the edges
that are asked for; then each piece has one state, and numpy adds them up. numpy is imported
when it is needed, for the agent has none.

Times are UTC milliseconds, values integer thousandths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from history.segments import check_range
from history.statistics import ACTIVATION_MK, ZERO_CELSIUS_MK, Exposure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_NONE = 2**62  # stands for "no value" in a column of minima; -_NONE in one of maxima


@dataclass(frozen=True, slots=True)
class Point:
    """The judged readings of one series, and its holding rule.

    Attributes:
        times: ordered; some may lie before the range or behind it, they tell what holds into it.
        values: as many as ``times``.
        interval_ms: how long a reading holds when the next one is late.
        max_gap_ms: the longest time to the next reading that still counts as held.
        settled: up to when everything has arrived (see ``segments``).
    """

    times: Sequence[int]
    values: Sequence[int]
    interval_ms: int
    max_gap_ms: int
    settled: int | None = None


class _Column(NamedTuple):
    """A point as arrays: reading i holds from times[i] to ends[i]."""

    times: Integers
    values: Integers
    ends: Integers
    pending_from: int


class _Pieces(NamedTuple):
    """Stretches of one state each, in order, without hole; low and high as in ``Segment``."""

    starts: Integers
    lengths: Integers
    above: Flags
    below: Flags
    known: Flags
    pending: Flags
    low: Integers
    high: Integers


def exposures(
    points: Sequence[Point], edges: Sequence[int], *, low: int | None, high: int | None
) -> list[Exposure]:
    """Return the exposure of each range between neighbouring edges, of all points together.

    The same as ``exposure_of(worst([segments(...) for each point]))``, cut at the edges.

    Raises:
        ValueError: no point, edges that do not rise, times that go back, an interval of nothing.
    """
    import numpy as np

    if not points:
        raise ValueError("no point decides for this asset; mark one with `decides`")
    if len(edges) < 2:
        raise ValueError("two edges at least make a range")
    if edges[0] == edges[-1]:
        return [Exposure(edges[0], edges[0]) for _ in edges[1:]]
    borders = np.asarray(edges, dtype=np.int64)
    if not (np.diff(borders) > 0).all():
        raise ValueError("the edges of the ranges must rise")
    columns = [_column(point, edges[0], edges[-1]) for point in points]
    pieces = _pieces(columns, borders, low, high)
    return _sums(columns, pieces, borders)


def hold_ends(times: Integers, interval_ms: int, max_gap_ms: int) -> Integers:
    """Return until when each reading holds; the last one holds one interval.

    Raises:
        ValueError: the times go back.
    """
    import numpy as np

    gaps = np.diff(times)
    if (gaps < 0).any():
        back = int(np.argmax(gaps < 0))
        raise ValueError(
            f"readings are not ordered by time: {times[back + 1]} comes after {times[back]}"
        )
    held = np.where(gaps <= max_gap_ms, gaps, np.minimum(gaps, interval_ms))
    ends: Integers = times + np.append(held, interval_ms)[: len(times)]
    return ends


def _column(point: Point, start: int, end: int) -> _Column:
    import numpy as np

    check_range(start, end, point.interval_ms, point.max_gap_ms)
    times = np.asarray(point.times, dtype=np.int64)
    values = np.asarray(point.values, dtype=np.int64)
    if len(times) != len(values):
        raise ValueError(f"{len(times)} times and {len(values)} values: they belong together")
    ends = hold_ends(times, point.interval_ms, point.max_gap_ms)
    if len(times) and times[-1] >= end:
        pending_from = end
    else:
        held = int(ends[-1]) if len(times) else start
        pending_from = max(held, start if point.settled is None else point.settled)
    return _Column(times, values, ends, min(max(pending_from, start), end))


def _pieces(
    columns: Sequence[_Column], borders: Integers, low: int | None, high: int | None
) -> _Pieces:
    import numpy as np

    cuts = [borders]
    for column in columns:
        ends = column.ends
        late = np.append(ends[:-1] != column.times[1:], True)[: len(ends)]
        cuts += [column.times, ends[late], np.array([column.pending_from])]
    # sorted already but for a few: ten times as fast as numpy's unique, which hashes
    marks = np.sort(np.concatenate(cuts), kind="stable")
    marks = marks[(marks >= borders[0]) & (marks <= borders[-1])]
    marks = marks[np.append(True, marks[1:] != marks[:-1])]
    starts = marks[:-1]
    count = len(starts)
    low_of, high_of = np.full(count, _NONE), np.full(count, -_NONE)
    pending, unknown = np.zeros(count, bool), np.zeros(count, bool)
    for column in columns:
        known = np.zeros(count, bool)
        if len(column.times):
            owner = np.searchsorted(column.times, starts, side="right") - 1
            known = (owner >= 0) & (starts < column.ends[owner])
            held = column.values[owner]
            np.minimum(low_of, held, out=low_of, where=known)
            np.maximum(high_of, held, out=high_of, where=known)
        behind = starts >= column.pending_from
        pending |= ~known & behind
        unknown |= ~known & ~behind
    valued = low_of <= high_of
    above = valued & (high_of > high) if high is not None else np.zeros(count, bool)
    below = valued & (low_of < low) if low is not None else np.zeros(count, bool)
    known = above | below | ~(unknown | pending)
    return _Pieces(
        starts, np.diff(marks), above, below, known, pending & ~unknown & ~known, low_of, high_of
    )


def _sums(columns: Sequence[_Column], pieces: _Pieces, borders: Integers) -> list[Exposure]:
    import numpy as np

    first = np.searchsorted(pieces.starts, borders[:-1])
    length = pieces.lengths

    def time(where: Flags) -> list[int]:
        return np.add.reduceat(np.where(where, length, 0), first).tolist()  # type: ignore[no-any-return]

    minimum = np.minimum.reduceat(pieces.low, first)
    maximum = np.maximum.reduceat(pieces.high, first)
    for column in columns:
        _replaced_extremes(column, borders, minimum, maximum)
    above, below, known = pieces.above, pieces.below, pieces.known
    stretches = _stretches(pieces, first, borders)
    counts = _counts(columns, borders)
    return [
        Exposure(
            start=start,
            end=end,
            span_ms=end - start,
            inside_ms=inside,
            above_ms=above_ms,
            below_ms=below_ms,
            both_ms=both,
            unknown_ms=unknown,
            pending_ms=pending,
            longest_unknown_ms=longest,
            head_unknown_ms=head,
            tail_unknown_ms=tail,
            readings=readings,
            first_at=first_at,
            last_at=last_at,
            minimum=None if lowest == _NONE else lowest,
            maximum=None if highest == -_NONE else highest,
            doubled_sum=doubled,
            kinetic_log=kinetic,
        )
        for (
            start,
            end,
            inside,
            above_ms,
            below_ms,
            both,
            unknown,
            pending,
            (longest, head, tail),
            (readings, first_at, last_at),
            lowest,
            highest,
            doubled,
            kinetic,
        ) in zip(
            borders[:-1].tolist(),
            borders[1:].tolist(),
            time(known & ~above & ~below),
            time(above),
            time(below),
            time(above & below),
            time(~known),
            time(pieces.pending),
            stretches,
            counts,
            minimum.tolist(),
            maximum.tolist(),
            _doubled_sums(pieces, first),
            _kinetic_logs(pieces, first),
            strict=True,
        )
    ]


def _replaced_extremes(
    column: _Column, borders: Integers, minimum: Integers, maximum: Integers
) -> None:
    """Let readings that another one with the same time replaced count as extremes."""
    import numpy as np

    times, values = column.times, column.values
    replaced = np.flatnonzero(times[:-1] == times[1:])
    replaced = replaced[(times[replaced] >= borders[0]) & (times[replaced] < borders[-1])]
    where = np.searchsorted(borders, times[replaced], side="right") - 1
    np.minimum.at(minimum, where, values[replaced])
    np.maximum.at(maximum, where, values[replaced])


def _counts(
    columns: Sequence[_Column], borders: Integers
) -> list[tuple[int, int | None, int | None]]:
    """Return for each range how many readings it has, and the times of the first and last one."""
    import numpy as np

    counts: list[tuple[int, int | None, int | None]] = []
    bounds = [np.searchsorted(column.times, borders).tolist() for column in columns]
    for index in range(len(borders) - 1):
        firsts, lasts, readings = [], [], 0
        for column, bound in zip(columns, bounds, strict=True):
            begin, end = bound[index], bound[index + 1]
            if end > begin:
                readings += end - begin
                firsts.append(int(column.times[begin]))
                lasts.append(int(column.times[end - 1]))
        counts.append((readings, min(firsts, default=None), max(lasts, default=None)))
    return counts


def _stretches(
    pieces: _Pieces, first: NDArray[np.intp], borders: Integers
) -> list[tuple[int, int, int]]:
    """Return for each range its longest stretch of final unknown time, and those at head and tail."""
    import numpy as np

    unknown = ~pieces.known & ~pieces.pending
    begins = unknown.copy()
    begins[1:] &= ~unknown[:-1]
    ends = unknown.copy()
    ends[:-1] &= ~unknown[1:]
    # a stretch over an edge is cut there: each range has its own part, joined again by `total`
    begins[first] = unknown[first]
    ends[first[1:] - 1] = unknown[first[1:] - 1]
    stretch_start = pieces.starts[begins]
    stretch_end = pieces.starts[ends] + pieces.lengths[ends]
    duration = stretch_end - stretch_start
    where = np.searchsorted(borders, stretch_start, side="right") - 1
    longest = np.zeros(len(first), np.int64)
    np.maximum.at(longest, where, duration)
    head, tail = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
    at_start = stretch_start == borders[where]
    head[where[at_start]] = duration[at_start]
    at_end = stretch_end == borders[where + 1]
    tail[where[at_end]] = duration[at_end]
    return list(zip(longest.tolist(), head.tolist(), tail.tolist(), strict=True))


def _doubled_sums(pieces: _Pieces, first: NDArray[np.intp]) -> list[int]:
    import numpy as np

    middle = np.where(pieces.known, pieces.low + pieces.high, 0)
    span = int(pieces.lengths.sum())
    if int(np.abs(middle).max()) * span < 2**63:
        return np.add.reduceat(middle * pieces.lengths, first).tolist()  # type: ignore[no-any-return]
    # no thermometer's values; integers of any length are slow and still right
    return np.add.reduceat(middle.astype(object) * pieces.lengths, first).tolist()  # type: ignore[no-any-return]


def _kinetic_logs(pieces: _Pieces, first: NDArray[np.intp]) -> list[float]:
    import numpy as np

    kelvin = pieces.high + ZERO_CELSIUS_MK
    warm = pieces.known & (kelvin > 0)
    exponent = np.where(warm, -ACTIVATION_MK / np.where(warm, kelvin, 1), -math.inf)
    peak = np.maximum.reduceat(exponent, first)
    finite = np.where(np.isfinite(peak), peak, 0.0)
    pieces_each = np.diff(np.append(first, len(exponent)))
    scaled = np.add.reduceat(
        np.exp(exponent - np.repeat(finite, pieces_each)) * pieces.lengths, first
    )
    logs = (
        base + math.log(weight) if weight else -math.inf
        for base, weight in zip(finite.tolist(), scaled.tolist(), strict=True)
    )
    return list(logs)
