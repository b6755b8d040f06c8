"""Commits cycle after cycle until it is killed; prints the last seq behind each commit.

Run by tests/faults/test_spool.py: ``python committing_child.py FOLDER``.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from firmware_agent.chain import Draft
from firmware_agent.spool import Spool
from firmware_agent.stream import StreamWriter
from tests.firmware_agent.worlds import BOOT, HandClock, reading, settings


def main() -> None:
    """Write as fast as the disk takes it; now and then the clock is not right."""
    clock = HandClock()
    spool = Spool.open(Path(sys.argv[1]), clock.now)
    writer = StreamWriter(spool, BOOT, 86_400_000, clock.now)
    clock.pass_ms(writer.recorded * 1_000)
    writer.start(clock.stamp(), clock.now)
    dice = random.Random()
    while True:
        clock.synced = dice.random() < 0.7
        drafts: list[Draft] = []
        if writer.settings_version is None:
            drafts.append(settings(clock.mono))
        for _ in range(dice.randint(0, 8)):
            clock.pass_ms(1_000)
            drafts.append(reading(clock.mono, dice.randint(0, 10_000)))
        # The hub has stored all but the newest, and a little is too old to be kept.
        marks = {writer.streams[-1].n: (writer.streams[-1].head, writer.streams[-1].head)}
        writer.commit(drafts, clock.stamp(), clock.now, marks)
        # Without room it is tried again with the next cycle, and nobody is promised anything.
        if not writer.unwritten:
            print(writer.recorded, flush=True)


if __name__ == "__main__":
    main()
