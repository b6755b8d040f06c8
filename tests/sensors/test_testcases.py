"""Runs every folder sensors/<driver>/testcases/<case>: what the device said, and what we make of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sensors import contract, registry
from sensors.contract import RecordedProbe
from sensors.replay.driver import Replay
from tests.sensors.clocks import HandClock

SENSORS = Path(registry.__file__).parent
CASES = sorted(SENSORS.glob("*/testcases/*"))


def load(case: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a case's driver table and what is expected."""
    text = (case / "driver.toml").read_text().replace("{case}", str(case))
    return tomllib.loads(text), json.loads((case / "expected.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parts[-3]}-{case.name}")
def test_case(case: Path) -> None:
    """A case gives exactly its expected sample, rows or error."""
    table, expected = load(case)
    quantity = expected.get("quantity", "temperature")
    registry.check_settings(table, quantity)
    probe = registry.open_probe(
        table, HandClock(expected.get("now_ms", 1_719_792_000_000)), quantity
    )
    if "error" in expected:
        kind: type[contract.ProbeError] = getattr(contract, expected["error"])
        with pytest.raises(kind) as raised:
            probe.read()
        text = str(raised.value)
        assert expected.get("says", "") in text
        assert "\n" not in text
    elif "rows" in expected:
        assert isinstance(probe, Replay)
        assert [list(row) for row in drained(probe)] == expected["rows"]
        assert [line for line, _why in probe.refused] == [
            line for line, _why in expected["refused"]
        ]
        for (_line, why), (_same, says) in zip(probe.refused, expected["refused"], strict=True):
            assert says in why
    else:
        said = probe.read()
        assert said.quality == expected.get("driver_quality", expected["quality"])
        recorded = registry.checker(table, quantity).check(said, 0)
        assert (recorded.value, recorded.quality) == (expected["value"], expected["quality"])
    probe.close()
    probe.close()


def drained(probe: RecordedProbe) -> list[tuple[int, int | None]]:
    """Return all rows of a recording that gives everything at once."""
    rows = [(at, sample.value) for at, sample in probe.drain(0)]
    assert probe.finished
    assert probe.drain(0) == []
    return rows


def test_cases_are_found() -> None:
    """The loop above has cases of every driver: an empty glob would pass silently."""
    assert {case.parts[-3] for case in CASES} == set(registry.DRIVERS)
    assert len(CASES) >= 40
