from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from config.hub import HubSettings
from history import export_xlsx
from history.export import COLUMNS, Export, Format, SeriesRule, exported, harmless, readings_of
from history.port import StreamReading
from history.sqlite import SqliteHistory
from protocol.messages import record_adapter
from tests.console.story import PEOPLE
from tests.console.story import SITES as SITES_OF_A_HUB
from tests.history.model import SERIES, SITES, STREAMS, Model, reading, record, stored
from tests.history.strategies import zones
from tests.history.workbook import sheets

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
FORMATS: tuple[Format, ...] = ("csv", "xlsx", "parquet")
UNITS = {"temperature": "degC", "humidity": "%RH"}


def export(**more: Any) -> Export:
    """An export of two series over all time."""
    given = {
        "site": SITES[0],
        "series": (SERIES[0], SERIES[2]),
        "start": 0,
        "end": 7_258_118_400_001,
        "zone": SHANGHAI,
        "zone_name": "Asia/Shanghai",
        "made_at": 1_700_000_000_000,
    }
    return Export(**given | more)


def file_of(readings: list[StreamReading], what: Export, format_: Format) -> bytes:
    """The bytes of an export of these readings."""
    return b"".join(exported(iter(readings), what, format_))


def rows_of_csv(data: bytes) -> list[dict[str, str]]:
    """The rows below the header."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def expected(item: StreamReading, what: Export) -> dict[str, Any]:
    """What a row says of a reading, by another way than the product's."""
    one = item.reading
    at = EPOCH + timedelta(milliseconds=one.at)
    return {
        "site": what.site,
        "series": one.series,
        "at": at,
        "local": at.astimezone(what.zone),
        "value": None if one.value is None else Decimal(one.value) / 1000,
        "unit": UNITS[one.series.split("/")[2]],
        "raw": None if one.raw is None else Decimal(one.raw) / 1000,
        "quality": one.quality,
        "clock": one.clock,
        "stream": item.stream,
        "seq": one.seq,
        "boot": one.boot,
        "mono_ms": one.mono_ms,
    }


@settings(max_examples=40)
@given(stored(), zones, st.integers(0, 20), st.integers(0, 40))
def test_csv_says_every_reading_of_the_range(
    records: list[Any], zone: str, start: int, end: int
) -> None:
    """Every reading of the range, rejected ones too, series by series, each value exact."""
    model = Model(records)
    what = export(zone=ZoneInfo(zone), zone_name=zone, start=start, end=end)
    wanted = [
        item
        for name in what.series
        for item in model.readings(what.site, name)
        if start <= item.reading.at < end
    ]
    rows = rows_of_csv(file_of(wanted, what, "csv"))
    found = [
        {
            **row,
            "at": datetime.fromisoformat(row["at"]),
            "local": datetime.fromisoformat(row["local"]),
            "value": Decimal(row["value"]) if row["value"] else None,
            "raw": Decimal(row["raw"]) if row["raw"] else None,
            "seq": int(row["seq"]),
            "mono_ms": int(row["mono_ms"]),
        }
        for row in rows
    ]
    assert [expected(item, what) for item in wanted] == found
    for row, one in zip(found, wanted, strict=True):
        assert row["local"].utcoffset() == expected(one, what)["local"].utcoffset()
    assert all(row["at"].endswith("Z") and row["at"][-5] == "." for row in rows)


@settings(max_examples=40)
@given(stored(), zones)
def test_parquet_says_every_reading_exactly(records: list[Any], zone: str) -> None:
    """Read back with pyarrow: the same readings, as integers, decimals and timestamps."""
    model = Model(records)
    what = export(zone=ZoneInfo(zone), zone_name=zone)
    wanted = [item for name in what.series for item in model.readings(what.site, name)]
    table = pq.read_table(pa.BufferReader(file_of(wanted, what, "parquet")))

    assert [name for name in table.column_names if not name.endswith("thousandths")] == [*COLUMNS]
    assert table.schema.field("at").type == pa.timestamp("ms", tz="UTC")
    assert pa.types.is_dictionary(table.schema.field("series").type)
    for item, row in zip(wanted, table.to_pylist(), strict=True):
        plain = expected(item, what)
        plain["local"] = plain["local"].replace(tzinfo=None)
        assert (row.pop("value_thousandths"), row.pop("raw_thousandths")) == (
            item.reading.value,
            item.reading.raw,
        )
        assert row == plain


@settings(max_examples=25)
@given(stored(), zones)
def test_a_workbook_has_real_numbers_and_dates(records: list[Any], zone: str) -> None:
    """Read back from its XML: dates are numbers with a date's format, texts are texts."""
    model = Model(records)
    what = export(zone=ZoneInfo(zone), zone_name=zone)
    wanted = [item for name in what.series for item in model.readings(what.site, name)]
    about, data = sheets(file_of(wanted, what, "xlsx"))

    assert about.name == "About"
    assert [*data.rows[0]] == [
        "site", "series", "time (UTC)", "local time", "value", "unit", "raw", "quality", "clock",
        "stream", "seq", "boot", "mono_ms",
    ]  # fmt: skip
    day_0 = datetime(1899, 12, 30, tzinfo=UTC)
    for item, row in zip(wanted, data.rows[1:], strict=True):
        plain = expected(item, what)
        for column, key in ((2, "at"), (3, "local")):
            number = row[column]
            assert isinstance(number, float)
            shown = plain[key].replace(tzinfo=UTC)
            assert abs(day_0 + timedelta(days=number) - shown) < timedelta(milliseconds=0.5)
        for column, key in ((4, "value"), (6, "raw")):
            value = row[column]
            assert value == (None if plain[key] is None else float(plain[key]))
        whole = item.reading.mono_ms
        assert row[12] == (whole if whole < 10**15 else str(whole))
        assert [row[at] for at in (0, 1, 5, 7, 8, 9, 11)] == [
            plain[key] for key in ("site", "series", "unit", "quality", "clock", "stream", "boot")
        ]
    for look in data.formats[1:]:
        assert look[2] == look[3] == "yyyy-mm-dd hh:mm:ss.000"


def of_one_series(values: list[int | None], **more: Any) -> tuple[list[StreamReading], Export]:
    """Readings of one series, one a minute."""
    bodies = [
        record(STREAMS[0], reading(seq, seq * 60_000, value))
        for seq, value in enumerate(values, start=1)
    ]
    return Model(bodies).readings(SITES[0], SERIES[0]), export(series=(SERIES[0],), **more)


def test_the_first_sheet_says_what_it_is() -> None:
    """Site, series, range, zone, when it was made and the rule, in the language asked for."""
    rule = SeriesRule(SERIES[0], 2000, 8000, 60_000, 180_000)
    readings, what = of_one_series([5000], rules=(rule,), start=0, end=120_000)
    said = {str(row[0]): str(row[1]) for row in sheets(file_of(readings, what, "xlsx"))[0].rows}
    assert said["Site"] == SITES[0]
    assert said["Series"] == SERIES[0]
    assert said["From (included)"] == "1970-01-01T08:00:00.000+08:00 (1970-01-01T00:00:00.000Z)"
    assert said["To (not included)"] == "1970-01-01T08:02:00.000+08:00 (1970-01-01T00:02:00.000Z)"
    assert said["Zone"] == "Asia/Shanghai"
    assert said["Made"].startswith("2023-11-15T06:13:20.000+08:00")
    assert said[f"Rule: {SERIES[0]}"] == (
        "inside from 2.0 degC to 8.0 degC, both included; "
        "a reading holds until the next one within 180 s, else for 60 s; the rest is unknown"
    )
    readings, what = of_one_series([5000], rules=(rule,), language="zh")
    about, data = sheets(file_of(readings, what, "xlsx"))
    assert (about.name, data.name) == ("说明", "读数")
    assert about.rows[0][:2] == ["接种点", SITES[0]]
    assert data.rows[0][4] == "数值"


def test_a_full_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit below a header stands on further sheets, each with its own."""
    assert export_xlsx.ROWS_OF_A_SHEET == 2**20 - 1
    monkeypatch.setattr(export_xlsx, "ROWS_OF_A_SHEET", 3)
    for count, names in ((3, 1), (4, 2), (7, 3)):
        readings, what = of_one_series([*range(count)])
        _, *data = sheets(file_of(readings, what, "xlsx"))
        assert [sheet.name for sheet in data] == ["Readings", "Readings 2", "Readings 3"][:names]
        assert all(sheet.rows[0] == data[0].rows[0] for sheet in data)
        assert all('state="frozen"' in sheet.xml for sheet in data)
        numbers = [row[10] for sheet in data for row in sheet.rows[1:]]
        assert numbers == [*range(1, count + 1)]


def test_nothing_becomes_a_formula() -> None:
    """Texts that look like formulas, links, numbers or markup are texts, whoever let them in."""
    nasty = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "http://x.example",
        "12345",
        "<r><t>x</t></r>",
        "a&<b>",
        "\x07bell",
    ]
    bodies = [
        record(STREAMS[0], reading(seq, seq, 5000) | {"boot": text, "quality": "ok"})
        for seq, text in enumerate(nasty, start=1)
    ]
    readings = Model(bodies).readings(SITES[0], SERIES[0])
    rows = rows_of_csv(file_of(readings, export(), "csv"))
    assert [row["boot"] for row in rows] == [harmless(text) for text in nasty]
    assert [row["boot"][0] for row in rows[:4]] == ["'"] * 4
    _, data = sheets(file_of(readings, export(), "xlsx"))
    assert [row[11] for row in data.rows[1:]] == [
        *nasty[:-1],
        "_x0007_bell",
    ]
    assert "<f>" not in data.xml
    assert "hyperlink" not in data.xml


@pytest.mark.parametrize("first", ["=", "+", "@", "\t", "\r"])
def test_no_formula_comes_in_by_the_wire(first: str) -> None:
    """The wire refuses every text of a reading that a spreadsheet would take for a formula."""
    good = reading(1, 1)
    record_adapter.validate_python(good)
    for key in ("series", "boot", "quality", "clock"):
        with pytest.raises(ValidationError):
            record_adapter.validate_python(good | {key: first + good[key]})
    site = SITES_OF_A_HUB[0]
    HubSettings.model_validate({"people": PEOPLE, "sites": [site]})
    with pytest.raises(ValidationError):
        HubSettings.model_validate({"people": PEOPLE, "sites": [site | {"id": f"{first}east"}]})


def test_negative_values_stay_numbers() -> None:
    """A minus before a number is no formula: the value column is never quoted."""
    readings, what = of_one_series([-1500, None, 0])
    assert [row["value"] for row in rows_of_csv(file_of(readings, what, "csv"))] == [
        "-1.5",
        "",
        "0.0",
    ]


def test_the_byte_order_mark_is_asked_for() -> None:
    """CSV begins with a byte order mark only where it is asked for."""
    readings, what = of_one_series([5000])
    assert file_of(readings, what, "csv").startswith(b"site,")
    readings, what = of_one_series([5000], bom=True)
    assert file_of(readings, what, "csv").startswith(b"\xef\xbb\xbfsite,")


@pytest.mark.parametrize("format_", FORMATS)
def test_an_empty_range_is_a_file(format_: Format) -> None:
    """No reading is a header and nothing else, and no fault."""
    data = file_of([], export(), format_)
    if format_ == "csv":
        assert rows_of_csv(data) == []
    elif format_ == "parquet":
        assert pq.read_table(pa.BufferReader(data)).num_rows == 0
    else:
        assert len(sheets(data)[1].rows) == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_a_broken_off_export_leaves_nothing(tmp_path: Path, format_: Format) -> None:
    """Whether the store fails or nobody listens any more: no file stays behind."""
    readings, what = of_one_series([*range(10)])

    def failing() -> Iterator[StreamReading]:
        yield from readings
        raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="the store is gone"):
        list(exported(failing(), what, format_, tmp_path))
    assert list(tmp_path.iterdir()) == []
    blocks = exported(iter(readings), what, format_, tmp_path)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_from_a_real_store(tmp_path: Path) -> None:
    """`readings_of` gives series after series, each over the range."""
    store = SqliteHistory(tmp_path / "history.db")
    bodies = [reading(seq, 100 - seq) for seq in range(1, 50)]
    bodies += [reading(seq, seq) | {"series": SERIES[2]} for seq in range(50, 70)]
    store.append([record(STREAMS[0], body) for body in bodies])
    found = list(readings_of(store, export(start=55, end=65)))
    store.close()
    assert [(item.reading.series, item.reading.at) for item in found] == [
        *((SERIES[0], at) for at in range(55, 65)),
        *((SERIES[2], at) for at in range(55, 65)),
    ]


# VmHWM and not getrusage: ru_maxrss of a child begins with what its parent had when it forked.
PEAK = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from history.export import Export, exported, readings_of
from history.sqlite import SqliteHistory
folder, format_ = Path(sys.argv[1]), sys.argv[2]
store = SqliteHistory(folder / "history.db", read_only=True)
what = Export("east-gate", ("fridge-1/center/temperature",), 0, int(sys.argv[3]) * 60_000,
              ZoneInfo("Asia/Shanghai"), "Asia/Shanghai", 0)
size = sum(len(block) for block in exported(readings_of(store, what), what, format_, folder))
assert size > 300_000, size
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.fixture(scope="module")
def half_a_million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with half a million readings, one a minute."""
    folder = tmp_path_factory.mktemp("large")
    store = SqliteHistory(folder / "history.db")
    for first in range(1, 500_001, 20_000):
        store.append(
            [
                record(STREAMS[0], reading(seq, seq * 60_000 - 60_000, 2000 + seq * 7919 % 6000))
                for seq in range(first, first + 20_000)
            ]
        )
    store.close()
    return folder


@pytest.mark.timeout(400)
@pytest.mark.parametrize("format_", FORMATS)
def test_memory_does_not_grow_with_the_range(
    half_a_million: Path, house: Path, format_: Format
) -> None:
    """Ten times as many readings need no more memory: not 40 MB more, where their rows are 400."""
    few, many = (
        int(
            subprocess.run(
                [sys.executable, "-c", PEAK, str(half_a_million), format_, str(count)],
                cwd=house,
                capture_output=True,
                text=True,
                check=True,
                timeout=300,
            ).stdout
        )
        for count in (50_000, 500_000)
    )
    print(f"{format_}: {few} MB with 50,000 readings, {many} MB with 500,000")
    assert many - few < 40
    assert sorted(path.name for path in half_a_million.iterdir() if path.suffix != ".db") in (
        [],
        ["history.db-shm", "history.db-wal"],
    )
