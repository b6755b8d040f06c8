"""Decoding: whatever comes, it is either checked records with hashes or a clear reason."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.decode import UnreadableError, decode
from protocol.messages import MAX_MESSAGE_BYTES
from tests.support.sender import Sender


def sender_with(readings: int) -> Sender:
    """A stream of settings and so many readings, a minute apart."""
    sender = Sender()
    sender.settings()
    for minute in range(readings):
        sender.reading(minute, 5_000 + minute)
    return sender


def test_hashes_are_those_of_the_sender() -> None:
    """The hub arrives at the very hashes that the device chained, over all kinds of record."""
    sender = sender_with(20)

    decoded = decode(sender.message())

    assert decoded.hashes == sender.hashes[1:]
    assert decoded.bodies == sender.bodies
    assert (decoded.first, decoded.prev) == (1, sender.hashes[0])


def test_unknown_fields_are_hashed_and_kept() -> None:
    """A field of a later version is part of the hash, and of what is stored."""
    sender = Sender()
    sender.reading(0, 5_000, raw=5_100, firmware="2.0", nested={"b": [1, None], "a": "温度"})

    decoded = decode(sender.message())

    assert decoded.hashes == sender.hashes[1:]
    assert decoded.bodies[0] == sender.bodies[0]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[1]", "a JSON object was expected"),
        (b'{"v":1,"stream":"\xff\xfe"}', "not UTF-8: byte 0xff at position 17"),
        (b'{"v":2}', "wire version 2 is not spoken here"),
        (b'{"v":true}', "wire version True"),
        (b"{}", "wire version None"),
        (b'{"v":1}', "stream: Field required"),
        (b'{"v":1,"stream":"x","prev":"y"}', "stream: String should match"),
    ],
)
def test_unreadable_messages_say_why(payload: bytes, reason: str) -> None:
    """What cannot be read as a whole is refused with a reason for people."""
    with pytest.raises(UnreadableError, match=reason):
        decode(payload)


def test_huge_message_is_refused_unparsed() -> None:
    """A message beyond the limit is refused by its size alone."""
    with pytest.raises(UnreadableError, match="is refused"):
        decode(b" " * (MAX_MESSAGE_BYTES + 1))


def test_too_many_records_are_refused() -> None:
    """501 records are no message of ours."""
    with pytest.raises(UnreadableError, match="records: List should have at most 500"):
        decode(sender_with(501).message())


def test_nan_is_not_json() -> None:
    """A NaN in a record makes the message unreadable: JSON has none."""
    payload = sender_with(1).message().replace(b"5000", b"NaN")

    with pytest.raises(UnreadableError, match="not JSON"):
        decode(payload)


def test_one_bad_record_blocks_no_other() -> None:
    """A record of a bad shape with good seq is refused alone, and the chain goes on over it."""
    sender = sender_with(2)
    sender.reading(3, 5_003, quality="splendid")
    sender.reading(4, 5_004)

    decoded = decode(sender.message())

    assert [refused.seq for refused in decoded.refused] == [4]
    assert "quality" in decoded.refused[0].reason
    assert [body is None for body in decoded.bodies] == [False, False, False, True, False]
    assert decoded.hashes == sender.hashes[1:]


def test_a_fraction_breaks_the_message_from_there_on() -> None:
    """A record that has no canonical spelling has no hash: what is before it is taken."""
    sender = sender_with(4)
    message = json.loads(sender.message())
    message["records"][3]["value"] = 5.5

    decoded = decode(json.dumps(message).encode())

    assert len(decoded.bodies) == 3
    assert decoded.broken == (
        "seq 4: value: float where only integers, text, true, false, null, lists and objects "
        "are allowed"
    )


def test_a_missing_seq_breaks_the_message_from_there_on() -> None:
    """Seqs follow each other without a hole; a hole inside a message is named."""
    sender = sender_with(4)
    message = json.loads(sender.message())
    del message["records"][2]

    decoded = decode(json.dumps(message).encode())

    assert len(decoded.bodies) == 2
    assert decoded.broken == "record 3 is not the one with seq 3"


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["v", "stream", "prev", "records", "gap", "seq"]), inner),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_nothing_but_the_one_error_comes_out(payload: bytes) -> None:
    """Whatever bytes come, decoding ends in records or in UnreadableError."""
    with contextlib.suppress(UnreadableError):
        assert decode(payload).first >= 1
