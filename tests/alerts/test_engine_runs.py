"""Runs and silences to the minute: when they are known, what they show as evidence, when they are over.

Each of these turned a mutant red that all other tests let live (docs/mutation.md).
"""

from __future__ import annotations

from dataclasses import replace

from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, Story, brief, minute_of

DOOR = "fridge-1/door/open"
WARM = Rule("t/warm", "consecutive", 10 * MINUTE, above=8_000)
SOON = Rule("t/soon", "consecutive", MINUTE, above=8_000)
INSTANT = Rule("t/instant", "instant", 0, above=8_000, below=2_000)
SILENCE = Rule("t/silence", "silence", 15 * MINUTE)


class TestWhenItIsKnown:
    """With the first record that shows it, of whatever series: not before, and not behind."""

    def test_a_run_over_a_hole_opens_when_its_minutes_with_the_unknown_ones_are_full(self) -> None:
        """Five minutes held, three unknown, two more held: ten, and the door's record says so."""
        story = Story(WARM)
        story.hold(0, 4, 9)
        story.hold(8, 9, 9)

        assert story.read(9.9, 0, series=DOOR) == []
        (opened,) = story.read(10, 0, series=DOOR)
        assert opened.seq == story.seq

    def test_it_is_possible_and_says_why(self) -> None:
        """What opens it is the tenth minute, of which three are unknown."""
        story = Story(WARM)
        story.hold(0, 4, 9)
        (opened,) = story.hold(8, 10, 9)

        assert (opened.reason, opened.certainty) == ("held-and-unknown-time-reached", "possible")
        assert (opened.held_ms, opened.unknown_ms) == (7 * MINUTE, 3 * MINUTE)
        assert minute_of(opened.opened) == 10

    def test_what_was_possible_is_certain_with_the_record_that_shows_the_tenth_minute(self) -> None:
        """Its evidence is that record, and ten minutes are what it says was held."""
        story = Story(WARM)
        story.hold(0, 4, 9)
        story.hold(8, 12, 9)

        assert story.read(12.9, 0, series=DOOR) == []
        (confirmed,) = story.read(13, 0, series=DOOR)
        assert brief([confirmed]) == [("confirmed", "warm", "above")]
        assert (confirmed.seq, confirmed.value) == (story.seq, None)
        assert (confirmed.held_ms, confirmed.certainty) == (10 * MINUTE, "certain")
        assert story.read(13.5, 9) == []

    def test_its_own_reading_that_confirms_it_is_shown(self) -> None:
        """Two minutes without one are held only because it joins: it, with its value, is the evidence."""
        story = Story(WARM)
        story.hold(0, 4, 9)
        story.hold(8, 11, 9)

        (confirmed,) = story.read(13, 9.25)
        assert (confirmed.seq, confirmed.value) == (story.seq, 9_250)

    def test_one_rule_that_falls_due_opens_no_other_one_early(self) -> None:
        """At minute ten the rule of ten minutes is fulfilled; the one of ten and a half is not."""
        later = replace(WARM, id="t/later", for_ms=10 * MINUTE + MINUTE // 2)
        story = Story(WARM, later)
        story.hold(0, 9.75, 9, step=0.75)

        assert brief(story.read(10, 0, series=DOOR)) == [("opened", "warm", "above")]
        assert brief(story.read(10.5, 0, series=DOOR)) == [("opened", "later", "above")]

    def test_time_alone_opens_no_instant_excursion(self) -> None:
        """A spike holds for a minute and one rule wants no more; the other wants a second reading."""
        story = Story(INSTANT, SOON)
        story.read(0, 9)

        assert brief(story.read(1, 0, series=DOOR)) == [("opened", "soon", "above")]
        assert story.engine.finish() == []

    def test_a_shorter_d_that_is_full_already_opens_at_the_last_reading(self) -> None:
        """Eight minutes have been held when D becomes five: open since that reading, not behind it."""
        story = Story(WARM)
        story.hold(0, 8, 9)
        story.settings(
            8.25, {CENTER: replace(story.watch, rules=(replace(WARM, for_ms=5 * MINUTE),))}
        )

        (opened,) = story.read(8.5, 0, series=DOOR)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 8)
        assert opened.held_ms == 8 * MINUTE

    def test_the_first_reading_may_be_the_worst(self) -> None:
        """It was warmest when it began; a run of a single reading has that one as its extreme."""
        story, single = Story(WARM), Story(SOON)
        story.read(0, 12)
        (opened,) = story.hold(1, 10, 9)
        single.read(0, 9)
        (alone,) = single.read(1, 5)[:1]

        assert opened.extreme == 12_000
        assert alone.extreme == 9_000


class TestWhenItIsOver:
    def test_a_short_return_starts_the_ten_minutes_anew_at_the_first_reading_inside(self) -> None:
        """One warm reading that opens nothing: from the reading behind it on there are ten minutes."""
        story = Story(INSTANT)
        story.hold(0, 5, 9)
        story.hold(6, 10, 5)
        story.read(11, 9)

        assert story.hold(12, 21, 5) == []
        assert brief(story.read(22, 5)) == [("recovered", "instant", "above")]

    def test_a_short_return_that_ends_too_cold_has_no_minute_yet(self) -> None:
        """One reading above, one below: the ten minutes begin with the first that is neither."""
        story = Story(INSTANT)
        story.hold(0, 5, 9)
        story.hold(6, 10, 5)
        story.read(11, 9)
        story.read(12, 1)

        assert story.hold(13, 22, 5) == []
        assert brief(story.read(23, 5)) == [("recovered", "instant", "above")]


class TestSilence:
    def test_it_opens_with_the_first_record_behind_d_which_is_no_reading_of_its_own(self) -> None:
        """Fifteen minutes are in time and a thousandth of a second more is not; the door shows it."""
        story = Story(SILENCE)
        story.read(0, 5)

        assert story.read(15, 0, series=DOOR) == []
        (opened,) = story.read(15 + 1 / MINUTE, 0, series=DOOR)
        assert brief([opened]) == [("opened", "silence", "silent")]
        assert (opened.seq, opened.value) == (story.seq, None)

    def test_ten_minutes_of_readings_end_its_thread(self) -> None:
        """They count from the reading that ended the silence."""
        story = Story(SILENCE)
        story.read(0, 5)
        assert brief(story.read(20, 5)) == [
            ("opened", "silence", "silent"),
            ("closed", "silence", "silent"),
        ]

        assert story.hold(21, 29, 5) == []
        assert brief(story.read(30, 5)) == [("recovered", "silence", "silent")]
