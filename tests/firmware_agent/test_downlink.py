"""What the hub says is checked as protocol.messages checks it, without pydantic."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from firmware_agent import window
from firmware_agent.downlink import DownlinkError, Mark, Work, parse_received, parse_told
from protocol.messages import MAX_RECORDS, Received, Told

STREAM = "0123456789abcdef" * 2
H = "ab" * 32
MARK = {"seq": 5, "h": H}
RECEIVED = {"v": 1, "at": 1, "streams": {STREAM: {"judged": MARK, "stored": MARK}}}
TOLD = {
    "v": 1,
    "at": 1,
    "excursions": ["0123456789abcdef"],
    "works": [{"asset": "fridge-1", "begin": 1, "until": 2}],
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([1, 0, 2**53 - 1, 2**53, STREAM, H, H.upper(), "1", 1.0, "٣" * 32, H + "\n"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
paths = st.sampled_from(
    [
        ("v",), ("at",), ("streams",), ("streams", STREAM), ("streams", "x" * 32),
        ("streams", STREAM, "judged"), ("streams", STREAM, "stored", "seq"),
        ("streams", STREAM, "judged", "h"), ("streams", STREAM, "judged", "seq"), ("more",),
        ("streams", STREAM.upper()), ("streams", STREAM, "judged", "more"), (),
    ]
)  # fmt: skip


def changed(message: dict[str, Any], path: tuple[str | int, ...], value: Any) -> Any:
    """Return a copy with another value at the path; the path is left out where it is `...`."""
    if not path:
        return value
    copy: Any = json.loads(json.dumps(message))
    item = copy
    for key in path[:-1]:
        item = item[key]
    item[path[-1]] = value
    return copy


def accepted(parse: Any, payload: bytes) -> bool:
    """Tell whether a parser takes it."""
    try:
        parse(payload)
    except (DownlinkError, ValidationError):
        return False
    return True


@given(paths, anything)
@example(("v",), True)
@example(("v",), 1.0)
@example(("streams",), {})
def test_received_is_taken_exactly_when_the_contract_takes_it(
    path: tuple[str, ...], value: Any
) -> None:
    """One thing in a good message is replaced by anything at all."""
    payload = json.dumps(changed(RECEIVED, path, value)).encode()
    assert accepted(Received.model_validate_json, payload) == accepted(parse_received, payload)


@given(
    st.sampled_from(
        [
            ("v",), ("at",), ("excursions",), ("works",), ("works", 0), ("works", 0, "asset"),
            ("works", 0, "begin"), ("works", 0, "until"), ("works", 0, "more"), ("more",), (),
        ]
    ),
    anything,
)  # fmt: skip
@example(("works", 0, "asset"), "Fridge 1")
@example(("works", 0, "asset"), "fridge-1\n")
@example(("works", 0, "until"), 1.0)
@example(("works",), [])
@example(("excursions",), ["0123456789abcdef", 5])
@example(("excursions",), ["0123456789ABCDEF"])
@example(("excursions",), [])
def test_told_is_taken_exactly_when_the_contract_takes_it(
    path: tuple[str | int, ...], value: Any
) -> None:
    """One thing in a good message is replaced by anything at all."""
    payload = json.dumps(changed(TOLD, path, value)).encode()
    assert accepted(Told.model_validate_json, payload) == accepted(parse_told, payload)


@pytest.mark.parametrize("parse", [parse_received, parse_told])
@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff\xfe", b"null", b"[" * 100_000, b'{"v":1', b" " * 2_000_000, b"1e999"],
)
def test_what_is_no_message_is_one_clear_error(parse: Any, payload: bytes) -> None:
    """Whatever the bytes are, nothing else is raised."""
    with pytest.raises(DownlinkError) as caught:
        parse(payload)
    assert "\n" not in str(caught.value)


def test_good_messages_are_read() -> None:
    """Hashes come as bytes."""
    marks = parse_received(json.dumps(RECEIVED).encode())[STREAM]
    assert marks.judged == Mark(5, bytes.fromhex(H))
    said = parse_told(json.dumps(TOLD).encode())
    assert said.excursions == {"0123456789abcdef"}
    assert said.works == (Work("fridge-1", 1, 2),)
    # As an older hub says it.
    older = {key: value for key, value in TOLD.items() if key != "works"}
    assert parse_told(json.dumps(older).encode()) == (said.excursions, ())


def test_a_message_has_as_many_records_as_the_contract_allows() -> None:
    """The agent has the number a second time, so that it need not load pydantic."""
    assert window.MAX_RECORDS == MAX_RECORDS
