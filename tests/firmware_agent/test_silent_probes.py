"""A probe that stays silent: one log line, one status, one silence excursion, and it comes back.

The whole agent on a real broker, with a DS18B20 that is unplugged, a DHT22 whose process hangs and a
hwmon chip whose file is gone, all at once, beside a probe that goes on.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from alerts.engine import StreamEngine
from alerts.rules import Rule
from config.clock import ScaledClock
from firmware_agent.agent import Agent
from firmware_agent.plan import ProbePlan
from sensors.dht22 import supervisor
from sensors.registry import checked
from simulator.onewire import w1_text
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.worlds import make_plan, watch
from tests.support.mosquitto import Mosquitto

# Ten times as fast as real time: a cycle of 2 s takes 0.2 s.
SPEED = 10.0
SILENT_MS = 20_000
WIRED, ROOM, DAMP, CHIP, GOOD = SERIES = (
    "fridge-1/center/temperature",
    "room/wall/temperature",
    "room/wall/humidity",
    "fridge-1/upper/temperature",
    "fridge-1/lower/temperature",
)
SILENT = SERIES[:4]
ID = "28-0316a2794fff"


class World:
    """The three devices, as files."""

    def __init__(self, folder: Path) -> None:
        self.wire = folder / "w1" / ID
        self.chip = folder / "sys/class/hwmon/hwmon0"
        self.dht = folder / "dht"
        self.wire.mkdir(parents=True)
        self.chip.mkdir(parents=True)
        (self.chip / "name").write_text("sht3x\n")
        self.folder = folder
        self.plug()

    def plug(self) -> None:
        """Have all of them answer."""
        (self.wire / "w1_slave").write_bytes(w1_text(80))
        (self.chip / "temp1_input").write_text("5000\n")
        self.dht.write_text("01c20032f5")

    def silence(self) -> None:
        """Unplug the DS18B20, take the chip's file away, have the DHT22's process hang."""
        (self.wire / "w1_slave").unlink()
        self.wire.rmdir()
        (self.chip / "temp1_input").unlink()
        self.dht.write_text("hang")

    def come_back(self) -> None:
        """Plug all of them in again."""
        self.wire.mkdir()
        self.plug()

    def probes(self) -> tuple[ProbePlan, ...]:
        """Return the plan's probes."""
        dht = {"kind": "dht22", "standin": str(self.dht)}
        root = str(self.folder / "sys")
        tables = (
            {"kind": "ds18b20", "id": ID, "root": str(self.folder / "w1")},
            dht,
            dht,
            {"kind": "hwmon", "name": "sht3x", "input": "temp1_input", "root": root},
            {"kind": "simulated"},
        )
        return tuple(
            ProbePlan(series, checked(table)) for series, table in zip(SERIES, tables, strict=True)
        )


@pytest.fixture
def hub(mosquitto: Mosquitto) -> Iterator[SmallHub]:
    """A hub behind a real broker."""
    hub = SmallHub(mosquitto.port).start()
    yield hub
    hub.stop()


def happenings(hub: SmallHub) -> list[tuple[str, str]]:
    """Return (happening, series) of everything that the hub's engine decides."""
    assert hub.held is not None
    engine = StreamEngine(hub.held.stream)
    return [
        (decision.happening, decision.series)
        for body in hub.held.bodies()
        for decision in engine.feed_record(body)
    ]


def told(hub: SmallHub, series: str) -> list[str]:
    """Return what the statuses say of a probe, one after the other, repetitions left out."""
    said = [
        "".join(line for line in status.problems if line.startswith(f"probe {series}:"))
        for status in hub.statuses
    ]
    return [text for text, _ in groupby(said)]


def test_silence_is_told_once_and_ends_by_itself(
    tmp_path: Path,
    mosquitto: Mosquitto,
    hub: SmallHub,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of each: a line and a status when it falls silent, one excursion, a line when it is back."""
    monkeypatch.setattr(supervisor, "ANSWER_S", 0.5)
    monkeypatch.setattr(supervisor, "LEAST_REST_S", 0.05)
    monkeypatch.setattr(supervisor, "MOST_REST_S", 0.2)
    world = World(tmp_path)
    rules = (Rule("test/silence", "silence", SILENT_MS),)
    plan = make_plan(
        tmp_path / "state",
        mosquitto.port,
        every_ms=2_000,
        probes=world.probes(),
        series={series: watch(series, rules).body() | {"interval_ms": 2_000} for series in SERIES},
    )
    now_ms = time.time_ns() // 1_000_000
    agent = Agent(plan, ScaledClock(now_ms, now_ms, SPEED), synchronised=lambda: True)
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(agent.run()))
    thread.start()
    try:
        wait_for(lambda: set(agent.figures()["newest_sample_age_seconds"]) == set(SERIES))  # type: ignore[arg-type]
        world.silence()
        wait_for(lambda: agent.figures()["excursions_open"] == len(SILENT), 60)
        wait_for(lambda: all(any(told(hub, series)) for series in SILENT), 30)
        # And then? Nothing new, for as long again.
        time.sleep(SILENT_MS / 1_000 / SPEED)
        world.come_back()
        wait_for(lambda: agent.figures()["excursions_open"] == 0, 60)
        wait_for(lambda: all(told(hub, series)[-1] == "" for series in SILENT), 30)
        wait_for(lambda: agent.uplink.unsent == 0)
        wait_for(lambda: len(happenings(hub)) >= 2 * len(SILENT))
    finally:
        agent.stop()
        thread.join(10)
    assert results == [True]

    counts: Counter[tuple[Any, Any]] = Counter(
        (getattr(record, "event", None), getattr(record, "series", None))
        for record in caplog.records
        if record.name == "firmware_agent.sampler"
    )
    assert counts == {
        (event, series): 1 for series in SILENT for event in ("probe-down", "probe-up")
    }
    for series, says in zip(
        SILENT,
        (
            "is it plugged in?",
            "hung and was killed",
            "hung and was killed",
            "temp1_input is not there",
        ),
        strict=True,
    ):
        before, during, after = told(hub, series)
        assert (before, after) == ("", "")
        assert says in during
    assert Counter(happenings(hub)) == {
        (happening, series): 1 for series in SILENT for happening in ("opened", "closed")
    }
