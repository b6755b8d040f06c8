"""Commits cycle after cycle until it is killed, and says the last seq behind each commit.

Run by tests/faults/test_spool.py, which kills it, and tests/uml/test_power.py, which cuts its power:
``python -m tests.firmware_agent.committing_child FOLDER [SHARE]``. Into SHARE, a folder that outlasts
the machine, it writes `checked` (how many records it found whole) and `said` (the last committed).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

from firmware_agent.chain import Draft
from firmware_agent.spool import Spool
from firmware_agent.stream import StreamWriter
from tests.firmware_agent.worlds import BOOT, HandClock, judged_by_engine, reading, settings
from tests.firmware_agent.worlds import stored_bodies as bodies_of


def check(folder: Path, committed: int) -> int:
    """Assert that a spool has all up to ``committed``, whole; return how many it has."""
    ((stream, bodies),) = bodies_of(folder).items()
    assert len(bodies) >= committed, f"{committed} were committed, {len(bodies)} are there"
    assert [body["seq"] for body in bodies] == list(range(1, len(bodies) + 1))
    spool = Spool.open(folder, 0)
    head = spool.streams()[-1].head
    assert judged_by_engine(stream, bodies[:head]) == spool.meta("engine")
    spool.close()
    return len(bodies)


def commit(folder: Path, say: Callable[[int], None]) -> None:
    """Write as fast as the disk takes it; now and then the clock is not right."""
    clock = HandClock()
    spool = Spool.open(folder, clock.now)
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
            say(writer.recorded)


def main() -> None:
    """Commit; with a second argument check first what an earlier run has left."""
    folder = Path(sys.argv[1])
    if len(sys.argv) < 3:
        commit(folder, lambda seq: print(seq, flush=True))
    share = Path(sys.argv[2])
    said = share / "said"
    if said.exists():
        found = check(folder, int(said.read_text()))
        (share / "checked").write_text(str(found))
    if "only-check" not in sys.argv:
        fresh = share / "said-new"

        def say(seq: int) -> None:
            # Closed each time: then it is in the file outside, whatever becomes of the machine.
            fresh.write_text(str(seq))
            fresh.replace(said)
            (share / "under-way").touch()

        commit(folder, say)


if __name__ == "__main__":
    main()
