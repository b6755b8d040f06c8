"""The stream's own time for the oracle: where each record lies on it, and what holds where.

One cell a tick; every time in a test is a multiple of the tick, so nothing falls between two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from alerts.rules import Watch
from protocol.reading import Reading


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings record that names all series of a test."""

    seq: int
    at: int
    boot: str
    mono_ms: int
    clock: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A record on the stream's own time: ``t`` in ticks, and how many doubtful reboots lie before."""

    t: int
    doubts: int
    at: int
    seq: int
    value: int


@dataclass(slots=True)
class Timeline:
    """One series, a cell a tick, from its settings record to its last valid reading.

    Attributes:
        holder: for each cell, the number of the reading before it; -1 before the first one.
        held: for each cell, whether that reading still holds there.
        tail: how many ticks the last reading is credited with behind the last cell.
        end: the stream's last instant.
    """

    watch: Watch
    since: Placed
    readings: list[Placed]
    holder: list[int] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    tail: int = 0
    end: int = 0

    def cells(self, *, with_tail: bool) -> Iterator[tuple[int, int, bool]]:
        """Yield (cell's beginning, holder, held) in order."""
        t = self.since.t
        for holder, held in zip(self.holder, self.held, strict=True):
            yield t, holder, held
            t += 1
        if with_tail and self.readings:
            for _ in range(self.tail):
                yield t, len(self.readings) - 1, True
                t += 1


def place(
    records: Sequence[Settings | Reading], tick: int
) -> Iterator[tuple[Placed, Settings | Reading]]:
    """Put the records on the stream's time; within a boot monotonic, between boots by ``at``."""
    t = doubts = 0
    before: Settings | Reading | None = None
    for record in records:
        if before is not None and before.boot == record.boot:
            t += record.mono_ms - before.mono_ms
        elif before is not None:
            step = record.at - before.at
            doubtful = "estimated" in (before.clock, record.clock) or step < 0
            t, doubts = t + max(0, step), doubts + doubtful
        assert t % tick == 0
        value = record.value if isinstance(record, Reading) else None
        yield Placed(t // tick, doubts, record.at, record.seq, value or 0), record
        before = record


def timeline(
    placed: list[tuple[Placed, Settings | Reading]], watch: Watch, tick: int, *, finished: bool
) -> Timeline:
    """Spread one series over cells: which reading is before each, and whether it still holds."""
    since = next(place for place, record in placed if isinstance(record, Settings))
    valid = [
        place
        for place, record in placed
        if isinstance(record, Reading)
        and record.series == watch.series
        and record.seq > since.seq
        and record.value is not None
        and not record.quality.startswith("rejected")
    ]
    return spread(watch, since, valid, placed[-1][0].t, tick, finished=finished)


def spread(
    watch: Watch, since: Placed, readings: list[Placed], end: int, tick: int, *, finished: bool
) -> Timeline:
    """Spread readings, of a series or made from one, over cells."""
    line = Timeline(watch, since, readings, end=end)
    interval, gap = watch.interval_ms // tick, watch.max_gap_ms // tick
    for number, (place, after) in enumerate(zip([since, *readings], readings, strict=False)):
        spent = after.t - place.t
        whole = spent <= gap and after.doubts == place.doubts
        line.whole.append(whole)
        for offset in range(spent):
            line.holder.append(number - 1)
            line.held.append(number > 0 and (whole or offset < interval))
    if readings:
        line.tail = interval if finished else min(interval, line.end - readings[-1].t)
    return line
