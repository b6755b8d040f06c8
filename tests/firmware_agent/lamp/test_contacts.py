"""Contacts, buttons and pulses: what one look at a line is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_agent.lamp.debounce import Settled
from firmware_agent.lamp.pulse import Pulse
from firmware_agent.press import Press
from simulator.lamp_circuit import LampCircuit


def test_open_counts_at_once_and_shut_only_when_it_is_stable() -> None:
    """A bouncing contact gives a quick no and a late yes."""
    door = Settled(1_000)
    looks = [(0, True), (900, True), (950, False), (960, True), (1_900, True), (1_960, True)]

    assert [door.look(*look) for look in looks] == [False, False, False, False, False, True]
    assert door.look(1_961, False) is False
    assert door.look(1_962, True) is False


def test_unreadable_is_neither_and_begins_anew() -> None:
    """A yes from before a hole is worth nothing behind it."""
    door = Settled(1_000)
    door.look(0, True)

    assert door.look(2_000, True) is True
    assert door.look(2_100, None) is None
    assert door.look(2_200, True) is False
    assert door.look(3_200, True) is True


@given(st.lists(st.tuples(st.integers(0, 700), st.sampled_from([True, True, False, None]))))
def test_yes_means_every_look_was_yes_for_so_long(looks: list[tuple[int, bool | None]]) -> None:
    """Whatever the line did: a yes is never younger than the time it must last."""
    door, now, since = Settled(1_000), 0, None
    for after, level in looks:
        now += after
        since = (now if since is None else since) if level else None
        said = door.look(now, level)
        assert (said is True) == (since is not None and now - since >= 1_000)
        assert (said is None) == (level is None)


@pytest.mark.parametrize(
    ("held_ms", "meant"),
    [
        (20, None),  # a spark of the ballast
        (100, "short"),
        (2_999, "short"),
        (3_000, "long"),
        (9_999, "long"),
        (10_000, "very-long"),
        (30_000, None),  # something lies on it
    ],
)
def test_how_long_a_button_is_held_says_what_is_meant(held_ms: int, meant: str | None) -> None:
    """The press is told at once, its meaning on release."""
    button = Press()
    button.look(0, False)

    assert button.look(100, True) == "down"
    assert button.look(100 + held_ms // 2, True) is None
    assert button.look(100 + held_ms, False) == meant


def test_one_look_alone_is_a_spark_however_seldom_we_look() -> None:
    """The loops look each 50 and each 100 ms: longer than a bounce, and no proof of a finger."""
    button = Press()
    button.look(0, False)

    assert button.look(100, True) == "down", "a stop waits for no proof"
    assert not button.sure
    assert button.look(200, False) is None
    assert button.look(300, True) == "down"
    sure = []
    for now in (400, 500, 600):
        button.look(now, True)
        sure.append(button.sure)
    assert sure == [True, False, False], "once for a press"
    assert button.look(700, False) == "short"
    assert not button.sure


def test_a_button_that_was_down_before_we_came_means_nothing() -> None:
    """Nor does one whose line cannot be read."""
    button = Press()

    assert [button.look(now, level) for now, level in ((0, True), (500, False))] == [None, None]
    assert [button.look(now, level) for now, level in ((600, True), (900, None), (950, False))] == [
        "down", None, None,
    ]  # fmt: skip


def test_a_stuck_button_is_told() -> None:
    """Behind thirty seconds."""
    button = Press()
    button.look(0, False)
    button.look(1, True)
    button.look(30_000, True)
    assert not button.stuck(30_000)
    assert button.stuck(30_001)


def test_pulses_come_only_from_fresh_inputs() -> None:
    """A loop that hung between reading and writing feeds nothing."""
    pulse = Pulse()

    assert pulse.level(True, 10.0, 10.0) is True
    assert pulse.level(True, 10.1, 10.1) is False
    assert pulse.level(True, 10.2, 10.71) is False
    assert pulse.level(True, 10.8, 10.8) is True
    assert pulse.level(False, 10.9, 10.9) is False


def test_no_edge_follows_on_one_that_is_too_old() -> None:
    """The timer may have dropped: the lamp must not come back without a warning."""
    pulse = Pulse()
    pulse.level(True, 10.0, 10.0)
    pulse.level(True, 10.1, 10.1)

    assert not pulse.lapsed(11.0)
    assert pulse.lapsed(11.01)
    assert pulse.level(True, 11.01, 11.01) is False
    pulse.level(False, 11.1, 11.1)
    assert not pulse.lapsed(11.2)
    assert pulse.level(True, 11.3, 11.3) is True


@given(st.lists(st.floats(0.02, 1.6), min_size=1, max_size=60))
def test_the_shortest_timer_never_drops_behind_our_back(rounds: list[float]) -> None:
    """However long the rounds are: while pulses go on, the tube was never dark in between."""
    pulse, circuit, now, lapsed = Pulse(), LampCircuit(hold_s=1.2), 0.0, False
    circuit.look(now, relay=True, pulse=pulse.level(True, now, now), door_shut=True)
    for after in rounds:
        dark_before = not circuit.look(now + after, relay=True, pulse=circuit.high, door_shut=True)
        now += after
        lapsed = lapsed or pulse.lapsed(now)
        assert lapsed or not dark_before
        level = pulse.level(True, now, now)
        lit = circuit.look(now, relay=True, pulse=level, door_shut=True)
        assert not (lit and dark_before)


@given(
    rounds=st.lists(st.tuples(st.floats(0.02, 0.3), st.booleans()), min_size=1, max_size=80),
    stuck=st.booleans(),
)
def test_the_timer_drops_within_two_seconds_of_whatever_ends_the_pulses(
    rounds: list[tuple[float, bool]], stuck: bool
) -> None:
    """The process dies with relay and pulse line at any level: the tube is dark in time."""
    pulse, circuit, now = Pulse(), LampCircuit(), 0.0
    level = relay = False
    for after, relay in rounds:
        now += after
        level = pulse.level(relay, now, now)
        lit = circuit.look(now, relay=relay, pulse=level, door_shut=True)
        assert relay or not lit
    died = now
    while now < died + 4.0:
        now += 0.05
        # The kernel leaves the lines as they were, or high: the worst that there is.
        lit = circuit.look(now, relay=True, pulse=level or stuck, door_shut=True)
        assert not (lit and now > died + 2.0)


def test_pulses_of_a_healthy_loop_keep_the_timer_fed() -> None:
    """With rounds of 100 ms there is room for several lost edges."""
    pulse, circuit = Pulse(), LampCircuit(hold_s=1.2)
    for n in range(600):
        now = n * 0.1
        level = pulse.level(True, now, now)
        assert circuit.look(now, relay=True, pulse=level, door_shut=True)
