"""What a decision bears as evidence, and what one rule leaves to the next: found by mutation testing.

Each of these turned a mutant red that all other tests let live (docs/mutation.md).
"""

from __future__ import annotations

from dataclasses import replace

from alerts.decisions import excursion_id
from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, STREAM, Story, brief, minute_of

DOOR = "fridge-1/door/open"
INSTANT = Rule("t/instant", "instant", 0, above=8_000)
WARM = Rule("t/warm", "consecutive", 10 * MINUTE, above=8_000)
FREEZE = Rule(
    "t/sum", "cumulative", 12 * MINUTE, at_or_below=-500, window_ms=60 * MINUTE
)  # fmt: skip


def test_what_confirms_an_instant_excursion_is_its_evidence() -> None:
    """Over a hole it was possible; the reading that makes it certain stands in the decision."""
    story = Story(INSTANT)
    story.read(0, 9)
    story.read(20, 9)
    (confirmed,) = story.read(21, 9.5)

    assert brief([confirmed]) == [("confirmed", "instant", "above")]
    assert (confirmed.seq, confirmed.value) == (story.seq, 9_500)
    assert confirmed.extreme == 9_500


def test_a_run_ends_where_its_last_reading_is_inside_under_the_new_rule() -> None:
    """Five minutes at 8.5 count for nothing once the limit is 9: the ten minutes begin behind."""
    story = Story(WARM)
    story.hold(0, 5, 8.5)
    story.settings(5.5, {CENTER: replace(story.watch, rules=(replace(WARM, above=9_000),))})

    assert story.hold(6, 15, 9.5) == []
    (opened,) = story.read(16, 9.5)
    assert minute_of(opened.start) == 6


def test_a_window_is_kept_where_only_d_changes() -> None:
    """Nine minutes of freezing are still in the window when D becomes eleven instead of twelve."""
    story = Story(FREEZE)
    story.hold(0, 8, -1)
    story.read(9, 5)
    shorter = replace(FREEZE, for_ms=11 * MINUTE)
    story.settings(9.5, {CENTER: replace(story.watch, rules=(shorter,))})

    (opened,) = story.hold(10, 12, -1)
    assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 12)


def test_a_window_of_another_length_begins_empty() -> None:
    """What was summed over an hour is not what is summed over two: nothing is carried over."""
    story = Story(FREEZE)
    story.hold(0, 8, -1)
    story.read(9, 5)
    longer = replace(FREEZE, window_ms=120 * MINUTE)
    story.settings(9.5, {CENTER: replace(story.watch, rules=(longer,))})

    assert story.hold(10, 21, -1) == []
    (opened,) = story.read(22, -1)
    assert minute_of(opened.start) == 10


def test_an_open_excursion_as_it_stands_counts_one_interval_more_and_changes_nothing() -> None:
    """Asked twice it says the same, and what follows is as if nobody had asked."""
    story = Story(WARM)
    story.hold(0, 14, 9)

    first, again = story.engine.open_excursions(), story.engine.open_excursions()
    (closed,) = story.read(15, 5)

    assert first == again
    assert [each.held_ms for each in first] == [15 * MINUTE]
    assert closed.held_ms == 15 * MINUTE


def test_a_sum_that_falls_shows_the_reading_that_proves_it_and_has_recovered_by_then() -> None:
    """Its evidence is that reading; and having been inside for an hour it needs no ten minutes more."""
    story = Story(FREEZE)
    story.hold(0, 13, -1)
    story.hold(14, 62, 5)
    assert story.told("closed") == []

    closed, recovered = story.read(63, 4.5)

    assert brief([closed, recovered]) == [
        ("closed", "sum", "below"),
        ("recovered", "sum", "below"),
    ]
    assert (closed.seq, closed.value) == (story.seq, 4_500)
    assert minute_of(closed.end) == 62


def test_a_sum_opens_with_the_first_record_that_shows_its_time_is_up() -> None:
    """Twelve minutes are full at minute 12, and the door's record of that minute says so already."""
    story = Story(FREEZE)
    story.hold(0, 11, -1)
    story.read(11.5, -2)

    assert story.read(11.9, 0, series=DOOR) == []
    (opened,) = story.read(12, 0, series=DOOR)
    assert brief([opened]) == [("opened", "sum", "below")]
    assert (opened.seq, opened.value) == (story.seq, None)
    assert opened.id == excursion_id(STREAM, CENTER, "t/sum", opened.first_seq)
    assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 12)
    assert (opened.held_ms, opened.unknown_ms, opened.extreme) == (12 * MINUTE, 0, -2_000)


def test_a_run_opens_with_the_first_record_that_shows_its_time_is_up() -> None:
    """So with ten minutes of warmth; its own next reading would come half a minute later."""
    story = Story(WARM)
    story.hold(0, 9, 9)

    assert story.read(9.9, 0, series=DOOR) == []
    (opened,) = story.read(10, 0, series=DOOR)
    assert (opened.seq, minute_of(opened.opened)) == (story.seq, 10)
    assert story.read(10.5, 9) == []


def test_time_alone_credits_one_interval_and_no_more() -> None:
    """A probe that has fallen silent opens nothing, however long others go on to speak."""
    run, total = Story(WARM), Story(FREEZE)
    run.hold(0, 8, 9)
    total.hold(0, 10, -1)

    for minute in range(11, 30):
        assert run.read(minute, 0, series=DOOR) == []
        assert total.read(minute, 0, series=DOOR) == []


def test_a_sum_that_wants_a_whole_interval_gets_it() -> None:
    """The last reading holds for exactly one interval, and with the end of it the sum is reached."""
    story = Story(FREEZE)
    story.hold(0, 11, -1)

    (opened,) = story.read(12, 0, series=DOOR)
    assert (opened.seq, minute_of(opened.opened)) == (story.seq, 12)
