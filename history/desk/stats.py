"""`coldwatch history stats`: what a series went through over a range, and on each local day.

The same figures as `coldwatch excursions` on the same readings: the same functions add them up.
Read a quarter at a time, so that memory does not grow with the range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from history.columns import Point, exposures
from history.days import Day, day_edges
from history.export import SeriesRule
from history.port import History
from history.statistics import Exposure, total

# How many days are in memory together.
_DAYS: Final = 92
_FIRST: Final = 0
_LAST: Final = 7_258_118_400_000  # 2200: later times are refused where they come in


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was found.

    Attributes:
        site: the site.
        rule: series, limits and holding rule by which it was counted.
        zone: of the days.
        exposure: of the whole range; None: no judged reading says anything about it.
        days: of each local date.
        whole: whether the range is that of the readings themselves, and nobody's choice.
    """

    site: str
    rule: SeriesRule
    zone: ZoneInfo
    exposure: Exposure | None
    days: list[Day]
    whole: bool


def statistics(
    history: History,
    site: str,
    rule: SeriesRule,
    zone: ZoneInfo,
    *,
    start: int | None = None,
    end: int | None = None,
) -> Statistics:
    """Return the statistics of a series.

    Args:
        history: the store.
        site: the site.
        rule: series, limits and holding rule.
        zone: decides where days begin.
        start: first millisecond; None: the first judged reading.
        end: the millisecond after the last one; None: the last judged reading and one interval,
            as long as a table's last reading holds.

    Raises:
        ValueError: the range ends before it begins.
    """
    whole, chosen_end = start is None and end is None, end is not None
    if start is None:
        first = history.first_from(site, rule.series, _FIRST)
        start = first.reading.at if first is not None else None
    if end is None:
        last = history.last_before(site, rule.series, _LAST)
        end = last.reading.at + rule.interval_ms if last is not None else None
    if start is None or end is None or (end <= start and not chosen_end):
        return Statistics(site, rule, zone, None, [], whole)
    if end <= start:
        raise ValueError("the range ends before it begins: check --from, --to and --zone")
    found = _days(history, site, rule, zone, start, end)
    return Statistics(site, rule, zone, total([day.exposure for day in found]), found, whole)


def _days(
    history: History, site: str, rule: SeriesRule, zone: ZoneInfo, start: int, end: int
) -> list[Day]:
    """Return the exposure of every local date, some days read at a time."""
    edges = day_edges(start, end, zone)
    borders = [begins for _, begins in edges] + [end]
    settled = history.settled(site, rule.series)
    found: list[Day] = []
    for first in range(0, len(edges), _DAYS):
        part = borders[first : first + _DAYS + 1]
        point = _point(history, site, rule, part[0], part[-1], settled)
        sums = exposures([point], part, low=rule.low, high=rule.high)
        found += [
            Day(date, one)
            for (date, _), one in zip(edges[first : first + _DAYS], sums, strict=True)
        ]
    return found


def _point(
    history: History, site: str, rule: SeriesRule, start: int, end: int, settled: int | None
) -> Point:
    """Return the judged readings of a range with their two neighbours, which hold into it."""
    # before the readings: one that comes meanwhile must not stand behind a later one
    after = history.first_from(site, rule.series, end)
    samples = history.samples(site, rule.series, start, end)
    before = history.last_before(site, rule.series, start)
    for place, neighbour in ((0, before), (len(samples.times) + 1, after)):
        if neighbour is not None and neighbour.reading.value is not None:
            samples.times.insert(place, neighbour.reading.at)
            samples.values.insert(place, neighbour.reading.value)
    return Point(samples.times, samples.values, rule.interval_ms, rule.max_gap_ms, settled=settled)
