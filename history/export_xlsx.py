"""Readings as a workbook: real numbers and real dates, a first sheet that says what it is.

Every text is written as a text: nothing in it can become a formula or a link. A sheet is full at
1,048,575 readings below its header; what follows stands on the next one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from xml.sax.saxutils import escape

from history.export import COLUMNS, Export, instant, wall_ms
from history.export_words import about, word
from history.port import StreamReading
from protocol.reading import UNITS, Reading, decimal, split_series

ROWS_OF_A_SHEET: Final = 1_048_575  # below the header

_BLOCK: Final = 65_536
_DAY_MS: Final = 86_400_000
_DAYS_TO_1970: Final = 25_569  # from a spreadsheet's day 0
_DIGITS: Final = 10**15  # a spreadsheet's numbers have 15 of them
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WIDTHS: Final = (14, 34, 24, 24, 10, 8, 10, 18, 10, 34, 10, 38, 16)
# Above this an archive or a sheet may outgrow what a ZIP of 32 bits can say.
_SHEETS_OF_32_BITS: Final = 4


def blocks(
    readings: Iterator[StreamReading], export: Export, folder: Path | None = None
) -> Iterator[bytes]:
    """Yield the file; it is put together on disk before the first byte comes."""
    import xlsxwriter  # type: ignore[import-untyped]

    with TemporaryDirectory(prefix=".coldwatch-", dir=folder or large_files()) as name:
        file = Path(name) / "export.xlsx"
        workbook = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "tmpdir": name,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        try:
            _fill(workbook, readings, export)
            _finish(workbook)
        finally:
            _let_go(workbook)
        with file.open("rb") as source:
            while block := source.read(_BLOCK):
                yield block


def large_files() -> str | None:
    """Return a folder for large temporary files; None: the usual one.

    Not /tmp, which may lie in memory (as on Debian 13).
    """
    if os.environ.get("TMPDIR") or not os.access("/var/tmp", os.W_OK | os.X_OK):  # noqa: S108
        return None
    return "/var/tmp"  # noqa: S108


def serial(ms: int) -> float:
    """Return milliseconds since 1970 as a spreadsheet counts time: days since the end of 1899."""
    return _DAYS_TO_1970 + ms / _DAY_MS


def _finish(workbook: Any) -> None:
    """Put the file together; raise OSError where the disk does not take it."""
    from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

    if len(workbook.worksheets()) > _SHEETS_OF_32_BITS:
        workbook.use_zip64()
    try:
        workbook.close()
    except FileCreateError as error:
        # it is an OSError in the library's own clothes
        why = error.args[0]
        raise why if isinstance(why, OSError) else OSError(str(why)) from error


def _let_go(workbook: Any) -> None:
    """Close the files of a workbook; the library itself does so only when all went well."""
    for sheet in workbook.worksheets():
        sheet._opt_close()  # noqa: SLF001 - it has no public name


def _fill(workbook: Any, readings: Iterator[StreamReading], export: Export) -> None:
    workbook.set_properties(
        {"title": f"{export.site} {' '.join(export.series)}", "created": instant(export.made_at)}
    )
    head = workbook.add_format({"bold": True, "bottom": 1})
    _first_sheet(workbook, export, head)
    write = _Rows(workbook, export)
    sheet, row = _sheet(workbook, export, head, 1), 0
    for item in readings:
        if row == ROWS_OF_A_SHEET:
            sheet, row = _sheet(workbook, export, head, len(workbook.worksheets())), 0
        row += 1
        write.row(sheet, row, item.stream, item.reading)


def _first_sheet(workbook: Any, export: Export, head: Any) -> None:
    sheet = workbook.add_worksheet(word("about", export.language))
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 100)
    for row, (name, text) in enumerate(about(export)):
        sheet.write_string(row, 0, name, head)
        sheet.write_string(row, 1, text)


def _sheet(workbook: Any, export: Export, head: Any, number: int) -> Any:
    """Begin a sheet of readings with its header."""
    name = word("readings", export.language)
    sheet = workbook.add_worksheet(name if number == 1 else f"{name} {number}")
    sheet.freeze_panes(1, 0)
    for column, (key, width) in enumerate(zip(COLUMNS, _WIDTHS, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, word(f"head-{key}", export.language), head)
    return sheet


class _Rows:
    """Writes one reading after another, in the form in which the library keeps its rows on disk.

    Its own way, cell by cell, takes several times as long.
    """

    def __init__(self, workbook: Any, export: Export) -> None:
        time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        value = workbook.add_format({"num_format": "0.0##"})
        self._time, self._value = time._get_xf_index(), value._get_xf_index()  # noqa: SLF001
        self._zone = export.zone
        self._site = escape(export.site)
        self._unit = lru_cache(4_096)(lambda series: escape(UNITS.get(split_series(series)[2], "")))
        self._text = lru_cache(4_096)(escaped)

    def row(self, sheet: Any, row: int, stream: str, one: Reading) -> None:
        """Write a reading into the row behind the last one; 0 is the header's."""
        if row == 1:
            sheet._write_single_row(1)  # noqa: SLF001 - the header, which it still keeps
        at, local = serial(one.at), serial(wall_ms(one.at, self._zone))
        number, text = row + 1, self._text
        value, raw = (
            ""
            if v is None
            else f'<c r="{column}{number}" s="{self._value}"><v>{decimal(v)}</v></c>'
            for column, v in (("E", one.value), ("G", one.raw))
        )
        sheet.fh.write(
            f'<row r="{number}">'
            f"{_said('A', number, self._site)}{_said('B', number, text(one.series))}"
            f'<c r="C{number}" s="{self._time}"><v>{at:.16G}</v></c>'
            f'<c r="D{number}" s="{self._time}"><v>{local:.16G}</v></c>'
            f"{value}{_said('F', number, self._unit(one.series))}{raw}"
            f"{_said('H', number, text(one.quality))}{_said('I', number, text(one.clock))}"
            f"{_said('J', number, text(stream))}{_whole('K', number, one.seq)}"
            f"{_said('L', number, text(one.boot))}{_whole('M', number, one.mono_ms)}</row>"
        )
        sheet.dim_rowmax = row


def escaped(text: str) -> str:
    """Return a text as XML; control characters, which XML cannot say, as a workbook spells them."""
    return escape(_CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", text))


def _said(column: str, number: int, text: str) -> str:
    """Return a cell with a text: it can be nothing else, whatever it says."""
    return f'<c r="{column}{number}" t="inlineStr"><is><t>{text}</t></is></c>'


def _whole(column: str, number: int, value: int) -> str:
    """Return a cell with an integer, as a text where a spreadsheet would round it."""
    if value < _DIGITS:
        return f'<c r="{column}{number}"><v>{value}</v></c>'
    return _said(column, number, str(value))
