"""Disagreement rules: what is decided between two readings, over silence and at a change of settings.

Found by mutation testing (docs/mutation.md): each of these turned a mutant red that all other tests
let live.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.decisions import Decision, excursion_id
from tests.alerts.pairs import APART, UPPER, Pair
from tests.alerts.story import CENTER, MINUTE, START, STREAM, brief, minute_of


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
