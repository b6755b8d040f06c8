"""The duty roster: who a role is at an instant, across midnights, weeks and changes of the clock."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.escalation import Step
from alerts.roster import next_to_tell, people_of, people_of_step
from config.escalation import DAYS, Duty

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def line(role: str, person: str, **more: Any) -> Duty:
    """A line of a roster."""
    return Duty.model_validate({"role": role, "person": person} | more)


ROSTER = [
    line("pharmacist", "li", **{"from": "08:00"}, until="20:00"),
    line("pharmacist", "wang", **{"from": "20:00"}, until="08:00", stand_in="zhao"),
    line("nurse", "amy", days=["sat", "sun"]),
]
POLICY = (Step(0, ("pharmacist", "nurse")), Step(900_000, ("manager", "li")))


def ms(text: str, zone: ZoneInfo = SHANGHAI, fold: int = 0) -> int:
    """Return UTC milliseconds of a local time."""
    local = dt.datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return int(local.timestamp() * 1000)


@pytest.mark.parametrize(
    ("when", "people"),
    [
        ("2025-11-21T07:59:59", ["wang"]),
        ("2025-11-21T08:00", ["li"]),
        ("2025-11-21T19:59", ["li"]),
        ("2025-11-21T20:00", ["wang"]),
        ("2025-11-22T00:00", ["wang", "amy"]),
        ("2025-11-23T23:59", ["wang", "amy"]),
        ("2025-11-24T00:00", ["wang"]),
    ],
)
def test_who_has_a_role(when: str, people: list[str]) -> None:
    """By day and night, and the nurse at the weekend, by the clock on the site's wall."""
    assert people_of(["pharmacist", "nurse"], ROSTER, ms(when), SHANGHAI) == people


def test_duties_may_change_at_half_past() -> None:
    """To the minute."""
    roster = [line("doctor", "eva", **{"from": "08:30"}, until="17:45")]
    when = {"08:29": [], "08:30": ["eva"], "08:40": ["eva"], "17:44": ["eva"], "17:45": []}

    found = {
        each: people_of(["doctor"], roster, ms(f"2025-11-21T{each}"), SHANGHAI) for each in when
    }
    assert found == when


def test_people_may_be_named_beside_roles() -> None:
    """Each is told once, in the order in which they are named."""
    assert people_of(["li", "pharmacist", "amy"], ROSTER, ms("2025-11-21T09:00"), SHANGHAI) == [
        "li", "amy",
    ]  # fmt: skip


def test_where_the_clock_goes_back_a_night_is_an_hour_longer() -> None:
    """02:30 comes twice, and both times the same person has the night."""
    night = [
        line("doctor", "eva", **{"from": "22:00"}, until="02:45"),
        line("doctor", "max", **{"from": "02:45"}, until="22:00"),
    ]
    first, second = (ms("2025-10-26T02:30", BERLIN, fold) for fold in (0, 1))

    assert second - first == 3_600_000
    assert people_of(["doctor"], night, first, BERLIN) == ["eva"]
    assert people_of(["doctor"], night, second, BERLIN) == ["eva"]


def test_where_the_clock_jumps_nobody_is_missing() -> None:
    """A duty that begins in the hour that there is not, is in force from the jump on."""
    night = [
        line("doctor", "eva", **{"from": "22:00"}, until="02:30"),
        line("doctor", "max", **{"from": "02:30"}, until="22:00"),
    ]
    jump = ms("2026-03-29T03:00", BERLIN)

    assert people_of(["doctor"], night, jump - 1, BERLIN) == ["eva"]
    assert people_of(["doctor"], night, jump, BERLIN) == ["max"]


@given(st.integers(1_700_000_000_000, 1_900_000_000_000), st.integers(0, 23), st.integers(0, 23))
def test_two_who_share_the_day_leave_no_gap(at: int, begin: int, until: int) -> None:
    """At any instant, in any zone, exactly one of the two has the role."""
    roster = [
        line("doctor", "eva", **{"from": f"{begin:02d}:00"}, until=f"{until:02d}:00"),
        line("doctor", "max", **{"from": f"{until:02d}:00"}, until=f"{begin:02d}:00"),
    ]
    for zone in (SHANGHAI, BERLIN, ZoneInfo("America/Caracas")):
        found = people_of(["doctor"], roster, at, zone)
        assert found == (["eva", "max"] if begin == until else [found[0]])


def test_nobody_on_duty_means_the_next_role() -> None:
    """And where there is no next one, nobody is found: the caller has somebody else."""
    by_day = [line("pharmacist", "li", **{"from": "08:00"}, until="20:00"), line("manager", "zhao")]
    policy = (Step(0, ("pharmacist",)), Step(900_000, ("manager",)))
    night, day = ms("2025-11-21T03:00"), ms("2025-11-21T09:00")

    assert people_of_step(policy, 0, by_day, day, SHANGHAI) == ["li"]
    assert people_of_step(policy, 0, by_day, night, SHANGHAI) == ["zhao"]
    assert people_of_step(policy[:1], 0, by_day, night, SHANGHAI) == []


def test_who_cannot_be_reached_is_followed_by_somebody_who_was_not_told() -> None:
    """The stand-in, the rest of the step from there on, the next steps; each only once."""
    night = ms("2025-11-22T21:00")
    roster = [*ROSTER, line("manager", "chen")]

    def then(person: str, *told: str) -> str | None:
        return after(POLICY, roster, person, [*told], night)

    assert then("wang", "wang") == "zhao"
    assert then("wang", "wang", "zhao") == "amy"
    assert then("amy", "wang", "amy") == "chen"
    assert then("wang", "wang", "amy", "zhao") == "chen"
    assert then("wang", "wang", "amy", "zhao", "chen") == "li"
    assert then("wang", "wang", "amy", "zhao", "chen", "li") is None
    assert then("nobody", "wang") == "amy"


def after(
    policy: tuple[Step, ...],
    roster: list[Duty],
    person: str,
    told: list[str],
    at: int = 0,
    zone: ZoneInfo = SHANGHAI,
) -> str | None:
    """Return who is told instead of a person."""
    return next_to_tell(policy, roster, at, zone, unreachable=person, told=frozenset(told))


def test_the_rest_of_a_step_begins_behind_who_cannot_be_reached() -> None:
    """Then those before, then each of the steps behind, in order; nobody of an earlier step."""
    policy = (Step(0, ("li", "wang", "amy")), Step(1, ("zhao",)), Step(2, ("chen", "guo")))

    def order(person: str) -> list[str]:
        told = [person]
        while (found := after(policy, [], person, told)) is not None:
            assert found not in told
            told.append(found)
        return told[1:]

    assert order("wang") == ["amy", "li", "zhao", "chen", "guo"]
    assert order("li") == ["wang", "amy", "zhao", "chen", "guo"]
    assert order("zhao") == ["chen", "guo"]
    assert order("guo") == ["chen"]


def test_the_stand_in_of_the_duty_that_is_in_force_comes_first() -> None:
    """Of the night's in the night of the site, wherever the hub stands; the other is next."""
    roster = [
        line("pharmacist", "li", **{"from": "08:00"}, until="20:00", stand_in="wang"),
        line("pharmacist", "li", **{"from": "20:00"}, until="08:00", stand_in="zhao"),
    ]
    policy = (Step(0, ("pharmacist",)),)
    noon_in_shanghai = ms("2025-11-21T12:00")
    caracas = ZoneInfo("America/Caracas")

    assert after(policy, roster, "li", ["li"], noon_in_shanghai) == "wang"
    assert after(policy, roster, "li", ["li"], noon_in_shanghai, caracas) == "zhao"
    assert after(policy, roster, "li", ["li", "zhao"], noon_in_shanghai, caracas) == "wang"


def test_who_is_off_duty_by_now_has_a_stand_in_still() -> None:
    """An SMS of the evening that turns out lost in the morning; then whoever is on duty."""
    policy = (Step(0, ("pharmacist",)),)
    morning = ms("2025-11-22T08:30")

    assert after(policy, ROSTER, "wang", ["wang"], morning) == "zhao"
    assert after(policy, ROSTER, "wang", ["wang", "zhao"], morning) == "li"


def test_days_are_seven() -> None:
    """As Python counts weekdays."""
    assert DAYS[dt.date(2025, 11, 24).weekday()] == "mon"
