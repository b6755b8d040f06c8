"""Readings as a workbook: real numbers and real dates, a first sheet that says what it is.

Every text is written as a text: nothing in it can become a formula or a link. A sheet is full at
1,048,575 readings below its header; what follows stands on the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from history.export import COLUMNS, Export, instant, wall_ms
from history.export_words import about, word
from history.port import StreamReading
from protocol.reading import UNITS, Reading, split_series

ROWS_OF_A_SHEET: Final = 1_048_575  # below the header

_BLOCK: Final = 65_536
_DAY_MS: Final = 86_400_000
_DAYS_TO_1970: Final = 25_569  # from a spreadsheet's day 0
_DIGITS: Final = 10**15  # a spreadsheet's numbers have 15 of them
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
        except BaseException:
            _abandon(workbook)
            raise
        if len(workbook.worksheets()) > _SHEETS_OF_32_BITS:
            workbook.use_zip64()
        workbook.close()
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


def _abandon(workbook: Any) -> None:
    """Close the files of a workbook that is not finished."""
    for sheet in workbook.worksheets():
        sheet._opt_close()  # noqa: SLF001 - the library closes them itself only when it is done


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
    """Writes one reading after another."""

    def __init__(self, workbook: Any, export: Export) -> None:
        self._export = export
        self._time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._value = workbook.add_format({"num_format": "0.0##"})
        self._unit = lru_cache(4_096)(lambda series: UNITS.get(split_series(series)[2], ""))

    def row(self, sheet: Any, row: int, stream: str, one: Reading) -> None:
        def text(row: int, column: int, said: str) -> None:
            # what looks like the library's own markup would be taken for it
            sheet.write_string(row, column, f"'{said}" if said.startswith("<r>") else said)

        number = sheet.write_number
        text(row, 0, self._export.site)
        text(row, 1, one.series)
        number(row, 2, serial(one.at), self._time)
        number(row, 3, serial(wall_ms(one.at, self._export.zone)), self._time)
        if one.value is not None:
            number(row, 4, one.value / 1000, self._value)
        text(row, 5, self._unit(one.series))
        if one.raw is not None:
            number(row, 6, one.raw / 1000, self._value)
        text(row, 7, one.quality)
        text(row, 8, one.clock)
        text(row, 9, stream)
        self._whole(sheet, row, 10, one.seq)
        text(row, 11, one.boot)
        self._whole(sheet, row, 12, one.mono_ms)

    def _whole(self, sheet: Any, row: int, column: int, value: int) -> None:
        """Write an integer, as a text where a spreadsheet would round it."""
        if value < _DIGITS:
            sheet.write_number(row, column, value)
        else:
            sheet.write_string(row, column, str(value))
