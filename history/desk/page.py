"""The statistics as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alerts.table.words import duration, padded, width
from alerts.table.words import word as table_word
from config.options import Language
from history.desk.stats import Statistics
from history.desk.words import amount, clock, percent, unit_of, word
from history.statistics import Exposure

# More than this is for a program, which asks for --json.
_MOST_DAYS: Final = 62


def as_text(found: Statistics, language: Language, *, from_hub: bool) -> str:
    """Return the statistics; ``from_hub``: the rule is the hub's, and nobody gave it."""
    return "\n".join(_Page(found, language).lines(from_hub=from_hub))


class _Page:
    """Sets one answer in one language."""

    def __init__(self, found: Statistics, language: Language) -> None:
        self.found, self.language = found, language
        self.unit = unit_of(found.rule.series)
        # a fridge is too warm or too cold, but air is not too moist by itself
        self.warm = self.unit == "degC"

    def say(self, key: str, **fields: object) -> str:
        return word(key, self.language, **fields)

    def time(self, ms: int) -> str:
        return duration(ms, self.language)

    def amount(self, value: int | None) -> str:
        return amount(value, self.unit, self.language)

    def mean(self, value: float | None) -> str:
        return "—" if value is None else self.amount(round(value / 10) * 10)

    def name(self, warm: str, plain: str) -> str:
        """Return a word of temperatures, or the one that fits every quantity."""
        return table_word(warm, self.language) if self.warm else self.say(plain)

    def lines(self, *, from_hub: bool) -> Iterator[str]:
        found, rule, exposure = self.found, self.found.rule, self.found.exposure
        yield f"{found.site} {rule.series}"
        if exposure is None:
            yield "  " + self.say("no-readings")
            return
        start, end = clock(exposure.start, found.zone), clock(exposure.end, found.zone)
        yield "  " + self.say("range", start=start, end=end, zone=found.zone.key)
        if found.whole:
            yield "  " + self.say("whole-range")
        yield "  " + self.say("count", n=exposure.readings)
        yield ""
        yield self.say("within", range=self.range())
        yield from self.times(exposure)
        kinetic = self.say("kinetic", mkt=self.mean(exposure.mkt)) if self.warm else ""
        extremes = self.say(
            "extremes",
            min=self.amount(exposure.minimum),
            max=self.amount(exposure.maximum),
            mean=self.mean(exposure.mean),
        )
        yield f"  {extremes}{kinetic}"
        yield ""
        yield from self.days()
        holding = table_word(
            "holding",
            self.language,
            gap=self.time(rule.max_gap_ms),
            interval=self.time(rule.interval_ms),
        )
        yield holding
        if from_hub:
            yield self.say("from-hub")

    def range(self) -> str:
        low, high = self.found.rule.low, self.found.rule.high
        key = "range" if None not in {low, high} else "range-to" if low is None else "range-from"
        return table_word(key, self.language, low=self.amount(low), high=self.amount(high))

    def times(self, exposure: Exposure) -> Iterator[str]:
        """Yield how long it was what; a share of the known time never hides the unknown."""
        for name, ms in (
            (table_word("inside", self.language), exposure.inside_ms),
            (self.name("above", "above"), exposure.above_ms),
            (self.name("below", "below"), exposure.below_ms),
            (table_word("unknown", self.language), exposure.unknown_ms),
        ):
            share = percent(ms, exposure.span_ms)
            yield f"  {padded(name, 10)}{padded(self.time(ms), 24)}{padded(share, 9, right=True)}"
        if exposure.unknown_ms:
            share = percent(exposure.inside_ms, exposure.held_ms)
            text = self.say("known-share", share=share)
            text += self.say("longest", time=self.time(exposure.longest_unknown_ms))
            if exposure.pending_ms:
                text += self.say("pending", time=self.time(exposure.pending_ms))
            yield f"  {text}"

    def days(self) -> Iterator[str]:
        yield table_word("days", self.language, zone=self.found.zone.key)
        rows = [
            [
                table_word("date", self.language),
                self.name("min", "lowest"),
                self.name("max", "highest"),
                table_word("mean", self.language),
                table_word("inside", self.language),
                self.name("above", "above"),
                self.name("below", "below"),
                table_word("unknown", self.language),
            ]
        ]
        for day in self.found.days[:_MOST_DAYS]:
            exposure = day.exposure
            parts = (exposure.above_ms, exposure.below_ms, exposure.unknown_ms)
            rows.append(
                [
                    day.date.isoformat(),
                    self.amount(exposure.minimum),
                    self.amount(exposure.maximum),
                    self.mean(exposure.mean),
                    percent(exposure.inside_ms, exposure.span_ms),
                    *(self.time(ms) if ms else "—" for ms in parts),
                ]
            )
        widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [padded(row[0], widths[0])]
            cells += [
                padded(cell, wide, right=True)
                for cell, wide in zip(row[1:], widths[1:], strict=True)
            ]
            yield "  " + "  ".join(cells)
        if len(self.found.days) > _MOST_DAYS:
            yield "  " + table_word("more", self.language, n=len(self.found.days) - _MOST_DAYS)
        yield ""
