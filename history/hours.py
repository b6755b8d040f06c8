"""The hours of a series: what a long chart needs of its readings, kept when they are written.

Hours begin at whole UTC hours, so an hour lies in one bucket of any chart whose buckets are an
hour wide or wider (history/envelope.py), and its extremes are that bucket's. Of unknown time an
hour tells enough as long as no two neighbouring judged readings within it are further apart than
a holding rule allows: then all of it between its first and its last judged reading is held.

Everything here is pure and derived: an hour can be rolled again from its readings at any time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from protocol.reading import Reading

# Read where it is used, never copied: tests make it small, so that few readings cross many hours.
HOUR_MS = 3_600_000

RawReading = tuple[int, int | None, int]
"""Time, value and grade of a reading (0 ok, above 0 suspect, below 0 rejected)."""


class Hour(NamedTuple):
    """The readings of one series that begin within one UTC hour; one without readings has none.

    Attributes:
        start: first millisecond of the hour, UTC.
        readings: how many are judged; values and times below are of these.
        minimum: the lowest value, thousandths; None (as all four values and times) where readings is 0.
        maximum: the highest value.
        first: the first value in the port's order.
        first_at: its time.
        last: the last value in the port's order.
        last_at: its time.
        rejected: how many readings are not judged.
        suspect: how many of the judged ones are suspect.
        max_step: the longest time between two neighbouring judged readings within the hour,
            milliseconds; 0 where there are not two.
    """

    start: int
    readings: int
    minimum: int | None
    maximum: int | None
    first: int | None
    first_at: int | None
    last: int | None
    last_at: int | None
    rejected: int
    suspect: int
    max_step: int


def hour_of(at: int) -> int:
    """Return where the hour begins that ``at`` lies in."""
    return at - at % HOUR_MS


def hour_from(at: int) -> int:
    """Return where the first hour begins that begins at or after ``at``."""
    return -(-at // HOUR_MS) * HOUR_MS


def roll(start: int, rows: Iterable[RawReading]) -> Hour:
    """Return the hour that begins at ``start``; ``rows`` are its readings in the port's order."""
    values: list[int] = []
    rejected = suspect = max_step = 0
    first_at = last_at = None
    for at, value, grade in rows:
        if value is None or grade < 0:
            rejected += 1
            continue
        values.append(value)
        if grade:
            suspect += 1
        if last_at is None:
            first_at = at
        elif at - last_at > max_step:
            max_step = at - last_at
        last_at = at
    if not values:
        return Hour(start, 0, None, None, None, None, None, None, rejected, 0, 0)
    return Hour(
        start,
        len(values),
        min(values),
        max(values),
        values[0],
        first_at,
        values[-1],
        last_at,
        rejected,
        suspect,
        max_step,
    )


def roll_all(rows: Iterable[RawReading]) -> list[Hour]:
    """Return the hours of readings in the port's order; an hour without a reading is left out."""
    ordered = rows if isinstance(rows, list) else list(rows)
    hours, begin = [], 0
    while begin < len(ordered):
        start = hour_of(ordered[begin][0])
        # looked for by halves: to ask each reading for its hour costs as much as to roll it
        end = bisect_left(ordered, start + HOUR_MS, begin, key=itemgetter(0))
        hours.append(roll(start, ordered[begin:end]))
        begin = end
    return hours


def raw_of(reading: Reading) -> RawReading:
    """Return what an hour sees of a reading."""
    grade = 0 if reading.quality == "ok" else 1 if reading.judged else -1
    return reading.at, reading.value, grade
