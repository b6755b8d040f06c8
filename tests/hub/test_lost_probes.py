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
from tests.support.sender import FRIDGE, MINUTE, START

SECOND = 1_000
UPPER = "fridge-1/upper/temperature"
pytestmark = pytest.mark.usefixtures("each_database")


class Ward(Desk):
    """A desk and the device that reports to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sender = story([])
        self.sent = 0

    def begin_anew(self) -> None:
        """Let the intake have only what is saved."""
        self.intake = Intake(self.settings, self.database, self.history, self._tell)

    def is_watched(self, minute: float, rules: dict[str, Any]) -> None:
        """Put these series under these rules (None: the usual ones)."""
        before = next(body for body in self.sender.bodies if body["kind"] == "settings")
        (usual,) = before["series"].values()
        offset = int(minute * MINUTE)
        series = {
            name: usual | ({} if given is None else {"rules": given})
            for name, given in rules.items()
        }
        self.sender.add(before | {"at": START + offset, "mono_ms": offset, "series": series})

    def reads(self, minutes: range, value: int, series: str = FRIDGE) -> None:
        """Take in one value a minute."""
        for minute in minutes:
            self.sender.reading(minute, value, series=series)
        self.send(self.sender, self.sent + 1, len(self.sender.bodies))
        self.sent = len(self.sender.bodies)

    def goes_on(self, minute: float) -> None:
        """Take in what shows that the device lives: a reading of another series."""
        self.sender.reading(minute, 5_000, series="fridge-2/center/temperature")
        self.send(self.sender, self.sent + 1, len(self.sender.bodies))
        self.sent = len(self.sender.bodies)

    def give_up(self, later: int = 0) -> int:
        """Let the intake look as of the newest message."""
        return self.intake.give_up(self.now + later)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Ward]:
    """A fridge that is too warm for fifteen minutes, and people who know; then its probe says nothing."""
    made = Ward(tmp_path)
    made.reads(range(15), 9_000)
    assert len(made.texts()) == 3
    yield made
    made.history.close()


def says(desk: Ward, reason: Any = "probe", action: str = "", side: str = "above") -> None:
    """Let Li say why, of one of the alarms."""
    with write(desk.database) as conn:
        (alarm,) = (each for each in alarms_open(conn) if each.side == side)
        explain(
            conn, alarm.id, person="li", reason=reason, action=action, text="", way="command",
            now=desk.now,
        )  # fmt: skip


def rows(desk: Ward) -> list[ExcursionRow]:
    """Return the excursions but for silences, the oldest first."""
    with read(desk.database) as conn:
        found = [row for row in listing(conn) if row.kind != "silence"]
    return sorted(found, key=lambda row: row.opened)


def still_open(desk: Ward) -> set[str]:
    """Return the sides of the alarms that are open."""
    with read(desk.database) as conn:
        return {each.side for each in alarms_open(conn)}


def test_a_probe_that_spoke_just_now_closes_nothing(desk: Ward) -> None:
    """Its last reading, of minute 14, holds for three minutes; by the device's clock, not the hub's."""
    says(desk)

    assert desk.intake.give_up(START + 1_440 * MINUTE) == 0
    desk.goes_on(17)
    assert desk.give_up() == 0
    assert still_open(desk) == {"above"}
    # It looks every ten seconds, and the reason that was given stands.
    desk.goes_on(17 + 9 / 60)
    assert desk.give_up() == 0
    desk.goes_on(17 + 10 / 60)
    assert desk.give_up() == 1
    assert still_open(desk) == set()


def test_what_the_hub_has_not_heard_yet_is_no_silence(desk: Ward) -> None:
    """The link was cut for an hour, and the hub began anew: the readings are on their way."""
    says(desk)
    desk.begin_anew()
    assert desk.intake.give_up(START + 75 * MINUTE) == 0
    desk.reads(range(15, 75), 9_000)
    assert desk.give_up() == 0

    (row,) = rows(desk)
    assert row.end is None


@pytest.mark.parametrize("reason", ["door", "equipment", ""])
def test_no_other_reason_closes_anything(desk: Ward, reason: str) -> None:
    """However long it is silent."""
    if reason:
        says(desk, reason)
    desk.goes_on(1_440)

    assert desk.give_up() == 0
    assert still_open(desk) == {"above", "silent"}


def test_what_is_kept_of_it(desk: Ward) -> None:
    """Its end is where the last reading ceased to hold; nobody is told that the fridge is well."""
    says(desk, action="a new one is on its way")
    desk.goes_on(20)
    assert desk.give_up() == 1

    (row,) = rows(desk)
    assert (row.start, row.end) == (START, START + 15 * MINUTE)
    assert (row.held_ms, row.unknown_ms, row.closed_learned_at) == (
        15 * MINUTE, 0, START + 20 * MINUTE,
    )  # fmt: skip
    with read(desk.database) as conn:
        (closed,) = journal.entries(conn, types="excursion.closed")
        assert alarms.unexplained(conn) == []
        assert list(journal.verify(conn)) == []
    assert closed.body["reason"] == "probe-lost"
    assert len(desk.texts()) == 3
    assert rebuilt(desk) == projection(desk)
    desk.goes_on(21)
    assert desk.give_up() == 0


def test_the_answer_to_its_silence_ends_the_heat(desk: Ward) -> None:
    """Who is woken by "no readings" has that code; and a silence goes on, for it is true."""
    desk.goes_on(40)
    assert still_open(desk) == {"above", "silent"}
    assert desk.give_up() == 0
    says(desk, side="silent")

    assert desk.give_up(later=10 * SECOND) == 1
    assert still_open(desk) == {"silent"}
    assert desk.give_up(later=20 * SECOND) == 0


def test_another_probe_of_the_fridge_goes_on(desk: Ward) -> None:
    """One of two in the same alarm: the other still says that the fridge is warm."""
    two = {FRIDGE: None, UPPER: None}
    desk.is_watched(15, two)
    for minute in range(15, 30):
        desk.reads(range(minute, minute + 1), 9_500, UPPER)
    says(desk)
    assert desk.give_up() == 1

    assert "above" in still_open(desk)
    first, second = rows(desk)
    assert (first.series, first.end is None) == (FRIDGE, False)
    assert (second.series, second.end) == (UPPER, None)


@pytest.mark.parametrize("lost", [UPPER, FRIDGE])
def test_a_disagreement_ends_with_either_probe(tmp_path: Path, lost: str) -> None:
    """The rule stands on one of the two series; the other one's death ends it as well."""
    desk = Ward(tmp_path)
    apart = {"id": "test/apart", "kind": "disagreement", "for_ms": 10 * MINUTE, "apart": 2_000,
             "other": FRIDGE, "holds": False, "tells": True}  # fmt: skip
    desk.is_watched(0, {FRIDGE: [], UPPER: [apart]})
    for minute in range(15):
        desk.reads(range(minute, minute + 1), 5_000)
        desk.reads(range(minute, minute + 1), 7_500, UPPER)
    living = FRIDGE if lost == UPPER else UPPER
    desk.reads(range(15, 25), 5_000, living)
    assert still_open(desk) == {"apart"}
    says(desk, side="apart")

    assert desk.give_up() == 1
    assert still_open(desk) == set()
    assert desk.give_up(later=10 * SECOND) == 0
    desk.history.close()


def test_a_restart_knows_that_it_was_given_up(desk: Ward) -> None:
    """What the probe says after all needs its ten minutes anew, also for a hub that began anew."""
    says(desk)
    desk.goes_on(20)
    desk.give_up()
    desk.begin_anew()
    desk.reads(range(60, 75), 9_000)

    first, second = rows(desk)
    assert (first.end, second.start) == (START + 15 * MINUTE, START + 60 * MINUTE)
    assert second.end is None
    assert "above" in still_open(desk)


def test_what_waited_for_its_recovery_is_over_as_well(desk: Ward) -> None:
    """Five minutes inside, and the probe died: nothing would ever end that alarm but a day's time."""
    desk.reads(range(15, 20), 5_000)
    says(desk)
    desk.goes_on(30)
    assert still_open(desk) == {"above"}

    assert desk.give_up() == 1
    assert still_open(desk) == set()
    with read(desk.database) as conn:
        (entry,) = journal.entries(conn, types="alarm.ended")
    assert entry.body["reason"] == "its probe is dead or lost"
    assert rebuilt(desk) == projection(desk)


def test_a_database_that_fails_changes_nothing(desk: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine had gone ahead of what is saved: it is read again, and the next look does it."""
    says(desk)
    desk.goes_on(20)

    def full(*_: Any) -> None:
        raise DatabaseError("full", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("hub.intake.save_streams", full)
        with pytest.raises(DatabaseError, match="disk is full"):
            desk.give_up()
    assert still_open(desk) == {"above"}
    assert desk.give_up() == 1
    assert still_open(desk) == set()
    assert len(rows(desk)) == 1
