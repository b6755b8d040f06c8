"""The escalation of an alarm: what is due when, as a pure function of what is known of it.

A policy is a list of steps. Each begins ``after_ms`` behind the alarm's opening and tells the
people whom its ``to`` names; with ``repeat_ms`` it tells them again and again. Time stands still

- while an acknowledgement holds: half an hour, or until the alarm gets worse;
- while the asset is worked on, as was announced;
- while everything in it is inside again, but not for long enough to have recovered.

When one of the first two ends and the alarm is still open, those who had been told are told that
it goes on, and the rest of the steps follows after what was left of their time. A recovery ends
it all.

What is due at a time depends on nothing that becomes known later. So the result is the same
whether it is asked every second, only when something happens, or by a hub that was away for an
hour: `Due.key` names each notice once and for all. An instant at which time comes to stand still
still counts: what is due at the very millisecond of an answer is told.

Times are UTC milliseconds of the hub's clock. Nothing here knows who a role is (alerts/roster.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Happening = Literal["opened", "work-over", "resumed", "escalated", "repeat", "covered"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a policy.

    Attributes:
        after_ms: behind the opening; the steps of a policy come in this order, each later.
        to: roles and people.
        channels: ids, in the order in which they are tried; empty: the hub's own order.
        repeat_ms: from one telling to the next while nobody answers; None: once.
    """

    after_ms: int
    to: tuple[str, ...]
    channels: tuple[str, ...] = ()
    repeat_ms: int | None = None


Policy = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """A further excursion in the alarm that people are told of: another rule sees it as well."""

    excursion: str
    at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement, and for how long it holds if nothing gets worse."""

    at: int
    holds_ms: int


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` until ``end``; None: still."""

    begin: int
    end: int | None


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """What is known of an alarm.

    Attributes:
        id: that of the excursion that began it.
        opened_at: when the hub learned of it.
        late_ms: how long before that it had happened; this counts towards the first step only.
        openings: further ones, in order.
        worsened: when it got worse.
        answers: in order.
        inside: while nothing in it was open.
        works: announced work on the asset, from when on it was known.
        recovered_at: when it was over.
    """

    id: str
    opened_at: int
    late_ms: int = 0
    openings: tuple[Opening, ...] = ()
    worsened: tuple[int, ...] = ()
    answers: tuple[Answer, ...] = ()
    inside: tuple[Span, ...] = ()
    works: tuple[Span, ...] = ()
    recovered_at: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """Something that people must be told.

    Attributes:
        at: when it falls due.
        happening: ``opened``; ``work-over``: announced work has ended and it is still open;
            ``resumed``: an answer no longer holds; ``escalated``: a later step; ``repeat``;
            ``covered``: another rule sees what somebody has taken on already, so nobody is told.
        key: names it among everything that is ever due of this alarm.
        excursions: that it speaks of.
        steps: whose people are told; of ``covered`` those who had been told.
    """

    at: int
    happening: Happening
    key: str
    excursions: tuple[str, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What has fallen due by now, in order, and when to look again if nothing happens before."""

    due: tuple[Due, ...]
    next_at: int | None


@dataclass(frozen=True, slots=True)
class _Pause:
    """Time stands still behind ``begin`` and before ``end``."""

    begin: int
    end: int | None
    # What ends with it: of these people hear, of a return to the outside they do not.
    answer: bool = False
    work: bool = False


def schedule(policy: Policy, facts: AlarmFacts, now: int) -> Schedule:
    """Say what must have been told of an alarm by ``now``.

    Everything in ``facts`` that happens behind ``now`` must be known in advance, as the end of
    announced work is; anything else is not in there yet.
    """
    over = facts.recovered_at
    found = sorted(_all(policy, facts, now), key=lambda due: (due.at, due.key))
    found = [due for due in found if over is None or due.at <= over]
    later = [due.at for due in found if due.at > now]
    return Schedule(tuple(due for due in found if due.at <= now), min(later, default=None))


def answered(facts: AlarmFacts, now: int) -> bool:
    """Whether an acknowledgement holds now."""
    return any(answer.at <= now < _answer_ends(facts, answer) for answer in facts.answers)


def _answer_ends(facts: AlarmFacts, answer: Answer) -> int:
    worse = [at for at in facts.worsened if at > answer.at]
    return min([*worse, answer.at + answer.holds_ms])


def _pauses(facts: AlarmFacts) -> list[_Pause]:
    """Return the stretches in which time stands still, in order, none touching another."""
    found = [_Pause(span.begin, span.end) for span in facts.inside if span.begin != span.end]
    found += [
        _Pause(answer.at, _answer_ends(facts, answer), answer=True) for answer in facts.answers
    ]
    # At the first instant of announced work nobody is told any more.
    found += [
        _Pause(span.begin - 1, span.end, work=True)
        for span in facts.works
        if span.end is None or span.begin < span.end
    ]
    joined: list[_Pause] = []
    for pause in sorted(found, key=lambda each: each.begin):
        last = joined[-1] if joined else None
        if last is None or (last.end is not None and last.end <= pause.begin):
            joined.append(pause)
            continue
        ends = (last.end, pause.end)
        end = None if None in ends else max(end for end in ends if end is not None)
        joined[-1] = _Pause(last.begin, end, last.answer or pause.answer, last.work or pause.work)
    return joined


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch in which time runs, both ends in it, and the pause before it.

    ``elapsed`` is what the escalation's own clock shows at ``begin``.
    """

    number: int
    begin: int
    end: int | None
    elapsed: int
    behind: _Pause | None

    def at(self, elapsed: int) -> int | None:
        """Return when the clock shows this in here; None where it does not."""
        at = self.begin + elapsed - self.elapsed
        return at if at >= self.begin and (self.end is None or at <= self.end) else None


def _stretches(policy: Policy, facts: AlarmFacts) -> Iterator[_Stretch]:
    begin, behind = facts.opened_at, None
    elapsed = min(max(0, facts.late_ms), policy[0].after_ms)
    number = 0
    for pause in _pauses(facts):
        if pause.end is not None and pause.end <= begin:
            continue
        if pause.begin >= begin:
            yield _Stretch(number, begin, pause.begin, elapsed, behind)
            elapsed += pause.begin - begin
            number += 1
        if pause.end is None:
            return
        begin, behind = pause.end, pause
    yield _Stretch(number, begin, None, elapsed, behind)


def _all(policy: Policy, facts: AlarmFacts, now: int) -> Iterator[Due]:
    """Yield everything up to ``now``, and of each kind the next one behind it."""
    reached: dict[int, int] = {}
    untold = [Opening(facts.id, facts.opened_at), *facts.openings]
    for stretch in _stretches(policy, facts):
        before = tuple(reached)
        bases = dict.fromkeys(before, stretch.begin)
        for index, step in enumerate(policy):
            if index in reached:
                continue
            at = stretch.at(step.after_ms)
            if at is not None:
                reached[index] = bases[index] = at
        first = reached.get(0)
        if first is not None and 0 not in before:
            # The first message speaks of all that has opened by then.
            spoken = [each for each in untold if each.at <= first]
            happening: Happening = "opened"
            if first == stretch.begin and stretch.behind is not None and stretch.behind.work:
                happening = "work-over"
            yield Due(first, happening, "", tuple(each.excursion for each in spoken), (0,))
            untold = untold[len(spoken) :]
        elif before:
            # What opened while time stood still: silently where somebody had taken the alarm on.
            spoken = [each for each in untold if each.at < stretch.begin]
            yield from _resumed(facts, stretch, before, untold, spoken)
            untold = untold[len(spoken) :]
        while untold and first is not None and _inside(untold[0].at, stretch):
            each = untold.pop(0)
            told = tuple(index for index, at in reached.items() if at <= each.at)
            yield Due(each.at, "opened", "", (each.excursion,), told)
        yield from (
            Due(at, "escalated", f"{index}", (facts.id,), (index,))
            for index, at in reached.items()
            if index and index not in before
        )
        for index, base in bases.items():
            yield from _repeats(policy[index], index, base, stretch, facts.id, now)
    # Time stands still as far as is known; what opened meanwhile was taken on all the same.
    told = tuple(reached)
    for each in untold if told else ():
        if not _worked_on(facts, each.at):
            yield Due(each.at, "covered", "", (each.excursion,), told)


def _resumed(
    facts: AlarmFacts,
    stretch: _Stretch,
    before: tuple[int, ...],
    untold: Sequence[Opening],
    spoken: Sequence[Opening],
) -> Iterator[Due]:
    pause = stretch.behind
    assert pause is not None
    waited = [each.excursion for each in spoken if _worked_on(facts, each.at)]
    for each in spoken:
        if each.excursion not in waited:
            yield Due(each.at, "covered", "", (each.excursion,), before)
    # What opens at this very instant is the news; those who had been told hear of it.
    news = any(each.at == stretch.begin for each in untold)
    if waited or ((pause.answer or pause.work) and not news):
        happening: Happening = "work-over" if pause.work else "resumed"
        about = (facts.id, *waited)
        yield Due(stretch.begin, happening, f"r{stretch.number}", about, before)


def _worked_on(facts: AlarmFacts, at: int) -> bool:
    return any(span.begin <= at and (span.end is None or at < span.end) for span in facts.works)


def _inside(at: int, stretch: _Stretch) -> bool:
    return at >= stretch.begin and (stretch.end is None or at <= stretch.end)


def _repeats(
    step: Step, index: int, base: int, stretch: _Stretch, excursion: str, now: int
) -> Iterator[Due]:
    if step.repeat_ms is None:
        return
    count, at = 1, base + step.repeat_ms
    while stretch.end is None or at <= stretch.end:
        key = f"{index}.{stretch.number}.{count}"
        yield Due(at, "repeat", key, (excursion,), (index,))
        if at > now:
            return
        count, at = count + 1, at + step.repeat_ms
