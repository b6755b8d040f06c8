"""Runs every folder sensors/<driver>/testcases/<case>: what the device said, and what we make of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sensors import contract, registry
from sensors.contract import RecordedProbe
from sensors.gpio.driver import GpioProbe
from sensors.gpio.watcher import LOOK_S, Watched
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
    if "samples" in expected:
        played(case, registry.checked(table), expected)
        return
    probe = registry.open_probe(table, HandClock(expected.get("now_ms", 1_719_792_000_000)))
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


class Levels:
    """A line that shows what was recorded, looked at as often as sensors/gpio/watcher.py does."""

    def __init__(self, path: Path, clock: HandClock) -> None:
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        self._rows = [(int(ms), level == "1") for ms, level in rows]
        self._clock = clock
        self._watched: Watched | None = None

    def attach(self, watched: Watched) -> None:
        """Show the level of now."""
        self._watched = watched
        self.look()

    def detach(self, watched: Watched) -> None:
        """Show it no more."""
        assert self._watched in (watched, None)
        self._watched = None

    def look(self) -> None:
        """Show the level of now, if anybody watches."""
        now = self._clock.mono_ms()
        if self._watched is not None:
            self._watched.see([level for ms, level in self._rows if ms <= now][-1], now)


def played(case: Path, table: dict[str, Any], expected: dict[str, Any]) -> None:
    """Play the levels of a contact; its samples and how often it woke the cycle are as expected."""
    clock = HandClock(mono_ms=0)
    levels = Levels(case / "levels.csv", clock)
    probe = GpioProbe(table, clock, levels)
    checker = registry.checker(table, expected["quantity"])
    woken: list[int] = []
    probe.on_change(lambda: woken.append(clock.mono_ms()))
    samples: list[list[Any]] = []
    for now in range(0, expected["cycles"][-1] + 1, round(LOOK_S * 1000)):
        levels.look()
        if now in expected["cycles"]:
            for at, said in probe.changes():
                sample = checker.check(said, at)
                samples.append([at, sample.value, sample.quality])
        clock.pass_ms(round(LOOK_S * 1000))
    probe.close()

    assert samples == expected["samples"]
    assert len(woken) == expected["wakes"]


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
