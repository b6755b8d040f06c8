"""Intake to SQLite, judged and chained: readings a second at 500 and at 8 readings a message.

The messages are made beforehand; generator and broker stand apart from what is measured. What is
measured is everything the hub does with the bytes: decode, check, chain, judge, write, save. Beside
it what each stage takes of a reading, from 1,000 devices that have been running for a while, and the
same without judging and chaining. Processor time, which a busy machine blurs less than the clock.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from alerts.decisions import Decision
from benchmarks.row import Row
from config.hub import HubSettings
from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake
from hub.limits import BATCH_MESSAGES
from hub.stages import Stage, Stages
from journal.database import create_tables, open_database
from protocol.chain import links
from protocol.messages import readings_adapter
from tests.support.sender import Sender

DEVICES = 100
READINGS = 2_000
# For the stages: as many devices as the broker's benchmarks have.
MANY_DEVICES = 1_000
MANY_READINGS = {8: 96, 500: 999}
MINUTE = 60_000


def _settings(folder: Path, count: int) -> HubSettings:
    devices = [f"pi-{number}" for number in range(count)]
    site = {
        "id": "east-gate",
        "name": {"zh": "东门", "en": "East Gate"},
        "kind": "fixed",
        "devices": devices,
        "tell": [],
        "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
    }
    return HubSettings.model_validate({"state_dir": folder, "sites": [site]})


def _messages(size: int, count: int, readings: int) -> list[Incoming]:
    """Return the messages of ``count`` devices in the order of their times, settings first."""
    senders = []
    for number in range(count):
        sender = Sender(f"{number:032x}")
        sender.settings()
        for minute in range(readings):
            sender.reading(minute, 5_000 + (minute * 37 + number) % 1_500)
        senders.append(sender)
    made = []
    for first in range(1, readings + 2, size):
        for number, sender in enumerate(senders):
            last = min(first + size - 1, readings + 1)
            topic = f"coldwatch/1/east-gate/pi-{number}/records"
            made.append(Incoming(topic, sender.message(first, last), sender.bodies[-1]["at"]))
    return made


def _tell(_conn: object, _decision: Decision, _row: object, _now: int) -> None:
    """Nobody is told in a benchmark."""


def measure(size: int) -> tuple[float, float]:
    """Return readings a second, and CPU microseconds a reading, at ``size`` readings a message."""
    messages = _messages(size, DEVICES, READINGS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(folder / "hub.db")
        create_tables(database)
        history = SqliteHistory(folder / "history.db")
        intake = Intake(_settings(folder, DEVICES), database, history, _tell)
        began, used = time.perf_counter(), time.process_time()
        for first in range(0, len(messages), BATCH_MESSAGES):
            intake.take(messages[first : first + BATCH_MESSAGES], messages[first].at)
        spent, used = time.perf_counter() - began, time.process_time() - used
        stored = history.count()
        history.close()
    assert stored == DEVICES * (READINGS + 1)
    return stored / spent, used / stored * 1e6


def _parts_of_decoding(messages: list[Incoming], readings: int) -> dict[str, float]:
    """Return what each part of decoding takes of a reading, in microseconds, one after the other."""
    raw = [orjson.loads(message.payload)["records"] for message in messages]
    spelled = [[orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in one] for one in raw]
    parts: dict[str, Callable[[], object]] = {
        "decode: JSON": lambda: [orjson.loads(message.payload) for message in messages],
        "check: the models": lambda: [readings_adapter.validate_python(one) for one in raw],
        "chain: spell": lambda: [
            [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in one] for one in raw
        ],
        "chain: hash": lambda: [links(bytes(32), one) for one in spelled],
    }
    spent = {}
    for name, part in parts.items():
        began = time.process_time()
        part()
        spent[name] = (time.process_time() - began) / readings * 1e6
    return spent


class _CpuStages(Stages):
    """Stages in processor time."""

    def begin(self) -> None:
        """Start the watch."""
        self._since = time.process_time()

    def lap(self, stage: Stage) -> float:
        """Count the processor time since the last call as that stage's."""
        now = time.process_time()
        spent, self._since = now - self._since, now
        self.seconds[stage] += spent
        return spent


def stages(size: int) -> list[Row]:
    """Return microseconds of processor a reading for each stage, ``size`` readings a message."""
    messages = _messages(size, MANY_DEVICES, MANY_READINGS[size])
    # The first of each device brings its rules and opens its stream.
    before = 0
    first, rest = messages[:MANY_DEVICES], messages[MANY_DEVICES : MANY_DEVICES * 12]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = open_database(folder / "hub.db")
        create_tables(database)
        history = SqliteHistory(folder / "history.db")
        watch = _CpuStages()
        intake = Intake(_settings(folder, MANY_DEVICES), database, history, _tell, watch)
        answering = 0.0
        for messages in (first, rest):
            watch.seconds = dict.fromkeys(watch.seconds, 0.0)
            before = watch.judged
            for begin in range(0, len(messages), BATCH_MESSAGES):
                taken = intake.take(messages[begin : begin + BATCH_MESSAGES], messages[begin].at)
                began = time.process_time()
                for device in taken.answer:
                    orjson.dumps({"v": 1, "at": 0, "streams": intake.marks(device)})
                answering += time.process_time() - began if messages is rest else 0.0
        history.close()
    count = watch.judged - before
    each = {stage: seconds / count * 1e6 for stage, seconds in watch.seconds.items()}
    parts = _parts_of_decoding(rest, count)
    named = {
        **parts,
        "decode: the rest": each["decode"] - sum(parts.values()),
        "judge": each["judge"],
        "write: the history": each["history"],
        "save: hub.db": each["commit"],
        "received: spell": answering / count * 1e6,
    }
    whole = sum(named.values())
    chain = parts["chain: spell"] + parts["chain: hash"]
    named["all of it"] = whole
    named["the same without judging and chaining"] = whole - each["judge"] - chain
    return [
        Row(f"  {what}, {size} a message, {MANY_DEVICES:,} devices", micro, "us/reading", "")
        for what, micro in named.items()
    ]


def run() -> list[Row]:
    """Measure both message sizes."""
    rows = []
    for size, target in ((500, "50,000"), (8, "25,000")):
        rate, micro = measure(size)
        rows += [
            Row(f"intake to SQLite, {size} readings a message", rate, "readings/s", target),
            Row(f"  CPU of it, {size} readings a message", micro, "us/reading", ""),
            *stages(size),
        ]
    return rows
