"""How the time of a range was spent, from the exposure of an asset to the API's models."""

from __future__ import annotations

from console.models import Shares, Statistics
from history.statistics import Exposure


def shares_of(exposure: Exposure) -> Shares:
    """Return how the time was spent."""
    return Shares(
        start=exposure.start,
        end=exposure.end,
        span_ms=exposure.span_ms,
        inside_ms=exposure.inside_ms,
        above_ms=exposure.above_ms,
        below_ms=exposure.below_ms,
        both_ms=exposure.both_ms,
        unknown_ms=exposure.unknown_ms,
        pending_ms=exposure.pending_ms,
        minimum=exposure.minimum,
        maximum=exposure.maximum,
    )


def statistics_of(exposure: Exposure) -> Statistics:
    """Return the same with the figures that a report prints."""
    return Statistics(
        **shares_of(exposure).model_dump(),
        readings=exposure.readings,
        longest_unknown_ms=exposure.longest_unknown_ms,
        mean=exposure.mean,
        mkt=exposure.mkt,
        safe_share=exposure.inside_ms / exposure.span_ms if exposure.span_ms else None,
    )
