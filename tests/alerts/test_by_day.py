"""What can wait for the day, and when it is told then."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from alerts.by_day import by_day, waits
from alerts.escalation import AlarmFacts, Answer, Opening, Policy, Span, Step

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = 60_000
COUNTY: Policy = (
    Step(5 * MINUTE, ("pharmacist",), repeat_ms=10 * MINUTE),
    Step(15 * MINUTE, ("manager",)),
)
ID = "a" * 16


def at(day: int, clock: str) -> int:
    """Return an instant of a day in March on the site's wall."""
    hour, minute = clock.split(":")
    return int(dt.datetime(2026, 3, day, int(hour), int(minute), tzinfo=ZONE).timestamp() * 1000)


def told(facts: AlarmFacts, *, silent: bool = False) -> list[tuple[int, str, tuple[int, ...]]]:
    """Return instant, happening and steps of all that is due within a week."""
    found = by_day(COUNTY, facts, ZONE, facts.opened_at + 7 * 86_400_000, silent=silent)
    return [(each.at, each.happening, each.steps) for each in found.due]


@pytest.mark.parametrize(
    ("kind", "quantity", "side", "can"),
    [
        ("calibration", "temperature", "calibration", True),
        ("lamp", "wipe_due", "silent", True),
        ("lamp", "lamp_dark", "silent", True),
        ("lamp", "relay_welded", "silent", False),
        ("stuck", "temperature", "stuck", True),
        ("consecutive", "card_worn", "above", True),
        ("consecutive", "disk_free", "below", True),
        ("consecutive", "memory_free", "below", True),
        ("consecutive", "clock_synced", "below", True),
        ("cumulative", "undervoltage", "above", True),
        ("cumulative", "throttled", "above", True),
        ("silence", "present", "silent", True),
        ("silence", "open", "silent", True),
        ("silence", "temperature", "silent", False),
        ("consecutive", "present", "below", False),
        ("consecutive", "open", "above", False),
        ("consecutive", "charge", "below", False),
        ("consecutive", "voltage", "below", False),
        ("disagreement", "temperature", "apart", False),
        ("consecutive", "temperature", "above", False),
        ("lost-contact", "", "silent", False),
        ("misplaced", "", "misplaced", False),
    ],
)
def test_what_can_wait_is_what_harms_no_vaccine_and_no_person(
    kind: str, quantity: str, side: str, can: bool
) -> None:
    """A battery, two probes that disagree and lost mains are told at once."""
    assert waits(kind, quantity, side) is can


@pytest.mark.parametrize(
    ("opened", "heard"),
    [
        (at(2, "08:00"), at(2, "08:00")),
        (at(2, "17:59"), at(2, "17:59")),
        (at(2, "18:00"), at(3, "08:00")),
        (at(2, "23:59"), at(3, "08:00")),
        (at(3, "00:00"), at(3, "08:00")),
        (at(3, "07:59"), at(3, "08:00")),
    ],
)
def test_the_first_step_hears_once_by_day(opened: int, heard: int) -> None:
    """At once by day, in the morning of what began by night; no second step and no repeat."""
    assert told(AlarmFacts(ID, opened)) == [(heard, "opened", (0,))]


def test_before_the_morning_nobody_hears_and_the_morning_is_when_to_look() -> None:
    """The hub is told when to look again."""
    found = by_day(COUNTY, AlarmFacts(ID, at(2, "02:00")), ZONE, at(2, "07:59"))

    assert (found.due, found.next_at) == ((), at(2, "08:00"))
    again = by_day(COUNTY, AlarmFacts(ID, at(2, "02:00")), ZONE, at(2, "08:00"))
    assert [each.at for each in again.due] == [at(2, "08:00")]


def test_what_is_over_before_the_morning_is_told_to_nobody() -> None:
    """Recovered, or closed and not heard of again."""
    night, morning = at(2, "02:00"), at(2, "08:00")

    assert told(AlarmFacts(ID, night, recovered_at=morning - 1)) == []
    assert told(AlarmFacts(ID, night, inside=(Span(morning - 1, None),))) == []
    assert len(told(AlarmFacts(ID, night, recovered_at=morning + 1))) == 1


def test_what_closed_for_the_morning_and_opens_again_is_told_then() -> None:
    """By day as soon as it is open; where that is by night, in the next morning."""
    night = at(2, "02:00")
    by_noon = AlarmFacts(ID, night, inside=(Span(at(2, "07:00"), at(2, "12:00")),))
    by_night = AlarmFacts(ID, night, inside=(Span(at(2, "07:00"), at(2, "19:00")),))

    assert told(by_noon) == [(at(2, "12:00"), "opened", (0,))]
    assert told(by_night) == [(at(3, "08:00"), "opened", (0,))]


def test_a_contact_that_was_silent_without_power_alone_is_told_to_nobody() -> None:
    """It is over as soon as it is learned; anything else is told late."""
    noon = at(2, "12:00")
    over = AlarmFacts(ID, noon, late_ms=2 * 3_600_000, inside=(Span(noon, None),))

    assert told(over, silent=True) == []
    assert told(over) == [(noon, "opened", (0,))]


def test_an_answer_starts_no_half_hour() -> None:
    """There is no repeat to stop, and nobody is told half an hour later that it still is so."""
    noon = at(2, "12:00")
    answer = Answer(noon + MINUTE, 30 * MINUTE)

    assert told(AlarmFacts(ID, noon, answers=(answer,))) == [(noon, "opened", (0,))]


def test_a_second_one_in_the_same_alarm_waits_for_the_morning_too() -> None:
    """A second probe of the fridge that stands still by night."""
    facts = AlarmFacts(ID, at(2, "12:00"), openings=(Opening("b" * 16, at(3, "02:00")),))

    assert told(facts) == [(at(2, "12:00"), "opened", (0,)), (at(3, "08:00"), "opened", (0,))]
