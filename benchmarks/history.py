"""History in SQLite: appending, the chart of five years, and the exposure of a batch over a year.

Run alone: ``python -m benchmarks.history``. Making the five years takes a quarter of a minute.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from benchmarks.row import Row
from history.asset import DecidingSeries, asset_exposures
from history.port import StoredRecord
from history.sqlite import SqliteHistory
from history.statistics import total

SITE = "east-gate"
MINUTE = 60_000
BEGIN = 1_700_000_000_000
CHART = 2_600_000  # five years at one reading a minute
YEAR = 365 * 24 * 60
FRIDGES = (
    "fridge-1/center/temperature",
    "fridge-2/center/temperature",
    "fridge-3/center/temperature",
)
RULE = {"interval_ms": MINUTE, "max_gap_ms": 15 * MINUTE}


def _records(stream: str, series: tuple[str, ...], count: int) -> Iterator[StoredRecord]:
    """Yield readings of a fridge's steps of 62.5 thousandths, one a minute for each series."""
    noise = random.Random(stream)
    for number in range(count):
        at = BEGIN + number // len(series) * MINUTE
        body = {
            "kind": "reading",
            "seq": number + 1,
            "series": series[number % len(series)],
            "at": at,
            "boot": "0",
            "mono_ms": at - BEGIN,
            "value": 2_000 + noise.randrange(96) * 125 // 2,
            "quality": "ok",
            "clock": "synced",
        }
        yield StoredRecord(SITE, stream, body, at)


def _batches(records: Iterator[StoredRecord], size: int) -> Iterator[list[StoredRecord]]:
    while batch := list(islice(records, size)):
        yield batch


def _append(folder: Path, size: int) -> float:
    """Return readings a second at ``size`` readings a commit, 100 devices in turn."""
    series = tuple(f"fridge-{number}/center/temperature" for number in range(8))
    devices = [
        list(_batches(_records(f"{number:032x}", series, 2_000), min(size, 500)))
        for number in range(100)
    ]
    parts = [part for turn in zip(*devices, strict=True) for part in turn]
    together = size // min(size, 500)
    batches = [
        [record for part in parts[first : first + together] for record in part]
        for first in range(0, len(parts), together)
    ]
    store = SqliteHistory(folder / f"append-{size}.db")
    began = time.perf_counter()
    for batch in batches:
        store.append(batch)
    spent = time.perf_counter() - began
    count = store.count()
    store.close()
    assert count == 200_000
    return count / spent


def _median_ms(what: Callable[[], object]) -> float:
    """Return the median of five runs after a first one, milliseconds."""
    what()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        what()
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[2]


def run() -> list[Row]:
    """Measure and return the rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [
            Row(
                f"history, append {size} readings a commit",
                _append(folder, size),
                "readings/s",
                "",
            )
            for size in (500, 4_000)
        ]
        store = SqliteHistory(folder / "history.db")
        for batch in _batches(_records("f" * 32, FRIDGES[:1], CHART), 20_000):
            store.append(batch)
        for batch in _batches(_records("e" * 32, FRIDGES[1:], 2 * YEAR), 20_000):
            store.append(batch)

        def chart(readings: int) -> Callable[[], object]:
            end = BEGIN + readings * MINUTE
            return lambda: store.envelope(SITE, FRIDGES[0], BEGIN, end, 1_000, **RULE)

        def exposure() -> object:
            third = YEAR // 3 * MINUTE
            custodies = [(name, BEGIN + n * third) for n, name in enumerate(FRIDGES)]
            return total(
                [
                    asset_exposures(
                        store,
                        SITE,
                        [DecidingSeries(name, **RULE)],
                        [start, start + third],
                        low=2_000,
                        high=8_000,
                    )[0]
                    for name, start in custodies
                ]
            )

        rows += [
            Row("chart of 30 days (43,200 readings)", _median_ms(chart(43_200)), "ms", ""),
            Row(
                "chart of five years (2.6 million readings)", _median_ms(chart(CHART)), "ms", "200"
            ),
            Row("exposure over a year and three fridges", _median_ms(exposure), "ms", "200"),
        ]
        store.close()
    return rows


if __name__ == "__main__":
    for row in run():
        print(f"{row.what:50} {row.figure:12,.0f} {row.unit}")
