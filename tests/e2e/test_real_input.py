"""Recorded readings of real fridges and probes, from the table through the whole way and back."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from coldwatch.demo.spools import recorded
from history.sqlite import SqliteHistory
from history.statistics import exposure
from tests.support.mosquitto import Mosquitto
from tests.support.system import command, hub, stored, wait_for

SERIES = "fridge-1/center/temperature"

AGENT = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[mqtt]
port = {port}
[clock]
trust = "always"
[sampling]
every = "1s"
record_every = "60s"
max_gap = "15min"
max_gap_reason = "the table has a row every five minutes"
[[assets]]
id = "fridge-1"
profiles = ["who-pqs"]
"""
POINT = """
[[assets.points]]
name = "{name}"
decides = {decides}
driver = {{ kind = "replay", pace = "as-fast-as-possible", {driver} }}
"""


def thousandths(text: str) -> int:
    """Return the integer that a decimal must become."""
    return int((Decimal(text) * 1000).to_integral_value(ROUND_HALF_EVEN))


def send(
    folder: Path, broker: Mosquitto, points: dict[str, str], total: int
) -> dict[str, list[tuple[int, int | None]]]:
    """Send tables through agent, broker and hub; return (at, value) of every series read back."""
    text = AGENT.format(state=folder / "agent", port=broker.port)
    for number, (name, driver) in enumerate(points.items()):
        text += POINT.format(name=name, decides=str(number == 0).lower(), driver=driver)
    settings = folder / "agent.toml"
    settings.write_text(text, encoding="utf-8")
    with hub(folder, broker.port) as state, command(folder, "agent", "agent", str(settings)):

        def everything_stored() -> bool:
            if not (folder / "agent" / "spool.db").exists():
                return False
            parts = recorded(folder / "agent")
            marks = stored(state)
            return sum(len(part.readings) for part in parts) >= total and all(
                marks.get(part.stream, 0) >= part.last for part in parts
            )

        wait_for("every row recorded and stored", everything_stored, 120)
    history = SqliteHistory(state / "history.db", read_only=True)
    found = {}
    for name in points:
        rows = history.readings("east-gate", f"fridge-1/{name}/temperature", 0, 1 << 50)
        found[name] = [(item.reading.at, item.reading.value) for item in rows]
    history.close()
    return found


@pytest.mark.timeout(240)
def test_a_real_fridge_comes_back_exactly(
    tmp_path: Path, mosquitto: Mosquitto, shared_data: Path
) -> None:
    """24 h of a household fridge: every reading, exact, in order, with the holes as unknown."""
    path = shared_data / "fridge-ruuvi" / "fridge.csv"
    with path.open(newline="") as file:
        expected = [
            (
                int(dt.datetime.fromisoformat(row["timestamp"]).timestamp() * 1000),
                thousandths(row["temperature"]),
            )
            for row in csv.DictReader(file)
        ]

    found = send(tmp_path, mosquitto, {"center": f'path = "{path}"'}, len(expected))["center"]

    assert found == expected

    history = SqliteHistory(tmp_path / "hub" / "history.db", read_only=True)
    end = expected[-1][0] + 60_000
    went = exposure(
        (item.reading for item in history.readings("east-gate", SERIES, 0, 1 << 50)),
        start=expected[0][0], end=end, low=2_000, high=8_000,
        interval_ms=60_000, max_gap_ms=900_000,
    )  # fmt: skip
    history.close()
    holes = [
        later - earlier - 60_000
        for (earlier, _), (later, _) in itertools.pairwise(expected)
        if later - earlier > 900_000
    ]
    assert holes
    assert went.unknown_ms == sum(holes)
    assert went.inside_ms + went.above_ms + went.below_ms + went.unknown_ms == end - expected[0][0]


@pytest.mark.timeout(400)
def test_four_real_probes_come_back_exactly(
    tmp_path: Path, mosquitto: Mosquitto, shared_data: Path
) -> None:
    """22 h of four DS18B20 on one bus: sixty thousand readings, exact and in order."""
    path = shared_data / "ds18b20-four-probes" / "ds18b20-log.csv"
    epoch = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
    start = int(epoch.timestamp() * 1000)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    expected = {
        f"probe-{number}": [(start + int(row[1]), int(row[column])) for row in rows]
        for number, column in enumerate((3, 6, 9, 12), 1)
    }
    points = {
        f"probe-{number}": (
            f'path = "{path}", time_column = 1, value_column = {column}, time_unit = "ms", '
            f'epoch = 2024-07-01T00:00:00Z, unit = "milli"'
        )
        for number, column in enumerate((3, 6, 9, 12), 1)
    }

    found = send(tmp_path, mosquitto, points, 4 * len(rows))

    assert found == expected
