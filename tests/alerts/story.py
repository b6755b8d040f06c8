"""A small language for examples: one fridge, one stream, readings by the minute."""

from __future__ import annotations

from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.rules import Rule, Watch
from protocol.reading import Reading

STREAM = "a" * 32
CENTER = "fridge-1/center/temperature"
START = 1_700_000_000_000
MINUTE = 60_000


class Story:
    """Feeds readings to an engine and keeps what it decided."""

    def __init__(
        self, *rules: Rule, series: str = CENTER, interval_min: float = 1, max_gap_min: float = 3
    ) -> None:
        self.engine = StreamEngine(STREAM)
        self.series = series
        self.watch = Watch(
            series,
            round(interval_min * MINUTE),
            round(max_gap_min * MINUTE),
            (2000, 8000),
            decides=True,
            rules=rules,
        )
        self.seq = 0
        self.decisions: list[Decision] = []
        self.settings(0, {series: self.watch})

    def settings(self, minute: float, watches: dict[str, Watch]) -> list[Decision]:
        """Put other rules in force."""
        self.seq += 1
        mono = round(minute * MINUTE)
        brought = self.engine.feed_settings(
            seq=self.seq,
            at=START + mono,
            boot="b",
            mono_ms=mono,
            clock="synced",
            watches=watches,
        )
        self.decisions += brought
        return brought

    def read(
        self, minute: float, value: float | None, quality: str = "ok", series: str | None = None
    ) -> list[Decision]:
        """Read a value in degrees at a minute."""
        self.seq += 1
        mono = round(minute * MINUTE)
        thousandths = None if value is None else round(value * 1000)
        reading = Reading(
            self.seq, series or self.series, START + mono, "b", mono, thousandths, quality
        )
        brought = self.engine.feed(reading)
        self.decisions += brought
        return brought

    def boot(self, boot: str, minute: float, value: float, clock: str = "synced") -> list[Decision]:
        """Read a value in another boot, whose monotonic clock has begun anew."""
        self.seq += 1
        at = START + round(minute * MINUTE)
        mono = round(minute * MINUTE) + 7
        reading = Reading(self.seq, self.series, at, boot, mono, round(value * 1000), clock=clock)
        brought = self.engine.feed(reading)
        self.decisions += brought
        return brought

    def hold(self, first: float, last: float, value: float, step: float = 1) -> list[Decision]:
        """Read the same value from one minute to another, both included."""
        brought = []
        minute = first
        while minute <= last:
            brought += self.read(minute, value)
            minute += step
        return brought

    def told(self, happening: str = "opened") -> list[tuple[str, str]]:
        """Return rule name and side of every decision of a kind."""
        return [
            (d.rule.id.partition("/")[2], d.side)
            for d in self.decisions
            if d.happening == happening
        ]


def minute_of(at: int | None) -> float | None:
    """Return a time as minutes of the story."""
    return None if at is None else (at - START) / MINUTE


def brief(decisions: list[Decision]) -> list[tuple[str, str, str]]:
    """Return happening, rule name and side of decisions."""
    return [(d.happening, d.rule.id.partition("/")[2], d.side) for d in decisions]
