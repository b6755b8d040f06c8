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
from protocol.reading import Reading
from tests.alerts.story import CENTER, MINUTE, START, STREAM, Story, brief, minute_of

UPPER = "fridge-1/upper/temperature"
LOWER = "fridge-1/lower/temperature"
DOOR = "fridge-1/door/open"
APART = Rule("t/apart", "disagreement", 60 * MINUTE, apart=4_000, other=UPPER)


class Pair(Story):
    """Two points of one fridge, read in turn every minute; the door's records only show the time."""

    shift = 0

    def __init__(self, rule: Rule = APART) -> None:
        super().__init__(rule)
        self.others = {name: replace(self.watch, series=name, rules=()) for name in (UPPER, LOWER)}
        self.judge_by(0, rule)

    def read(
        self, minute: float, value: float | None, quality: str = "ok", series: str | None = None
    ) -> list[Decision]:
        """Read a value, while the wall clock is wrong by ``shift``."""
        if not self.shift:
            return super().read(minute, value, quality, series)
        assert value is not None
        self.seq += 1
        mono, name = round(minute * MINUTE), series or self.series
        at = START + mono + self.shift
        brought = self.engine.feed(Reading(self.seq, name, at, "b", mono, round(value * 1000)))
        self.decisions += brought
        return brought

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
        # The wall clock that it prints is that of this series' newest reading.
        assert minute_of(recovered.end) == 89

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

    def test_unknown_time_brings_it_forward_too(self) -> None:
        """Fifty minutes held and ten unknown are an hour, by the door's record of that minute."""
        story = Pair()
        story.both(0, 20, 5, 12)
        story.hold(21, 30, 5)
        story.both(31, 59, 5, 12)
        assert story.door(59.9) == []
        (opened,) = story.door(60)

        assert (opened.certainty, opened.held_ms, opened.unknown_ms) == (
            "possible", 50 * MINUTE, 10 * MINUTE,
        )  # fmt: skip

    def test_so_does_unknown_time_that_has_just_ended(self) -> None:
        """The silent point is back at 59, apart as before; half a minute later the hour is full."""
        story = Pair(replace(APART, for_ms=59 * MINUTE + MINUTE // 2))
        story.both(0, 20, 5, 12)
        story.hold(21, 58, 5)
        story.both(59, 59, 5, 12)
        assert story.door(59.4) == []
        (opened,) = story.door(59.5)

        assert (opened.certainty, minute_of(opened.opened)) == ("possible", 59.5)
        assert (opened.held_ms, opened.unknown_ms) == (21.5 * MINUTE, 38 * MINUTE)

    def test_a_d_that_is_over_already_opens_with_the_next_record(self) -> None:
        """Settings that come with the readings of minute 50; a moment later is enough."""
        story = Pair()
        story.both(0, 50, 5, 12)
        assert story.judge_by(50, replace(APART, for_ms=10 * MINUTE)) == []
        (opened,) = story.door(50 + 1 / MINUTE)

        assert (opened.certainty, opened.held_ms) == ("certain", 50 * MINUTE)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 50)

    def test_points_read_just_as_far_apart_as_is_allowed_hold_all_the_time(self) -> None:
        """Every three minutes, with three minutes allowed: between the two readings nothing is judged."""
        story = Pair()
        for minute in range(0, 63, 3):
            story.both(minute, minute, 5, 12)

        (opened,) = story.decisions
        assert (opened.certainty, opened.held_ms) == ("certain", 60 * MINUTE)

    def test_time_alone_credits_each_point_one_interval_and_no_more(self) -> None:
        """Two points that have both fallen silent open nothing, however long the door speaks."""
        story = Pair()
        story.both(0, 58, 5, 12)

        assert [story.door(minute) for minute in range(59, 90)] == [[]] * 31

    @pytest.mark.parametrize("later", [CENTER, UPPER])
    def test_as_it_stands_it_counts_as_long_as_both_hold_for_certain(self, later: str) -> None:
        """One point was read half a minute later than the other, which holds for one minute."""
        story = Pair()
        story.both(0, 70, 5, 12)
        story.read(70.5, 5 if later == CENTER else 12, series=later)

        first, again = story.engine.open_excursions(), story.engine.open_excursions()
        (closed,) = story.both(71, 71, 5, 6) + story.door(71.5)
        assert first == again
        assert [each.held_ms for each in first] == [71 * MINUTE]
        assert first[0].value == 5_000
        assert closed.held_ms == 71 * MINUTE

    def test_as_it_stands_a_silent_point_adds_nothing(self) -> None:
        """Its last reading held for a minute; since then nobody knows."""
        story = Pair()
        story.both(0, 70, 5, 12)
        story.hold(71, 80, 5)

        (standing,) = story.engine.open_excursions()
        assert standing.held_ms == 71 * MINUTE


class TestValues:
    def test_a_thousandth_is_apart_where_the_two_must_be_equal(self) -> None:
        """X may be 0."""
        story = Pair(replace(APART, apart=0))
        story.both(0, 59, 5, 5.001)

        assert brief(story.door(60)) == [("opened", "apart", "apart")]

    @pytest.mark.parametrize(("center", "upper"), [(5, -1), (-1, 5)])
    def test_on_both_sides_of_zero(self, center: float, upper: float) -> None:
        """The difference counts, whatever the values are."""
        story = Pair()
        story.both(0, 60, center, upper)

        (opened,) = story.decisions
        assert opened.extreme == 6_000


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
