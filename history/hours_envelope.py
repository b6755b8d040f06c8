"""The envelope from hours: the same answer as envelope.py, for charts of years.

Only for buckets of whole hours (``envelope.in_hours``). Of 2.6 million readings it looks at 43,800
hours; readings themselves are asked for only in hours in which one was late, and only their times:
where in its hour a stretch is unknown changes nothing, but how long it is depends on the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from history.columns import hold_ends
from history.envelope import bucket_edges, check_buckets, in_hours
from history.envelope_columns import unknown_times
from history.hours import Hour
from history.port import Bucket

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

# The rows of hours as columns (`columns_of`), in the order of Hour's fields.
(
    _START,
    _READINGS,
    _MINIMUM,
    _MAXIMUM,
    _FIRST,
    _FIRST_AT,
    _LAST,
    _LAST_AT,
    _REJECTED,
    _SUSPECT,
    _MAX_STEP,
) = range(len(Hour._fields))

# Hours whose times are asked for at once: 60,000 readings at one a minute.
LATE_HOURS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Range:
    """What a chart is asked for; names as in ``envelope``, neighbours as times."""

    start: int
    end: int
    buckets: int
    interval_ms: int
    max_gap_ms: int
    before: int | None = None
    after: int | None = None


def columns_of(some: Sequence[Hour]) -> Integers:
    """Return hours as columns: a row for each field of Hour, 0 for None (where readings is 0)."""
    import numpy as np

    table = [[0 if item is None else item for item in hour] for hour in some]
    return np.array(table, dtype=np.int64).reshape(-1, len(Hour._fields)).T


def envelope_of_hours(
    parts: Sequence[Integers],
    late: Callable[[Sequence[int]], Sequence[int] | Integers],
    asked: Range,
) -> list[Bucket]:
    """Return at most ``buckets`` buckets of whole hours over the range.

    Args:
        parts: all hours of the range as columns, in order of time. Those at its two ends are rolled
            from what lies in the range, the others are whole.
        late: returns the times of all judged readings in the hours that begin at the times it is
            given; called with ``LATE_HOURS`` at most at a time.
        asked: the range, and what lies around it.

    Raises:
        ValueError: the buckets are no whole hours, or the range makes no sense.
    """
    import numpy as np

    check_buckets(asked.start, asked.end, asked.buckets, asked.interval_ms, asked.max_gap_ms)
    if not in_hours(asked.start, asked.end, asked.buckets):
        raise ValueError(f"{asked.buckets} buckets are narrower than hours: make them of readings")
    edges = np.asarray(bucket_edges(asked.start, asked.end, asked.buckets), dtype=np.int64)
    rows = np.concatenate([*parts, columns_of([])], axis=1)
    unknown = unknown_times(*_holds(rows[:, rows[_READINGS] > 0], late, asked), edges)
    return _buckets(rows, edges, unknown.tolist())


def _holds(
    judged: Integers, late: Callable[[Sequence[int]], Sequence[int] | Integers], asked: Range
) -> tuple[Integers, Integers]:
    """Return the times that matter for what is unknown, and until when each of them holds.

    Of an hour in which no reading was late only the first and the last matter: the first holds
    until the last, however far apart they are.
    """
    import numpy as np

    rule = asked.interval_ms, asked.max_gap_ms
    in_time = judged[_MAX_STEP] <= asked.max_gap_ms
    firsts, lasts = judged[_FIRST_AT, in_time], judged[_LAST_AT, in_time]
    around = [at for at in (asked.before, asked.after) if at is not None]
    begins = judged[_START, ~in_time].tolist()
    times = [firsts, lasts, np.array(around, dtype=np.int64)]
    for index in range(0, len(begins), LATE_HOURS):
        times.append(np.asarray(late(begins[index : index + LATE_HOURS]), dtype=np.int64))
    merged = np.concatenate(times)
    # stable: a first before its last, also where both are one reading
    order = np.argsort(merged, kind="stable")
    merged = merged[order]
    ends = hold_ends(merged, *rule)
    first = np.flatnonzero(order < len(firsts))
    ends[first] = lasts[order[first]]
    return merged, ends


def _buckets(rows: Integers, edges: Integers, unknown: Sequence[int]) -> list[Bucket]:
    import numpy as np

    judged = rows[:, rows[_READINGS] > 0]
    # the first hour may begin before the range does
    bounds = np.searchsorted(np.maximum(judged[_START], edges[0]), edges)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    minimum, maximum = np.zeros((2, len(edges) - 1), dtype=np.int64)
    if len(filled):
        # from one filled bucket's first hour to the next one's: between them is none
        begins = bounds[:-1][filled]
        minimum[filled] = np.minimum.reduceat(judged[_MINIMUM], begins)
        maximum[filled] = np.maximum.reduceat(judged[_MAXIMUM], begins)
    every = np.searchsorted(np.maximum(rows[_START], edges[0]), edges)
    sums = [
        np.diff(np.append(0, np.cumsum(rows[field]))[every]).tolist()
        for field in (_READINGS, _REJECTED, _SUSPECT)
    ]
    result = []
    for index, (begin, finish) in enumerate(pairwise(bounds.tolist())):
        some = finish > begin
        result.append(
            Bucket(
                start=int(edges[index]),
                end=int(edges[index + 1]),
                count=sums[0][index],
                minimum=int(minimum[index]) if some else None,
                maximum=int(maximum[index]) if some else None,
                first=int(judged[_FIRST, begin]) if some else None,
                last=int(judged[_LAST, finish - 1]) if some else None,
                first_at=int(judged[_FIRST_AT, begin]) if some else None,
                last_at=int(judged[_LAST_AT, finish - 1]) if some else None,
                rejected=sums[1][index],
                suspect=sums[2][index],
                unknown_ms=unknown[index],
            )
        )
    return result
