"""Alarms: what belongs together, who has answered, and that the journal alone makes them again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from alerts.codes import code_of
from hub import alarms
from hub.alarms import Alarm, UnknownAlarmError, acknowledge, by_code, explain, unexplained
from hub.tables import alarm_answers, alarm_excursions, alarm_turns, notices
from hub.tables import alarms as table
from journal import journal
from journal.database import read, write
from tests.hub.test_notices import Desk, story
from tests.support.sender import FRIDGE, MINUTE, RULES, START, Sender

DOOR = "fridge-1/door/open"
OPEN_DOOR = {
    "id": "test/door", "kind": "consecutive", "for_ms": 5 * MINUTE, "at_or_above": 1,
    "holds": False, "tells": True,
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A hub without threads in an empty folder."""
    made = Desk(tmp_path)
    yield made
    made.history.close()


def every(desk: Desk) -> list[Alarm]:
    """Return all alarms, over or not."""
    with read(desk.database) as conn:
        return alarms._alarms(conn, select(table))


def projection(desk: Desk) -> list[Any]:
    """Return all rows of the tables that are made of the journal."""
    with read(desk.database) as conn:
        return [
            sorted(map(tuple, conn.execute(select(each)).all()), key=str)
            for each in (table, alarm_excursions, alarm_answers)
        ]


def rebuilt(desk: Desk) -> list[Any]:
    """Make the projection again and return it."""
    with write(desk.database) as conn:
        alarms.rebuild(conn)
    return projection(desk)


def take(desk: Desk, sender: Sender) -> None:
    """Take in all that a device recorded, record by record."""
    for seq in range(1, len(sender.bodies) + 1):
        desk.send(sender, seq, seq)


def test_a_code_is_four_digits_and_hangs_on_the_id_alone() -> None:
    """Agent and hub reckon it from the same sixteen digits."""
    assert code_of("0000000000000000") == "1000"
    assert code_of("0000000000002327") == "9999"
    assert code_of("0000000000002328") == "1000"
    assert code_of("ffffffffffffffff") == str(1000 + (2**64 - 1) % 9000)


def test_further_excursions_of_one_side_are_one_alarm(desk: Desk) -> None:
    """Out, in for five minutes, out again: one alarm with both, over when all have recovered."""
    take(desk, story([9_000] * 12 + [5_000] * 5 + [9_000] * 12 + [5_000] * 12))

    (one,) = every(desk)
    assert len(one.excursions) == 2
    assert one.id == one.excursions[0]
    assert (one.asset, one.side) == ("east-gate/fridge-1", "above")
    assert one.opened_at == START + 10 * MINUTE
    assert one.recovered_at == START + 39 * MINUTE
    assert rebuilt(desk) == projection(desk)


def test_the_other_side_is_another_alarm(desk: Desk) -> None:
    """Too hot and then too cold: two, each with its own end."""
    take(desk, story([9_000] * 12 + [1_000] * 12 + [5_000] * 12))

    assert [(one.side, one.recovered_at is not None) for one in every(desk)] == [
        ("above", True),
        ("below", True),
    ]
    assert rebuilt(desk) == projection(desk)


def test_after_recovery_a_new_alarm_begins(desk: Desk) -> None:
    """The same trouble an hour later has a code of its own."""
    take(desk, story(([9_000] * 12 + [5_000] * 15) * 2))

    first, second = every(desk)
    assert first.recovered_at is not None
    assert first.recovered_at < second.opened_at
    assert {len(first.excursions), len(second.excursions)} == {1}


def test_a_door_is_no_heat(desk: Desk) -> None:
    """Whoever takes on an open door has not taken on a fridge that is warm."""
    body = Sender().settings()
    watch = body["series"][FRIDGE]
    body["series"][DOOR] = {**watch, "rules": [OPEN_DOOR], "decides": False}
    del body["series"][DOOR]["storage"], body["seq"]
    sender = Sender()
    sender.add(body)
    for minute in range(30):
        sender.reading(minute, 1, series=DOOR)
        sender.reading(minute, 9_000)
    take(desk, sender)

    assert [(one.quantity, one.side) for one in every(desk)] == [
        ("open", "above"),
        ("temperature", "above"),
    ]


def test_a_rule_that_tells_nobody_makes_no_alarm(desk: Desk) -> None:
    """Panel rules make excursions only."""
    take(desk, story([9_000] * 15, [RULES[0] | {"tells": False}]))

    assert every(desk) == []


def test_a_sum_keeps_no_alarm_open(desk: Desk) -> None:
    """The window's sum falls hours later; the alarm is over when the fridge is inside."""
    total = RULES[0] | {
        "id": "test/sum", "kind": "cumulative", "for_ms": 12 * MINUTE, "window_ms": 600 * MINUTE,
    }  # fmt: skip
    take(desk, story([9_000] * 15 + [5_000] * 15, [RULES[0], total]))

    (one,) = every(desk)
    assert len(one.excursions) == 2
    assert one.recovered_at == START + 25 * MINUTE
    assert one.worsened_at == START + 12 * MINUTE


def test_a_series_that_is_taken_away_ends_its_alarm(desk: Desk) -> None:
    """Nothing judges it any more: it is no longer open, and nobody is told that it recovered."""
    sender = story([9_000] * 15)
    sender.settings(15, series="fridge-1/upper/temperature")
    take(desk, sender)

    (one,) = every(desk)
    assert one.recovered_at == START + 15 * MINUTE
    assert rebuilt(desk) == projection(desk)


class TestAnswers:
    @pytest.fixture(autouse=True)
    def _warm(self, desk: Desk) -> None:
        """A fridge that is too warm since minute ten, and people who know."""
        self.desk = desk
        take(desk, story([9_000] * 15))
        desk.texts()
        (self.alarm,) = every(desk)

    def acknowledge(self, minute: float, person: str = "li") -> Alarm:
        """Acknowledge at that minute."""
        with write(self.desk.database) as conn:
            return acknowledge(
                conn, self.alarm.id, person=person, way="sms", now=START + int(minute * MINUTE)
            )

    def entries(self, family: str = "alarm.") -> list[tuple[str, dict[str, Any]]]:
        """Return type and body of what was entered."""
        with read(self.desk.database) as conn:
            return [(entry.type, entry.body) for entry in journal.entries(conn, types=family)]

    def test_an_acknowledgement_is_entered_once(self) -> None:
        """Sent three times, it is one entry; the alarm says who and when."""
        for minute in (16, 17, 18):
            answered = self.acknowledge(minute)

        assert (answered.answered_at, answered.answered_by) == (START + 16 * MINUTE, "li")
        assert self.entries() == [("alarm.acknowledged", {"person": "li", "way": "sms"})]
        assert rebuilt(self.desk) == projection(self.desk)

    def test_two_at_once_are_both_entered_and_the_first_has_it(self) -> None:
        """Both have answered; the journal has both; the alarm is the first one's."""
        self.acknowledge(16)
        answered = self.acknowledge(16, "wang")

        assert answered.answered_by == "li"
        assert [body["person"] for _, body in self.entries()] == ["li", "wang"]
        assert rebuilt(self.desk) == projection(self.desk)

    def test_after_half_an_hour_it_is_a_new_answer(self) -> None:
        """What held has ended; who answers then has it."""
        self.acknowledge(16)
        self.acknowledge(45.9)
        answered = self.acknowledge(46, "wang")

        assert answered.answered_by == "wang"
        assert len(self.entries()) == 2
        assert rebuilt(self.desk) == projection(self.desk)

    def test_an_unknown_alarm_is_refused(self) -> None:
        """Nothing is entered for an alarm that is none."""
        with write(self.desk.database) as conn, pytest.raises(UnknownAlarmError):
            acknowledge(conn, "0" * 16, person="li", way="console", now=START)
        assert self.entries() == []

    def test_a_code_answers_what_its_person_was_told(self) -> None:
        """The code of any excursion in it; not somebody else's, not a day after the end."""
        code = code_of(self.alarm.id)
        now = START + 20 * MINUTE
        with read(self.desk.database) as conn:
            assert [one.id for one in by_code(conn, "li", code, now)] == [self.alarm.id]
            assert by_code(conn, "nobody", code, now) == []
            assert by_code(conn, "li", str(int(code) % 9_000 + 1_000), now) == []
        with write(self.desk.database) as conn:
            conn.execute(delete(notices).where(notices.c.person == "wang"))
            assert by_code(conn, "wang", code, now) == []

    def test_a_code_is_good_for_a_day_after_the_end(self) -> None:
        """Who wakes up late may still answer."""
        code = code_of(self.alarm.id)
        more = story([9_000] * 15 + [5_000] * 12)
        for seq in range(17, len(more.bodies) + 1):
            self.desk.send(more, seq, seq)
        over = START + 25 * MINUTE
        with read(self.desk.database) as conn:
            (one,) = by_code(conn, "li", code, over + 86_399_999)
            assert one.recovered_at == over
            assert by_code(conn, "li", code, over + 86_400_000) == []

    def explain(self, reason: Any = "door", action: str = "shut it", text: str = "") -> Alarm:
        """Say why, and what was done."""
        with write(self.desk.database) as conn:
            return explain(
                conn, self.alarm.id, person="li", reason=reason, action=action, text=text,
                way="console", now=START + 40 * MINUTE,
            )  # fmt: skip

    def unexplained(self) -> list[str]:
        """Return what lacks a reason or an action."""
        with read(self.desk.database) as conn:
            assert unexplained(conn, "elsewhere") == []
            return [one.id for one in unexplained(conn, "east-gate")]

    def test_heat_stays_on_the_list_until_reason_and_action_are_given(self) -> None:
        """Open it is not on the list; over it is; a reason without an action is not enough."""
        assert self.unexplained() == []
        more = story([9_000] * 15 + [5_000] * 12)
        for seq in range(17, len(more.bodies) + 1):
            self.desk.send(more, seq, seq)
        assert self.unexplained() == [self.alarm.id]

        assert not self.explain(action="").explained
        assert self.unexplained() == [self.alarm.id]

        explained = self.explain()
        assert explained.explained
        assert (explained.reason, explained.action, explained.explained_by) == (
            "door", "shut it", "li",
        )  # fmt: skip
        assert self.unexplained() == []
        self.explain()
        assert len(self.entries()) == 2
        assert rebuilt(self.desk) == projection(self.desk)

    def test_other_needs_words(self) -> None:
        """A reason that says nothing is none."""
        with pytest.raises(ValueError, match="needs words"):
            self.explain("other", text="  ")
        with pytest.raises(ValueError, match="'weather' is no reason; write one of door,"):
            self.explain("weather")
        assert self.explain("other", text="sun on the door").text == "sun on the door"

    def test_what_is_open_is_looked_at_again_after_a_rebuild(self) -> None:
        """And nothing else is."""
        rebuilt(self.desk)
        with read(self.desk.database) as conn:
            assert [tuple(row) for row in conn.execute(select(alarm_turns))] == [(self.alarm.id, 0)]
