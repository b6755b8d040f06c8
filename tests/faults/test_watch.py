"""`coldwatch watch` end to end: a real hub that is killed, a real broker, a real gammu-smsd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import ENVIRONMENT, ScaledClock
from tests.firmware_agent.small_hub import wait_for
from tests.support.mosquitto import Mosquitto
from tests.support.smsd import Rig, needs_smsd

SPEED = 60.0

HUB = """
state_dir = "{folder}/hub"
[mqtt]
port = {port}
[console]
enabled = false
[metrics]
enabled = false
[[people]]
id = "li"
name = "li"
phone = "+8613900000001"
[[sites]]
id = "east-gate"
name = {{ zh = "东门", en = "East Gate" }}
kind = "fixed"
devices = ["pi-1"]
tell = ["li"]
[[sites.assets]]
id = "fridge-1"
name = {{ zh = "1号", en = "1" }}
"""

WATCH = """
name = {{ zh = "东县疾控", en = "East County" }}
state_dir = "{folder}/watch"
database = "{folder}/smsd/smsd.db"
[mqtt]
port = {port}
keepalive_s = 5
[[tell]]
id = "amy"
name = "Amy"
phone = "+8613900000002"
language = "en"
"""


class Processes:
    """Hub and watcher on one fast clock."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        now = time.time_ns() // 1_000_000
        clock = ScaledClock(now, now, SPEED)
        self.environment = os.environ | {ENVIRONMENT: clock.environment()}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name, text in (("hub", HUB), ("watch", WATCH)):
            (folder / f"{name}.toml").write_text(text.format(folder=folder, port=port))

    def command(self, name: str, *more: str) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "coldwatch", name, str(self.folder / f"{name}.toml"), *more]

    def start(self, name: str) -> None:
        """Start one."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(name), stdout=log, stderr=log, env=self.environment
            )

    def once(self) -> subprocess.CompletedProcess[str]:
        """Run `coldwatch watch --once --json`."""
        return subprocess.run(
            self.command("watch", "--once", "--json"),
            env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill one as a power cut would."""
        self.running[name].kill()
        self.running[name].wait()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A modem and its gammu-smsd."""
    needs_smsd()
    with Rig(tmp_path / "smsd") as made:
        yield made


def test_a_dead_hub_is_told_once_and_that_it_is_back(
    tmp_path: Path, mosquitto: Mosquitto, rig: Rig
) -> None:
    """No false alarm at the start or when the broker starts anew; the hub's death after 5 min."""
    world = Processes(tmp_path, mosquitto.port)
    try:
        world.start("hub")
        wait_for(lambda: "connected to the broker" in (tmp_path / "hub.log").read_text(), 60)
        found = world.once()
        answer = json.loads(found.stdout)
        assert answer["heartbeat"] is True, found
        world.start("watch")
        wait_for(lambda: "watch=started" in (tmp_path / "watch.log").read_text(), 30)
        mosquitto.kill()
        time.sleep(1.0)  # a minute
        mosquitto.start()
        time.sleep(7.0)  # seven
        assert rig.modem.messages == []

        world.kill("hub")
        began = time.monotonic()
        wait_for(lambda: len(rig.modem.messages) == 1, 60)
        assert 4.0 < time.monotonic() - began < 5.0 + 20
        assert "the hub of East County is SILENT since" in rig.modem.messages[0].text
        assert world.once().returncode == 1

        world.start("hub")
        wait_for(lambda: len(rig.modem.messages) == 2, 60)
        assert rig.modem.messages[1].text.startswith("HUB BACK: East County")
        time.sleep(2.0)
        assert len(rig.modem.messages) == 2
        status = subprocess.run(
            world.command("watch", "--status"),
            env=world.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert status.stdout.splitlines()[0] == "alarm: none"
        assert status.returncode == 0

        mosquitto.kill()
        wait_for(lambda: len(rig.modem.messages) == 3, 60)
        assert "CANNOT BE REACHED" in rig.modem.messages[2].text
    finally:
        for process in world.running.values():
            process.terminate()
        for process in world.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
    assert world.running["watch"].returncode == 0
