"""Messages, and which marks are believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from firmware_agent.downlink import Mark, Marks
from firmware_agent.sender import MAX_BYTES, Fork, Sender
from protocol.chain import genesis, links
from protocol.messages import RecordsMessage
from tests.firmware_agent.test_link import RESEND, STREAM, MemoryOutbox

OTHER = b"\xee" * 32


@pytest.fixture
def outbox() -> MemoryOutbox:
    """Ten records."""
    outbox = MemoryOutbox()
    outbox.add(10)
    return outbox


def sender(outbox: MemoryOutbox) -> Sender:
    """Return a sender that knows them."""
    of = Sender(outbox, window=500, resend_after_ms=RESEND)
    of.refresh([outbox.stream])
    return of


def say(of: Sender, judged: Mark, stored: Mark | None = None) -> None:
    """Let the hub say its marks."""
    of.received({STREAM: Marks(judged, stored or judged)}, 0)


def test_the_bytes_of_a_record_are_those_that_were_hashed(outbox: MemoryOutbox) -> None:
    """Spliced in, never spelled again; the message as a whole is what the contract asks for."""
    message = sender(outbox).next(0)
    assert message is not None
    assert RecordsMessage.model_validate_json(message.payload).stream == STREAM
    bodies = [outbox.bodies[seq] for seq in range(1, 11)]
    assert b",".join(bodies) in message.payload
    assert (
        links(bytes.fromhex(json.loads(message.payload)["prev"]), bodies)[-1] == outbox.hashes[10]
    )


def test_a_gap_is_what_the_contract_asks_for(outbox: MemoryOutbox) -> None:
    """The chain goes on from the hash at its end; the rules in force may have been in it."""
    of = sender(outbox)
    outbox.drop(4)
    of.refresh([outbox.stream])
    message = of.next(0)
    assert message is not None
    gap = RecordsMessage.model_validate_json(message.payload).gap
    assert gap is not None
    assert (gap.first, gap.last, gap.h) == (1, 4, outbox.hashes[4].hex())
    assert of.rules_lost
    after = of.next(0)
    assert after is not None
    assert json.loads(after.payload)["prev"] == gap.h


def test_large_records_make_smaller_messages(outbox: MemoryOutbox) -> None:
    """The hub refuses more than a megabyte."""
    outbox.bodies = dict.fromkeys(outbox.bodies, b"x" * 200_000)
    of = sender(outbox)
    sizes, lasts = [], []
    while (message := of.next(0)) is not None:
        sizes.append(len(message.payload))
        lasts.append(message.what.last)
    assert lasts[-1] == 10
    assert max(sizes) < MAX_BYTES + 1_000


def test_marks_with_our_own_hashes_are_believed(outbox: MemoryOutbox) -> None:
    """At any seq that we keep, at 0, and at one that we no longer keep and cannot refute."""
    of = sender(outbox)
    say(of, Mark(7, outbox.hashes[7]), Mark(3, outbox.hashes[3]))
    assert of.marks() == {1: (7, 3)}
    say(of, Mark(0, genesis(STREAM)))
    assert of.marks() == {1: (0, 0)}
    outbox.drop(6)
    of.refresh([outbox.stream])
    say(of, Mark(2, OTHER))
    assert of.marks() == {1: (2, 2)}
    assert of.fork is None


def test_a_hub_that_does_not_name_the_stream_has_nothing_of_it(outbox: MemoryOutbox) -> None:
    """A new hub, or one restored from before the stream began."""
    of = sender(outbox)
    say(of, Mark(10, outbox.hashes[10]))
    of.received({}, 0)
    assert of.marks() == {1: (0, 0)}
    assert of.next(0) is not None


@pytest.mark.parametrize(
    ("judged", "stored", "common"),
    [
        (Mark(15, OTHER), Mark(15, OTHER), 4),  # ahead: we had heard 4 before
        (Mark(15, OTHER), Mark(6, b""), 6),  # ahead, but it stored what we have
        (Mark(8, OTHER), Mark(6, b""), 6),
        (Mark(8, OTHER), Mark(8, OTHER), 4),
        (Mark(3, OTHER), Mark(3, OTHER), 0),  # not even what it once had
    ],
)
def test_a_hub_with_another_chain_makes_a_new_stream(
    outbox: MemoryOutbox, judged: Mark, stored: Mark, common: int
) -> None:
    """Behind the last record that both have; until then the old one is not sent."""
    of = sender(outbox)
    say(of, Mark(4, outbox.hashes[4]))
    if not stored.h:
        stored = Mark(stored.seq, outbox.hashes[stored.seq])
    say(of, judged, stored)
    asked = of.fork
    assert asked == Fork(STREAM, common, asked.why if asked else "")
    assert of.next(0) is None
    assert of.marks() == {1: (4, 4)}, "the marks are not obeyed"

    # The spool has forked: the old stream is closed, the new one is sent.
    old = replace(outbox.stream, closed=True, head=common, head_h=outbox.hashes[common])
    new = replace(outbox.stream, n=2, id="6" * 32)
    of.refresh([old, new])
    assert of.fork is None
    message = of.next(0)
    assert message is not None
    # What the hub has of the old one beyond its end is no reason to fork again.
    of.received({STREAM: Marks(judged, stored)}, 0)
    assert of.fork is None


def test_a_closed_stream_is_sent_to_its_end(outbox: MemoryOutbox) -> None:
    """A hub restored from before the fork gets the old stream first."""
    of = Sender(outbox, window=500, resend_after_ms=RESEND)
    of.refresh([replace(outbox.stream, closed=True), replace(outbox.stream, n=2, id="6" * 32)])
    first, second = of.next(0), of.next(0)
    assert first is not None
    assert second is not None
    assert (first.stream, second.stream) == (STREAM, "6" * 32)
    assert of.next(0) is None
