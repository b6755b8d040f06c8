"""The thread that looks at contacts, over a folder of lines: in real time, with generous limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from firmware_agent.agent import Agent
from firmware_agent.health import Health
from firmware_agent.plan import ProbePlan
from firmware_agent.sampler import Sampler, Taken
from sensors.contract import ChangesProbe, ProbeFaultError, ProbeTransientError
from sensors.gpio import watcher
from sensors.gpio.opening import open_port
from sensors.registry import checked, checker, open_probe
from simulator.lines import Lines
from tests.firmware_agent.small_hub import wait_for
from tests.firmware_agent.worlds import SERIES, make_plan, stored_bodies, table

DOOR, MAINS = 17, 27


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the lines are."""
    return tmp_path / "gpio"


@pytest.fixture
def lines(folder: Path) -> Lines:
    """The other end of them."""
    return Lines(folder)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opened."""
    with ExitStack() as stack:
        yield stack


def contact(folder: Path, line: int, **settings: Any) -> dict[str, Any]:
    """Return the driver table of a contact, checked."""
    port = {"adapter": "folder", "folder": str(folder)}
    return checked({"kind": "gpio", "line": line, "port": port, **settings})


def opened(stack: ExitStack, driver: dict[str, Any]) -> ChangesProbe:
    """Return the probe of a driver table."""
    probe = open_probe(driver, SystemClock())
    assert isinstance(probe, ChangesProbe)
    stack.callback(probe.close)
    return probe


def values(rows: list[tuple[int, Any]]) -> list[int | None]:
    """Return the values of samples."""
    return [sample.value for _, sample in rows]


def threads() -> int:
    """Return how many threads look at lines."""
    return sum(thread.name == "gpio" for thread in threading.enumerate())


def test_a_door_that_was_open_between_two_cycles(
    folder: Path, lines: Lines, stack: ExitStack
) -> None:
    """Both changes come with the next question, at their times, and each one woke the cycle."""
    woken = threading.Semaphore(0)
    probe = opened(stack, contact(folder, DOOR))
    probe.on_change(woken.release)
    lines.drive(DOOR, level=False)
    assert values(probe.changes()) == [0]
    lines.drive(DOOR, level=True)
    assert woken.acquire(timeout=10)
    lines.drive(DOOR, level=False)
    assert woken.acquire(timeout=10)
    before = SystemClock().mono_ms()
    rows = probe.changes()

    assert values(rows) == [1000, 0, 0]
    times = [at for at, _ in rows]
    assert times == sorted(set(times))
    assert rows[0][0] <= before - 100


def test_read_takes_nothing_away(folder: Path, lines: Lines, stack: ExitStack) -> None:
    """Who only asks how it is leaves the changes to the sampler."""
    probe = opened(stack, contact(folder, DOOR))
    assert probe.read().value == 1000
    lines.drive(DOOR, level=False)
    wait_for(lambda: probe.read().value == 0)

    assert values(probe.changes()) == [0, 0]


def test_one_thread_for_all_contacts_and_none_after_the_last(
    folder: Path, stack: ExitStack
) -> None:
    """And whoever else uses a line keeps it."""
    port = open_port({**checked_port(folder)})
    stack.callback(port.close)
    port.claim_input(DOOR, "up")
    probes = [opened(stack, contact(folder, line)) for line in (DOOR, MAINS)]
    assert [probe.read().value for probe in probes] == [1000, 1000]
    assert threads() == 1
    for probe in probes:
        probe.close()
    wait_for(lambda: threads() == 0)

    assert port.read(DOOR) is True


def checked_port(folder: Path) -> dict[str, Any]:
    """Return the settings of a folder's port as `[gpio]` gives them."""
    return {"adapter": "folder", "chip": None, "folder": str(folder)}


def test_a_line_that_cannot_be_read_comes_back(
    folder: Path, lines: Lines, stack: ExitStack
) -> None:
    """Its trouble is told while it lasts; what changed meanwhile is given afterwards."""
    probe = opened(stack, contact(folder, DOOR))
    other = opened(stack, contact(folder, MAINS))
    assert values(probe.changes()) == [1000]
    assert values(other.changes()) == [1000]
    (folder / str(DOOR) / "pull").write_text("nonsense\n")
    with pytest.raises(ProbeTransientError, match="write pull-up or pull-down"):
        wait_for_error(probe)
    assert values(other.changes()) == [1000]
    lines.drive(DOOR, level=False)
    wait_for(lambda: healed(probe))

    assert values(probe.changes()) == [0, 0]


def wait_for_error(probe: ChangesProbe) -> None:
    """Ask until it raises, ten seconds long."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        probe.read()
        time.sleep(0.01)


def healed(probe: ChangesProbe) -> bool:
    """Tell whether it says that the door is closed."""
    try:
        return probe.read().value == 0
    except ProbeTransientError:
        return False


def test_a_line_in_use_is_a_fault_until_it_is_free(folder: Path, stack: ExitStack) -> None:
    """One line says which one; the next question tries again."""
    port = open_port(checked_port(folder))
    port.claim_output(DOOR, level=True)
    probe = opened(stack, contact(folder, DOOR))
    with pytest.raises(ProbeFaultError, match="line 17 is an output already"):
        probe.changes()
    port.close()

    assert values(probe.changes()) == [1000]


def test_a_bug_in_the_port_blinds_nobody(
    folder: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other contact goes on; the broken one says what failed."""
    probes = [opened(stack, contact(folder, line)) for line in (DOOR, MAINS)]
    for probe in probes:
        probe.read()
    from sensors.gpio.folder import FolderPort

    real = FolderPort.read

    def broken(self: FolderPort, line: int) -> bool:
        if line == DOOR:
            raise ZeroDivisionError("a bug")
        return real(self, line)

    monkeypatch.setattr(FolderPort, "read", broken)
    with pytest.raises(ProbeTransientError, match="ZeroDivisionError: a bug"):
        wait_for_error(probes[0])
    assert values(probes[1].changes()) == [1000]
    monkeypatch.setattr(FolderPort, "read", real)
    wait_for(lambda: answers(probes[0]))


def answers(probe: ChangesProbe) -> bool:
    """Tell whether it can be read."""
    try:
        probe.read()
    except ProbeTransientError:
        return False
    return True


def test_a_flapping_contact_is_told_once(
    folder: Path, lines: Lines, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """Panel and status name the line; the series goes on, marked."""
    clock, health = SystemClock(), Health()
    driver = contact(folder, DOOR, debounce="0ms", most_per_min=2)
    series = "fridge-1/door/open"
    woken = threading.Event()
    sampler = Sampler(
        [(series, open_probe(driver, clock), checker(driver, "open"))],
        clock, health, 1_000, woken.set,
    )  # fmt: skip
    stack.callback(sampler.close)
    stop = threading.Event()
    taken: list[Taken] = sampler.cycle(stop)
    assert [item.sample.value for item in taken] == [1000]
    for number in range(60):
        lines.drive(DOOR, level=bool(number % 2))
        time.sleep(2 * watcher.LOOK_S)
        taken = sampler.cycle(stop)
        if taken[-1].sample.quality != "ok":
            break
    assert woken.is_set()
    assert taken[-1].sample.quality == "suspect:flapping"
    sampler.cycle(stop)

    (problem,) = health.problems()
    assert problem.startswith("contact fridge-1/door/open: GPIO line 17 flaps: more than 2 changes")
    assert caplog.text.count("contact=flapping series=fridge-1/door/open") == 1


def test_the_agent_records_a_short_opening(tmp_path: Path, folder: Path, lines: Lines) -> None:
    """A cycle a minute: the door opens and closes, and both changes are on the disk in seconds."""
    lines.drive(DOOR, level=False)
    series = "fridge-1/door/open"
    plan = make_plan(
        tmp_path / "state",
        probes=(ProbePlan(series, contact(folder, DOOR)),),
        series={series: table()[SERIES] | {"storage": None, "rules": []}},
        every_ms=60_000,
    )
    agent = Agent(plan, SystemClock(), synchronised=lambda: True)
    thread = threading.Thread(target=agent.run)
    thread.start()

    def recorded() -> list[int]:
        (bodies,) = stored_bodies(tmp_path / "state").values()
        return [body["value"] for body in bodies if body["kind"] == "reading"]

    try:
        wait_for(lambda: recorded() == [0])
        lines.drive(DOOR, level=True)
        wait_for(lambda: 1000 in recorded())
        lines.drive(DOOR, level=False)
        wait_for(lambda: recorded()[-1] == 0)
    finally:
        agent.stop()
        thread.join(10)

    assert [value for value in recorded() if value is not None] == [0, 1000, 0]
