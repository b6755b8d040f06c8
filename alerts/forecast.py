"""For how long a fridge without mains stays inside: from this fridge's own earlier warm-ups. Pure.

Newton's law: T(t) = A - (A - T0) e^(-t/tau), A the room's temperature. Each earlier warm-up gives
one tau; how much these differ, and how few they are, gives the interval. Nothing known gives None:
no figure at all is better than an exact one that is invented.

The interval is a Student t on ln(time) with a prior spread, worth three warm-ups: a fridge is
fuller today than last month, and a room that is not measured is warmer. The prior was chosen on
simulated fridges (tests/alerts/test_forecast.py prints how many of 500 fell into the interval).

Ice and frozen packs hold a temperature and then let go. So a warm-up that speeds up gives the tau
of its last quarter, and nobody is promised more than four times what was seen.

Times are milliseconds, temperatures thousandths of a degree; floats stay inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Final

# What a room is taken for where nobody measures it.
USUAL_ROOM: Final = 25_000
_LEAST_POINTS: Final = 8
_LEAST_MS: Final = 15 * 60_000
_LEAST_RISE: Final = 500
_MOST_POINTS: Final = 60
# Newton's law only slows down; a last quarter this much quicker is something that has melted.
_SPEEDING_UP: Final = 1.5
_MOST_MINUTES: Final = 7 * 24 * 60
_TIMES_SEEN: Final = 4
# Nothing warms at one rate for longer.
_LONGEST_BY_RATE: Final = 24 * 60
# Spread of ln(time) between two warm-ups of one fridge: its load, and the room if that is unknown.
_PRIOR: Final = {True: 0.23, False: 0.27}
_PRIOR_WORTH: Final = 3
# 95 % points of Student's t by degrees of freedom, from any table; 90 % lie between them.
_T95: Final = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What one warm-up taught.

    Attributes:
        tau_ms: its time constant.
        ambient: the room, thousandths.
        ambient_known: whether that was measured.
        lasted_ms: how long it was watched.
    """

    tau_ms: int
    ambient: int
    ambient_known: bool
    lasted_ms: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Minutes until the limit: nine in ten lie between low and high, half of them over likely.

    Attributes:
        minutes_low: the cautious end; what people are told.
        minutes_likely: the middle.
        minutes_high: the other end.
        warm_ups: from how many.
    """

    minutes_low: int
    minutes_likely: int
    minutes_high: int
    warm_ups: int


def fit(samples: Sequence[tuple[int, int]], ambient: int | None = None) -> WarmUp | None:
    """Return what a warm-up teaches; None where it is too short, too small or no warm-up.

    ``samples`` are (time, temperature) from the loss of mains on, in time order; gaps do no harm.
    """
    points = _thinned(samples)
    if len(points) < _LEAST_POINTS:
        return None
    lasted_ms = points[-1][0] - points[0][0]
    quarter = max(2, len(points) // 4)
    rise = median(v for _, v in points[-quarter:]) - median(v for _, v in points[:quarter])
    if lasted_ms < _LEAST_MS or rise < _LEAST_RISE:
        return None
    room = USUAL_ROOM if ambient is None else ambient
    # The room must be warmer than the fridge has become, or it did not warm it.
    room = max(room, round(median(v for _, v in points[-quarter:])) + 2_000)
    points = [(t, value) for t, value in points if value < room - 500]
    rate = _rate(points, room)
    if rate <= 0:
        return None
    if len(points) >= 2 * _LEAST_POINTS:
        # The last quarter of the time, not of the points: what comes behind a plateau is short.
        end = [point for point in points if point[0] >= points[-1][0] - lasted_ms // 4]
        latest = _rate(end, room) if len(end) >= _LEAST_POINTS // 2 else 0.0
        rate = latest if latest > _SPEEDING_UP * rate else rate
    return WarmUp(round(1 / rate), room, ambient is not None, lasted_ms)


def forecast(
    warm_ups: Sequence[WarmUp], now: int, limit: int, ambient: int | None = None
) -> Forecast | None:
    """Return when a fridge at ``now`` passes ``limit`` without mains; None where nobody knows."""
    if not warm_ups:
        return None
    if now >= limit:
        return Forecast(0, 0, 0, len(warm_ups))
    known = ambient is not None and all(item.ambient_known for item in warm_ups)
    room = ambient if ambient is not None else round(median(item.ambient for item in warm_ups))
    # In a cool room it hardly gets there; the cautious end is as if that were a little warmer.
    room = max(room, limit + 500)
    span = math.log((room - now) / (room - limit))
    logs = [math.log(item.tau_ms * span / 60_000) for item in warm_ups]
    middle = fmean(logs)
    squares = _PRIOR_WORTH * _PRIOR[known] ** 2 + sum((one - middle) ** 2 for one in logs)
    free = _PRIOR_WORTH + len(logs) - 1
    spread = math.sqrt(squares / free * (1 + 1 / len(logs)))
    reach = _T95[min(free, len(_T95)) - 1] * spread
    seen = max(item.lasted_ms for item in warm_ups) * _TIMES_SEEN // 60_000
    likely = math.exp(middle)
    low = min(math.floor(math.exp(middle - reach)), seen)
    return Forecast(
        min(low, _MOST_MINUTES),
        min(max(low, round(likely)), _MOST_MINUTES),
        min(max(low, math.ceil(math.exp(middle + reach))), _MOST_MINUTES),
        len(warm_ups),
    )


def minutes_to(limit: int, now: int, rate: int) -> int | None:
    """Return in how many minutes a value that goes on as it does reaches a limit, rounded down.

    ``rate`` is thousandths a minute, below 0 for a fall. None where it does not come nearer, is
    beyond the limit already, or would take longer than a day: no rate lasts so long.
    """
    left = limit - now
    if rate == 0 or left == 0 or (left > 0) != (rate > 0):
        return None
    minutes = abs(left) // abs(rate)
    return minutes if minutes <= _LONGEST_BY_RATE else None


def _thinned(samples: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return at most sixty points, each the median of its stretch, so that a spike is none."""
    step = max(
        3 if len(samples) >= 3 * _LEAST_POINTS else 1, math.ceil(len(samples) / _MOST_POINTS)
    )
    stretches = (samples[n : n + step] for n in range(0, len(samples), step))
    return [
        (round(median(t for t, _ in stretch)), round(median(v for _, v in stretch)))
        for stretch in stretches
    ]


def _rate(points: Sequence[tuple[int, int]], room: int) -> float:
    """Return 1/tau in 1/ms: the median slope of ln(room - T) between any two points (Theil-Sen)."""
    logs = [(t, math.log(room - value)) for t, value in points]
    apart = (points[-1][0] - points[0][0]) / 4
    slopes = [(a - b) / (t2 - t1) for (t1, a), (t2, b) in combinations(logs, 2) if t2 - t1 >= apart]
    return median(slopes) if slopes else 0.0
