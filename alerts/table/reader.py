"""From the bytes of any logger's table to ordered times and values, with all that was odd about it.

Nothing is dropped in silence: a row that cannot be read is set aside with its line number and
the reason, rows out of order are sorted and counted, an exact repetition is dropped and counted,
and two values of one time are both judged and counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import pairwise
from statistics import median_low
from typing import Final

from alerts.table.layout import Layout, cells_of, decode, find_layout, has_cells, names_of
from alerts.table.numbers import Unit, Values
from alerts.table.refusals import Refusal, RowError, quoted
from alerts.table.stamps import YEAR_2200_MS, Epoch, Stamps

# How many rows are read between two reports of progress.
_CHUNK: Final = 50_000
# The recording interval where a table is too short to show its own (design.md, "Recording").
_USUAL_INTERVAL_MS: Final = 60_000


@dataclass(slots=True)
class Table:
    """What was read, ordered by time.

    Attributes:
        times: UTC milliseconds, none before the one in front of it.
        values: thousandths of degC, as many.
        lines: line numbers from 1, as many.
        refused: rows set aside.
        repeated_headers: line numbers where the header stood again.
        out_of_order: lines whose time is before that of an earlier line.
        duplicates: lines that repeat time and value of an earlier one; dropped.
        same_time: lines that give an earlier line's time another value; judged like all others.
        naive: whether times without an offset were read in ``--zone``.
        rounded: whether values were finer than a thousandth.
        encoding: in which the text was read.
        layout: separator and columns.
    """

    times: array[int]
    values: array[int]
    lines: array[int]
    encoding: str
    layout: Layout
    refused: list[Refusal] = field(default_factory=list)
    repeated_headers: list[int] = field(default_factory=list)
    out_of_order: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    same_time: list[int] = field(default_factory=list)
    naive: bool = False
    rounded: bool = False

    def median_spacing_ms(self) -> int:
        """Return the usual distance between two readings; repetitions of a time do not count."""
        times = self.times
        gaps = [b - a for a, b in pairwise(times) if b > a]
        return median_low(gaps) if gaps else _USUAL_INTERVAL_MS


def read_table(
    data: bytes,
    *,
    zone: tzinfo,
    time_column: str | None = None,
    value_column: str | None = None,
    epoch: Epoch = "auto",
    unit: Unit = "degC",
    progress: Callable[[int, int], None] | None = None,
) -> Table:
    """Read a table; raise LayoutError where its columns cannot be found.

    Args:
        data: the whole file.
        zone: for times that bear no offset.
        time_column: its name in the header, or its number from 1; None: guess.
        value_column: likewise.
        epoch: whether epoch numbers are seconds or milliseconds; ``auto`` goes by their size.
        unit: of the values; they become thousandths of degC.
        progress: called now and then with lines done and lines there are.
    """
    text, encoding = decode(data)
    lines = text.split("\n")
    del text
    stamps, values = Stamps(zone, epoch), Values(unit)
    layout = find_layout(
        lines, time_column=time_column, value_column=value_column, stamps=stamps, unit=unit
    )
    stamps.choose_epoch(
        cells[layout.time].strip()
        for line in lines[layout.first : layout.first + 100]
        if len(cells := cells_of(line, layout.separator)) > layout.time
    )
    table = Table(array("q"), array("q"), array("q"), encoding, layout)
    rows = _Rows(table, stamps, values)
    for start in range(layout.first, len(lines), _CHUNK):
        rows.read(lines[start : start + _CHUNK], start + 1)
        if progress is not None:
            progress(min(start + _CHUNK, len(lines)), len(lines))
    table.naive, table.rounded = stamps.naive, values.rounded
    _set_right(table)
    return table


class _Rows:
    """Reads rows into a table; what it cannot read it sets aside."""

    def __init__(self, table: Table, stamps: Stamps, values: Values) -> None:
        self.table, self.stamps, self.values = table, stamps, values
        self.known: dict[str, int] = {}
        self.last = -1

    def read(self, lines: Sequence[str], number: int) -> None:
        """Read lines, the first of which has ``number``.

        The quick way takes the stamp and the value apart by dictionaries alone; whatever they do
        not know goes the thorough way, which fills them.
        """
        table, known = self.table, self.known
        hours, rests = self.stamps.hours, self.stamps.rests
        separator, time, value = table.layout.separator, table.layout.time, table.layout.value
        # Digits alone are an epoch; its unit is one factor for the whole table.
        factor = self.stamps.factor
        times, values, numbers = table.times, table.values, table.lines
        last = self.last
        most = max(time, value) + 1
        for line in lines:
            cells = line.split(separator, most) if '"' not in line else cells_of(line, separator)
            try:
                stamp = cells[time]
                at = hours[stamp[:13]] + rests[stamp[13:]]
                thousandths = known[cells[value]]
            except (KeyError, IndexError):
                try:
                    at, thousandths = self._thoroughly(cells, factor, last)
                except RowError as error:
                    self._set_aside(line, number, error)
                    number += 1
                    continue
            if at < last:
                table.out_of_order.append(number)
            else:
                last = at
            times.append(at)
            values.append(thousandths)
            numbers.append(number)
            number += 1
        self.last = last

    def _thoroughly(self, cells: list[str], factor: int, last: int) -> tuple[int, int]:
        layout = self.table.layout
        if len(cells) <= max(layout.time, layout.value):
            raise RowError("short-row", str(len(cells)))
        stamp, cell = cells[layout.time], cells[layout.value]
        # The usual epoch; Stamps reads it as well, but a million of them would take seconds.
        if factor and 9 <= len(stamp) <= 13 and stamp.isdecimal() and stamp.isascii():
            at = int(stamp) * factor
            if at >= YEAR_2200_MS:
                raise RowError("far-time", quoted(stamp))
        else:
            at = self.stamps.read(stamp, last)
        value = self.known.get(cell)
        if value is None:
            value = self.values.read(cell)
            if len(self.known) < 1_000_000:
                self.known[cell] = value
        return at, value

    def _set_aside(self, line: str, number: int, error: RowError) -> None:
        """Keep a row that cannot be read for the report, unless it is blank or the header again."""
        if not has_cells(line):
            return
        layout = self.table.layout
        if layout.header is not None and names_of(line, layout.separator) == layout.header:
            self.table.repeated_headers.append(number)
            return
        self.table.refused.append(Refusal(number, error.code, error.shown))


def _set_right(table: Table) -> None:
    """Sort by time, lines of one time staying in their order, and drop exact repetitions."""
    times, values, lines = table.times, table.values, table.lines
    if table.out_of_order:
        order = sorted(range(len(times)), key=times.__getitem__)
        times, values, lines = (
            array("q", map(column.__getitem__, order)) for column in (times, values, lines)
        )
    twice = [i for i in range(1, len(times)) if times[i] == times[i - 1]]
    drop: set[int] = set()
    seen: set[int] = set()
    for i in twice:
        if i < 2 or times[i - 2] != times[i - 1]:
            seen = {values[i - 1]}
        if values[i] in seen:
            drop.add(i)
            table.duplicates.append(lines[i])
        else:
            seen.add(values[i])
            table.same_time.append(lines[i])
    if drop:
        keep = [i for i in range(len(times)) if i not in drop]
        times, values, lines = (
            array("q", map(column.__getitem__, keep)) for column in (times, values, lines)
        )
    table.times, table.values, table.lines = times, values, lines
    table.duplicates.sort()
    table.same_time.sort()
