"""Durations, times of day and decimals as people write them: ``10s``, ``20:00``, ``2.5`` degC."""

from __future__ import annotations

import re
from decimal import Decimal, DecimalException, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from protocol.canonical import MAX_INTEGER

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*$")
_TIME = re.compile(r"^([0-2][0-9]):([0-5][0-9])$")
DAY_MINUTES = 24 * 60
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


def minute_of_day(text: object) -> int:
    """Return the minutes since midnight of ``"20:00"``; ``"24:00"`` is the end of the day."""
    match = _TIME.match(text) if isinstance(text, str) else None
    minute = int(match[1]) * 60 + int(match[2]) if match is not None else DAY_MINUTES + 1
    if minute > DAY_MINUTES:
        raise ValueError(f'{text!r} is no time of day; write for example "08:00"')
    return minute


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


def _to_minute(value: Any) -> int:
    return minute_of_day(value)


def _to_thousandths(value: Any) -> int:
    return thousandths(value)


# In TOML a duration is text with its unit and a limit a decimal; inside both are integers.
DurationMs = Annotated[
    int, BeforeValidator(_to_duration, json_schema_input_type=str), Field(ge=0, le=MAX_DURATION_MS)
]
# In TOML text such as "08:00"; inside minutes since midnight by the site's clock.
TimeOfDay = Annotated[
    int, BeforeValidator(_to_minute, json_schema_input_type=str), Field(ge=0, le=DAY_MINUTES)
]
Thousandths = Annotated[int, BeforeValidator(_to_thousandths, json_schema_input_type=float)]
