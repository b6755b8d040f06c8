"""A reading travels as its body and comes back the same; its decimals are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import MAX_INTEGER
from protocol.messages import record_adapter
from protocol.reading import KNOWN_FIELDS, Reading, decimal, reading_from_body, split_series

INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
READINGS = st.builds(
    Reading,
    seq=st.integers(1, MAX_INTEGER),
    series=st.sampled_from(["fridge-1/center/temperature", "a/door/open"]),
    at=st.integers(0, 7_258_118_400_000),
    boot=st.sampled_from(["9b2c8f0e5d1a4c3b8e7f6a5d4c3b2a19", "b"]),
    mono_ms=st.integers(0, MAX_INTEGER),
    value=st.none() | INTEGERS,
    quality=st.sampled_from(["ok", "suspect:stuck", "rejected:crc"]),
    clock=st.sampled_from(["synced", "estimated"]),
    raw=st.none() | INTEGERS,
    extra=st.none()
    | st.dictionaries(
        st.text("abcxyz_", min_size=1, max_size=8).filter(lambda key: key not in KNOWN_FIELDS),
        INTEGERS | st.text(max_size=5),
        min_size=1,
        max_size=3,
    ),
)


@given(READINGS)
def test_a_reading_survives_the_way_through_its_body(reading: Reading) -> None:
    """Body and back gives the same reading, unknown fields included."""
    assert reading == reading_from_body(reading.body())


@given(READINGS)
def test_every_body_is_a_record_of_the_wire(reading: Reading) -> None:
    """What a reading says of itself is what the published schema takes, unchanged."""
    assert reading.body() == record_adapter.validate_python(reading.body())


@pytest.mark.parametrize(
    ("value", "quality", "judged"),
    [
        (5_000, "ok", True),
        (5_000, "suspect:stuck", True),
        (5_000, "rejected:crc", False),
        (85_000, "rejected:power-on", False),
        (None, "rejected:no-answer", False),
        (None, "ok", False),
    ],
)
def test_only_the_impossible_is_not_judged(value: int | None, quality: str, judged: bool) -> None:
    """A suspect value is judged; a rejected one, and none at all, are not."""
    reading = Reading(1, "a/b/temperature", 0, "b", 0, value, quality)

    assert judged is reading.judged


@given(INTEGERS)
def test_a_decimal_is_exact(value: int) -> None:
    """The decimal that a person reads is the thousandths, without rounding."""
    text = decimal(value)

    assert Decimal(value) / 1000 == Decimal(text)
    assert "e" not in text.lower()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"), (8_000, "8.0"), (8_040, "8.04"), (8_062, "8.062"), (-500, "-0.5"),
        (-1, "-0.001"), (-12_345, "-12.345"), (100, "0.1"), (1_000_000, "1000.0"),
    ],
)  # fmt: skip
def test_decimals_as_they_are_shown(value: int, text: str) -> None:
    """8.04 is never shown as 8.0, for that would look inside a range that it is outside of."""
    assert text == decimal(value)


def test_series() -> None:
    """A series is asset, point and quantity, and nothing else is one."""
    assert split_series("fridge-1/center/temperature") == ("fridge-1", "center", "temperature")
    for wrong in ("fridge-1", "a/b", "a/b/c/d"):
        with pytest.raises(ValueError, match="values to unpack"):
            split_series(wrong)


def test_a_reading_cannot_be_changed() -> None:
    """What was read stays as it was read."""
    reading: Any = Reading(1, "a/b/temperature", 0, "b", 0, 1)

    with pytest.raises(AttributeError):
        reading.value = 2
