"""The fair queue: bounds, order and turns, whatever comes in what order."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from hub.inbox import DEVICE_FULL, HUB_FULL, UNKNOWN, FairQueue, Inbox, size_of
from hub.intake import Incoming
from hub.limits import BATCH_MESSAGES, DEVICE_BYTES, QUEUE_BYTES
from tests.support.sender import START

DEVICES = [f"pi-{number}" for number in range(6)]
SENDERS = {f"coldwatch/1/east-gate/{device}/records": device for device in DEVICES}
TOPICS = [*SENDERS, "coldwatch/1/west/pi-1/records", "elsewhere"]

# Small enough that everything fills up within a short example.
SMALL = {
    "QUEUE_BYTES": 9_000,
    "DEVICE_BYTES": 4_000,
    "TURN_BYTES": 1_500,
    "DEVICE_BATCH_BYTES": 2_500,
    "BATCH_BYTES": 6_000,
    "BATCH_MESSAGES": 7,
    "MESSAGE_OVERHEAD": 100,
}


def small() -> AbstractContextManager[Any]:
    """Replace the bounds by the small ones."""
    patches = ExitStack()
    for name, value in SMALL.items():
        patches.enter_context(patch(f"hub.inbox.{name}", value))
    return patches


# A message as (topic, length of its payload), or None for a batch that is taken.
steps = st.lists(
    st.none() | st.tuples(st.sampled_from(TOPICS), st.integers(0, 2_000)), max_size=120
)


def message(topic: str, length: int, number: int = 0) -> Incoming:
    """A message that can be told from the others by its time."""
    return Incoming(topic, bytes(length), START + number)


@given(steps)
def test_nothing_is_lost_but_what_is_counted(taken: list[tuple[str, int] | None]) -> None:
    """Each message comes out once, in its sender's order, or is counted; the bounds hold always."""
    with small():
        queue = FairQueue(SENDERS)
        put = 0
        out: list[Incoming] = []
        for step in taken:
            if step is None:
                out += queue.take()
            else:
                put += 1
                queue.put(message(*step, put))
            waiting = {sender: list(map(size_of, each)) for sender, each in queue._queues.items()}
            assert queue.bytes == sum(map(sum, waiting.values())) <= SMALL["QUEUE_BYTES"]
            assert all(sum(each) <= SMALL["DEVICE_BYTES"] for each in waiting.values())
            assert all(waiting.values()), "a sender with nothing waiting is forgotten"
            assert sorted(queue._turns) == sorted(waiting)
        while batch := queue.take():
            out += batch
        assert len(out) + queue.dropped.total() == put
        assert set(queue.dropped) <= {DEVICE_FULL, HUB_FULL}
        of_sender = defaultdict(list)
        for item in out:
            of_sender[queue.sender(item)].append(item.at)
        assert all(times == sorted(set(times)) for times in of_sender.values())


@given(steps)
def test_nobody_waits_longer_than_one_round(taken: list[tuple[str, int] | None]) -> None:
    """Between two turns of one sender, each other that waits has one; a turn and a batch are bounded."""
    with small():
        queue = FairQueue(SENDERS)
        for number, step in enumerate(item for item in taken if item is not None):
            queue.put(message(*step, number))
        while True:
            waited = list(queue._turns)
            left = {sender: len(each) for sender, each in queue._queues.items()}
            batch = queue.take()
            if not batch:
                break
            assert len(batch) <= SMALL["BATCH_MESSAGES"]
            turns: list[str] = []
            given_: dict[str, list[int]] = defaultdict(list)
            for item in batch:
                sender = queue.sender(item)
                if not turns or turns[-1] != sender:
                    turns.append(sender)
                given_[sender].append(size_of(item))
            # In the order in which they stood, and nobody again before all others that wait.
            first = list(dict.fromkeys(turns))
            assert first == waited[: len(first)]
            for sizes in given_.values():
                turn = max(SMALL["TURN_BYTES"], *sizes)
                assert sum(sizes) < SMALL["DEVICE_BATCH_BYTES"] + turn
                if len(first) < len(waited):
                    # the batch was full before all had had a turn: then nobody had two
                    assert sum(sizes) <= max(SMALL["TURN_BYTES"], sizes[0])
            served = {sender: left[sender] - len(queue._queues.get(sender, ())) for sender in left}
            assert all(served[sender] == len(given_.get(sender, ())) for sender in left)


def test_a_flooder_gets_its_share_only() -> None:
    """Thousands of one sender's messages wait, and all others are in the very next batch."""
    queue = FairQueue(SENDERS)
    flooder, *others = SENDERS
    for number in range(5_000):
        queue.put(message(flooder, 1_500, number))
    for topic in others:
        queue.put(message(topic, 1_500))

    batch = queue.take()

    assert {item.topic for item in batch} == set(SENDERS)
    assert queue.dropped[DEVICE_FULL] == 5_000 - DEVICE_BYTES // size_of(batch[0])
    # a turn before the others', and what is left of the batch behind them
    last = max(index for index, item in enumerate(batch) if item.topic != flooder)
    assert last < BATCH_MESSAGES / 8


def test_senders_that_are_not_known_share_one_queue() -> None:
    """A flood of invented names is one sender's flood: neither more memory nor more turns."""
    queue = FairQueue(SENDERS)
    for number in range(20_000):
        queue.put(message(f"coldwatch/1/east-gate/ghost-{number}/records", 500))
    queue.put(message(TOPICS[0], 500))

    assert list(queue._queues) == [UNKNOWN, "pi-0"]
    assert queue.bytes < DEVICE_BYTES + 2_000
    assert TOPICS[0] in {item.topic for item in queue.take()}


def test_when_all_flood_each_keeps_its_share() -> None:
    """As many flooders as fill the hub do not keep out one who sends little."""
    senders = {f"coldwatch/1/east-gate/pi-{number}/records": f"pi-{number}" for number in range(40)}
    queue = FairQueue(senders)
    *flooders, quiet = senders
    for number in range(60):
        for topic in flooders:
            queue.put(message(topic, 100_000, number))
    assert queue.bytes <= QUEUE_BYTES
    assert queue.dropped[HUB_FULL] > 0

    queue.put(message(quiet, 100_000))

    assert len(queue._queues["pi-39"]) == 1
    assert queue.bytes <= QUEUE_BYTES
    assert quiet in {item.topic for item in queue.take()}


def test_a_flood_of_empty_messages_is_bounded() -> None:
    """Messages without a byte take memory too, and count against the queue's size."""
    inbox = Inbox(SENDERS)
    for _ in range(20_000):
        inbox.put(message(TOPICS[0], 0))

    assert inbox.dropped[DEVICE_FULL] > 0
    assert inbox.waiting[1] <= DEVICE_BYTES
    assert len(inbox.get(0)) == BATCH_MESSAGES


def test_getting_wakes_up_when_something_comes() -> None:
    """Who waits for a batch has it as soon as there is one, and nothing when its time is over."""
    inbox = Inbox(SENDERS)
    assert inbox.get(0.001) == []
    bell = threading.Timer(0.05, inbox.put, [message(TOPICS[0], 10)])
    bell.start()
    assert [item.topic for item in inbox.get(30.0)] == [TOPICS[0]]
    bell.join()
