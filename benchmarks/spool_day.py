"""What a day of the spool costs a card: fsyncs, and bytes handed to the disk.

Run by benchmarks/agent.py, under strace where that is there: ``python -m benchmarks.spool_day FOLDER``
commits cycles of eight readings and prints how many bytes the kernel was given for the disk.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.row import Row
from firmware_agent.chain import Draft, reading_draft
from firmware_agent.spool import Spool
from firmware_agent.stamping import Stamp
from firmware_agent.stream import StreamWriter
from sensors.contract import Sample

PROBES = 8
CYCLES = 720
START_MS = 1_760_000_000_000
STAMP = Stamp(START_MS, synced=True, final=True)
# Commits a day: everything quiet and recorded once a minute; everything outside, every 10 s.
DAYS = (("quiet", 1_440), ("everything outside", 8_640))


def rows(folder: Path) -> list[Row]:
    """Measure; some seconds."""
    command = [sys.executable, "-m", "benchmarks.spool_day", str(folder)]
    trace = folder / "trace"
    strace = shutil.which("strace")
    if strace is not None:
        command = [strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace), *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    written = int(done.stdout) / CYCLES
    found = []
    for name, commits in DAYS:
        what = f"spool: a day of {PROBES} probes, {name}"
        found.append(Row(f"{what}: written", written * commits / 1e6, "MB", ""))
        if strace is not None:
            syncs = len(trace.read_text().splitlines()) / CYCLES
            found.append(Row(f"{what}: fsyncs", syncs * commits, "", ""))
    return found


def _written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def main() -> None:
    """Commit."""
    folder = Path(sys.argv[1]) / "day"
    spool = Spool.open(folder, START_MS)
    writer = StreamWriter(spool, "b" * 32, 35 * 86_400_000, START_MS)
    series = [f"fridge-{n}/center/temperature" for n in range(PROBES)]
    writer.commit([Draft("settings", 0, {"version": "0" * 16, "series": {}})], STAMP, START_MS)
    before = _written()
    for cycle in range(CYCLES):
        mono_ms = 10_000 * cycle
        drafts = [reading_draft(name, mono_ms, Sample(5_000 + cycle % 100)) for name in series]
        writer.commit(drafts, STAMP, START_MS + mono_ms)
    print(_written() - before)


if __name__ == "__main__":
    main()
