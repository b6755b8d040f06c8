"""Two points of one fridge for examples of disagreement: the story of test_engine_pairs.py."""

from __future__ import annotations

from dataclasses import replace

from alerts.decisions import Decision
from alerts.rules import Rule
from protocol.reading import Reading
from tests.alerts.story import CENTER, MINUTE, START, Story

UPPER = "fridge-1/upper/temperature"
LOWER = "fridge-1/lower/temperature"
DOOR = "fridge-1/door/open"
APART = Rule("t/apart", "disagreement", 60 * MINUTE, apart=4_000, other=UPPER)


class Pair(Story):
    """Two points of one fridge, read in turn every minute; the door's records only show the time."""

    shift = 0

    def __init__(self, rule: Rule = APART) -> None:
        super().__init__(rule)
        self.others = {name: replace(self.watch, series=name, rules=()) for name in (UPPER, LOWER)}
        self.judge_by(0, rule)

    def read(
        self, minute: float, value: float | None, quality: str = "ok", series: str | None = None
    ) -> list[Decision]:
        """Read a value, while the wall clock is wrong by ``shift``."""
        if not self.shift:
            return super().read(minute, value, quality, series)
        assert value is not None
        self.seq += 1
        mono, name = round(minute * MINUTE), series or self.series
        at = START + mono + self.shift
        brought = self.engine.feed(Reading(self.seq, name, at, "b", mono, round(value * 1000)))
        self.decisions += brought
        return brought

    def judge_by(self, minute: float, *rules: Rule) -> list[Decision]:
        """Put these rules in force."""
        return self.settings(minute, {CENTER: replace(self.watch, rules=rules)} | self.others)

    def both(self, first: int, last: int, center: float, upper: float) -> list[Decision]:
        """Read both from one minute to another, both included."""
        brought = []
        for minute in range(first, last + 1):
            brought += self.read(minute, center)
            brought += self.read(minute, upper, series=UPPER)
        return brought

    def door(self, minute: float) -> list[Decision]:
        """Let the stream reach a minute, by a record that neither point has to do with."""
        return self.read(minute, 0, series=DOOR)
