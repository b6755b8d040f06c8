"""The agent as a process: killed, stopped, and released from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import ENVIRONMENT, ScaledClock
from simulator.lines import Lines
from tests.firmware_agent.small_hub import wait_for
from tests.firmware_agent.worlds import stored_bodies

SETTINGS = """
site = "east-gate"
device = "pi-1"
state_dir = "{folder}/state"
[mqtt]
port = 1
[sampling]
every = "1s"
record_every = "1s"
[clock]
trust = "always"
[gpio]
adapter = "folder"
folder = "{folder}/gpio"
[[lamp.lamps]]
id = "lamp-1"
relay = {{ line = 23 }}
pulse = {{ line = 24 }}
door = {{ line = 17 }}
presence = {{ line = 27 }}
beacon = {{ line = 25, active_low = true }}
button = {{ line = 5 }}
warning = "5s"
door_settle = "200ms"
empty_for = "1s"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
"""


class World:
    """A Pi with a lamp on it: an agent, and the circuit that hangs on its lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun_ms = time.time_ns() // 1_000_000
        self.lines = Lines(folder / "gpio")
        self.lines.drive(17, level=False)
        self.lines.drive(27, level=False)
        self.lines.drive(5, level=True)
        self.settings = folder / "agent.toml"
        self.settings.write_text(SETTINGS.format(folder=folder))
        self.tube = folder / "lit"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.run(
            "-m", "simulator.lamp_circuit", str(folder / "gpio"), "--relay", "23", "--pulse", "24",
            "--door", "17", "--lit", str(self.tube),
        )  # fmt: skip
        self.agent = self.start()

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a Python process."""
        # Five times as fast, but for pulses and timer, which are in real time whatever the clock.
        clock = ScaledClock(self.begun_ms, self.begun_ms, 5.0).environment()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stderr=subprocess.DEVNULL,
            env=os.environ | {ENVIRONMENT: clock},
        )
        self.processes.append(process)
        return process

    def start(self) -> subprocess.Popen[bytes]:
        """Start an agent."""
        return self.run("-m", "coldwatch", "agent", str(self.settings))

    @property
    def lit(self) -> bool:
        """Whether the tube burns."""
        return self.tube.exists() and self.tube.read_text() == "1"

    def light(self) -> None:
        """Press the button until the tube burns."""
        deadline = time.monotonic() + 60
        while not self.lit:
            assert time.monotonic() < deadline
            # A warning under way would be stopped by another press.
            if self.lines.level(25):
                self.lines.drive(5, level=False)
                time.sleep(0.3)
                self.lines.drive(5, level=True)
            time.sleep(0.6)

    def dark_after(self) -> float:
        """Wait until the tube is dark; return how long that took."""
        begun = time.monotonic()
        wait_for(lambda: not self.lit, 10)
        return time.monotonic() - begun

    def release(self) -> float:
        """Run what systemd runs behind the agent; return how long it took."""
        begun = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "coldwatch", "agent", str(self.settings), "--release-lamps"],
            check=True, timeout=30,
        )  # fmt: skip
        return time.monotonic() - begun

    def cycles(self) -> list[str]:
        """Return why each recorded cycle was cut short."""
        return [
            body["body"]["cut"]
            for bodies in stored_bodies(self.folder / "state").values()
            for body in bodies
            if body.get("event") == "lamp.cycle"
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A Pi with a lamp that burns."""
    world = World(tmp_path)
    try:
        world.light()
        yield world
    finally:
        for process in world.processes:
            process.kill()
            process.wait()


def test_sigkill_puts_the_lamp_out_and_its_lines_are_released(world: World) -> None:
    """The hardware timer first, within 2 s; then ExecStopPost; then the record of the next start."""
    world.agent.kill()
    # The stand-in looks every 20 ms, and this machine may be busy; the timer itself has 1.5 s.
    assert world.dark_after() < 2.5
    assert world.lines.level(23), "the kernel leaves the relay line as it was"
    world.release()
    assert [world.lines.level(line) for line in (23, 24, 25)] == [False, False, True]
    world.agent.wait()
    world.agent = world.start()
    wait_for(lambda: world.cycles() == ["agent-died"], 30)
    time.sleep(1.0)
    assert not world.lit
    assert not world.lines.level(23)


def test_a_process_that_is_stopped_does_not_light_it_again(world: World) -> None:
    """SIGSTOP is a process that hangs: the timer drops, and behind it the cycle is over."""
    os.kill(world.agent.pid, signal.SIGSTOP)
    assert world.dark_after() < 2.5
    os.kill(world.agent.pid, signal.SIGCONT)
    wait_for(lambda: not world.lines.level(23), 10)
    assert not world.lit
    times = (world.folder / "lit.seen").read_text()
    wait_for(lambda: world.cycles() == ["agent-stalled"], 20)
    assert (world.folder / "lit.seen").read_text() == times


def test_the_lines_of_the_agent_that_ran_are_released_whatever_the_file_says_now(
    tmp_path: Path,
) -> None:
    """The settings were changed, or broken, while the agent ran."""
    lines = Lines(tmp_path / "gpio")
    (tmp_path / "state").mkdir()
    gpio = {"adapter": "folder", "chip": None, "folder": str(tmp_path / "gpio")}
    noted = {"gpio": gpio, "lines": [[20, False], [21, True]]}
    (tmp_path / "state" / "lamp-lines.json").write_text(json.dumps(noted))
    for line in (20, 23, 24):
        (tmp_path / "gpio" / str(line)).mkdir(parents=True)
        (tmp_path / "gpio" / str(line) / "value").write_text("1")
    settings = tmp_path / "agent.toml"
    settings.write_text(SETTINGS.format(folder=tmp_path))
    command = [sys.executable, "-m", "coldwatch", "agent", str(settings), "--release-lamps"]
    assert subprocess.run(command, check=False, timeout=30).returncode == 0
    assert [lines.level(line) for line in (20, 21, 23, 24, 25)] == [
        False, True, False, False, True,
    ]  # fmt: skip
    settings.write_text("state_dir = ")
    done = subprocess.run(command, check=False, timeout=30, capture_output=True, text=True)
    assert done.returncode == 1
    assert "--release-lamps" in done.stderr


def test_releasing_is_light(tmp_path: Path) -> None:
    """It loads no pydantic, no MQTT and no database: it must be quick on a Pi Zero."""
    settings = tmp_path / "agent.toml"
    settings.write_text(SETTINGS.format(folder=tmp_path))
    script = (
        "import sys\nfrom coldwatch.cli import main\n"
        f"code = main(['agent', {str(settings)!r}, '--release-lamps'])\n"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30
    )
    code, *loaded = done.stdout.split()
    assert code == "0"
    assert set(loaded) & {"pydantic", "paho", "alerts", "gpiod", "RPi"} == set()


def test_without_lamps_there_is_nothing_to_release(tmp_path: Path) -> None:
    """The same unit serves every site."""
    settings = tmp_path / "agent.toml"
    settings.write_text(f'site = "a"\nstate_dir = "{tmp_path}"\n')
    command = [sys.executable, "-m", "coldwatch", "agent", str(settings), "--release-lamps"]
    done = subprocess.run(command, check=False, timeout=30, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
