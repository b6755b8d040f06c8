"""`coldwatch excursions` on a table of a million rows: the whole command, from start to JSON."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.row import Row

ROWS = 1_000_000
START = 1_704_067_200


def write_table(path: Path) -> None:
    """Write a reading a minute, in and out of 2 to 8 degC about once a day."""
    with path.open("w", encoding="utf-8") as file:
        file.write("timestamp,temperature\n")
        for minute in range(ROWS):
            at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(START + 60 * minute))
            file.write(f"{at},{5 + 4 * math.sin(minute / 229):.2f}\n")


def measure(path: Path, options: Sequence[str]) -> float:
    """Return the seconds that one run of the command takes."""
    command = [sys.executable, "-m", "coldwatch", "excursions", str(path), "--json", *options]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def run() -> list[Row]:
    """Measure one rule, and a profile of several."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path)
        one = measure(path, ["--below", "2", "--above", "8", "--for", "60min"])
        profile = measure(path, ["--profile", "cn-gsp"])
    return [
        Row("coldwatch excursions, a million rows, one rule", one, "s", "5 (issue)"),
        Row("  the same under cn-gsp, with excursions every day", profile, "s", ""),
    ]
