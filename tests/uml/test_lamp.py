"""Lamp and interlocks on the lines of a real kernel, through the real gpiod, in a machine of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import ENVIRONMENT, ScaledClock
from simulator.lines import Lines
from tests.firmware_agent.small_hub import wait_for
from tests.support import uml

RELAY, PULSE, DOOR, PRESENCE, MAINS, BUTTON, BEACON = 23, 24, 17, 27, 22, 5, 25

SETTINGS = """
site = "east-gate"
device = "pi-1"
state_dir = "/run/state"
[mqtt]
port = 1
[sampling]
every = "1s"
record_every = "1s"
[clock]
trust = "always"
[gpio]
adapter = "gpiod"
[[lamp.lamps]]
id = "lamp-1"
relay = { line = 23 }
pulse = { line = 24 }
door = { line = 17 }
presence = { line = 27 }
mains = { line = 22 }
beacon = { line = 25 }
button = { line = 5 }
warning = "5s"
door_settle = "200ms"
empty_for = "1s"
cool_down = "1s"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = { kind = "simulated" }
"""

# An agent that is killed when the test says so, and what systemd runs behind it.
SCRIPT = """
{mirror} &
{agent} 2>agent.log &
agent=$!
while [ ! -e kill-it ]; do sleep 0.1; done
kill -9 $agent
touch killed
while [ ! -e release-it ]; do sleep 0.1; done
{release}
echo $? >released-new
mv released-new released
while :; do sleep 60; done
"""


class Bench:
    """The machine, and what hangs on its lines."""

    def __init__(self, folder: Path) -> None:
        self.share = folder / "share"
        self.lines = Lines(self.share / "lines")
        self.tube = folder / "lit"
        # Four times as fast, but for pulses and timer, which are in real time whatever the clock.
        now_ms = time.time_ns() // 1_000_000
        agent = ("-m", "coldwatch", "agent", self.share / "agent.toml")
        numbers = [str(line) for line in (RELAY, PULSE, DOOR, PRESENCE, MAINS, BUTTON, BEACON)]
        self.machine = uml.Machine(
            folder,
            SCRIPT.format(
                mirror=uml.python("-m", "tests.uml.mirror", self.share / "lines", *numbers),
                # `exec`: the process that is killed is the agent, and not a shell round it.
                agent=uml.python(*agent).replace("&& ", "&& exec ", 1),
                release=uml.python(*agent, "--release-lamps"),
            ),
            lines=28,
            environment=f"{ENVIRONMENT}={ScaledClock(now_ms, now_ms, 4.0).environment()}",
        )
        (self.share / "agent.toml").write_text(SETTINGS)
        self.circuit = subprocess.Popen(
            [
                sys.executable, "-m", "simulator.lamp_circuit", str(self.share / "lines"),
                "--relay", str(RELAY), "--pulse", str(PULSE), "--door", str(DOOR),
                "--lit", str(self.tube),
            ]
        )  # fmt: skip
        self.machine.start()
        self.machine.wait_for("lines/ready")
        # Claimed, each line is pulled to where it is not safe; the contacts close behind that.
        log = self.share / "agent.log"
        wait_for(lambda: log.exists() and "gpio=open" in log.read_text(), 60)
        time.sleep(1.0)
        for line in (DOOR, PRESENCE, MAINS):
            assert self.lines.level(line), "an open contact, or a broken wire, reads as not safe"
            self.lines.drive(line, level=False)
        self.lines.drive(BUTTON, level=True)

    @property
    def lit(self) -> bool:
        """Whether the tube burns."""
        return self.tube.exists() and self.tube.read_text() == "1"

    def light(self) -> None:
        """Press the button until the tube burns."""
        deadline = time.monotonic() + 90
        while not self.lit:
            assert time.monotonic() < deadline, (self.share / "agent.log").read_text()
            if not self.lines.level(BEACON):
                self.lines.drive(BUTTON, level=False)
                time.sleep(0.35)
                self.lines.drive(BUTTON, level=True)
            time.sleep(0.5)

    def close(self) -> None:
        """Cut the power."""
        self.machine.cut()
        self.circuit.kill()
        self.circuit.wait()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A machine with a lamp."""
    uml.require()
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.mark.timeout(300)
def test_interlocks_and_a_killed_agent_on_lines_of_a_kernel(bench: Bench) -> None:
    """Door, presence and mains put it out; SIGKILL does by the timer; the release drives it off."""
    for line, safe, unsafe in ((DOOR, False, True), (PRESENCE, False, True), (MAINS, False, True)):
        bench.light()
        bench.lines.drive(line, level=unsafe)
        # Ten rounds a second; what is left is this machine's and the mirror's.
        wait_for(lambda: not bench.lines.level(RELAY), 5)
        wait_for(lambda: not bench.lit, 1)
        bench.lines.drive(line, level=safe)
        time.sleep(1.0)
        assert not bench.lines.level(RELAY), "a cycle that was cut does not come back"
    bench.light()
    (bench.share / "kill-it").touch()
    bench.machine.wait_for("killed")
    begun = time.monotonic()
    wait_for(lambda: not bench.lit, 10)
    assert time.monotonic() - begun < 4.0
    (bench.share / "release-it").touch()
    bench.machine.wait_for("released")
    assert (bench.share / "released").read_text().strip() == "0"
    wait_for(lambda: not any(map(bench.lines.level, (RELAY, PULSE, BEACON))), 2)
    assert not bench.lit
