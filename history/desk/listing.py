"""`coldwatch history list`: which series have readings, from when to when, and which are stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerts.table.report import degrees
from alerts.table.words import padded, width
from config.options import Language
from history.desk.words import amount, clock, stamp, unit_of, word
from history.export import SeriesRule
from history.port import History, StreamReading
from protocol.reading import Reading

# For a series that no settings describe: WHO's largest gap between samples.
_MAX_GAP_MS: Final = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One series that has readings.

    Attributes:
        site: its site.
        series: its name.
        first_at: time of its first judged reading; None where there is none.
        newest: its newest judged reading; None where there is none.
        quality: of the newest reading, judged or not.
        stale: whether the next judged reading should have come by now.
    """

    site: str
    series: str
    first_at: int | None
    newest: Reading | None
    quality: str
    stale: bool


def listed(
    history: History,
    rules: Mapping[tuple[str, str], SeriesRule],
    *,
    now: int,
    site: str | None = None,
) -> list[Listed]:
    """Return every series that has a reading, of one site or of all, sorted."""
    found = sorted(history.latest(site).items())
    return [_one(history, key, item, rules.get(key), now) for key, item in found]


def _one(
    history: History, key: tuple[str, str], item: StreamReading, rule: SeriesRule | None, now: int
) -> Listed:
    site, series = key
    first = history.first_from(site, series, 0)
    newest: StreamReading | None = item
    if not item.reading.judged:
        newest = history.last_before(site, series, item.reading.at + 1)
    gap = rule.max_gap_ms if rule is not None else _MAX_GAP_MS
    return Listed(
        site,
        series,
        first.reading.at if first is not None else None,
        newest.reading if newest is not None else None,
        item.reading.quality,
        newest is None or now - newest.reading.at > gap,
    )


def as_json(rows: Sequence[Listed], zone: ZoneInfo, now: int) -> dict[str, Any]:
    """Return the list as one JSON document."""
    return {
        "as_of": stamp(now, zone),
        "zone": zone.key,
        "series": [
            {
                "site": row.site,
                "series": row.series,
                "unit": unit_of(row.series),
                "first": stamp(row.first_at, zone) if row.first_at is not None else None,
                "newest": stamp(row.newest.at, zone) if row.newest is not None else None,
                "value": degrees(row.newest.value) if row.newest is not None else None,
                "quality": row.quality,
                "stale": row.stale,
            }
            for row in rows
        ],
    }


def as_text(rows: Sequence[Listed], zone: ZoneInfo, now: int, language: Language) -> str:
    """Return the list for a terminal."""
    heads = ("site", "series", "first", "newest", "value", "state")
    table = [[word(f"head-{head}", language) for head in heads]]
    table += [_cells(row, zone, language) for row in rows]
    widths = [max(width(line[column]) for line in table) for column in range(len(heads))]
    lines = [
        "  ".join(padded(cell, wide) for cell, wide in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
    return "\n".join([*lines, "", word("now", language, at=clock(now, zone), zone=zone.key)])


def _cells(row: Listed, zone: ZoneInfo, language: Language) -> list[str]:
    value = row.newest.value if row.newest is not None else None
    state = "nothing-valid" if row.newest is None else "stale" if row.stale else "current"
    said = word(state, language)
    if row.quality != "ok":
        said += word("newest-is", language, quality=row.quality)
    return [
        row.site,
        row.series,
        clock(row.first_at, zone) if row.first_at is not None else "—",
        clock(row.newest.at, zone) if row.newest is not None else "—",
        amount(value, unit_of(row.series), language),
        said,
    ]
