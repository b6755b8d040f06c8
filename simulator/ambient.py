"""The room or tent that a fridge stands in: a day's swing and a little weather.

A function of the time alone, so that every process at one time agrees.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Final

_DAY_MS: Final = 86_400_000
# Weather is a sum of slow swings that share no period with the day.
_PERIODS_MS: Final = (5.3 * 3_600_000, 13.7 * 3_600_000, 61.0 * 3_600_000)


@dataclass(frozen=True, slots=True)
class Ambient:
    """The temperature around a fridge.

    Attributes:
        mean_c: the day's mean.
        swing_c: half of the difference between the day's warmest and coldest hour.
        weather_c: largest departure from that, of either sign.
        utc_offset_h: how far the place's clock is ahead of UTC; it is warmest at 15:00 there.
        seed: another seed gives other weather.
    """

    mean_c: float = 24.0
    swing_c: float = 4.0
    weather_c: float = 1.0
    utc_offset_h: float = 8.0
    seed: int = 0
    _phases: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw the weather's phases."""
        chance = random.Random(self.seed)
        phases = tuple(chance.uniform(0, 2 * math.pi) for _period in _PERIODS_MS)
        object.__setattr__(self, "_phases", phases)

    def at(self, now_ms: int) -> float:
        """Return degC at a time, UTC milliseconds."""
        since_warmest_ms = now_ms + (self.utc_offset_h - 15) * 3_600_000
        day = math.cos(2 * math.pi * (since_warmest_ms % _DAY_MS) / _DAY_MS)
        weather = sum(
            math.sin(2 * math.pi * now_ms / period + phase)
            for period, phase in zip(_PERIODS_MS, self._phases, strict=True)
        )
        return self.mean_c + self.swing_c * day + self.weather_c * weather / len(_PERIODS_MS)
