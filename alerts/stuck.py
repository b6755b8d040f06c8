"""Stuck rules: a probe whose value has not changed at all for D, although a real one would.

A run begins with the first of at least two readings of one value and ends with the first of another.
Suspect readings count as all do. Unknown time between two equal readings suspends the run and does
not end it: what came in between may have been anything, so it makes the excursion possible only.

The runs of equal values are watched by the engine itself, which costs nothing: a machine is called
only when a run has nearly lasted for D or has a hole in it.
"""

from __future__ import annotations

from typing import ClassVar

from alerts.decisions import Decision, Reason
from alerts.machine import Machine, Moment
from alerts.runs import RunMachine


class StuckMachine(RunMachine):
    """A run of readings of exactly one value."""

    __slots__ = ("same",)
    back: ClassVar[Reason] = "value-moved"
    # The first of the readings that have had the newest value; the engine sets it before a reading.
    same: Moment

    @property
    def patience_ms(self) -> int:
        """How long a run without a hole may last before its readings concern this machine."""
        return max(0, self.rule.for_ms - self.gap_ms)

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        equal = last.valid and now.value == last.value
        if equal and self.first is None and not (whole and now.t - self.same.t < self.patience_ms):
            self.begin([self.same.t, self.same.at, self.same.seq])
            self.extreme = now.value
            self.held = last.t - self.same.t
        decisions: list[Decision] = []
        if self.thread and self.opened is None:
            decisions = self._recover(self._known(last, held), now)
            self._stay_calm(now, outside=False, whole=whole)
        if self.first is None:
            return decisions
        if self.opened is None or self.certainty == "possible":
            decisions += self._credit(held, last, now)
        self.held += held
        if equal:
            decisions += self._suspended(last, now, held, unknown)
            self.unknown += unknown
            return decisions
        self.unknown += unknown
        if self.opened is None:
            self._forget()
        else:
            decisions.append(self._close(self.back, now.at, now))
        return decisions

    def _known(self, last: Moment, held: int) -> int:
        """Return until when it is known that no excursion is open: one may open in this hold."""
        missing = self.rule.for_ms - self.held - self.unknown
        return last.t + (held if self.first is None else max(0, min(held, missing)))

    def _credit(self, held: int, last: Moment, now: Moment) -> list[Decision]:
        """Decide what is reached in this hold; first whether what was before had recovered by then."""
        decisions: list[Decision] = []
        if self.opened is None and self.rule.for_ms - self.held - self.unknown <= held:
            decisions = self._recover(self._known(last, held), now)
        return decisions + super()._credit(held, last, now)

    def join(self, last: Moment) -> None:
        """Count from the newest reading on: what was before, this rule has not seen."""
        if last.valid:
            self.begin([last.t, last.at, last.seq])
            self.extreme = last.value

    def _bequeath(self, heir: Machine, last: Moment) -> None:  # noqa: ARG002 - it ran at any limit
        if self.first is not None and isinstance(heir, StuckMachine):
            heir.begin(self.first)
            heir.held, heir.unknown, heir.extreme = self.held, self.unknown, self.extreme

    def bequeath_thread(self, heir: Machine, now: Moment) -> None:  # noqa: ARG002 - it moved
        """Let ``heir`` take over: the reading that moved begins a run of its own."""
        heir.thread, heir.calm = self.thread, self.calm
