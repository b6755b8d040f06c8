"""What ``coldwatch excursions`` found, as a person reads it: what happened first, proofs below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from alerts.profiles import source_of
from alerts.table.judge import TableExcursion
from alerts.table.refusals import Language
from alerts.table.report import Findings
from alerts.table.words import (
    celsius,
    duration,
    padded,
    rule_text,
    side_word,
    storage_text,
    width,
    word,
)

# More than this is for a program, which asks for --json.
_EXCURSIONS = 40
_DAYS = 62
_REFUSED = 10
_T = TypeVar("_T")


def as_text(findings: Findings, language: Language) -> str:
    """Return the report for a terminal."""
    return "\n".join(_Text(findings, language).lines())


class _Text:
    """Sets one report in one language."""

    def __init__(self, findings: Findings, language: Language) -> None:
        self.findings, self.language = findings, language

    def say(self, key: str, **fields: object) -> str:
        return word(key, self.language, **fields)

    def time(self, ms: int) -> str:
        return duration(ms, self.language)

    def mean(self, value: float | None) -> str:
        return "—" if value is None else celsius(round(value / 10) * 10, self.language)

    def clock(self, at: int) -> str:
        return self.findings.local(at).strftime("%Y-%m-%d %H:%M")

    def lines(self) -> Iterator[str]:
        findings = self.findings
        table, exposure = findings.table, findings.exposure
        yield findings.file
        if exposure is None:
            yield "  " + self.say("no-readings")
            yield from self.remarks()
            return
        start, end = self.clock(table.times[0]), self.clock(table.times[-1])
        yield "  " + self.say(
            "readings", n=len(table.times), start=start, end=end, zone=findings.zone_name
        )
        yield ""
        yield from self.excursions(exposure.unknown_ms)
        yield ""
        yield self.say("exposure", range=storage_text(findings.storage, self.language))
        for key, ms in (
            ("inside", exposure.inside_ms),
            ("above", exposure.above_ms),
            ("below", exposure.below_ms),
            ("unknown", exposure.unknown_ms),
        ):
            yield f"  {padded(self.say(key), 10)}{self.time(ms)}"
        yield "  " + self.say(
            "extremes",
            min=celsius(exposure.minimum, self.language),
            max=celsius(exposure.maximum, self.language),
            mean=self.mean(exposure.mean),
            mkt=self.mean(exposure.mkt),
        )
        yield ""
        yield from self.days()
        yield from self.rules()
        yield from self.remarks()

    def excursions(self, unknown_ms: int) -> Iterator[str]:
        found = self.findings.excursions
        if not found:
            key = "no-excursion-but" if unknown_ms else "no-excursion"
            yield self.say(key, unknown=self.time(unknown_ms))
            return
        yield self.say("excursions", n=len(found))
        yield from self.first_of(found, _EXCURSIONS, self.excursion)

    def excursion(self, one: TableExcursion) -> str:
        start = self.clock(one.start)
        span = (
            self.say("span", start=start, end=self.clock(one.end))
            if one.end is not None
            else self.say("since", start=start)
        )
        lasted = "lasted-silent" if one.side == "silent" else "lasted-outside"
        parts = [self.say(lasted, time=self.time(one.held_ms))]
        if one.unknown_ms:
            parts.append(self.say("plus-unknown", time=self.time(one.unknown_ms)))
        if one.extreme is not None:
            value = celsius(one.extreme, self.language)
            rate = "rate-" if one.rule.kind == "rate" else ""
            parts.append(self.say(f"extreme-{rate}{one.side}", value=value))
        parts.append(self.say("opened", opened=self.clock(one.opened)))
        if one.certainty == "possible":
            parts.append(self.say("possible"))
        if one.end is None:
            parts.append(self.say("open"))
        comma = "，" if self.language == "zh" else ", "
        head = padded(side_word(one.side, self.language), 10)
        return f"{head}{span}  [{one.rule.id}]\n            {comma.join(parts)}"

    def days(self) -> Iterator[str]:
        yield self.say("days", zone=self.findings.zone_name)
        head = [
            self.say(key)
            for key in ("date", "min", "max", "mean", "above", "below", "unknown", "events")
        ]
        rows = [head]
        for day in self.findings.days[:_DAYS]:
            exposure = day.exposure
            rows.append(
                [
                    day.date.isoformat(),
                    celsius(exposure.minimum, self.language),
                    celsius(exposure.maximum, self.language),
                    self.mean(exposure.mean),
                    *(
                        self.time(ms) if ms else "—"
                        for ms in (exposure.above_ms, exposure.below_ms, exposure.unknown_ms)
                    ),
                    str(len(self.findings.by_day[day.date]) or "—"),
                ]
            )
        widths = [max(width(row[column]) for row in rows) for column in range(len(head))]
        for row in rows:
            cells = [padded(row[0], widths[0])]
            cells += [
                padded(cell, w, right=True) for cell, w in zip(row[1:], widths[1:], strict=True)
            ]
            yield "  " + "  ".join(cells).rstrip()
        if len(self.findings.days) > _DAYS:
            yield "  " + self.say("more", n=len(self.findings.days) - _DAYS)
        yield ""

    def rules(self) -> Iterator[str]:
        yield self.say("rules")
        for rule in self.findings.rules:
            source = source_of(rule.id)
            holds = f"; {self.say('holds')}" if rule.holds else ""
            yield f"  {rule.id}: {rule_text(rule, self.language)}{holds}"
            origin = source.text[self.language] if source is not None else self.say("limits-rule")
            ours = f" [{self.say('ours')}]" if source is not None and source.ours else ""
            yield f"      {origin}{ours}"
        yield "  " + self.say(
            "holding",
            gap=self.time(self.findings.max_gap_ms),
            interval=self.time(self.findings.interval_ms),
        )
        yield ""

    def remarks(self) -> Iterator[str]:
        table, layout = self.findings.table, self.findings.table.layout
        yield self.say("remarks")
        names = {"time": layout.name(layout.time), "value": layout.name(layout.value)}
        shown = {
            key: repr(name) + (self.say("guessed") if key in layout.guessed else "")
            for key, name in names.items()
        }
        yield "  " + self.say("columns", **shown)
        if table.naive:
            yield "  " + self.say("naive", zone=self.findings.zone_name)
        if table.rounded:
            yield "  " + self.say("rounded")
        for key, lines in (
            ("repeated-headers", table.repeated_headers),
            ("out-of-order", table.out_of_order),
            ("duplicates", table.duplicates),
            ("same-time", table.same_time),
        ):
            if lines:
                yield "  " + self.say(key, n=len(lines))
        if table.refused:
            yield self.say("refused", n=len(table.refused))
            yield from self.first_of(
                table.refused,
                _REFUSED,
                lambda one: self.say("line", line=one.line, why=one.why(self.language)),
            )

    def first_of(self, items: Sequence[_T], most: int, spell: Callable[[_T], str]) -> Iterator[str]:
        for item in items[:most]:
            yield "  " + spell(item)
        if len(items) > most:
            yield "  " + self.say("more", n=len(items) - most)
