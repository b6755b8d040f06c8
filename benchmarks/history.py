"""History in SQLite: appending, the chart of five years, and the exposure of a batch over a year.

Run alone: ``python -m benchmarks.history``. Making the five years takes a quarter of a minute.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, pairwise
from pathlib import Path

from benchmarks.row import Row
from history.columns import Point, exposures
from history.hours_envelope import Range
from history.port import Bucket, StoredRecord
from history.sqlite import SqliteHistory
from history.statistics import Exposure, total

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


def _fridges_of(device: int) -> tuple[str, ...]:
    """Return the series of a device: no two measure the same fridge, or each would come late."""
    return tuple(f"fridge-{device}-{number}/center/temperature" for number in range(8))


def _append(folder: Path, size: int) -> tuple[float, float]:
    """Return readings a second, and CPU microseconds a reading, at ``size`` readings a commit."""
    devices = [
        list(_batches(_records(f"{number:032x}", _fridges_of(number), 2_000), min(size, 500)))
        for number in range(100)
    ]
    parts = [part for turn in zip(*devices, strict=True) for part in turn]
    together = size // min(size, 500)
    batches = [
        [record for part in parts[first : first + together] for record in part]
        for first in range(0, len(parts), together)
    ]
    store = SqliteHistory(folder / f"append-{size}.db")
    began, used = time.perf_counter(), time.process_time()
    for batch in batches:
        store.append(batch)
    spent, used = time.perf_counter() - began, time.process_time() - used
    count = store.count()
    store.close()
    assert count == 200_000
    return count / spent, used / count * 1e6


def _exposure(store: SqliteHistory, series: str, start: int, end: int) -> Exposure:
    """Return the exposure of one custody, asked as the ledger asks."""
    settled = store.settled(SITE, series)
    after = store.first_from(SITE, series, end)
    samples = store.samples(SITE, series, start, end)
    before = store.last_before(SITE, series, start)
    for place, neighbour in ((0, before), (len(samples.times) + 1, after)):
        if neighbour is not None and neighbour.reading.value is not None:
            samples.times.insert(place, neighbour.reading.at)
            samples.values.insert(place, neighbour.reading.value)
    point = Point(samples.times, samples.values, settled=settled, **RULE)
    return exposures([point], [start, end], low=2_000, high=8_000)[0]


def _median_ms(what: Callable[[], object]) -> float:
    """Return the median of five runs after a first one, milliseconds."""
    what()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        what()
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[2]


def _peak(folder: Path, *, of_readings: bool) -> tuple[int, int]:
    """Return peak memory before and after the chart of five years, MiB; for a process of its own."""
    store = SqliteHistory(folder / "history.db", read_only=True)

    def chart(readings: int) -> None:
        what = Range(BEGIN, BEGIN + readings * MINUTE, 1_000, **RULE)
        if of_readings:
            store._envelope_of_readings(SITE, FRIDGES[0], what)
        else:
            store.envelope(SITE, FRIDGES[0], what.start, what.end, what.buckets, **RULE)

    peaks = []
    for readings in (600, CHART):  # the first one loads numpy
        chart(readings)
        # not getrusage: its peak is that of the process this one was forked from
        status = Path("/proc/self/status").read_text()
        peaks.append(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
    store.close()
    return peaks[0], peaks[1]


def _peak_mib(folder: Path, *, of_readings: bool) -> int:
    """Return how much the chart of five years adds to the peak memory of a fresh process, MiB."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        before, after = pool.submit(_peak, folder, of_readings=of_readings).result()
    return after - before


def run() -> list[Row]:
    """Measure and return the rows of the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in (500, 4_000):
            rate, micro = _append(folder, size)
            rows += [
                Row(f"history, {size} readings a commit", rate, "readings/s", ""),
                Row(f"  CPU of it, {size} readings a commit", micro, "us/reading", ""),
            ]
        store = SqliteHistory(folder / "history.db")
        for batch in _batches(_records("f" * 32, FRIDGES[:1], CHART), 20_000):
            store.append(batch)
        for batch in _batches(_records("e" * 32, FRIDGES[1:], 2 * YEAR), 20_000):
            store.append(batch)

        def asked(readings: int) -> Range:
            return Range(BEGIN, BEGIN + readings * MINUTE, 1_000, **RULE)

        def chart(readings: int) -> list[Bucket]:
            what = asked(readings)
            return store.envelope(SITE, FRIDGES[0], what.start, what.end, what.buckets, **RULE)

        def chart_of_readings() -> list[Bucket]:
            return store._envelope_of_readings(SITE, FRIDGES[0], asked(CHART))

        assert chart(CHART) == chart_of_readings()

        def late() -> object:
            """Ask by a rule that no reading keeps: every hour has to be looked into."""
            what = asked(CHART)
            rule = {"interval_ms": MINUTE // 2, "max_gap_ms": MINUTE - 1}
            return store.envelope(SITE, FRIDGES[0], what.start, what.end, what.buckets, **rule)

        def exposure() -> object:
            borders = [BEGIN + third * (YEAR // 3) * MINUTE for third in range(4)]
            return total(
                [
                    _exposure(store, series, start, end)
                    for series, (start, end) in zip(FRIDGES, pairwise(borders), strict=True)
                ]
            )

        rows += [
            Row("chart of 30 days (43,200 readings)", _median_ms(lambda: chart(43_200)), "ms", ""),
            Row(
                "chart of five years (2.6 million readings)",
                _median_ms(lambda: chart(CHART)),
                "ms",
                "200",
            ),
            Row("  peak memory of it", _peak_mib(folder, of_readings=False), "MiB", ""),
            Row("  the same from its readings", _median_ms(chart_of_readings), "ms", ""),
            Row("  peak memory of that", _peak_mib(folder, of_readings=True), "MiB", ""),
            Row("  the same where each hour has a reading too late", _median_ms(late), "ms", ""),
            Row("exposure over a year and three fridges", _median_ms(exposure), "ms", "200"),
        ]
        store.close()
    return rows


if __name__ == "__main__":
    for row in run():
        print(f"{row.what:50} {row.figure:12,.1f} {row.unit}")
