"""Durations and decimals are exact, and spelled back as they were meant."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.spelling import duration_text
from config.units import duration_ms, thousandths


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10s", 10_000),
        ("1.5h", 5_400_000),
        (" 15 min ", 900_000),
        ("2ms", 2),
        ("35d", 3_024_000_000),
    ],
)
def test_durations(text: str, ms: int) -> None:
    """A number with its unit is that many milliseconds."""
    assert ms == duration_ms(text)


@pytest.mark.parametrize(
    "text", ["10", "", "s", "-1s", "1e3s", "0.0001s", "1 week", 10, None, True]
)
def test_what_is_no_duration_says_what_to_write(text: object) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(ValueError, match=r'; write .*"10s"'):
        duration_ms(text)


@given(st.integers(0, 10**13))
def test_a_duration_spelled_is_the_same_duration(ms: int) -> None:
    """Spelling a duration and reading it gives it back, for every duration."""
    assert ms == duration_ms(duration_text(ms))


@given(st.integers(-(10**9), 10**9))
def test_thousandths_are_exact(value: int) -> None:
    """A decimal with three digits is its thousandths, as float, text or Decimal."""
    assert value == thousandths(value / 1000)
    assert value == thousandths(str(Decimal(value) / 1000))
    assert value == thousandths(Decimal(value) / 1000)


@pytest.mark.parametrize(
    "value", ["x", True, None, [1], float("nan"), float("inf"), "1e999999", 8.0001, 10**30]
)
def test_what_is_no_decimal_says_what_to_write(value: object) -> None:
    """Text, truth values, NaN, infinity and finer fractions are refused, with an example."""
    with pytest.raises(ValueError, match=r"; write for example 8\.0"):
        thousandths(value)
