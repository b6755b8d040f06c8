"""Durations and decimals as people write them in settings: ``10s``, ``90min``, ``2.5`` degC."""

from __future__ import annotations

import re
from decimal import Decimal, DecimalException, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from protocol.canonical import MAX_INTEGER

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*$")
DURATION_UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
# A hundred years: what is longer is a slip of the finger, and sums of it must stay integers of 64 bits.
MAX_DURATION_MS = 36_525 * 86_400_000


def duration_ms(text: object) -> int:
    """Return milliseconds of ``"10s"``, ``"15min"``, ``"1.5h"``; raise ValueError saying what to write."""
    match = _DURATION.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f'{text!r} is not a duration; write a number with its unit, such as "10s", "15min" or "24h"'
        )
    value = Decimal(match[1]) * DURATION_UNITS[match[2]]
    if value != value.to_integral_value():
        raise ValueError(f'{text!r} is finer than one millisecond; write for example "10s"')
    return int(value)


def thousandths(value: object) -> int:
    """Return the integer thousandths of a decimal; raise ValueError where it is finer or no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError(f"{value!r} is not a number; write for example 8.0")
    try:
        scaled = Decimal(str(value)) * 1000
        if not scaled.is_finite() or abs(scaled) > MAX_INTEGER:
            raise InvalidOperation
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} is finer than a thousandth; write for example 8.0")
    except DecimalException:
        raise ValueError(f"{value!r} is not a number; write for example 8.0") from None
    return int(scaled)


def _to_duration(value: Any) -> int:
    return duration_ms(value)


def _to_thousandths(value: Any) -> int:
    return thousandths(value)


# In TOML a duration is text with its unit and a limit a decimal; inside both are integers.
DurationMs = Annotated[
    int, BeforeValidator(_to_duration, json_schema_input_type=str), Field(ge=0, le=MAX_DURATION_MS)
]
Thousandths = Annotated[int, BeforeValidator(_to_thousandths, json_schema_input_type=float)]
