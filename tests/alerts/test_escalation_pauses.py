"""The escalation where its time stands still: what ends together, what touches, and at which instant.

test_escalation.py holds it against a life lived moment by moment, on stories drawn by chance. These
here are the ones that chance seldom draws.
"""

from __future__ import annotations

import dataclasses

import pytest

from alerts.escalation import AlarmFacts, Answer, Opening, Span, Step, schedule
from tests.alerts.test_escalation import COUNTY, HALF_HOUR, ID, MINUTE, answers, at, told

OTHER = "b" * 16


def opening(minute: float) -> tuple[Opening, ...]:
    """Another rule sees it as well from this minute on."""
    return (Opening(OTHER, *at(minute)),)


class TestWork:
    def test_work_without_an_end_keeps_everything_back(self) -> None:
        """Nobody is told, and nothing is due by itself."""
        facts = AlarmFacts(ID, at(10)[0], works=(Span(0, None),))

        assert told(COUNTY, facts, 600) == []
        assert schedule(COUNTY, facts, at(600)[0]).next_at is None

    def test_work_that_was_called_off_as_it_began_was_none(self) -> None:
        """It ended no later than it began: nobody hears that it is over."""
        for end in (5, 4):
            facts = AlarmFacts(ID, 0, works=(Span(*at(5, end)),))

            assert told(COUNTY, facts, 9) == [(0, "opened", "")]

    def test_the_end_of_the_work_is_news_also_behind_an_answer(self) -> None:
        """Answered, then worked on: they hear that the work is over, not that an answer lapsed."""
        facts = AlarmFacts(ID, 0, answers=answers(5), works=(Span(*at(20, 60)),))

        assert told(COUNTY, facts, 60) == [(0, "opened", ""), (60, "work-over", "r1")]
        facts = AlarmFacts(ID, 0, answers=answers(40), works=(Span(*at(20, 60)),))
        assert told(COUNTY, facts, 70)[1:] == [
            (10, "repeat", "0.0.1"),
            (15, "escalated", "1"),
            (70, "work-over", "r1"),
        ]

    def test_work_that_was_over_before_holds_nothing_back(self) -> None:
        """An answer counts all the same, and so does what is inside."""
        facts = AlarmFacts(ID, at(10)[0], answers=answers(12), works=(Span(*at(0, 5)),))

        assert told(COUNTY, facts, 42) == [(10, "opened", ""), (42, "resumed", "r1")]

    def test_what_opens_as_the_work_ends_is_an_alarm(self) -> None:
        """It did not wait for the work: it is told as what it is."""
        facts = AlarmFacts(ID, at(10)[0], works=(Span(*at(0, 10)),))

        assert told(COUNTY, facts, 10) == [(10, "opened", "")]

    def test_what_opens_a_moment_before_the_work_is_told(self) -> None:
        """The instant before the work is the last one at which people are told."""
        before = AlarmFacts(ID, at(10)[0] - 1, works=(Span(*at(10, 60)),))

        assert [due.happening for due in schedule(COUNTY, before, at(59)[0]).due] == ["opened"]
        assert told(COUNTY, dataclasses.replace(before, opened_at=at(10)[0]), 59) == []

    @pytest.mark.parametrize(
        ("minute", "waits"), [(4.9, False), (5, True), (9.9, True), (10, False), (15, False)]
    )
    def test_what_opens_during_the_work_waits_for_its_end(
        self, minute: float, *, waits: bool
    ) -> None:
        """From its first instant until before its last; beside it an answer has taken it on."""
        facts = AlarmFacts(
            ID, 0, answers=answers(4), works=(Span(*at(5, 10)),), openings=opening(minute),
        )  # fmt: skip

        (over,) = (due for due in schedule(COUNTY, facts, at(34)[0]).due if due.key == "r1")
        assert over.excursions == ((ID, OTHER) if waits else (ID,))
        covered = [due.excursions for due in schedule(COUNTY, facts, at(34)[0]).due[1:-1]]
        assert covered == ([] if waits else [(OTHER,)])

    def test_what_opens_during_work_that_lasts_is_not_covered(self) -> None:
        """Nobody has taken it on: it will be told when the work is over."""
        facts = AlarmFacts(ID, 0, works=(Span(*at(5, 60)),), openings=opening(20))

        assert told(COUNTY, facts, 30) == [(0, "opened", "")]
        assert told(COUNTY, dataclasses.replace(facts, works=(Span(5, None),)), 30) == [
            (0, "opened", "")
        ]


class TestAnswers:
    def test_each_lapse_is_told(self) -> None:
        """Taken on three times and still open: they hear of it three times, each by its own name."""
        facts = AlarmFacts(ID, 0, answers=answers(5, 40, 75))

        assert [each for each in told(COUNTY, facts, 105) if each[1] == "resumed"] == [
            (35, "resumed", "r1"),
            (70, "resumed", "r2"),
            (105, "resumed", "r3"),
        ]

    def test_who_answers_as_the_last_answer_lapses_is_told_that_it_goes_on(self) -> None:
        """At that instant none held: it is told, and then it is quiet again."""
        facts = AlarmFacts(ID, 0, answers=answers(5, 35))

        assert told(COUNTY, facts, 65) == [
            (0, "opened", ""),
            (35, "resumed", "r1"),
            (65, "resumed", "r2"),
        ]

    def test_what_opens_at_the_moment_of_an_answer_is_told(self) -> None:
        """A moment later it is covered, for those who had been told of the alarm."""
        facts = AlarmFacts(ID, 0, answers=answers(5), openings=opening(5))
        assert told(COUNTY, facts, 34) == [(0, "opened", ""), (5, "opened", "")]

        facts = dataclasses.replace(facts, openings=opening(5.1))
        for now in (6, 35):
            covered = schedule(COUNTY, facts, at(now)[0]).due[1]
            assert (covered.happening, covered.excursions, covered.steps) == (
                "covered", (OTHER,), (0,),
            )  # fmt: skip

    def test_what_was_covered_is_so_for_those_who_know_while_all_is_inside(self) -> None:
        """Nobody knows when time will run again, and it is known already who need not hear of it."""
        facts = AlarmFacts(
            ID, 0, answers=answers(5), openings=opening(12), inside=(Span(at(13)[0], None),)
        )

        (_, covered) = schedule(COUNTY, facts, at(60)[0]).due
        assert (covered.happening, covered.excursions, covered.steps) == ("covered", (OTHER,), (0,))

    def test_a_rule_that_opens_as_a_step_is_reached_is_told_to_that_step_too(self) -> None:
        """The manager, who is just being told, hears of both."""
        facts = AlarmFacts(ID, 0, openings=opening(15))

        (due,) = (
            each for each in schedule(COUNTY, facts, at(15)[0]).due if OTHER in each.excursions
        )
        assert due.steps == (0, 1)

    def test_an_answer_and_a_short_return_end_together(self) -> None:
        """Everything was inside when the answer lapsed: that it goes on is told when it does."""
        facts = AlarmFacts(ID, 0, answers=answers(5), inside=(Span(*at(30, 38)),))

        assert told(COUNTY, facts, 40) == [(0, "opened", ""), (38, "resumed", "r1")]
        still = dataclasses.replace(facts, inside=(Span(at(30)[0], None),))
        assert told(COUNTY, still, 90) == [(0, "opened", "")]


def test_a_first_step_has_its_delay_to_the_millisecond() -> None:
    """What was learned at once had none of it behind it."""
    policy = (Step(20 * MINUTE, ("li",)),)
    facts = AlarmFacts(ID, 0)

    assert schedule(policy, facts, 20 * MINUTE - 1).due == ()
    assert told(policy, facts, 20) == [(20, "opened", "")]


def test_an_answer_holds_for_its_time_to_the_millisecond() -> None:
    """What gets worse as it lapses breaks nothing that still held."""
    facts = AlarmFacts(ID, 0, answers=(Answer(5, HALF_HOUR),), worsened=(5 + HALF_HOUR,))

    assert schedule(COUNTY, facts, 4 + HALF_HOUR).due[1:] == ()
    assert [due.key for due in schedule(COUNTY, facts, 5 + HALF_HOUR).due[1:]] == ["r1"]
