"""The small chart on a card, as the numbers of an SVG: 96 by 32 units, stretched by the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from console.models import Trace

WIDTH: Final = 96
HEIGHT: Final = 32
_MARGIN: Final = 1.5
# A range is drawn with at least so much room around it, thousandths.
_ROOM: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Shapes to draw.

    Attributes:
        band: y and height of the storage range; None where there is none.
        area: path around the extremes of each stretch that is known.
        hot: path of a bar for each bucket above the range, from the limit to the extreme.
        cold: likewise below.
        unknown: x and width of each unknown stretch.
    """

    band: tuple[float, float] | None
    area: str
    hot: str
    cold: str
    unknown: list[tuple[float, float]]


def sparkline(trace: Trace, low: int | None, high: int | None) -> Sparkline:
    """Return the shapes of a trace with its storage range."""
    known = [value for value in (*trace.minimum, *trace.maximum) if value is not None]
    bottom = min([*known, *((low - _ROOM,) if low is not None else ())], default=0)
    top = max([*known, *((high + _ROOM,) if high is not None else ())], default=1)
    scale = (HEIGHT - 2 * _MARGIN) / max(1, top - bottom)

    def y(value: int) -> float:
        return round(HEIGHT - _MARGIN - (value - bottom) * scale, 2)

    step = WIDTH / max(1, len(trace.minimum))
    band = (y(high), round(y(low) - y(high), 2)) if low is not None and high is not None else None
    return Sparkline(
        band=band,
        area=" ".join(_areas(trace, step, y)),
        hot=" ".join(_bars(trace.maximum, step, y, high, 1)) if high is not None else "",
        cold=" ".join(_bars(trace.minimum, step, y, low, -1)) if low is not None else "",
        unknown=list(_unknown(trace, step)),
    )


def _areas(trace: Trace, step: float, y: Callable[[int], float]) -> Iterator[str]:
    """Yield a closed path for each run of buckets that have a value."""
    upper: list[str] = []
    lower: list[str] = []
    columns = zip(trace.minimum, trace.maximum, strict=True)
    for index, (minimum, maximum) in enumerate([*columns, (None, None)]):
        if minimum is not None and maximum is not None:
            x = round((index + 0.5) * step, 2)
            upper.append(f"{x} {y(maximum)}")
            lower.append(f"{x} {y(minimum)}")
        elif upper:
            yield "M" + "L".join([*upper, *reversed(lower)]) + "Z"
            upper, lower = [], []


def _bars(
    extremes: list[int | None], step: float, y: Callable[[int], float], limit: int, side: int
) -> Iterator[str]:
    for index, value in enumerate(extremes):
        if value is not None and (value - limit) * side > 0:
            x = round((index + 0.5) * step, 2)
            # a value just beyond the limit is still seen
            yield f"M{x} {y(limit)}V{round(y(value) - side * 0.8, 2)}"


def _unknown(trace: Trace, step: float) -> Iterator[tuple[float, float]]:
    start = None
    for index, blank in enumerate([*trace.unknown, False]):
        if blank and start is None:
            start = index
        elif not blank and start is not None:
            yield round(start * step, 2), round((index - start) * step, 2)
            start = None
