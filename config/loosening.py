"""What counts as loosening: the one place that tells in which way one rule is looser than another.

A site may tighten what watches its stock, never loosen it without a reason in the journal. Looser is
whatever can make an alarm later, or let it never come: a limit farther out, a longer delay, a rule
that is gone, a gap that passes for measured time. Held against a profile's figures when settings
are read (config/changes.py), and against what was in force when the hub learns of new ones
(journal/looser.py). Of a chain of people: config/loosening_chain.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from protocol.reading import decimal

# How many recording intervals a reading holds where nothing else is said.
GAP_INTERVALS: Final = 3


class Figures(Protocol):
    """What a rule judges by: of a profile, or as it is in force. Thousandths and milliseconds."""

    @property
    def kind(self) -> str:
        """As in a profile."""

    @property
    def above(self) -> int | None:
        """Outside is above this."""

    @property
    def below(self) -> int | None:
        """Outside is below this."""

    @property
    def at_or_above(self) -> int | None:
        """Outside is this and above."""

    @property
    def at_or_below(self) -> int | None:
        """Outside is this and below."""

    @property
    def apart(self) -> int | None:
        """X of a disagreement."""

    @property
    def for_ms(self) -> int:
        """D."""

    @property
    def window(self) -> int | None:
        """W of a cumulative rule, milliseconds."""

    @property
    def holds(self) -> bool:
        """Whether batches are held."""

    @property
    def tells(self) -> bool:
        """Whether people are told."""


class InForce(Figures, Protocol):
    """A rule on a series."""

    @property
    def id(self) -> str:
        """``profile/name``."""

    @property
    def other(self) -> str | None:
        """The other series of a disagreement."""


_Rule = TypeVar("_Rule", bound=InForce)


def looser(before: Figures, after: Figures) -> list[str]:
    """Say in which ways ``after`` is looser than ``before``, a rule of the same kind; [] for none."""
    return [
        *_limit(before, after, ("above", "at_or_above"), upper=True),
        *_limit(before, after, ("below", "at_or_below"), upper=False),
        *_limit(before, after, ("apart",), upper=True),
        *_times(before, after),
        *(["it holds no batches"] if before.holds and not after.holds else []),
        *(["it tells nobody"] if before.tells and not after.tells else []),
    ]


def gone(before: Iterable[_Rule], after: Sequence[InForce]) -> Iterator[_Rule]:
    """Yield the rules for which no other one of the same series stands in, by name or by figures."""
    ids = {rule.id for rule in after}
    for rule in before:
        if rule.id not in ids and not any(_stands_in(rule, each) for each in after):
            yield rule


def gap_too_long(gap_ms: int, interval_ms: int) -> bool:
    """Whether a gap passes for measured time that is unknown by the three intervals of the standard."""
    return gap_ms > GAP_INTERVALS * interval_ms


def _stands_in(rule: InForce, other: InForce) -> bool:
    """Whether ``other`` is there whenever ``rule`` would be, and no later.

    Only one of the same kind: a sum leaves unknown time out that makes a run possible, and an
    instant waits for a second reading.
    """
    return (other.kind, other.other) == (rule.kind, rule.other) and not looser(rule, other)


def _limit(before: Figures, after: Figures, names: Sequence[str], *, upper: bool) -> Iterator[str]:
    was, now = _bound(before, names, upper=upper), _bound(after, names, upper=upper)
    if was is None or (now is not None and (now <= was if upper else now >= was)):
        return
    name, value = _printed(before, names)
    new_name, new = _printed(after, names)
    if new is None:
        yield f"`{name}` {decimal(value or 0)} is gone"
    elif name == new_name:
        yield f"`{name}` is {decimal(new)} instead of {decimal(value or 0)}"
    else:
        yield f"`{new_name}` is {decimal(new)} instead of `{name}` {decimal(value or 0)}"


def _bound(rule: Figures, names: Sequence[str], *, upper: bool) -> int | None:
    """Return the last value that is not outside."""
    name, value = _printed(rule, names)
    if value is None or not name.startswith("at_or"):
        return value
    return value - 1 if upper else value + 1


def _printed(rule: Figures, names: Sequence[str]) -> tuple[str, int | None]:
    given = [(name, getattr(rule, name)) for name in names]
    return next((each for each in given if each[1] is not None), (names[0], None))


def _times(before: Figures, after: Figures) -> Iterator[str]:
    was, now = _delay(before), _delay(after)
    if now > was:
        yield f"`delay` is {now // 1000} s instead of {was // 1000} s"
    if before.window is not None and after.window is not None and after.window < before.window:
        yield f"its window is {after.window // 1000} s instead of {before.window // 1000} s"


def _delay(rule: Figures) -> int:
    return 0 if rule.kind == "instant" else rule.for_ms
