from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from journal.database import missing_guards, read, write
from journal.excursions import listing, rebuild
from journal.journal import entries, head, verify
from ledger.holds import hold_batch, holds_of
from ledger.store import all_batches, custody_of
from ledger.store import rebuild as rebuild_ledger
from tests.ledger.workers import busy_hub, clerk
from tests.ledger.world import World, ms

pytestmark = pytest.mark.usefixtures("each_database")

ROUNDS = 40
KILLS = {"sqlite": 12, "postgresql": 4}

spawn = multiprocessing.get_context("spawn")


def test_two_issues_of_the_last_dose_give_one_refusal(tmp_path: Path) -> None:
    """Two processes reach for the same dose forty times: one gets it, one is refused, each time."""
    world = World(tmp_path)
    world.readings("f1", 0, 60)
    for number in range(ROUNDS):
        world.receive(1, doses=1, lot=f"R{number}")
    barrier = spawn.Barrier(2)
    ends, clerks = [], []
    for _ in range(2):
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=clerk, args=(tmp_path, barrier, ROUNDS, theirs))
        process.start()
        theirs.close()
        ends.append(ours)
        clerks.append(process)
    answers = [[end.recv() for _ in range(ROUNDS)] for end in ends]
    for process in clerks:
        process.join(30)
    for one, two in zip(*answers, strict=True):
        assert sorted((one, two)) == ["issued", "none-there"]
    # both had the better of the other at times: they did run at once
    assert all("issued" in of_one for of_one in answers)
    with read(world.engine) as conn:
        assert len(list(entries(conn, types="ledger.issued"))) == ROUNDS
        assert verify(conn) == []
        left = [custody_of(conn, batch.id).standing() for batch in all_batches(conn)]
    assert left == [[]] * ROUNDS
    world.close()


def test_a_killed_hub_leaves_whole_transactions_only(each_database: str, tmp_path: Path) -> None:
    """SIGKILL at random moments: what was committed is there, whole; the journal is unbroken.

    An excursion is never there without the holds of what it reached, and a receipt never without
    the movement that was entered with it; and all tables are what the journal makes of them.
    """
    world = World(tmp_path)
    chance = random.Random(20260302)
    first, said = 0, []
    for _ in range(KILLS[each_database]):
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=busy_hub, args=(tmp_path, first, theirs))
        process.start()
        theirs.close()
        said += [ours.recv(), ours.recv()]
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        process.join(30)
        try:
            while True:
                said.append(ours.recv())
        except EOFError:
            pass
        check(world, said)
        first = max(said) + 2  # the one in between may or may not be there
    assert len(said) > KILLS[each_database]
    world.close()


def check(world: World, said: list[int]) -> None:
    """Look at everything that a kill may have torn."""
    with write(world.engine) as conn:
        assert verify(conn) == []
        assert missing_guards(conn) == []
        kinds = Counter(entry.type for entry in entries(conn))
        assert kinds["ledger.received"] == kinds["ledger.moved"]
        assert kinds["excursion.opened"] == kinds["excursion.closed"]
        known = {batch.lot for batch in all_batches(conn)}
        assert {f"L{number}" for number in said} <= known
        rows = listing(conn)
        starts = {row.start for row in rows}
        assert {ms(number) for number in said} <= starts
        for number in said[-5:]:
            holds = holds_of(conn, f"MMR/L{number}")
            assert {str(hold.place) for hold in holds} == {"east/f1", "east/f2"}
        # also of the round in which it was killed: nothing is left that should be on hold
        for lot in sorted(known, key=lambda lot: int(lot[1:]))[-5:]:
            assert hold_batch(conn, f"MMR/{lot}", at=ms(0)) == []
        before = holds_of(conn, f"MMR/L{said[-1]}"), head(conn)
        rebuild(conn)
        rebuild_ledger(conn)
        assert listing(conn) == rows
        assert (holds_of(conn, f"MMR/L{said[-1]}"), head(conn)) == before
