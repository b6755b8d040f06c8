"""Rate and stuck rules: what is decided between two readings, over holes and at a change of settings.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, Story, brief, minute_of

DOOR = "fridge-1/door/open"
WARMING = Rule("t/warming", "rate", 30 * MINUTE, above=100)
STUCK = Rule("t/stuck", "stuck", 60 * MINUTE)


def rise(story: Story, first: int, last: int, step: int = 1) -> None:
    """Warm by 0.15 degC a minute, both minutes included."""
    for minute in range(first, last + 1, step):
        story.read(minute, 2 + 0.15 * minute)


class TestRate:
    def test_it_opens_with_the_first_record_that_shows_its_time_is_up(self) -> None:
        """Known since minute 5, so D is full at 35; the door's record of that minute says so."""
        story = Story(WARMING)
        rise(story, 0, 34)
        assert story.decisions == []

        assert story.read(34.9, 0, series=DOOR) == []
        (opened,) = story.read(35, 0, series=DOOR)
        assert (opened.seq, opened.value) == (story.seq, None)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (5, 35)

    def test_it_ends_when_it_is_slower_and_recovers_ten_minutes_later(self) -> None:
        """The rate is no temperature: where a decision prints the record's value, it prints none."""
        story = Story(WARMING)
        rise(story, 0, 40)
        brought = story.hold(41, 60, 8)

        assert brief(brought) == [("closed", "warming", "above"), ("recovered", "warming", "above")]
        closed, recovered = brought
        # At 42 it has risen by 0.45 degC in five minutes.
        assert (closed.reason, minute_of(closed.end), closed.seq) == ("slower-again", 42, 44)
        assert minute_of(recovered.end) == 52
        assert (closed.value, recovered.value) == (None, None)

    def test_readings_just_as_far_apart_as_is_allowed_are_no_hole(self) -> None:
        """Every three minutes, with three minutes allowed: what it does is known all the time."""
        story = Story(WARMING)
        rise(story, 0, 36, step=3)

        (opened,) = story.decisions
        assert (opened.certainty, opened.held_ms) == ("certain", 30 * MINUTE)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (6, 36)

    def test_over_a_doubtful_reboot_it_is_only_possible(self) -> None:
        """Five minutes are unknown behind it, though so long a gap would be allowed."""
        story = Story(WARMING, max_gap_min=15)
        rise(story, 0, 20)
        for minute in range(21, 36):
            story.boot("c", minute, 2 + 0.15 * minute, "estimated")

        (opened,) = story.decisions
        assert (opened.certainty, opened.unknown_ms) == ("possible", 5 * MINUTE)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (5, 35)

    @pytest.mark.parametrize(("sign", "side"), [(1, "above"), (-1, "below")])
    @pytest.mark.parametrize(("fifth", "told"), [(101, True), (100, False)])
    def test_a_thousandth_in_five_minutes_is_faster(
        self, sign: int, side: str, fifth: int, told: bool
    ) -> None:
        """0.501 degC in five minutes are more than 0.1 a minute; 0.5 are not."""
        story = Story(Rule("t/rate", "rate", 10 * MINUTE, above=100, below=-100))
        value = 10_000
        for minute in range(30):
            story.read(minute, value / 1000)
            value += sign * (fifth if minute % 5 == 4 else 100)

        assert story.told() == ([("rate", side)] if told else [])

    def test_a_tighter_limit_keeps_what_has_passed(self) -> None:
        """Settings that change at minute 30 hide nothing: it was faster than the new limit as well."""
        story = Story(WARMING)
        rise(story, 0, 30)
        story.settings(30.5, {CENTER: replace(story.watch, rules=(replace(WARMING, above=120),))})
        rise(story, 31, 36)

        (opened,) = story.decisions
        assert (minute_of(opened.start), minute_of(opened.opened)) == (5, 35)
        assert opened.rule.above == 120

    def test_a_looser_limit_begins_anew_and_knows_the_rate_at_once(self) -> None:
        """0.15 is inside of 0.2: what follows counts from the first rate that is faster."""
        story = Story(WARMING)
        rise(story, 0, 30)
        story.settings(30.5, {CENTER: replace(story.watch, rules=(replace(WARMING, above=200),))})
        for minute in range(31, 70):
            story.read(minute, 6.5 + 0.5 * (minute - 30))

        (opened,) = story.decisions
        # From 6.05 at 27 to 7.0 at 31 are four minutes; from 5.9 at 26 it is 0.22 a minute.
        assert (minute_of(opened.start), minute_of(opened.opened)) == (31, 61)

    def test_an_open_one_gives_way_to_a_rule_that_knows_the_rate(self) -> None:
        """The reading that ended the old excursion is too fast still for the new rule."""
        story = Story(WARMING)
        rise(story, 0, 40)
        tight = replace(WARMING, above=50)
        story.settings(40.5, {CENTER: replace(story.watch, rules=(tight,))})
        for minute in range(41, 80):
            story.read(minute, 8 + 0.07 * (minute - 40))

        closed, opened = story.decisions[1:]
        assert (closed.reason, closed.rule, opened.rule) == ("slower-again", WARMING, tight)
        assert opened.thread == closed.id
        assert opened.start == closed.end


class TestStuck:
    def test_it_opens_with_the_first_record_that_shows_its_time_is_up(self) -> None:
        """Where readings hold as long as they may be apart, one at 57 holds up to 60."""
        story = Story(STUCK, interval_min=3)
        story.hold(0, 57, 5, step=3)

        assert story.read(59.9, 0, series=DOOR) == []
        (opened,) = story.read(60, 0, series=DOOR)
        assert (opened.seq, minute_of(opened.start), minute_of(opened.opened)) == (story.seq, 0, 60)
