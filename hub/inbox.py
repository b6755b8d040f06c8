"""The inbox: a bounded queue for each device, served in turn, so that a flood slows only its sender.

`FairQueue` is pure; `Inbox` gives it a lock and a bell for the two threads that share it. Nothing
is parsed here: a message is known by its topic alone, so that one that is dropped costs nothing.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

from hub.intake import Incoming
from hub.limits import (
    BATCH_BYTES,
    BATCH_MESSAGES,
    DEVICE_BATCH_BYTES,
    DEVICE_BYTES,
    MESSAGE_OVERHEAD,
    QUEUE_BYTES,
    TURN_BYTES,
)

# Whoever writes to a topic that no device of ours has: all of them are one sender here.
UNKNOWN: Final = ""

# Why a message was dropped: its own sender waits with too much already, or the hub does.
DEVICE_FULL: Final = "device full"
HUB_FULL: Final = "hub full"


def size_of(message: Incoming) -> int:
    """Return what a message counts: an empty one takes memory and time too, and so does a topic."""
    return len(message.payload) + len(message.topic) + MESSAGE_OVERHEAD


class FairQueue:
    """Messages by sender, oldest first within each.

    A batch takes the senders in turn: each gives at least one message and then more up to
    ``TURN_BYTES``, goes to the end, and leaves the batch at ``DEVICE_BATCH_BYTES``. So each sender
    that waits is served once before any other is served twice, and what is dropped is always the
    newest of the sender that has most: a stream with its end cut off goes on where it was cut,
    one with a hole in it does not.
    """

    def __init__(self, senders: Mapping[str, str]) -> None:
        """Know the senders by their topics; every other topic is UNKNOWN's."""
        self._senders = senders
        self._queues: dict[str, deque[Incoming]] = {}
        self._bytes: dict[str, int] = {}
        # The senders that have something waiting, the next to be served first.
        self._turns: deque[str] = deque()
        self.bytes = 0
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many messages wait."""
        return sum(map(len, self._queues.values()))

    def sender(self, message: Incoming) -> str:
        """Return whose message it is, by its topic alone."""
        return self._senders.get(message.topic, UNKNOWN)

    def put(self, message: Incoming) -> None:
        """Add a message; what does not fit is dropped and counted, from whoever has most."""
        sender, size = self.sender(message), size_of(message)
        mine = self._bytes.get(sender, 0) + size
        if mine > DEVICE_BYTES:
            self.dropped[DEVICE_FULL] += 1
            return
        if self.bytes + size > QUEUE_BYTES:
            waiting = len(self._queues) + (sender not in self._queues)
            # In one flood, or in many at once, this is all that a message costs.
            if mine > QUEUE_BYTES // waiting:
                self.dropped[HUB_FULL] += 1
                return
            while self.bytes + size > QUEUE_BYTES:
                self._drop_newest(max(self._bytes, key=self._bytes.__getitem__))
        if sender not in self._queues:
            self._queues[sender] = deque()
            self._turns.append(sender)
        self._queues[sender].append(message)
        self._add(sender, size)

    def take(self) -> list[Incoming]:
        """Return one batch, each sender with its share of it; empty when nothing waits."""
        batch: list[Incoming] = []
        given: Counter[str] = Counter()
        later: list[str] = []
        size = 0
        while self._turns and len(batch) < BATCH_MESSAGES and size < BATCH_BYTES:
            sender = self._turns.popleft()
            turn = self._turn(sender, batch)
            size += turn
            given[sender] += turn
            if sender in self._queues:
                full = given[sender] >= DEVICE_BATCH_BYTES
                (later if full else self._turns).append(sender)
        self._turns.extend(later)
        return batch

    def _turn(self, sender: str, batch: list[Incoming]) -> int:
        """Move one turn of a sender into the batch; return its bytes."""
        queue = self._queues[sender]
        taken = 0
        while queue and len(batch) < BATCH_MESSAGES:
            size = size_of(queue[0])
            if taken and taken + size > TURN_BYTES:
                break
            batch.append(queue.popleft())
            taken += size
        self._add(sender, -taken)
        return taken

    def _drop_newest(self, sender: str) -> None:
        self._add(sender, -size_of(self._queues[sender].pop()))
        self.dropped[HUB_FULL] += 1
        if sender not in self._queues:
            self._turns.remove(sender)

    def _add(self, sender: str, size: int) -> None:
        """Count bytes in or out; a sender with nothing left is forgotten."""
        self.bytes += size
        self._bytes[sender] = self._bytes.get(sender, 0) + size
        if not self._queues[sender]:
            del self._queues[sender], self._bytes[sender]


class Inbox:
    """The fair queue between the network thread, which puts, and the intake, which takes."""

    def __init__(self, senders: Mapping[str, str]) -> None:
        """Know the senders by their topics."""
        self._queue = FairQueue(senders)
        self._ready = threading.Condition()

    @property
    def dropped(self) -> dict[str, int]:
        """How many messages were dropped since the start, by cause."""
        with self._ready:
            return dict(self._queue.dropped)

    @property
    def waiting(self) -> tuple[int, int]:
        """How many messages wait, and what they count in bytes."""
        with self._ready:
            return len(self._queue), self._queue.bytes

    def put(self, message: Incoming) -> None:
        """Add a message, or drop it where it does not fit: its sender has it and sends it again."""
        with self._ready:
            self._queue.put(message)
            self._ready.notify()

    def get(self, timeout_s: float) -> list[Incoming]:
        """Return what has come, at most one batch; empty when nothing came within the time."""
        with self._ready:
            batch = self._queue.take()
            if not batch and self._ready.wait(timeout_s):
                batch = self._queue.take()
            return batch
