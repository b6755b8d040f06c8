"""Rate rules: a value that rises, or falls, faster than X a minute for D.

The rate is a series of its own, made from the readings: at each one, the change since the newest
reading at least ``RATE_OVER_MS`` before it, where no hole lies between the two. It holds as any
reading does, and the rule on it is a consecutive one.

Why over five minutes: a DS18B20 counts in 1/16 degC, so between two readings of one minute it shows
either no change or 0.0625 degC a minute, and a steady warming of 0.05 degC a minute would look as if
it stopped every few minutes. Over five minutes the step is 0.0125 degC a minute. A jump (a door
opened, a warm box put in) is over five minutes after it has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from alerts.decisions import Decision, Reason
from alerts.machine import Machine, Moment
from alerts.rules import Rule, Side, Watch
from alerts.runs import RunMachine

RATE_OVER_MS: Final = 300_000
_MINUTE_MS: Final = 60_000


class RateMachine(RunMachine):
    """A consecutive rule on the rate of change; its values are thousandths a minute."""

    __slots__ = ("rated", "recent")
    saved_fields = (*RunMachine.saved_fields, "recent")
    back: ClassVar[Reason] = "slower-again"

    def __init__(self, rule: Rule, side: Side, stream: str, watch: Watch) -> None:
        super().__init__(rule, side, stream, watch)
        # Readings without a hole between them, [t, value]; the first is the one to compare with.
        self.recent: list[list[int]] = []
        # The newest rate, as a reading.
        self.rated: Moment | None = None

    @property
    def quiet(self) -> bool:
        """Whether a reading would change nothing here: each one is needed."""
        return False

    def due(self, last: Moment) -> int:
        """Return when the newest rate's certain hold of one interval makes the run long enough."""
        return super().due(self.rated or last)

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Credit at most one interval to the newest rate, for a decision only."""
        return super().advance(t, self.rated or last, seq)

    def reading(
        self,
        last: Moment,  # noqa: ARG002 - the contract of the kinds that need it
        now: Moment,
        held: int,  # noqa: ARG002
        unknown: int,  # noqa: ARG002
        *,
        whole: bool,
    ) -> list[Decision]:
        """Judge the rate that this reading makes known, where it makes one known."""
        rate = self._rate(now, whole=whole)
        if rate is None:
            return []
        # Not the record's own value: a decision must not print it as such.
        made = Moment(now.t, now.at, now.seq, rate, now.epoch, valid=False)
        before, self.rated = self.rated or made, made
        spent = made.t - before.t
        joined = spent <= self.gap_ms and made.epoch == before.epoch
        lasted = spent if joined else min(spent, self.interval_ms)
        return super().reading(before, made, lasted, spent - lasted, whole=joined)

    def _rate(self, now: Moment, *, whole: bool) -> int | None:
        """Return the rate at this reading, rounded away from the limit's inside so that it stays exact."""
        recent = self.recent
        if not whole:
            recent.clear()
        recent.append([now.t, now.value])
        edge = now.t - RATE_OVER_MS
        while len(recent) > 1 and recent[1][0] <= edge:
            recent.pop(0)
        t, value = recent[0]
        if t > edge:
            return None
        change, span = (now.value - value) * _MINUTE_MS, now.t - t
        # An integer is above a limit of integers exactly when the next one below it is not.
        return -(-change // span) if self.side == "above" else change // span

    def _certain_until(self, last: Moment) -> int:
        return super()._certain_until(self.rated or last)

    def _bequeath(self, heir: Machine, last: Moment) -> None:  # noqa: ARG002 - it is the rate that counts
        if isinstance(heir, RateMachine):
            heir.recent, heir.rated = self.recent, self.rated
            if self.rated is not None:
                super()._bequeath(heir, self.rated)

    def dump(self) -> dict[str, Any]:
        """Return what is under way as a JSON object."""
        return super().dump() | {"rated": None if self.rated is None else self.rated.dump()}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` returned; the list grows in place and must be our own."""
        super().load(saved)
        self.recent = [list(item) for item in self.recent]
        self.rated = None if saved["rated"] is None else Moment.load(saved["rated"])
