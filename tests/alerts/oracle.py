"""A brute force for the excursion engine, written from the rules and not from its code.

Where the engine keeps running sums, this spreads every series of a stream on an array with one
cell a tick and looks at the whole of it afterwards: which reading holds the cell, and whether the
cell is held or unknown. Every time in a test is a multiple of the tick, so nothing falls between
two cells. It returns facts, without the record that brought each of them: a record of another
series may bring an opening to light earlier, but may not change it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby

from alerts.decisions import excursion_id
from alerts.rules import Rule, Side, Watch
from protocol.reading import Reading
from tests.alerts.facts import Fact, Found
from tests.alerts.timeline import Placed, Settings, Timeline, place, spread, timeline

RECOVERY_MS = 600_000
RATE_OVER_MS = 300_000


class Oracle:
    """Judges a whole stream at once."""

    def __init__(
        self,
        stream: str,
        records: Sequence[Settings | Reading],
        watches: Mapping[str, Watch],
        tick_ms: int,
        *,
        finished: bool = False,
    ) -> None:
        self.stream = stream
        self.tick = tick_ms
        placed = list(place(records, tick_ms))
        self.finished = finished
        self.lines = {
            name: timeline(placed, watch, tick_ms, finished=finished)
            for name, watch in watches.items()
        }

    def facts(self) -> Counter[Fact]:
        """Return everything that must have been decided, each with how often: once."""
        facts: Counter[Fact] = Counter()
        for line in self.lines.values():
            for rule in line.watch.rules:
                if rule.other is not None:
                    facts.update(PairJudge(self, line, self.lines[rule.other], rule).facts())
                    continue
                for side in _sides(rule):
                    seen = rates(line, side, self) if rule.kind == "rate" else line
                    facts.update(_Judge(self, seen, rule, side).facts())
        return facts


def _sides(rule: Rule) -> list[Side]:
    if rule.kind == "silence":
        return ["silent"]
    if rule.kind == "stuck":
        return ["stuck"]
    sides: list[Side] = []
    if rule.above is not None or rule.at_or_above is not None:
        sides.append("above")
    if rule.below is not None or rule.at_or_below is not None:
        sides.append("below")
    return sides


def rates(line: Timeline, side: Side, oracle: Oracle) -> Timeline:
    """Return the rate of a series as a series: thousandths a minute over five minutes at least."""
    baseline = RATE_OVER_MS // oracle.tick
    made: list[Placed] = []
    for number, now in enumerate(line.readings):
        since = number
        while since > 0 and line.whole[since] and now.t - line.readings[since].t < baseline:
            since -= 1
        then = line.readings[since]
        if now.t - then.t < baseline:
            continue
        minutes = Fraction((now.t - then.t) * oracle.tick, 60_000)
        rate = (now.value - then.value) / minutes
        value = math.ceil(rate) if side == "above" else math.floor(rate)
        made.append(Placed(now.t, now.doubts, now.at, now.seq, value))
    return spread(line.watch, line.since, made, line.end, oracle.tick, finished=oracle.finished)


def _is_outside(rule: Rule, side: Side, value: int) -> bool:
    if side == "above":
        return (rule.above is not None and value > rule.above) or (
            rule.at_or_above is not None and value >= rule.at_or_above
        )
    return (rule.below is not None and value < rule.below) or (
        rule.at_or_below is not None and value <= rule.at_or_below
    )


class _Judge:
    """One rule on one side of one series."""

    def __init__(self, oracle: Oracle, line: Timeline, rule: Rule, side: Side) -> None:
        self.oracle, self.line, self.rule, self.side = oracle, line, rule, side
        self.tick = oracle.tick
        valueless = rule.kind in ("silence", "stuck")
        self.out = [not valueless and _is_outside(rule, side, r.value) for r in line.readings]

    def facts(self) -> list[Fact]:
        kinds = {
            "consecutive": self.consecutive,
            "instant": self.instant,
            "cumulative": self.cumulative,
            "silence": self.silence,
            "rate": self.consecutive,
            "stuck": self.stuck,
        }
        return self._threaded(kinds[self.rule.kind]())

    # --- one run of outside readings ---

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield (first, last) reading of every longest run of outside readings."""
        first = None
        for number, out in enumerate([*self.out, False]):
            if out and first is None:
                first = number
            elif not out and first is not None:
                yield first, number - 1
                first = None

    def consecutive(self) -> list[Found]:
        found = []
        for first, last in self.runs():
            excursion = self._grown(first, last)
            if excursion is not None:
                self._ended(excursion, first, last)
                found.append(excursion)
        return found

    def stuck(self) -> list[Found]:
        """Find the longest runs of one value that are long enough."""
        found = []
        for _, group in groupby(enumerate(self.line.readings), key=lambda item: item[1].value):
            numbers = [number for number, _ in group]
            excursion = self._grown(numbers[0], numbers[-1]) if len(numbers) > 1 else None
            if excursion is not None:
                self._ended(excursion, numbers[0], numbers[-1])
                found.append(excursion)
        return found

    def _grown(self, first: int, last: int) -> Found | None:
        """Count the run's cells until D is reached, by held ones alone and with unknown ones."""
        need = self.rule.for_ms // self.tick
        readings, held, unknown = self.line.readings, 0, 0
        excursion: Found | None = None
        for t, holder, is_held in self.line.cells(with_tail=True):
            if not first <= holder <= last or (not is_held and holder == last):
                continue
            held, unknown = held + is_held, unknown + (not is_held)
            if excursion is None and held + unknown == need:
                alone = held == need
                excursion = Found(
                    readings[first],
                    t + 1,
                    readings[holder].at + (t + 1 - readings[holder].t) * self.tick,
                    "held-time-reached" if alone else "held-and-unknown-time-reached",
                    held * self.tick,
                    unknown * self.tick,
                    possible=not alone,
                )
            elif excursion is not None and excursion.possible and is_held and held == need:
                excursion.confirmed = "held-time-reached"
        return excursion

    def instant(self) -> list[Found]:
        found = []
        for first, last in self.runs():
            if last == first:
                continue
            # whole[n] tells whether reading n joins the one before it without a hole.
            joins = [self.line.whole[number] for number in range(first + 1, last + 1)]
            held, unknown = self._count(first, self.line.readings[first + 1].t)
            opener = self.line.readings[first + 1]
            excursion = Found(
                self.line.readings[first],
                opener.t,
                opener.at,
                "two-readings-outside",
                held,
                unknown,
                possible=not joins[0],
                confirmed="two-readings-outside" if not joins[0] and any(joins) else None,
            )
            self._ended(excursion, first, last)
            found.append(excursion)
        return found

    def _ended(self, excursion: Found, first: int, last: int) -> None:
        """Give the excursion its end, where the series has a reading that ends it."""
        readings = self.line.readings
        excursion.extreme = self._worst(readings[first : last + 1])
        if last + 1 == len(readings):
            return
        after = readings[last + 1]
        excursion.close_t, excursion.close_at = after.t, after.at
        crossed = self.rule.kind != "stuck" and any(
            _is_outside(self.rule, side, after.value) for side in _sides(self.rule)
        )
        back = {"rate": "slower-again", "stuck": "value-moved"}
        inside = back.get(self.rule.kind, "first-reading-inside")
        excursion.close_reason = "crossed-to-the-other-side" if crossed else inside
        excursion.held, excursion.unknown = self._count(first, after.t)

    def _count(self, first: int, until: int) -> tuple[int, int]:
        """Return held and unknown milliseconds of the series from reading ``first`` to ``until``."""
        cells = [
            held
            for t, holder, held in self.line.cells(with_tail=True)
            if holder >= first and t < until
        ]
        return sum(cells) * self.tick, (len(cells) - sum(cells)) * self.tick

    def _worst(self, readings: list[Placed]) -> int:
        values = [reading.value for reading in readings]
        return max(values) if self.side == "above" else min(values)

    # --- a moving window ---

    def cumulative(self) -> list[Found]:
        cells = list(self.line.cells(with_tail=True))
        outside = [held and holder >= 0 and self.out[holder] for _, holder, held in cells]
        final = len(self.line.holder)
        window, need = (self.rule.window_ms or 0) // self.tick, self.rule.for_ms // self.tick

        def total(edge: int) -> int:
            return sum(outside[max(0, edge - window) : edge])

        found: list[Found] = []
        excursion: Found | None = None
        for edge in range(1, len(cells) + 1):
            if excursion is None and total(edge) >= need:
                excursion = self._opened_sum(cells, outside, edge, edge - window)
                found.append(excursion)
            # Only a later reading of the series itself proves that the sum falls.
            elif excursion is not None and total(edge) < need and edge <= final:
                self._closed_sum(excursion, cells, outside, edge - 1)
                excursion = None
        return found

    def _opened_sum(
        self, cells: list[tuple[int, int, bool]], outside: list[bool], edge: int, far: int
    ) -> Found:
        """Open at ``edge``; the start is the first outside reading that still holds behind ``far``."""
        origin = self.line.since.t
        reach: dict[int, int] = {}
        for cell, (_, holder, _) in enumerate(cells):
            if outside[cell]:
                reach[holder] = cell + 1
        readings = self.line.readings
        for number in range(len(readings) - 1, -1, -1):
            # A reading that another one of the same time replaces reaches as far as that one.
            if self.out[number] and number not in reach:
                follower = reach.get(number + 1, 0) if number + 1 < len(readings) else 0
                same = number + 1 < len(readings) and readings[number + 1].t == readings[number].t
                reach[number] = max(readings[number].t - origin, follower if same else 0)
        first = min(number for number, end in reach.items() if end > far)
        t, holder, _ = cells[edge - 1]
        begin = readings[first].t - origin
        return Found(
            readings[first],
            origin + edge,
            readings[holder].at + (t + 1 - readings[holder].t) * self.tick,
            "window-sum-reached",
            sum(outside[begin:edge]) * self.tick,
            sum(not held for _, _, held in cells[begin:edge]) * self.tick,
            possible=False,
        )

    def _closed_sum(
        self,
        excursion: Found,
        cells: list[tuple[int, int, bool]],
        outside: list[bool],
        edge: int,
    ) -> None:
        readings = self.line.readings
        origin = self.line.since.t
        t, holder, _ = cells[edge]
        begin = excursion.first.t - origin
        excursion.close_t = origin + edge
        excursion.close_at = readings[holder].at + (t - readings[holder].t) * self.tick
        excursion.close_reason = "window-sum-fell"
        excursion.held = sum(outside[begin:edge]) * self.tick
        excursion.unknown = sum(not held for _, _, held in cells[begin:edge]) * self.tick
        excursion.extreme = self._worst(
            [
                reading
                for number, reading in enumerate(readings)
                if self.out[number]
                and reading.seq >= excursion.first.seq
                and reading.t <= excursion.close_t
                and number <= holder
            ]
        )

    # --- nothing at all ---

    def silence(self) -> list[Found]:
        found = []
        need = self.rule.for_ms // self.tick
        places = [self.line.since, *self.line.readings]
        for before, after in zip(places, [*places[1:], None], strict=True):
            if (after.t if after is not None else self.line.end) - before.t <= need:
                continue
            excursion = Found(
                before,
                before.t + need,
                before.at + self.rule.for_ms,
                "no-valid-reading",
                self.rule.for_ms,
                0,
                possible=False,
            )
            if after is not None:
                excursion.close_t, excursion.close_at = after.t, after.at
                excursion.close_reason = "valid-reading-again"
                excursion.held = (after.t - before.t) * self.tick
            found.append(excursion)
        return found

    # --- threads ---

    def _threaded(self, found: list[Found]) -> list[Fact]:
        """Spell the excursions as facts, and find out after which of them things had calmed down."""
        return threaded(self.oracle.stream, self.line, self.rule, self.side, found, self._calmed)

    def _calmed(self, closed: int, following: Found | None) -> bool:
        """Whether ten minutes known to be not outside are complete between a closing and an opening."""
        until = following.opened_t if following is not None else self.line.end + 1
        if following is not None and self.rule.kind == "silence":
            # When a silence opens, nobody knows yet whether the reading before it still held.
            until = following.first.t
        away = self._away()
        troubled = {
            reading.t
            for reading, out, whole in zip(self.line.readings, away, self.line.whole, strict=True)
            if out or not whole
        }
        calm = 0
        # An opening proves that the last reading held until then.
        proved = self.rule.kind == "stuck" and following is not None
        for t, holder, held in self.line.cells(with_tail=proved):
            if t in troubled or (self.rule.kind in ("silence", "stuck") and t <= closed):
                calm = 0
            if t >= until:
                return False
            calm = calm + 1 if held and not away[holder] else 0
            if calm * self.tick >= RECOVERY_MS and closed <= t < until:
                return True
        return False

    def _away(self) -> list[bool]:
        """Which readings keep things from calming down: of a run those outside on either side."""
        if self.rule.kind not in ("consecutive", "instant", "rate"):
            return self.out
        sides: tuple[Side, Side] = ("above", "below")
        return [
            any(_is_outside(self.rule, side, reading.value) for side in sides)
            for reading in self.line.readings
        ]


def threaded(
    stream: str,
    line: Timeline,
    rule: Rule,
    side: Side,
    found: list[Found],
    calmed: Callable[[int, Found | None], bool],
) -> list[Fact]:
    """Spell the excursions as facts, and find out after which of them things had calmed down."""
    facts: list[Fact] = []
    where = (line.watch.series, rule.id, side)
    thread = ""
    for number, x in enumerate(found):
        identity = excursion_id(stream, line.watch.series, rule.id, x.first.seq)
        thread = thread or identity
        certainty = "possible" if x.possible else "certain"
        times = (x.first.at, x.opened_at, x.opened_held, x.opened_unknown, x.first.seq)
        facts.append(("opened", *where, identity, thread, x.opened_reason, certainty, *times))
        if x.confirmed is not None:
            facts.append(("confirmed", *where, identity, thread, x.confirmed, "certain"))
            certainty = "certain"
        if x.close_t is None:
            continue
        ends = (x.first.at, x.opened_at, x.close_at, x.held, x.unknown)
        facts.append(
            ("closed", *where, identity, thread, x.close_reason, certainty, *ends, x.extreme)
        )
        following = found[number + 1] if number + 1 < len(found) else None
        if calmed(x.close_t, following):
            facts.append(("recovered", *where, thread))
            thread = ""
    return facts


class PairJudge:
    """One disagreement: both series side by side, a cell a tick."""

    def __init__(self, oracle: Oracle, first: Timeline, second: Timeline, rule: Rule) -> None:
        self.oracle, self.rule, self.tick = oracle, rule, oracle.tick
        self.line, self.other = first, second
        held = [self._values(first), self._values(second)]
        self.origin = first.since.t
        # For each cell how far apart the two are; None: at least one is unknown.
        self.cells = [
            None if a is None or b is None else abs(a - b) for a, b in zip(*held, strict=False)
        ]
        self.end = first.end - self.origin

    @staticmethod
    def _values(line: Timeline) -> list[int | None]:
        return [
            line.readings[holder].value if held and holder >= 0 else None
            for _, holder, held in line.cells(with_tail=True)
        ]

    def _newest(self, cell: int) -> Placed:
        """Return the newest reading of either at the beginning of a cell."""
        both = [*self.line.readings, *self.other.readings]
        behind = [place for place in both if place.t <= cell + self.origin]
        return max(behind, key=lambda place: (place.t, place.seq))

    def _at(self, cell: int, of: int) -> int:
        """Return the wall time at the beginning of ``cell``, as the reading before ``of`` tells it."""
        place = self._newest(of)
        return place.at + (cell + self.origin - place.t) * self.tick

    def facts(self) -> list[Fact]:
        """Return everything that must have been decided."""
        limit, need = self.rule.apart or 0, self.rule.for_ms // self.tick
        found: list[Found] = []
        run: list[int] = []
        for cell, difference in enumerate([*self.cells, 0]):
            if difference is not None and difference > limit:
                run.append(cell)
            elif difference is not None and run:
                # Behind the last cell nothing is known; one in the time of a table's last hold neither.
                ended = cell < min(len(self.cells), self.end)
                self._run(run, cell if ended else None, need, found)
                run = []
        return threaded(self.oracle.stream, self.line, self.rule, "apart", found, self._calmed)

    def _run(self, run: list[int], end: int | None, need: int, found: list[Found]) -> None:
        """Judge one run, given by the cells that are apart; between them lie unknown ones."""
        held = unknown = 0
        excursion: Found | None = None
        apart = set(run)
        for cell in range(run[0], run[-1] + 1):
            held, unknown = held + (cell in apart), unknown + (cell not in apart)
            if excursion is None and held + unknown == need:
                alone = held == need
                excursion = Found(
                    self._newest(run[0]),
                    cell + 1 + self.origin,
                    self._at(cell + 1, cell),
                    "held-time-reached" if alone else "held-and-unknown-time-reached",
                    held * self.tick,
                    unknown * self.tick,
                    possible=not alone,
                )
            elif excursion is not None and excursion.possible and cell in apart and held == need:
                excursion.confirmed = "held-time-reached"
        if excursion is None:
            return
        excursion.extreme = max(self.cells[cell] or 0 for cell in run)
        if end is not None:
            excursion.close_t, excursion.close_at = end + self.origin, self._at(end, end)
            excursion.close_reason = "points-agree-again"
            excursion.held = len(run) * self.tick
            excursion.unknown = (end - run[0] - len(run)) * self.tick
        found.append(excursion)

    def _calmed(self, closed: int, following: Found | None) -> bool:
        until = following.opened_t if following is not None else self.end + self.origin
        calm, limit = 0, self.rule.apart or 0
        for cell, difference in enumerate(self.cells[: max(0, self.end)]):
            calm = calm + 1 if difference is not None and difference <= limit else 0
            if calm * self.tick >= RECOVERY_MS and closed <= cell + self.origin < until:
                return True
        return False
