"""A history older than the marks: what it lacks comes again, and nothing that it has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.port import StoredRecord
from history.sqlite import SqliteHistory
from hub.lacking import LACKS
from journal import journal
from journal.database import read
from tests.hub.test_intake import Bench, warm
from tests.support.sender import Sender


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An intake over real databases."""
    made = Bench(tmp_path)
    yield made
    made.history.close()


def put_back(bench: Bench, folder: Path, *taken: tuple[Sender, int]) -> None:
    """Give the hub a history that has these senders' records up to a seq, and start it anew."""
    bench.history.close()
    for file in folder.glob("history.db*"):
        file.unlink()
    older = Bench(folder / "older")
    for sender, last in taken:
        older.refuses = bench.refuses
        older.take(sender.message(1, last))
    older.history.close()
    older.database.dispose()
    shutil.copy(folder / "older" / "history.db", folder / "history.db")
    bench.history = SqliteHistory(folder / "history.db")
    bench.restart()


def lacks(bench: Bench) -> list[tuple[int, int]]:
    """Return the ranges that were journalled as lacking."""
    with read(bench.database) as conn:
        return [
            (entry.body["first"], entry.body["last"])
            for entry in journal.entries(conn, types=LACKS)
        ]


@pytest.fixture(autouse=True)
def _older(tmp_path: Path) -> None:
    (tmp_path / "older").mkdir()


def test_what_an_older_history_lacks_comes_again(bench: Bench, tmp_path: Path) -> None:
    """`stored` falls back to what is there, by the right hash; one entry says what was missing."""
    sender, whole = warm(), warm(stream="2" * 32)
    bench.take(sender.message(), whole.message())
    told = list(bench.told)
    put_back(bench, tmp_path, (sender, 8), (whole, 21))

    assert bench.intake.agree(bench.now) == {"pi-1"}

    assert bench.marks(sender) == (21, 8)
    assert bench.marks(whole) == (21, 21)
    assert lacks(bench) == [(9, 21)]
    bench.restart()
    assert bench.intake.agree(bench.now) == set(), "it is said once"
    bench.take(sender.message(9, 21))
    assert bench.marks(sender) == (21, 21)
    assert bench.stored(sender) == sender.bodies
    assert bench.told == told
    bench.restart()
    assert bench.intake.agree(bench.now) == set()


def test_an_empty_history_is_filled_from_the_beginning(bench: Bench, tmp_path: Path) -> None:
    """A history that was lost altogether comes again as far as the agents have it."""
    sender = warm()
    bench.take(sender.message())
    put_back(bench, tmp_path)

    bench.take(sender.message(1, 10))
    bench.take(sender.message(11, 21))

    assert bench.stored(sender) == sender.bodies
    assert bench.marks(sender) == (21, 21)


def test_nothing_is_stored_before_the_history_has_spoken(bench: Bench, tmp_path: Path) -> None:
    """While it does not answer, new records are judged only: behind them the hole would not show."""
    sender = warm()
    bench.take(sender.message(1, 15))
    put_back(bench, tmp_path, (sender, 8))
    bench.broken = True

    bench.take(sender.message(16, 18))
    assert bench.marks(sender) == (18, 15)

    bench.broken = False
    assert bench.take(sender.message(19, 21)).answer == {"pi-1"}
    assert bench.marks(sender) == (21, 8)
    bench.take(sender.message(9, 21))
    assert bench.stored(sender) == sender.bodies


def test_quarantine_and_gaps_are_not_lacking(bench: Bench) -> None:
    """A stream whose newest records were refused or declared gone has all that it can have."""
    sender = warm()
    sender.reading(30, 5_000, quality="splendid")
    bench.refuses = {21}
    bench.take(sender.message())
    for minute in (31, 32, 33):
        sender.reading(minute, 5_000)
    bench.take(sender.gap(23, 25))
    assert bench.marks(sender) == (25, 25)
    bench.restart()

    assert bench.intake.agree(bench.now) == set()
    assert lacks(bench) == []


def test_the_chain_is_followed_through_quarantine_and_gaps(bench: Bench, tmp_path: Path) -> None:
    """Where something was refused or gone before the history ends, the mark is right all the same."""
    sender = warm()
    sender.bodies[5]["quality"] = "splendid"
    again = Sender()
    for body in sender.bodies:
        again.add(dict(body))
    bench.refuses = {3}
    bench.take(again.message(1, 8))
    bench.take(again.gap(9, 11))
    bench.take(again.message(12, 21))
    bench.history.close()
    for file in tmp_path.glob("history.db*"):
        file.unlink()
    bench.history = SqliteHistory(tmp_path / "history.db")
    bench.restart()
    bench.intake._silent = ""  # fill it with a part by hand
    kept = [body for body in again.bodies[:15] if body["seq"] not in {3, 6, 9, 10, 11}]
    bench.history.append([StoredRecord("east-gate", again.stream, body, 0) for body in kept])
    bench.restart()

    assert bench.intake.agree(bench.now) == {"pi-1"}

    assert bench.marks(again) == (21, 15)
    bench.take(again.message(16, 21))
    assert bench.marks(again) == (21, 21)


@settings(max_examples=30)
@given(st.integers(0, 20), st.integers(1, 7))
def test_wherever_it_was_cut(tmp_path_factory: pytest.TempPathFactory, cut: int, size: int) -> None:
    """For every older history and every size of message: all comes again, once."""
    folder = tmp_path_factory.mktemp("cut")
    (folder / "older").mkdir()
    bench, sender = Bench(folder), warm()
    bench.take(sender.message())
    put_back(bench, folder, *([(sender, cut)] if cut else []))
    bench.intake.agree(bench.now)
    assert bench.marks(sender) == (21, cut)

    for first in range(cut + 1, 22, size):
        bench.take(sender.message(first, min(first + size - 1, 21)))

    assert bench.stored(sender) == sender.bodies
    assert bench.marks(sender) == (21, 21)
    assert bench.told == [("opened", "test/out")]
    bench.history.close()
    bench.database.dispose()
