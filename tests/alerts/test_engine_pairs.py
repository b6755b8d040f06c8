"""Disagreement rules: what is decided between two readings, over silence and at a change of settings.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from alerts.decisions import Decision, excursion_id
from alerts.engine import StreamEngine
from alerts.rules import Rule
from tests.alerts.story import CENTER, MINUTE, START, STREAM, Story, brief, minute_of

UPPER = "fridge-1/upper/temperature"
LOWER = "fridge-1/lower/temperature"
DOOR = "fridge-1/door/open"
APART = Rule("t/apart", "disagreement", 60 * MINUTE, apart=4_000, other=UPPER)


class Pair(Story):
    """Two points of one fridge, read in turn every minute; the door's records only show the time."""

    def __init__(self, rule: Rule = APART) -> None:
        super().__init__(rule)
        self.others = {name: replace(self.watch, series=name, rules=()) for name in (UPPER, LOWER)}
        self.judge_by(0, rule)

    def judge_by(self, minute: float, *rules: Rule) -> list[Decision]:
        """Put these rules in force."""
        return self.settings(minute, {CENTER: replace(self.watch, rules=rules)} | self.others)

    def both(self, first: int, last: int, center: float, upper: float) -> list[Decision]:
        """Read both from one minute to another, both included."""
        brought = []
        for minute in range(first, last + 1):
            brought += self.read(minute, center)
            brought += self.read(minute, upper, series=UPPER)
        return brought

    def door(self, minute: float) -> list[Decision]:
        """Let the stream reach a minute, by a record that neither point has to do with."""
        return self.read(minute, 0, series=DOOR)


class TestTimeAlone:
    def test_it_opens_with_the_first_record_that_shows_its_time_is_up(self) -> None:
        """Apart since minute 10, so D is full at 70; the door's record of that minute says so."""
        story = Pair()
        story.both(0, 9, 5, 6)
        story.both(10, 69, 5, 9.5)
        assert story.door(69.9) == []
        (opened,) = story.door(70)

        first = excursion_id(STREAM, CENTER, "t/apart", 24)
        assert opened == Decision(
            happening="opened",
            reason="held-time-reached",
            id=first,
            thread=first,
            stream=STREAM,
            series=CENTER,
            rule=APART,
            side="apart",
            certainty="certain",
            start=START + 10 * MINUTE,
            opened=START + 70 * MINUTE,
            end=None,
            held_ms=60 * MINUTE,
            unknown_ms=0,
            extreme=4_500,
            first_seq=24,
            seq=story.seq,
            value=None,
        )

    def test_it_ends_with_the_first_record_behind_the_reading_that_agrees(self) -> None:
        """What holds for no time is nobody's; a moment later both hold, and are together."""
        story = Pair()
        story.both(0, 79, 5, 9.5)
        story.both(80, 80, 5, 9.0)
        assert story.told("closed") == []
        (closed,) = story.door(80 + 1 / MINUTE)

        assert (closed.reason, minute_of(closed.end)) == ("points-agree-again", 80)
        assert (closed.seq, closed.value, closed.held_ms) == (story.seq, None, 80 * MINUTE)

    def test_it_recovers_with_the_first_record_that_shows_ten_minutes(self) -> None:
        """The readings of minute 89 hold up to 90; no reading's value is that record's."""
        story = Pair()
        story.both(0, 79, 5, 9.5)
        story.both(80, 89, 5, 6)
        assert story.door(89.9) == []
        (recovered,) = story.door(90)

        assert (recovered.happening, recovered.seq, recovered.value) == (
            "recovered", story.seq, None,
        )  # fmt: skip

    def test_what_is_possible_becomes_certain_with_the_first_record_that_shows_it(self) -> None:
        """Ten minutes were unknown, so held time alone is enough at minute 70."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 30, 5)
        story.both(31, 69, 5, 12)
        (opened,) = story.decisions
        assert (opened.certainty, opened.unknown_ms) == ("possible", 10 * MINUTE)

        assert story.door(69.9) == []
        (confirmed,) = story.door(70)
        assert brief([confirmed]) == [("confirmed", "apart", "apart")]
        assert (confirmed.certainty, confirmed.held_ms) == ("certain", 60 * MINUTE)
        assert (confirmed.seq, confirmed.value, confirmed.extreme) == (story.seq, None, 7_000)

    def test_time_alone_credits_each_point_one_interval_and_no_more(self) -> None:
        """Two points that have both fallen silent open nothing, however long the door speaks."""
        story = Pair()
        story.both(0, 58, 5, 12)

        assert [story.door(minute) for minute in range(59, 90)] == [[]] * 31

    def test_as_it_stands_it_counts_as_long_as_both_hold_for_certain(self) -> None:
        """One point was read half a minute later than the other, which holds for one minute."""
        story = Pair()
        story.both(0, 70, 5, 12)
        story.read(70.5, 5)

        first, again = story.engine.open_excursions(), story.engine.open_excursions()
        (closed,) = story.both(71, 71, 5, 6) + story.door(71.5)
        assert first == again
        (standing,) = first
        assert (standing.held_ms, standing.seq, standing.value) == (
            71 * MINUTE,
            story.seq - 3,
            5_000,
        )
        assert closed.held_ms == 71 * MINUTE


class TestEvidence:
    @pytest.mark.parametrize(("mover", "value"), [(UPPER, 5_000), (CENTER, None)])
    def test_the_value_is_printed_of_the_rule_s_own_series_only(
        self, mover: str, value: int | None
    ) -> None:
        """The other point's reading may prove the end as well, but its value is none of this series'."""
        story = Pair()
        story.both(0, 79, 5, 9.5)
        story.read(81, 8 if mover == UPPER else 6, series=mover)
        # That the other one has held up to here, only its next reading says.
        (closed,) = story.read(81.5, 5) if mover == UPPER else story.read(81.5, 9.5, series=UPPER)

        assert (closed.seq, closed.value, minute_of(closed.end)) == (story.seq, value, 81)

    def test_a_recovery_prints_no_value_of_the_other_series(self) -> None:
        """Ten minutes are full with the other point's reading."""
        story = Pair()
        story.both(0, 79, 5, 12)
        story.both(80, 89, 5, 6)
        story.read(89.5, 5)
        (recovered,) = story.read(90.25, 7, series=UPPER)

        assert (recovered.happening, recovered.value) == ("recovered", None)


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
    @pytest.mark.parametrize("proof", ["door", "reading"])
    def test_when_an_older_rule_has_ended_the_one_in_force_takes_over_at_once(
        self, proof: str, restarted: bool
    ) -> None:
        """Whatever shows that it has ended, and also where the program starts again just then."""
        story = Pair()
        story.both(0, 65, 5, 12)
        tight = replace(APART, apart=1_000, for_ms=30 * MINUTE)
        story.judge_by(65.5, tight)
        story.both(66, 66, 5, 8)
        (closed,) = story.door(66.5) if proof == "door" else story.read(67, 8, series=UPPER)
        if restarted:
            story.engine = StreamEngine.load(STREAM, json.loads(json.dumps(story.engine.dump())))
        story.both(67, 100, 5, 8)

        opened = story.decisions[-1]
        assert (opened.rule, opened.thread, opened.extreme) == (tight, closed.id, 3_000)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (66, 96)
