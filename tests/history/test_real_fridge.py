"""A real fridge's day, with its 37 holes: what the statistics say of it, in three ways."""

from __future__ import annotations

import csv
import itertools
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from history.segments import segments
from history.sqlite import SqliteHistory
from history.statistics import exposure, exposure_of
from history.table import table_statistics
from protocol.reading import Reading
from tests.history.model import STREAMS, record
from tests.history.test_statistics import assert_same

SERIES = "fridge-1/center/temperature"
MINUTE = 60_000
RULES = [(MINUTE, 3 * MINUTE), (MINUTE, 15 * MINUTE), (5 * MINUTE, 15 * MINUTE)]


@pytest.fixture(scope="module")
def readings(shared_data: Path) -> list[Reading]:
    """The recorded temperatures, in order of time."""
    with (shared_data / "fridge-ruuvi" / "fridge.csv").open(encoding="utf-8") as lines:
        rows = [
            (round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000), row["temperature"])
            for row in csv.DictReader(lines)
        ]
    return [
        Reading(seq, SERIES, at, "b1", at, int(Decimal(value) * 1000))
        for seq, (at, value) in enumerate(sorted(rows), start=1)
    ]


@pytest.mark.parametrize(("interval", "max_gap"), RULES)
def test_three_ways(readings: list[Reading], interval: int, max_gap: int) -> None:
    """Reading by reading, by columns, and second by second: the same times, and nothing lost."""
    start, end = readings[0].at, readings[-1].at + interval
    rule = {"interval_ms": interval, "max_gap_ms": max_gap}
    by_columns, days = table_statistics(
        [item.at for item in readings],
        [item.value for item in readings if item.value is not None],
        low=2000,
        high=8000,
        zone=ZoneInfo("Europe/Helsinki"),
        **rule,
    )
    stretches = segments(readings, start=start, end=end, low=2000, high=8000, **rule)  # type: ignore[arg-type]

    assert_same(exposure_of(stretches, start), by_columns)
    assert by_second(readings, interval, max_gap) == {
        "inside": by_columns.inside_ms,
        "above": by_columns.above_ms,
        "below": by_columns.below_ms,
        "unknown": by_columns.unknown_ms,
    }
    assert end - start == sum(day.exposure.span_ms for day in days)


def test_holes_are_unknown(readings: list[Reading]) -> None:
    """A tighter rule only moves time from known to unknown; with holes there is always some."""
    known = []
    for interval, max_gap in RULES:
        one = exposure(
            readings,
            start=readings[0].at,
            end=readings[-1].at + MINUTE,
            low=2000,
            high=8000,
            interval_ms=interval,
            max_gap_ms=max_gap,
        )
        assert one.unknown_ms > 0
        known.append(one.held_ms)

    assert known == sorted(known)


def test_through_the_store(readings: list[Reading], tmp_path: Path) -> None:
    """What was appended is read back, every reading, exact and in order."""
    store = SqliteHistory(tmp_path / "history.db")
    store.append([record(STREAMS[0], item.body(), "home") for item in readings])

    found = list(store.readings("home", SERIES, 0, 2**50))
    store.close()
    assert readings == [item.reading for item in found]


def by_second(readings: list[Reading], interval: int, max_gap: int) -> dict[str, int]:
    """Return the milliseconds in each state, asking every whole second (all stamps are whole)."""
    states = dict.fromkeys(("inside", "above", "below", "unknown"), 0)
    last = readings[-1]
    following = Reading(0, SERIES, last.at + interval, "", 0, None)
    for one, two in itertools.pairwise([*readings, following]):
        for second in range(one.at, two.at, 1000):
            value = one.value
            held = two.at - one.at <= max_gap or second - one.at < interval
            if not held or value is None:
                states["unknown"] += 1000
            elif value > 8000:
                states["above"] += 1000
            else:
                states["below" if value < 2000 else "inside"] += 1000
    return states
