"""The envelope from columns: the same answer as envelope.py, for millions of readings at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from history.columns import Point, hold_ends
from history.envelope import bucket_edges, check_buckets
from history.port import Bucket

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


def envelope_of_columns(
    point: Point,
    *,
    suspect: Sequence[int],
    rejected: Sequence[int],
    start: int,
    end: int,
    buckets: int,
    before: int | None = None,
    after: int | None = None,
) -> list[Bucket]:
    """Return at most ``buckets`` buckets over [start, end).

    Args:
        point: the judged readings within the range, and their holding rule.
        suspect: times of those of them that are suspect.
        rejected: times of the readings that are not judged.
        start: first millisecond.
        end: the millisecond after the last one.
        buckets: how many at most.
        before: time of the newest judged reading before the range.
        after: time of the first judged reading behind the range.
    """
    import numpy as np

    check_buckets(start, end, buckets, point.interval_ms, point.max_gap_ms)
    edges = np.asarray(bucket_edges(start, end, buckets), dtype=np.int64)
    if len(edges) == 1:
        return []
    times = np.asarray(point.times, dtype=np.int64)
    values = np.asarray(point.values, dtype=np.int64)
    bounds = np.searchsorted(times, edges)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    minimum, maximum = np.zeros((2, len(edges) - 1), dtype=np.int64)
    if len(filled):
        # from one filled bucket's first reading to the next one's: between them is nothing
        begins = bounds[:-1][filled]
        minimum[filled] = np.minimum.reduceat(values, begins)
        maximum[filled] = np.maximum.reduceat(values, begins)
    around = np.concatenate(
        [
            np.asarray(part, dtype=np.int64)
            for part in (
                [] if before is None else [before],
                times,
                [] if after is None else [after],
            )
        ]
    )
    ends = hold_ends(around, point.interval_ms, point.max_gap_ms)
    unknown = unknown_times(around, ends, edges)
    suspects = np.diff(np.searchsorted(np.asarray(suspect, dtype=np.int64), edges))
    rejects = np.diff(np.searchsorted(np.asarray(rejected, dtype=np.int64), edges))
    result = []
    for index, (begin, finish) in enumerate(pairwise(bounds.tolist())):
        some = finish > begin
        result.append(
            Bucket(
                start=int(edges[index]),
                end=int(edges[index + 1]),
                count=finish - begin,
                minimum=int(minimum[index]) if some else None,
                maximum=int(maximum[index]) if some else None,
                first=int(values[begin]) if some else None,
                last=int(values[finish - 1]) if some else None,
                first_at=int(times[begin]) if some else None,
                last_at=int(times[finish - 1]) if some else None,
                rejected=int(rejects[index]),
                suspect=int(suspects[index]),
                unknown_ms=int(unknown[index]),
            )
        )
    return result


def unknown_times(times: Integers, ends: Integers, edges: Integers) -> Integers:
    """Return the unknown time between neighbouring edges.

    Args:
        times: of judged readings, ordered; what lies outside the edges tells what holds over them.
        ends: until when each of them holds.
        edges: rising.
    """
    import numpy as np

    start, end = int(edges[0]), int(edges[-1])
    # unknown from the end of a hold to the next reading; before the first; behind the last
    following = np.append(times[1:], max(end, int(times[-1])) if len(times) else end)
    late = np.flatnonzero(ends < following)
    begins = np.clip(np.concatenate([[start], ends[late]]), start, end)
    finishes = np.clip(
        np.concatenate([times[:1] if len(times) else [end], following[late]]), start, end
    )
    # unknown time before an edge = all that ended before it + what is under way there
    lengths = np.append(0, np.cumsum(finishes - begins))
    index = np.searchsorted(begins, edges, side="right")
    under_way = np.where(index > 0, np.maximum(finishes[index - 1] - edges, 0), 0)
    unknown: Integers = np.diff(lengths[index] - under_way)
    return unknown
