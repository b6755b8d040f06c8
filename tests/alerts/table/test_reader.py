from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.table.layout import EmptyTableError, LayoutError
from alerts.table.reader import Table, read_table

DAY = "2024-05-01"


def table_of(text: str | bytes, **options: Any) -> Table:
    """Read a table given as text."""
    data = text.encode() if isinstance(text, str) else text
    return read_table(data, **({"zone": UTC} | options))


def rows(table: Table) -> list[tuple[int, int]]:
    """Return minutes of the day and thousandths."""
    midnight = 1_714_521_600_000
    return [
        ((at - midnight) // 60_000, value)
        for at, value in zip(table.times, table.values, strict=True)
    ]


PLAIN = f"time,temp\n{DAY} 00:00,5.0\n{DAY} 00:01,5.1\n"


class TestShape:
    @pytest.mark.parametrize(
        "text",
        [
            PLAIN,
            PLAIN.replace(",", ";"),
            PLAIN.replace(",", "\t"),
            PLAIN.replace(",", ";").replace(".", ","),
            PLAIN.replace("\n", "\r\n"),
            PLAIN.replace("\n", "\r"),
            PLAIN.rstrip("\n"),
            "\ufeff" + PLAIN,
            PLAIN.encode("utf-16"),
            PLAIN.replace("temp", "温度").encode("gb18030"),
            PLAIN.replace("temp", "temp °C").encode("latin-1"),
            "sep=,\n" + PLAIN,
            "\n\n" + PLAIN + "\n\n,,\n",
            "Logger 17\nSerial: 4711\n" + PLAIN,
            '"time","temp"\n' + f'"{DAY} 00:00","5.0"\n"{DAY} 00:01","5,1"\n',
            f"{DAY} 00:00,5.0\n{DAY} 00:01,5.1\n",
        ],
    )
    def test_one_table_in_many_spellings(self, text: str | bytes) -> None:
        """Separators, line ends, byte order marks, encodings, quotes and preambles change nothing."""
        table = table_of(text)

        assert rows(table) == [(0, 5000), (1, 5100)]
        assert table.refused == []

    def test_a_quoted_cell_may_hold_the_separator(self) -> None:
        """Separators within quotes are part of the cell."""
        text = f'time,place,temp\n{DAY} 00:00,"fridge, left",5.0\n'

        assert rows(table_of(text)) == [(0, 5000)]

    def test_columns_by_name_and_by_number(self) -> None:
        """A column may be given by its name in any case, or by its number from 1."""
        text = f"Time,Humidity,Temp 1,Temp 2\n{DAY} 00:00,40,5,6\n"

        assert rows(table_of(text, value_column="temp 2")) == [(0, 6000)]
        assert rows(table_of(text, time_column="1", value_column="3")) == [(0, 5000)]

    def test_guesses_prefer_what_is_called_a_temperature(self) -> None:
        """Humidity stands first, and is still not taken for the temperature; the guess is said."""
        table = table_of(f"no,when,humidity,温度\n1,{DAY} 00:00,40,5\n2,{DAY} 00:01,41,6\n")

        assert rows(table) == [(0, 5000), (1, 6000)]
        assert table.layout.guessed == ("time", "value")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"value_column": "temperature"}, "no column 'temperature'; there are 'time', 'temp'"),
            ({"time_column": "7", "value_column": "temp"}, "no column '7'"),
            ({"time_column": "time", "value_column": "TIME"}, "the same column"),
        ],
    )
    def test_a_missing_column_is_told_with_those_there_are(
        self, options: dict[str, str], said: str
    ) -> None:
        """The error names the columns of the table."""
        with pytest.raises(LayoutError, match=said):
            table_of(PLAIN, **options)

    def test_a_name_that_stands_twice_is_refused(self) -> None:
        """Two columns of one name must be told apart by number."""
        with pytest.raises(LayoutError, match="columns 2 and 3; give a number"):
            table_of(f"time,temp,temp\n{DAY},5,6\n", value_column="temp")

    def test_nothing_at_all_is_an_empty_table(self) -> None:
        """A file of blank lines has no columns to guess."""
        with pytest.raises(EmptyTableError):
            table_of("\n \n,,\n")

    def test_prose_is_no_table(self) -> None:
        """A text in which nothing looks like a time is refused, and not read as something."""
        with pytest.raises(LayoutError, match="no column looks like times"):
            table_of("Dear colleague,\nplease find attached\nnothing.\n")


class TestRows:
    def test_bad_rows_are_set_aside_with_line_and_reason(self) -> None:
        """Each row that cannot be read is named by its line; the good ones around it stay."""
        table = table_of(
            f"time,temp\n{DAY} 00:00,5\n{DAY} 00:01,\n{DAY} 00:02,nan\nrubbish,5\n{DAY} 00:03\n"
            f"{DAY} 00:04,9999\n,5\n{DAY} 00:05,6\n"
        )

        assert rows(table) == [(0, 5000), (5, 6000)]
        assert [(one.line, one.code) for one in table.refused] == [
            (3, "blank"),
            (4, "not-a-number"),
            (5, "bad-time"),
            (6, "short-row"),
            (7, "no-temperature"),
            (8, "no-time"),
        ]
        assert table.refused[2].why("en") == (
            "the time 'rubbish' is neither ISO 8601 nor epoch seconds or milliseconds"
        )
        assert table.refused[2].why("zh") == "时间 'rubbish' 不是 ISO 8601，也不是 Unix 时间"

    def test_a_header_in_the_middle_is_no_error(self) -> None:
        """A logger that was started again repeats its header: reported apart."""
        table = table_of(f"time,temp\n{DAY} 00:00,5\ntime,temp\n{DAY} 00:01,6\n")

        assert rows(table) == [(0, 5000), (1, 6000)]
        assert (table.repeated_headers, table.refused) == ([3], [])

    def test_rows_out_of_order_are_sorted_and_counted(self) -> None:
        """A row before an earlier one is put in its place and named by line."""
        table = table_of(f"time,temp\n{DAY} 00:05,5\n{DAY} 00:01,6\n{DAY} 00:02,7\n{DAY} 00:06,8\n")

        assert rows(table) == [(1, 6000), (2, 7000), (5, 5000), (6, 8000)]
        assert table.out_of_order == [3, 4]

    def test_repetitions_are_dropped_and_contradictions_kept(self) -> None:
        """The same time and value again is dropped; another value of the time is judged as well."""
        table = table_of(
            f"time,temp\n{DAY} 00:00,5\n{DAY} 00:00,5\n{DAY} 00:00,9\n{DAY} 00:00,5\n{DAY} 00:01,5\n"
            f"{DAY} 00:00,9\n"
        )

        assert rows(table) == [(0, 5000), (0, 9000), (1, 5000)]
        assert (table.duplicates, table.same_time, table.out_of_order) == ([3, 5, 7], [4], [7])

    def test_a_stray_quote_swallows_no_other_row(self) -> None:
        """A quote that nothing closes costs its own row at most."""
        table = table_of(f'time,temp,note\n{DAY} 00:00,5,"oops\n{DAY} 00:01,6,\n{DAY} 00:02,"7,\n')

        assert rows(table)[:2] == [(0, 5000), (1, 6000)]
        assert [one.line for one in table.refused] == [4]

    def test_a_monstrous_cell_is_a_bad_row(self) -> None:
        """A quoted cell beyond the csv module's limit is set aside like any other bad row."""
        table = table_of(f'time,temp\n{DAY} 00:00,5\n"{"x" * 200_000}",6\n{DAY} 00:01,7\n')

        assert rows(table) == [(0, 5000), (1, 7000)]
        assert [one.line for one in table.refused] == [3]
        assert len(table.refused[0].shown) < 60

    def test_stamps_with_and_without_offset_in_one_table(self) -> None:
        """Both kinds are read by their own meaning."""
        table = table_of(
            f"time,temp\n{DAY} 08:00,5\n{DAY}T00:01:00Z,6\n{DAY} 08:02,7\n",
            zone=ZoneInfo("Asia/Shanghai"),
        )

        assert rows(table) == [(0, 5000), (1, 6000), (2, 7000)]

    def test_the_median_spacing_ignores_repetitions_of_a_time(self) -> None:
        """Two readings of one time are no spacing of zero; a single reading has the usual one."""
        table = table_of(f"time,temp\n{DAY} 00:00,5\n{DAY} 00:00,6\n{DAY} 00:05,5\n{DAY} 00:10,5\n")

        assert table.median_spacing_ms() == 300_000
        assert table_of(f"time,temp\n{DAY} 00:00,5\n").median_spacing_ms() == 60_000


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(-90_000, 60_000)), min_size=1),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["iso", "offset", "s", "ms"]),
)
def test_whatever_is_written_is_read_back(
    readings: list[tuple[int, int]], separator: str, kind: str
) -> None:
    """Every reading of a table comes back exactly, sorted by time, each time-value pair once."""
    start = 1_714_521_600
    lines = ["time" + separator + "temperature"]
    for second, value in readings:
        sign = "-" if value < 0 else ""
        number = f"{sign}{abs(value) // 1000}.{abs(value) % 1000:03d}"
        lines.append(f"{_stamp(start + second, kind)}{separator}{number}")
    table = table_of("\n".join(lines))
    expected = sorted(dict.fromkeys(readings), key=lambda reading: reading[0])

    assert table.refused == []
    assert expected == [
        (at // 1000 - start, value) for at, value in zip(table.times, table.values, strict=True)
    ]
    assert len(readings) == len(table.times) + len(table.duplicates)


def _stamp(second: int, kind: str) -> str:
    from datetime import datetime

    if kind == "s":
        return str(second)
    if kind == "ms":
        return str(second * 1000)
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + ("+00:00" if kind == "offset" else "")
