"""Rate and stuck rules: what is decided between two readings, over holes and at a change of settings.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from alerts.rules import Rule
from protocol.reading import Reading
from tests.alerts.story import CENTER, MINUTE, START, Story, brief, minute_of

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

    def test_behind_a_doubtful_reboot_the_rate_before_it_holds_its_interval(self) -> None:
        """It came half a minute later, and the next rate is known in five minutes only."""
        story = Story(replace(WARMING, for_ms=16 * MINUTE))
        rise(story, 0, 20)
        story.boot("c", 20.5, 5, "estimated")
        at, mono = START + 21 * MINUTE, 21 * MINUTE + 7
        assert story.engine.feed(Reading(90, DOOR, at - 1, "c", mono - 1, 0)) == []
        (opened,) = story.engine.feed(Reading(91, DOOR, at, "c", mono, 0))

        assert (minute_of(opened.start), minute_of(opened.opened)) == (5, 21)

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

    def test_a_new_rule_knows_the_value_that_it_found(self) -> None:
        """What came before it has not seen; its hour begins with the newest reading."""
        story = Story()
        story.hold(0, 30, 5)
        story.settings(30.5, {CENTER: replace(story.watch, rules=(STUCK,))})
        (opened,) = story.hold(31, 90, 5)

        assert (minute_of(opened.start), opened.extreme) == (30, 5_000)

    def test_a_change_of_d_keeps_unknown_time_too(self) -> None:
        """Settings that change behind a hole make the run neither certain nor new."""
        story = Story(STUCK)
        story.hold(0, 20, 5)
        story.hold(30, 40, 5)
        story.settings(
            40.5, {CENTER: replace(story.watch, rules=(replace(STUCK, for_ms=50 * MINUTE),))}
        )
        (opened,) = story.hold(41, 52, 5)

        assert (opened.certainty, opened.unknown_ms) == ("possible", 9 * MINUTE)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 50)
        assert opened.extreme == 5_000


class TestStuckRecovers:
    """Ten minutes in which nothing is stuck; a run of equal values may be under way in them."""

    def stuck(self, d: int, **watch: float) -> Story:
        """Return a story in which it has been stuck for D, and moves with minute 100."""
        story = Story(replace(STUCK, for_ms=d * MINUTE), **watch)
        story.hold(100 - d, 99, 5)
        story.read(100, 5.5)
        assert brief(story.decisions) == [
            ("opened", "stuck", "stuck"),
            ("closed", "stuck", "stuck"),
        ]
        return story

    def again(self, story: Story) -> list[tuple[str, bool]]:
        """Return what came behind, and whether it belongs to the excursion from before."""
        return [(d.happening, d.thread == story.decisions[0].id) for d in story.decisions[2:]]

    def test_with_the_reading_that_completes_them(self) -> None:
        """Not before, and not with the one behind."""
        story = self.stuck(60)
        assert story.hold(101, 109, 5.5) == []
        (recovered,) = story.read(110, 5.5)

        assert (recovered.happening, recovered.seq, recovered.value) == (
            "recovered", story.seq, 5_500,
        )  # fmt: skip

    def test_also_where_a_run_is_under_way(self) -> None:
        """A hole between equal values is watched from there on; its ten minutes begin behind it."""
        story = self.stuck(60)
        story.hold(101, 103, 5.5)
        assert story.hold(113, 122, 5.5) == []

        assert brief(story.read(123, 5.5)) == [("recovered", "stuck", "stuck")]

    def test_also_over_one_reading_that_held_for_longer_than_d(self) -> None:
        """One reading of a value is no run: nothing can have opened while it held."""
        story = self.stuck(5, max_gap_min=20)

        assert brief(story.read(112, 6)) == [("recovered", "stuck", "stuck")]

    @pytest.mark.parametrize(
        ("readings", "happens"),
        [
            # Nine minutes, and it is stuck again; that the reading held for three more is too late.
            ((2, 4, 6, 8, 11), [("opened", True)]),
            # D counts the unknown time behind minute 1; the ten minutes begin behind it.
            ((1, 11, 13, 15, 17, 19, 22), [("opened", True)]),
        ],
    )
    def test_not_where_it_is_stuck_again_before(
        self, readings: tuple[int, ...], happens: list[tuple[str, bool]]
    ) -> None:
        """What the last reading's hold completes counts up to the opening only."""
        story = self.stuck(9 if len(readings) == 5 else 20)
        for minute in readings:
            story.read(100 + minute, 5.5)

        assert self.again(story) == happens

    @pytest.mark.parametrize(("d", "readings"), [(10, range(1, 10)), (20, (1, *range(10, 20)))])
    def test_at_the_very_instant_it_recovers_first(self, d: int, readings: Iterable[int]) -> None:
        """Ten minutes are full and D is, by one record that shows the time: another excursion."""
        story = self.stuck(d)
        for minute in readings:
            assert story.read(100 + minute, 5.5) == []
        recovered, opened = story.read(100 + d, 0, series=DOOR)

        assert self.again(story) == [("recovered", True), ("opened", False)]
        assert (recovered.seq, minute_of(opened.opened)) == (opened.seq, 100 + d)

    def test_by_a_reading_and_not_by_what_another_rule_looks_at(self) -> None:
        """At minute 120 the other rule opens by time alone; that this one is over, a reading says."""
        story = Story(STUCK, Rule("t/warm", "consecutive", 20 * MINUTE, above=5_400))
        story.hold(40, 99, 5)
        story.read(100, 5.5)
        assert story.hold(110, 119, 5.5) == []

        assert brief(story.read(120, 0, series=DOOR)) == [("opened", "warm", "above")]
        assert brief(story.read(120.5, 5.5)) == [("recovered", "stuck", "stuck")]
