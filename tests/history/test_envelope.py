"""The envelope hides no crossing, and both ways of computing it agree."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history import hours
from history.columns import Point
from history.envelope import bucket_edges, envelope, in_hours
from history.envelope_columns import envelope_of_columns
from history.port import Bucket
from protocol.reading import Reading
from tests.history.oracle import Series, held_values
from tests.history.strategies import END, NAME, START, series

numbers = st.integers(1, 80)


def by_readings(point: Series, buckets: int, *, neighbours: bool = True) -> list[Bucket]:
    """Return the envelope by its definition."""
    judged = [item for item in point.readings if item.judged]
    before = [item for item in judged if item.at < START]
    after = [item for item in judged if item.at >= END]
    return envelope(
        [item for item in point.readings if START <= item.at < END],
        start=START,
        end=END,
        buckets=buckets,
        interval_ms=point.interval_ms,
        max_gap_ms=point.max_gap_ms,
        before=before[-1] if before and neighbours else None,
        after=after[0] if after and neighbours else None,
    )


def by_columns(point: Series, buckets: int) -> list[Bucket]:
    """Return the envelope by numpy."""
    judged = [item for item in point.readings if item.judged]
    within = [item for item in judged if START <= item.at < END]
    return envelope_of_columns(
        Point(
            [item.at for item in within],
            [item.value for item in within if item.value is not None],
            point.interval_ms,
            point.max_gap_ms,
        ),
        suspect=[item.at for item in within if item.quality != "ok"],
        rejected=[item.at for item in point.readings if not item.judged and START <= item.at < END],
        start=START,
        end=END,
        buckets=buckets,
        before=max((item.at for item in judged if item.at < START), default=None),
        after=min((item.at for item in judged if item.at >= END), default=None),
    )


class TestEnvelope:
    @given(series(), numbers, st.integers(-2000, 13_000))
    def test_no_crossing_is_hidden(self, point: Series, buckets: int, limit: int) -> None:
        """A bucket shows a value beyond a limit exactly if a judged reading of it is beyond it."""
        for bucket in by_readings(point, buckets):
            values = [
                item.value
                for item in point.readings
                if item.judged and item.value is not None and bucket.start <= item.at < bucket.end
            ]
            above = bucket.maximum is not None and bucket.maximum > limit
            below = bucket.minimum is not None and bucket.minimum < limit

            assert any(value > limit for value in values) == above
            assert any(value < limit for value in values) == below

    @given(series(), numbers)
    def test_every_bucket(self, point: Series, buckets: int) -> None:
        """Counts, first, last and unknown time are what looking at each millisecond gives."""
        cells = held_values(point, START, END)
        for bucket in by_readings(point, buckets):
            items = [item for item in point.readings if bucket.start <= item.at < bucket.end]
            judged = [item for item in items if item.judged]
            unknown = [
                cell
                for cell in cells[bucket.start - START : bucket.end - START]
                if isinstance(cell, str)
            ]

            assert len(judged) == bucket.count
            assert len(items) - len(judged) == bucket.rejected
            assert sum(item.quality.startswith("suspect") for item in judged) == bucket.suspect
            assert len(unknown) == bucket.unknown_ms
            ends = (
                (judged[0].value, judged[-1].value, judged[0].at, judged[-1].at)
                if judged
                else (None,) * 4
            )
            assert ends == (bucket.first, bucket.last, bucket.first_at, bucket.last_at)

    @given(series(), numbers)
    def test_columns_are_the_same(self, point: Series, buckets: int) -> None:
        """The fast way gives the same buckets."""
        assert by_readings(point, buckets) == by_columns(point, buckets)

    @given(st.integers(0, 10**6), st.integers(0, 10**4), numbers)
    def test_edges(self, start: int, length: int, buckets: int) -> None:
        """Narrow buckets cover the range, are of one width but for the last, no more than asked for."""
        edges = bucket_edges(start, start + length, buckets)
        widths = [two - one for one, two in pairwise(edges)]

        assert (edges[0], edges[-1]) == (start, start + length)
        assert len(widths) <= buckets
        assert len(set(widths[:-1])) <= 1
        assert all(0 < width <= widths[0] for width in widths)

    @given(st.integers(0, 10**6), st.integers(1, 10**4), numbers, st.integers(1, 500))
    def test_edges_of_hours(self, start: int, length: int, buckets: int, hour: int) -> None:
        """Buckets an hour wide or wider are whole UTC hours but for their outer ends, all alike."""
        end = start + length
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hours, "HOUR_MS", hour)
            edges = bucket_edges(start, end, buckets)
            assert in_hours(start, end, buckets) == (-(-length // buckets) >= hour)
            if not in_hours(start, end, buckets):
                return
        inner = [two - one for one, two in pairwise(edges[1:-1])]

        assert (edges[0], edges[-1]) == (start, end)
        assert len(edges) - 1 <= buckets
        assert edges == sorted(set(edges))
        assert all(edge % hour == 0 for edge in edges[1:-1])
        assert len(set(inner)) <= 1
        assert all(edges[1] - start <= width >= end - edges[-2] for width in inner)

    def test_holds_into_the_range_and_out_of_it(self) -> None:
        """Without the neighbours the edges are unknown, with them they are held."""
        point = Series(
            tuple(Reading(n, NAME, at, "b", 0, 5000) for n, at in enumerate((95, 130, 165), 1)),
            5,
            40,
        )

        assert [bucket.unknown_ms for bucket in by_readings(point, 2)] == [0, 0]
        assert [bucket.unknown_ms for bucket in by_readings(point, 2, neighbours=False)] == [30, 25]

    def test_empty_range(self) -> None:
        """A range of no length has no bucket."""
        assert envelope([], start=5, end=5, buckets=3, interval_ms=1, max_gap_ms=1) == []
        nothing = Point([], [], 1, 1)
        columns = envelope_of_columns(nothing, suspect=[], rejected=[], start=5, end=5, buckets=3)
        assert columns == []

    @pytest.mark.parametrize(
        ("end", "buckets", "message"), [(4, 1, "before it begins"), (9, 0, "ask for one")]
    )
    def test_nonsense_is_refused(self, end: int, buckets: int, message: str) -> None:
        """A range that goes back and no bucket at all are refused."""
        with pytest.raises(ValueError, match=message):
            envelope([], start=5, end=end, buckets=buckets, interval_ms=1, max_gap_ms=1)
        with pytest.raises(ValueError, match=message):
            envelope_of_columns(
                Point([], [], 1, 1), suspect=[], rejected=[], start=5, end=end, buckets=buckets
            )
