"""Readings as a file for others: what is exported, and in which formats; always as a stream.

However long the range is, only some thousand readings are in memory at a time. A format is a
function from readings to blocks of bytes, so that a file and an answer of the console are made by
the same code. The libraries of XLSX and Parquet (extra `export`) are imported when they are used.

Columns: site, series, at (UTC), local (the zone's clock), value, unit, raw, quality, clock, stream,
seq, boot, mono_ms. Every reading is there, rejected ones too: `quality` tells them apart. Series
come one after another, each in the order of `History.readings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final, Literal, NamedTuple

from history.port import History, StreamReading

Format = Literal["csv", "xlsx", "parquet"]
Language = Literal["zh", "en"]

COLUMNS: Final = (
    "site", "series", "at", "local", "value", "unit", "raw", "quality", "clock", "stream", "seq",
    "boot", "mono_ms",
)  # fmt: skip

# What a program may not send to a spreadsheet as the beginning of a text: it would be a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SeriesRule(NamedTuple):
    """How the hub judges a series now; it stands on the first sheet of a workbook.

    Values are thousandths (None: no limit), durations milliseconds.
    """

    series: str
    low: int | None
    high: int | None
    interval_ms: int
    max_gap_ms: int


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported.

    Attributes:
        site: the site.
        series: its series, in the order in which they come.
        start: first millisecond, UTC.
        end: the millisecond after the last one.
        zone: of the column `local`.
        zone_name: its IANA name.
        made_at: when it is made, UTC milliseconds.
        language: of what a workbook says beside the readings.
        rules: how its series are judged, as far as the hub knows.
        bom: whether a CSV begins with a byte order mark, by which spreadsheets know UTF-8.
    """

    site: str
    series: tuple[str, ...]
    start: int
    end: int
    zone: tzinfo
    zone_name: str
    made_at: int
    language: Language = "en"
    rules: tuple[SeriesRule, ...] = ()
    bom: bool = False


Writer = Callable[[Iterator[StreamReading], Export, Path | None], Iterator[bytes]]


class FormatEntry(NamedTuple):
    """One format: its media type and the module that writes it, `blocks(readings, export, folder)`."""

    media_type: str
    module: str


FORMATS: Final[dict[Format, FormatEntry]] = {
    "csv": FormatEntry("text/csv; charset=utf-8", "history.export_csv"),
    "xlsx": FormatEntry(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "history.export_xlsx"
    ),
    "parquet": FormatEntry("application/vnd.apache.parquet", "history.export_parquet"),
}


def readings_of(history: History, export: Export) -> Iterator[StreamReading]:
    """Yield everything that is exported, series by series."""
    for series in export.series:
        yield from history.readings(export.site, series, export.start, export.end)


def exported(
    readings: Iterator[StreamReading], export: Export, format_: Format, folder: Path | None = None
) -> Iterator[bytes]:
    """Yield the bytes of a file; closing the iterator leaves nothing behind.

    Args:
        readings: of `readings_of`, or a pass-through that counts them.
        export: what they are.
        format_: of the file.
        folder: where a workbook is put together; None: a folder for large temporary files.

    Raises:
        ModuleNotFoundError: the format's library is not installed.
        HistoryUnavailableError: the store cannot answer; what came so far is no whole file.
        OSError: the disk does not take the workbook.
    """
    import importlib

    blocks: Writer = importlib.import_module(FORMATS[format_].module).blocks
    return blocks(readings, export, folder)


def instant(at: int) -> datetime:
    """Return a time of UTC milliseconds, exactly."""
    return _EPOCH + timedelta(milliseconds=at)


def utc_text(at: int) -> str:
    """Spell UTC milliseconds: ``2026-05-04T01:30:00.000Z``."""
    return f"{instant(at).isoformat(timespec='milliseconds')[:-6]}Z"


def local_text(at: int, zone: tzinfo) -> str:
    """Spell UTC milliseconds by a zone's clock: ``2026-05-04T09:30:00.000+08:00``."""
    return instant(at).astimezone(zone).isoformat(timespec="milliseconds")


def wall_ms(at: int, zone: tzinfo) -> int:
    """Return what a zone's clock shows, as milliseconds since 1970 on that same clock."""
    offset = instant(at).astimezone(zone).utcoffset() or timedelta()
    return at + offset // timedelta(milliseconds=1)


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Names of the wire begin with a letter or a digit, but for a boot's id, which may begin with a
    hyphen: it gets an apostrophe in front, which spreadsheets do not show.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
