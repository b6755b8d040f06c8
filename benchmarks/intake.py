"""Intake to SQLite, judged and chained: readings a second at 500 and at 8 readings a message.

The messages are made beforehand; generator and broker stand apart from what is measured. What is
measured is everything the hub does with the bytes: decode, check, chain, judge, write, save.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from alerts.decisions import Decision
from benchmarks.row import Row
from config.hub import HubSettings
from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake
from hub.limits import BATCH_MESSAGES
from journal.database import create_tables, open_database
from tests.support.sender import Sender

DEVICES = 100
READINGS = 2_000
MINUTE = 60_000


def _settings(folder: Path) -> HubSettings:
    devices = [f"pi-{number}" for number in range(DEVICES)]
    site = {
        "id": "east-gate",
        "name": {"zh": "东门", "en": "East Gate"},
        "kind": "fixed",
        "devices": devices,
        "tell": [],
        "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
    }
    return HubSettings.model_validate({"state_dir": folder, "sites": [site]})


def _messages(size: int) -> list[Incoming]:
    """Return the messages of all devices in the order of their times, settings first."""
    senders = []
    for number in range(DEVICES):
        sender = Sender(f"{number:032x}")
        sender.settings()
        for minute in range(READINGS):
            sender.reading(minute, 5_000 + (minute * 37 + number) % 1_500)
        senders.append(sender)
    made = []
    for first in range(1, READINGS + 2, size):
        for number, sender in enumerate(senders):
            last = min(first + size - 1, READINGS + 1)
            topic = f"coldwatch/1/east-gate/pi-{number}/records"
            made.append(Incoming(topic, sender.message(first, last), sender.bodies[-1]["at"]))
    return made


def _tell(_conn: object, _decision: Decision, _row: object, _now: int) -> None:
    """Nobody is told in a benchmark."""


def measure(size: int) -> tuple[float, float]:
    """Return readings a second, and CPU microseconds a reading, at ``size`` readings a message."""
    messages = _messages(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(folder / "hub.db")
        create_tables(database)
        history = SqliteHistory(folder / "history.db")
        intake = Intake(_settings(folder), database, history, _tell)
        began, used = time.perf_counter(), time.process_time()
        for first in range(0, len(messages), BATCH_MESSAGES):
            intake.take(messages[first : first + BATCH_MESSAGES], messages[first].at)
        spent, used = time.perf_counter() - began, time.process_time() - used
        stored = history.count()
        history.close()
    assert stored == DEVICES * (READINGS + 1)
    return stored / spent, used / stored * 1e6


def run() -> list[Row]:
    """Measure both message sizes."""
    rows = []
    for size, target in ((500, "50,000"), (8, "25,000")):
        rate, micro = measure(size)
        rows += [
            Row(f"intake to SQLite, {size} readings a message", rate, "readings/s", target),
            Row(f"  CPU of it, {size} readings a message", micro, "us/reading", ""),
        ]
    return rows
