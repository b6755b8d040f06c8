"""What lights and buzzer do, as tables."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_agent.judging import Excursion
from firmware_agent.panel import PanelState, panel_state
from firmware_agent.signals import (
    LIGHT,
    SOUND,
    Mute,
    Pattern,
    Unsent,
    View,
    level,
    levels,
    sound,
    view,
)


def excursion(series: str = "f/c/temperature", side: str = "above", rule: str = "r") -> Excursion:
    """Return an open excursion."""
    id_ = f"{series} {side} {rule}"
    return Excursion(
        id_, id_, series, rule, side, "certain", 1_000, 1_005, None, 9_000, 7, tells=True
    )


def state(*open_: Excursion, problems: tuple[str, ...] = (), unsent: int = 0) -> PanelState:
    """Return the panel's state."""
    return panel_state({item.id: item for item in open_}, frozenset(), unsent, problems)


def strokes(pattern: Pattern) -> list[int]:
    """Return when within six seconds a pattern goes on."""
    on = [level(pattern, ms) for ms in range(0, 6_000, 50)]
    return [n * 50 for n in range(len(on)) if on[n] and (n == 0 or not on[n - 1])]


def test_each_state_has_a_rhythm_of_its_own() -> None:
    """One that cannot tell red from green counts the flashes: 2, 2, 6 and 12 in six seconds."""
    counts = {name: len(strokes(pattern)) for name, pattern in LIGHT.items()}
    lit = {
        name: sum(level(pattern, ms) for ms in range(0, 6_000, 50)) / 120
        for name, pattern in LIGHT.items()
    }

    assert counts == {"inside": 2, "unsent": 2, "fault": 6, "outside": 12}
    # The two with equal counts are a light that winks and a dark one that flashes.
    assert lit["inside"] > 0.85
    assert lit["unsent"] < 0.1
    for one, other in combinations(LIGHT, 2):
        assert LIGHT[one] != LIGHT[other]


@pytest.mark.parametrize("name", LIGHT)
def test_no_light_is_simply_on_or_off(name: str) -> None:
    """A light that does not change within three seconds has nobody behind it."""
    pattern = LIGHT[name]  # type: ignore[index]
    for begin in range(0, 6_000, 100):
        seen = {level(pattern, begin + ms) for ms in range(0, 3_000, 50)}
        assert seen == {True, False}


def test_an_excursion_is_heard_without_end_and_a_fault_twice_a_minute() -> None:
    """The ear tells them apart."""
    heard = {
        name: sum(level(pattern, ms) for ms in range(0, 60_000, 50)) / 1_200
        for name, pattern in SOUND.items()
    }
    assert heard["outside"] == 0.5
    assert heard["fault"] == pytest.approx(200 / 60_000, abs=0.001)


def test_times_are_followed_exactly() -> None:
    """On, off, and from the beginning again."""
    pattern = (100, 50)
    expected = [(0, True), (99, True), (100, False), (149, False), (150, True), (15_000_099, True)]
    assert [(ms, level(pattern, ms)) for ms, _ in expected] == expected


WARM, COLD = excursion(), excursion(side="below")
SILENT = excursion(side="silent")
OTHER = excursion("g/c/temperature")


@pytest.mark.parametrize(
    ("shown", "unsent", "stalled", "expected", "heard"),
    [
        (state(), False, False, {"inside"}, None),
        (state(), True, False, {"inside", "unsent"}, None),
        (state(WARM), False, False, {"outside"}, "outside"),
        (state(COLD), True, False, {"outside", "unsent"}, "outside"),
        (state(SILENT), False, False, {"fault"}, "fault"),
        (state(problems=("spool: full",)), False, False, {"fault"}, "fault"),
        (state(problems=("lamp lamp-1 warning: wipe",)), False, False, {"fault"}, None),
        (state(WARM, SILENT), False, False, {"outside", "fault"}, "outside"),
        (state(), False, True, {"fault"}, "fault"),
        (state(WARM), False, True, {"outside", "fault"}, "outside"),
    ],
)
def test_what_is_shown_and_heard(
    shown: PanelState, unsent: bool, stalled: bool, expected: set[str], heard: str | None
) -> None:
    """Nothing unknown is green, and an excursion is heard before everything."""
    seen = view(shown, unsent=unsent, stalled=stalled)

    assert seen.shown == expected
    assert sound(seen, Mute(), 0, chirp=True) == heard
    assert sound(seen, Mute(), 0, chirp=False) == (heard if heard == "outside" else None)


MUTED = Mute(600_000, frozenset({"f/c/temperature above"}))


@pytest.mark.parametrize(
    ("open_", "now_ms", "heard"),
    [
        ((WARM,), 0, None),
        ((WARM,), 599_999, None),
        ((WARM,), 600_000, "outside"),
        ((WARM, excursion(rule="later")), 300_000, None),  # the same fridge, ten minutes on
        ((WARM, OTHER), 300_000, "outside"),  # a second fridge
        ((COLD,), 300_000, "outside"),  # from too warm to too cold
        ((SILENT,), 300_000, None),
        ((SILENT,), 600_000, "fault"),
    ],
)
def test_the_mute_is_for_ten_minutes_and_for_what_was_heard(
    open_: tuple[Excursion, ...], now_ms: int, heard: str | None
) -> None:
    """What nobody has heard of sounds within the ten minutes."""
    seen = view(state(*open_), unsent=False, stalled=False)
    assert sound(seen, MUTED, now_ms, chirp=True) == heard


def test_each_colour_has_its_states_and_one_light_the_gravest() -> None:
    """At 100 ms every pattern is on."""
    seen = View(frozenset({"outside", "fault"}), frozenset({"a"}))
    assert levels(seen, "outside", 100, trying=False) == {
        "buzzer": True, "red": True, "yellow": True, "green": False, "light": True,
    }  # fmt: skip
    # At 300 ms the quick blinking is dark: `light` follows that, and not the fault.
    assert levels(seen, None, 300, trying=False)["light"] is False
    assert not any(levels(View(), None, 100, trying=False).values())
    assert all(levels(View(), None, 0, trying=True).values())


class TestUnsent:
    """From the count alone: does anything get through?"""

    @staticmethod
    def looks(counts: list[int], every_ms: int = 60_000) -> list[bool]:
        """Return the answers to counts, one a minute, told after ten minutes."""
        tracker = Unsent(600_000)
        return [tracker.look(n * every_ms, count) for n, count in enumerate(counts)]

    def test_a_cut_network(self) -> None:
        """Each minute a record more: told after ten minutes, and over when the hub answers."""
        answers = self.looks([*range(14), 0, 1])
        assert answers == [False] * 10 + [True] * 4 + [False, False]

    def test_a_hub_that_answers_in_time(self) -> None:
        """Each cycle makes eight and the hub takes eight: the count stands still."""
        assert not any(self.looks([0, *[8] * 60]))

    def test_a_hub_that_answers_one_cycle_later(self) -> None:
        """A single step up is not a cut."""
        assert not any(self.looks([8] * 20 + [16] * 30))

    @given(st.lists(st.integers(0, 20), min_size=1, max_size=80))
    def test_never_while_the_count_has_fallen_within_the_time(self, counts: list[int]) -> None:
        """A fall within the last ten minutes is a hub that answers."""
        for n, told in enumerate(self.looks(counts)):
            recent = counts[max(0, n - 9) : n + 1]
            if told:
                assert recent == sorted(recent)
                assert counts[n] > recent[0]
