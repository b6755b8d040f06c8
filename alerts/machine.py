"""What the state machines of all kinds of rule share; the engine drives them.

A machine judges one rule on one side of one series. It is told of every valid reading with how
long the reading before it held (``held``), how much time behind that is unknown (``unknown``),
and whether the two join without a hole (``whole``).
Times ``t`` are the stream's own; ``at`` is the wall clock that a decision prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, Final, NamedTuple

from alerts.decisions import Decision, Happening, Reason, excursion_id
from alerts.rules import Certainty, Rule, Side, Watch

NEVER = 1 << 62
# "told after ten minutes inside" (design.md, "Excursions, exactly").
RECOVERY_MS = 600_000


class Moment(NamedTuple):
    """A record as the machines see it: stream time, wall time, number, value, and the clock's epoch.

    ``epoch`` counts the reboots across which the clock was not certain. ``valid`` is False for the
    settings record that stands in before a series has its first reading.
    """

    t: int
    at: int
    seq: int
    value: int
    epoch: int
    valid: bool

    def dump(self) -> list[int]:
        """Return it for JSON."""
        return [self.t, self.at, self.seq, self.value, self.epoch, int(self.valid)]

    def told_by(self, seq: int) -> Moment:
        """Return this moment as record ``seq`` brings it to light, which is none of this series."""
        return self._replace(seq=seq, valid=False)

    @classmethod
    def load(cls, saved: list[int]) -> Moment:
        """Rebuild it from :meth:`dump`."""
        t, at, seq, value, epoch, valid = saved
        return cls(t, at, seq, value, epoch, bool(valid))


_ONE_SIDED: Final[Mapping[str, Side]] = {
    "silence": "silent", "disagreement": "apart", "stuck": "stuck",
}  # fmt: skip


def sides(rule: Rule) -> tuple[Side, ...]:
    """Return the sides on which a rule is judged, each by a machine of its own."""
    only = _ONE_SIDED.get(rule.kind)
    if only is not None:
        return (only,)
    both: tuple[tuple[Side, int | None], ...] = (("above", rule.high), ("below", rule.low))
    return tuple(side for side, limit in both if limit is not None)


class Machine:
    """What all machines share: the excursion that is open, its thread, and its recovery."""

    __slots__ = (
        "_retiring", "calm", "certainty", "extreme", "first", "gap_ms", "held", "high", "id",
        "interval_ms", "low", "opened", "patience", "retired", "rule", "series", "side", "stream", "successor",
        "thread", "unknown",
    )  # fmt: skip
    # The names of the fields that a saved state holds.
    saved_fields: ClassVar[tuple[str, ...]] = (
        "calm", "certainty", "extreme", "first", "held", "id", "opened", "thread", "unknown",
    )  # fmt: skip

    def __init__(self, rule: Rule, side: Side, stream: str, watch: Watch) -> None:
        self.rule = rule
        self.side = side
        # A value beyond either of these is outside on this side.
        low, high = rule.low, rule.high
        self.low = low if side == "below" and low is not None else -NEVER
        self.high = high if side == "above" and high is not None else NEVER
        self.stream = stream
        self.series = watch.series
        # How long a reading holds at least, and at most: the series' matter and no rule's.
        self.interval_ms = watch.interval_ms
        self.gap_ms = watch.max_gap_ms
        # How long behind a reading time alone decides something, nothing being under way.
        self.patience = NEVER
        # The excursion: first outside reading as [t, at, seq], and opening instant (wall).
        self.first: list[int] | None = None
        self.opened: int | None = None
        # Of the one that is open, or was open last.
        self.certainty: Certainty = "certain"
        self.id = ""
        self.held = 0
        self.unknown = 0
        self.extreme: int | None = None
        # The thread of the excursion that closed last, until it has recovered; "" when recovered.
        self.thread = ""
        # Since when it is known to be not outside, while a recovery is awaited: t of a reading.
        self.calm: int | None = None
        # A rule that is no longer in force stays until its open excursion closes.
        self.successor: Rule | None = None
        self._retiring = self.retired = False

    # --- what the engine asks ---

    @property
    def open(self) -> bool:
        """Whether an excursion is open."""
        return self.opened is not None

    @property
    def quiet(self) -> bool:
        """Whether an inside reading would change nothing here."""
        return self.first is None and self.opened is None and not self.thread

    @property
    def outside_now(self) -> bool:
        """Whether the last reading is outside here, so that its hold counts."""
        return False

    def due(self, last: Moment) -> int:  # noqa: ARG002 - the contract of the kinds that need it
        """Return the stream time from which :meth:`advance` would decide something."""
        return NEVER

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:  # noqa: ARG002
        """Decide what follows from time alone: the stream has reached ``t`` with record ``seq``."""
        return []

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        raise NotImplementedError

    # --- settings ---

    def join(self, last: Moment) -> None:
        """Begin to judge a series whose newest reading is ``last``; mostly with its next one."""

    def give_way(self, heir: Machine, last: Moment) -> Machine:
        """Return the machine that goes on: ``heir``, whose rule has the same id and side, or this one."""
        if heir.rule == self.rule:
            self._retiring, self.successor = False, None
            return self
        if self.open:
            self.retire(heir.rule)
            return self
        heir.thread, heir.calm = self.thread, self.calm
        self._bequeath(heir, last)
        return heir

    def _bequeath(self, heir: Machine, last: Moment) -> None:
        """Hand what is under way, but not open, to the machine of the new rule."""

    def retire(self, successor: Rule | None) -> None:
        """Let the open excursion run to its end under its own rule, then give way."""
        self._retiring, self.successor = True, successor

    def bequeath_thread(self, heir: Machine, now: Moment) -> None:
        """Let ``heir`` take over after this one has retired with reading ``now``."""
        heir.thread, heir.calm = self.thread, self.calm
        # What a window still holds counts under the new rule as well.
        self._bequeath(heir, now)
        # The reading that closed the old excursion may be outside under the new limits.
        heir.reading(now, now, 0, 0, whole=True)

    def as_it_stands(self, last: Moment) -> Decision:
        """Return the open excursion with the last reading holding for one interval."""
        return self._decide("opened", "held-time-reached", last.seq, last)

    def abandon(self, now: Moment) -> list[Decision]:
        """Close what is open because nothing judges it any more."""
        if not self.open:
            return []
        decision = self._decide("closed", "rule-changed", now.seq, None, end=now.at)
        self._forget()
        return [decision]

    def give_up(self, last: Moment) -> list[Decision]:
        """Close what is open where the last reading ceases to hold; what comes after all begins anew."""
        decisions = []
        if self.open:
            decision = self.as_it_stands(last)
            end = last.at + self._certain_until(last) - last.t
            decisions = [replace(decision, happening="closed", reason="probe-lost", end=end)]
            self._forget()
        # That it has recovered nobody will ever know.
        self.thread, self.calm = "", None
        return decisions

    def _certain_until(self, last: Moment) -> int:
        """Return the stream time up to which what was judged last holds for certain."""
        return last.t + self.interval_ms

    # --- shared steps ---

    def outside(self, value: int) -> bool:
        """Whether a value is outside on this side."""
        return value > self.high or value < self.low

    def _worse(self, value: int) -> None:
        if self.extreme is None or (
            value < self.extreme if self.side == "below" else value > self.extreme
        ):
            self.extreme = value

    def begin(self, first: list[int]) -> None:
        """Let a run begin at its first outside reading, given as [t, at, seq]."""
        self.first = first

    def _forget(self) -> None:
        self.first = None
        self.opened = None
        self.held = self.unknown = 0
        self.extreme = None
        if self._retiring:
            self.retired = True

    def _open(self, reason: Reason, certainty: Certainty, opened: int, now: Moment) -> Decision:
        assert self.first is not None
        self.id = excursion_id(self.stream, self.series, self.rule.id, self.first[2])
        self.opened = opened
        self.certainty = certainty
        self.thread = self.thread or self.id
        self.calm = None
        return self._decide("opened", reason, now.seq, now)

    def _close(self, reason: Reason, end: int, now: Moment) -> Decision:
        decision = self._decide("closed", reason, now.seq, now, end=end)
        self._forget()
        self.calm = now.t
        return decision

    def _stay_calm(self, now: Moment, *, outside: bool, whole: bool) -> None:
        """Begin the ten minutes at a reading inside; an outside one or a hole starts them anew."""
        if outside:
            self.calm = None
        elif self.calm is None or not whole:
            self.calm = now.t

    def _recover(self, known: int, now: Moment) -> list[Decision]:
        """Decide whether ten minutes inside are complete at ``known``, where the last reading held."""
        if not self.thread or self.opened is not None or self.calm is None:
            return []
        if known - self.calm < RECOVERY_MS:
            return []
        thread, self.thread, self.calm = self.thread, "", None
        return [
            Decision(
                "recovered",
                "ten-minutes-inside",
                thread,
                thread,
                self.stream,
                self.series,
                self.rule,
                self.side,
                "certain",
                now.at,
                now.at,
                now.at,
                0,
                0,
                None,
                now.seq,
                now.seq,
                now.value if now.valid else None,
            )
        ]

    def _decide(
        self,
        happening: Happening,
        reason: Reason,
        seq: int,
        now: Moment | None,
        *,
        end: int | None = None,
    ) -> Decision:
        assert self.first is not None
        assert self.opened is not None
        return Decision(
            happening=happening,
            reason=reason,
            id=self.id,
            thread=self.thread,
            stream=self.stream,
            series=self.series,
            rule=self.rule,
            side=self.side,
            certainty=self.certainty,
            start=self.first[1],
            opened=self.opened,
            end=end,
            held_ms=self.held,
            unknown_ms=self.unknown,
            extreme=self.extreme,
            first_seq=self.first[2],
            seq=seq,
            value=now.value if now is not None and now.valid and now.seq == seq else None,
        )

    # --- saving ---

    def dump(self) -> dict[str, Any]:
        """Return what is under way as a JSON object; empty when nothing is."""
        if self.quiet:
            return {}
        saved: dict[str, Any] = {name: getattr(self, name) for name in self.saved_fields}
        if self._retiring:
            saved["rule"] = asdict(self.rule)
            saved["successor"] = asdict(self.successor) if self.successor is not None else None
        return saved

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` returned."""
        for name in self.saved_fields:
            setattr(self, name, saved[name])
        if "rule" in saved:
            self.rule = Rule(**saved["rule"])
            self._retiring = True
            if saved["successor"] is not None:
                self.successor = Rule(**saved["successor"])
