"""Consecutive, instant and silence rules: excursions made of one run of time."""

from __future__ import annotations

from typing import ClassVar

from alerts.decisions import Decision, Reason
from alerts.machine import NEVER, Machine, Moment
from alerts.rules import Certainty, Rule, Side, Watch


class RunMachine(Machine):
    """Consecutive and instant rules: a run of outside readings on one side."""

    __slots__ = ()
    # Why an excursion closes that does not cross to the other side.
    back: ClassVar[Reason] = "first-reading-inside"

    @property
    def outside_now(self) -> bool:
        """Whether a run is going on."""
        return self.first is not None

    def due(self, last: Moment) -> int:
        """Return when the last reading's certain hold of one interval makes the run long enough."""
        if self.first is None or self.rule.kind == "instant":
            return NEVER
        if self.opened is None:
            need = self.rule.for_ms - self.held - self.unknown
        elif self.certainty == "possible":
            need = self.rule.for_ms - self.held
        else:
            return NEVER
        return last.t + need if need <= self.interval_ms else NEVER

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Credit at most one interval to the last reading, for a decision only."""
        if self.first is None or self.rule.kind == "instant":
            return []
        return self._credit(min(t - last.t, self.interval_ms), last, last.told_by(seq))

    def _credit(self, held: int, last: Moment, now: Moment) -> list[Decision]:
        """Decide what is reached while ``last`` holds for ``held`` more, without counting it yet."""
        decisions = []
        before, need = self.held, self.rule.for_ms
        # Less than nothing is missing only where a new rule with a shorter D took over the run.
        missing = max(0, need - before - self.unknown)
        if self.opened is None and missing <= held:
            self.held = before + missing
            alone = self.held >= need
            certainty: Certainty = "certain" if alone else "possible"
            reason: Reason = "held-time-reached" if alone else "held-and-unknown-time-reached"
            decisions.append(self._open(reason, certainty, last.at + missing, now))
        # Before this hold it was less than D: what is possible only becomes certain with D.
        if self.opened is not None and self.certainty == "possible" and need <= before + held:
            self.held = need
            self.certainty = "certain"
            decisions.append(self._decide("confirmed", "held-time-reached", now.seq, now))
        self.held = before
        return decisions

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        outside = self.outside(now.value)
        if self.first is None:
            recovered: list[Decision] = []
            if self.thread:
                recovered = self._recover(last.t + held, now)
                # Too cold is no recovery from too hot: inside is inside of both limits.
                self._stay_calm(now, outside=outside or self._crossed(now.value), whole=whole)
            if outside:
                self.begin([now.t, now.at, now.seq])
                self.extreme = now.value
            return recovered
        decisions: list[Decision] = []
        if self.rule.kind != "instant" and (self.opened is None or self.certainty == "possible"):
            decisions = self._credit(held, last, now)
        self.held += held
        if outside:
            self._worse(now.value)
            if self.rule.kind == "instant":
                self.unknown += unknown
                return self._again(now, whole=whole)
            decisions += self._suspended(last, now, held, unknown)
            self.unknown += unknown
            return decisions
        self.unknown += unknown
        if self.opened is None:
            self._forget()
            self.calm = now.t if self.thread and not self._crossed(now.value) else None
            return decisions
        crossed = self._crossed(now.value)
        reason: Reason = "crossed-to-the-other-side" if crossed else self.back
        decisions.append(self._close(reason, now.at, now))
        if crossed:
            self.calm = None
        return decisions

    def _crossed(self, value: int) -> bool:
        """Whether a value that is not outside here is outside on the other side."""
        low, high = self.rule.low, self.rule.high
        return (low is not None and value < low) or (high is not None and value > high)

    def _again(self, now: Moment, *, whole: bool) -> list[Decision]:
        """Judge a further outside reading under an instant rule: only one without a hole is certain."""
        if self.opened is None:
            certainty: Certainty = "certain" if whole else "possible"
            return [self._open("two-readings-outside", certainty, now.at, now)]
        if self.certainty == "possible" and whole:
            self.certainty = "certain"
            return [self._decide("confirmed", "two-readings-outside", now.seq, now)]
        return []

    def _suspended(self, last: Moment, now: Moment, held: int, unknown: int) -> list[Decision]:
        """Judge a run that goes on, perhaps over unknown time: it may be possible before certain."""
        need = self.rule.for_ms - self.held - self.unknown
        if self.opened is not None or need > unknown:
            return []
        self.unknown += need
        opening = self._open(
            "held-and-unknown-time-reached", "possible", last.at + held + need, now
        )
        self.unknown -= need
        return [opening]

    def _bequeath(self, heir: Machine, last: Moment) -> None:
        """Keep a run that is not open yet where its last reading is outside under the new rule too."""
        if self.first is not None and type(heir) is type(self) and heir.outside(last.value):
            heir.begin(self.first)
            heir.held, heir.unknown, heir.extreme = self.held, self.unknown, self.extreme

    def as_it_stands(self, last: Moment) -> Decision:
        """Return the open excursion with the last reading holding for one interval."""
        self.held += self.interval_ms
        decision = super().as_it_stands(last)
        self.held -= self.interval_ms
        return decision


class SilenceMachine(Machine):
    """No valid reading of a series for D, on its stream's own time."""

    __slots__ = ()

    def __init__(self, rule: Rule, side: Side, stream: str, watch: Watch) -> None:
        super().__init__(rule, side, stream, watch)
        # A reading that comes after exactly D is in time.
        self.patience = rule.for_ms + 1

    def due(self, last: Moment) -> int:
        """Return when the silence is too long."""
        return NEVER if self.open else last.t + self.patience

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Open when the stream has gone on for longer than D without a valid reading."""
        if self.open or t <= last.t + self.rule.for_ms:
            return []
        self.begin([last.t, last.at, last.seq])
        self.held = self.rule.for_ms
        opened = last.at + self.rule.for_ms
        return [self._open("no-valid-reading", "certain", opened, last.told_by(seq))]

    def reading(
        self,
        last: Moment,
        now: Moment,
        held: int,
        unknown: int,  # noqa: ARG002 - the contract of the kinds that count it
        *,
        whole: bool,
    ) -> list[Decision]:
        """End the silence with a valid reading."""
        if not self.open:
            recovered = self._recover(last.t + held, now)
            if self.thread:
                self._stay_calm(now, outside=False, whole=whole)
            return recovered
        self.held = now.t - last.t
        return [self._close("valid-reading-again", now.at, now)]
