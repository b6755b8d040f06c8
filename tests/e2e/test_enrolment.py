"""The whole way as people go it: init, code, join, a reading through TLS, renewal, revocation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.clock import ENVIRONMENT, ScaledClock
from journal import journal
from journal.database import open_database, read
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port, wait_until_it_answers
from tests.support.system import HUB, command, stored, wait_for
from tests.support.tls import TlsMosquitto

AGENT = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[mqtt]
port = {port}
tls = {{}}
[sampling]
every = "2s"
record_every = "2s"
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

ENROLMENT = """
[enrolment]
names = ["127.0.0.1"]
host = "127.0.0.1"
port = {endpoint}
broker_port = {port}
broker_group = "nobody-has-this"
broker_reload = ["sh", "-c", "kill -HUP $(cat {pid})"]
"""


class Place:
    """Two settings files, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.endpoint = unused_port(), unused_port()
        self.pid = folder / "mosquitto.pid"
        self.hub, self.agent = folder / "hub.toml", folder / "agent.toml"
        hub = HUB.format(state=folder / "hub", port=self.port)
        hub = hub.replace("[mqtt]", "[mqtt]\ntls = {}")
        more = ENROLMENT.format(endpoint=self.endpoint, port=self.port, pid=self.pid)
        self.hub.write_text(hub + more, encoding="utf-8")
        self.agent.write_text(AGENT.format(state=folder / "pi", port=self.port))

    def enroll(self, *arguments: str | Path, given: str = "") -> tuple[int, str, str]:
        """Run `coldwatch enroll`; return exit code, stdout and stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "coldwatch", "enroll", *map(str, arguments)],
            input=given, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def said(self, name: str, what: str) -> bool:
        """Whether a process has said something."""
        return re.search(what, (self.folder / f"{name}.log").read_text()) is not None

    def certificates(self) -> list[tuple[str, str]]:
        """Name and state of each certificate."""
        _, out, _ = self.enroll("list", self.hub, "--json")
        return [(each["certificate"], each["state"]) for each in json.loads(out)["certificates"]]

    def seq(self) -> int:
        """How many records the hub has stored."""
        return sum(stored(self.folder / "hub").values())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty machine with mosquitto."""
    if Mosquitto.program() is None:
        reason = "mosquitto is not installed; as root: apt-get install mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Place(tmp_path)


def test_from_an_empty_machine_to_a_revoked_device(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step with the command that docs/enrolment.md names; nothing is lost at a renewal."""
    now = time.time_ns() // 1_000_000
    clock = ScaledClock(now, now, 30.0)
    monkeypatch.setenv(ENVIRONMENT, clock.environment())
    code, out, err = place.enroll("init", place.hub)
    assert (code, "coldwatch enroll code" in out) == (0, True), err
    conf = place.folder / "hub" / "broker" / "coldwatch.conf"
    (place.folder / "mosquitto").mkdir()
    broker = TlsMosquitto(place.folder / "mosquitto", conf, place.port)
    with ExitStack() as stack:
        broker.start()
        stack.callback(broker.stop)
        place.pid.write_text(str(broker.pid))
        stack.enter_context(command(place.folder, "serve", "enroll", "serve", str(place.hub)))
        assert wait_until_it_answers("127.0.0.1", place.endpoint)
        stack.enter_context(command(place.folder, "hub", "hub", str(place.hub)))
        wait_for("the hub at the broker", lambda: place.said("hub", "connected to the broker"))

        # Before it is enrolled the agent measures, and says what is missing.
        agent = stack.enter_context(command(place.folder, "agent", "agent", str(place.agent)))
        wait_for("a clear line", lambda: place.said("agent", "does not exist; enrol this device"))
        code, out, err = place.enroll("code", place.hub, "--device", "pi-1")
        assert code == 0, err
        at = f"127.0.0.1:{place.endpoint}"
        code, said, err = place.enroll("join", place.agent, "--hub", at, given=out)
        assert (code, "enrolled as pi-1:1" in said) == (0, True), err
        wait_for("readings through TLS", lambda: place.seq() > 5)
        code, _, err = place.enroll("join", place.agent, "--hub", at, "--code", out.split()[0])
        assert (code, "was used already" in err) == (1, True)
        assert "cryptography" not in Path(f"/proc/{agent.pid}/maps").read_text()

        # Two thirds of its life are over.
        record = place.folder / "pi" / "tls" / "enrolment.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"renew_after": 0}))
        renewed = [("pi-1:1", "replaced"), ("pi-1:2", "good")]
        wait_for("the renewal", lambda: place.certificates() == renewed, 60)
        before = place.seq()
        wait_for("readings with the new one", lambda: place.seq() > before + 5)

        code, said, err = place.enroll("revoke", place.hub, "pi-1", "--reason", "stolen")
        assert (code, "revoked: pi-1:2" in said) == (0, True), err
        wait_for("the broker's refusal", lambda: place.said("agent", "Not authorized"))
        broker.stop()
        broker.start()
        place.pid.write_text(str(broker.pid))
        wait_for("a clear line", lambda: place.said("agent", "our certificate was revoked"))
        end = place.seq()
        assert place.certificates()[-1] == ("pi-1:2", "revoked")
        time.sleep(2)
        assert place.seq() == end
    database = open_database(place.folder / "hub" / "hub.db", read_only=True)
    with read(database) as conn:
        entries = [(each.type, each.actor) for each in journal.entries(conn, types="enrolment.")]
    database.dispose()
    steps = [type_.partition(".")[2] for type_, _ in entries]
    assert steps == ["code", "used", "issued", "refused", "renewed", "replaced", "revoked"]
    assert dict(entries)["enrolment.renewed"] == "pi-1:1"


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["join", "{agent}", "--hub", "127.0.0.1", "--code", "ABC"], 2, "a code has 36 letters"),
        (["code", "{hub}", "--device", "pi-1"], 1, "there is no CA in .*; make one: coldwatch enroll init"),
        (["renew", "{agent}"], 1, "not enrolled; write: coldwatch enroll join"),
        (["accept", "{agent}", "{hub}"], 1, "no request was made here"),
        (["list", "{agent}"], 2, "there is no such setting"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line(place: Place, words: list[str], code: int, line: str) -> None:
    """What is wrong and what to do, on stderr."""
    given = [word.format(agent=place.agent, hub=place.hub) for word in words]
    status, out, err = place.enroll(*given)
    assert (status, out) == (code, "")
    assert re.search(line, err), err
    assert code == 2 or len(err.splitlines()) == 1
