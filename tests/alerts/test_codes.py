"""The code of an alarm."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.codes import code_of
from alerts.decisions import excursion_id


@given(st.text(alphabet="0123456789abcdef", min_size=16, max_size=16))
def test_four_digits(id_: str) -> None:
    """Whatever the id, a code has four digits and does not begin with 0."""
    code = code_of(id_)

    assert len(code) == 4
    assert code.isascii()
    assert code.isdecimal()
    assert code[0] != "0"


@pytest.mark.parametrize(
    ("id_", "code"),
    [
        ("0000000000000000", "1000"),
        ("0000000000002327", "9999"),
        ("0000000000002328", "1000"),
        ("ffffffffffffffff", "4615"),
        (excursion_id("a" * 32, "fridge-1/center/temperature", "cn-gsp/out-of-range", 7), "8925"),
    ],
)
def test_it_never_changes(id_: str, code: str) -> None:
    """People answer tomorrow what an older version sent today: the reckoning stays as it is."""
    assert code_of(id_) == code


def test_codes_are_spread() -> None:
    """Of a day's alarms hardly any two share a code: a thousand ids take some 950 codes."""
    ids = [excursion_id("b" * 32, "fridge-1/center/temperature", "x/y", n) for n in range(1000)]
    codes = Counter(code_of(id_) for id_ in ids)

    assert len(codes) > 900
    assert max(codes.values()) <= 4


def test_no_hexadecimal_id_is_an_error() -> None:
    """A code is never invented."""
    with pytest.raises(ValueError, match="invalid literal"):
        code_of("fridge-1")
