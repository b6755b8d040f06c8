"""The generator: one process that writes recorded packets to the broker, and almost nothing else.

It encodes nothing: packets come from a file, confirmations are only counted. It sends no further
ahead of the contestant than it is told to, as agents do; who drops what does not fit (the hub) and
who stops reading (Telegraf) then have the same number of messages under way.
"""

from __future__ import annotations

import mmap
import select
import socket
import struct
import time
from array import array
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.against_telegraf.recording import Recording, remaining_length
from benchmarks.child import SPAWN, Child

# Packets that the broker has not confirmed; enough that the round trip is no limit.
_UNCONFIRMED = 400
_PUBACK_BYTES = 4
_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Sent:
    """When each packet was handed to the kernel; seconds of time.monotonic."""

    packets: range
    times: array[float]


class Generator:
    """Sends ranges of a recording from a process of its own.

    Attributes:
        taken: how many packets of the current range the contestant has taken; set by whoever knows.
    """

    def __init__(self, port: int, recording: Recording) -> None:
        """Start the process and connect to the broker."""
        self.taken = SPAWN.Value("q", 0, lock=False)
        path = str(recording.path)
        self._child = Child("the generator", _main, port, path, recording.ends, self.taken)
        self._child.answer(20)

    def send(self, packets: range, *, under_way: int = 0, every_s: float = 0) -> None:
        """Begin to send; return at once.

        Args:
            packets: which ones.
            under_way: at most so many beyond ``taken``; 0 for no limit.
            every_s: seconds from one packet to the next; 0 for as fast as it goes.
        """
        self.taken.value = 0
        self._child.ask((packets, under_way, every_s))

    def sent(self, timeout_s: float) -> Sent:
        """Wait until all of them are confirmed by the broker."""
        answer = self._child.answer(timeout_s)
        assert isinstance(answer, Sent)
        return answer

    def stop(self) -> None:
        """End the process."""
        self._child.stop()


def connect(port: int, client_id: str) -> socket.socket:
    """Return a socket on which the broker has accepted a clean MQTT 3.1.1 session."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = client_id.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(name)) + name
    sock.sendall(b"\x10" + remaining_length(len(body)) + body)
    if sock.recv(4) != b"\x20\x02\x00\x00":
        raise OSError("the broker refused the connection")
    return sock


def _main(port: int, path: str, ends: array[int], taken: Any, pipe: Connection) -> None:
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as blob:  # noqa: PTH123
            sock = connect(port, "generator")
            sock.setblocking(False)
            pipe.send(True)
            while True:
                packets, under_way, every_s = pipe.recv()
                pipe.send(_send(sock, blob, ends, packets, taken, under_way, every_s))
    except EOFError:
        pass  # the benchmark has ended
    except OSError as error:
        pipe.send(f"the generator has lost the broker: {error}")


def _send(
    sock: socket.socket,
    blob: mmap.mmap,
    ends: array[int],
    packets: range,
    taken: Any,
    under_way: int,
    every_s: float,
) -> Sent:
    times: array[float] = array("d")
    confirmed = 0  # bytes
    began = time.monotonic()
    pending = memoryview(b"")
    while confirmed < len(packets) * _PUBACK_BYTES:
        done = len(times)
        if not pending and done < len(packets):
            more = min(_TOGETHER, len(packets) - done)
            more = min(more, _UNCONFIRMED - (done - confirmed // _PUBACK_BYTES))
            if under_way:
                more = min(more, under_way - (done - taken.value))
            if every_s:
                more = min(more, int((time.monotonic() - began) / every_s) + 1 - done)
            if more > 0:
                first = packets[done]
                begin = ends[first - 1] if first else 0
                pending = memoryview(blob[begin : ends[first + more - 1]])
                times.extend([time.monotonic()] * more)
        # Held back by time or by the contestant: look again soon.
        wait = 0.002 if not pending and done < len(packets) else 1.0
        readable, writable, _ = select.select([sock], [sock] if pending else [], [], wait)
        if readable:
            answer = sock.recv(65_536)
            if not answer:
                raise OSError("it closed the connection")
            confirmed += len(answer)
        if writable:
            pending = pending[sock.send(pending) :]
    return Sent(packets, times)
