"""The lamp is off unless everything says that it may be on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_agent.lamp.facts import Inputs, Limits, Measured, Request, State
from firmware_agent.lamp.machine import hindrance, step
from tests.firmware_agent.lamp.scenes import GOOD, LIMITS, STOP, Scene, start

# Every interlock: what is seen, and what is said of it.
INTERLOCKS: list[tuple[str, dict[str, Any], str]] = [
    ("door opens", {"closed": False}, "door-open"),
    ("door line unreadable", {"closed": None}, "door-unreadable"),
    ("somebody there", {"empty": False, "seen": True}, "somebody-there"),
    ("not yet empty for long enough", {"empty": False}, "somebody-there"),
    ("presence line unreadable", {"empty": None}, "presence-unreadable"),
    ("mains fail", {"mains": False}, "no-mains"),
    ("mains line unreadable", {"mains": None}, "mains-unreadable"),
    ("a loop stands still", {"moving": False}, "agent-stalled"),
    ("lines do not take what is written", {"writable": False}, "lines-unwritable"),
    ("agent ends", {"stopping": True}, "agent-stops"),
]


@pytest.mark.parametrize(
    ("change", "why"), [row[1:] for row in INTERLOCKS], ids=[row[0] for row in INTERLOCKS]
)
class TestEveryInterlock:
    """One condition that fails is enough, whenever it fails."""

    def test_stops_at_once(self, change: dict[str, Any], why: str) -> None:
        """In the very step in which it is seen; the cycle is recorded as cut short by it."""
        scene = Scene().lit()

        assert not scene.step(replace(GOOD, **change)).relay
        (cycle,) = scene.facts("cycle")
        assert (cycle["cut"], cycle["by"]) == (why, "button")
        assert cycle["lasted_ms"] == 1_100

    def test_it_stays_off_when_all_is_well_again(self, change: dict[str, Any], why: str) -> None:
        """A cut cycle is over: nobody is surprised by a lamp that goes on again."""
        scene = Scene().lit()
        scene.step(replace(GOOD, **change))

        scene.run(300_000)
        assert not any(item.what == "begun" for item in scene.said[2:])
        assert scene.state.phase == "off"

    def test_ends_the_warning(self, change: dict[str, Any], why: str) -> None:
        """While it is announced it is given up as well."""
        scene = Scene()
        scene.step(GOOD, start())
        scene.run(29_000)
        assert scene.outcome.beacon
        scene.step(replace(GOOD, **change))

        assert not scene.run(60_000).relay
        assert [item["why"] for item in scene.facts("refused")] == [why]

    def test_refuses_a_start(self, change: dict[str, Any], why: str) -> None:
        """Not even a warning begins; the refusal says why."""
        scene = Scene()
        outcome = scene.step(replace(GOOD, **change), start())

        assert not outcome.beacon
        assert scene.facts("refused") == [{"by": "button", "name": "", "why": why}]


CURRENT = replace(LIMITS, has_current=True)


def flows(at: int) -> Inputs:
    """All is well, and current flows."""
    return replace(GOOD, current=Measured(1, at))


def dark(at: int) -> Inputs:
    """All is well, and no current flows."""
    return replace(GOOD, current=Measured(0, at))


class TestCurrent:
    """The current proves that the relay obeys."""

    def lit(self) -> Scene:
        """Bring the lamp on, its current measured."""
        scene = Scene(CURRENT)
        scene.step(dark(1_000), start())
        for _ in range(31):
            scene.step(dark(scene.now), after_ms=1_000)
        assert scene.outcome.relay
        return scene

    def test_none_while_on_ends_the_cycle_and_stays(self) -> None:
        """A dark tube disinfects nothing; a person must look before the next cycle."""
        scene = self.lit()
        began = scene.state.since_ms
        assert scene.step(dark(began + 14_999), after_ms=15_000).relay
        assert not scene.step(dark(began + 15_000)).relay
        assert scene.facts("cycle")[0]["cut"] == "lamp-dark"
        for _ in range(200):
            scene.step(dark(scene.now), after_ms=1_000)
        scene.step(dark(scene.now), start())
        assert scene.facts("refused")[-1]["why"] == "lamp-dark"

        scene.step(dark(scene.now), Request("reset", "button"))
        scene.step(dark(scene.now), start())
        assert scene.outcome.beacon

    def test_a_sample_from_before_switching_proves_nothing(self) -> None:
        """The old zero is not taken for a dark tube."""
        scene = self.lit()
        assert scene.step(dark(scene.state.since_ms - 1), after_ms=20_000).relay

    def test_flowing_while_off_is_a_welded_relay(self) -> None:
        """It cannot be switched off: the beacon warns, nothing starts, resetting does not hide it."""
        scene = self.lit()
        scene.step(flows(scene.now), STOP)
        assert not scene.outcome.relay
        off = scene.state.off_ms
        scene.step(flows(off + 14_999), after_ms=15_000)
        assert scene.facts("fault") == []
        scene.step(flows(off + 15_000))

        assert scene.facts("fault") == [{"fault": "relay-welded", "phase": "cooling"}]
        assert scene.outcome.beacon
        assert scene.outcome.sounder
        scene.step(flows(scene.now), Request("reset", "button"))
        scene.step(flows(scene.now), start())
        assert scene.facts("refused")[-1]["why"] == "relay-welded"
        scene.step(dark(scene.now), after_ms=100_000)
        scene.step(dark(scene.now), start())
        assert scene.facts("refused")[-1]["why"] == "relay-welded"
        scene.step(dark(scene.now), Request("reset", "button"))
        scene.step(dark(scene.now), start())
        assert scene.outcome.beacon

    def test_unknown_is_no_start_and_an_end(self) -> None:
        """Where it is to be measured and is not, the lamp is off."""
        scene = Scene(CURRENT)
        scene.step(GOOD, start())
        assert scene.facts("refused")[-1]["why"] == "current-unreadable"
        assert scene.facts("fault") == []  # the first sample takes a while
        scene.run(61_000)
        assert scene.facts("fault") == [{"fault": "current-unreadable", "phase": "off"}]
        scene = self.lit()
        assert not scene.step(GOOD).relay
        assert scene.facts("cycle")[0]["cut"] == "current-unreadable"


class TestPresenceSensor:
    """A sensor that says nothing new is not believed for ever."""

    def test_somebody_without_end_is_a_stuck_sensor(self) -> None:
        """It stops the lamp anyway; after a day people are told why no cycle runs."""
        scene = Scene()
        there = replace(GOOD, empty=False, seen=True)
        scene.run(24 * 3_600_000, there, 60_000)
        assert scene.facts("fault") == []
        scene.run(120_000, there, 60_000)
        assert scene.facts("fault") == [{"fault": "presence-stuck", "phase": "off"}]

    def test_doors_without_anybody_are_a_blind_sensor(self) -> None:
        """Three openings and nobody seen: no cycle, until it sees somebody."""
        scene = Scene()
        opened = replace(GOOD, closed=False)
        scene.step(GOOD)
        for _ in range(2):
            scene.step(opened)
            scene.step(GOOD)
        scene.step(GOOD, start())
        assert scene.outcome.beacon
        scene.step(opened)
        scene.step(GOOD)
        scene.step(GOOD, start())
        assert scene.facts("refused")[-1]["why"] == "presence-blind"
        scene.step(replace(GOOD, empty=False, seen=True))
        scene.step(GOOD, start())
        assert scene.outcome.beacon

    def test_without_a_sensor_nothing_is_counted(self) -> None:
        """`presence = "none"` is a person's decision and no fault."""
        scene = Scene(replace(LIMITS, has_presence=False))
        for _ in range(9):
            scene.step(replace(GOOD, closed=False))
            scene.step(GOOD)
        assert scene.facts("fault") == []


class TestCycle:
    """From the request to the record."""

    def test_warns_first_and_ends_by_itself(self) -> None:
        """Light and buzzer, then the lamp for the minutes asked, then it cools."""
        scene = Scene()
        scene.step(GOOD, start(minutes=2, name="li"))
        assert (scene.outcome.beacon, scene.outcome.sounder, scene.outcome.relay) == (
            True, True, False,
        )  # fmt: skip
        assert not scene.run(29_900, every_ms=100).relay
        assert scene.step(after_ms=100).relay
        assert not scene.outcome.sounder
        assert scene.run(119_000).relay
        assert not scene.step(after_ms=1_000).relay
        assert scene.facts("cycle") == [
            {"by": "button", "name": "li", "planned_minutes": 2, "lasted_ms": 120_000, "cut": ""}
        ]
        scene.step(GOOD, start())
        assert scene.facts("refused")[-1]["why"] == "cooling"
        scene.run(60_000)
        assert scene.state.phase == "off"

    def test_no_cycle_is_longer_than_the_limit(self) -> None:
        """Neither by asking nor by any other way."""
        scene = Scene()
        scene.step(GOOD, start(minutes=121))
        assert scene.facts("refused")[-1]["why"] == "too-long"
        scene.step(GOOD, start(minutes=0))
        assert scene.facts("refused")[-1]["why"] == "too-long"

    def test_a_late_request_starts_nothing(self) -> None:
        """A command that was kept somewhere for hours is void."""
        scene = Scene()
        scene.step(GOOD, start("command", until_ms=scene.now))
        assert scene.facts("refused")[-1]["why"] == "late"

    def test_stop_wins_over_a_start_beside_it(self) -> None:
        """Whatever the order in which they came."""
        for asked in ((STOP, start()), (start(), STOP)):
            scene = Scene().lit()
            scene.step(GOOD, *asked)
            assert scene.facts("cycle")[0] | {"lasted_ms": 0} == {
                "by": "button", "name": "", "planned_minutes": 30, "lasted_ms": 0,
                "cut": "stopped", "stopped_by": "page", "stopped_name": "li",
            }  # fmt: skip
            assert not scene.run(300_000).relay
            assert scene.facts("refused")[-1]["why"] == "stopped"

    def test_a_second_start_changes_nothing(self) -> None:
        """It is refused, and the cycle goes on as it was planned."""
        scene = Scene().lit()
        assert scene.step(GOOD, start(minutes=60)).relay
        assert scene.facts("refused")[-1]["why"] == "running"

    def test_intensity_is_taken_behind_the_warm_up(self) -> None:
        """The least and the mean; what comes before five minutes is not the tube's."""
        scene = Scene().lit()
        on = scene.state.since_ms
        for minute, value in ((1, 10_000), (5, 80_000), (6, 90_001), (7, 100_000)):
            sample = Measured(value, on + minute * 60_000)
            scene.step(replace(GOOD, intensities=(sample,)))
        scene.step(GOOD, STOP)
        (cycle,) = scene.facts("cycle")
        assert (cycle["intensity_min"], cycle["intensity_mean"]) == (80_000, 90_000)

    def test_what_people_do_is_noted(self) -> None:
        """Wiping, a new tube and a look at the faults are records with the name."""
        scene = Scene()
        for order in ("wiped", "replaced", "reset"):
            scene.step(GOOD, Request(order, "page", "li"))  # type: ignore[arg-type]
            assert scene.facts(order) == [{"by": "page", "name": "li"}]

    def test_a_loose_contact_does_not_fill_the_journal(self) -> None:
        """One fault is told once in ten minutes, however often it comes."""
        scene = Scene()
        for _ in range(100):
            scene.step(replace(GOOD, closed=None))
            scene.step(GOOD)
        assert len(scene.facts("fault")) == 1
        scene.run(600_000)
        scene.step(replace(GOOD, closed=None))
        assert len(scene.facts("fault")) == 2


class TestScheduled:
    """A scheduled start waits for its moment, and not for ever."""

    def test_it_waits_for_door_and_people(self) -> None:
        """Whoever is still there at eight delays it; each change is asked anew."""
        scene = Scene()
        there = replace(GOOD, empty=False, seen=True)
        scene.step(there, start("schedule", until_ms=scene.now + 900_000, name="key"))
        scene.run(120_000, there)
        assert scene.facts("refused") == []
        scene.run(10_000)
        assert scene.outcome.beacon
        scene.step(there)
        assert not scene.run(60_000, there).beacon
        assert scene.run(31_000).relay
        assert scene.facts("begun")[0]["name"] == "key"

    def test_it_is_given_up_when_it_is_too_late(self) -> None:
        """And says what hindered it."""
        scene = Scene()
        opened = replace(GOOD, closed=False)
        scene.step(opened, start("schedule", until_ms=scene.now + 900_000, name="key"))
        scene.run(901_000, opened)
        assert scene.facts("refused") == [{"by": "schedule", "name": "key", "why": "door-open"}]
        assert not scene.run(120_000).beacon

    def test_a_person_who_starts_it_takes_its_place(self) -> None:
        """The room does not get two cycles."""
        scene = Scene()
        scene.step(replace(GOOD, closed=False), start("schedule", until_ms=10**8, name="key"))
        scene.state = replace(scene.state, waiting=start("schedule", until_ms=10**8, name="key"))
        scene.step(GOOD, start())
        assert scene.state.waiting is None
        assert scene.facts("refused") == [{"by": "schedule", "name": "key", "why": "running"}]

    def test_a_stop_ends_the_waiting(self) -> None:
        """Whoever says stop means all of it."""
        scene = Scene()
        scene.step(replace(GOOD, closed=False), start("schedule", name="key"))
        scene.step(GOOD, STOP)
        assert not scene.run(120_000).beacon
        assert scene.facts("refused")[-1]["why"] == "stopped"


def measured() -> st.SearchStrategy[Measured | None]:
    """Return samples of the current, old and new."""
    return st.none() | st.builds(Measured, st.integers(0, 1), st.integers(0, 3_000_000))


INPUTS = st.builds(
    Inputs,
    # Mostly good, or no sequence would ever reach the lamp.
    closed=st.sampled_from([True] * 12 + [False, None]),
    empty=st.sampled_from([True] * 12 + [False, None]),
    seen=st.sampled_from([False] * 12 + [True]),
    mains=st.sampled_from([True] * 12 + [False, None]),
    current=measured(),
    moving=st.sampled_from([True] * 12 + [False]),
    writable=st.sampled_from([True] * 30 + [False]),
    stopping=st.sampled_from([False] * 30 + [True]),
)
REQUESTS = st.lists(
    st.builds(
        Request,
        st.sampled_from(["start", "start", "start", "stop", "wiped", "replaced", "reset"]),
        st.sampled_from(["schedule", "button", "page", "command"]),
        st.just(""),
        st.integers(-1, 40),
        st.integers(0, 4_000_000),
    ),
    max_size=2,
)
STEPS = st.lists(
    st.tuples(INPUTS, REQUESTS, st.sampled_from([0, 100, 1_000, 5_000, 20_000])), max_size=60
)


def may_be_on(limits: Limits, inputs: Inputs) -> bool:
    """Say it again, independently of the machine: everything that must be true."""
    return (
        inputs.closed is True
        and inputs.empty is True
        and inputs.mains is True
        and inputs.moving
        and inputs.writable
        and not inputs.stopping
        and (inputs.current is not None or not limits.has_current)
    )


@settings(max_examples=250, deadline=None)
@given(STEPS, st.booleans())
def test_no_sequence_leaves_the_relay_on_when_one_condition_fails(
    steps: list[tuple[Inputs, list[Request], int]], has_current: bool
) -> None:
    """Whatever happened before: on means that all is well now, was announced, and will end."""
    limits = replace(
        LIMITS, warning_ms=5_000, cool_ms=1_000, most_ms=20 * 60_000, has_current=has_current
    )
    now = 1_000
    state = State.begin(now)
    good_since: int | None = None
    on_since: int | None = None
    for inputs, requests, after in steps:
        now += after
        state, outcome = step(limits, state, inputs, requests, now)
        good = may_be_on(limits, inputs)
        if outcome.relay:
            assert good
            assert hindrance(state, inputs) is None
            assert not state.faults
            assert outcome.beacon
            assert not any(request.order == "stop" for request in requests)
            on_since = now if on_since is None else on_since
            assert now - on_since < limits.most_ms
            # All conditions held without a break for the whole warning.
            assert good_since is not None
            assert now - good_since >= limits.warning_ms
        else:
            on_since = None
        if not good:
            good_since = None
        elif good_since is None:
            good_since = now
        assert outcome.relay == (state.phase == "on")


def test_the_property_test_does_reach_the_lamp() -> None:
    """A sequence as it draws them lights the lamp: the property is not empty."""
    limits = replace(LIMITS, warning_ms=5_000)
    state, outcome = step(limits, State.begin(0), GOOD, [start(minutes=5)], 100)
    for now in range(200, 6_000, 100):
        state, outcome = step(limits, state, GOOD, [], now)
    assert outcome.relay
