"""Every field of a decision, and what a rule that has ended leaves to its successor.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

from dataclasses import replace

from alerts.decisions import Decision, excursion_id
from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, START, STREAM, Story, brief, minute_of

WARM = Rule("t/warm", "consecutive", 10 * MINUTE, above=8_000)
FREEZE = Rule("t/sum", "cumulative", 12 * MINUTE, below=2_000, window_ms=60 * MINUTE)


def test_the_whole_life_of_an_excursion_field_by_field() -> None:
    """Opened, as it stands, closed and recovered: what people, record and panel make of it."""
    story = Story(WARM)
    story.hold(0, 8, 9)
    # Two minutes and a half without a reading are no hole, but more than time alone credits.
    (opened,) = story.read(10.5, 9.5)
    (standing,) = story.engine.open_excursions()
    (closed,) = story.read(11, 5)
    story.hold(12, 20, 5)
    (recovered,) = story.read(21, 4)

    first = excursion_id(STREAM, CENTER, "t/warm", 2)
    assert opened == Decision(
        happening="opened",
        reason="held-time-reached",
        id=first,
        thread=first,
        stream=STREAM,
        series=CENTER,
        rule=WARM,
        side="above",
        certainty="certain",
        start=START,
        opened=START + 10 * MINUTE,
        end=None,
        held_ms=10 * MINUTE,
        unknown_ms=0,
        extreme=9_000,
        first_seq=2,
        seq=11,
        value=9_500,
    )
    assert standing == replace(opened, held_ms=11 * MINUTE + MINUTE // 2, extreme=9_500)
    assert closed == replace(
        standing,
        happening="closed",
        reason="first-reading-inside",
        end=START + 11 * MINUTE,
        held_ms=11 * MINUTE,
        seq=12,
        value=5_000,
    )
    at = START + 21 * MINUTE
    assert recovered == replace(
        opened,
        happening="recovered",
        reason="ten-minutes-inside",
        start=at,
        opened=at,
        end=at,
        held_ms=0,
        extreme=None,
        first_seq=22,
        seq=22,
        value=4_000,
    )


def test_settings_that_end_an_excursion_are_its_evidence() -> None:
    """The record that took the series away stands in the decision; it has no value."""
    story = Story(WARM)
    story.hold(0, 10, 9)
    (closed,) = story.settings(11, {})

    assert (closed.happening, closed.seq, closed.value) == ("closed", story.seq, None)
    assert minute_of(closed.end) == 11


def test_nothing_recovers_while_it_is_open() -> None:
    """A sum stays open for an hour; that it was inside for long, and a hole then, end nothing."""
    story = Story(FREEZE)
    story.hold(0, 13, -1)
    story.hold(14, 30, 5)

    assert story.hold(40, 60, 5) == []
    assert story.told("recovered") == []
    assert len(story.engine.open_excursions()) == 1


def test_what_is_left_in_a_window_counts_towards_the_next_excursion() -> None:
    """Six minutes are still in the window of the rule that takes over: six more open it, not twelve."""
    ten = replace(FREEZE, for_ms=10 * MINUTE)
    story = Story(ten)
    story.hold(0, 4, -1)
    story.hold(5, 29, 5)
    story.hold(30, 35, -1)
    story.read(36, 5)
    story.settings(36.5, {CENTER: replace(story.watch, rules=(FREEZE,))})
    story.hold(37, 69, 5)
    assert [d.rule.for_ms for d in story.decisions if d.happening == "closed"] == [10 * MINUTE]

    assert story.hold(70, 75, -1) == []
    (opened,) = story.read(76, -1)
    assert (minute_of(opened.start), minute_of(opened.opened)) == (30, 76)
    assert opened.rule == FREEZE


def test_the_ten_minutes_go_on_while_one_rule_follows_the_other() -> None:
    """It has been inside since minute 3; that the sum fell at 6, under an older rule, is no news."""
    short = Rule("t/sum", "cumulative", 2 * MINUTE, below=2_000, window_ms=5 * MINUTE)
    story = Story(short)
    story.hold(0, 2, -1)
    story.read(3, 5)
    story.settings(3.5, {CENTER: replace(story.watch, rules=(replace(short, for_ms=3 * MINUTE),))})
    story.hold(4, 12, 5)
    assert brief(story.decisions) == [("opened", "sum", "below"), ("closed", "sum", "below")]

    assert brief(story.read(13, 5)) == [("recovered", "sum", "below")]


def test_what_the_next_rule_opens_is_told_with_its_first_record() -> None:
    """Two minutes are left, and its D is one: the next reading says so, and nothing gets lost."""
    three = Rule("t/sum", "cumulative", 3 * MINUTE, below=2_000, window_ms=10 * MINUTE)
    story = Story(three)
    for minute in range(10):
        story.read(minute, -1 if minute in (0, 1, 5, 6) else 5)
    story.settings(9, {CENTER: replace(story.watch, rules=(replace(three, for_ms=MINUTE),))})
    # Behind a hole in which the older sum fell, it is cold again.
    (closed,) = story.read(13, -1)
    (opened,) = story.read(14, -1)

    assert (closed.reason, minute_of(closed.end)) == ("window-sum-fell", 11)
    assert (opened.rule.for_ms, minute_of(opened.opened)) == (MINUTE, 13)
    assert opened.thread == closed.id


def test_a_state_says_nothing_of_rules_under_which_nothing_is_under_way() -> None:
    """The agent writes it with every cycle: what is quiet takes no room."""
    story = Story(WARM, FREEZE)
    story.hold(0, 5, 5)
    assert story.engine.dump_state()["series"][CENTER].keys() == {"last"}

    story.read(6, 9)
    assert story.engine.dump_state()["series"][CENTER]["machines"].keys() == {"t/warm:above"}
