"""`coldwatch agent` as a process: how it ends, and with what code."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.worlds import stored_bodies
from tests.support.mosquitto import Mosquitto

SETTINGS = """
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
[[assets.points]]
name = "upper"
driver = {{ kind = "simulated", path = "{path}" }}
"""


class Process:
    """An agent that was started."""

    def __init__(self, file: Path, **environment: str) -> None:
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "coldwatch", "agent", str(file)],
            stderr=subprocess.PIPE,
            env=os.environ | environment,
            text=True,
        )

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Signal it, and return its exit code and how long it took to go."""
        begun = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(10)
        return code, time.monotonic() - begun

    def wait(self) -> tuple[int, str]:
        """Wait for it to end by itself; return its exit code and what it said."""
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said

    def kill(self) -> None:
        """Be sure that it is gone."""
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Whoever starts a process puts it here."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


def write_settings(folder: Path, port: int, path: Path | None = None) -> Path:
    """Write a settings file; the second probe follows ``path``."""
    file = folder / "agent.toml"
    probe = path or folder / "absent"
    file.write_text(SETTINGS.format(state=folder / "state", port=port, path=probe))
    return file


def records(folder: Path) -> int:
    """Return how many records the spool has."""
    if not (folder / "state" / "spool.db").exists():
        return 0
    try:
        return sum(len(bodies) for bodies in stored_bodies(folder / "state").values())
    except sqlite3.OperationalError:
        return 0  # it is just being made


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_says_goodbye_and_ends_with_0(
    tmp_path: Path, mosquitto: Mosquitto, started: list[Process], how: signal.Signals
) -> None:
    """The hub hears `offline` from the agent itself, with its time."""
    hub = SmallHub(mosquitto.port).start()
    started.append(Process(write_settings(tmp_path, mosquitto.port)))
    wait_for(lambda: hub.stored() >= 3)
    code, seconds = started[0].end(how)
    assert code == 0
    assert seconds < 2.0
    wait_for(lambda: hub.statuses[-1].state == "offline")
    assert hub.statuses[-1].at is not None
    hub.stop()


def mute_listener() -> socket.socket:
    """Return a listener that takes connections and never answers."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    return listener


def deaf_listener() -> socket.socket:
    """Return a listener whose queue is full: a connection to it hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        FILLERS.append(client)
    time.sleep(0.1)
    return listener


FILLERS: list[socket.socket] = []


@pytest.mark.parametrize("broker", ["nobody", "mute", "deaf"])
def test_whatever_hangs_it_ends_within_two_seconds(
    tmp_path: Path, free_port: int, started: list[Process], broker: str
) -> None:
    """A probe that never answers (a pipe nobody writes to), and a broker that cannot be reached."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    listener = {"nobody": None, "mute": mute_listener, "deaf": deaf_listener}[broker]
    open_ = listener() if listener else None
    port = open_.getsockname()[1] if open_ else free_port
    started.append(Process(write_settings(tmp_path, port, pipe)))
    wait_for(lambda: records(tmp_path) >= 3)
    code, seconds = started[0].end()
    assert code == 0
    assert seconds < 2.0
    for item in (*FILLERS, *([open_] if open_ else [])):
        item.close()
    FILLERS.clear()


def test_killed_it_goes_on_where_it_was(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """SIGKILL again and again: the hub has one chain, each record once."""
    hub = SmallHub(mosquitto.port).start()
    file = write_settings(tmp_path, mosquitto.port)
    for _ in range(3):
        process = Process(file)
        before = hub.stored()
        wait_for(lambda before=before: hub.stored() >= before + 2)  # type: ignore[misc]
        process.kill()
    assert hub.held is not None
    assert list(hub.mind.streams) == [hub.held.stream]
    assert hub.mind.refused == []
    ((_, bodies),) = stored_bodies(tmp_path / "state").items()
    assert hub.held.bodies() == bodies[: hub.held.stored]
    assert sum(body["kind"] == "settings" for body in bodies) == 1
    hub.stop()


def test_wrong_settings_end_with_78_and_one_line_each(
    tmp_path: Path, started: list[Process]
) -> None:
    """EX_CONFIG: systemd must not try again."""
    file = write_settings(tmp_path, 1)
    file.write_text(file.read_text().replace('"cn-gsp"', '"cn-gps"').replace("[clock]", "[clok]"))
    started.append(Process(file))
    code, said = started[0].wait()
    assert code == 78
    assert said.splitlines() == [line for line in said.splitlines() if f"{file}:" in line]
    assert "clok" in said
    assert not (tmp_path / "state").exists()


def test_a_missing_file_ends_with_78(tmp_path: Path, started: list[Process]) -> None:
    """One line, without a traceback."""
    started.append(Process(tmp_path / "absent.toml"))
    code, said = started[0].wait()
    assert code == 78
    assert "does not exist" in said
    assert len(said.splitlines()) == 1


def test_a_clock_that_makes_no_sense_ends_with_78(tmp_path: Path, started: list[Process]) -> None:
    """COLDWATCH_CLOCK is a setting as well."""
    started.append(Process(write_settings(tmp_path, 1), COLDWATCH_CLOCK="fast"))
    code, said = started[0].wait()
    assert code == 78
    assert "COLDWATCH_CLOCK" in said


def test_a_state_folder_that_cannot_be_used_ends_with_74(
    tmp_path: Path, started: list[Process]
) -> None:
    """EX_IOERR, with the reason; root may write anywhere, so a file stands in the way."""
    (tmp_path / "state").write_text("")
    started.append(Process(write_settings(tmp_path, 1)))
    code, said = started[0].wait()
    assert code == 74
    assert str(tmp_path / "state") in said
    assert "Traceback" not in said


def test_systemd_hears_when_it_is_ready_and_alive(
    tmp_path: Path, mosquitto: Mosquitto, started: list[Process]
) -> None:
    """READY once it runs, WATCHDOG while all loops move, what is shown, STOPPING when it goes."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(10)
        process = Process(
            write_settings(tmp_path, mosquitto.port), NOTIFY_SOCKET=address, WATCHDOG_USEC="900000"
        )
        started.append(process)
        said: list[bytes] = []
        while said.count(b"WATCHDOG=1") < 3:
            said.append(systemd.recv(100))
        process.process.terminate()
        while b"STOPPING=1" not in said:
            said.append(systemd.recv(100))
    statuses = [item for item in said if item.startswith(b"STATUS=")]
    assert [item for item in said if item not in {b"WATCHDOG=1", *statuses}] == [
        b"READY=1", b"STOPPING=1",
    ]  # fmt: skip
    assert statuses[0].startswith(b"STATUS=fault; 2 recorded")
