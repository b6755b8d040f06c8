"""Reading the probes: on time, side by side, and none waits for another.

Each probe has a thread that reads it when it is asked to. A cycle asks all that are free, and takes
what has come when the time of the cycle is up; what comes later belongs to the next one. A probe that
hangs keeps its thread, is told once, and is asked again when it returns.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from config.clock import Clock
from firmware_agent.health import Health
from sensors.checks import Checker
from sensors.contract import (
    ChangesProbe,
    NoDataError,
    Probe,
    ProbeError,
    ProbeFaultError,
    RecordedProbe,
    Sample,
)

log = logging.getLogger(__name__)

# One failed read of a one-wire bus is everyday life; this many in a row are not.
TRANSIENTS = 3
# A read that takes longer hangs. Real time: a demo's clock does not make a bus faster.
HUNG_S = 10.0
# How long a cycle waits at a time before it looks whether it must end.
_SLICE_S = 0.2


class Taken(NamedTuple):
    """A sample and when it was taken; ``at`` where it came with a time of its own."""

    series: str
    mono_ms: int
    sample: Sample
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Points in time a fixed step apart; what was missed is not made up for."""

    begun_ms: int
    every_ms: int

    def after(self, mono_ms: int) -> int:
        """Return the first point behind this time."""
        return self.begun_ms + ((mono_ms - self.begun_ms) // self.every_ms + 1) * self.every_ms


class _Answer(NamedTuple):
    reader: _Reader
    taken: list[Taken]
    error: Exception | None
    took_ms: int


class _Reader:
    """One probe and the thread that reads it."""

    def __init__(
        self,
        series: str,
        probe: Probe,
        checker: Checker,
        clock: Clock,
        answers: queue.SimpleQueue[_Answer],
    ) -> None:
        self.series = series
        self.probe = probe
        self.checker = checker
        self.busy_since_ms: int | None = None
        self.failures = 0
        self.failed = 0
        self.newest_ms: int | None = None
        self.down = False
        self.late = False
        self._clock = clock
        self._answers = answers
        self._ask = threading.Semaphore(0)
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, now_ms: int) -> None:
        """Have the probe read; the answer goes into the queue."""
        self.busy_since_ms = now_ms
        self.checker.asked(now_ms)
        if self._thread is None:
            name = f"probe {self.series}"
            self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
            self._thread.start()
        self._ask.release()

    def close(self) -> None:
        """End the thread; a probe that is being read just now is left to the end of the process."""
        self._closed = True
        self._ask.release()
        if self.busy_since_ms is None:
            self.probe.close()

    def _loop(self) -> None:
        while True:
            self._ask.acquire()
            if self._closed:
                return
            begun_ms = self._clock.mono_ms()
            taken: list[Taken] = []
            error: Exception | None = None
            try:
                taken = self._read()
            except Exception as caught:  # noqa: BLE001 - a driver's bug is that probe's fault alone
                error = caught
            took_ms = self._clock.mono_ms() - begun_ms
            self._answers.put(_Answer(self, taken, error, took_ms))

    def _read(self) -> list[Taken]:
        probe = self.probe
        if isinstance(probe, RecordedProbe):
            rows = probe.drain(self._clock.now_ms())
            timed = [(probe.mono_ms(at), sample, at) for at, sample in rows]
            return [
                Taken(self.series, mono_ms, self.checker.check(sample, mono_ms), at)
                for mono_ms, sample, at in timed
            ]
        if isinstance(probe, ChangesProbe):
            return [
                Taken(self.series, mono_ms, self.checker.check(sample, mono_ms))
                for mono_ms, sample in probe.changes()
            ]
        sample = probe.read()
        mono_ms = self._clock.mono_ms()
        return [Taken(self.series, mono_ms, self.checker.check(sample, mono_ms))]


class Sampler:
    """Reads all probes, cycle by cycle. Used by one thread."""

    def __init__(
        self,
        probes: Iterable[tuple[str, Probe, Checker]],
        clock: Clock,
        health: Health,
        every_ms: int,
        wake: Callable[[], None] | None = None,
    ) -> None:
        """Read these series, each from its probe, through its checks.

        ``wake`` makes the next cycle begin at once; probes that see a change call it.
        """
        self._clock = clock
        self._health = health
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._readers = [
            _Reader(series, probe, checker, clock, self._answers)
            for series, probe, checker in probes
        ]
        if wake is not None:
            for reader in self._readers:
                if isinstance(reader.probe, ChangesProbe):
                    reader.probe.on_change(wake)
        # The last fifth of a cycle is for the commit.
        self._limit_ms = every_ms * 4 // 5
        self._hung_ms = max(3 * every_ms, int(HUNG_S * 1000 * clock.speed))

    def cycle(self, stop: threading.Event) -> list[Taken]:
        """Read every probe that is free and may be read; return the samples in time order."""
        begun_ms = self._clock.mono_ms()
        waiting = set()
        for reader in self._readers:
            if reader.busy_since_ms is not None:
                self._still_busy(reader, begun_ms)
            elif reader.checker.due(begun_ms):
                reader.ask(begun_ms)
                waiting.add(reader.series)
        taken = []
        while not stop.is_set():
            left_s = (begun_ms + self._limit_ms - self._clock.mono_ms()) / 1000 / self._clock.speed
            try:
                if waiting and left_s > 0:
                    answer = self._answers.get(timeout=min(left_s, _SLICE_S))
                else:
                    answer = self._answers.get_nowait()
            except queue.Empty:
                if waiting and left_s > 0:
                    continue
                break
            waiting.discard(answer.reader.series)
            taken += self._take(answer)
        return sorted(taken, key=lambda item: item.mono_ms)

    def failed(self) -> dict[str, int]:
        """Return how many readings of each probe have failed since the start."""
        return {reader.series: reader.failed for reader in self._readers}

    def newest_ms(self) -> dict[str, int]:
        """Return when each probe last gave something, monotonic; not those that never did."""
        found = ((reader.series, reader.newest_ms) for reader in self._readers)
        return {series: newest for series, newest in found if newest is not None}

    def close(self) -> None:
        """End the threads and close the probes that are not being read."""
        for reader in self._readers:
            reader.close()

    def _take(self, answer: _Answer) -> list[Taken]:
        reader = answer.reader
        reader.busy_since_ms = None
        error = answer.error
        if error is None and answer.took_ms >= self._hung_ms:
            # Nobody knows when within that time the value was true.
            if not reader.late:
                log.warning(
                    "probe=late series=%s took_ms=%d sample=unused", reader.series, answer.took_ms,
                    extra={"event": "probe-late", "series": reader.series},
                )  # fmt: skip
            reader.late = True
            return []
        if error is None:
            reader.failures = 0
            reader.late = False
            if answer.taken:
                reader.newest_ms = max(item.mono_ms for item in answer.taken)
            self._state(reader, None)
            if isinstance(reader.probe, ChangesProbe):
                self._look_at(reader, reader.probe.problem)
            return answer.taken
        reader.failures += 1
        reader.failed += 1
        if not isinstance(error, ProbeError):
            if not reader.down:
                log.error("probe=broken series=%s", reader.series, exc_info=error)
            self._state(reader, f"its driver failed: {type(error).__name__}: {error}")
        elif isinstance(error, (NoDataError, ProbeFaultError)) or reader.failures >= TRANSIENTS:
            self._state(reader, str(error))
        return []

    def _look_at(self, reader: _Reader, problem: str | None) -> None:
        """Note that a probe which can be read needs a look, or no more; one line for each."""
        if not self._health.set(f"contact {reader.series}", problem):
            return
        fields = {"series": reader.series}
        if problem is None:
            fields |= {"event": "contact-steady"}
            log.warning("contact=steady series=%s", reader.series, extra=fields)
        else:
            fields |= {"event": "contact-flapping", "reason": problem}
            log.warning(
                "contact=flapping series=%s reason=%r", reader.series, problem, extra=fields
            )

    def _still_busy(self, reader: _Reader, now_ms: int) -> None:
        assert reader.busy_since_ms is not None
        if now_ms - reader.busy_since_ms >= self._hung_ms and not reader.down:
            seconds = (now_ms - reader.busy_since_ms) // 1000
            self._state(reader, f"reading it hangs for {seconds} s")

    def _state(self, reader: _Reader, problem: str | None) -> None:
        """Note how a probe is; one line when it goes down, one when it is back."""
        self._health.set(f"probe {reader.series}", problem)
        if (problem is not None) != reader.down:
            reader.down = problem is not None
            fields = {"series": reader.series}
            if problem is None:
                fields |= {"event": "probe-up"}
                log.warning("probe=up series=%s", reader.series, extra=fields)
            else:
                fields |= {"event": "probe-down", "reason": problem}
                log.warning("probe=down series=%s reason=%r", reader.series, problem, extra=fields)
