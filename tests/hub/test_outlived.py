"""Alarms that nothing would ever end: a card that was replaced, a rule that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import alarms
from hub.alarms import alarms_open
from hub.outlived import OutlivedWatch
from journal import journal
from journal.database import read, write
from tests.hub.test_alarms import projection, rebuilt
from tests.hub.test_notices import Desk, story
from tests.support.sender import MINUTE, RULES, START, Sender

DAY = 1_440


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A fridge that is too warm, and people who know."""
    made = Desk(tmp_path)
    sender = story([9_000] * 15)
    made.send(sender, 1, len(sender.bodies))
    assert len(made.texts()) == 3
    yield made
    made.history.close()


def look(desk: Desk, minute: float) -> int:
    """Let the watch look; return how many alarms are open then."""
    watch = OutlivedWatch()
    with write(desk.database) as conn:
        watch.round(conn, START + int(minute * MINUTE))
    watch.say()
    with read(desk.database) as conn:
        return len(alarms_open(conn))


def test_an_alarm_that_is_open_goes_on(desk: Desk) -> None:
    """However long it lasts."""
    assert look(desk, 30 * DAY) == 1


def test_a_new_stream_ends_what_the_old_one_left_open(desk: Desk) -> None:
    """An hour later; what is still wrong has opened anew by then, in the same alarm."""
    second = Sender("c" * 32)
    second.settings(20)
    second.reading(21, 5_000)
    desk.send(second, 1, 2)

    assert look(desk, 21 + 59) == 1
    assert look(desk, 21 + 60) == 0
    desk.now = START + 82 * MINUTE
    assert len(desk.texts()) == 3, "nobody knows that it has recovered, so nobody is told"
    with read(desk.database) as conn:
        (entry,) = journal.entries(conn, types="alarm.ended")
        assert alarms.unexplained(conn) != []
    assert entry.body["reason"] == "its stream was replaced by another"
    assert rebuilt(desk) == projection(desk)


def test_what_is_still_wrong_in_the_new_stream_keeps_it_open(desk: Desk) -> None:
    """The fridge is warm as before: one alarm, until it recovers."""
    second = Sender("c" * 32)
    second.settings(20)
    for minute in range(20, 40):
        second.reading(minute, 9_000)
    desk.send(second, 1, len(second.bodies))
    assert look(desk, 20 * DAY) == 1
    desk.texts()

    for minute in range(40, 52):
        second.reading(minute, 5_000)
    desk.send(second, 22, len(second.bodies))
    assert look(desk, 20 * DAY + 1) == 0
    assert [text for text in desk.texts() if "over" in text] == [
        f"{who}: over test/out" for who in ("li", "wang", "amy")
    ]


def test_a_rule_that_is_gone_ends_a_day_after_it_was_inside(desk: Desk) -> None:
    """It closed by its own rule, which is judged no more, and so never recovers."""
    sender = story([9_000] * 15)
    sender.settings(15, rules=[RULES[1]])
    for minute in range(16, 40):
        sender.reading(minute, 5_000)
    desk.send(sender, 17, len(sender.bodies))
    with read(desk.database) as conn:
        (one,) = alarms_open(conn)
    assert one.recovered_at is None

    assert look(desk, 39 + DAY - 1) == 1
    assert look(desk, 39 + DAY) == 0
