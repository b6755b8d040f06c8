"""Local days: where they begin, summer time included, and what each of them holds."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.days import Day, day_edges, days, midnight
from history.segments import Segment, segments
from history.statistics import Exposure, exposure_of, total
from history.table import table_statistics
from protocol.reading import Reading
from tests.history.strategies import zones
from tests.history.test_statistics import assert_same

HOUR = 3_600_000
# Instants around days that are not 24 hours long in one of the zones, and plain ones.
moments = st.sampled_from(
    ["2011-12-30", "2017-10-15", "2018-02-18", "2025-03-30", "2025-10-26", "2025-11-02"]
).flatmap(
    lambda day: st.integers(-40 * HOUR, 40 * HOUR).map(
        lambda offset: int(datetime.fromisoformat(f"{day}T00:00+00:00").timestamp() * 1000) + offset
    )
)


def utc(text: str) -> int:
    """Return milliseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


class TestEdges:
    @given(moments, st.integers(1, 80 * HOUR), zones, st.data())
    def test_every_moment_is_in_its_day(
        self, start: int, length: int, name: str, data: st.DataObject
    ) -> None:
        """Each moment of a range lies in the one day that the zone's own clocks show then."""
        zone = ZoneInfo(name)
        edges = day_edges(start, start + length, zone)
        moment = data.draw(st.integers(start, start + length - 1))
        found = [day for day, begins in edges if begins <= moment][-1]

        assert edges[0][1] == start
        assert datetime.fromtimestamp(moment / 1000, zone).date() == found

    @pytest.mark.parametrize(
        ("name", "day", "hours"),
        [
            ("Europe/Berlin", date(2025, 3, 30), 23),
            ("Europe/Berlin", date(2025, 10, 26), 25),
            ("America/Sao_Paulo", date(2017, 10, 15), 23),
            ("America/Sao_Paulo", date(2018, 2, 17), 25),
            ("Australia/Lord_Howe", date(2025, 4, 6), 24.5),
            ("Asia/Shanghai", date(2025, 3, 30), 24),
        ],
    )
    def test_length(self, name: str, day: date, hours: float) -> None:
        """A day is as long as its zone makes it."""
        zone = ZoneInfo(name)
        following = date.fromordinal(day.toordinal() + 1)

        assert hours * HOUR == midnight(following, zone) - midnight(day, zone)

    def test_skipped_date(self) -> None:
        """Apia had no 30 December 2011; the range has none either."""
        edges = day_edges(
            utc("2011-12-29T12:00"), utc("2011-12-31T12:00"), ZoneInfo("Pacific/Apia")
        )

        assert [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)] == [
            day for day, _ in edges
        ]

    def test_empty_range(self) -> None:
        """A range of no length has no day."""
        assert day_edges(5, 5, UTC) == []
        assert list(days([], start=5, end=5, zone=UTC)) == []


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Times and values over up to four days, with ties, gaps and readings exactly at midnight."""
    start = draw(moments)
    steps = draw(
        st.lists(
            st.sampled_from([0, 1, HOUR // 4, HOUR, 7 * HOUR]) | st.integers(0, 30 * HOUR),
            max_size=12,
        )
    )
    times = [start]
    for step in steps:
        times.append(times[-1] + step)
    if draw(st.booleans()):
        whole = [at - at % (24 * HOUR) for at in times[1:]]  # midnights in UTC
        times = sorted(times + [at for at in whole if at > start])
    values = draw(
        st.lists(
            st.sampled_from([1999, 2000, 5000, 8000, 8001]),
            min_size=len(times),
            max_size=len(times),
        )
    )
    return times, values


rules = st.tuples(st.integers(1, 2 * HOUR), st.integers(1, 40 * HOUR))


class TestDays:
    @given(tables(), rules, zones)
    def test_by_segments(
        self, table: tuple[list[int], list[int]], rule: tuple[int, int], name: str
    ) -> None:
        """Each day is the exposure of its own range, and together they are the whole."""
        start, end, zone = table[0][0], table[0][-1] + rule[0], ZoneInfo(name)
        found = list(days(cut(table, rule, start, end), start=start, end=end, zone=zone))

        for day in found:
            own = cut(table, rule, day.exposure.start, day.exposure.end)
            assert_same(exposure_of(own, day.exposure.start), day.exposure)
        assert [begins for _, begins in day_edges(start, end, zone)] == [
            day.exposure.start for day in found
        ]
        assert_same(
            exposure_of(cut(table, rule, start, end), start),
            total([day.exposure for day in found]),
        )

    @given(tables(), rules, zones)
    def test_table_is_the_same(
        self, table: tuple[list[int], list[int]], rule: tuple[int, int], name: str
    ) -> None:
        """The fast way over a table's columns gives the same whole and the same days."""
        start, end, zone = table[0][0], table[0][-1] + rule[0], ZoneInfo(name)
        found = table_of(table, rule, name)

        assert_same(exposure_of(cut(table, rule, start, end), start), found[0])
        expected = list(days(cut(table, rule, start, end), start=start, end=end, zone=zone))
        assert [day.date for day in expected] == [day.date for day in found[1]]
        for one, two in zip(expected, found[1], strict=True):
            assert_same(one.exposure, two.exposure)

    def test_held_over_midnight(self) -> None:
        """A warm reading at 23:00 is warm until 01:00 on both days; the second day's extreme shows it."""
        table = ([utc("2025-05-01T15:00"), utc("2025-05-01T17:00")], [9000, 5000])
        _, found = table_of(table, (HOUR, 3 * HOUR), "Asia/Shanghai")

        assert [date(2025, 5, 1), date(2025, 5, 2)] == [day.date for day in found]
        assert [day.exposure.above_ms for day in found] == [HOUR, HOUR]
        assert [day.exposure.maximum for day in found] == [9000, 9000]
        assert [day.exposure.readings for day in found] == [1, 1]

    def test_replaced_at_midnight(self) -> None:
        """Of two readings at midnight the replaced one is an extreme of the new day, not the old."""
        midnight_utc = utc("2025-05-02T00:00")
        table = ([midnight_utc - HOUR, midnight_utc, midnight_utc], [5000, 12_000, 6000])
        start, end = table[0][0], midnight_utc + HOUR
        slow = list(days(cut(table, (HOUR, HOUR), start, end), start=start, end=end, zone=UTC))
        _, fast = table_of(table, (HOUR, HOUR), "UTC")

        for found in (slow, fast):
            assert [5000, 12_000] == [day.exposure.maximum for day in found]
            assert [1, 2] == [day.exposure.readings for day in found]


class TestTable:
    def test_identity_of_the_command(self) -> None:
        """The parts add up to last minus first reading plus one interval."""
        table = ([0, 60_000, 10 * HOUR], [1000, 5000, 9000])
        whole, _ = table_of(table, (60_000, HOUR), "UTC")

        assert (whole.inside_ms, whole.above_ms, whole.below_ms) == (60_000, 60_000, 60_000)
        assert whole.unknown_ms == 10 * HOUR - 120_000
        assert whole.span_ms == 10 * HOUR + 60_000

    @given(tables(), rules)
    def test_without_numpy(self, table: tuple[list[int], list[int]], rule: tuple[int, int]) -> None:
        """Where numpy is not installed, as on an agent, the answer is the same."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "numpy", None)
            slow = table_of(table, rule, "Asia/Shanghai")
        fast = table_of(table, rule, "Asia/Shanghai")

        assert_same(slow[0], fast[0])
        assert [day.date for day in slow[1]] == [day.date for day in fast[1]]

    @pytest.mark.parametrize(
        ("times", "values", "message"),
        [
            ([], [], "some of each"),
            ([1], [], "1 times and 0 values"),
            ([5 * HOUR, 1], [1, 1], "not ordered"),
            ([1, 9, 5], [1, 1, 1], "5 comes after 9"),
        ],
    )
    def test_nonsense_is_refused(self, times: list[int], values: list[int], message: str) -> None:
        """Empty, uneven and unordered tables are refused in one line."""
        with pytest.raises(ValueError, match=message):
            table_of((times, values), (HOUR, HOUR), "UTC")


def cut(
    table: tuple[list[int], list[int]], rule: tuple[int, int], start: int, end: int
) -> list[Segment]:
    """Return the segments of a table over a range."""
    items = [
        Reading(seq, "f/c/temperature", at, "b", 0, value)
        for seq, (at, value) in enumerate(zip(*table, strict=True), start=1)
    ]
    return list(
        segments(
            items,
            start=start,
            end=end,
            low=2000,
            high=8000,
            interval_ms=rule[0],
            max_gap_ms=rule[1],
        )
    )


def table_of(
    table: tuple[list[int], list[int]], rule: tuple[int, int], name: str
) -> tuple[Exposure, list[Day]]:
    """Return the table's statistics by the fast way."""
    return table_statistics(
        *table,
        low=2000,
        high=8000,
        interval_ms=rule[0],
        max_gap_ms=rule[1],
        zone=ZoneInfo(name),
    )
