"""From a reading to the corrected value, by the points of a certificate. Exact and pure.

correction (修正值) = reference - reading, so value = reading + correction.

Between two points the correction runs straight. Beyond the lowest and the highest reading it stays
what it was at that point: a certificate says nothing of what lies there, and a line drawn on would
grow without bound. All figures are integer thousandths; the straight line is divided exactly and
rounded once, a half to the even thousandth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from sensors.rounding import half_even


class Correction:
    """The corrections of one certificate.

    The settings see to it that readings, and readings with their corrections, rise from point to
    point: so the value rises, or stays, wherever the reading rises.
    """

    __slots__ = ("_corrections", "_readings")

    def __init__(self, points: Sequence[Sequence[int]]) -> None:
        """Take (reading, correction) in thousandths, by rising reading; at least one."""
        self._readings = [point[0] for point in points]
        self._corrections = [point[1] for point in points]

    def at(self, reading: int) -> int:
        """Return the correction at a reading, rounded to a thousandth."""
        right = bisect_right(self._readings, reading)
        if right == 0:
            return self._corrections[0]
        if right == len(self._readings):
            return self._corrections[-1]
        x0, x1 = self._readings[right - 1], self._readings[right]
        y0, y1 = self._corrections[right - 1], self._corrections[right]
        return half_even(y0 * (x1 - x0) + (y1 - y0) * (reading - x0), x1 - x0)

    def value(self, reading: int) -> int:
        """Return the corrected value."""
        return reading + self.at(reading)
