"""One-time codes as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.enrolment import CodeError, new_code, parse_code


@given(ca=st.binary(min_size=1, max_size=40), blanks=st.booleans(), lower=st.booleans())
def test_a_code_survives_the_telephone(ca: bytes, blanks: bool, lower: bool) -> None:
    """Whatever its case and grouping, and O for 0, it is the same code."""
    code = new_code(ca)
    text = str(code).replace("0", "O").replace("1", "l")
    text = text.replace("-", "  ") if blanks else text
    assert parse_code(text.lower() if lower else text) == code
    assert code.belongs_to(ca)
    assert not code.belongs_to(ca + b"x")


@given(at=st.integers(0, 43), other=st.sampled_from("23456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_letter_is_found(at: int, other: str) -> None:
    """Before anything is sent: 20 bits of check."""
    text = str(new_code(b"ca"))
    if text[at] in {"-", other}:
        return
    with pytest.raises(CodeError, match="slip"):
        parse_code(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has 0"),
        ("ABCD", "has 4"),
        ("U" * 36, "'U' is in no code"),
        ("ä", "'Ä'"),
        ("0" * 99, "99"),
    ],
)
def test_what_is_no_code(text: str, why: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(CodeError, match=why):
        parse_code(text)
