"""Runs inside the machine: joins its GPIO lines to files of the shared folder, for tests outside.

    python -m tests.uml.mirror SHARE/lines 17 22

The layout is gpio-sim's: what the test writes to `<line>/pull` is done to the line, and the level of
the line is written to `<line>/value`, some fifty times a second. `ready` is there when it has begun.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from simulator.lines import Lines
from tests.support.uml import SIM

EVERY_S = 0.02


def main() -> None:
    """Mirror until the machine ends."""
    folder = Path(sys.argv[1])
    numbers = [int(word) for word in sys.argv[2:]]
    sim = Lines(SIM, kernel=True)
    driven: dict[int, str] = {}
    seen: dict[int, bool] = {}
    for line in numbers:
        (folder / str(line)).mkdir(parents=True, exist_ok=True)
    while True:
        for line in numbers:
            try:
                pull = (folder / str(line) / "pull").read_text().strip()
            except FileNotFoundError:
                pull = ""
            if pull and pull != driven.get(line):
                driven[line] = pull
                sim.drive(line, level=pull == "pull-up")
            level = sim.level(line)
            if level != seen.get(line):
                seen[line] = level
                part = folder / str(line) / ".value-new"
                part.write_text(f"{int(level)}\n")
                part.replace(folder / str(line) / "value")
        (folder / "ready").touch()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
