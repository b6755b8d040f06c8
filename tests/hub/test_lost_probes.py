"""The reason `probe`: what it closes, when, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import alarms
from hub.alarms import alarms_open, explain
from hub.intake import Intake
from journal import journal
from journal.database import DatabaseError, read, write
from journal.excursions import ExcursionRow, listing
from tests.hub.test_alarms import projection, rebuilt
from tests.hub.test_notices import Desk, story
from tests.support.sender import MINUTE, START

SECOND = 1_000


class Ward(Desk):
    """A desk and the device that reports to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sender = story([])
        self.sent = 0

    def begin_anew(self) -> None:
        """Let the intake have only what is saved."""
        self.intake = Intake(self.settings, self.database, self.history, self._tell)

    def reads(self, minutes: range, value: int) -> None:
        """Take in one value a minute."""
        for minute in minutes:
            self.sender.reading(minute, value)
        self.send(self.sender, self.sent + 1, len(self.sender.bodies))
        self.sent = len(self.sender.bodies)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Ward]:
    """A fridge that is too warm for fifteen minutes, and people who know; then nothing comes."""
    made = Ward(tmp_path)
    made.reads(range(15), 9_000)
    assert len(made.texts()) == 3
    yield made
    made.history.close()


def says(desk: Ward, reason: Any = "probe", action: str = "") -> None:
    """Let Li say why."""
    with write(desk.database) as conn:
        (alarm,) = alarms_open(conn)
        explain(
            conn, alarm.id, person="li", reason=reason, action=action, text="", way="command",
            now=START + 15 * MINUTE,
        )  # fmt: skip


def rows(desk: Ward) -> list[ExcursionRow]:
    """Return the excursions but for silences, the oldest first."""
    with read(desk.database) as conn:
        found = [row for row in listing(conn) if row.kind != "silence"]
    return sorted(found, key=lambda row: row.opened)


def still_open(desk: Ward) -> int:
    """Return how many alarms are open."""
    with read(desk.database) as conn:
        return len(alarms_open(conn))


def test_a_probe_that_spoke_just_now_closes_nothing(desk: Ward) -> None:
    """Its last reading still holds: three minutes."""
    says(desk)

    assert desk.intake.give_up(START + 17 * MINUTE) == 0
    assert still_open(desk) == 1
    # It looks every ten seconds, and the reason that was given stands.
    assert desk.intake.give_up(START + 17 * MINUTE + 9 * SECOND) == 0
    assert desk.intake.give_up(START + 17 * MINUTE + 10 * SECOND) == 1
    assert still_open(desk) == 0


@pytest.mark.parametrize("reason", ["door", "equipment", ""])
def test_no_other_reason_closes_anything(desk: Ward, reason: str) -> None:
    """However long it is silent."""
    if reason:
        says(desk, reason)

    assert desk.intake.give_up(START + 1_440 * MINUTE) == 0
    assert still_open(desk) == 1


def test_what_is_kept_of_it(desk: Ward) -> None:
    """Its end is where the last reading ceased to hold; nobody is told that the fridge is well."""
    says(desk, action="a new one is on its way")
    assert desk.intake.give_up(START + 60 * MINUTE) == 1

    (row,) = rows(desk)
    assert (row.start, row.end) == (START, START + 15 * MINUTE)
    assert (row.held_ms, row.unknown_ms, row.closed_learned_at) == (
        15 * MINUTE, 0, START + 60 * MINUTE,
    )  # fmt: skip
    with read(desk.database) as conn:
        (closed,) = journal.entries(conn, types="excursion.closed")
        assert alarms.unexplained(conn) == []
        assert list(journal.verify(conn)) == []
    assert closed.body["reason"] == "probe-lost"
    desk.now = START + 61 * MINUTE
    assert len(desk.texts()) == 3
    assert rebuilt(desk) == projection(desk)
    assert desk.intake.give_up(START + 62 * MINUTE) == 0


def test_a_restart_knows_that_it_was_given_up(desk: Ward) -> None:
    """What the probe says after all needs its ten minutes anew, also for a hub that began anew."""
    says(desk)
    desk.intake.give_up(START + 60 * MINUTE)
    desk.begin_anew()
    desk.reads(range(60, 75), 9_000)

    first, second = rows(desk)
    assert (first.end, second.start) == (START + 15 * MINUTE, START + 60 * MINUTE)
    assert second.end is None
    assert still_open(desk) == 1
    assert len(desk.texts()) == 6


def test_what_waited_for_its_recovery_is_over_as_well(desk: Ward) -> None:
    """Five minutes inside, and the probe died: nothing would ever end that alarm but a day's time."""
    desk.reads(range(15, 20), 5_000)
    says(desk)
    assert still_open(desk) == 1

    assert desk.intake.give_up(START + 60 * MINUTE) == 1
    assert still_open(desk) == 0
    with read(desk.database) as conn:
        (entry,) = journal.entries(conn, types="alarm.ended")
    assert entry.body["reason"] == "its probe is dead or lost"
    assert rebuilt(desk) == projection(desk)


def test_a_database_that_fails_changes_nothing(desk: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine had gone ahead of what is saved: it is read again, and the next look does it."""
    says(desk)

    def full(*_: Any) -> None:
        raise DatabaseError("hub.db", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("hub.intake.save_streams", full)
        with pytest.raises(DatabaseError, match="disk is full"):
            desk.intake.give_up(START + 60 * MINUTE)
    assert still_open(desk) == 1
    assert desk.intake.give_up(START + 60 * MINUTE) == 1
    assert still_open(desk) == 0
    assert len(rows(desk)) == 1
