"""Disagreement rules over silence and at a change of settings: what has passed, and what is known of it.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from alerts.decisions import excursion_id
from alerts.engine import StreamEngine
from tests.alerts.pairs import APART, LOWER, UPPER, Pair
from tests.alerts.story import CENTER, MINUTE, STREAM, minute_of


class TestSilence:
    """While one point is silent nobody knows: when that began, and what comes behind."""

    def test_a_second_one_counts_with_the_first(self) -> None:
        """Ten minutes were unknown, twenty-nine more held; in the second silence the hour gets full."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 30, 5)
        story.both(31, 39, 5, 12)
        story.hold(40, 69, 5)
        story.both(70, 71, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, minute_of(opened.opened)) == ("possible", 60)
        assert (opened.held_ms, opened.unknown_ms) == (30 * MINUTE, 30 * MINUTE)

    def test_what_confirms_is_its_evidence(self) -> None:
        """A reading that proves more than its interval brings held time to an hour."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 30, 5)
        story.both(31, 68, 5, 12)
        story.read(70.5, 12, series=UPPER)
        (confirmed,) = story.read(71, 5)

        assert (confirmed.happening, confirmed.seq, confirmed.value) == (
            "confirmed", story.seq, 5_000,
        )  # fmt: skip

    def test_where_they_were_together_under_the_new_rule_nothing_began(self) -> None:
        """Apart by 4.5 is not by more than 5; that they come back farther apart begins it."""
        story = Pair()
        story.both(0, 20, 5, 9.5)
        story.hold(21, 50, 5)
        story.judge_by(50.5, replace(APART, apart=5_000))
        story.hold(51, 54, 5)
        story.both(55, 115, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, minute_of(opened.start)) == ("certain", 55)

    def test_a_shorter_d_counts_what_was_unknown_before_too(self) -> None:
        """Thirty held and ten unknown, then silence from 40 on; D becomes fifty at minute 55."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 30, 5)
        story.both(31, 39, 5, 12)
        story.hold(40, 54, 5)
        story.judge_by(54.5, replace(APART, for_ms=50 * MINUTE))
        story.hold(55, 59, 5)
        story.both(60, 61, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, minute_of(opened.opened)) == ("possible", 50)

    def test_a_shorter_d_that_was_over_when_it_began(self) -> None:
        """The settings come before anybody knows of the silence: possible from its beginning on."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 30, 5)
        story.both(31, 40, 5, 12)
        story.hold(41, 42, 5)
        story.judge_by(42, replace(APART, for_ms=35 * MINUTE))
        story.hold(43, 54, 5)
        story.both(55, 56, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, minute_of(opened.opened)) == ("possible", 41)

    def test_a_clock_that_is_set_in_it_dates_what_follows(self) -> None:
        """With the newest reading before the settings the wall clock went on by an hour."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 49, 5)
        story.shift = 60 * MINUTE
        story.read(50, 5)
        story.judge_by(50.5, replace(APART, for_ms=40 * MINUTE))
        story.both(55, 56, 5, 12)

        (opened,) = story.decisions
        assert minute_of(opened.opened) == 60 + 40


class TestSettings:
    def test_a_run_that_is_not_open_yet_is_carried_over(self) -> None:
        """A tighter limit at minute 50 of 60 hides nothing."""
        story = Pair()
        story.both(0, 50, 5, 12)
        story.judge_by(50.5, replace(APART, apart=3_000))
        story.both(51, 61, 5, 9)

        (opened,) = story.decisions
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 60)
        assert (opened.extreme, opened.rule.apart) == (7_000, 3_000)

    def test_a_run_ends_where_the_newest_readings_are_together_under_the_new_rule(self) -> None:
        """Apart by 4.5 is not by more than 5: the hour begins when they are that far apart."""
        story = Pair()
        story.both(0, 50, 5, 9.5)
        story.judge_by(50.5, replace(APART, apart=5_000))
        story.both(51, 55, 5, 9.5)
        story.both(56, 115, 5, 12)
        assert story.decisions == []

        (opened,) = story.both(116, 117, 5, 12)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (56, 116)

    def test_a_comparison_with_another_point_begins_anew(self) -> None:
        """What the upper point showed says nothing of the lower one."""
        story = Pair()
        story.both(0, 50, 5, 12)
        story.judge_by(50.5, replace(APART, other=LOWER))
        for minute in range(51, 111):
            assert story.read(minute, 5) + story.read(minute, 12, series=LOWER) == []
        (opened,) = story.read(111, 5)

        assert (minute_of(opened.start), minute_of(opened.opened)) == (51, 111)

    def test_another_point_may_show_that_it_is_over(self) -> None:
        """Ten minutes together with the one that is compared now, which nobody has read before."""
        story = Pair()
        story.both(0, 65, 5, 12)
        (closed,) = story.both(66, 67, 5, 6)
        story.judge_by(67.5, replace(APART, other=LOWER))
        assert story.door(68) + story.read(68, 5) + story.door(69) == []
        for minute in range(69, 79):
            assert story.read(minute, 5) + story.read(minute, 6, series=LOWER) == []
        (recovered,) = story.read(79, 5)

        assert (recovered.happening, recovered.thread) == ("recovered", closed.id)

    @pytest.mark.parametrize(("d", "opened_at"), [(22, 22), (40, 40), (50, 50), (51, 51), (55, 55)])
    def test_a_shorter_d_while_one_point_is_silent_counts_what_has_passed(
        self, d: int, opened_at: int
    ) -> None:
        """Twenty-one minutes held, then nobody knows: it is possible from the minute in which D was full."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 50, 5)
        story.judge_by(50.5, replace(APART, for_ms=d * MINUTE))
        story.hold(51, 54, 5)
        story.read(55, 5)
        story.read(55, 12, series=UPPER)
        opened = (story.both(56, 56, 5, 12) + story.engine.open_excursions())[0]

        assert story.told() == [("apart", "apart")]
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, opened_at)

    @pytest.mark.parametrize("d", [10, 21])
    def test_a_d_that_held_time_alone_has_reached_makes_it_certain(self, d: int) -> None:
        """D becomes so short while one point is silent; for twenty-one minutes they were apart."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 50, 5)
        story.judge_by(50.5, replace(APART, for_ms=d * MINUTE))
        story.hold(51, 54, 5)
        story.both(55, 56, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, opened.reason) == ("certain", "held-time-reached")
        assert (opened.held_ms, opened.unknown_ms) == (21 * MINUTE, 34 * MINUTE)
        assert minute_of(opened.opened) == 55

    def test_the_same_where_it_is_known_only_later_that_one_has_fallen_silent(self) -> None:
        """The settings come within its longest gap: until then it may have held."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 22, 5)
        story.judge_by(22, replace(APART, for_ms=10 * MINUTE))
        story.hold(23, 54, 5)
        story.both(55, 56, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, opened.held_ms, opened.unknown_ms) == (
            "certain", 21 * MINUTE, 34 * MINUTE,
        )  # fmt: skip

    def test_how_the_other_series_holds_is_its_own_matter(self) -> None:
        """The upper point is read every fifteen minutes, and holds as long; restarted or not."""
        story = Pair()
        story.others[UPPER] = replace(
            story.others[UPPER], interval_ms=15 * MINUTE, max_gap_ms=20 * MINUTE
        )
        story.judge_by(0, APART)
        again = StreamEngine.load(STREAM, json.loads(json.dumps(story.engine.dump())))
        for engine in (story.engine, again):
            story.engine, story.seq, story.decisions = engine, 3, []
            for minute in range(60):
                if minute % 15 == 0:
                    story.read(minute, 12, series=UPPER)
                story.read(minute, 5)
            (opened,) = story.door(60)
            assert (opened.certainty, minute_of(opened.opened)) == ("certain", 60)

    @pytest.mark.parametrize("restarted", [False, True])
    @pytest.mark.parametrize("proof", ["door", "reading", "reading after two minutes"])
    def test_when_an_older_rule_has_ended_the_one_in_force_takes_over_at_once(
        self, proof: str, restarted: bool
    ) -> None:
        """Whatever shows that it has ended, and also where the program starts again just then."""
        story = Pair()
        story.both(0, 65, 5, 12)
        tight = replace(APART, apart=1_000, for_ms=30 * MINUTE)
        story.judge_by(65.5, tight)
        if proof == "reading after two minutes":
            # Not time alone: that the other point has held up to here, only its reading says.
            story.read(66, 9)
            (closed,) = story.read(67.5, 12, series=UPPER)
        else:
            story.both(66, 66, 9, 12)
            (closed,) = story.door(66.5) if proof == "door" else story.read(67, 12, series=UPPER)
        if restarted:
            story.engine = StreamEngine.load(STREAM, json.loads(json.dumps(story.engine.dump())))
        story.both(68, 100, 9, 12)

        opened = story.decisions[-1]
        assert (opened.rule, opened.thread, opened.extreme) == (tight, closed.id, 3_000)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (66, 96)
        assert opened.id == excursion_id(STREAM, CENTER, "t/apart", opened.first_seq)
