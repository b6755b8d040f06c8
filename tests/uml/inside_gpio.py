"""Runs inside the machine, by pytest: the ways to GPIO lines that need a kernel with lines.

test_gpio.py starts it. The contract is the one that the others stand: tests/gpio/contract.py.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from config.clock import SystemClock
from firmware_agent.health import Health
from firmware_agent.sampler import Sampler, Taken
from sensors.gpio.opening import make_port, open_port
from sensors.gpio.port import GpioError
from sensors.gpio.watcher import LOOK_S
from sensors.registry import checked, checker, open_probe
from simulator.lines import Lines
from tests.firmware_agent.worlds import stored_bodies
from tests.gpio.contract import DOOR, MAINS, RELAY, PortContract, Rig
from tests.support.uml import LABEL, SIM

BUTTON = 5
ROUNDS = int(os.environ.get("COLDWATCH_ROUNDS", "3"))
AUTO = {"adapter": "auto", "chip": None, "folder": None}


@pytest.fixture
def world() -> Lines:
    """The simulated chip's own files."""
    return Lines(SIM, kernel=True)


class TestGpiod(PortContract):
    """libgpiod 2 on the kernel's own device."""

    @pytest.fixture
    def rig(self, world: Lines) -> Rig:
        """What `auto` finds: no Pi says which model it is, and gpiod is installed."""
        return Rig(AUTO, world, keeps=False)

    def test_the_chip_is_found_by_its_label(self, caplog: pytest.LogCaptureFixture) -> None:
        """And the log says which one it was."""
        caplog.set_level("INFO")
        make_port(AUTO)

        assert f"gpio=open adapter=gpiod chip=/dev/gpiochip0 label={LABEL}" in caplog.text

    @pytest.mark.parametrize("chip", [LABEL, "/dev/gpiochip0"])
    def test_a_chip_can_be_named(self, chip: str) -> None:
        """By label or by device."""
        make_port({**AUTO, "chip": chip})

    def test_another_label_is_told_with_those_there_are(self) -> None:
        """One line."""
        with pytest.raises(GpioError, match=f"labelled pinctrl-rp1; the chips here are {LABEL}"):
            make_port({**AUTO, "chip": "pinctrl-rp1"})

    def test_a_line_of_another_program_is_told(self) -> None:
        """The kernel gives a line to one program only."""
        first = make_port(AUTO)
        first.claim_output(RELAY, level=False)
        second = make_port(AUTO)
        with pytest.raises(GpioError, match=f"line 22 of {LABEL} cannot be claimed: .*gpioinfo"):
            second.claim_output(RELAY, level=True)
        first.close()
        second.claim_output(RELAY, level=True)
        second.close()

    def test_a_line_that_the_chip_has_not(self) -> None:
        """One line with its number."""
        with pytest.raises(GpioError, match="line 999 of"):
            make_port(AUTO).claim_input(999)


class TestRpiLgpio(PortContract):
    """rpi-lgpio, under the name RPi.GPIO."""

    @pytest.fixture
    def rig(self, world: Lines) -> Rig:
        """The same chip."""
        return Rig({**AUTO, "adapter": "rpi-gpio"}, world)

    @pytest.fixture(autouse=True)
    def free(self) -> Iterator[None]:
        """Give the lines back to the kernel: the adapter leaves outputs driven."""
        yield
        gpio = importlib.import_module("RPi.GPIO")
        gpio.setmode(gpio.BCM)
        gpio.cleanup()

    def test_it_is_named(self, caplog: pytest.LogCaptureFixture) -> None:
        """The log says that it is not RPi.GPIO itself."""
        caplog.set_level("INFO")
        make_port({**AUTO, "adapter": "rpi-gpio"})

        assert "gpio=open adapter=rpi-gpio library=rpi-lgpio" in caplog.text

    def test_its_pipe_is_not_in_the_current_folder(self) -> None:
        """Which is read-only here, as a service's may be."""
        make_port({**AUTO, "adapter": "rpi-gpio"})

        assert list(Path("/run").glob(".lgd-nfy*"))


@pytest.mark.parametrize("adapter", ["gpiod", "rpi-gpio"])
def test_contacts_are_series(adapter: str, world: Lines) -> None:
    """Door, mains and button go through driver, checks and sampler; no change is lost."""
    clock, health = SystemClock(), Health()
    port = {**AUTO, "adapter": adapter}
    settings: dict[str, dict[str, Any]] = {
        "fridge-1/door/open": {"line": DOOR, "most_per_min": 600},
        "fridge-1/mains/present": {"line": MAINS, "active_low": True, "most_per_min": 600},
        "panel/button/on": {"line": BUTTON, "active_low": True, "most_per_min": 600},
    }
    drivers = {
        series: checked({"kind": "gpio", "port": port, "debounce": "50ms", **of})
        for series, of in settings.items()
    }
    woken = threading.Event()
    sampler = Sampler(
        [
            (series, open_probe(driver, clock), checker(driver, series.rpartition("/")[2]))
            for series, driver in drivers.items()
        ],
        clock, health, 1_000, woken.set,
    )  # fmt: skip
    stop = threading.Event()
    taken: list[Taken] = sampler.cycle(stop)
    assert {item.series: item.sample.value for item in taken} == {
        "fridge-1/door/open": 1000,
        "fridge-1/mains/present": 0,
        "panel/button/on": 0,
    }
    # Two beginnings of the same lines: pulled up, nothing connected.
    random = Random(f"{adapter} {ROUNDS}")
    lines = {of["line"]: (series, bool(of.get("active_low"))) for series, of in settings.items()}
    levels = dict.fromkeys(lines, True)
    expected: dict[str, list[int]] = {series: [] for series in settings}
    for _ in range(ROUNDS):
        woken.clear()
        line = random.choice([*lines])
        levels[line] = not levels[line]
        world.drive(line, level=levels[line])
        series, active_low = lines[line]
        expected[series].append(1000 if levels[line] != active_low else 0)
        assert woken.wait(20)
        if random.random() < 0.5:
            time.sleep(random.random() * 4 * LOOK_S)
            continue
        taken += sampler.cycle(stop)
    taken += sampler.cycle(stop)
    sampler.close()

    assert health.problems() == ()
    for series, wanted in expected.items():
        got = [item.sample.value for item in taken if item.series == series]
        changes = [after for before, after in pairwise(got) if after != before]
        assert changes == wanted
        times = [item.mono_ms for item in taken if item.series == series]
        assert times == sorted(set(times))


AGENT = """
site = "east-gate"
device = "pi-1"
state_dir = "{folder}/state"
[mqtt]
port = 1
[clock]
trust = "always"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "door"
quantity = "open"
driver = {{ kind = "gpio", line = 17 }}
[[assets.points]]
name = "mains"
quantity = "present"
driver = {{ kind = "gpio", line = 27, active_low = true }}
"""


def test_the_agent_records_a_door_that_was_open_between_two_cycles(
    tmp_path: Path, world: Lines
) -> None:
    """The whole agent, as a person would start it, with a cycle of ten seconds and no hub."""
    file = tmp_path / "agent.toml"
    file.write_text(AGENT.format(folder=tmp_path))
    log = tmp_path / "log"
    with log.open("wb") as out:
        agent = subprocess.Popen(
            [sys.executable, "-m", "coldwatch", "agent", file], stdout=out, stderr=out
        )
    door, mains = "fridge-1/door/open", "fridge-1/mains/present"

    def recorded(series: str) -> list[tuple[int, int]]:
        try:
            found = stored_bodies(tmp_path / "state")
        except sqlite3.OperationalError:  # it is being made
            return []
        return [
            (body["mono_ms"], body["value"])
            for bodies in found.values()
            for body in bodies
            if body["kind"] == "reading" and body["series"] == series
        ]

    def wait_until(series: str, *values: int) -> None:
        until = time.monotonic() + 60
        while tuple(changed(recorded(series))) != values:
            assert time.monotonic() < until, f"{recorded(series)} {log.read_text()}"
            time.sleep(0.05)

    try:
        wait_until(door, 1000)
        world.drive(DOOR, level=False)
        world.drive(MAINS, level=False)
        wait_until(door, 1000, 0)
        wait_until(mains, 0, 1000)
        world.drive(DOOR, level=True)
        time.sleep(2)
        world.drive(DOOR, level=False)
        wait_until(door, 1000, 0, 1000, 0)
        world.drive(MAINS, level=True)
        wait_until(mains, 0, 1000, 0)
        world.drive(MAINS, level=False)
    finally:
        agent.terminate()
        assert agent.wait(30) == 0, log.read_text()
    rows = recorded(door)
    opened = [mono_ms for (mono_ms, value), (_, before) in pairwise_back(rows) if value > before]
    closed = [mono_ms for (mono_ms, value), (_, before) in pairwise_back(rows) if value < before]

    # The line said so for two seconds; a look is 50 ms, and this machine is a slow one.
    assert 1_900 <= closed[1] - opened[0] <= 10_000
    assert f"gpio=open adapter=gpiod chip=/dev/gpiochip0 label={LABEL}" in log.read_text()


def changed(rows: list[tuple[int, int]]) -> list[int]:
    """Return the values without repetitions."""
    return [value for value, _ in groupby(value for _, value in rows)]


def pairwise_back(
    rows: list[tuple[int, int]],
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return each row with the one before it."""
    return [(after, before) for before, after in pairwise(rows)]


def test_the_door_is_read_while_the_relay_is_driven(world: Lines) -> None:
    """Two users of one port: a series, and a lamp that stops when the door opens."""
    door = open_probe(checked({"kind": "gpio", "line": DOOR, "port": AUTO}), SystemClock())
    lamp = open_port(AUTO)
    lamp.claim_output(RELAY, level=False)
    lamp.claim_input(DOOR, "up")
    world.drive(DOOR, level=False)
    lamp.write(RELAY, level=True)
    assert (door.read().value, lamp.read(DOOR), world.level(RELAY)) == (0, False, True)
    world.drive(DOOR, level=True)
    assert lamp.read(DOOR) is True
    lamp.write(RELAY, level=False)
    until = time.monotonic() + 20
    while door.read().value != 1000:
        assert time.monotonic() < until
        time.sleep(LOOK_S)
    assert world.level(RELAY) is False
    lamp.close()
    door.close()
