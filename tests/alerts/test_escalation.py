"""The escalation: against a life lived moment by moment, and whatever the moments at which it is asked."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.escalation import (
    AlarmFacts,
    Answer,
    Due,
    Opening,
    Policy,
    Schedule,
    Span,
    Step,
    answered,
    schedule,
)

MINUTE = 60_000
HALF_HOUR = 30 * MINUTE
COUNTY = (
    Step(0, ("pharmacist", "deputy", "nurse"), repeat_ms=10 * MINUTE),
    Step(15 * MINUTE, ("manager",)),
)
ID = "a" * 16


def told(policy: Policy, facts: AlarmFacts, minutes: float) -> list[tuple[float, str, str]]:
    """Return minute, happening and key of what is due by then."""
    due = schedule(policy, facts, int(minutes * MINUTE)).due
    return [(each.at / MINUTE, each.happening, each.key) for each in due]


def at(*minutes: float) -> list[int]:
    """Return these minutes in milliseconds."""
    return [int(each * MINUTE) for each in minutes]


def answers(*minutes: float) -> tuple[Answer, ...]:
    """Acknowledgements at these minutes."""
    return tuple(Answer(each, HALF_HOUR) for each in at(*minutes))


class TestByHand:
    def test_steps_and_repeats(self) -> None:
        """At once, then the manager, and the first again and again."""
        facts = AlarmFacts(ID, 0)

        assert told(COUNTY, facts, 30) == [
            (0, "opened", ""),
            (10, "repeat", "0.0.1"),
            (15, "escalated", "1"),
            (20, "repeat", "0.0.2"),
            (30, "repeat", "0.0.3"),
        ]
        assert schedule(COUNTY, facts, 30 * MINUTE).next_at == 40 * MINUTE

    def test_an_answer_stops_it_for_half_an_hour(self) -> None:
        """Then they hear again, and the rest of the steps has what was left of its time."""
        facts = AlarmFacts(ID, 0, answers=answers(5))

        assert told(COUNTY, facts, 34.9) == [(0, "opened", "")]
        assert told(COUNTY, facts, 50)[1:] == [
            (35, "resumed", "r1"),
            (45, "repeat", "0.1.1"),
            (45, "escalated", "1"),
        ]
        assert [answered(facts, each) for each in at(4.9, 5, 34.9, 35)] == [
            False, True, True, False,
        ]  # fmt: skip

    def test_what_is_due_at_the_moment_of_an_answer_is_told(self) -> None:
        """Whoever looks first: the result is the same."""
        assert (15, "escalated", "1") in told(COUNTY, AlarmFacts(ID, 0, answers=answers(15)), 20)

    def test_it_goes_on_at_once_when_it_gets_worse(self) -> None:
        """Possible that became certain is told again; a rule that opens is told as what it is."""
        certain = AlarmFacts(ID, 0, answers=answers(5), worsened=(12 * MINUTE,))
        held = dataclasses.replace(certain, openings=(Opening("b" * 16, 12 * MINUTE),))

        assert told(COUNTY, certain, 13) == [(0, "opened", ""), (12, "resumed", "r1")]
        assert told(COUNTY, held, 13) == [(0, "opened", ""), (12, "opened", "")]
        assert schedule(COUNTY, held, 13 * MINUTE).due[1].excursions == ("b" * 16,)

    def test_who_answers_as_it_gets_worse_has_answered_that(self) -> None:
        """Only what comes later breaks an answer."""
        facts = AlarmFacts(ID, 0, answers=answers(5), worsened=(5 * MINUTE,))

        assert told(COUNTY, facts, 34.9) == [(0, "opened", "")]

    def test_a_rule_that_adds_nothing_wakes_nobody_who_has_answered(self) -> None:
        """It is covered by what was told; without an answer it is told."""
        facts = AlarmFacts(ID, 0, openings=(Opening("b" * 16, 12 * MINUTE),))

        assert (12, "opened", "") in told(COUNTY, facts, 13)
        facts = dataclasses.replace(facts, answers=answers(5))
        assert told(COUNTY, facts, 13)[1:] == [(12, "covered", "")]

    def test_what_was_covered_stays_so_when_all_is_inside_again(self) -> None:
        """Whoever asks only then has to learn of it as well."""
        facts = AlarmFacts(
            ID, 0, openings=(Opening("b" * 16, 12 * MINUTE),), answers=answers(5),
            inside=(Span(13 * MINUTE, None),),
        )  # fmt: skip

        assert told(COUNTY, facts, 60) == [(0, "opened", ""), (12, "covered", "")]

    def test_recovery_ends_it(self) -> None:
        """And an alarm that was over before its first step is due is told to nobody."""
        assert told(COUNTY, AlarmFacts(ID, 0, recovered_at=12 * MINUTE), 60) == [
            (0, "opened", ""),
            (10, "repeat", "0.0.1"),
        ]
        later = (Step(20 * MINUTE, ("li",)),)
        assert told(later, AlarmFacts(ID, 0, recovered_at=19 * MINUTE), 60) == []
        assert schedule(later, AlarmFacts(ID, 0, recovered_at=19 * MINUTE), 0).next_at is None

    def test_what_was_learned_late_is_told_at_once(self) -> None:
        """Also where it is over by then, and the first step would have had its delay."""
        later = (Step(20 * MINUTE, ("li",)), Step(30 * MINUTE, ("wang",)))
        facts = AlarmFacts(ID, 0, late_ms=5 * 60 * MINUTE)

        assert told(later, facts, 9) == [(0, "opened", "")]
        assert told(later, facts, 10)[1:] == [(10, "escalated", "1")]
        assert told(later, dataclasses.replace(facts, recovered_at=0), 99) == [(0, "opened", "")]

    def test_announced_work_keeps_everything_back_until_its_end(self) -> None:
        """Still open then: told at once, and the steps count from there."""
        facts = AlarmFacts(ID, at(10)[0], works=(Span(*at(0, 60)),))

        assert told(COUNTY, facts, 59.9) == []
        assert schedule(COUNTY, facts, 20 * MINUTE).next_at == 60 * MINUTE
        assert told(COUNTY, facts, 75) == [
            (60, "work-over", ""),
            (70, "repeat", "0.0.1"),
            (75, "escalated", "1"),
        ]

    def test_an_alarm_that_ends_with_the_work_was_none(self) -> None:
        """The fridge was defrosted and is cold again: nobody has been woken."""
        facts = AlarmFacts(ID, at(10)[0], works=(Span(*at(0, 60)),), recovered_at=at(40)[0])

        assert told(COUNTY, facts, 100) == []

    def test_work_that_ends_early_ends_early(self) -> None:
        """Whoever says that it is done is told what is still open."""
        facts = AlarmFacts(ID, at(10)[0], works=(Span(*at(0, 20)),))

        assert told(COUNTY, facts, 20) == [(20, "work-over", "")]

    def test_work_holds_an_alarm_that_was_told_before(self) -> None:
        """No repeats meanwhile; at its end those who know hear that it goes on."""
        facts = AlarmFacts(
            ID, 0, openings=(Opening("b" * 16, 20 * MINUTE),), works=(Span(*at(5, 60)),),
        )  # fmt: skip

        assert told(COUNTY, facts, 69) == [(0, "opened", ""), (60, "work-over", "r1")]
        assert schedule(COUNTY, facts, 69 * MINUTE).due[1].excursions == (ID, "b" * 16)

    def test_time_stands_still_while_all_is_inside(self) -> None:
        """Inside for less than ten minutes: no repeats, and a return is not told anew."""
        facts = AlarmFacts(ID, 0, inside=(Span(*at(8, 14)),))

        assert told(COUNTY, facts, 16) == [(0, "opened", "")]
        assert told(COUNTY, facts, 24)[1:] == [(21, "escalated", "1"), (24, "repeat", "0.1.1")]


# --- against a life lived moment by moment ---


def lived(policy: Policy, facts: AlarmFacts, now: int) -> set[Due]:
    """Return what falls due until ``now``, looking at nothing but the moment and what was before."""
    pauses = [(span.begin, span.end, "inside") for span in facts.inside]
    pauses += [(span.begin - 1, span.end, "work") for span in facts.works]
    for answer in facts.answers:
        end = answer.at
        while end < answer.at + answer.holds_ms and (end == answer.at or end not in facts.worsened):
            end += 1
        pauses.append((answer.at, end, "answer"))

    due: set[Due] = set()
    clock = min(facts.late_ms, policy[0].after_ms)
    bases: dict[int, int] = {}
    waiting, news = [facts.id], []
    stood: set[str] = set()
    stretch = 0
    ran = False
    for t in range(facts.opened_at, now + 1):
        if facts.recovered_at is not None and t > facts.recovered_at:
            break
        if t > facts.opened_at:
            stands = {kind for b, e, kind in pauses if b < t and (e is None or t <= e)}
            stood |= stands
            clock += not stands
        opening = [each.excursion for each in facts.openings if each.at == t]
        paused = any(b < t and (e is None or t < e) for b, e, _ in pauses)
        if paused:
            worked = any(b < t and (e is None or t < e) for b, e, kind in pauses if kind == "work")
            stood |= {"work"} if worked else set()
            for excursion in opening:
                if bases and worked:
                    news.append(excursion)
                elif bases:
                    due.add(Due(t, "covered", "", (excursion,), tuple(bases)))
                else:
                    waiting.append(excursion)
            continue
        before = tuple(bases)
        if stood and ran:
            stretch += 1
        if stood and before:
            bases = dict.fromkeys(before, t)
            if news or (stood & {"work", "answer"} and not opening):
                kind = "work-over" if "work" in stood else "resumed"
                due.add(Due(t, kind, f"r{stretch}", (facts.id, *news), before))  # type: ignore[arg-type]
            news = []
        for index, step in enumerate(policy):
            if index not in bases and clock >= step.after_ms:
                bases[index] = t
                if index:
                    due.add(Due(t, "escalated", str(index), (facts.id,), (index,)))
                else:
                    kind = "work-over" if "work" in stood else "opened"
                    due.add(Due(t, kind, "", (*waiting, *opening), (0,)))  # type: ignore[arg-type]
                    opening = []
            elif index in bases and step.repeat_ms is not None and t > bases[index]:
                count, rest = divmod(t - bases[index], step.repeat_ms)
                if not rest:
                    due.add(Due(t, "repeat", f"{index}.{stretch}.{count}", (facts.id,), (index,)))
        for excursion in opening:
            if bases:
                due.add(Due(t, "opened", "", (excursion,), tuple(bases)))
            else:
                waiting.append(excursion)
        stood, ran = set(), True
    return due


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """One to three steps with short times."""
    afters = sorted(draw(st.sets(st.integers(0, 15), min_size=1, max_size=3)))
    return tuple(
        Step(after, ("x",), repeat_ms=draw(st.none() | st.integers(1, 9))) for after in afters
    )


@st.composite
def stories(draw: st.DrawFn) -> AlarmFacts:
    """An alarm that opens at 10 and what may happen until 60."""
    moments = st.integers(11, 60)
    edges = sorted(draw(st.sets(moments, max_size=5)))
    inside = tuple(
        Span(begin, end) for begin, end in zip(edges[::2], [*edges[1::2], None], strict=False)
    )
    times = sorted(draw(st.lists(moments, max_size=4)))
    openings = tuple(
        Opening(str(number), each)
        for number, each in enumerate(times)
        if not any(s.begin <= each and (s.end is None or each < s.end) for s in inside)
    )
    worse = {each.at for each in openings if draw(st.booleans())} | draw(
        st.sets(moments, max_size=2)
    )
    works = []
    for _ in range(draw(st.integers(0, 2))):
        begin = draw(st.integers(0, 60))
        works.append(Span(begin, begin + draw(st.integers(1, 20))))
    held = draw(st.integers(1, 12))
    return AlarmFacts(
        ID,
        10,
        late_ms=draw(st.integers(0, 20)),
        openings=openings,
        worsened=tuple(sorted(worse)),
        answers=tuple(Answer(each, held) for each in sorted(draw(st.sets(moments, max_size=3)))),
        inside=inside,
        works=tuple(sorted(works, key=lambda span: span.begin)),
        recovered_at=draw(st.none() | st.integers(10, 60)),
    )


@settings(max_examples=120)
@given(policies(), stories(), st.integers(10, 80))
def test_it_is_what_a_life_lived_gives(policy: Policy, facts: AlarmFacts, now: int) -> None:
    """Everything, and nothing else, with the same names."""
    due = schedule(policy, facts, now).due

    assert set(due) == lived(policy, facts, now)
    assert len({(each.happening, each.key, each.excursions) for each in due}) == len(due)


def known(facts: AlarmFacts, now: int, planned: dict[int, int]) -> AlarmFacts:
    """Return what is known at ``now``; work that ends early was planned to end at ``planned``."""
    return AlarmFacts(
        facts.id,
        facts.opened_at,
        facts.late_ms,
        tuple(each for each in facts.openings if each.at <= now),
        tuple(each for each in facts.worsened if each <= now),
        tuple(each for each in facts.answers if each.at <= now),
        tuple(
            Span(each.begin, each.end if each.end is not None and each.end <= now else None)
            for each in facts.inside
            if each.begin <= now
        ),
        tuple(
            each if each.end is None or each.end <= now else Span(each.begin, planned[number])
            for number, each in enumerate(facts.works)
            if each.begin <= now
        ),
        facts.recovered_at
        if facts.recovered_at is not None and facts.recovered_at <= now
        else None,
    )


def asked(policy: Policy, facts: AlarmFacts, moments: list[int], seed: int) -> list[Schedule]:
    """Ask at these moments, knowing no more than what has happened."""
    more = random.Random(seed)
    planned = {
        number: (each.end or 0) + more.randint(0, 9) for number, each in enumerate(facts.works)
    }
    return [schedule(policy, known(facts, moment, planned), moment) for moment in moments]


def together(answers: list[Schedule]) -> set[Due]:
    """Return everything that was ever due."""
    return {due for each in answers for due in each.due}


@settings(max_examples=120)
@given(policies(), stories(), st.sets(st.integers(10, 80)), st.integers(0, 99))
def test_the_moments_of_asking_do_not_matter(
    policy: Policy, facts: AlarmFacts, moments: set[int], seed: int
) -> None:
    """Asked each millisecond, at any moments, or once at the end: the same notices."""
    often = together(asked(policy, facts, list(range(10, 81)), seed))

    assert together(asked(policy, facts, [*sorted(moments), 80], seed)) == often
    assert often == set(schedule(policy, facts, 80).due)


@settings(max_examples=60)
@given(policies(), stories(), st.integers(0, 99))
def test_it_is_enough_to_ask_when_it_says_or_something_happens(
    policy: Policy, facts: AlarmFacts, seed: int
) -> None:
    """Nothing comes later than it would if it were asked all the time."""
    happens = {10, facts.recovered_at, *facts.worsened}
    happens |= {each.at for each in (*facts.openings, *facts.answers)}
    for span in (*facts.inside, *facts.works):
        happens |= {span.begin, span.end}
    seen: dict[Due, int] = {}
    next_at: int | None = None
    for now in range(10, 81):
        if now in happens or (next_at is not None and now >= next_at):
            (answer,) = asked(policy, facts, [now], seed)
            next_at = answer.next_at
            for due in answer.due:
                seen.setdefault(due, now)

    assert seen == {due: due.at for due in schedule(policy, facts, 80).due}
