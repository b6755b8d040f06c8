"""The statistics of one table of readings, such as ``coldwatch excursions`` reads from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import NamedTuple

from history.days import Day, day_edges, days
from history.segments import segments
from history.statistics import Exposure, total
from protocol.reading import Reading


class TableStatistics(NamedTuple):
    """The exposure of a whole table and of each local day in it."""

    exposure: Exposure
    days: list[Day]


def table_statistics(
    times: Sequence[int],
    values: Sequence[int],
    *,
    low: int | None,
    high: int | None,
    interval_ms: int,
    max_gap_ms: int,
    zone: tzinfo,
) -> TableStatistics:
    """Return the exposure of an ordered table, from its first reading to one interval behind its last.

    Args:
        times: UTC milliseconds, ordered; of several readings with one time the last one holds.
        values: integer thousandths, as many as ``times``; every one of them is judged.
        low: the lowest value inside, or None.
        high: the highest value inside, or None.
        interval_ms: how long a reading holds when the next one is late, and the last one.
        max_gap_ms: the longest time to the next reading that still counts as held.
        zone: decides the days.

    Raises:
        ValueError: the table is empty or not ordered, or the columns differ in length.
    """
    if len(times) == 0 or len(times) != len(values):
        raise ValueError(f"{len(times)} times and {len(values)} values: a table has some of each")
    start, end = int(times[0]), int(times[-1]) + interval_ms
    if end <= start:
        raise ValueError("readings are not ordered by time: the last one comes before the first")
    edges = day_edges(start, end, zone)
    try:
        from history.columns import Point, exposures

        parts = exposures(
            [Point(times, values, interval_ms, max_gap_ms)],
            [begins for _, begins in edges] + [end],
            low=low,
            high=high,
        )
        table = [Day(day, part) for (day, _), part in zip(edges, parts, strict=True)]
    except ModuleNotFoundError:  # no numpy, as on an agent: slower, and the same
        stretches = segments(
            _readings(times, values),
            start=start,
            end=end,
            low=low,
            high=high,
            interval_ms=interval_ms,
            max_gap_ms=max_gap_ms,
        )
        table = list(days(stretches, start=start, end=end, zone=zone))
    return TableStatistics(total([day.exposure for day in table]), table)


def _readings(times: Sequence[int], values: Sequence[int]) -> Iterator[Reading]:
    for seq, (at, value) in enumerate(zip(times, values, strict=True), start=1):
        yield Reading(seq, "", int(at), "", 0, int(value))
