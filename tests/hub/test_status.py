"""`coldwatch hub HUB.toml --status`: asked of a real hub, of none, and of one that says nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.loopback import fetch
from hub.presence import Presence, running
from protocol.connection import Address, Connection
from tests.hub.test_intake import TOPIC, warm
from tests.support.mosquitto import Mosquitto

HOUSE = Path(__file__).resolve().parents[2]
SETTINGS = """
state_dir = "{state}"
log = "json"
[mqtt]
port = {port}
[console]
enabled = false
[metrics]
enabled = {metrics}
port = 0
[[people]]
id = "li"
name = "Li"
phone = "+8613900000001"
[[sites]]
id = "east-gate"
name = {{ zh = "东门", en = "East Gate" }}
kind = "fixed"
devices = ["pi-1", "pi-2"]
tell = ["li"]
assets = [{{ id = "fridge-1", name = {{ zh = "1号冰箱", en = "Fridge 1" }} }}]
"""


class RealHub:
    """One hub process and its log."""

    def __init__(self, folder: Path, port: int, *, metrics: bool = True) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.file = folder / "hub.toml"
        text = SETTINGS.format(state=self.state, port=port, metrics=str(metrics).lower())
        self.file.write_text(text)
        self.log = folder / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it can be found."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "coldwatch", "hub", str(self.file)], cwd=HOUSE, stderr=log
            )
        wait_for(lambda: running(self.state) is not None and running(self.state).pid != 0)  # type: ignore[union-attr]

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)

    def ask(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of --status."""
        done = subprocess.run(
            [sys.executable, "-m", "coldwatch", "hub", str(self.file), "--status", *arguments],
            cwd=HOUSE, env=os.environ | {"LANG": "C.UTF-8"}, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def answer(self) -> tuple[int, dict[str, Any]]:
        """Return exit code and the JSON."""
        code, out, _ = self.ask("--json")
        return code, json.loads(out)

    def events(self) -> list[str]:
        """Return the events in its log so far, in order."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line["event"] for line in lines if "event" in line]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


@pytest.fixture
def hub(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[RealHub]:
    """A hub that is not started yet, beside a broker that runs."""
    made = RealHub(tmp_path, mosquitto.port)
    yield made
    made.end(signal.SIGKILL)


def codes(answer: dict[str, Any]) -> dict[str, str]:
    """Return subject -> code of what is said."""
    return {line["code"].partition(".")[0]: line["code"] for line in answer["lines"]}


def test_a_hub_is_asked_through_its_life(hub: RealHub, mosquitto: Mosquitto) -> None:
    """Not running, running and healthy, without its broker, with it again, killed."""
    code, out, err = hub.ask()
    assert code == 1
    assert "not running; what follows is what its database still says" in err
    assert "0 of 2 heard; silent: pi-1, pi-2" in out

    hub.start()
    wait_for(lambda: hub.answer()[0] == 0)
    publisher = Connection(
        "pi", Address("127.0.0.1", mosquitto.port), [], on_message=lambda *_: None,
        on_connected=lambda: None,
    )  # fmt: skip
    publisher.start()
    assert publisher.wait_connected(10)
    publisher.publish(TOPIC, warm(4).message())
    publisher.publish(TOPIC, b"{")
    wait_for(lambda: hub.answer()[1]["books"]["quarantine"] == 1)
    publisher.stop()
    code, answer = hub.answer()
    assert code == 0
    assert codes(answer)["streams"] == "streams.level"
    assert codes(answer)["history"] == "history.up"
    assert answer["books"]["heard"] == 1
    code, out, err = hub.ask("--lang", "zh")
    assert (code, err) == (0, "")
    assert "共 2 台，联系正常 1 台；失去联系：pi-2" in out

    mosquitto.stop()
    wait_for(lambda: codes(hub.answer()[1])["broker"] == "broker.lost")
    assert hub.answer()[0] == 1
    mosquitto.start()
    wait_for(lambda: hub.answer()[0] == 0)

    hub.end(signal.SIGKILL)
    code, answer = hub.answer()
    assert code == 1
    assert answer["lines"][0]["code"] == "hub.away"
    assert answer["books"]["quarantine"] == 1
    assert hub.events() == [
        "metrics-on", "broker-connected", "broker-lost", "broker-connected",
    ]  # fmt: skip


def test_a_hub_without_figures_is_told_as_running(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """It cannot be asked; that is said, and not that it is away."""
    hub = RealHub(tmp_path, mosquitto.port, metrics=False)
    hub.start()
    code, _, err = hub.ask()
    hub.end()

    assert code == 1
    assert "running, but with [metrics] enabled = false it cannot be asked" in err


def test_what_is_served_is_on_the_loopback(hub: RealHub) -> None:
    """/metrics and /health, at the address that the lock file names."""
    hub.start()
    found = running(hub.state)
    assert found is not None
    assert found.url is not None
    assert found.url.startswith("http://127.0.0.1:")
    text = fetch(found.url, "/metrics").decode()
    hub.end()

    assert "coldwatch_hub_started_timestamp_seconds" in text
    assert "process_resident_memory_bytes" in text
    assert running(hub.state) is None


def test_wrong_usage_and_wrong_settings_are_one_line(hub: RealHub) -> None:
    """--json without --status is refused with 2, wrong settings with 78."""
    done = subprocess.run(
        [sys.executable, "-m", "coldwatch", "hub", str(hub.file), "--json"], cwd=HOUSE,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "coldwatch hub: --json and --lang go with --status\n"
    hub.file.write_text("log = 5\n")
    code, _, err = hub.ask()
    assert code == 78
    assert "log" in err


class TestPresence:
    def test_a_lock_is_let_go_with_its_holder(self, tmp_path: Path) -> None:
        """Whoever looks sees the hub while it holds on, and never after; the file stays."""
        assert running(tmp_path) is None
        with Presence(tmp_path, 5, "http://127.0.0.1:1"):
            found = running(tmp_path)
            assert found is not None
            assert (found.pid, found.since, found.url) == (os.getpid(), 5, "http://127.0.0.1:1")
        assert running(tmp_path) is None

    def test_two_cannot_hold_it(self, tmp_path: Path) -> None:
        """The second one is refused, and the first one stays found."""
        with Presence(tmp_path, 5, None):
            with pytest.raises(BlockingIOError):
                Presence(tmp_path, 6, None)
            found = running(tmp_path)
            assert found is not None
            assert found.since == 5

    def test_a_hub_that_is_just_starting_is_running(self, tmp_path: Path) -> None:
        """Locked and not yet written is no absence."""
        with Presence(tmp_path, 5, None):
            (tmp_path / "hub.running").write_text("")
            assert running(tmp_path) is not None
