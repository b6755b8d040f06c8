"""Local days: where they begin in a zone, and the exposure of each.

Times are UTC milliseconds; a day is as long as the zone makes it (23, 24 or 25 hours).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from history.segments import Segment
from history.statistics import Exposure, Tally


class Day(NamedTuple):
    """One local date, or the part of it that lies in the range."""

    date: date
    exposure: Exposure


def midnight(day: date, zone: tzinfo) -> int:
    """Return the first instant at which the zone's clocks show ``day``, UTC milliseconds.

    Where clocks jump over midnight the day begins with the jump.
    """
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def day_edges(start: int, end: int, zone: tzinfo) -> list[tuple[date, int]]:
    """Return the local dates of [start, end), each with where it begins in the range.

    Days of 23 or 25 hours are as long as they are; a date that a zone skipped is left out.
    """
    if start == end:
        return []
    day = datetime.fromtimestamp(start // 1000, zone).date()
    edges = [(day, start)]
    while True:
        day += timedelta(days=1)
        begins = midnight(day, zone)
        if begins >= end:
            return edges
        if begins <= edges[-1][1]:
            edges.pop()
        edges.append((day, max(begins, start)))


def days(stretches: Iterable[Segment], *, start: int, end: int, zone: tzinfo) -> Iterator[Day]:
    """Yield the exposure of every local date of [start, end); held time is cut at midnight."""
    edges = day_edges(start, end, zone)
    ends = [begins for _, begins in edges[1:]] + [end]
    if not edges:
        return
    index = 0
    tally = Tally(start)
    for segment in stretches:
        rest = segment
        while rest.end > ends[index] or (rest.start == ends[index] and index + 1 < len(edges)):
            if ends[index] > rest.start:
                tally.add(rest._replace(end=ends[index]))
                rest = rest._replace(start=ends[index], readings=0)
            yield Day(edges[index][0], tally.exposure())
            index += 1
            tally = Tally(edges[index][1])
        tally.add(rest)
    yield Day(edges[index][0], tally.exposure())
