"""Logs: text or JSON, one line an event, and a state that speaks only when it changes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.logs import ENVIRONMENT, State

HOUSE = Path(__file__).resolve().parents[2]
SCRIPT = """
import logging
from config.logs import log_to_stderr
log_to_stderr()
log_to_stderr({form!r})
log = logging.getLogger("hub.part")
log.warning("no %s: 东门", "broker", extra={{"event": "broker-lost", "device": "pi-1"}})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def said(form: str, environment: str | None = None) -> list[str]:
    """Return what a program says on stderr."""
    env = {key: value for key, value in os.environ.items() if key != ENVIRONMENT}
    env |= {ENVIRONMENT: environment} if environment is not None else {}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(form=form)], cwd=HOUSE, env=env, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stderr.splitlines()


def test_json_is_one_object_a_line_with_the_fields_beside_the_message() -> None:
    """Time with its zone, level, part, message, and what the caller gave; a traceback in one line."""
    lost, failed = map(json.loads, said("json"))

    assert lost["message"] == "no broker: 东门"
    assert (lost["level"], lost["part"], lost["event"], lost["device"]) == (
        "WARNING", "hub.part", "broker-lost", "pi-1",
    )  # fmt: skip
    assert lost["time"].endswith("+00:00")
    assert "ZeroDivisionError" in failed["exception"]


def test_text_is_for_people() -> None:
    """The message stands at the end of the line."""
    assert said("text")[0].endswith("WARNING hub.part: no broker: 东门")


def test_the_environment_goes_before_the_settings() -> None:
    """COLDWATCH_LOG is for whoever looks into a service without changing its settings."""
    assert json.loads(said("text", "json")[0])["event"] == "broker-lost"
    assert said("json", "text")[0].endswith("no broker: 东门")


def test_a_wrong_environment_is_refused_in_one_line(tmp_path: Path) -> None:
    """It names the variable and what to write."""
    for command in (["agent"], ["hub"], ["console"]):
        done = subprocess.run(
            [sys.executable, "-m", "coldwatch", *command, str(tmp_path / "none.toml")],
            cwd=HOUSE, env=os.environ | {ENVIRONMENT: "xml"}, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in {2, 78}
        (line,) = done.stderr.splitlines()
        assert "COLDWATCH_LOG" in line
        assert "write text or json" in line


class Heard(logging.Handler):
    """Keeps what a logger says."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    """A logger of the tests' own."""
    log = logging.getLogger("test.state")
    handler = Heard()
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


@given(reasons=st.lists(st.sampled_from(["", "full", "locked"]), max_size=20))
def test_a_state_speaks_once_for_each_change(heard: Heard, reasons: list[str]) -> None:
    """As many lines as the state has turned, the first of them bad, in turns."""
    heard.records.clear()
    state = State(
        logging.getLogger("test.state"), ("down", "takes nothing"), ("up", "takes again"), part="x"
    )
    for at, reason in enumerate(reasons):
        state.set(reason, at)

    ways = [bool(reason) for reason in reasons]
    turns = [i for i, bad in enumerate(ways) if bad != (ways[i - 1] if i else False)]
    assert [record.__dict__["event"] for record in heard.records] == [
        "down" if ways[i] else "up" for i in turns
    ]
    assert all(record.__dict__["part"] == "x" for record in heard.records)
    assert state.since == (turns[-1] if turns else None)
    assert state.reason == (reasons[-1] if reasons else "")
