"""The sender against a link that loses, repeats and dies, and a hub that forgets: no network in it."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from firmware_agent.downlink import parse_received
from firmware_agent.outbox import Piece
from firmware_agent.sender import Message, Sender
from firmware_agent.spool import Stream
from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link
from tests.firmware_agent.small_hub import HubMind

STREAM = "5" * 32
RESEND = 1_000
WINDOW = 500


class MemoryOutbox:
    """A stream in memory; each record is as small as the wire allows."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytes] = {}
        self.hashes = {0: genesis(STREAM)}
        start = self.hashes[0]
        self.stream = Stream(1, STREAM, 0, False, 0, start, None, 0, 0, 0, start)

    def add(self, count: int) -> None:
        """Commit records."""
        for _ in range(count):
            seq = self.stream.head + 1
            body = canonical_bytes(
                {
                    "kind": "reading", "seq": seq, "series": "f/c/temperature", "at": seq,
                    "boot": "b", "mono_ms": seq, "value": seq, "quality": "ok", "clock": "synced",
                }
            )  # fmt: skip
            self.bodies[seq] = body
            self.hashes[seq] = link(self.stream.head_h, body)
            self.stream = replace(self.stream, head=seq, head_h=self.hashes[seq])

    def drop(self, upto: int) -> None:
        """Keep nothing up to ``upto``."""
        for seq in [seq for seq in self.bodies if seq <= upto]:
            del self.bodies[seq]
        self.stream = replace(self.stream, dropped=upto, dropped_h=self.hashes[upto])

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """As a spool answers: of what is dropped only the last hash is known."""
        return self.hashes.get(seq) if stream.dropped <= seq <= stream.head else None

    def piece(self, stream: Stream, first: int, last: int) -> Piece | None:
        """As a spool answers."""
        prev = self.hash_at(stream, first - 1)
        if prev is None or not all(seq in self.bodies for seq in range(first, last + 1)):
            return None
        return Piece(prev, [self.bodies[seq] for seq in range(first, last + 1)])


class LossyLink(RuleBasedStateMachine):
    """Whatever happens on the way: in the end the hub has each record once, or a gap for it."""

    @initialize(poison=st.just(set()) | st.sets(st.integers(1, 400), max_size=2))
    def begin(self, poison: set[int]) -> None:
        """Connect an empty agent to an empty hub that cannot read some records."""
        self.outbox = MemoryOutbox()
        self.hub = HubMind()
        self.hub.poison = set(poison)
        self.now = 0
        self.alive = True
        self.up: list[Message] = []
        self.down: list[bytes] = []
        self.sender = self.new_sender()

    def new_sender(self) -> Sender:
        """Begin a sender as after a restart: with the marks that were committed."""
        sender = Sender(self.outbox, window=WINDOW, resend_after_ms=RESEND)
        sender.refresh([self.outbox.stream])
        return sender

    @rule(count=st.integers(1, 300))
    def record(self, count: int) -> None:
        """Records are committed, and the marks with them."""
        self.outbox.add(count)
        judged, stored = self.sender.marks()[1]
        self.outbox.stream = replace(self.outbox.stream, judged=judged, stored=stored)
        self.sender.refresh([self.outbox.stream])

    def send(self, most: int) -> None:
        """Some messages set out."""
        while len(self.up) < most and (message := self.sender.next(self.now)) is not None:
            self.up.append(message)

    def arrive(self, times: int) -> None:
        """The first message arrives once, twice or never."""
        message = self.up.pop(0)
        for _ in range(times if self.alive else 0):
            self.hub.take(message.payload)

    @rule(
        most=st.integers(1, 4),
        fates=st.lists(st.sampled_from([1, 1, 1, 1, 0, 2]), min_size=4, max_size=4),
        speak=st.sampled_from([True, True, True, False]),
    )
    def exchange(self, most: int, fates: list[int], speak: bool) -> None:
        """Messages set out, most arrive, and mostly the hub answers."""
        self.send(most)
        for fate in fates[: len(self.up)]:
            self.arrive(fate)
        if speak:
            self.speak()

    def speak(self) -> None:
        """The hub publishes its marks."""
        if self.alive:
            self.down.append(json.dumps(self.hub.received()).encode())

    @precondition(lambda self: self.down)
    @rule()
    def heed_it(self) -> None:
        """What the hub said arrives."""
        self.heed()

    def heed(self) -> None:
        """The newest marks arrive; those before it count no more."""
        payload = self.down[-1]
        self.down.clear()
        self.sender.received(parse_received(payload), self.now)

    @rule(ms=st.integers(1, 3 * RESEND))
    def wait(self, ms: int) -> None:
        """Time passes, and the sender looks at the clock."""
        self.now += ms
        if self.sender.tick(self.now):
            self.speak()

    @rule()
    def cut(self) -> None:
        """The connection is lost with all that was on it; the retained marks greet the new one."""
        self.up.clear()
        self.down.clear()
        self.sender.reconnected()
        self.speak()

    @rule()
    def restart(self) -> None:
        """The agent's process is killed; it goes on from what was committed."""
        self.up.clear()
        self.down.clear()
        self.sender = self.new_sender()
        self.speak()

    @rule(up=st.booleans())
    def store(self, up: bool) -> None:
        """The history store of the hub goes away or comes back."""
        self.hub.store_down = not up

    @rule(alive=st.sampled_from([True, True, True, False]))
    def die(self, alive: bool) -> None:
        """The hub goes away or comes back; on coming back it speaks."""
        self.alive = alive
        self.speak()

    @precondition(lambda self: STREAM in self.hub.streams)
    @rule(back=st.integers(0, 300), further=st.sampled_from([0, 0, 1, 50]))
    def restore(self, back: int, further: int) -> None:
        """The hub is restored from a backup; that of its history may be older still."""
        held = self.hub.streams[STREAM]
        judged = max(n for n in held.hashes if n <= max(0, held.stored - back))
        stored = max(n for n in held.hashes if n <= max(0, judged - further))
        self.hub.restore(STREAM, judged, stored)
        self.down.clear()
        self.speak()

    @precondition(lambda self: STREAM in self.hub.streams and not self.down)
    @rule(share=st.integers(1, 4))
    def keep_less(self, share: int) -> None:
        """The agent drops some of what the hub has stored, by the marks that it knows."""
        stored = self.sender.marks()[1][1]
        upto = self.outbox.stream.dropped + (stored - self.outbox.stream.dropped) // share
        if upto > self.outbox.stream.dropped:
            self.outbox.drop(upto)
            self.sender.refresh([self.outbox.stream])

    def teardown(self) -> None:
        """All is well again: everything arrives, and nothing twice."""
        if not hasattr(self, "outbox"):
            return
        self.alive, self.hub.store_down = True, False
        self.speak()
        head = self.outbox.stream.head
        for _ in range(4_000):
            held = self.hub.streams.get(STREAM)
            if head == 0 or (held and held.stored == held.judged == head):
                break
            self.send(4)
            while self.up:
                self.arrive(1)
            self.speak()
            self.heed()
            self.wait(RESEND)
            if self.down:
                self.heed()
        else:
            raise AssertionError(f"stuck: {self.sender.marks()} of {head}")
        assert self.sender.fork is None
        assert self.hub.refused == []
        if head:
            self.check(head)

    def check(self, head: int) -> None:
        """Each record is in the history with its own bytes, or inside one declared gap."""
        held = self.hub.streams[STREAM]
        lost = [seq for first, last, _ in held.gaps for seq in range(first, last + 1)]
        assert sorted([*held.records, *lost]) == list(range(1, head + 1))
        assert set(lost) <= self.hub.poison | set(range(1, self.outbox.stream.dropped + 1))
        for seq, body in held.records.items():
            if seq in self.outbox.bodies:
                assert self.outbox.bodies[seq] == body


LossyLink.TestCase.settings = hypothesis_settings(
    max_examples=80, stateful_step_count=50, deadline=None
)
TestLossyLink = LossyLink.TestCase
