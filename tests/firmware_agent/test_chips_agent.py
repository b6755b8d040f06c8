"""A whole agent over chips: one measurement for two series, the certificate applied and recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from firmware_agent.agent import Agent
from firmware_agent.settings import read_plan
from sensors.bus_elsewhere import SPI
from simulator.chip_bus import Bus
from simulator.chips import Max31865, Sht3x
from tests.firmware_agent.test_agent import running
from tests.firmware_agent.worlds import stored_bodies

SETTINGS = """
site = "east-gate"
device = "pi-1"
state_dir = "{folder}"
[mqtt]
port = 1
[clock]
trust = "always"
[sampling]
every = "1s"
record_every = "1s"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "max31865", bus = "{bus}", wires = 4 }}
[assets.points.calibration]
certificate = "T-0417"
date = 2020-03-02
due = 2021-03-01
points = [{{ reference = 5.0, reading = 5.12 }}]
[[assets.points]]
name = "ambient"
driver = {{ kind = "sht3x", bus = "{bus}" }}
[[assets.points]]
name = "ambient"
quantity = "humidity"
driver = {{ kind = "sht3x", bus = "{bus}" }}
"""
CENTER = "fridge-1/center/temperature"


def test_from_bytes_to_records(tmp_path: Path) -> None:
    """Value and raw stand in the stream, the certificate in its settings, the overdue one in health."""
    settings = tmp_path / "agent.toml"
    settings.write_text(SETTINGS.format(folder=tmp_path, bus=tmp_path / "bus"))
    plan = read_plan(settings)
    sht, rtd = Sht3x(lambda: 21_000, lambda: 45_000), Max31865(lambda: 5_120)
    with Bus(tmp_path / "bus", {0x44: sht, SPI: rtd}), running(plan) as agent:
        series = {CENTER, "fridge-1/ambient/temperature", "fridge-1/ambient/humidity"}
        until(
            lambda: all(value < 5 for value in newest(agent).values()) and len(newest(agent)) == 3
        )
        assert set(newest(agent)) == series
        rtd.fault = "open"
        until(lambda: any("is broken" in problem for problem in agent.health.problems()))
        problems = agent.health.problems()
        rtd.fault = ""
        until(lambda: not any("is broken" in problem for problem in agent.health.problems()))
    (bodies,) = stored_bodies(tmp_path).values()
    readings = [body for body in bodies if body["kind"] == "reading"]
    (record,) = [body for body in bodies if body["kind"] == "settings"]

    assert any(
        one.startswith("calibration fridge-1/center: certificate T-0417") for one in problems
    )
    assert record["series"][CENTER]["calibration"]["points"] == [[5_120, -120]]
    for body in readings:
        if body["series"] == CENTER:
            assert abs(body["raw"] - 5_120) < 20
            assert body["value"] == body["raw"] - 120
        else:
            assert "raw" not in body
    ambient = [body for body in readings if body["series"] != CENTER]
    # Of two series that were read together one measurement was made; the last cycle may be cut.
    assert abs(2 * len(sht.commands) - len(ambient)) <= 2


def newest(agent: Agent) -> dict[str, float]:
    """Return how old the newest sample of each series is, seconds."""
    ages = agent.figures()["newest_sample_age_seconds"]
    assert isinstance(ages, dict)
    return ages


def until(done: Callable[[], bool]) -> None:
    """Wait for it, long enough for a machine that is busy."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
