from __future__ import annotations

import pytest

from alerts.table.numbers import Unit, Values
from alerts.table.refusals import RowError


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("5", "degC", 5000),
        ("-0.5", "degC", -500),
        ("\u22120.5", "degC", -500),
        ("4,5", "degC", 4500),
        (".5", "degC", 500),
        (" +8.062 ", "degC", 8062),
        ("8.0 °C", "degC", 8000),
        ("8.0℃", "degC", 8000),
        ("1e1", "degC", 10_000),
        ("46.4", "degF", 8000),
        ("46.4F", "degF", 8000),
        ("32", "degF", 0),
        ("23125", "mdegC", 23_125),
        ("-2500", "mdegC", -2500),
    ],
)
def test_decimals_become_thousandths(text: str, unit: Unit, expected: int) -> None:
    """Points, commas, signs and unit marks of all sorts give the same exact integer."""
    values = Values(unit)

    assert expected == values.read(text)
    assert not values.rounded


@pytest.mark.parametrize(
    ("text", "expected"), [("8.0005", 8000), ("8.0015", 8002), ("8.00051", 8001), ("-0.5005", -500)]
)
def test_finer_values_are_rounded_half_to_even_and_said_to_be(text: str, expected: int) -> None:
    """Rounding goes by the decimal text, not by a binary fraction, and is remarked."""
    values = Values("degC")

    assert expected == values.read(text)
    assert values.rounded


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "blank"),
        ('""', "blank"),
        ("nan", "not-a-number"),
        ("inf", "not-a-number"),
        ("-", "not-a-number"),
        ("1_000", "not-a-number"),
        ("5.0.0", "not-a-number"),
        ("5 V", "not-a-number"),
        ("46.4 °F", "other-unit"),
        ("-273.151", "no-temperature"),
        ("1000.001", "no-temperature"),
        ("1e9999", "no-temperature"),
        ("9" * 400, "no-temperature"),
    ],
)
def test_what_is_no_temperature_says_why(text: str, code: str) -> None:
    """Blank, NaN, infinite, huge and foreign cells are refused with their reason."""
    with pytest.raises(RowError) as caught:
        Values("degC").read(text)

    assert caught.value.code == code
