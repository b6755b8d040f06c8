"""Reading the table of a logger into rows of time and value.

Comma, semicolon or tab (a decimal comma where the comma does not part columns), with or
without a byte-order mark and a header. A row that cannot be read is set aside with its line
and the reason, and blocks no other.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

# The times that the wire takes: 1970 to 2200.
_LAST_MS = 7_258_118_400_000
# As seconds this is the year 5138, as milliseconds 1973: nothing recorded lies between.
_MILLISECONDS_FROM = 100_000_000_000
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a table.

    Attributes:
        time_column: name in the header, or place from 0 where there is no header.
        value_column: likewise.
        time_unit: ``auto``, ``iso``, ``s`` or ``ms``.
        zone: zone of ISO times without an offset.
        epoch_ms: UTC milliseconds at which a numeric time column was 0.
        milli: whether values are thousandths already.
    """

    time_column: str | int
    value_column: str | int
    time_unit: str = "auto"
    zone: str = "UTC"
    epoch_ms: int = 0
    milli: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What was read.

    Attributes:
        rows: (UTC milliseconds, thousandths) in time order; equal times stay as in the file.
        refused: (line, why) of each row that was set aside.
        out_of_order: how many rows came before an earlier one in the file.
    """

    rows: list[tuple[int, int]]
    refused: list[tuple[int, str]]
    out_of_order: int

    @property
    def spacing_ms(self) -> int:
        """The median time from a row to the next; 0 for less than two rows."""
        gaps = [after[0] - before[0] for before, after in pairwise(self.rows)]
        return int(median(gaps)) if gaps else 0


def read_table(path: Path, layout: Layout) -> Table:
    """Read a table; raise ValueError where it is none, OSError where it cannot be opened."""
    rows: list[tuple[int, int]] = []
    refused: list[tuple[int, str]] = []
    # A byte that is no UTF-8 spoils its own cell only.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        blank = 0
        first = ""
        for first in file:
            if first.strip():
                break
            blank += 1
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(chain([first], file), delimiter=delimiter)
        numbered = ((reader.line_num + blank, cells) for cells in reader)
        try:
            for line, row in _rows(numbered, layout, decimal_comma=delimiter != ","):
                if isinstance(row, str):
                    refused.append((line, row))
                else:
                    rows.append(row)
        except csv.Error as error:
            raise ValueError(f"{path}, line {reader.line_num + blank}: {error}") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    disorder = sum(after[0] < before[0] for before, after in pairwise(rows))
    rows.sort(key=lambda row: row[0])
    return Table(rows, refused, disorder)


def _rows(
    numbered: Iterator[tuple[int, list[str]]], layout: Layout, *, decimal_comma: bool
) -> Iterator[tuple[int, tuple[int, int] | str]]:
    """Yield (line, row or why there is none); raise ValueError for a column that is not there."""
    header: list[str] | None = None
    at, of = layout.time_column, layout.value_column
    if isinstance(at, str) or isinstance(of, str):
        header = [cell.strip() for cell in next(numbered, (1, []))[1]]
        at, of = _place(header, at), _place(header, of)
    to_time = _time_reader(layout)
    for line, cells in numbered:
        if not any(cells):
            continue
        if header is not None and [cell.strip() for cell in cells] == header:
            yield line, "the header again"
            continue
        if max(at, of) >= len(cells):
            yield line, f"has {len(cells)} columns, not {max(at, of) + 1}"
            continue
        try:
            value = cells[of].strip()
            if decimal_comma:
                value = value.replace(",", ".")
            row = to_time(cells[at].strip()), _thousandths(value, milli=layout.milli)
        except ValueError as error:
            yield line, str(error)
        else:
            yield line, row


def _place(header: list[str], column: str | int) -> int:
    """Return the place of a named column."""
    if isinstance(column, int):
        return column
    if column not in header:
        raise ValueError(f"there is no column {column!r}; its columns are: {', '.join(header)}")
    return header.index(column)


def _time_reader(layout: Layout) -> Callable[[str], int]:
    """Return the function that turns a time cell into UTC milliseconds."""
    zone = ZoneInfo(layout.zone) if layout.zone != "UTC" else UTC

    def iso(text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is not a time") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return round(moment.timestamp() * 1000)

    def number(text: str) -> int:
        if _NUMBER.fullmatch(text) is None:
            raise ValueError(f"{text[:40]!r} is not a time in {layout.time_unit}")
        value = Decimal(text)
        milliseconds = layout.time_unit == "ms" or (
            layout.time_unit == "auto" and value >= _MILLISECONDS_FROM
        )
        return layout.epoch_ms + round(value if milliseconds else value * 1000)

    def in_range(text: str) -> int:
        numeric = layout.time_unit in ("s", "ms") or (
            layout.time_unit == "auto" and _NUMBER.fullmatch(text) is not None
        )
        moment = number(text) if numeric else iso(text)
        if not 0 <= moment <= _LAST_MS:
            raise ValueError(f"{text[:40]!r} lies before 1970 or after 2200")
        return moment

    return in_range


def _thousandths(text: str, *, milli: bool) -> int:
    """Return the value in thousandths; what is finer is rounded, half to even."""
    if not text:
        raise ValueError("has no value")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if not value.is_finite():
        raise ValueError(f"{text[:40]!r} is not a finite number")
    if abs(value) > 10**9:
        raise ValueError(f"{text[:40]!r} is beyond any probe")
    return round(value if milli else value * 1000)
