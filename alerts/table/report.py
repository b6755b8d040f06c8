"""What ``coldwatch excursions`` found, as one JSON document.

Times are ISO 8601 with the offset of the report's zone, durations seconds, values decimals: this
is where a person or another program reads, so integers end here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any

from alerts.profiles import source_of
from alerts.rules import Rule
from alerts.table.judge import TableExcursion
from alerts.table.reader import Table
from alerts.table.refusals import Language
from history.days import Day
from history.statistics import Exposure


@dataclass(frozen=True)
class Findings:
    """Everything that is reported of one table.

    Attributes:
        file: its name as it was given.
        table: the readings and what was odd about them.
        rules: judged by these.
        storage: lowest and highest value inside, thousandths; None is no limit.
        interval_ms: how long a reading holds when the next one is late.
        max_gap_ms: the longest time to the next reading that still counts as held.
        zone: of all times and days.
        zone_name: as it was given.
        exposure: of the whole table; None where no row could be read.
        days: of each local date.
        excursions: by start.
    """

    file: str
    table: Table
    rules: tuple[Rule, ...]
    storage: tuple[int | None, int | None]
    interval_ms: int
    max_gap_ms: int
    zone: tzinfo
    zone_name: str
    exposure: Exposure | None
    days: list[Day]
    excursions: list[TableExcursion]

    @cached_property
    def by_day(self) -> dict[date, list[TableExcursion]]:
        """The excursions that opened or were still open on each date."""
        found: dict[date, list[TableExcursion]] = {day.date: [] for day in self.days}
        final = max(found, default=date.min)
        for one in self.excursions:
            day = min(self.local(one.opened).date(), final)
            # An excursion that ends as a day begins was not open on that day.
            last = self.local(max(one.opened, one.end - 1)).date() if one.end is not None else final
            while day <= last:
                if day in found:
                    found[day].append(one)
                day += timedelta(days=1)
        return found

    def local(self, at: int) -> datetime:
        """Return a UTC time as the report's zone shows it."""
        return datetime.fromtimestamp(at // 1000, self.zone) + timedelta(milliseconds=at % 1000)


def seconds(ms: int) -> int | float:
    """Return seconds: a whole number where it is one."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def degrees(value: int | None) -> float | None:
    """Return thousandths as a decimal."""
    return None if value is None else value / 1000


def _fraction(value: float | None) -> float | None:
    """Return a mean of thousandths in degrees, as fine as it means anything."""
    return None if value is None else round(value / 1000, 6)


def as_json(findings: Findings, language: Language) -> dict[str, Any]:
    """Return the whole report as a JSON object."""
    table, exposure = findings.table, findings.exposure
    return {
        "file": findings.file,
        "rules": [rule_json(rule, language) for rule in findings.rules],
        "readings": len(table.times),
        "from": _stamp(findings, table.times[0]) if table.times else None,
        "to": _stamp(findings, table.times[-1]) if table.times else None,
        "zone": findings.zone_name,
        "interval_s": seconds(findings.interval_ms),
        "max_gap_s": seconds(findings.max_gap_ms),
        "storage": [degrees(limit) for limit in findings.storage],
        "exposure": {
            "inside_s": seconds(exposure.inside_ms if exposure else 0),
            "above_s": seconds(exposure.above_ms if exposure else 0),
            "below_s": seconds(exposure.below_ms if exposure else 0),
            "unknown_s": seconds(exposure.unknown_ms if exposure else 0),
        },
        "min": degrees(exposure.minimum if exposure else None),
        "max": degrees(exposure.maximum if exposure else None),
        "mean": _fraction(exposure.mean if exposure else None),
        "mkt": _fraction(exposure.mkt if exposure else None),
        "excursions": [_excursion(findings, one) for one in findings.excursions],
        "days": [_day(findings, day) for day in findings.days],
        **_reading(findings, language),
    }


def _reading(findings: Findings, language: Language) -> dict[str, Any]:
    """Return how the file was read and what was odd about it."""
    table, layout = findings.table, findings.table.layout
    return {
        "refused": [
            {"line": one.line, "why": one.why(language), "code": one.code} for one in table.refused
        ],
        "repeated_headers": table.repeated_headers,
        "out_of_order": len(table.out_of_order),
        "out_of_order_lines": table.out_of_order[:100],
        "duplicates": len(table.duplicates),
        "duplicate_lines": table.duplicates[:100],
        "same_time": len(table.same_time),
        "same_time_lines": table.same_time[:100],
        "columns": {
            "time": layout.name(layout.time),
            "value": layout.name(layout.value),
            "guessed": list(layout.guessed),
        },
        "separator": layout.separator,
        "encoding": table.encoding,
        "times_without_offset": table.naive,
        "rounded_to_thousandths": table.rounded,
    }


def rule_json(rule: Rule, language: Language) -> dict[str, Any]:
    """Return a rule with everything that decides, and where its figures come from."""
    body: dict[str, Any] = {"id": rule.id, "kind": rule.kind}
    for name in ("above", "below", "at_or_above", "at_or_below"):
        limit = getattr(rule, name)
        if limit is not None:
            body[name] = degrees(limit)
    if rule.kind != "instant":
        body["for_s"] = seconds(rule.for_ms)
    if rule.window_ms is not None:
        body["window_s"] = seconds(rule.window_ms)
    body["holds"] = rule.holds
    source = source_of(rule.id)
    if source is not None:
        body["source"] = source.text[language]
        body["ours"] = source.ours
        body["to_confirm"] = source.to_confirm
    return body


def _stamp(findings: Findings, at: int) -> str:
    return findings.local(at).isoformat(timespec="milliseconds" if at % 1000 else "seconds")


def _excursion(findings: Findings, one: TableExcursion) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "side": one.side,
        "certainty": one.certainty,
        "start": _stamp(findings, one.start),
        "opened": _stamp(findings, one.opened),
        "end": _stamp(findings, one.end) if one.end is not None else None,
        "seconds": seconds(one.held_ms),
        "extreme": degrees(one.extreme),
        "unknown_s": seconds(one.unknown_ms),
    }


def _day(findings: Findings, day: Day) -> dict[str, Any]:
    exposure = day.exposure
    return {
        "date": day.date.isoformat(),
        "min": degrees(exposure.minimum),
        "max": degrees(exposure.maximum),
        "mean": _fraction(exposure.mean),
        "inside_s": seconds(exposure.inside_ms),
        "above_s": seconds(exposure.above_ms),
        "below_s": seconds(exposure.below_ms),
        "unknown_s": seconds(exposure.unknown_ms),
        "opened": [
            {
                "rule": one.rule.id,
                "side": one.side,
                "certainty": one.certainty,
                "opened": _stamp(findings, one.opened),
            }
            for one in findings.by_day[day.date]
        ],
    }
