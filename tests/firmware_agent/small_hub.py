"""A hub in a few lines, for the agent's tests: it checks the chain, keeps bytes, and says marks.

Written against the design and not against hub/, so that the two can disagree.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link
from protocol.connection import Address, Connection
from protocol.messages import RecordsMessage, Status
from protocol.topics import topic


@dataclass
class Held:
    """What it has of one stream: canonical bytes by seq, and h by seq."""

    stream: str
    judged: int = 0
    stored: int = 0
    records: dict[int, bytes] = field(default_factory=dict)
    hashes: dict[int, bytes] = field(default_factory=dict)
    gaps: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hashes[0] = genesis(self.stream)

    def bodies(self) -> list[dict[str, Any]]:
        """Return the records in the order of their seq."""
        return [json.loads(self.records[seq]) for seq in sorted(self.records)]

    def mark(self, seq: int) -> dict[str, Any]:
        """Return a mark as it is published."""
        return {"seq": seq, "h": self.hashes[seq].hex()}


class HubMind:
    """What a hub does with messages, without a network."""

    def __init__(self) -> None:
        self.streams: dict[str, Held] = {}
        self.store_down = False
        # A message with one of these in it cannot be read, says this hub.
        self.poison: set[int] = set()
        self.messages = 0
        self.refused: list[str] = []

    def take(self, payload: bytes) -> None:
        """Take one message in; what does not join moves nothing."""
        self.messages += 1
        message = json.loads(payload)
        RecordsMessage.model_validate(message)
        stream = message["stream"]
        held = self.streams.get(stream) or Held(stream)
        if message.get("gap"):
            self._gap(held, message)
            return
        records = message["records"]
        assert 1 <= len(records) <= 500
        first, last = records[0]["seq"], records[-1]["seq"]
        assert [record["seq"] for record in records] == list(range(first, last + 1))
        if self.poison & set(range(first, last + 1)):
            return
        prev = bytes.fromhex(message["prev"])
        known = held.hashes.get(first - 1)
        if known is None:
            return
        if known != prev:
            self.refused.append(f"prev of {first}")
            return
        for record in records:
            body = canonical_bytes(record)
            seq = record["seq"]
            h = link(prev, body)
            if held.hashes.setdefault(seq, h) != h:
                self.refused.append(f"h of {seq}")
                return
            prev = h
            if not self.store_down and seq == held.stored + 1:
                assert seq not in held.records, "stored twice"
                held.records[seq] = body
                held.stored = seq
            held.judged = max(held.judged, seq)
        self.streams[stream] = held

    def _gap(self, held: Held, message: dict[str, Any]) -> None:
        gap = message["gap"]
        prev, before = bytes.fromhex(message["prev"]), gap["first"] - 1
        if held.hashes.get(before) != prev:
            return
        if before == held.stored:
            held.stored = gap["last"]
            held.gaps.append((gap["first"], gap["last"], gap["reason"]))
        if before == held.judged or held.stored > held.judged:
            held.judged = gap["last"]
        if gap["last"] in (held.stored, held.judged):
            held.hashes[gap["last"]] = bytes.fromhex(gap["h"])
            self.streams[held.stream] = held

    def received(self) -> dict[str, Any]:
        """Return the message that tells the marks."""
        marks = {
            name: {"judged": held.mark(held.judged), "stored": held.mark(held.stored)}
            for name, held in self.streams.items()
        }
        return {"v": 1, "at": time.time_ns() // 1_000_000, "streams": marks}

    def restore(self, stream: str, judged: int, stored: int | None = None) -> None:
        """Become what it was when it had judged and stored so much and no more."""
        held = self.streams[stream]
        held.judged = judged
        held.stored = judged if stored is None else stored
        held.records = {n: body for n, body in held.records.items() if n <= held.stored}
        held.hashes = {n: h for n, h in held.hashes.items() if n <= judged}
        held.gaps = [gap for gap in held.gaps if gap[1] <= held.stored]


class SmallHub:
    """A hub on a real broker, for one device."""

    def __init__(self, port: int, site: str = "east-gate", device: str = "pi-1") -> None:
        self.mind = HubMind()
        self.lock = threading.RLock()
        self.statuses: list[Status] = []
        self.mute = False
        self._topics = {leaf: topic(site, device, leaf) for leaf in ("records", "status")}
        self._received = topic(site, device, "received")
        self._told = topic(site, device, "told")
        self._settings = topic(site, device, "settings")
        self.connection = Connection(
            "small-hub",
            Address("127.0.0.1", port),
            list(self._topics.values()),
            on_message=self._message,
            on_connected=self.say,
            longest_delay_s=0.5,
        )

    def start(self) -> SmallHub:
        """Connect, and wait for that."""
        self.connection.start()
        assert self.connection.wait_connected(5)
        return self

    def stop(self) -> None:
        """Disconnect."""
        self.connection.stop()

    def say(self) -> None:
        """Publish the marks."""
        # Under the lock until it is out: two threads say them, and the newest must be the last.
        with self.lock:
            payload = json.dumps(self.mind.received()).encode()
            self.connection.publish(self._received, payload, qos=0, retain=True)

    def publish(self, leaf: str, payload: bytes) -> None:
        """Publish anything as `received` or `told`."""
        name = {
            "received": self._received, "told": self._told, "settings": self._settings,
        }[leaf]  # fmt: skip
        self.connection.publish(name, payload, retain=True)

    def _message(self, name: str, payload: bytes, _retained: bool) -> None:
        if self.mute:
            return
        with self.lock:
            if name == self._topics["status"]:
                status = Status.model_validate_json(payload)
                self.statuses.append(status)
                if status.state != "online":
                    return
            else:
                self.mind.take(payload)
        self.say()

    # --- for tests ---

    @property
    def held(self) -> Held | None:
        """The newest stream, None before anything came."""
        streams = list(self.mind.streams.values())
        return streams[-1] if streams else None

    def stored(self) -> int:
        """Return how far the newest stream is stored."""
        with self.lock:
            return self.held.stored if self.held else 0


def wait_for(what: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until it holds; fail with the function's own text when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what.__doc__ or what.__name__}")
