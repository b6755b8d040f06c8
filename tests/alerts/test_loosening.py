"""Loosening is whatever can make an alarm later: against an engine that is run on both rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.rules import OF_VALUES, Kind, Rule
from config.loosening import gap_too_long, gone, looser
from tests.alerts.story import MINUTE, Story

DOOR = "fridge-1/door/open"
# On, just beside and far outside of every limit that the rules below may have.
VALUES = (-3.0, -0.501, -0.5, -0.499, 1.999, 2.0, 2.001, 5.0, 7.999, 8.0, 8.001, 9.0, 9.001, 12.0)
LAST = 45
# Minutes of outside and of inside in turn; every so many minutes a reading.
PATTERNS: tuple[tuple[int, int, int], ...] = ((LAST, 0, 1), (3, 2, 1), (1, 6, 1), (LAST, 0, 5))


@cache
def _openings(rule: Rule) -> tuple[int | None, ...]:
    """Return when a rule opens in each of the runs, None for never: the brute force."""
    found = []
    for value in VALUES:
        for outside, inside, step in PATTERNS:
            story = Story(rule)
            story.read(0, 5.0)
            for minute in range(1, LAST, step):
                there = (minute - 1) % (outside + inside) < outside
                story.read(minute, value if there else 5.0)
            found.append(_first(story))
    quiet = Story(rule)
    quiet.read(0, 5.0)
    for minute in range(1, LAST):
        quiet.read(minute, 0, series=DOOR)
    return (*found, _first(quiet))


def _first(story: Story) -> int | None:
    opened = [each.opened for each in story.decisions if each.happening == "opened"]
    return min(opened, default=None)


def _earliest(rules: Sequence[Rule]) -> list[float]:
    if not rules:
        return [float("inf")] * (len(VALUES) * len(PATTERNS) + 1)
    every = [_openings(rule) for rule in rules]
    return [
        min(float("inf") if at is None else at for at in run) for run in zip(*every, strict=True)
    ]


def is_later(before: Sequence[Rule], after: Sequence[Rule]) -> bool:
    """Whether in any run people are told, or batches held, later than before, or never."""
    return any(
        now > was
        for what in ("tells", "holds")
        for was, now in zip(
            _earliest([rule for rule in before if getattr(rule, what)]),
            _earliest([rule for rule in after if getattr(rule, what)]),
            strict=True,
        )
    )


def is_called_looser(before: Sequence[Rule], after: Sequence[Rule]) -> bool:
    """Whether the one place says so."""
    theirs = {rule.id: rule for rule in after}
    same = (looser(rule, theirs[rule.id]) for rule in before if rule.id in theirs)
    return any(same) or next(gone(before, after), None) is not None


_UPPER = st.sampled_from([{}, {"above": 8000}, {"at_or_above": 8000}, {"above": 9000}])
_LOWER = st.sampled_from([{}, {"below": 2000}, {"at_or_below": 2000}, {"at_or_below": -500}])
_BOTH = st.builds(lambda up, low: up | low, _UPPER, _LOWER).filter(bool)
KINDS: tuple[Kind, ...] = ("consecutive", "cumulative", "instant", "silence")


@st.composite
def a_rule(draw: st.DrawFn, id_: str, kind: Kind | None = None) -> Rule:
    """A rule of a small site."""
    kind = kind or draw(st.sampled_from(KINDS))
    fields: dict[str, Any] = draw(_BOTH) if kind in OF_VALUES else {}
    minutes = 0 if kind == "instant" else draw(st.sampled_from([2, 3, 10, 20]))
    if kind == "cumulative":
        fields |= {"window_ms": draw(st.sampled_from([20, 40])) * MINUTE}
    doubt = kind == "silence"
    assert kind is not None
    return Rule(
        id_, kind, minutes * MINUTE,
        holds=not doubt and draw(st.booleans()), tells=draw(st.booleans()), **fields,
    )  # fmt: skip


@st.composite
def two_rules(draw: st.DrawFn) -> tuple[Rule, Rule]:
    """One rule, before and after a change of its figures."""
    before = draw(a_rule("site/one"))
    return before, draw(a_rule("site/one", before.kind))


@st.composite
def two_sets(draw: st.DrawFn) -> tuple[list[Rule], list[Rule]]:
    """Some rules before; after it some of them, changed or not, and others."""
    before = [draw(a_rule(f"was/{n}")) for n in range(draw(st.integers(1, 2)))]
    stay = [rule for rule in before if draw(st.booleans())]
    same = [rule if draw(st.booleans()) else draw(a_rule(rule.id, rule.kind)) for rule in stay]
    new = [draw(a_rule(f"new/{n}")) for n in range(draw(st.integers(0, 1)))]
    like = [_of_another_kind(draw, before[0])] if before[0].kind in OF_VALUES else []
    return before, [*same, *new, *like]


def _of_another_kind(draw: st.DrawFn, rule: Rule) -> Rule:
    """Return what a stricter or laxer profile may have in the place of a rule."""
    kind: Kind = draw(st.sampled_from(["consecutive", "cumulative", "instant"]))
    minutes = 0 if kind == "instant" else draw(st.sampled_from([3, 10]))
    window = 40 * MINUTE if kind == "cumulative" else None
    return replace(
        rule, id="like/it", kind=kind, for_ms=minutes * MINUTE, window_ms=window,
    )  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(two_sets())
def test_whatever_makes_an_alarm_later_is_called_loosening(
    sets: tuple[list[Rule], list[Rule]],
) -> None:
    """Limits, delays, rules that are gone: where nothing is called so, no run is told later."""
    before, after = sets

    assert is_called_looser(before, after) or not is_later(before, after)


@settings(max_examples=250, deadline=None)
@given(two_rules())
def test_what_is_called_loosening_makes_some_alarm_later(rules: tuple[Rule, Rule]) -> None:
    """Nobody has to give a reason for a figure that changes nothing, or tightens."""
    before, after = rules
    if before.window_ms == after.window_ms and (before.tells or before.holds):
        assert bool(looser(before, after)) == is_later([before], [after])


def test_the_same_rules_under_other_names_loosen_nothing() -> None:
    """A stricter profile in the place of another: no reason is asked for."""
    ten = Rule("one/hot", "consecutive", 10 * MINUTE, above=8000, holds=True)
    five = Rule("two/warm", "consecutive", 5 * MINUTE, at_or_above=8000, holds=True)
    total = Rule("two/sum", "cumulative", MINUTE, above=8000, holds=True, window_ms=20 * MINUTE)

    assert list(gone([ten], [five])) == []
    assert list(gone([five], [ten])) == [five]
    # It leaves unknown time out, which makes a run possible.
    assert list(gone([ten], [total])) == [ten]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"for_ms": 11 * MINUTE}, "`delay` is 660 s instead of 600 s"),
        ({"at_or_above": 8500}, "`at_or_above` is 8.5 instead of 8.0"),
        ({"at_or_above": None, "above": 8000}, "`above` is 8.0 instead of `at_or_above` 8.0"),
        ({"below": None}, "`below` 2.0 is gone"),
        ({"holds": False}, "it holds no batches"),
        ({"tells": False}, "it tells nobody"),
    ],
)
def test_it_says_in_which_way(changed: dict[str, Any], words: str) -> None:
    """One short piece of a sentence for each."""
    was: dict[str, Any] = {
        "for_ms": 10 * MINUTE, "at_or_above": 8000, "below": 2000, "holds": True,
    }  # fmt: skip

    assert looser(
        Rule("site/one", "consecutive", **was), Rule("site/one", "consecutive", **was | changed)
    ) == [words]


def test_a_disagreement_and_a_window() -> None:
    """More apart is looser, and so is a shorter time to sum over."""
    apart = [Rule("e/a/b", "disagreement", 1, apart=x, other=DOOR) for x in (1000, 2000)]
    sums = [Rule("e/s", "cumulative", 1, above=8, window_ms=w * 1000) for w in (60, 30)]

    assert looser(*apart) == ["`apart` is 2.0 instead of 1.0"]
    assert looser(*sums) == ["its window is 30 s instead of 60 s"]
    assert looser(*reversed(apart)) == looser(*reversed(sums)) == []


def test_a_long_gap_makes_measured_time_of_a_breach_that_nobody_measured() -> None:
    """What three intervals call unknown is held by a longer gap: it must not be so without a word."""
    rule = Rule("site/one", "consecutive", 30 * MINUTE, above=8000)
    runs: Iterator[Story] = (Story(rule, max_gap_min=gap) for gap in (3, 60))
    certain = []
    for story in runs:
        story.read(0, 9.0)
        story.read(30, 9.0)
        certain.append([each.certainty for each in story.decisions])

    assert certain == [["possible"], ["certain"]]
    assert not gap_too_long(3 * MINUTE, MINUTE)
    assert gap_too_long(3 * MINUTE + 1, MINUTE)
