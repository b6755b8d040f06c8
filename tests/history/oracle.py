"""What the rules say, moment by moment: one array cell per millisecond, and no cleverness.

Written differently on purpose from history/segments.py and history/columns.py: it asks for
every single moment which reading is in force there, and adds nothing up while it goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from protocol.reading import Reading


@dataclass(frozen=True)
class Series:
    """One series as the tests make it: its readings in order and its holding rule."""

    readings: tuple[Reading, ...]
    interval_ms: int
    max_gap_ms: int
    settled: int | None = None


def held_values(series: Series, start: int, end: int) -> list[int | str]:
    """Return for every millisecond of [start, end) the value in force, or why there is none."""
    judged = [reading for reading in series.readings if reading.judged]
    cells: list[int | str] = []
    for moment in range(start, end):
        past = [reading for reading in judged if reading.at <= moment]
        future = [reading for reading in judged if reading.at > moment]
        value = past[-1].value if past else None
        if past and future and future[0].at - past[-1].at <= series.max_gap_ms:
            held = True
        else:
            held = bool(past) and moment < past[-1].at + series.interval_ms
        if held and value is not None:
            cells.append(value)
        elif future or (series.settled is not None and moment < series.settled):
            cells.append("unknown")
        else:
            cells.append("pending")
    return cells


@dataclass(frozen=True)
class Answer:
    """What the oracle says of a range; names as in ``Exposure``."""

    inside_ms: int
    above_ms: int
    below_ms: int
    both_ms: int
    unknown_ms: int
    pending_ms: int
    longest_unknown_ms: int
    head_unknown_ms: int
    tail_unknown_ms: int
    readings: int
    first_at: int | None
    last_at: int | None
    minimum: int | None
    maximum: int | None
    mean: float | None
    mkt: float | None


def answer(
    points: Sequence[Series], start: int, end: int, low: int | None, high: int | None
) -> Answer:
    """Return the exposure of an asset, each moment being what its worst point says."""
    columns = [held_values(point, start, end) for point in points]
    moments = list(zip(*columns, strict=True))
    states = [_state(moment, low, high) for moment in moments]
    in_range = [
        reading
        for point in points
        for reading in point.readings
        if reading.judged and start <= reading.at < end
    ]
    times = [reading.at for reading in in_range]
    seen = [reading.value for reading in in_range if reading.value is not None]
    seen += [value for moment in moments for value in moment if isinstance(value, int)]
    known = [
        [value for value in moment if isinstance(value, int)]
        for moment, state in zip(moments, states, strict=True)
        if state not in {"unknown", "pending"}
    ]
    runs = [(state, len(list(run))) for state, run in groupby(states)]
    unknown_runs = [length for state, length in runs if state == "unknown"]
    hot = [max(values) / 1000 + 273.15 for values in known]
    return Answer(
        inside_ms=states.count("inside"),
        above_ms=states.count("above") + states.count("both"),
        below_ms=states.count("below") + states.count("both"),
        both_ms=states.count("both"),
        unknown_ms=states.count("unknown") + states.count("pending"),
        pending_ms=states.count("pending"),
        longest_unknown_ms=max(unknown_runs, default=0),
        head_unknown_ms=runs[0][1] if runs and runs[0][0] == "unknown" else 0,
        tail_unknown_ms=runs[-1][1] if runs and runs[-1][0] == "unknown" else 0,
        readings=len(in_range),
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        minimum=min(seen, default=None),
        maximum=max(seen, default=None),
        mean=math.fsum((min(v) + max(v)) / 2 for v in known) / len(known) if known else None,
        mkt=_mkt(hot) if hot else None,
    )


def _state(moment: Sequence[int | str], low: int | None, high: int | None) -> str:
    above = any(isinstance(v, int) and high is not None and v > high for v in moment)
    below = any(isinstance(v, int) and low is not None and v < low for v in moment)
    if above and below:
        return "both"
    if above:
        return "above"
    if below:
        return "below"
    if "unknown" in moment:
        return "unknown"
    return "pending" if "pending" in moment else "inside"


def _mkt(kelvin: Sequence[float]) -> float:
    """Return the textbook formula in degrees, USP <1160>, as thousandths of a degree Celsius."""
    mean_rate = math.fsum(math.exp(-10_000 / temperature) for temperature in kelvin) / len(kelvin)
    return (10_000 / -math.log(mean_rate) - 273.15) * 1000
