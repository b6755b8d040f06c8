"""How a table is laid out: encoding, separator, header, and which columns hold time and value."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.table.numbers import Unit, Values
from alerts.table.refusals import RowError
from alerts.table.stamps import Stamps

_SEPARATORS: Final = "\t;,"
# A header stands among the first lines, behind what some loggers write about themselves.
_HEADER_WITHIN: Final = 100
_SAMPLE: Final = 50
_MOST: Final = 0.5
_LONGEST: Final = 100_000
# A number below this is no time of day that anybody logged: it is the year 1973 in seconds.
_LIKELY_EPOCH: Final = 100_000_000
_VALUE_NAME: Final = re.compile(r"temp|tvc|value|reading|degc|°c|℃|温度|数值|读数", re.IGNORECASE)
_SEP_LINE: Final = re.compile(r"sep=(.)", re.IGNORECASE)


class LayoutError(ValueError):
    """The table cannot be read as asked; the text says what there is and what to write."""


class EmptyTableError(LayoutError):
    """There is nothing in the file."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are.

    Attributes:
        separator: one character.
        first: index of the first line behind the header.
        header: the header's cells; None where the table has none.
        time: index of the time column.
        value: index of the value column.
        guessed: which of them nobody named: ``time``, ``value``.
    """

    separator: str
    first: int
    header: list[str] | None
    time: int
    value: int
    guessed: tuple[str, ...]

    def name(self, index: int) -> str:
        """Return a column as a person knows it: its name, or its number from 1."""
        if self.header is not None and index < len(self.header) and self.header[index]:
            return self.header[index]
        return str(index + 1)


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of a file and the encoding it was read in; line ends become newlines.

    UTF-8 unless a byte order mark says UTF-16; else GB 18030, which Chinese loggers and
    spreadsheets write; else Latin-1. Digits and separators are the same in all of them.
    """
    text, encoding = _decoded(data)
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), "utf-16"
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig"), "utf-8"
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("gb18030"), "gb18030"
    return data.decode("latin-1"), "latin-1"


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of one line; a quoted cell may hold the separator, but no line break."""
    if '"' in line:
        try:
            return next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            # A cell beyond any sense (131072 characters); what is behind it is found to be missing.
            return line[:_LONGEST].split(separator)
    return line.split(separator)


def find_layout(
    lines: Sequence[str],
    *,
    time_column: str | None,
    value_column: str | None,
    stamps: Stamps,
    unit: Unit,
) -> Layout:
    """Return where the columns are; raise LayoutError naming those there are when one is missing."""
    head = [(index, line) for index, line in enumerate(lines[:_HEADER_WITHIN]) if has_cells(line)]
    if not head:
        raise EmptyTableError("the table is empty")
    wanted = [
        name.casefold() for name in (time_column, value_column) if name and not name.isdecimal()
    ]
    separator, rows = _rows(head, wanted)
    header_at = _header_row(rows, wanted)
    body = rows if header_at is None else rows[header_at + 1 :]
    header = None if header_at is None else rows[header_at][1]
    sample = [cells for _, cells in body[:_SAMPLE] if cells != header]
    probe = _Probe(stamps, Values(unit), sample, header)
    time = probe.column(time_column, "--time-column") if time_column is not None else None
    value = probe.column(value_column, "--value-column") if value_column is not None else None
    guessed = tuple(name for name, index in (("time", time), ("value", value)) if index is None)
    if time is None:
        time = probe.guess_time(value)
    if value is None:
        value = probe.guess_value(time)
    if time == value:
        raise LayoutError("--time-column and --value-column name the same column")
    first = rows[header_at][0] + 1 if header_at is not None else rows[0][0] if rows else 0
    return Layout(separator, first, header, time, value, guessed)


def has_cells(line: str) -> bool:
    """Whether a line is more than white space and separators."""
    return bool(line.strip(' \t,;"'))


def _rows(
    head: Sequence[tuple[int, str]], wanted: Sequence[str]
) -> tuple[str, list[tuple[int, list[str]]]]:
    """Return the separator and the first lines cut by it, each with its index."""
    marked = _SEP_LINE.fullmatch(head[0][1].strip())
    if marked is not None:
        head = head[1:]
    lines = [line for _, line in head]
    ranked = [marked[1]] if marked else sorted(_SEPARATORS, key=lambda one: _cut(lines, one))
    tried = [(one, [(index, names_of(line, one)) for index, line in head]) for one in ranked]
    for separator, rows in tried:
        if wanted and any(_has_names(cells, wanted) for _, cells in rows):
            return separator, rows
    return tried[0]


def _cut(lines: Sequence[str], separator: str) -> tuple[int, int]:
    """Rank a separator: first the one that cuts most lines into the same number of cells.

    Among equals the order of _SEPARATORS stays: beside tab and semicolon a comma is a decimal one.
    """
    counts = Counter(count for line in lines if (count := line.count(separator)))
    if not counts:
        return (0, 0)
    count, agreeing = counts.most_common(1)[0]
    return (-agreeing, -count)


def names_of(line: str, separator: str) -> list[str]:
    """Return the cells of a line without what may stand around a name."""
    return [cell.strip().lstrip("\ufeff").strip('"').strip() for cell in cells_of(line, separator)]


def _has_names(cells: Sequence[str], wanted: Sequence[str]) -> bool:
    folded = [cell.casefold() for cell in cells]
    return all(name in folded for name in wanted)


def _header_row(rows: Sequence[tuple[int, list[str]]], wanted: Sequence[str]) -> int | None:
    """Return which of the rows is the header: the one that has the names, or a first one of words."""
    if wanted:
        for number, (_, cells) in enumerate(rows):
            if _has_names(cells, wanted):
                return number
        # Let the missing name be told against the widest line of words.
        words = [number for number, (_, cells) in enumerate(rows) if _is_words(cells)]
        return max(words, key=lambda number: len(rows[number][1]), default=None)
    if not rows:
        return None
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    for number, (_, cells) in enumerate(rows):
        if len(cells) == width:
            return number if _is_words(cells) else None
    return None


def _is_words(cells: Sequence[str]) -> bool:
    """Whether a row is made of names: no cell of it begins like a number or a time."""
    return any(cells) and not any(re.match(r"[+\-−]?[.,]?\d", cell) for cell in cells)


class _Probe:
    """Finds columns by name, by number, or by what stands in them."""

    def __init__(
        self, stamps: Stamps, values: Values, sample: list[list[str]], header: list[str] | None
    ) -> None:
        self.stamps, self.values, self.sample, self.header = stamps, values, sample, header
        self.width = max((len(cells) for cells in [*sample, header or []]), default=0)

    def column(self, wanted: str, option: str) -> int:
        """Return the index of a column given by name, or by its number from 1."""
        names = [name.casefold() for name in self.header or []]
        places = [index for index, name in enumerate(names) if name == wanted.strip().casefold()]
        if len(places) > 1:
            numbers = " and ".join(str(index + 1) for index in places)
            raise LayoutError(
                f"{option}: {wanted!r} is the name of columns {numbers}; give a number"
            )
        if places:
            return places[0]
        if wanted.isdecimal() and 1 <= int(wanted) <= self.width:
            return int(wanted) - 1
        raise LayoutError(f"{option}: there is no column {wanted!r}; {self.there_are()}")

    def there_are(self) -> str:
        """Say which columns the table has."""
        if self.header is None:
            return f"the table has no header and {self.width} columns: give a number from 1"
        return "there are " + ", ".join(repr(name) for name in self.header if name)

    def guess_time(self, value: int | None) -> int:
        """Return the column that holds times in most rows of the sample, the first of equals."""
        shares = [
            0.0 if index == value else self._share(index, self._is_time)
            for index in range(self.width)
        ]
        if max(shares, default=0.0) >= _MOST:
            return shares.index(max(shares))
        raise LayoutError(f"no column looks like times: give --time-column; {self.there_are()}")

    def guess_value(self, time: int) -> int:
        """Return the column of numbers that is called like a temperature, else the first one."""
        numeric = [
            index
            for index in range(self.width)
            if index != time and self._share(index, self._is_value) >= _MOST
        ]
        named = [
            index
            for index in numeric
            if self.header is not None
            and index < len(self.header)
            and _VALUE_NAME.search(self.header[index])
        ]
        if not numeric:
            raise LayoutError(
                f"no column looks like temperatures: give --value-column; {self.there_are()}"
            )
        return (named or numeric)[0]

    def _share(self, index: int, fits: Callable[[str], bool]) -> float:
        cells = [cells[index] for cells in self.sample if index < len(cells) and cells[index]]
        return sum(map(fits, cells)) / len(cells) if cells else 0.0

    def _is_time(self, text: str) -> bool:
        if re.fullmatch(r"[+-]?\d+(?:[.,]\d*)?", text):
            return float(text.replace(",", ".")) >= _LIKELY_EPOCH
        try:
            Stamps(self.stamps.zone).read(text)
        except RowError:
            return False
        return True

    def _is_value(self, text: str) -> bool:
        try:
            self.values.read(text)
        except RowError:
            return False
        return True
