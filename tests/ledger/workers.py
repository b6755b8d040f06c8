"""Processes of their own for tests: two clerks who issue at once, and a hub that gets killed."""

from __future__ import annotations

import dataclasses
import itertools
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import ledger.store  # noqa: F401 - declares the ledger's tables
from history.sqlite import SqliteHistory
from journal.database import write
from ledger.batches import move, receive
from ledger.issues import attempt
from ledger.phrases import LedgerError
from tests.ledger.world import EXPIRY, World, decision, ms
from tests.support.databases import database_of


def clerk(folder: Path, barrier: Barrier, rounds: int, answers: Connection) -> None:
    """Issue the only dose of each round's lot, at the same moment as somebody else."""
    engine = database_of(folder)
    history = SqliteHistory(folder / "history.db", read_only=True)
    for number in range(rounds):
        barrier.wait(60)
        try:
            with write(engine) as conn:
                attempt(
                    conn,
                    history,
                    asset="east/f1",
                    doses=1,
                    now=ms(50),
                    actor="clerk",
                    batch=f"MMR/R{number}",
                )
            answers.send("issued")
        except LedgerError as error:
            answers.send(error.code)
    answers.close()


def busy_hub(folder: Path, first: int, answers: Connection) -> None:
    """Receive, move, and learn of excursions, one transaction each, until somebody kills us.

    After each commit the number of the round is sent: what was said must be there afterwards.
    """
    engine = database_of(folder)
    for number in itertools.count(first):
        lot = f"L{number}"
        with write(engine) as conn:
            receive(
                conn,
                product="MMR",
                lot=lot,
                expiry=EXPIRY,
                doses=10,
                asset="east/f1",
                now=ms(number),
                actor="hub",
            )
            move(
                conn,
                batch=f"MMR/{lot}",
                source="east/f1",
                target="east/f2",
                doses=4,
                now=ms(number) + 1000,
                actor="hub",
            )
        opened = decision("f1", number)
        with write(engine) as conn:
            World.apply(conn, opened, number + 100)
            closed = dataclasses.replace(opened, happening="closed", end=ms(number + 70))
            World.apply(conn, closed, number + 100)
        answers.send(number)
