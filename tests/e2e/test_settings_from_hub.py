"""Settings from the hub, over a real broker: taken without a hole, refused with the reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from history.sqlite import SqliteHistory
from hub.handing import Reported, hand_out, reported
from journal import journal
from journal.database import open_database, read, write
from tests.support.mosquitto import Mosquitto
from tests.support.system import hub, stored, wait_for

AGENT = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[mqtt]
port = {port}
[sampling]
every = "1s"
record_every = "1s"
[clock]
trust = "always"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
"""

SECOND = """
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = { kind = "simulated" }
[[assets.points]]
name = "upper"
driver = { kind = "simulated" }
"""


class Supervisor:
    """Starts the agent again whenever it ends, as systemd does."""

    def __init__(self, folder: Path, file: Path) -> None:
        self._log = (folder / "agent.log").open("ab")
        self._file = file
        self._stopping = threading.Event()
        self.codes: list[int] = []
        self.process = self._start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "coldwatch", "agent", str(self._file)], stderr=self._log
        )

    def _run(self) -> None:
        while True:
            self.codes.append(self.process.wait())
            if self._stopping.wait(0.1):
                return
            self.process = self._start()

    def stop(self) -> None:
        """End it for good."""
        self._stopping.set()
        self.process.send_signal(signal.SIGTERM)
        self._thread.join(10)
        self._log.close()


class World:
    """A hub, a broker and an agent under supervision."""

    def __init__(self, folder: Path, agent: Supervisor) -> None:
        self.folder = folder
        self.agent = agent

    def settings(self, *arguments: str) -> tuple[int, str, str]:
        """Run `coldwatch settings`."""
        action, *rest = arguments
        done = subprocess.run(
            [sys.executable, "-m", "coldwatch", "settings", action, str(self.folder / "hub.toml"),
             *rest], capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def push(self, text: str) -> None:
        """Hand out a file."""
        file = self.folder / "part.toml"
        file.write_text(text)
        code, _, err = self.settings("push", "pi-1", str(file), "--reason", "test")
        assert code == 0, err

    def said(self) -> Reported:
        """What the device has said of its settings, as the hub knows it."""
        database = open_database(self.folder / "hub" / "hub.db", read_only=True)
        with read(database) as conn:
            found = reported(conn).get("pi-1", Reported())
        database.dispose()
        return found

    def force(self, version: int) -> None:
        """Wait until a version is in force, and known to be."""
        wait_for(f"version {version}", lambda: self.said().version == version, 60)

    def seqs(self) -> list[int]:
        """The numbers of the records in the history, and how far they are stored."""
        history = SqliteHistory(self.folder / "hub" / "history.db")
        (stream,) = stored(self.folder / "hub")
        found = [seq for seq, _ in history.records(stream)]
        history.close()
        return found

    def series(self) -> set[str]:
        """The series that were recorded."""
        history = SqliteHistory(self.folder / "hub" / "history.db")
        (stream,) = stored(self.folder / "hub")
        bodies = [body for _, body in history.records(stream)]
        history.close()
        return {body["series"] for body in bodies if body["kind"] == "reading"}


@contextmanager
def running(folder: Path, broker: Mosquitto) -> Iterator[World]:
    """Run hub and agent until the block ends."""
    file = folder / "agent.toml"
    file.write_text(AGENT.format(state=folder / "pi", port=broker.port))
    with hub(folder, broker.port) as state:
        agent = Supervisor(folder, file)
        try:
            wait_for("the first records", lambda: sum(stored(state).values()) > 2)
            yield World(folder, agent)
        finally:
            agent.stop()


def entries(folder: Path) -> list[tuple[str, int]]:
    """What the journal says of settings: type and version."""
    database = open_database(folder / "hub" / "hub.db", read_only=True)
    with read(database) as conn:
        found = [
            (each.type, each.body.get("version", each.body.get("body", {}).get("version")))
            for each in journal.entries(conn)
            if "settings." in each.type and each.type != "settings.recorded"
        ]
    database.dispose()
    return found


@pytest.mark.timeout(300)
def test_taken_refused_and_fallen_back(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """One process for good ones, a reason for bad ones, the last good ones after a crash loop."""
    with running(tmp_path, mosquitto) as world:
        pid = world.agent.process.pid
        world.push(SECOND)
        world.force(1)
        wait_for("the new point", lambda: "fridge-1/upper/temperature" in world.series())
        assert (world.agent.process.pid, world.agent.codes) == (pid, [])

        # The hub's own check is passed by: what it does not know, the agent still refuses.
        bad = tmp_path / "bad.toml"
        bad.write_text("[sampling]\nevery = '1s'\nsite = 'clinic'\n")
        code, _, err = world.settings("push", "pi-1", str(bad), "--reason", "slip")
        assert (code, "bad.toml:3: sampling.site: there is no such setting" in err) == (1, True)
        publish_unchecked(world, "[sampling]\nevery = 'never'\n")
        wait_for("the refusal", lambda: world.said().refused == 2, 60)
        said = world.said()
        assert said.version == 1
        assert "settings 2 of the hub:2: sampling.every" in said.reason

        # Good for every check, and the agent cannot live with it: it ends in each first cycle.
        world.push(SECOND + '[panel]\nstate_file = "/"\n')
        wait_for("the fall back", lambda: world.said().refused == 3, 90)
        assert world.said().version == 1
        assert "started 3 times" in world.said().reason
        world.push(SECOND)
        world.force(4)
        assert world.said().refused == 0
        (row,) = json.loads(world.settings("list", "--json")[1])["devices"]
        assert (row["handed_out"], row["in_force"], row["refused"]) == (4, 4, 0)
        seqs = world.seqs()
        assert seqs == list(range(1, len(seqs) + 1))
        wait_for("the events", lambda: ("device.settings.taken", 4) in entries(tmp_path))
    assert set(entries(tmp_path)) == {
        ("settings.pushed", 1), ("settings.pushed", 2), ("settings.pushed", 3),
        ("settings.pushed", 4), ("device.settings.taken", 1), ("device.settings.refused", 2),
        ("device.settings.refused", 3), ("device.settings.taken", 4),
    }  # fmt: skip


def publish_unchecked(world: World, text: str) -> None:
    """Hand out what `coldwatch settings push` would refuse, as an older hub might."""
    database = open_database(world.folder / "hub" / "hub.db")
    with write(database) as conn:
        hand_out(conn, "pi-1", text, actor="test", reason="test", now=1)
    database.dispose()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rounds", [1, pytest.param(40, marks=pytest.mark.soak)])
def test_killed_while_taking_over(tmp_path: Path, mosquitto: Mosquitto, rounds: int) -> None:
    """SIGKILL at any moment after the push: in the end the new ones are in force, without a hole."""
    with running(tmp_path, mosquitto) as world:
        for version in range(1, rounds + 1):
            world.push(f"[sampling]\nevery = '1s'\nrecord_every = '{1 + version % 2}s'\n")
            # From the message over checking and starting anew to the first cycle.
            threading.Event().wait(version * 1.7 % 6)
            os.kill(world.agent.process.pid, signal.SIGKILL)
            world.force(version)
        seqs = world.seqs()
        assert seqs == list(range(1, len(seqs) + 1))
    assert world.agent.codes[:-1] == [-signal.SIGKILL] * rounds
