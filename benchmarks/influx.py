"""The InfluxDB adapter on a real server: appending, and five years of one series at one a minute.

The same work as `benchmarks.history` and `benchmarks.export` do with SQLite. Without influxd
(`make influxd`) one line says so, and nothing is claimed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import export
from benchmarks.history import (
    BEGIN,
    CHART,
    FRIDGES,
    MINUTE,
    RULE,
    SITE,
    _batches,
    _median_ms,
    _records,
)
from benchmarks.row import Row
from config.hub import InfluxSettings
from history.influx import InfluxHistory
from tests.support.influxd import Influxd, program


def run(readings: int = CHART) -> list[Row]:
    """Measure and return the rows of the table; none without a server."""
    if program() is None:
        print("no influxd: `make influxd` builds it; InfluxDB is not measured", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Influxd(folder / "influxd")
        server.start()
        (folder / "token").write_text(server.token)
        try:
            with _store(server, folder, "many") as store:
                rows = _append(store, server)
            with _store(server, folder, "long") as store:
                return [*rows, *_five_years(store, server, readings)]
        finally:
            server.stop()


@contextmanager
def _store(server: Influxd, folder: Path, bucket: str) -> Iterator[InfluxHistory]:
    """Open a bucket of its own."""
    own = folder / bucket
    own.mkdir()
    settings = InfluxSettings(
        url=server.url, org=server.org, bucket=bucket, token_file=folder / "token", timeout_s=60
    )
    store = InfluxHistory(settings, own)
    try:
        yield store
    finally:
        store.close()


def _append(store: InfluxHistory, server: Influxd) -> list[Row]:
    """Measure how fast 100 devices' readings are taken, 5,000 a request."""
    series = tuple(f"fridge-{number}/center/temperature" for number in range(8))
    devices = [
        list(_batches(_records(f"{number:032x}", series, 2_000), 500)) for number in range(100)
    ]
    parts = [part for turn in zip(*devices, strict=True) for part in turn]
    batches = [
        [record for part in parts[first : first + 10] for record in part]
        for first in range(0, len(parts), 10)
    ]
    store.append(batches[0][:1])
    theirs, began, used = _cpu_s(server.pid), time.perf_counter(), time.process_time()
    for batch in batches:
        store.append(batch)
    spent, used = time.perf_counter() - began, time.process_time() - used
    theirs = _cpu_s(server.pid) - theirs
    count = sum(map(len, batches))
    return [
        Row("InfluxDB, 5,000 readings a request", count / spent, "readings/s", ""),
        Row("  CPU of it, ours", used / count * 1e6, "us/reading", ""),
        Row("  CPU of it, influxd's", theirs / count * 1e6, "us/reading", ""),
    ]


def _five_years(store: InfluxHistory, server: Influxd, readings: int) -> list[Row]:
    export.fill(store, readings)
    began = time.perf_counter()
    rolled = store.roll_hours()
    spent = time.perf_counter() - began

    def chart(count: int) -> object:
        end = BEGIN + count * MINUTE
        return store.envelope(SITE, FRIDGES[0], BEGIN, end, 1_000, **RULE)

    days = min(43_200, readings)
    return [
        Row(f"InfluxDB: {rolled:,} hours rolled in one go", spent, "s", ""),
        Row(f"InfluxDB: chart of {days:,} readings", _median_ms(lambda: chart(days)), "ms", ""),
        Row("InfluxDB: chart of five years", _median_ms(lambda: chart(readings)), "ms", "200"),
        *export.figures(store, "InfluxDB", readings),
        Row("InfluxDB: peak memory of influxd", _peak_mb(server.pid), "MB", ""),
    ]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    for row in run(*map(int, sys.argv[1:2])):
        print(f"{row.what:76} {row.figure:12,.1f} {row.unit}")
