"""When a scheduled cycle is due, across clock steps and the days on which the clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from firmware_agent.lamp.schedule import Timetable, due

LATE = 15 * 60_000


def table(*times: str, zone: str = "Asia/Shanghai", **changes: Any) -> Timetable:
    """Return a timetable."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return Timetable.of({"times": times, "days": days, "late_by": LATE} | changes, zone)


def utc(text: str) -> int:
    """Return milliseconds of an ISO time; UTC where it says nothing."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def keys(timetable: Timetable, now: str, done: tuple[str, ...] = (), since: int = 0) -> Any:
    """Return what begins and what was missed."""
    begins, missed = due(timetable, utc(now), since, done)
    return (begins.key if begins else None), [item.key for item in missed]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-25T12:29:59+08:00", None),
        ("2026-11-25T12:30:00+08:00", "2026-11-25T12:30"),
        ("2026-11-25T12:45:00+08:00", "2026-11-25T12:30"),
        ("2026-11-25T12:45:01+08:00", None),
    ],
)
def test_it_begins_at_its_time_and_no_later_than_it_may(now: str, expected: str | None) -> None:
    """On the clock of the site; behind the limit it is missed."""
    done = ("2026-11-24T12:30",)
    begins, missed = keys(table("12:30"), now, done)

    assert begins == expected
    assert missed == (["2026-11-25T12:30"] if now.endswith("12:45:01+08:00") else [])


def test_each_happens_once() -> None:
    """Also when the clock is set back over it."""
    assert keys(table("12:30"), "2026-11-25T12:30:00+08:00", ("2026-11-25T12:30",))[0] is None


def test_only_on_its_days() -> None:
    """2026-11-25 is a Wednesday."""
    assert keys(table("12:30", days=["thu"]), "2026-11-25T12:31+08:00") == (None, [])
    assert keys(table("12:30", days=["wed"]), "2026-11-25T12:31+08:00")[0] == "2026-11-25T12:30"


def test_the_hour_that_comes_twice_has_one_cycle() -> None:
    """Berlin, 2026-10-25: 02:30 comes at 00:30 and at 01:30 UTC; the first one counts."""
    berlin = table("02:30", zone="Europe/Berlin")
    done = ("2026-10-24T02:30",)
    assert keys(berlin, "2026-10-25T00:30", done)[0] == "2026-10-25T02:30"
    assert keys(berlin, "2026-10-25T01:30", (*done, "2026-10-25T02:30")) == (None, [])


def test_the_hour_that_is_left_out_has_its_cycle_all_the_same() -> None:
    """Berlin, 2026-03-29: 02:30 does not exist; the cycle begins at 01:30 UTC, which is 03:30."""
    berlin = table("02:30", zone="Europe/Berlin")
    done = ("2026-03-28T02:30",)
    assert keys(berlin, "2026-03-29T01:29:59", done)[0] is None
    assert keys(berlin, "2026-03-29T01:30", done)[0] == "2026-03-29T02:30"


def test_late_over_midnight() -> None:
    """A cycle of 23:55 may begin after midnight; it keeps the name of its day."""
    assert keys(table("23:55"), "2026-11-26T00:05+08:00")[0] == "2026-11-25T23:55"


def test_what_was_slept_through_is_told_once_and_not_made_up_for() -> None:
    """A Pi that comes back at night starts nothing that was due at noon."""
    since = utc("2026-11-20T00:00")
    begins, missed = keys(table("12:30", "20:00"), "2026-11-25T21:00+08:00", (), since)
    assert begins is None
    assert missed == [
        "2026-11-24T12:30", "2026-11-24T20:00", "2026-11-25T12:30", "2026-11-25T20:00",
    ]  # fmt: skip


def test_a_new_timetable_misses_nothing_of_the_past() -> None:
    """What was due before it was written was never promised."""
    since = utc("2026-11-25T14:00+08:00")
    assert keys(table("12:30"), "2026-11-25T14:00+08:00", (), since) == (None, [])


def test_of_two_that_are_due_at_once_the_later_stands_for_both() -> None:
    """The room gets one cycle."""
    done = ("2026-11-24T12:30", "2026-11-24T12:35")
    assert keys(table("12:30", "12:35"), "2026-11-25T12:36+08:00", done) == (
        "2026-11-25T12:35", ["2026-11-25T12:30"],
    )  # fmt: skip
