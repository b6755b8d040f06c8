"""Hours are what a brute force over their readings gives, and charts of them hide nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from history import hours, hours_envelope, hours_sqlite
from history.envelope import envelope, in_hours
from history.hours import Hour, hour_from, hour_of, raw_of, roll, roll_all
from history.hours_envelope import Range, columns_of, envelope_of_hours
from history.port import Bucket
from protocol.reading import Reading
from tests.history.oracle import Series, held_values
from tests.history.strategies import END, START, readings, series

HOUR = 3_600_000
lengths = st.integers(1, 25)


class Source:
    """A series of which hours are kept: what the envelope may ask of it, and what it asked."""

    def __init__(self, point: Series) -> None:
        self.point = point
        self.asked: list[list[int]] = []

    def late(self, begins: Sequence[int]) -> list[int]:
        """Return the times of the judged readings in some hours."""
        self.asked.append(list(begins))
        items = [item.at for item in self.point.readings if item.judged]
        return [at for at in items if hour_of(at) in begins]

    def parts(self, start: int, end: int) -> list[list[Hour]]:
        """Return the hours of a range: its two ends, and the whole ones between them."""
        borders = [start, min(hour_from(start), end), max(hour_from(start), hour_of(end)), end]
        items = [raw_of(item) for item in self.point.readings]
        return [
            roll_all(item for item in items if begin <= item[0] < finish)
            for begin, finish in pairwise(borders)
        ]

    def range(self, buckets: int) -> Range:
        """Return the question over [START, END)."""
        judged = [item.at for item in self.point.readings if item.judged]
        return Range(
            START,
            END,
            buckets,
            self.point.interval_ms,
            self.point.max_gap_ms,
            max((at for at in judged if at < START), default=None),
            min((at for at in judged if at >= END), default=None),
        )

    def envelope(self, buckets: int) -> list[Bucket]:
        """Return the envelope from hours."""
        parts = [columns_of(part) for part in self.parts(START, END)]
        return envelope_of_hours(parts, self.late, self.range(buckets))


def by_readings(point: Series, buckets: int) -> list[Bucket]:
    """Return the envelope by its definition."""
    judged = [item for item in point.readings if item.judged]
    return envelope(
        [item for item in point.readings if START <= item.at < END],
        start=START,
        end=END,
        buckets=buckets,
        interval_ms=point.interval_ms,
        max_gap_ms=point.max_gap_ms,
        before=next((item for item in reversed(judged) if item.at < START), None),
        after=next((item for item in judged if item.at >= END), None),
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an hour be ten milliseconds."""
    monkeypatch.setattr(hours, "HOUR_MS", 10)


class TestRoll:
    @given(readings(most=30), lengths)
    def test_every_hour(self, items: tuple[Reading, ...], length: int) -> None:
        """Every hour with a reading is there once, in order, and says what looking at each one says."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hours, "HOUR_MS", length)
            found = roll_all(map(raw_of, items))

        assert [hour.start for hour in found] == sorted(
            {item.at // length * length for item in items}
        )
        for hour in found:
            own = [item for item in items if hour.start <= item.at < hour.start + length]
            judged = [item for item in own if item.judged]
            values = [item.value for item in judged if item.value is not None]
            steps = [two.at - one.at for one, two in pairwise(judged)]
            ends = (
                (min(values), max(values), values[0], judged[0].at, values[-1], judged[-1].at)
                if values
                else (None,) * 6
            )
            suspect = sum(item.quality.startswith("suspect") for item in judged)

            assert hour[1:] == (
                len(judged),
                *ends,
                len(own) - len(judged),
                suspect,
                max(steps, default=0),
            )

    def test_whole_hours(self) -> None:
        """Hours begin at whole UTC hours."""
        assert [hour_of(at) for at in (0, HOUR - 1, HOUR, HOUR + 1)] == [0, 0, HOUR, HOUR]
        assert [hour_from(at) for at in (0, 1, HOUR, HOUR + 1)] == [0, HOUR, HOUR, 2 * HOUR]

    def test_only_rejected(self) -> None:
        """An hour of rejected readings has no values, and is not nothing: they are counted."""
        assert roll(0, [(1, None, -1), (2, 85_000, -2)]) == (0, 0, *(None,) * 6, 2, 0, 0)


class TestEnvelope:
    @given(series(), lengths, st.integers(1, 8))
    def test_equals_the_definition(self, point: Series, length: int, buckets: int) -> None:
        """Whatever the holding rule, hours give each bucket that the readings give."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hours, "HOUR_MS", length)
            patch.setattr(hours_envelope, "LATE_HOURS", 2)
            if not in_hours(START, END, buckets):
                return
            assert by_readings(point, buckets) == Source(point).envelope(buckets)

    @given(series(), st.integers(1, 6), st.integers(-2000, 13_000))
    def test_no_crossing_and_no_unknown_time_is_hidden(
        self, point: Series, buckets: int, limit: int
    ) -> None:
        """A bucket shows a value beyond a limit exactly if a reading is; unknown moments are counted."""
        cells = held_values(point, START, END)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hours, "HOUR_MS", 10)
            found = Source(point).envelope(buckets)
        for bucket in found:
            values = [
                item.value
                for item in point.readings
                if item.judged and item.value is not None and bucket.start <= item.at < bucket.end
            ]
            above = bucket.maximum is not None and bucket.maximum > limit
            below = bucket.minimum is not None and bucket.minimum < limit
            unknown = cells[bucket.start - START : bucket.end - START]

            assert any(value > limit for value in values) == above
            assert any(value < limit for value in values) == below
            assert sum(isinstance(cell, str) for cell in unknown) == bucket.unknown_ms

    @pytest.mark.usefixtures("small")
    def test_asks_only_where_one_was_late(self) -> None:
        """Readings are asked for only in hours with a step that the rule does not hold over."""
        ats = [100, 104, 108, 111, 119, 121, 125, 129, 150]
        items = tuple(
            Reading(n, "f/c/temperature", at, "b", 0, 5000) for n, at in enumerate(ats, 1)
        )
        source = Source(Series(items, 2, 5))

        found = source.envelope(6)

        assert source.asked == [[110]]
        assert [bucket.unknown_ms for bucket in found] == [0, 6, 0, 9, 10, 8]

    def test_narrow_buckets_are_refused(self) -> None:
        """Hours cannot tell what happened within them."""
        with pytest.raises(ValueError, match="narrower than hours"):
            envelope_of_hours([], lambda _: [], Range(0, HOUR, 2, 1, 1))


class TestTable:
    HOURS = (
        Hour(0, 2, -5, 7, 7, 3, -5, 9, 1, 0, 6),
        Hour(HOUR, 0, None, None, None, None, None, None, 4, 0, 0),
        Hour(3 * HOUR, 1, 2**60, 2**60, 2**60, 3 * HOUR, 2**60, 3 * HOUR, 0, 1, 0),
    )

    @pytest.fixture
    def table(self) -> Iterator[sqlite3.Connection]:
        """A table of hours in a file of nobody's, as a store without readings of its own has it."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        assert not hours_sqlite.present(connection)
        connection.execute(hours_sqlite.TABLE)
        hours_sqlite.write(connection, 1, self.HOURS)
        hours_sqlite.write(connection, 2, self.HOURS[:1])
        yield connection
        connection.close()

    def test_what_was_written_is_read(self, table: sqlite3.Connection) -> None:
        """Hours that were rolled elsewhere come back, by range, as objects and as columns."""
        assert hours_sqlite.present(table)
        assert list(self.HOURS) == hours_sqlite.read(table, 1, 0, 4 * HOUR)
        assert list(self.HOURS[1:2]) == hours_sqlite.read(table, 1, HOUR, 3 * HOUR)
        for some, (start, end) in ((self.HOURS, (0, 4 * HOUR)), ((), (5 * HOUR, 9 * HOUR))):
            expected, found = columns_of(some), hours_sqlite.columns(table, 1, start, end)
            assert expected.shape == found.shape
            assert np.array_equal(expected, found)

    def test_written_again(self, table: sqlite3.Connection) -> None:
        """An hour that is written again stands in the place of the old one, of its series only."""
        other = self.HOURS[0]._replace(maximum=8)
        hours_sqlite.write(table, 1, [other])
        hours_sqlite.remove(table, 1, HOUR)

        assert [other, self.HOURS[2]] == hours_sqlite.read(table, 1, 0, 4 * HOUR)
        assert [self.HOURS[0]] == hours_sqlite.read(table, 2, 0, 4 * HOUR)

    def test_kept_until(self, table: sqlite3.Connection) -> None:
        """How far hours are kept is the end of the newest one."""
        assert [hours_sqlite.kept_until(table, key) for key in (1, 2, 3)] == [4 * HOUR, HOUR, None]
