"""Print all figures beside those that design.md asks for: ``python -m benchmarks [NAME ...]``.

NAME is a module of this folder (intake, engine, agent, history, export, influx, excursions); without one, all run.
`nuisance` (some minutes), `alarm_latency` (six), `against_telegraf` (six) and `against_mqtt_io` (fifteen) are sections
with tables of their own, and come last.
"""

from __future__ import annotations

import importlib
import os
import platform
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.row import Row

MODULES = ("engine", "intake", "agent", "history", "export", "influx", "excursions")
SECTIONS = ("nuisance", "alarm_latency", "against_telegraf", "against_mqtt_io")
PACKAGES = ("paho-mqtt", "pydantic", "SQLAlchemy", "orjson")


def machine() -> str:
    """Return what the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            model = line.partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, {platform.machine()}\n"
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}"
    )


def main() -> int:
    """Run the benchmarks that were asked for and print one table."""
    known = (*MODULES, *SECTIONS)
    asked = sys.argv[1:] or list(known)
    for name in asked:
        if name not in known:
            print(f"no benchmark {name!r}; there are: {', '.join(known)}", file=sys.stderr)
            return 2
    print(machine(), flush=True)
    plain = [name for name in asked if name not in SECTIONS]
    if plain:
        print(f"\n{'what':58} {'measured':>12}  {'unit':14} design.md")
    for name in plain:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows: list[Row] = importlib.import_module(f"benchmarks.{name}").run()
        for row in rows:
            print(
                f"{row.what:58} {row.figure:>12,.{places(row.figure)}f}  {row.unit:14} {row.target}"
            )
    for name in SECTIONS:
        if name in asked:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            print()
            for line in importlib.import_module(f"benchmarks.{name}").report():
                print(line, flush=True)
    return 0


def places(figure: float) -> int:
    """Return how many decimals are worth printing."""
    return 0 if figure >= 100 else 1 if figure >= 10 else 2


if __name__ == "__main__":
    sys.exit(main())
