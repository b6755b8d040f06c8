"""The simulated SMS gateway as a program of its own: what it takes, what it says, how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from simulator.sms_gateway import KEYS

GOOD = {"to": "+8613800000001", "text": "温度过高", "id": "k"}


class Program:
    """The gateway in a process of its own."""

    def __init__(self, house: Path, log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator.sms_gateway", "--log", str(log)],
            cwd=house, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = urlsplit(self.process.stdout.readline().strip()).port

    def post(
        self, path: str, body: object, headers: dict[str, str] | None = None
    ) -> tuple[int, object]:
        """Send something and return status and answer."""
        connection = HTTPConnection("127.0.0.1", self.port or 0, timeout=10)
        try:
            connection.request("POST", path, json.dumps(body), headers or {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def send(self, body: object) -> tuple[int, object]:
        """Send a message with the right secret."""
        return self.post("/send", body, {"Authorization": f"Bearer {KEYS['SIMULATED-ID']}"})


@pytest.fixture
def program(house: Path, tmp_path: Path) -> Iterator[Program]:
    """A gateway that runs."""
    made = Program(house, tmp_path / "messages.jsonl")
    yield made
    made.process.terminate()
    made.process.communicate(timeout=10)


def test_a_message_is_logged(program: Program) -> None:
    """One JSON object a line, as it arrived; without the secret nothing is taken."""
    assert program.post("/send", GOOD)[0] == 401
    status, said = program.send(GOOD)

    assert (status, said) == (200, {"status": "OK", "data": [{"id": "1^any"}]})
    (line,) = program.log.read_text("utf-8").splitlines()
    logged = json.loads(line)
    assert (logged["to"], logged["params"], logged["key"]) == (
        "+8613800000001", ["温度过高"], "k",
    )  # fmt: skip


def test_it_fails_as_told(program: Program) -> None:
    """Refused by a code or a status, taken without an answer, and well again."""
    assert program.post("/control", {"do": "refuse", "code": "BUSY", "to": "1$"})[0] == 200
    assert program.send(GOOD) == (200, {"status": "BUSY"})
    assert program.post("/control", {"do": "swallow"})[0] == 200
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        program.send(GOOD)
    assert program.post("/control", {"do": "heal"}) == (200, {"ok": True})
    assert program.send(GOOD)[0] == 200
    assert len(program.log.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "order", [{"do": "explode"}, {"do": "refuse"}, {"do": "report", "status": "lost"}, []]
)
def test_bad_orders(program: Program, order: object) -> None:
    """A bad order is told with what is wrong, and changes nothing."""
    status, said = program.post("/control", order)

    assert status == 400
    assert "error" in str(said)
