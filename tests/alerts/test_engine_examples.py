from __future__ import annotations

import json

import pytest

from alerts.engine import StreamEngine
from alerts.profiles import rules_for
from alerts.rules import Rule, Watch, watches_from_record
from protocol.reading import Reading
from tests.alerts.story import CENTER, MINUTE, START, STREAM, Story, brief, minute_of

HEAT, FRZE, FREEZE_SUM, WHO_SILENCE = rules_for("who-pqs", "temperature")
AT_LIMIT, OUT_OF_RANGE, ISOLATE, *_ = rules_for("cn-gsp", "temperature")


class TestConsecutive:
    def test_heat_needs_ten_whole_hours(self) -> None:
        """9 h 59 min above 8 degC open nothing; at exactly 10 h HEAT opens."""
        story = Story(HEAT)

        assert story.hold(0, 599, 8.1) == []
        (opened,) = story.hold(600, 600, 8.1)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 600)
        assert (opened.reason, opened.certainty) == ("held-time-reached", "certain")
        assert opened.rule.holds

    def test_exactly_eight_degrees_are_inside_for_who(self) -> None:
        """8.0 for a day is no HEAT; a thousandth more is."""
        story = Story(HEAT)
        story.hold(0, 1440, 8.0, step=3)
        assert story.decisions == []

        story.hold(1443, 1443 + 600, 8.001, step=3)
        assert story.told() == [("heat", "above")]

    def test_one_reading_inside_starts_the_hours_again(self) -> None:
        """A single sample inside after 9 h 59 resets HEAT: it counts one continuous event."""
        story = Story(HEAT)
        story.hold(0, 598, 8.5)
        story.read(599, 8.0)
        story.hold(600, 600 + 599, 8.5)

        assert story.decisions == []

    @pytest.mark.parametrize(("value", "told"), [(-0.4, []), (-0.5, [("frze", "below")])])
    def test_freezing_counts_from_its_limit_on(
        self, value: float, told: list[tuple[str, str]]
    ) -> None:
        """FRZE is at or below -0.5 for 60 min: -0.5 counts, -0.4 does not."""
        story = Story(FRZE)
        story.hold(0, 60, value)

        assert story.told() == told

    def test_crossing_ends_one_run_and_begins_another(self) -> None:
        """Too warm and then too cold without a reading inside are two excursions."""
        story = Story(Rule("t/both", "consecutive", 5 * MINUTE, above=8000, below=2000))
        story.hold(0, 6, 9)
        brought = story.hold(7, 12, 1)

        assert brief(brought) == [("closed", "both", "above"), ("opened", "both", "below")]
        assert brought[0].reason == "crossed-to-the-other-side"
        assert (minute_of(brought[0].end), minute_of(brought[1].start)) == (7, 7)

    def test_a_door_counts_as_any_other_series(self) -> None:
        """A door that is open for five minutes fulfils DOOR; 4 min 59 s do not."""
        (door,) = rules_for("who-pqs", "open")
        story = Story(door, series="fridge-1/door/open")
        assert story.hold(0, 4, 1) == []
        assert story.read(4 + 59 / 60, 0) == []

        story.hold(10, 14, 1)
        assert brief(story.read(15, 0)) == [
            ("opened", "door", "above"),
            ("closed", "door", "above"),
        ]

    def test_mains_that_fail_are_outside_below(self) -> None:
        """Mains absent for a minute alarm under cn-gsp."""
        (mains,) = rules_for("cn-gsp", "present")
        story = Story(mains, series="fridge-1/mains/present")
        story.read(0, 1)
        story.read(1, 0)

        assert brief(story.read(2, 0)) == [("opened", "mains", "below")]


class TestPossible:
    def test_a_probe_that_answers_every_sixteen_minutes_is_no_good_news(self) -> None:
        """-3 degC all night with a hole behind each reading opens FRZE as possible, and it holds."""
        story = Story(FRZE, max_gap_min=15)
        story.hold(0, 64, -3, step=16)

        (opened,) = story.decisions
        assert (opened.certainty, opened.reason) == ("possible", "held-and-unknown-time-reached")
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 60)
        # Four readings held a minute each; the last hole counts up to the opening.
        assert (opened.held_ms, opened.unknown_ms) == (4 * MINUTE, 56 * MINUTE)
        assert opened.rule.holds

    def test_it_becomes_certain_when_held_time_alone_is_enough(self) -> None:
        """Enough held time behind the hole confirms a possible excursion; its end counts both."""
        story = Story(FRZE, max_gap_min=15)
        story.hold(0, 64, -3, step=16)
        confirmed = story.hold(65, 124, -3)
        closed = story.read(125, 5)

        assert brief(confirmed) == [("confirmed", "frze", "below")]
        assert closed[0].certainty == "certain"
        assert closed[0].held_ms + closed[0].unknown_ms == 125 * MINUTE

    def test_unknown_time_before_a_reading_inside_opens_nothing(self) -> None:
        """A hole that ends inside may have been inside all along: it does not count towards D."""
        story = Story(FRZE)
        story.hold(0, 30, -3)
        story.read(90, 5)

        assert story.decisions == []

    def test_rejected_readings_neither_extend_nor_end(self) -> None:
        """A CRC error between two cold readings changes nothing, and holds nothing either."""
        story = Story(FRZE)
        story.hold(0, 30, -3)
        for minute in range(31, 61):
            story.read(minute, 20.0, "rejected:crc")
        story.read(61, -3)

        (opened,) = story.decisions
        assert opened.certainty == "possible"
        assert opened.extreme == -3000

    def test_suspect_readings_are_judged(self) -> None:
        """What is implausible but possible counts: a stuck probe at -3 still freezes."""
        story = Story(FRZE)
        for minute in range(61):
            story.read(minute, -3, "suspect:stuck")

        assert story.told() == [("frze", "below")]


class TestInstant:
    def test_gsp_sounds_at_the_limit_with_the_second_reading(self) -> None:
        """8.0 read twice sounds under cn-gsp, and starts with the first; once does not."""
        story = Story(AT_LIMIT, ISOLATE)
        assert story.read(0, 8.0) == []

        (opened,) = story.read(1, 8.0)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 1)
        assert not opened.rule.tells
        story.hold(2, 60, 8.0)
        assert story.told() == [("at-limit", "above")]

    def test_a_single_spike_is_nothing(self) -> None:
        """One reading outside between two inside is not confirmed."""
        story = Story(AT_LIMIT)
        for minute, value in enumerate((5, 85, 5, 1, 5)):
            story.read(minute, value)

        assert story.decisions == []

    def test_over_a_hole_it_is_possible(self) -> None:
        """Two readings outside with a hole between are possible; the next one makes it certain."""
        story = Story(AT_LIMIT)
        story.read(0, 9)
        (opened,) = story.read(30, 9)
        (confirmed,) = story.read(31, 9)

        assert (opened.certainty, confirmed.happening) == ("possible", "confirmed")


class TestCumulative:
    def test_short_freezes_add_up(self) -> None:
        """Four freezes of 15 min are no FRZE, but together 60 min in 24 h."""
        story = Story(FRZE, FREEZE_SUM)
        for hour in range(4):
            story.hold(hour * 60, hour * 60 + 14, -1)
            story.hold(hour * 60 + 15, hour * 60 + 59, 5)

        (opened,) = story.decisions
        assert opened.rule.id == "who-pqs/freeze-sum"
        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 195)
        assert opened.held_ms == 60 * MINUTE

    def test_it_ends_when_the_sum_falls(self) -> None:
        """The excursion lasts until the first of that time is more than 24 h ago."""
        story = Story(FREEZE_SUM)
        story.hold(0, 59, -1)
        story.hold(60, 25 * 60, 5)

        opened, closed, recovered = story.decisions
        assert minute_of(opened.opened) == 60
        assert minute_of(closed.end) == 24 * 60
        assert closed.reason == "window-sum-fell"
        # It had been inside for hours by then.
        assert recovered.happening == "recovered"

    def test_unknown_time_is_not_summed(self) -> None:
        """Holes between cold readings are no held time."""
        story = Story(FREEZE_SUM)
        story.hold(0, 16 * 50, -1, step=16)

        assert story.decisions == []

    def test_a_reading_replaced_at_once_is_no_start(self) -> None:
        """What held no time at the window's far edge is not the first reading still in it."""
        story = Story(Rule("t/sum", "cumulative", 5 * MINUTE, below=2000, window_ms=5 * MINUTE))
        story.read(0, -3)
        story.read(0, 5)
        first = story.seq + 1
        (opened,) = story.hold(0, 5, -3)

        assert opened.first_seq == first


class TestStuck:
    STUCK = Rule("t/stuck", "stuck", 12 * 60 * MINUTE)

    def test_one_value_for_twelve_hours_is_told_from_its_first_reading_on(self) -> None:
        """Exactly D counts; it starts with the first reading of that value and ends with another."""
        story = Story(self.STUCK)
        story.read(0, 5.0)
        assert story.hold(1, 720, 4.9375) == []
        (opened,) = story.read(721, 4.9375)
        assert (opened.side, opened.certainty, opened.extreme) == ("stuck", "certain", 4938)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (1, 721)

        (closed,) = story.read(722, 5.0)
        assert (closed.reason, minute_of(closed.end)) == ("value-moved", 722)

    def test_one_step_of_the_probe_is_a_sign_of_life(self) -> None:
        """A sixteenth of a degree in twelve hours, and back, begins it anew."""
        story = Story(self.STUCK)
        story.hold(0, 700, 5.0)
        story.read(701, 5.0625)
        story.hold(702, 702 + 719, 5.0)

        assert story.decisions == []

    def test_a_suspect_reading_counts(self) -> None:
        """The agent marks it suspect after six hours; it is judged all the same."""
        story = Story(self.STUCK)
        for minute in range(721):
            story.read(minute, 5.0, "ok" if minute < 360 else "suspect:stuck")

        assert story.told() == [("stuck", "stuck")]

    def test_a_hole_between_equal_values_makes_it_possible(self) -> None:
        """What came in the hole may have been anything: unknown time does not end the run silently."""
        story = Story(self.STUCK)
        story.hold(0, 300, 5.0)
        (opened,) = story.hold(500, 721, 5.0)
        assert (opened.certainty, minute_of(opened.start)) == ("possible", 0)
        assert opened.unknown_ms == 199 * MINUTE

        (confirmed,) = story.hold(722, 920, 5.0)
        assert confirmed.happening == "confirmed"

    def test_equal_values_by_chance_do_not_keep_it_from_recovering(self) -> None:
        """Ten minutes without being stuck are over, though a living probe repeats itself too."""
        story = Story(self.STUCK)
        story.hold(0, 720, 5.0)
        story.hold(721, 740, 5.5)

        assert story.told("recovered") == [("stuck", "stuck")]

    def test_a_rule_that_is_new_has_not_seen_what_was_before(self) -> None:
        """Its twelve hours begin with the reading that it finds."""
        story = Story()
        story.hold(0, 600, 5.0)
        story.settings(600.5, {CENTER: _with(story.watch, self.STUCK)})
        assert story.hold(601, 1319, 5.0) == []

        (opened,) = story.read(1320, 5.0)
        assert minute_of(opened.start) == 600

    def test_a_change_of_d_keeps_what_has_passed(self) -> None:
        """Settings that change at hour eleven hide nothing."""
        story = Story(self.STUCK)
        story.hold(0, 660, 5.0)
        sooner = Rule("t/stuck", "stuck", 11 * 60 * MINUTE + 30 * MINUTE)
        story.settings(660.5, {CENTER: _with(story.watch, sooner)})
        (opened,) = story.hold(661, 700, 5.0)

        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 690)


class TestRate:
    WARMING = Rule("t/warming", "rate", 30 * MINUTE, above=100)

    def test_three_degrees_in_half_an_hour_are_told_before_they_are_too_warm(self) -> None:
        """0.15 degC a minute by a probe of sixteenths: it looks now like 0.125, now like 0.1875."""
        story = Story(self.WARMING)
        for minute in range(60):
            story.read(minute, round((2 + 0.15 * minute) * 16) / 16)

        (opened,) = story.decisions
        assert (opened.side, opened.rule.holds) == ("above", False)
        # Known from the sixth reading on, which is five minutes behind the first.
        assert (minute_of(opened.start), minute_of(opened.opened)) == (5, 35)
        assert opened.extreme is not None
        assert 125 <= opened.extreme <= 188

    def test_a_door_that_was_opened_is_none(self) -> None:
        """A jump is over five minutes after it has ended, however high it went."""
        story = Story(self.WARMING)
        story.hold(0, 10, 4.0)
        for minute in range(11, 21):
            story.read(minute, 4.0 + (minute - 10))
        story.hold(21, 90, 14.0)

        assert story.decisions == []

    def test_exactly_the_limit_is_inside(self) -> None:
        """Faster than X, not as fast."""
        story = Story(self.WARMING)
        for minute in range(90):
            story.read(minute, 2 + 0.1 * minute)
        assert story.decisions == []

    def test_cooling_is_the_other_side(self) -> None:
        """A limit below zero is about cooling; warming ends it by crossing."""
        story = Story(Rule("t/rate", "rate", 10 * MINUTE, above=100, below=-100))
        for minute in range(30):
            story.read(minute, 20 - 0.2 * minute)
        (opened,) = story.decisions
        assert (opened.side, opened.extreme) == ("below", -200)

        story.hold(30, 40, 14.2)
        assert story.decisions[-1].reason == "slower-again"

    def test_a_hole_makes_it_possible_and_its_own_value_is_not_printed(self) -> None:
        """Behind a hole nothing is known for five minutes; the run is suspended."""
        story = Story(self.WARMING)
        for minute in [*range(20), *range(26, 45)]:
            story.read(minute, 2 + 0.15 * minute)

        (opened,) = story.decisions
        assert opened.certainty == "possible"
        assert opened.value is None


class TestDisagreement:
    UPPER = "fridge-1/upper/temperature"
    APART = Rule("t/apart", "disagreement", 60 * MINUTE, apart=4000, other=UPPER)

    def story(self, *rules: Rule) -> Story:
        """Two points of one fridge."""
        story = Story(*rules or (self.APART,))
        self.both = {CENTER: story.watch, self.UPPER: _with(story.watch, series=self.UPPER)}
        story.settings(0, self.both)
        return story

    def test_two_points_that_differ_for_an_hour(self) -> None:
        """More than X for D; it starts with the reading that brought them apart."""
        story = self.story()
        for minute in range(150):
            story.read(minute, 5.0)
            story.read(minute, 9.1 if 10 <= minute < 100 else 9.0, series=self.UPPER)

        opened, closed, recovered = story.decisions
        assert (opened.side, opened.series, opened.rule.limit("apart")) == ("apart", CENTER, 4000)
        assert (minute_of(opened.start), minute_of(opened.opened)) == (10, 70)
        assert (closed.reason, minute_of(closed.end)) == ("points-agree-again", 100)
        assert (closed.extreme, recovered.happening) == (4100, "recovered")
        assert closed.held_ms == 90 * MINUTE

    def test_a_dead_point_neither_counts_nor_ends_it(self) -> None:
        """While one is silent nobody knows how far apart they are: the run waits, and is possible."""
        story = self.story()
        for minute in range(90):
            story.read(minute, 5.0)
            if minute < 20 or minute >= 65:
                story.read(minute, 12.0, series=self.UPPER)

        (opened,) = story.decisions
        assert opened.certainty == "possible"
        # The last reading before held one minute; the hole counts up to the opening.
        assert (opened.held_ms, opened.unknown_ms) == (20 * MINUTE, 40 * MINUTE)
        assert minute_of(opened.opened) == 60

    def test_a_cycle_whose_readings_come_one_by_one_is_no_disagreement(self) -> None:
        """Between the two readings of one instant nothing is judged, though the values differ."""
        story = self.story(Rule("t/apart", "disagreement", 1, apart=4000, other=self.UPPER))
        for minute in range(30):
            value = 2.0 if minute % 2 else 9.0
            story.read(minute, value)
            story.read(minute, value, series=self.UPPER)

        assert story.decisions == []

    def test_a_point_that_is_no_longer_watched_closes_it(self) -> None:
        """What nothing can be compared with does not stay open for ever."""
        story = self.story()
        for minute in range(70):
            story.read(minute, 5.0)
            story.read(minute, 12.0, series=self.UPPER)
        (closed,) = story.settings(71, {CENTER: story.watch})

        assert (closed.reason, closed.rule.id) == ("rule-changed", "t/apart")
        assert story.hold(72, 200, 5.0) == []

    def test_an_open_one_keeps_its_rule_and_the_next_is_by_the_new_one(self) -> None:
        """Settings that tighten X while it is open change nothing before it closes."""
        story = self.story()

        def until(last: int, first: int, upper: float) -> None:
            for minute in range(first, last):
                story.read(minute, 5.0)
                story.read(minute, upper, series=self.UPPER)

        until(65, 0, 12.0)
        tight = Rule("t/apart", "disagreement", 30 * MINUTE, apart=1000, other=self.UPPER)
        story.settings(65, self.both | {CENTER: _with(story.watch, tight)})
        until(70, 65, 8.0)
        # Together by the old rule, apart by the new one: one ends and the other begins.
        until(140, 70, 8.0)

        assert [(d.happening, d.rule.apart) for d in story.decisions] == [
            ("opened", 4000), ("closed", 4000), ("opened", 1000),
        ]  # fmt: skip
        assert story.decisions[-1].thread == story.decisions[0].id
        assert minute_of(story.decisions[-1].start) == 65


class TestSharedState:
    def test_an_engine_made_from_another_ones_state_leaves_it_alone(self) -> None:
        """The agent judges ahead on a copy; what that one learns must not change the first."""
        upper = "fridge-1/upper/temperature"
        rules = (
            Rule("t/sum", "cumulative", 10 * MINUTE, below=2000, window_ms=60 * MINUTE),
            Rule("t/rate", "rate", 10 * MINUTE, above=10),
            Rule("t/apart", "disagreement", 10 * MINUTE, apart=1000, other=upper),
            Rule("t/stuck", "stuck", 10 * MINUTE),
        )
        story = Story(*rules)
        story.settings(0, {CENTER: story.watch, upper: _with(story.watch, series=upper)})
        story.hold(0, 5, -1)
        story.read(5, 9, series=upper)
        before = json.dumps(story.engine.dump())
        ahead = StreamEngine.load(STREAM, story.engine.dump())
        for minute in range(6, 30):
            at = START + minute * MINUTE
            ahead.feed(Reading(100 + minute, CENTER, at, "b", minute * MINUTE, -1_000 - minute))
            ahead.feed(Reading(100 + minute, upper, at, "b", minute * MINUTE, 9_000))

        assert json.dumps(story.engine.dump()) == before


class TestRulesOfOtherVersions:
    def body(self, *rules: dict[str, object]) -> dict[str, object]:
        """Return what a settings record says of one series."""
        watch = _with(Story().watch).body() | {"rules": list(rules)}
        return {"series": {CENTER: watch}}

    def test_a_kind_that_this_version_does_not_know_is_left_out(self) -> None:
        """The others are judged; nothing crashes."""
        known = AT_LIMIT.body()
        later = known | {"kind": "sum-of-squares", "id": "x/later"}

        assert watches_from_record(self.body(later, known))[CENTER].rules == (AT_LIMIT,)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "disagreement", "apart": 1000, "other": "fridge-1/none/temperature"},
            {"kind": "disagreement", "apart": 1000, "other": CENTER},
            {"kind": "disagreement", "apart": 1000},
            {"kind": "stuck", "holds": True},
            {"kind": "stuck", "above": 8000},
            {"kind": "rate"},
            {"kind": "rate", "above": -1},
            {"kind": "rate", "at_or_above": 100},
            {"kind": "consecutive", "above": 8000, "apart": 1000, "other": CENTER, "for_ms": 0},
        ],
    )
    def test_a_rule_that_cannot_be_judged_is_refused_in_one_line(
        self, wrong: dict[str, object]
    ) -> None:
        """It names the rule; the hub keeps the record in quarantine."""
        rule = {"id": "x/wrong", "for_ms": 60_000, "holds": False, "tells": True} | wrong
        with pytest.raises(ValueError, match="rule x/wrong"):
            watches_from_record(self.body(rule))


class TestReboot:
    def test_two_synced_clocks_carry_a_run_over(self) -> None:
        """A reboot of two minutes within max_gap is held time, by the wall clock."""
        story = Story(Rule("t/warm", "consecutive", 5 * MINUTE, above=8000))
        story.hold(0, 2, 9)
        (opened,) = story.boot("c", 4, 9) + story.boot("c", 5, 9)

        assert (minute_of(opened.opened), opened.certainty) == (5, "certain")

    @pytest.mark.parametrize(("minute", "clock"), [(4, "estimated"), (1, "synced")])
    def test_a_clock_that_cannot_be_trusted_leaves_unknown_time(
        self, minute: int, clock: str
    ) -> None:
        """Estimated, or gone back while it was off: what lies between is no held time."""
        story = Story(AT_LIMIT)
        story.read(2, 9)
        (opened,) = story.boot("c", minute, 9, clock)

        assert opened.certainty == "possible"


class TestSilence:
    def test_exactly_d_is_in_time(self) -> None:
        """A logger that writes every 15 min is not silent for more than 15 min."""
        story = Story(WHO_SILENCE, interval_min=15, max_gap_min=45)
        story.hold(0, 300, 5, step=15)

        assert story.decisions == []

    def test_other_series_show_it(self) -> None:
        """A probe that dies beside a living one is silent as soon as the stream's time says so."""
        story = Story(WHO_SILENCE)
        story.read(1, 5)
        for minute in range(2, 17):
            story.read(minute, 20, series="fridge-1/ambient/temperature")
        (opened,) = story.read(16.5, 20, series="fridge-1/ambient/temperature")

        assert (opened.series, opened.side) == (CENTER, "silent")
        assert (minute_of(opened.start), minute_of(opened.opened)) == (1, 16)
        assert brief(story.read(30, 5)) == [("closed", "silence", "silent")]

    def test_a_probe_that_is_dead_from_the_start_is_told(self) -> None:
        """Silence counts from the settings record where there never was a reading."""
        story = Story(WHO_SILENCE)
        story.read(16, None, "rejected:no-answer")

        assert story.told() == [("silence", "silent")]
        assert minute_of(story.decisions[0].start) == 0


class TestRecovery:
    def test_ten_minutes_inside_are_told_once(self) -> None:
        """Recovery comes ten minutes after the first reading inside."""
        story = Story(AT_LIMIT)
        story.hold(0, 5, 9)
        story.hold(6, 15, 5)
        assert story.told("recovered") == []

        story.hold(16, 60, 5)
        assert story.told("recovered") == [("at-limit", "above")]

    def test_an_earlier_return_continues_the_thread(self) -> None:
        """Outside again within ten minutes is another excursion of the same thread."""
        story = Story(AT_LIMIT)
        story.hold(0, 5, 9)
        story.hold(6, 14, 5)
        story.hold(15, 20, 9)
        story.hold(21, 40, 5)
        story.hold(41, 45, 9)

        first, second, third = (d for d in story.decisions if d.happening == "opened")
        assert second.thread == first.id != second.id
        assert third.thread == third.id

    def test_too_cold_is_no_recovery_from_too_hot(self) -> None:
        """Inside is inside of both limits: what crossed to the other side has not recovered."""
        story = Story(AT_LIMIT)
        story.hold(0, 5, 9)
        story.hold(6, 40, 1)
        assert story.told("recovered") == []

        story.hold(41, 50, 5)
        assert story.told("recovered") == []
        story.read(51, 5)
        assert story.told("recovered") == [("at-limit", "above"), ("at-limit", "below")]

    def test_a_hole_starts_the_ten_minutes_anew(self) -> None:
        """Unknown time is not calm: only known minutes inside count."""
        story = Story(AT_LIMIT)
        story.hold(0, 5, 9)
        story.hold(6, 12, 5)
        story.hold(30, 39, 5)
        assert story.told("recovered") == []

        story.read(40, 5)
        assert story.told("recovered") == [("at-limit", "above")]


class TestSettings:
    def test_an_open_excursion_keeps_its_rule(self) -> None:
        """Looser limits do not end an excursion that opened under tighter ones."""
        tight = Rule("t/warm", "consecutive", 5 * MINUTE, above=8000)
        loose = Rule("t/warm", "consecutive", 5 * MINUTE, above=12_000)
        story = Story(tight)
        story.hold(0, 6, 9)
        story.settings(7, {CENTER: _with(story.watch, loose)})

        assert story.hold(8, 20, 9) == []
        (closed,) = story.read(21, 5)
        assert (closed.rule, minute_of(closed.end)) == (tight, 21)
        # From here on 9 degC is inside: calm under the rule now in force.
        assert brief(story.hold(22, 60, 9)) == [("recovered", "warm", "above")]

    def test_a_run_that_is_not_open_yet_is_carried_over(self) -> None:
        """A change of settings at minute nine of ten hides nothing."""
        story = Story(Rule("t/warm", "consecutive", 10 * MINUTE, above=8000))
        story.hold(0, 9, 9)
        story.settings(
            9.5,
            {CENTER: _with(story.watch, Rule("t/warm", "consecutive", 10 * MINUTE, above=8500))},
        )
        (opened,) = story.hold(10, 10, 9)

        assert (minute_of(opened.start), minute_of(opened.opened)) == (0, 10)

    def test_an_old_rule_holds_by_the_new_interval(self) -> None:
        """Changed intervals concern the excursion that is still open under a rule of before, too.

        With two-minute intervals its next reading, three minutes later, would have made it certain;
        with one-minute intervals that is a hole.
        """
        old = Rule("t/cold", "consecutive", 6 * MINUTE, below=2000)
        story = Story(old, interval_min=2, max_gap_min=2)
        story.hold(0, 6, -3, step=3)
        assert [d.certainty for d in story.decisions] == ["possible"]
        new = Watch(CENTER, MINUTE, MINUTE, (2000, 8000), decides=True, rules=())
        story.settings(6, {CENTER: new})
        again = StreamEngine.load(STREAM, json.loads(json.dumps(story.engine.dump())))

        brought = story.read(9, -3)
        assert brought == again.feed(
            Reading(story.seq, CENTER, START + 9 * MINUTE, "b", 9 * MINUTE, -3000)
        )
        assert brought == []

    def test_a_window_passes_to_the_rule_that_takes_over(self) -> None:
        """Time in the window when an excursion closes still counts under its rule's successor."""
        story = Story(Rule("t/sum", "cumulative", 10 * MINUTE, below=2000, window_ms=60 * MINUTE))
        story.hold(0, 10, -3)
        later = Rule("t/sum", "cumulative", 12 * MINUTE, below=2000, window_ms=60 * MINUTE)
        story.settings(11, {CENTER: _with(story.watch, later)})
        story.hold(11, 61, 5)
        story.hold(62, 65, -3)
        assert story.told("closed") == [("sum", "below")]

        # Ten minutes and a bit are left of the first run as the second one begins.
        story.hold(66, 80, -3)
        assert minute_of(story.decisions[-1].opened) == 74

    def test_the_order_of_decisions_survives_a_restart(self) -> None:
        """Rules that took over from old ones decide in the order of the settings, restarted or not."""
        both = [Rule(f"t/{name}", "instant", 0, above=8000) for name in "ab"]
        later = [Rule(f"t/{name}", "instant", 0, above=9000) for name in "ab"]
        story = Story(*both)
        # Only `a` changes while it is open: its successor comes last into the engine.
        story.hold(0, 2, 12)
        story.settings(3, {CENTER: _with(story.watch, later[0], both[1])})
        story.read(4, 5)
        again = StreamEngine.load(STREAM, json.loads(json.dumps(story.engine.dump())))
        story.read(5, 12)
        again.feed(Reading(story.seq, CENTER, START + 5 * MINUTE, "b", 5 * MINUTE, 12_000))

        brought = story.read(6, 12)
        assert [d.rule.id for d in brought] == ["t/a", "t/b"]
        assert brought == again.feed(
            Reading(story.seq, CENTER, START + 6 * MINUTE, "b", 6 * MINUTE, 12_000)
        )

    def test_a_series_that_is_no_longer_watched_closes(self) -> None:
        """What nothing judges any more does not stay open for ever."""
        story = Story(AT_LIMIT)
        story.hold(0, 5, 9)
        (closed,) = story.settings(6, {})

        assert (closed.reason, minute_of(closed.end)) == ("rule-changed", 6)


def _with(watch: Watch, *rules: Rule, series: str | None = None) -> Watch:
    return Watch(
        series or watch.series,
        watch.interval_ms,
        watch.max_gap_ms,
        watch.storage,
        watch.decides,
        rules,
    )
