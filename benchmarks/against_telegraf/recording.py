"""The recorded messages: the same bytes for every contestant, ready to be written to a socket.

A thousand devices with eight probes each record once a minute, as in benchmarks/agent.py; a
settings record with all rules of cn-gsp and who-pqs stands before. One device in fifty has a warm
fridge for a while, so that excursions are opened, entered and told during the measurement.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.profiles import rules_for, storage_of
from alerts.rules import Rule
from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link
from protocol.topics import topic
from tests.support.sender import MINUTE, START

DEVICES = 1_000
DEVICES_PER_SITE = 10
PROBES = 8
PROFILES = ("cn-gsp", "who-pqs")
SERIES = tuple(f"fridge-{number + 1}/center/temperature" for number in range(PROBES))
WARM_UP_SITE = "warm-up"
# PUBLISH, QoS 1; identifiers repeat long after the broker has confirmed them.
_PUBLISH_QOS1 = 0x32
_IDENTIFIERS = 60_000


def site_of(device: int) -> str:
    """Return the site of a device, by number."""
    return f"site-{device // DEVICES_PER_SITE:03}"


def device_name(device: int) -> str:
    """Return the name of a device, by number."""
    return f"pi-{device:04}"


def stream_of(device: int) -> str:
    """Return the id of a device's only stream."""
    return f"{device:032x}"


@dataclass(frozen=True, slots=True)
class Recording:
    """Packets in a file: one settings message a device, one to warm up, then rounds of readings.

    Attributes:
        path: the packets, one behind the other.
        ends: where each packet ends in it.
        size: readings a message.
        rounds: messages of readings from each device, in turn.
    """

    path: Path
    ends: array[int]
    size: int
    rounds: int

    @property
    def settings(self) -> range:
        """The numbers of the packets with the settings records."""
        return range(DEVICES)

    @property
    def warm_up(self) -> range:
        """The number of the packet with one reading of a site that no hub knows."""
        return range(DEVICES, DEVICES + 1)

    def round(self, first: int, last: int) -> range:
        """Return the numbers of the packets of these rounds, from 0, ``last`` not included."""
        begin = DEVICES + 1
        return range(begin + first * DEVICES, begin + last * DEVICES)

    def last_seq(self, packet: int) -> tuple[str, int]:
        """Return stream and seq of the last reading in one of the rounds' packets."""
        turn, device = divmod(packet - DEVICES - 1, DEVICES)
        return stream_of(device), 1 + (turn + 1) * self.size

    def messages(self, packets: range) -> Iterator[tuple[str, bytes]]:
        """Yield topic and payload of these packets."""
        with self.path.open("rb") as file:
            begin = self.ends[packets.start - 1] if packets.start else 0
            file.seek(begin)
            for number in packets:
                packet = file.read(self.ends[number] - begin)
                begin = self.ends[number]
                at = 1
                while packet[at] & 0x80:
                    at += 1
                (length,) = struct.unpack_from(">H", packet, at + 1)
                body = at + 3 + length
                yield packet[at + 3 : body].decode(), packet[body + 2 :]


def record(path: Path, size: int, rounds: int) -> Recording:
    """Write the packets; the same call always writes the same bytes."""
    streams = [_Recorder(device, size) for device in range(DEVICES)]
    ends: array[int] = array("q")
    with path.open("wb") as file:

        def add(topic_: str, payload: bytes) -> None:
            file.write(publish_packet(topic_, payload, 1 + len(ends) % _IDENTIFIERS))
            ends.append(file.tell())

        for stream in streams:
            add(stream.topic, stream.settings())
        add(topic(WARM_UP_SITE, "pi-0", "records"), _warm_up())
        for _ in range(rounds):
            for stream in streams:
                add(stream.topic, stream.readings())
    return Recording(path, ends, size, rounds)


def publish_packet(topic_: str, payload: bytes, identifier: int) -> bytes:
    """Return a PUBLISH of MQTT 3.1.1 at QoS 1."""
    name = topic_.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">H", identifier) + payload
    return bytes([_PUBLISH_QOS1]) + remaining_length(len(body)) + body


def remaining_length(length: int) -> bytes:
    """Return MQTT's variable-length integer."""
    spelled = bytearray()
    while length >= 0x80:
        spelled.append(length & 0x7F | 0x80)
        length >>= 7
    spelled.append(length)
    return bytes(spelled)


class _Recorder:
    """Makes the messages of one device in order."""

    def __init__(self, device: int, size: int) -> None:
        self.topic = topic(site_of(device), device_name(device), "records")
        self._device = device
        self._size = size
        self._stream = stream_of(device)
        self._boot = f"{device:08x}-0000-4000-8000-000000000000"
        self._h = genesis(self._stream)
        self._seq = 0
        self._warm = device % 50 == 7

    def settings(self) -> bytes:
        """Return a message with the settings record alone."""
        watch = {
            "interval_ms": MINUTE,
            "max_gap_ms": 3 * MINUTE,
            "storage": list(storage_of(PROFILES[0])),
            "decides": True,
            "rules": [
                _rule_body(rule) for name in PROFILES for rule in rules_for(name, "temperature")
            ],
        }
        body = {"kind": "settings", "version": "0" * 16, "series": dict.fromkeys(SERIES, watch)}
        return self._message([body | self._when(0)])

    def readings(self) -> bytes:
        """Return the next message of readings, probe by probe, a minute a turn."""
        bodies = []
        for number in range(self._seq - 1, self._seq - 1 + self._size):
            minute, probe = divmod(number, PROBES)
            value = 4_000 + (minute * 37 + self._device * 11 + probe * 101) % 1_500
            if self._warm and probe == 0 and minute % 60 in range(8, 20):
                value += 6_000
            body = {"kind": "reading", "series": SERIES[probe], "value": value, "quality": "ok"}
            bodies.append(body | self._when(minute))
        return self._message(bodies)

    def _when(self, minute: int) -> dict[str, Any]:
        offset = minute * MINUTE
        return {"at": START + offset, "boot": self._boot, "mono_ms": offset, "clock": "synced"}

    def _message(self, bodies: list[dict[str, Any]]) -> bytes:
        prev, spelled = self._h, []
        for body in bodies:
            self._seq += 1
            body["seq"] = self._seq
            spelled.append(canonical_bytes(body))
            self._h = link(self._h, spelled[-1])
        return _envelope(self._stream, prev, spelled)


def _rule_body(rule: Rule) -> dict[str, Any]:
    names = ("above", "below", "at_or_above", "at_or_below", "window_ms")
    limits = {name: getattr(rule, name) for name in names if getattr(rule, name) is not None}
    return {
        "id": rule.id,
        "kind": rule.kind,
        "for_ms": rule.for_ms,
        "holds": rule.holds,
        "tells": rule.tells,
    } | limits


def _envelope(stream: str, prev: bytes, records: list[bytes]) -> bytes:
    head = b'{"v":1,"stream":"%b","prev":"%b","records":[' % (stream.encode(), prev.hex().encode())
    return head + b",".join(records) + b"]}"


def _warm_up() -> bytes:
    stream = "f" * 32
    body = {
        "kind": "reading", "seq": 1, "series": SERIES[0], "at": START, "boot": "0", "mono_ms": 0,
        "value": 5_000, "quality": "ok", "clock": "synced",
    }  # fmt: skip
    return _envelope(stream, genesis(stream), [canonical_bytes(body)])
