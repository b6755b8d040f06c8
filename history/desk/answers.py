"""The statistics as one JSON document: keys, units and roundings are those of `coldwatch excursions`."""

from __future__ import annotations

from typing import Any

from alerts.table.report import degrees, seconds
from history.days import Day
from history.desk.stats import Statistics
from history.desk.words import stamp, unit_of
from history.statistics import Exposure


def as_json(found: Statistics) -> dict[str, Any]:
    """Return everything that was found of a series."""
    rule, exposure = found.rule, found.exposure
    kinetic = unit_of(rule.series) == "degC"
    answer: dict[str, Any] = {
        "site": found.site,
        "series": rule.series,
        "unit": unit_of(rule.series),
        "zone": found.zone.key,
        "interval_s": seconds(rule.interval_ms),
        "max_gap_s": seconds(rule.max_gap_ms),
        "storage": [degrees(rule.low), degrees(rule.high)],
        "readings": exposure.readings if exposure is not None else 0,
    }
    if exposure is None:
        return answer | {"exposure": None, "days": []}
    return answer | {
        "from": stamp(exposure.start, found.zone),
        "to": stamp(exposure.end, found.zone),
        "first": _stamp(exposure.first_at, found),
        "last": _stamp(exposure.last_at, found),
        "exposure": _times(exposure)
        | {
            "pending_s": seconds(exposure.pending_ms),
            "longest_unknown_s": seconds(exposure.longest_unknown_ms),
            "inside_share": _share(exposure.inside_ms, exposure.span_ms),
            "inside_share_of_known": _share(exposure.inside_ms, exposure.held_ms),
        },
        "min": degrees(exposure.minimum),
        "max": degrees(exposure.maximum),
        "mean": _mean(exposure.mean),
        "mkt": _mean(exposure.mkt) if kinetic else None,
        "days": [_day(day) for day in found.days],
    }


def _day(day: Day) -> dict[str, Any]:
    exposure = day.exposure
    return {
        "date": day.date.isoformat(),
        "min": degrees(exposure.minimum),
        "max": degrees(exposure.maximum),
        "mean": _mean(exposure.mean),
        **_times(exposure),
    }


def _times(exposure: Exposure) -> dict[str, int | float | None]:
    return {
        "inside_s": seconds(exposure.inside_ms),
        "above_s": seconds(exposure.above_ms),
        "below_s": seconds(exposure.below_ms),
        "unknown_s": seconds(exposure.unknown_ms),
    }


def _stamp(at: int | None, found: Statistics) -> str | None:
    return None if at is None else stamp(at, found.zone)


def _mean(value: float | None) -> float | None:
    """Return a mean of thousandths as a decimal, as fine as it means anything."""
    return None if value is None else round(value / 1000, 6)


def _share(part: int, whole: int) -> float | None:
    """Return a share between 0 and 1; it is 1 only where nothing is missing."""
    return None if not whole else part * 1_000_000 // whole / 1_000_000
