"""Topics name site and device, and nothing that MQTT reads otherwise gets into a name."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.topics import NAME_PATTERN, Address, Leaf, every, is_name, parse, topic

NAMES = st.from_regex(NAME_PATTERN, fullmatch=True).filter(lambda name: "\n" not in name)


@given(NAMES, NAMES, st.sampled_from(get_args(Leaf)))
def test_a_topic_is_parsed_into_what_it_was_made_of(site: str, device: str, leaf: Leaf) -> None:
    """Making a topic and parsing it gives site, device and kind back."""
    assert parse(topic(site, device, leaf)) == Address("1", site, device, leaf)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "coldwatch",
        "coldwatch/1/a/b",
        "coldwatch/1/a/b/records/x",
        "other/1/a/b/records",
        "/" * 4,
    ],
)
def test_another_topic_is_refused(text: str) -> None:
    """What does not look like a topic of ours is an error and not a guess."""
    with pytest.raises(ValueError, match="not a coldwatch topic"):
        parse(text)


def test_a_filter_takes_every_version() -> None:
    """Other major versions are subscribed to, so that they are refused aloud."""
    assert every("records") == "coldwatch/+/+/+/records"
    assert parse("coldwatch/2/a/b/records").version == "2"


@pytest.mark.parametrize("name", ["a", "east-gate", "fridge_1", "a.b", "0", "x" * 63])
def test_names(name: str) -> None:
    """Lower-case letters, digits and a few marks make a name, up to 63 of them."""
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "a/b", "+", "#", "a+", "-a", ".a", "x" * 64, "东门", "a\n", "a\0"]
)
def test_what_is_no_name(name: str) -> None:
    """Wildcards, levels, upper case, spaces, line ends and foreign letters make no name."""
    assert not is_name(name)
