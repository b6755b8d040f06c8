"""One rule on one side of one series: the state machines that the engine drives.

Each is told of every valid reading with how long the reading before it held (``held``), how much
time behind that is unknown (``unknown``), and whether the two join without a hole (``whole``).
Times ``t`` are the stream's own; ``at`` is the wall clock that a decision prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from alerts.decisions import Decision, Happening, Reason, excursion_id
from alerts.rules import Certainty, Rule, Side

_NEVER = 1 << 62
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

    @classmethod
    def load(cls, saved: list[int]) -> Moment:
        """Rebuild it from :meth:`dump`."""
        t, at, seq, value, epoch, valid = saved
        return cls(t, at, seq, value, epoch, bool(valid))


def sides(rule: Rule) -> tuple[Side, ...]:
    """Return the sides on which a rule is judged, each by a machine of its own."""
    if rule.kind == "silence":
        return ("silent",)
    both: tuple[tuple[Side, int | None], ...] = (("above", rule.high), ("below", rule.low))
    return tuple(side for side, limit in both if limit is not None)


class Machine:
    """What all machines share: the excursion that is open, its thread, and its recovery."""

    __slots__ = (
        "calm", "certainty", "extreme", "first", "held", "id", "interval_ms", "opened",
        "retired", "rule", "series", "side", "stream", "successor", "thread", "unknown", "_retiring",
    )  # fmt: skip
    _SAVED = ("calm", "certainty", "extreme", "first", "held", "id", "opened", "thread", "unknown")

    def __init__(self, rule: Rule, side: Side, stream: str, series: str, interval_ms: int) -> None:
        self.rule = rule
        self.side = side
        self.stream = stream
        self.series = series
        self.interval_ms = interval_ms
        # The excursion: first outside reading as [t, at, seq], opening instant (wall), certainty.
        self.first: list[int] | None = None
        self.opened: int | None = None
        self.certainty: Certainty = "certain"
        self.id = ""
        self.held = 0
        self.unknown = 0
        self.extreme: int | None = None
        # The thread of the excursion that closed last, until it has recovered; "" when recovered.
        self.thread = ""
        # Since when it has been calm, while a recovery is awaited: t of an inside reading.
        self.calm: int | None = None
        # A rule that is no longer in force stays until its open excursion closes.
        self.successor: Rule | None = None
        self._retiring = False
        self.retired = False

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
        return _NEVER

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:  # noqa: ARG002
        """Decide what follows from time alone: the stream has reached ``t`` with record ``seq``."""
        return []

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        raise NotImplementedError

    # --- settings ---

    def adopt(self, rule: Rule, last: Moment) -> Machine:
        """Return the machine for ``rule``, which follows this one's under the same id and side."""
        if rule == self.rule:
            self._retiring, self.successor = False, None
            return self
        if self.open:
            self.retire(rule)
            return self
        return self._carry(rule, last)

    def _carry(self, rule: Rule, last: Moment) -> Machine:  # noqa: ARG002
        heir = machine_for(rule, self.side, self.stream, self.series, self.interval_ms)
        heir.thread, heir.calm = self.thread, self.calm
        return heir

    def retire(self, successor: Rule | None) -> None:
        """Let the open excursion run to its end under its own rule, then give way."""
        self._retiring, self.successor = True, successor

    def succeed(self, now: Moment) -> Machine:
        """Return the machine of the rule that takes over once this one has retired."""
        assert self.successor is not None
        heir = machine_for(self.successor, self.side, self.stream, self.series, self.interval_ms)
        heir.thread, heir.calm = self.thread, self.calm
        # The reading that closed the old excursion may be outside under the new limits.
        heir.reading(now, now, 0, 0, whole=True)
        return heir

    def as_it_stands(self, last: Moment) -> Decision:
        """Return the open excursion with the last reading holding for one interval."""
        before = self.held
        if self.outside_now and not isinstance(self, SumMachine):
            self.held += self.interval_ms
        decision = self._decide("opened", "held-time-reached", last.seq, last)
        self.held = before
        return decision

    def abandon(self, now: Moment) -> list[Decision]:
        """Close what is open because nothing judges it any more."""
        if not self.open:
            return []
        decision = self._decide("closed", "rule-changed", now.seq, None, end=now.at)
        self._forget()
        return [decision]

    # --- shared steps ---

    def _outside(self, value: int) -> bool:
        if self.side == "above":
            high = self.rule.high
            return high is not None and value > high
        low = self.rule.low
        return low is not None and value < low

    def _worse(self, value: int) -> None:
        if self.extreme is None or (
            value > self.extreme if self.side == "above" else value < self.extreme
        ):
            self.extreme = value

    def _begin(self, first: list[int]) -> None:
        self.first = first
        self.id = excursion_id(self.stream, self.series, self.rule.id, first[2])

    def _forget(self) -> None:
        self.first = None
        self.opened = None
        self.certainty = "certain"
        self.id = ""
        self.held = self.unknown = 0
        self.extreme = None
        if self._retiring:
            self.retired = True

    def _open(self, reason: Reason, certainty: Certainty, opened: int, now: Moment) -> Decision:
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

    def _recover(self, last: Moment, now: Moment, *, whole: bool) -> list[Decision]:
        """Count the ten minutes inside after a closing; a hole starts them anew."""
        if not self.thread or self.opened is not None:
            return []
        if self.calm is None or not whole:
            self.calm = now.t
        if now.t - self.calm < RECOVERY_MS:
            return []
        thread, self.thread, self.calm = self.thread, "", None
        return [
            Decision(
                "recovered", "ten-minutes-inside", thread, thread, self.stream, self.series, self.rule,
                self.side, "certain", now.at, now.at, now.at, 0, 0, None, now.seq, now.seq, now.value,
            )  # fmt: skip
        ]

    def _decide(
        self, happening: Happening, reason: Reason, seq: int, now: Moment | None, *, end: int | None = None
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
        if self.quiet and not self._retiring:
            return {}
        saved: dict[str, Any] = {name: getattr(self, name) for name in self._SAVED}
        if self._retiring:
            saved["rule"] = asdict(self.rule)
            saved["successor"] = asdict(self.successor) if self.successor is not None else None
        return saved

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` returned."""
        for name in self._SAVED:
            setattr(self, name, saved[name])
        if "rule" in saved:
            self.rule = Rule(**saved["rule"])
            self._retiring = True
            if saved["successor"] is not None:
                self.successor = Rule(**saved["successor"])


class RunMachine(Machine):
    """Consecutive and instant rules: a run of outside readings on one side."""

    __slots__ = ()

    @property
    def outside_now(self) -> bool:
        """Whether a run is going on."""
        return self.first is not None

    def due(self, last: Moment) -> int:
        """Return when the last reading's certain hold of one interval makes the run long enough."""
        if self.first is None or self.rule.kind == "instant":
            return _NEVER
        if self.opened is None:
            need = self.rule.for_ms - self.held - self.unknown
        elif self.certainty == "possible":
            need = self.rule.for_ms - self.held
        else:
            return _NEVER
        return last.t + max(0, need) if need <= self.interval_ms else _NEVER

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Credit at most one interval to the last reading, for a decision only."""
        if self.first is None or self.rule.kind == "instant":
            return []
        now = Moment(t, last.at, seq, last.value, last.epoch, valid=False)
        return self._credit(min(t - last.t, self.interval_ms), last, now)

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
        if self.opened is not None and self.certainty == "possible" and before < need <= before + held:
            self.held = need
            self.certainty = "certain"
            decisions.append(self._decide("confirmed", "held-time-reached", now.seq, now))
        self.held = before
        return decisions

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        outside = self._outside(now.value)
        if self.first is None:
            if not outside:
                return self._recover(last, now, whole=whole) if self.thread else []
            self._begin([now.t, now.at, now.seq])
            self.extreme = now.value
            self.calm = None
            return []
        decisions = [] if self.rule.kind == "instant" else self._credit(held, last, now)
        self.held += held
        if outside:
            self._worse(now.value)
            decisions += self._suspended(last, now, held, unknown, whole=whole)
            self.unknown += unknown
            return decisions
        self.unknown += unknown
        if self.opened is None:
            self._forget()
            self.calm = now.t if self.thread else None
            return decisions
        low, high = self.rule.low, self.rule.high
        crossed = (low is not None and now.value < low) or (high is not None and now.value > high)
        reason: Reason = "crossed-to-the-other-side" if crossed else "first-reading-inside"
        decisions.append(self._close(reason, now.at, now))
        return decisions

    def _suspended(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a run that goes on, perhaps over unknown time: it may be possible before certain."""
        if self.rule.kind == "instant":
            if self.opened is None:
                certainty: Certainty = "certain" if whole else "possible"
                return [self._open("two-readings-outside", certainty, now.at, now)]
            if self.certainty == "possible" and whole:
                self.certainty = "certain"
                return [self._decide("confirmed", "two-readings-outside", now.seq, now)]
            return []
        need = self.rule.for_ms - self.held - self.unknown
        if self.opened is not None or need > unknown:
            return []
        self.unknown += need
        opening = self._open("held-and-unknown-time-reached", "possible", last.at + held + need, now)
        self.unknown -= need
        return [opening]

    def _carry(self, rule: Rule, last: Moment) -> Machine:
        """Keep a run that is not open yet where its last reading is outside under the new rule too."""
        heir = super()._carry(rule, last)
        if self.first is not None and heir._outside(last.value):
            heir._begin(self.first)
            heir.held, heir.unknown, heir.extreme = self.held, self.unknown, self.extreme
        return heir


class SilenceMachine(Machine):
    """No valid reading of a series for D, on its stream's own time."""

    __slots__ = ()

    def due(self, last: Moment) -> int:
        """Return when the silence is long enough."""
        return _NEVER if self.open else last.t + self.rule.for_ms

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Open when the stream has gone on for D without a valid reading."""
        if self.open or t < last.t + self.rule.for_ms:
            return []
        self._begin([last.t, last.at, last.seq])
        self.held = self.rule.for_ms
        now = Moment(t, last.at, seq, 0, last.epoch, valid=False)
        return [self._open("no-valid-reading", "certain", last.at + self.rule.for_ms, now)]

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """End the silence with a valid reading."""
        if not self.open:
            return self._recover(last, now, whole=whole)
        self.held = now.t - last.t
        return [self._close("valid-reading-again", now.at, now)]


class SumMachine(Machine):
    """A cumulative rule: held time outside on one side within the last W reaches D.

    The window is kept as blocks of joined outside time, ``[from, to, at, seq, unknown so far,
    extreme]``, oldest first, with their sum inside the window as of ``until``. At an opening the
    window's far edge never lies inside a block (the sum could not have grown there), so the first
    outside reading still in the window is always the beginning of a block.
    """

    __slots__ = ("blocks", "hidden", "outside", "sum", "until")
    _SAVED = (*Machine._SAVED, "blocks", "hidden", "outside", "sum", "until")

    def __init__(self, rule: Rule, side: Side, stream: str, series: str, interval_ms: int) -> None:
        super().__init__(rule, side, stream, series, interval_ms)
        self.blocks: list[list[int]] = []
        self.sum = 0
        self.until = 0
        # All unknown time of the series so far; the difference to a block's own is the excursion's.
        self.hidden = 0
        self.outside = False

    @property
    def quiet(self) -> bool:
        """Whether an inside reading would change nothing here."""
        return not self.blocks and not self.outside and not self.thread and self.opened is None

    @property
    def outside_now(self) -> bool:
        """Whether the last reading is outside."""
        return self.outside

    def due(self, last: Moment) -> int:
        """Return the earliest time at which the sum can reach D, or fall below it."""
        if self.outside:
            need = self.rule.for_ms - self.sum
            grown = self.until - last.t
            if self.opened is None and need <= self.interval_ms - grown:
                return self.until + max(0, need)
            return _NEVER
        if self.opened is not None and self.blocks:
            window = self.rule.window_ms or 0
            return max(self.until, self.blocks[0][0] + window) + self.sum - self.rule.for_ms + 1
        return _NEVER

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Move the window on as far as is certain: one interval while outside, freely while inside."""
        now = Moment(t, last.at, seq, 0, last.epoch, valid=False)
        if not last.valid:
            return []
        until = min(t, last.t + self.interval_ms) if self.outside else t
        return self._slide(until, last, now, growing=self.outside)

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        decisions = []
        if self.outside:
            decisions += self._slide(last.t + held, last, now, growing=True)
        if last.valid:
            self.hidden += unknown
            if self.opened is not None:
                self.unknown += unknown
        decisions += self._slide(now.t, last, now, growing=False)
        outside = self._outside(now.value)
        if outside:
            self._extend(now, joined=self.outside and not unknown)
            if self.opened is not None:
                self._worse(now.value)
        self.outside = outside
        decisions += self._recover_sum(last, now, whole=whole)
        return decisions

    def _recover_sum(self, last: Moment, now: Moment, *, whole: bool) -> list[Decision]:
        if self.outside:
            self.calm = None
            return []
        return self._recover(last, now, whole=whole)

    def _extend(self, now: Moment, *, joined: bool) -> None:
        """Begin a block at this reading, or let it join the one before."""
        if joined and self.blocks and self.blocks[-1][1] == now.t:
            block = self.blocks[-1]
            block[5] = max(block[5], now.value) if self.side == "above" else min(block[5], now.value)
        else:
            self.blocks.append([now.t, now.t, now.at, now.seq, self.hidden, now.value])

    def _slide(self, to: int, last: Moment, now: Moment, *, growing: bool) -> list[Decision]:
        """Move the window's near edge to ``to``; outside time grows the sum, the far edge takes away."""
        decisions: list[Decision] = []
        window, need = self.rule.window_ms or 0, self.rule.for_ms
        while self.until < to:
            while self.blocks and self.blocks[0][1] <= self.until - window and not (
                growing and len(self.blocks) == 1
            ):
                self.blocks.pop(0)
            edge = self.blocks[0][0] + window if self.blocks else to
            losing = bool(self.blocks) and self.until >= edge
            if losing:
                # The newest block grows at the same rate when it is being lost as well.
                step = min(to, self.blocks[0][1] + window if len(self.blocks) > 1 or not growing else to)
            else:
                step = min(to, max(edge, self.until + 1) if self.blocks else to)
            span = step - self.until
            if self.opened is None and growing and not losing and need <= self.sum + span:
                self._grow(max(0, need - self.sum))
                decisions.append(self._open_sum(last, now))
                continue
            if self.opened is not None and losing and not growing and self.sum - span < need:
                self._lose(self.sum - need)
                decisions.append(self._close_sum(last, now))
                continue
            if growing:
                self.blocks[-1][1] += span
                if self.opened is not None:
                    self.held += span
            self.sum += span * (int(growing) - int(losing))
            self.until = step
        return decisions

    def _grow(self, span: int) -> None:
        self.sum += span
        self.until += span
        self.blocks[-1][1] += span

    def _lose(self, span: int) -> None:
        self.sum -= span
        self.until += span

    def _open_sum(self, last: Moment, now: Moment) -> Decision:
        block = self.blocks[0]
        self._begin([block[0], block[2], block[3]])
        self.held = self.sum
        self.unknown = self.hidden - block[4]
        worst = max if self.side == "above" else min
        self.extreme = worst(item[5] for item in self.blocks)
        return self._open("window-sum-reached", "certain", last.at + self.until - last.t, now)

    def _close_sum(self, last: Moment, now: Moment) -> Decision:
        decision = self._decide(
            "closed", "window-sum-fell", now.seq, now, end=last.at + self.until - last.t
        )
        self._forget()
        return decision

    def _carry(self, rule: Rule, last: Moment) -> Machine:
        """Keep the window where it means the same under the new rule."""
        heir = super()._carry(rule, last)
        same = (rule.high, rule.low, rule.window_ms) == (
            self.rule.high, self.rule.low, self.rule.window_ms,
        )  # fmt: skip
        if isinstance(heir, SumMachine) and same:
            heir.blocks, heir.sum, heir.until = self.blocks, self.sum, self.until
            heir.hidden, heir.outside = self.hidden, self.outside
        return heir


def machine_for(rule: Rule, side: Side, stream: str, series: str, interval_ms: int) -> Machine:
    """Return a fresh machine for one side of a rule."""
    kinds: dict[str, type[Machine]] = {
        "consecutive": RunMachine,
        "instant": RunMachine,
        "silence": SilenceMachine,
        "cumulative": SumMachine,
    }
    return kinds[rule.kind](rule, side, stream, series, interval_ms)
