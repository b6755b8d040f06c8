"""Who listens to the broker: the bare subscriber, and the clock on `received`."""

from __future__ import annotations

import json
import multiprocessing
import socket
import struct
import time
from collections import defaultdict
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.against_telegraf.generator import Sent, connect
from benchmarks.against_telegraf.recording import Recording, remaining_length
from protocol.topics import every

_spawn = multiprocessing.get_context("spawn")
_PUBLISH = 0x30


class BareSubscriber:
    """A paho client in a process of its own that throws everything away: the broker's limit."""

    def __init__(self, port: int) -> None:
        """Start it and wait until it has subscribed."""
        self._messages = _spawn.Value("q", -1, lock=False)
        self._process = _spawn.Process(target=_throw_away, args=(port, self._messages), daemon=True)
        self._process.start()
        deadline = time.monotonic() + 20
        while self._messages.value < 0:
            if time.monotonic() > deadline or not self._process.is_alive():
                self.stop()
                raise RuntimeError("the bare subscriber did not subscribe within 20 s")
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def messages(self) -> int:
        """How many messages have come."""
        return int(self._messages.value)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _throw_away(port: int, messages: Any) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

    def subscribed(*_: Any) -> None:
        messages.value = 0

    def message(*_: Any) -> None:
        messages.value += 1

    client.on_subscribe = subscribed
    client.on_message = message
    client.connect("127.0.0.1", port)
    client.subscribe(every("records"), qos=1)
    client.loop_forever()


class ReceivedClock:
    """Notes when bytes of `received` came; what they say is read afterwards, beside the clock."""

    def __init__(self, port: int) -> None:
        """Start the process and wait until it has subscribed."""
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_note, args=(port, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(20):
            self.stop()
            raise RuntimeError("the clock on `received` did not subscribe within 20 s")
        self._pipe.recv()

    def chunks(self) -> list[tuple[float, bytes]]:
        """Return what has come since the last call, each piece with its time (time.monotonic)."""
        self._pipe.send(True)
        if not self._pipe.poll(20):
            raise RuntimeError("the clock on `received` does not answer")
        chunks: list[tuple[float, bytes]] = self._pipe.recv()
        return chunks

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _note(port: int, pipe: Connection) -> None:
    import select

    sock = connect(port, "received-clock")
    name = every("received").encode()
    body = b"\x00\x01" + struct.pack(">H", len(name)) + name + b"\x00"
    sock.sendall(b"\x82" + remaining_length(len(body)) + body)
    assert len(_exactly(sock, 5)) == 5
    pipe.send(True)
    chunks: list[tuple[float, bytes]] = []
    while True:
        readable, _, _ = select.select([sock.fileno(), pipe.fileno()], [], [])
        if sock.fileno() in readable:
            chunk = sock.recv(1_000_000)
            if not chunk:
                return
            chunks.append((time.monotonic(), chunk))
        if pipe.fileno() in readable:
            try:
                pipe.recv()
            except EOFError:
                return
            pipe.send(chunks)
            chunks = []


def _exactly(sock: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        got += sock.recv(size - len(got))
    return got


def stored_times(chunks: list[tuple[float, bytes]]) -> dict[str, list[tuple[int, float]]]:
    """Return (stored seq, when that was published) of each stream, in order."""
    times: dict[str, list[tuple[int, float]]] = defaultdict(list)
    rest = b""
    for at, chunk in chunks:
        rest += chunk
        begin = 0
        while (found := _packet(rest, begin)) is not None:
            payload, begin = found
            for stream, marks in json.loads(payload)["streams"].items():
                times[stream].append((marks["stored"]["seq"], at))
        rest = rest[begin:]
    return times


def _packet(data: bytes, begin: int) -> tuple[bytes, int] | None:
    """Return the payload of the PUBLISH (QoS 0) at ``begin`` and its end; None if cut short."""
    length = shift = 0
    at = begin + 1
    while at < len(data):
        length |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            break
    else:
        return None
    if at + length > len(data):
        return None
    assert data[begin] & 0xF6 == _PUBLISH, f"not a PUBLISH at QoS 0: {data[begin]:#x}"
    (topic,) = struct.unpack_from(">H", data, at)
    return data[at + 2 + topic : at + length], at + length


def delays(
    sent: Sent, stored: dict[str, list[tuple[int, float]]], recording: Recording
) -> list[float]:
    """Return the seconds from sending each packet to the `received` that says it is stored, sorted."""
    found = []
    for packet, at in zip(sent.packets, sent.times, strict=True):
        stream, seq = recording.last_seq(packet)
        told = next((when for mark, when in stored.get(stream, ()) if mark >= seq), None)
        if told is None:
            raise RuntimeError(f"stream {stream}: no `received` told that seq {seq} is stored")
        found.append(told - at)
    return sorted(found)
