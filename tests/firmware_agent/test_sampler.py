"""Reading probes side by side: none waits for another, and each change is told once."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from config.clock import SystemClock
from firmware_agent.health import Health
from firmware_agent.sampler import Sampler, Schedule, Taken
from sensors.checks import Checker
from sensors.contract import (
    Limits,
    NoDataError,
    Probe,
    ProbeFaultError,
    ProbeTransientError,
    Range,
    Sample,
    Spec,
)

SPEC = Spec(
    kind="fake",
    ranges={"temperature": Range(-55_000, 125_000, 1)},
    least_spacing_ms=0,
    may_decide=True,
    source="none",
)


class Script:
    """A probe that answers as it is told: a value, or an error to raise."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.closed = False
        self.reads = 0

    def read(self) -> Sample:
        """Give the next answer, the last one for ever."""
        self.reads += 1
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Sample(answer)

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Stuck(Script):
    """A probe whose read hangs until the test lets go."""

    def __init__(self) -> None:
        super().__init__(5_000)
        self.let_go = threading.Event()

    def read(self) -> Sample:
        """Hang."""
        self.let_go.wait()
        return super().read()


class Recorded(Script):
    """A probe that plays back rows with times of their own."""

    finished = True

    def drain(self, now_ms: int) -> list[tuple[int, Sample]]:
        """Give all rows at once."""
        return [(1_000, Sample(1)), (2_000, Sample(2)), (3_000, Sample(126_000))]

    def mono_ms(self, at_ms: int) -> int:
        """Their own monotonic time."""
        return at_ms + 7


def sampler(health: Health, every_ms: int = 500, spacing_ms: int = 0, **probes: Probe) -> Sampler:
    """Return a sampler of these probes."""
    spec = Spec("fake", SPEC.ranges, spacing_ms, True, "none")
    return Sampler(
        [
            (f"fridge/{name}/temperature", probe, Checker(spec, Limits(), "temperature"))
            for name, probe in probes.items()
        ],
        SystemClock(),
        health,
        every_ms,
    )


def values(taken: list[Taken]) -> dict[str, int | None]:
    """Return point -> value."""
    return {item.series.split("/")[1]: item.sample.value for item in taken}


GO_ON = threading.Event()


def test_points_in_time_do_not_drift_and_missed_ones_are_not_made_up_for() -> None:
    """However late a cycle ends, the next one begins on the grid, once."""
    schedule = Schedule(1_005, 1_000)
    assert [schedule.after(ms) for ms in (1_005, 1_700, 2_004, 2_005, 9_000)] == [
        2_005, 2_005, 2_005, 3_005, 9_005,
    ]  # fmt: skip


def test_all_probes_are_read_at_the_same_time() -> None:
    """Four probes of 0.2 s each take 0.2 s, not 0.8 s."""

    class Slow(Script):
        def read(self) -> Sample:
            time.sleep(0.2)
            return super().read()

    of = sampler(Health(), 2_000, a=Slow(1), b=Slow(2), c=Slow(3), d=Slow(4))
    begun = time.monotonic()
    assert values(of.cycle(GO_ON)) == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert time.monotonic() - begun < 0.6
    of.close()


def test_a_hung_probe_stops_no_other_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its thread is kept and used again when it returns; what it then says is too old to use."""
    monkeypatch.setattr("firmware_agent.sampler.HUNG_S", 0.3)
    health, stuck, good = Health(), Stuck(), Script(5_000)
    of = sampler(health, 100, stuck=stuck, good=good)
    before = set(threading.enumerate())
    for _ in range(8):
        assert values(of.cycle(GO_ON)) == {"good": 5_000}
        time.sleep(0.05)
    assert "hangs" in health.problems()[0]
    assert len(set(threading.enumerate()) - before) == 2

    stuck.let_go.set()
    time.sleep(0.1)
    assert values(of.cycle(GO_ON)) == {"good": 5_000}
    assert values(of.cycle(GO_ON)) == {"good": 5_000, "stuck": 5_000}
    assert health.problems() == ()
    assert len(set(threading.enumerate()) - before) == 2
    said = [record.message.split()[0] for record in caplog.records]
    assert said == ["probe=down", "probe=late", "probe=up"]
    of.close()


def test_a_probe_that_is_a_little_late_belongs_to_the_next_cycle() -> None:
    """Its sample keeps the time at which it was taken."""

    class Late(Script):
        def read(self) -> Sample:
            time.sleep(0.15)
            return super().read()

    of = sampler(Health(), 100, late=Late(5_000))
    assert of.cycle(GO_ON) == []
    time.sleep(0.15)
    before = SystemClock().mono_ms()
    (taken,) = of.cycle(GO_ON)
    assert taken.mono_ms < before
    of.close()


@pytest.mark.parametrize(
    ("error", "told_after"),
    [
        (NoDataError("unplugged"), 1),
        (ProbeFaultError("no such file"), 1),
        (ProbeTransientError("no answer"), 3),
        (ZeroDivisionError("a driver's bug"), 1),
    ],
)
def test_a_failing_probe_gives_nothing_and_is_told_down_and_up_once(
    error: Exception, told_after: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Silence is for the silence rule to find; a single transient error is everyday life."""
    health = Health()
    probe = Script(*[error] * 5, 5_000)
    of = sampler(health, a=probe)
    told = []
    for _ in range(5):
        assert of.cycle(GO_ON) == []
        told.append(bool(health.problems()))
    assert told == [i >= told_after for i in range(1, 6)]
    assert values(of.cycle(GO_ON)) == {"a": 5_000}
    assert health.problems() == ()
    lines = [item.message.split()[0] for item in caplog.records if "=broken" not in item.message]
    assert lines == ["probe=down", "probe=up"]
    of.close()
    assert probe.closed


def test_the_checks_are_applied() -> None:
    """A value outside the data sheet is given, and called rejected."""
    of = sampler(Health(), a=Script(126_000))
    (taken,) = of.cycle(GO_ON)
    assert taken.sample == Sample(126_000, "rejected:out-of-range")
    of.close()


def test_a_probe_is_not_read_more_often_than_it_may_be() -> None:
    """Its least spacing holds whatever the cycle is."""
    probe = Script(5_000)
    of = sampler(Health(), 100, spacing_ms=60_000, a=probe)
    assert len(of.cycle(GO_ON)) == 1
    assert of.cycle(GO_ON) == []
    assert probe.reads == 1
    of.close()


def test_a_recording_gives_every_row_with_its_own_time() -> None:
    """And each of them goes through the checks."""
    of = sampler(Health(), a=Recorded(0))
    assert of.cycle(GO_ON) == [
        Taken("fridge/a/temperature", 1_007, Sample(1), 1_000),
        Taken("fridge/a/temperature", 2_007, Sample(2), 2_000),
        Taken("fridge/a/temperature", 3_007, Sample(126_000, "rejected:out-of-range"), 3_000),
    ]
    of.close()


def test_an_end_is_heeded_while_a_probe_hangs() -> None:
    """A cycle that waits ends within a fraction of a second."""
    stuck = Stuck()
    of = sampler(Health(), 60_000, stuck=stuck)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    begun = time.monotonic()
    of.cycle(stop)
    assert time.monotonic() - begun < 1.0
    stuck.let_go.set()
    of.close()


def test_logging_is_on() -> None:
    """The tests above count log lines, which would all be absent below the level of the logger."""
    assert logging.getLogger("firmware_agent.sampler").isEnabledFor(logging.WARNING)


class Noting(Script):
    """A probe that reads and has something to be put right."""

    def __init__(self, *answers: int | Exception) -> None:
        super().__init__(*answers)
        self.said: tuple[str, ...] = ("has parasite power",)

    def notes(self) -> tuple[str, ...]:
        """Say it."""
        return self.said


def test_what_a_probe_notes_is_a_problem_and_costs_no_reading(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It shows for as long as the probe says so; the probe is not down."""
    health, probe = Health(), Noting(5_000, 5_000, 5_000, NoDataError("unplugged"), 5_000)
    of = sampler(health, a=probe)
    assert values(of.cycle(GO_ON)) == {"a": 5_000}
    assert health.problems() == ("note fridge/a/temperature: has parasite power",)
    version = health.version
    of.cycle(GO_ON)
    assert health.version == version
    probe.said = ()
    of.cycle(GO_ON)
    assert health.problems() == ()
    assert caplog.records == []

    probe.said = ("has parasite power",)
    of.cycle(GO_ON)
    assert health.problems() == ("probe fridge/a/temperature: unplugged",)
    of.cycle(GO_ON)
    assert health.problems() == ("note fridge/a/temperature: has parasite power",)
    of.close()
