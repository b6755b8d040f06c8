"""Five years of one series at one a minute: its statistics, and its export to each format.

Run alone: ``python -m benchmarks.export [READINGS]``. `figures` takes any opened history that has
been filled by `fill`, so that both adapters are measured by the same code. Peak memory is what the
process grew by (VmHWM, put back before each), the file itself not counted: it goes to the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.history import BEGIN, CHART, FRIDGES, MINUTE, SITE, _batches, _records
from benchmarks.row import Row
from history.desk.stats import statistics
from history.export import FORMATS, Export, Format, SeriesRule, exported, readings_of
from history.port import History
from history.sqlite import SqliteHistory

SERIES = FRIDGES[0]
ZONE = ZoneInfo("Asia/Shanghai")
RULE = SeriesRule(SERIES, 2_000, 8_000, MINUTE, 15 * MINUTE)


def fill(history: History, readings: int = CHART) -> None:
    """Append so many readings of one series, one a minute."""
    for batch in _batches(_records("f" * 32, (SERIES,), readings), 20_000):
        history.append(batch)


def figures(history: History, adapter: str, readings: int = CHART) -> list[Row]:
    """Measure statistics and every export of a history that `fill` has filled.

    Args:
        history: opened, for reading at least.
        adapter: how the rows of the table call it.
        readings: how many it was filled with.
    """
    span = f"{readings / 525_600:.1f} years ({readings / 1e6:.1f} million)"

    def add_up() -> None:
        found = statistics(history, SITE, RULE, ZONE)
        assert found.exposure is not None
        assert found.exposure.readings == readings

    rows = _measured(f"statistics of {span}, {adapter}", add_up)
    what = Export(
        SITE,
        (SERIES,),
        BEGIN,
        BEGIN + readings * MINUTE,
        ZONE,
        ZONE.key,
        BEGIN,
        rules=(RULE,),
    )
    for format_ in FORMATS:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
            file = Path(name) / f"readings.{format_}"

            def write(file: Path = file, format_: Format = format_) -> None:
                with file.open("wb") as out:
                    for block in exported(
                        readings_of(history, what),
                        what,
                        format_,
                        file.parent,
                    ):
                        out.write(block)

            rows += _measured(f"{format_} of {span}, {adapter}", write)
            rows.append(Row("  size of the file", file.stat().st_size / 1e6, "MB", ""))
    return rows


def _measured(what: str, work: Callable[[], None]) -> list[Row]:
    """Return seconds, CPU seconds and memory of one piece of work."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _kilobytes("VmRSS")
    began, used = time.perf_counter(), time.process_time()
    work()
    spent, used = time.perf_counter() - began, time.process_time() - used
    return [
        Row(what, spent, "s", ""),
        Row("  CPU of it", used, "s", ""),
        Row("  memory of it, more than before", (_kilobytes("VmHWM") - before) / 1024, "MB", ""),
    ]


def _kilobytes(key: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{key}:")[2].split()[0])


def run(readings: int = CHART) -> list[Row]:
    """Measure the SQLite adapter and return the rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "history.db"
        store = SqliteHistory(path)
        fill(store, readings)
        store.close()
        store = SqliteHistory(path, read_only=True)
        try:
            return figures(store, "SQLite", readings)
        finally:
            store.close()


if __name__ == "__main__":
    for row in run(*map(int, sys.argv[1:2])):
        print(f"{row.what:76} {row.figure:12,.1f} {row.unit}")
