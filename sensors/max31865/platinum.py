"""From the code of a MAX31865 to a temperature: Callendar and Van Dusen, both sides of 0 degC.

R(t) = R0 * (1 + A*t + B*t^2 + C*(t - 100)*t^3), C only below 0 degC (IEC 60751, alpha 0.00385).
"""

from __future__ import annotations

import math
from typing import Final

A: Final = 3.9083e-3
B: Final = -5.775e-7
C: Final = -4.183e-12
R0: Final = 100.0

# Newton's steps from the parabola's answer; two are enough at -200 degC, the rest is for peace of mind.
_STEPS: Final = 6


def ohms(celsius: float) -> float:
    """Return the resistance of a PT100."""
    below = C * (celsius - 100) * celsius**3 if celsius < 0 else 0.0
    return R0 * (1 + A * celsius + B * celsius**2 + below)


def celsius(resistance: float) -> float:
    """Return the temperature of a PT100 of this resistance, ohm; nan beyond what platinum can be.

    From 0 degC up the parabola is solved; below it is the first guess of Newton's method.
    """
    under_root = A * A - 4 * B * (1 - resistance / R0)
    if under_root < 0:
        return math.nan
    guess = (math.sqrt(under_root) - A) / (2 * B)
    if guess >= 0:
        return guess
    for _ in range(_STEPS):
        slope = R0 * (A + 2 * B * guess + C * (4 * guess**3 - 300 * guess**2))
        guess -= (ohms(guess) - resistance) / slope
    return guess


def thousandths(code: int, reference_milliohm: int) -> int | None:
    """Return a 15-bit ratio code as thousandths of a degree; None beyond what platinum can be."""
    found = celsius(code * (reference_milliohm / 1000) / 32_768)
    return None if math.isnan(found) else round(found * 1000)


def code(temperature: float, reference_milliohm: int) -> int:
    """Return the ratio code that a PT100 of this temperature gives."""
    return max(0, min(32_767, round(ohms(temperature) * 32_768 * 1000 / reference_milliohm)))
