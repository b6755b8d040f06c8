"""A thousand devices that send live, each over a connection of its own, from one process.

Each device has eight fridges and sends their readings together, every ten seconds: what an agent sends at
most, for it records every sample only while a fridge is outside, and else one a minute. Stamps are
the clock's at the moment of sending. A device subscribes to its `received` and `told`, as an agent
does, and throws them away: it sends nothing twice.
"""

from __future__ import annotations

import heapq
import select
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from alerts.profiles import rules_for, storage_of
from benchmarks.against_telegraf.generator import connect
from benchmarks.against_telegraf.recording import publish_packet, remaining_length
from benchmarks.child import Child
from protocol.canonical import canonical_bytes
from protocol.chain import genesis, link
from protocol.topics import topic

DEVICES: Final = 1_000
DEVICES_PER_SITE: Final = 5
PROBES: Final = 8
EVERY_S: Final = 10.0
# Tells at the second reading outside: beyond the second one's stamp there is no delay of its own.
PROFILE: Final = "cdc-vfc"
SERIES: Final = tuple(f"fridge-{number + 1}/center/temperature" for number in range(PROBES))
WARM: Final = 9_500
_MINUTE: Final = 60_000


def site_of(device: int) -> str:
    """Return the site of a device, by number."""
    return f"site-{device // DEVICES_PER_SITE:03}"


def device_name(device: int) -> str:
    """Return the name of a device, by number."""
    return f"pi-{device:04}"


@dataclass(frozen=True, slots=True)
class Sending:
    """What was sent.

    Attributes:
        messages: in all.
        confirmed: for each device with a warm fridge, the stamp (UTC, ms) of the second reading
            outside, with which the rule is fulfilled.
        latest_s: the longest that a message was sent behind its time.
    """

    messages: int
    confirmed: Mapping[int, int]
    latest_s: float


class Fleet:
    """The devices, in a process of their own."""

    def __init__(self, port: int) -> None:
        """Start the process; return when every device is connected and has subscribed."""
        self._child = Child("the fleet", _main, port)
        self._child.answer(60)

    def send_settings(self) -> None:
        """Let every device send its settings record, again if it has before."""
        self._child.ask(None)
        self._child.answer(60)

    def start(self, seconds: float, warm: Mapping[int, float]) -> None:
        """Let all devices send for so long; ``warm``: device to seconds after which a fridge is warm."""
        self._child.ask((seconds, dict(warm)))

    def result(self, timeout_s: float) -> Sending:
        """Wait for the end of what was started."""
        answer = self._child.answer(timeout_s)
        assert isinstance(answer, Sending)
        return answer

    def stop(self) -> None:
        """End the process."""
        self._child.stop()


class _Device:
    """One device: its connection, its chain, and what its fridges show."""

    def __init__(self, number: int, port: int) -> None:
        self._site, self._name = site_of(number), device_name(number)
        self.sock = connect(port, self._name)
        for identifier, leaf in ((1, "received"), (2, "told")):
            name = topic(self._site, self._name, leaf).encode()  # type: ignore[arg-type]
            body = struct.pack(">HH", identifier, len(name)) + name + b"\x00"
            self.sock.sendall(b"\x82" + remaining_length(len(body)) + body)
        self._number = number
        self._stream = f"{number:032x}"
        self._boot = f"{number:08x}-0000-4000-8000-000000000000"
        self._h = genesis(self._stream)
        self._seq = 0
        self._packet = 0
        self._turn = 0
        self.warm_turns = 0
        self._settings = self._message([self._settings_body()])

    def send_settings(self) -> None:
        """Send the first record; the hub knows what it has already."""
        self._publish(self._settings)

    def send_readings(self, *, warm: bool) -> int:
        """Send one reading of each fridge, as of now; return the stamp, UTC milliseconds."""
        at = int(time.time() * 1000)
        self._turn += 1
        bodies = []
        for probe, series in enumerate(SERIES):
            value = 4_000 + (self._turn * 37 + self._number * 11 + probe * 101) % 1_500
            if warm and not probe:
                value = WARM
            body = {"kind": "reading", "series": series, "value": value, "quality": "ok"}
            bodies.append(body | self._when(at))
        self._publish(self._message(bodies))
        if warm:
            self.warm_turns += 1
        return at

    def _settings_body(self) -> dict[str, Any]:
        watch = {
            "interval_ms": _MINUTE,
            "max_gap_ms": 3 * _MINUTE,
            "storage": list(storage_of(PROFILE)),
            "decides": True,
            "rules": [rule.body() for rule in rules_for(PROFILE, "temperature")],
        }
        body = {"kind": "settings", "version": "0" * 16, "series": dict.fromkeys(SERIES, watch)}
        return body | self._when(int(time.time() * 1000))

    def _when(self, at: int) -> dict[str, Any]:
        mono_ms = int(time.monotonic() * 1000)
        return {"at": at, "boot": self._boot, "mono_ms": mono_ms, "clock": "synced"}

    def _message(self, bodies: list[dict[str, Any]]) -> bytes:
        prev, spelled = self._h, []
        for body in bodies:
            self._seq += 1
            body["seq"] = self._seq
            spelled.append(canonical_bytes(body))
            self._h = link(self._h, spelled[-1])
        head = f'{{"v":1,"stream":"{self._stream}","prev":"{prev.hex()}","records":['
        return head.encode() + b",".join(spelled) + b"]}"

    def _publish(self, payload: bytes) -> None:
        self._packet = self._packet % 60_000 + 1
        name = topic(self._site, self._name, "records")
        self.sock.sendall(publish_packet(name, payload, self._packet))


def _main(port: int, pipe: Connection) -> None:
    try:
        devices = [_Device(number, port) for number in range(DEVICES)]
        pipe.send(True)
        poll = select.epoll()
        socks = {device.sock.fileno(): device.sock for device in devices}
        for number in socks:
            poll.register(number, select.EPOLLIN)
        while True:
            asked = pipe.recv()
            if asked is None:
                for device in devices:
                    device.send_settings()
                    _drain(poll, socks, 0)
                pipe.send(True)
            else:
                pipe.send(_run(devices, poll, socks, *asked))
    except EOFError:
        pass  # the benchmark has ended
    except OSError as error:
        pipe.send(f"the devices have lost the broker: {error}")


def _run(
    devices: list[_Device],
    poll: select.epoll,
    socks: Mapping[int, socket.socket],
    seconds: float,
    warm: Mapping[int, float],
) -> Sending:
    """Let every device send at its own time within each ten seconds."""
    began = time.monotonic()
    due = [(number * EVERY_S / len(devices), number) for number in range(len(devices))]
    heapq.heapify(due)
    confirmed: dict[int, int] = {}
    messages, latest_s = 0, 0.0
    while due[0][0] < seconds:
        now = time.monotonic() - began
        if now < due[0][0]:
            _drain(poll, socks, due[0][0] - now)
            continue
        when, number = heapq.heapreplace(due, (due[0][0] + EVERY_S, due[0][1]))
        latest_s = max(latest_s, now - when)
        device = devices[number]
        at = device.send_readings(warm=when >= warm.get(number, seconds))
        messages += 1
        if device.warm_turns == 2:
            confirmed.setdefault(number, at)
    return Sending(messages, confirmed, latest_s)


def _drain(poll: select.epoll, socks: Mapping[int, socket.socket], wait_s: float) -> None:
    """Throw away what has come; wait for that at most so long."""
    for number, _ in poll.poll(wait_s):
        if not socks[number].recv(65_536):
            raise OSError("it closed the connection")
