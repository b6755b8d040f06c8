"""Cumulative rules: outside time summed over a moving window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.decisions import Decision
from alerts.machine import NEVER, Machine, Moment
from alerts.rules import Rule, Side, Watch


class SumMachine(Machine):
    """A cumulative rule: held time outside on one side within the last W reaches D.

    The window is kept as blocks of joined outside time, ``[from, to, at, seq, unknown so far,
    extreme]``, oldest first, with their sum inside the window as of ``until``. At an opening the
    window's far edge never lies inside a block (the sum could not have grown there), so the first
    outside reading still in the window is always the beginning of a block.
    """

    __slots__ = ("blocks", "hidden", "out", "sum", "until", "window_ms")
    saved_fields = (*Machine.saved_fields, "blocks", "hidden", "out", "sum", "until")

    def __init__(self, rule: Rule, side: Side, stream: str, watch: Watch) -> None:
        super().__init__(rule, side, stream, watch)
        assert rule.window_ms is not None
        self.window_ms = rule.window_ms
        self.blocks: list[list[int]] = []
        self.sum = 0
        self.until = 0
        # All unknown time of the series so far; the difference to a block's own is the excursion's.
        self.hidden = 0
        self.out = False

    @property
    def quiet(self) -> bool:
        """Whether an inside reading would change nothing here."""
        return not self.blocks and not self.out and not self.thread and self.opened is None

    @property
    def outside_now(self) -> bool:
        """Whether the last reading is outside."""
        return self.out

    def due(self, last: Moment) -> int:
        """Return the earliest time at which the sum can reach D.

        That it fell is only proved by the next reading: until then the last one may still hold.
        """
        if self.out:
            need = self.rule.for_ms - self.sum
            grown = self.until - last.t
            if self.opened is None and need <= self.interval_ms - grown:
                return self.until + need
        return NEVER

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Move the window on as far as is certain: one interval while outside."""
        if not self.out:
            return []
        edge = min(t, last.t + self.interval_ms)
        return self._slide(edge, last, last.told_by(seq), growing=True)

    def reading(
        self, last: Moment, now: Moment, held: int, unknown: int, *, whole: bool
    ) -> list[Decision]:
        """Judge a valid reading."""
        outside = now.value > self.high or now.value < self.low
        if not (outside or self.out or unknown) and whole and self._can_wait(now.t):
            return []
        decisions = self._slide(last.t + held, last, now, growing=self.out)
        if self.thread:
            decisions += self._recover(last.t + held, now)
        if unknown:
            decisions += self._slide(now.t, last, now, hidden=True)
        if outside:
            self._extend(now, joined=self.out and not unknown)
            if self.opened is not None:
                self._worse(now.value)
        self.out = outside
        if self.thread:
            # Counted while open, too: the sum falls long after the last outside reading.
            self._stay_calm(now, outside=outside, whole=whole)
        return decisions

    def _can_wait(self, t: int) -> bool:
        """Whether the window may move on later, because the sum only falls and decides nothing."""
        if self.opened is not None:
            # It stays open until the far edge has taken away what is above D.
            spare = self.sum - self.rule.for_ms
            return t <= max(self.until, self.blocks[0][0] + self.window_ms) + spare
        if self.thread:
            return False
        if self.blocks and self.blocks[-1][1] + self.window_ms <= t:
            self.blocks, self.sum, self.until = [], 0, t
        return True

    def _extend(self, now: Moment, *, joined: bool) -> None:
        """Begin a block at this reading, or let it join the one before."""
        if joined and self.blocks and self.blocks[-1][1] == now.t:
            block = self.blocks[-1]
            block[5] = (
                max(block[5], now.value) if self.side == "above" else min(block[5], now.value)
            )
        else:
            self.blocks.append([now.t, now.t, now.at, now.seq, self.hidden, now.value])

    def _slide(
        self, to: int, last: Moment, now: Moment, *, growing: bool = False, hidden: bool = False
    ) -> list[Decision]:
        """Move the window's near edge to ``to``; outside time grows the sum, the far edge takes away."""
        decisions: list[Decision] = []
        window, need = self.window_ms, self.rule.for_ms
        span = to - self.until
        if self.blocks and to <= self.blocks[0][0] + window and span > 0 and not hidden:
            # Nothing leaves the window: the usual step, which only the sum itself can end.
            if not growing:
                self.until = to
            elif self.opened is not None or self.sum + span < need:
                self._grow(span)
        while self.until < to:
            while self.blocks and self.blocks[0][1] <= self.until - window:
                self.blocks.pop(0)
            edge = self.blocks[0][0] + window if self.blocks else to
            losing = self.until >= edge
            # The newest block grows at the same rate when it is being lost as well.
            step = min(to, self.blocks[0][1] + window if losing else edge)
            span = step - self.until
            if self.opened is None and growing and not losing and need <= self.sum + span:
                self._grow(max(0, need - self.sum))
                decisions.append(self._open_sum(last, now))
                continue
            if self.opened is not None and losing and not growing and self.sum - span < need:
                self._lose(self.sum - need, hidden=hidden)
                decisions.append(self._close_sum(last, now))
                continue
            if hidden:
                self._hide(span)
            if losing:
                self.sum -= span
            if growing:
                self._grow(span)
            else:
                self.until = step
        return decisions

    def _grow(self, span: int) -> None:
        self.sum += span
        self.until += span
        self.blocks[-1][1] += span
        if self.opened is not None:
            self.held += span

    def _lose(self, span: int, *, hidden: bool) -> None:
        if hidden:
            self._hide(span)
        self.sum -= span
        self.until += span

    def _hide(self, span: int) -> None:
        self.hidden += span
        if self.opened is not None:
            self.unknown += span

    def _open_sum(self, last: Moment, now: Moment) -> Decision:
        while len(self.blocks) > 1 and self.blocks[0][1] <= self.until - self.window_ms:
            # A reading that another one replaced at once, just as the window left it behind.
            self.blocks.pop(0)
        block = self.blocks[0]
        self.begin([block[0], block[2], block[3]])
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

    def give_up(self, last: Moment) -> list[Decision]:
        """Close what is open; its window is told of, and what comes after all begins one of its own."""
        self.advance(last.t + self.interval_ms, last, last.seq)
        decisions = super().give_up(last)
        if decisions:
            self.blocks, self.sum, self.out = [], 0, False
        return decisions

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` returned; the blocks grow in place and must be our own."""
        super().load(saved)
        self.blocks = [list(block) for block in self.blocks]

    def _bequeath(self, heir: Machine, last: Moment) -> None:  # noqa: ARG002 - the shared contract
        """Keep the window where it means the same under the new rule."""
        if isinstance(heir, SumMachine) and (
            heir.rule.high,
            heir.rule.low,
            heir.rule.window_ms,
        ) == (
            self.rule.high,
            self.rule.low,
            self.rule.window_ms,
        ):
            heir.blocks, heir.sum, heir.until = self.blocks, self.sum, self.until
            heir.hidden, heir.out = self.hidden, self.out
