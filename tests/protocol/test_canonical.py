"""Canonical bytes: one spelling for one value, and a refusal for what has none."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import MAX_INTEGER, NotCanonicalError, canonical_bytes, check_canonical

# Text without lone surrogates: all that UTF-8 can spell, control characters included.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=6)


@given(OBJECTS)
def test_two_encoders_written_apart_agree(value: dict[str, Any]) -> None:
    """Whatever is allowed has the bytes that orjson gives it with sorted keys."""
    check_canonical(value)

    assert canonical_bytes(value) == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@given(OBJECTS, st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    """One value has one spelling, in whatever order its keys were put in."""

    def shuffled(item: Any) -> Any:
        if isinstance(item, dict):
            keys = list(item)
            random.shuffle(keys)
            return {key: shuffled(item[key]) for key in keys}
        if isinstance(item, list):
            return [shuffled(one) for one in item]
        return item

    assert canonical_bytes(value) == canonical_bytes(shuffled(value))


@given(OBJECTS)
def test_reading_the_bytes_gives_the_value_back(value: dict[str, Any]) -> None:
    """Two values that differ have bytes that differ, for each can be read back from its own."""
    assert value == json.loads(canonical_bytes(value))


def test_spelling() -> None:
    """No white space, keys by code point, text as UTF-8, only what JSON demands is escaped."""
    value = {"b": 1, "a": [True, None, -0], "é": "温度\n\x07/\x7f\u2028", "Z": {}}

    expected = '{"Z":{},"a":[true,null,0],"b":1,"é":"温度\\n\\u0007/\x7f\u2028"}'
    assert expected.encode() == canonical_bytes(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1.0}, "a: float where only integers"),
        ({"a": {"b": [0, 0.5]}}, r"a\.b\[1\]: float"),
        ({"a": float("nan")}, "a: float"),
        ({"a": float("inf")}, "a: float"),
        ({"a": 2**53}, r"a: integer beyond 2\^53-1"),
        ({"a": -(2**53)}, "a: integer beyond"),
        ({"a": 10**400}, "a: integer beyond"),
        ({"a": "\ud800"}, "a: text is not valid Unicode"),
        ({"\udfff": 1}, "<key>: text is not valid Unicode"),
        ({"a": {"\udfff": 1}}, "a.<key>: text is not valid Unicode"),
        ({"a": b"x"}, "a: bytes"),
        ({1: 2}, "value: 1 is no key; only text is"),
        ([1.5], r"\[0\]: float"),
        (1.5, "value: float"),
    ],
)
def test_what_has_no_single_spelling_is_refused(value: Any, said: str) -> None:
    """Fractions, NaN, integers that doubles change and broken text are refused, with the place."""
    with pytest.raises(NotCanonicalError, match=said):
        check_canonical(value)


@pytest.mark.parametrize("value", [MAX_INTEGER, -MAX_INTEGER, 0, True, None, "", "\0", [], {}])
def test_the_edges_of_what_is_allowed_pass(value: Any) -> None:
    """The largest integers and every plain kind are canonical."""
    check_canonical({"a": value})
