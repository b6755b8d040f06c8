"""The small chart of the last day on an asset's card: extremes in short buckets, none hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from console.models import Trace
from console.runs import Held, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

BUCKETS: Final = 96
_NONE: Final = 2**62  # no value yet, in a column of minima; -_NONE in one of maxima


def trace_of(points: Sequence[Held]) -> Trace | None:
    """Return the extremes of all points together over their common range; None without a point."""
    import numpy as np

    if not points:
        return None
    start, end = points[0].start, points[0].end
    width = -((start - end) // BUCKETS)
    edges = np.arange(start, end, width)
    low, high = np.full(len(edges), _NONE), np.full(len(edges), -_NONE)
    blank = np.zeros(len(edges), dtype=bool)
    for point in points:
        _see(point, edges, width, low, high)
        for begin, finish in unknown(point):
            blank[(begin - start) // width : -((start - finish) // width)] = True
    return Trace(
        start=start,
        width=width,
        minimum=[None if value == _NONE else value for value in low.tolist()],
        maximum=[None if value == -_NONE else value for value in high.tolist()],
        unknown=blank.tolist(),
    )


def _see(point: Held, edges: Integers, width: int, low: Integers, high: Integers) -> None:
    """Let the buckets see what was read in them and what held into them."""
    import numpy as np

    if not len(point.times):
        return
    within = (point.times >= point.start) & (point.times < point.end)
    bucket = (point.times[within] - point.start) // width
    np.minimum.at(low, bucket, point.values[within])
    np.maximum.at(high, bucket, point.values[within])
    owner = np.searchsorted(point.times, edges, side="right") - 1
    holds = (owner >= 0) & (edges < point.ends[owner])
    np.minimum(low, point.values[owner], out=low, where=holds)
    np.maximum(high, point.values[owner], out=high, where=holds)
