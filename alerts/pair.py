"""Disagreement rules: two points of one asset differ by more than X for D.

Both series come in one stream. What is compared is what holds: at each instant both readings must
hold by their own series' rule, or it is unknown how far apart the two are. So everything is judged
at the lower of two marks: how far it is settled what each series held. A reading holds one interval
for certain; whether it holds longer is only known by the next one, or when ``max_gap`` has passed
without one. Until then the other's readings are kept here.

What holds for no time is nobody's difference: of two readings of one instant the later one counts,
and while a cycle's readings come in one by one nothing is judged between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alerts.decisions import Decision, Reason
from alerts.machine import NEVER, RECOVERY_MS, Machine, Moment
from alerts.rules import Certainty, Rule, Side, Watch

# A reading as it is kept: t, at, seq, value, epoch.
_Kept = list[int]


class PairMachine(Machine):
    """A consecutive rule on the difference of two series."""

    __slots__ = (
        "lines", "maybe", "most", "other_gap_ms", "other_interval_ms", "pending", "until",
    )  # fmt: skip
    saved_fields = (*Machine.saved_fields, "lines", "maybe", "pending", "until")

    def __init__(self, rule: Rule, side: Side, stream: str, watch: Watch) -> None:
        super().__init__(rule, side, stream, watch)
        # The largest difference that is not outside.
        self.most = rule.apart or 0
        # How the other series holds; the engine sets it.
        self.other_interval_ms, self.other_gap_ms = watch.interval_ms, watch.max_gap_ms
        # The readings of each series from the one in force at `until` on.
        self.lines: tuple[list[_Kept], list[_Kept]] = ([], [])
        self.until = 0
        # Unknown time since the two were last apart, and where held and unknown time reached D in it.
        self.pending = 0
        self.maybe: int | None = None

    @property
    def quiet(self) -> bool:
        """Whether a reading would change nothing here: each one is needed."""
        return False

    @property
    def outside_now(self) -> bool:
        """Whether a run is going on and the newest readings are apart."""
        return self.first is not None and self.apart_now()

    # --- time ---

    def due(self, last: Moment) -> int:
        """Return when the certain hold of both readings decides something."""
        first, second = self.lines
        if not (first and second) or (self.first is None and not self.thread):
            return NEVER
        certain = self._certain_until(last)
        if certain <= self.until:
            return NEVER
        if not self.apart_now():
            if self.first is not None:
                return self.until + 1
            calm = self.until if self.calm is None else self.calm
            return calm + RECOVERY_MS if calm + RECOVERY_MS <= certain else NEVER
        if self.opened is None:
            need = self.rule.for_ms - self.held - self.unknown - self.pending
        elif self.certainty == "possible":
            need = self.rule.for_ms - self.held
        else:
            return NEVER
        due = self.until + max(1, need)
        return due if due <= certain else NEVER

    def apart_now(self) -> bool:
        """Whether the newest readings are apart."""
        first, second = self.lines
        return abs(first[-1][3] - second[-1][3]) > self.most

    def advance(self, t: int, last: Moment, seq: int) -> list[Decision]:
        """Settle what is certain by time alone, where that decides something."""
        if t < self.due(last):
            return []
        return self._settle(t, Moment(t, last.at, seq, 0, last.epoch, valid=False))

    # --- readings ---

    def reading(
        self,
        last: Moment,  # noqa: ARG002 - the contract of the kinds that need it
        now: Moment,
        held: int,  # noqa: ARG002
        unknown: int,  # noqa: ARG002
        *,
        whole: bool,  # noqa: ARG002
    ) -> list[Decision]:
        """Judge a valid reading of the series that the rule is on."""
        return self._take(0, now, now)

    def other_reading(self, now: Moment) -> list[Decision]:
        """Judge a valid reading of the other series."""
        # Its value is none of this series': a decision must not print it as such.
        return self._take(1, now, now._replace(valid=False))

    def _take(self, which: int, now: Moment, shown: Moment) -> list[Decision]:
        line = self.lines[which]
        line.append([now.t, now.at, now.seq, now.value, now.epoch])
        if not self.lines[1 - which]:
            # Nothing to compare it with yet.
            del line[:-1]
            self.until = now.t
            return []
        return self._settle(now.t, shown)

    def _settle(self, t: int, now: Moment) -> list[Decision]:
        """Judge everything that is settled when the stream has reached ``t``."""
        spans = (self.interval_ms, self.gap_ms), (self.other_interval_ms, self.other_gap_ms)
        limit = t
        for which, (interval, gap) in enumerate(spans):
            newest = self.lines[which][-1][0]
            if t - newest <= gap:
                limit = min(limit, newest + interval)
        decisions: list[Decision] = []
        places = [0, 0]
        if self.first is None and not self.thread and self._never_apart():
            self.until = max(self.until, limit)
        while self.until < limit:
            begin, end = self.until, limit
            values: list[int | None] = []
            in_force: list[_Kept] = []
            for which, line in enumerate(self.lines):
                value, place, until = _held(line, places[which], begin, *spans[which])
                places[which], end = place, min(end, until)
                values.append(value)
                in_force.append(line[place])
            # Otherwise it would go round here for ever.
            assert begin < end
            starter = _newer(in_force)
            first, second = values
            difference = None if first is None or second is None else abs(first - second)
            decisions += self._stretch(difference, begin, end, starter, now)
            if self.retired:
                # From here on the rule now in force judges.
                break
            self.until = end
        for line in self.lines:
            while len(line) > 1 and line[1][0] <= self.until:
                line.pop(0)
        return decisions

    def _never_apart(self) -> bool:
        """Whether no two of the readings kept here are apart: then no stretch of them is."""
        first, second = self.lines
        return all(abs(one[3] - other[3]) <= self.most for one in first for other in second)

    def _stretch(
        self, difference: int | None, begin: int, end: int, starter: _Kept, now: Moment
    ) -> list[Decision]:
        """Judge a stretch in which the difference is one and the same; None: unknown."""
        at = starter[1] + begin - starter[0]
        if difference is None:
            self._lose_sight(end - begin, at)
            return []
        if difference > self.most:
            self.calm = None
            if self.first is None:
                self.begin([begin, at, starter[2]])
            self._worse(difference)
            return self._apart(end - begin, at, now)
        return self._together(begin, end, at, now)

    def _lose_sight(self, span: int, at: int) -> None:
        self.calm = None
        if self.first is None:
            return
        before, need = self.held + self.unknown + self.pending, self.rule.for_ms
        # Where held time alone has reached a shorter D of new settings, it is no longer a guess.
        if self.opened is None and self.maybe is None and self.held < need <= before + span:
            self.maybe = at + max(0, need - before)
        self.pending += span

    def _apart(self, span: int, at: int, now: Moment) -> list[Decision]:
        decisions: list[Decision] = []
        need, before = self.rule.for_ms, self.held
        if self.opened is None and self.maybe is not None:
            behind = self.unknown + self.pending
            self.unknown = need - before
            decisions.append(
                self._open("held-and-unknown-time-reached", "possible", self.maybe, now)
            )
            self.unknown = behind
        else:
            self.unknown += self.pending
        self.pending, self.maybe = 0, None
        missing = max(0, need - before - self.unknown)
        if self.opened is None and missing <= span:
            self.held = before + missing
            alone = self.held >= need
            certainty: Certainty = "certain" if alone else "possible"
            reason: Reason = "held-time-reached" if alone else "held-and-unknown-time-reached"
            decisions.append(self._open(reason, certainty, at + missing, now))
        if (
            self.opened is not None
            and self.certainty == "possible"
            and before < need <= before + span
        ):
            self.held, self.certainty = need, "certain"
            decisions.append(self._decide("confirmed", "held-time-reached", now.seq, now))
        self.held = before + span
        return decisions

    def _together(self, begin: int, end: int, at: int, now: Moment) -> list[Decision]:
        decisions: list[Decision] = []
        if self.opened is not None:
            self.unknown += self.pending
            decisions.append(self._close("points-agree-again", at, now))
        elif self.first is not None:
            self._forget()
        self.pending, self.maybe = 0, None
        if (self.thread and self.calm is None) or decisions:
            self.calm = begin
        return decisions + self._recover(end, now)

    # --- settings ---

    def _bequeath(self, heir: Machine, last: Moment) -> None:  # noqa: ARG002 - two readings count
        """Hand on the readings, and a run whose newest readings are apart under the new rule too."""
        if not isinstance(heir, PairMachine) or heir.rule.other != self.rule.other:
            # That these two were together says nothing of the other one.
            heir.calm = None
            return
        heir.lines, heir.until = self.lines, self.until
        if self.first is None or not heir.apart_now():
            return
        heir.begin(self.first)
        heir.held, heir.unknown, heir.extreme = self.held, self.unknown, self.extreme
        heir.pending = self.pending
        beyond = self.held + self.unknown + self.pending - heir.rule.for_ms
        if self.pending and beyond >= 0 and self.held < heir.rule.for_ms:
            newest = _newer(line[0] for line in self.lines)
            heir.maybe = newest[1] + self.until - newest[0] - min(beyond, self.pending)

    def bequeath_thread(self, heir: Machine, now: Moment) -> None:
        """Let ``heir`` take over after this one has retired: it judges from where this one ended."""
        heir.thread, heir.calm = self.thread, self.calm
        self._bequeath(heir, now)

    def as_it_stands(self, last: Moment) -> Decision:
        """Return the open excursion with the last readings holding for one interval."""
        certain = self._certain_until(last)
        before, self.held = self.held, self.held + max(0, certain - self.until)
        decision = super().as_it_stands(last)
        self.held = before
        return decision

    def give_up(self, last: Moment) -> list[Decision]:
        """Close what is open; only new readings of both begin anew."""
        decisions = super().give_up(last)
        if decisions:
            self.lines, self.pending, self.maybe = ([], []), 0, None
        return decisions

    def _certain_until(self, last: Moment) -> int:  # noqa: ARG002 - two readings hold
        first, second = self.lines
        return min(first[-1][0] + self.interval_ms, second[-1][0] + self.other_interval_ms)

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` returned; the lists grow in place and must be our own."""
        super().load(saved)
        first, second = ([list(kept) for kept in line] for line in self.lines)
        self.lines = (first, second)


def _newer(readings: Iterable[_Kept]) -> _Kept:
    """Return the newer of two readings; of one instant the one with the higher number."""
    return max(readings, key=lambda kept: (kept[0], kept[2]))


def _held(
    line: list[_Kept], place: int, t: int, interval: int, gap: int
) -> tuple[int | None, int, int]:
    """Return the value that a series holds at ``t``, which reading's it is, and until when that is so.

    The newest reading is only asked for what is settled.
    """
    while place + 1 < len(line) and line[place + 1][0] <= t:
        place += 1
    kept = line[place]
    if kept[0] > t:
        return None, place, kept[0]
    following = line[place + 1] if place + 1 < len(line) else None
    until = kept[0] + interval
    if following is not None:
        whole = following[0] - kept[0] <= gap and following[4] == kept[4]
        until = following[0] if whole else min(following[0], until)
    if t < until:
        return kept[3], place, until
    return None, place, NEVER if following is None else following[0]


class Follower:
    """What the other series of a disagreement has of it: its readings go to the machine."""

    __slots__ = ("home", "pair")
    quiet = False

    def __init__(self, pair: PairMachine, home: str) -> None:
        """Pass on to ``pair``, a machine of the series ``home``."""
        self.pair = pair
        self.home = home

    @property
    def retired(self) -> bool:
        """Whether the machine has made room for another one; that is its own series' matter."""
        return False

    def due(self, last: Moment) -> int:  # noqa: ARG002 - the contract of the machines
        """Return when something is due: that is its own series' matter."""
        return NEVER

    def reading(
        self,
        last: Moment,  # noqa: ARG002 - the contract of the machines
        now: Moment,
        held: int,  # noqa: ARG002
        unknown: int,  # noqa: ARG002
        *,
        whole: bool,  # noqa: ARG002
    ) -> list[Decision]:
        """Pass a valid reading on."""
        return self.pair.other_reading(now)
