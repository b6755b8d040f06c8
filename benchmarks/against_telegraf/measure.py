"""One run: broker, generator and one contestant, from the first message sent to the last one taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.against_telegraf.contestants import Contestant
from benchmarks.against_telegraf.generator import Generator, Sent
from benchmarks.against_telegraf.listeners import ReceivedClock, delays, stored_times
from benchmarks.against_telegraf.processes import ContestantError, cpu_s, peak_mb, wait
from benchmarks.against_telegraf.recording import DEVICES, Recording
from benchmarks.child import ChildError
from tests.support.influxd import Influxd
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port

# Every device sends a message every ten seconds, spread evenly.
PACED_EVERY_S = 10 / DEVICES
PACED_ROUNDS = 2
LIMIT_S = 180.0
# How often the contestant is asked how far it is; half of that is the error of the end.
LOOK_S = 0.05


@dataclass
class Result:
    """What one run measured.

    Attributes:
        rate: readings a second from the first message sent to the last reading there.
        cpu: CPU seconds of the contestant's process per million readings.
        server_cpu: the same of influxd; None where it has no part.
        broker_cpu: the same of mosquitto.
        peak: largest resident memory, MB.
        paced: seconds from sending to `received` at a moderate load, sorted.
        saturated: the same while as much is under way as is allowed.
    """

    rate: float
    cpu: float
    server_cpu: float | None
    broker_cpu: float
    peak: float
    paced: list[float] = field(default_factory=list)
    saturated: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """How the messages of a recording are sent.

    Attributes:
        paced_rounds: rounds sent at a moderate load before the measured ones.
        under_way: messages sent ahead of the contestant, at most.
    """

    recording: Recording
    paced_rounds: int
    under_way: int

    @property
    def measured(self) -> range:
        """The packets that are sent as fast as it goes."""
        return self.recording.round(self.paced_rounds, self.recording.rounds)


Enter = Callable[[Path, int, Influxd | None], AbstractContextManager[Contestant]]


def run(folder: Path, load: Load, enter: Enter, *, influxdb: bool, answers: bool) -> Result:
    """Measure one contestant; everything that was started has ended when this returns.

    Args:
        folder: empty, for all that is written.
        load: what is sent.
        enter: starts the contestant, given folder, port and server.
        influxdb: whether it needs a server, which is started fresh for it.
        answers: whether it answers with `received`, so that delays can be measured.

    Raises ContestantError where not every reading arrived.
    """
    folder.mkdir()
    with ExitStack() as stack:
        influxd = None
        if influxdb:
            influxd = Influxd(folder / "influxd")
            stack.callback(influxd.stop)
            influxd.start()
        broker = Mosquitto(folder, unused_port())
        stack.callback(broker.stop)
        broker.start()
        try:
            generator = Generator(broker.port, load.recording)
            stack.callback(generator.stop)
            clock = None
            if answers:
                clock = ReceivedClock(broker.port)
                stack.callback(clock.stop)
            contestant = stack.enter_context(enter(folder, broker.port, influxd))
            contestant.prepare(generator, load.recording)
            return _Run(load, generator, contestant, clock, influxd, broker).measure()
        except (ChildError, OSError) as error:
            raise ContestantError(str(error)) from error


@dataclass
class _Run:
    """The parts of a run that has begun."""

    load: Load
    generator: Generator
    contestant: Contestant
    clock: ReceivedClock | None
    influxd: Influxd | None
    broker: Mosquitto

    def measure(self) -> Result:
        """Send slowly, where somebody answers, and then as fast as it goes."""
        recording = self.load.recording
        before = 0
        paced: list[float] = []
        if self.clock is not None and self.load.paced_rounds:
            packets = recording.round(0, self.load.paced_rounds)
            sent, _ = self._send(packets, 0, every_s=PACED_EVERY_S)
            paced = self._delays(sent)
            before = len(packets)
        assert self.broker._process is not None
        pids = [self.contestant.pid, self.broker._process.pid]
        pids += [self.influxd.pid] if self.influxd is not None else []
        used = [-cpu_s(pid) for pid in pids]
        sent, took = self._send(self.load.measured, before, under_way=self.load.under_way)
        used = [cpu_s(pid) + then for pid, then in zip(pids, used, strict=True)]
        peak = peak_mb(self.contestant.pid)
        self.contestant.check((before + len(sent.packets)) * recording.size)
        readings = len(sent.packets) * recording.size
        million = readings / 1e6
        return Result(
            rate=readings / took,
            cpu=used[0] / million,
            server_cpu=used[2] / million if self.influxd is not None else None,
            broker_cpu=used[1] / million,
            peak=peak,
            paced=paced,
            saturated=self._delays(sent) if self.clock is not None else [],
        )

    def _send(
        self, packets: range, before: int, *, under_way: int = 0, every_s: float = 0
    ) -> tuple[Sent, float]:
        """Send packets until all are taken; return when each was, and the seconds it took."""
        ended = 0.0

        def taken() -> bool:
            nonlocal ended
            self.generator.taken.value = self.contestant.taken() - before
            ended = time.monotonic()
            return bool(self.generator.taken.value >= len(packets))

        self.generator.send(packets, under_way=under_way, every_s=every_s)
        wait(f"all {len(packets):,} messages taken", taken, LIMIT_S, LOOK_S)
        sent = self.generator.sent(10)
        return sent, ended - sent.times[0]

    def _delays(self, sent: Sent) -> list[float]:
        assert self.clock is not None
        # The last `received` comes just behind the mark in the database.
        time.sleep(1)
        return delays(sent, stored_times(self.clock.chunks()), self.load.recording)
