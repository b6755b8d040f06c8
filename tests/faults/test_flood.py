"""One device floods: what the others wait for, what is lost of theirs, what it takes of memory.

A real mosquitto and a real hub process; 21 devices on one connection of the test's own. What a
flood meets on its way: mosquitto takes from a publisher whatever comes, and has one queue for the
hub, first come first served; the hub's one network thread takes from it as fast as it can, looks at
the topic alone, and drops what does not fit its sender's share. So the broker's queue stays short
as long as that thread is faster than the flood, and it is: a message dropped costs it some tens of
microseconds, mosquitto and the sender as much. Behind that thread everybody has a queue of his own.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Condition, Semaphore

import orjson
import pytest

from history.sqlite import SqliteHistory
from protocol.connection import Address, Connection
from protocol.topics import topic
from tests.support.mosquitto import Mosquitto
from tests.support.sender import Sender
from tests.support.system import HUB, command, stored, wait_for

OTHERS = [f"pi-{number}" for number in range(20)]
FLOODER = "pi-flood"
# What each of the others sends, one after the other, each as soon as all have been answered.
MESSAGES = 10


class Crowd:
    """All devices of the test, on one connection, with the hub's answers."""

    def __init__(self, port: int) -> None:
        self.news = Condition()
        # How far each stream is stored, as `received` said.
        self.stored: dict[str, int] = {}
        self.connection = Connection(
            f"crowd-{os.getpid()}", Address("127.0.0.1", port), ["coldwatch/1/east-gate/+/received"],
            on_message=self._received, on_connected=lambda: None,
        )  # fmt: skip
        self.connection.start()
        assert self.connection.wait_connected(10)

    def _received(self, _topic: str, payload: bytes, _retained: bool) -> None:
        with self.news:
            for stream, marks in orjson.loads(payload)["streams"].items():
                self.stored[stream] = marks["stored"]["seq"]
            self.news.notify_all()

    def send(self, device: str, payload: bytes) -> None:
        """Publish a records message."""
        self.connection.publish(topic("east-gate", device, "records"), payload)

    def rounds(self, senders: dict[str, Sender]) -> list[float]:
        """Let every device send its messages one by one; return each answer's delay in seconds."""
        delays: list[float] = []
        for number in range(1, MESSAGES + 1):
            last = 8 * number
            begun: dict[str, float] = {}
            with self.news:
                for device, sender in senders.items():
                    begun[sender.stream] = time.monotonic()
                    self.send(device, sender.message(last - 7, last))
                deadline = time.monotonic() + 60
                while begun:
                    self.news.wait(1)
                    assert time.monotonic() < deadline, f"no answer for {begun} at {last}"
                    for stream in [s for s in begun if self.stored.get(s, 0) >= last]:
                        delays.append(time.monotonic() - begun.pop(stream))
        return delays


def made(number: int, count: int) -> Sender:
    """A device's records: settings first, then readings inside."""
    sender = Sender(f"{number:032x}")
    sender.settings()
    for minute in range(count - 1):
        sender.reading(minute, 5_000)
    return sender


@contextmanager
def hub(folder: Path, port: int) -> Iterator[int]:
    """Run a hub for all of them; give its process id."""
    devices = ", ".join(f'"{name}"' for name in [*OTHERS, FLOODER])
    text = HUB.format(state=folder / "hub", port=port).replace('["pi-1"]', f"[{devices}]")
    (folder / "hub.toml").write_text(text, encoding="utf-8")
    with command(folder, "hub", "hub", str(folder / "hub.toml")) as process:
        wait_for("the hub's database", (folder / "hub" / "history.db").exists)
        yield process.pid


def peak_kb(pid: int) -> int:
    """Return the most memory that a process has had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def pour(port: int, kind: str, stop: Event, sent: Queue[int]) -> None:
    """Flood, in a process of its own, until told to stop; no agent has more than four under way."""
    sender = made(99, 20)
    ours = topic("east-gate", FLOODER, "records")
    under_way = Semaphore(200)
    connection = Connection(
        "flood", Address("127.0.0.1", port), [], on_message=lambda *_: None,
        on_connected=lambda: None, on_delivered=lambda _: under_way.release(),
    )  # fmt: skip
    connection.start()
    connection.wait_connected(10)
    count = 0
    while not stop.is_set():
        under_way.acquire(timeout=1)
        payload = sender.message() if kind == "valid" else b"%d %s" % (count, os.urandom(700))
        count += connection.publish(ours, payload) is not None
    sent.put(count)
    connection.stop()


@contextmanager
def flooded(port: int, kind: str) -> Iterator[Callable[[], int]]:
    """A flood that goes on; call what it gives to end it and learn how much it was."""
    context = multiprocessing.get_context("spawn")
    stop, sent = context.Event(), context.Queue()
    process = context.Process(target=pour, args=(port, kind, stop, sent), daemon=True)
    process.start()

    def end() -> int:
        assert process.is_alive()
        stop.set()
        return int(sent.get(timeout=30))

    try:
        yield end
    finally:
        stop.set()
        process.join(10)
        process.kill()


def told(delays: list[float]) -> str:
    """Say how long answers took."""
    p99 = statistics.quantiles(delays, n=100)[98]
    return f"p50 {statistics.median(delays) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["valid", "garbage"])
def test_a_flood_slows_nobody_else(
    tmp_path: Path, mosquitto: Mosquitto, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the flood goes on all others are answered, each time; nothing of theirs is lost.

    Nor does the hub's memory grow with how long it lasts, and when it is over the flooder's own
    records come in as anybody's.
    """
    calm = {name: made(number + 200, 8 * MESSAGES) for number, name in enumerate(OTHERS)}
    senders = {name: made(number, 8 * MESSAGES) for number, name in enumerate(OTHERS)}
    own = made(99, 20)
    with hub(tmp_path, mosquitto.port) as pid:
        crowd = Crowd(mosquitto.port)

        def heard(device: str, sender: Sender) -> bool:
            crowd.send(device, sender.message(1, 8))
            time.sleep(0.1)
            return crowd.stored.get(sender.stream, 0) >= 8

        wait_for("the hub listens", lambda: heard(OTHERS[0], calm[OTHERS[0]]))
        without = crowd.rounds(calm)
        with flooded(mosquitto.port, kind) as end:
            time.sleep(3)
            early = peak_kb(pid)
            during = crowd.rounds(senders)
            time.sleep(3)
            late = peak_kb(pid)
            began = time.monotonic()
            count = end()
        wait_for("the flooder's own records", lambda: heard(FLOODER, own), 120)
        over = time.monotonic() - began
        found = stored(tmp_path / "hub")
        crowd.connection.stop()
    history = SqliteHistory(tmp_path / "hub" / "history.db", read_only=True)
    for sender in (*senders.values(), *calm.values()):
        assert [body for _, body in history.records(sender.stream)] == sender.bodies
        assert found[sender.stream] == 8 * MESSAGES
    kept = [body for _, body in history.records(own.stream)]
    assert kept == own.bodies[: len(kept)]
    history.close()
    assert count > 1_000
    # What one device may have waiting, and what an allocator does not give back of a batch of it.
    assert late - early < 20_000
    with capsys.disabled():
        print(
            f"\n{kind}: received without flood {told(without)}; with {told(during)};"
            f" {count} messages of flood, over {over:.1f} s after its end; hub's peak"
            f" {early / 1024:.0f} MB, later {late / 1024:.0f} MB"
        )
