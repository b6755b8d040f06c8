"""Reads a workbook as its format says (ECMA-376), so that it is not read by what wrote it."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Cell = str | float | None


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, its rows, and what stands in its XML."""

    name: str
    rows: list[list[Cell]]
    formats: list[list[str]]
    xml: str


def sheets(data: bytes) -> list[Sheet]:
    """Return the sheets of a workbook in order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        book = ET.fromstring(archive.read("xl/workbook.xml"))
        styles = ET.fromstring(archive.read("xl/styles.xml"))
        names = [sheet.attrib["name"] for sheet in book.iter(f"{MAIN}sheet")]
        codes = {f.attrib["numFmtId"]: f.attrib["formatCode"] for f in styles.iter(f"{MAIN}numFmt")}
        crossed = next(styles.iter(f"{MAIN}cellXfs"))
        formats = [codes.get(xf.attrib["numFmtId"], "") for xf in crossed]
        return [
            _sheet(name, archive.read(f"xl/worksheets/sheet{number}.xml").decode(), formats)
            for number, name in enumerate(names, start=1)
        ]


def _sheet(name: str, xml: str, formats: list[str]) -> Sheet:
    rows: list[list[Cell]] = []
    shown: list[list[str]] = []
    for row in ET.fromstring(xml).iter(f"{MAIN}row"):
        assert int(row.attrib["r"]) == len(rows) + 1
        cells: list[Cell] = [None] * 13
        looks = [""] * 13
        for cell in row:
            letters = re.match(r"[A-Z]+", cell.attrib["r"])
            assert letters
            assert len(letters[0]) == 1
            column = ord(letters[0]) - ord("A")
            assert cell.find(f"{MAIN}f") is None, "a formula"
            if cell.attrib.get("t") == "inlineStr":
                cells[column] = "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
            else:
                cells[column] = float(cell.findtext(f"{MAIN}v") or "nan")
            looks[column] = formats[int(cell.attrib.get("s", "0"))]
        rows.append(cells)
        shown.append(looks)
    return Sheet(name, rows, shown, xml)
