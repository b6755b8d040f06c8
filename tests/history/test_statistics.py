"""Exposure and MKT: published figures, and three ways of computing that must agree."""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.columns import Point, exposures
from history.segments import segments, worst
from history.statistics import Exposure, exposure, exposure_of, mkt, total
from protocol.reading import Reading
from tests.history.oracle import Answer, Series, answer
from tests.history.strategies import END, HIGH, LOW, START, series

HOUR = 3_600_000


def by_segments(
    points: list[Series], start: int, end: int, low: int | None = LOW, high: int | None = HIGH
) -> Exposure:
    """Return the exposure by the streaming definition."""
    stretches = [
        segments(
            point.readings,
            start=start,
            end=end,
            low=low,
            high=high,
            interval_ms=point.interval_ms,
            max_gap_ms=point.max_gap_ms,
            settled=point.settled,
        )
        for point in points
    ]
    return exposure_of(worst(stretches), start)


def by_columns(
    points: list[Series], edges: list[int], low: int | None = LOW, high: int | None = HIGH
) -> list[Exposure]:
    """Return the exposures between edges by numpy."""
    columns = []
    for point in points:
        judged = [(item.at, item.value) for item in point.readings if item.judged]
        columns.append(
            Point(
                [at for at, _ in judged],
                [value for _, value in judged if value is not None],
                point.interval_ms,
                point.max_gap_ms,
                point.settled,
            )
        )
    return exposures(columns, edges, low=low, high=high)


def assert_same(expected: Answer | Exposure, actual: Exposure) -> None:
    """Integers must be equal; mean and MKT within what doubles can hold."""
    for item in fields(expected):
        if item.name in {"mean", "mkt", "kinetic_log"}:
            continue
        assert (item.name, getattr(expected, item.name)) == (item.name, getattr(actual, item.name))
    assert_close(expected.mean, actual.mean)
    assert_close(expected.mkt, actual.mkt)


def assert_close(expected: float | None, actual: float | None) -> None:
    """A millionth of a thousandth of a degree is equal; None is equal to None only."""
    if expected is None or actual is None:
        assert expected == actual
    else:
        assert expected == pytest.approx(actual, rel=1e-9, abs=1e-6)


points_of_an_asset = st.lists(series(), min_size=1, max_size=3)
limits = st.tuples(st.none() | st.just(LOW), st.none() | st.just(HIGH))


class TestExposure:
    @given(points_of_an_asset, limits)
    def test_segments_equal_brute_force(
        self, points: list[Series], limit: tuple[int | None, int | None]
    ) -> None:
        """Adding up segments gives what a brute force over every millisecond gives."""
        expected = answer(points, START, END, *limit)

        assert_same(expected, by_segments(points, START, END, *limit))

    @given(points_of_an_asset, limits)
    def test_columns_equal_brute_force(
        self, points: list[Series], limit: tuple[int | None, int | None]
    ) -> None:
        """The columns give what the brute force gives."""
        expected = answer(points, START, END, *limit)

        assert_same(expected, by_columns(points, [START, END], *limit)[0])

    @given(points_of_an_asset)
    def test_identity(self, points: list[Series]) -> None:
        """Inside + above + below - both + unknown is the range, to the millisecond."""
        one = by_segments(points, START, END)

        assert (
            one.inside_ms + one.above_ms + one.below_ms - one.both_ms + one.unknown_ms
        ) == END - START
        assert len(points) > 1 or one.both_ms == 0

    @given(points_of_an_asset, st.sets(st.integers(START + 1, END - 1), max_size=4))
    def test_split_and_added(self, points: list[Series], cuts: set[int]) -> None:
        """A range cut anywhere and added again is the range uncut, unknown stretches included."""
        edges = [START, *sorted(cuts), END]
        expected = by_segments(points, START, END)
        parts = [by_segments(points, begin, end) for begin, end in pairwise(edges)]

        assert_same(expected, total(parts))
        for part, column in zip(parts, by_columns(points, edges), strict=True):
            assert_same(part, column)
        assert_same(expected, total(by_columns(points, edges)))

    @given(series())
    def test_unknown_is_never_inside(self, point: Series) -> None:
        """Beside a point of which nothing is known, nothing counts as inside; outside still does."""
        silent = Series((), point.interval_ms, point.max_gap_ms, point.settled)
        alone = by_segments([point], START, END)
        together = by_segments([point, silent], START, END)

        assert together.inside_ms == 0
        assert (alone.above_ms, alone.below_ms) == (together.above_ms, together.below_ms)

    def test_of_one_series(self) -> None:
        """The plain call adds up one series: 2.0 and 8.0 are inside, the tail is pending."""
        items = [
            Reading(seq, "f/c/temperature", at, "b", at, value)
            for seq, (at, value) in enumerate(
                [(0, 2000), (10, 8000), (20, 8001), (30, 1999), (40, 5000)], start=1
            )
        ]
        one = exposure(items, start=0, end=60, low=2000, high=8000, interval_ms=10, max_gap_ms=30)

        assert (one.inside_ms, one.above_ms, one.below_ms) == (30, 10, 10)
        assert (one.unknown_ms, one.pending_ms, one.longest_unknown_ms) == (10, 10, 0)
        assert (one.minimum, one.maximum, one.readings) == (1999, 8001, 5)
        assert (one.first_at, one.last_at) == (0, 40)
        assert one.mean == pytest.approx((2000 + 8000 + 8001 + 1999 + 5000) / 5)


class TestColumns:
    def test_huge_values_do_not_wrap(self) -> None:
        """Values that no thermometer gives, held long, are added without overflow."""
        huge = 2**53 - 1
        one = exposures([Point([0], [huge], 10**9, 10**9)], [0, 10**9], low=None, high=None)[0]

        assert 2 * huge * 10**9 == one.doubled_sum
        assert one.mean == huge

    def test_absolute_zero(self) -> None:
        """Nothing decays at absolute zero and below: such time weighs, and adds nothing."""
        cold = Point([0, 10, 20], [-273_150, -300_000, 5000], 10, 10)
        one = exposures([cold], [0, 30], low=None, high=None)[0]
        alone = exposures([cold], [0, 20], low=None, high=None)[0]

        assert_close(mkt([(-273_150, 10), (-300_000, 10), (5000, 10)]), one.mkt)
        assert alone.mkt is None

    def test_empty_range(self) -> None:
        """A custody of no length has an exposure of nothing, and no MKT."""
        one = exposures([Point([5], [5000], 10, 10)], [7, 7], low=2000, high=8000)[0]

        assert Exposure(7, 7) == one
        assert one.mkt is None
        assert one.mean is None

    @pytest.mark.parametrize(
        ("points", "edges", "message"),
        [
            ([], [0, 1], "mark one with `decides`"),
            ([Point([], [], 1, 1)], [0], "two edges"),
            ([Point([], [], 1, 1)], [0, 5, 5, 9], "must rise"),
            ([Point([5, 4], [1, 1], 1, 1)], [0, 9], "4 comes after 5"),
            ([Point([5], [], 1, 1)], [0, 9], "belong together"),
            ([Point([5], [1], 0, 1)], [0, 9], "must be positive"),
        ],
    )
    def test_nonsense_is_refused(self, points: list[Point], edges: list[int], message: str) -> None:
        """Each argument that makes no sense is named in one line."""
        with pytest.raises(ValueError, match=message):
            exposures(points, edges, low=None, high=None)


class TestTotal:
    def test_stretch_over_a_move(self) -> None:
        """Forty unknown minutes stay forty when the batch is moved in the middle of them."""
        one = by_segments([Series((), 10, 10, settled=END)], START, START + 20)
        two = by_segments([Series((), 10, 10, settled=END)], START + 20, START + 40)
        three = by_segments([Series((), 10, 10, settled=END)], START + 45, END)

        assert total([one, two]).longest_unknown_ms == 40
        assert total([one, two, three]).longest_unknown_ms == 40
        assert total([one, two, three]).span_ms == END - START - 5

    def test_overlap_is_refused(self) -> None:
        """A batch cannot be in two places: exposures that overlap are refused."""
        one = by_segments([Series((), 10, 10)], START, START + 20)
        two = by_segments([Series((), 10, 10)], START + 19, START + 40)
        with pytest.raises(ValueError, match="overlap"):
            total([one, two])

    def test_nothing_is_refused(self) -> None:
        """The sum of no exposure is not an exposure of nothing: nobody knows its range."""
        with pytest.raises(ValueError, match="nothing to add"):
            total([])


# Reference vectors for dH/R = 10,000 K (thousandths of degC, hours at it) -> degC.
VECTORS = [
    ([(5000, 1)], 5.0),
    ([(4000, 4), (16_000, 1)], 8.108857),
    ([(5000, 23), (25_000, 1)], 7.756422),
    ([(5000, 22), (15_000, 2)], 6.462285),
    ([(2000, 12), (8000, 12)], 5.536425),
    ([(4000, 20), (12_000, 4)], 5.981807),
    ([(20_000, 1), (25_000, 1), (30_000, 1)], 25.858208),
    ([(15_000, 1), (20_000, 1), (25_000, 1), (30_000, 1)], 24.104053),
    ([(5000, 29 * 24), (30_000, 24)], 8.749064),
    ([(5000, 23), (-2000, 1)], 4.802706),
]


class TestMkt:
    @pytest.mark.parametrize(("hours", "expected"), VECTORS)
    def test_vectors(self, hours: list[tuple[int, int]], expected: float) -> None:
        """The reference vectors for USP's formula hold to a millionth of a degree."""
        result = mkt(hours)

        assert result is not None
        assert expected == pytest.approx(result / 1000, abs=5e-7)

    @pytest.mark.parametrize(("hours", "expected"), VECTORS)
    def test_vectors_by_held_time(self, hours: list[tuple[int, int]], expected: float) -> None:
        """The same vectors as history, irregularly sampled: each value weighs by how long it held."""
        items: list[Reading] = []
        at = 0
        for value, length in hours:
            for part in (0, length * HOUR // 3):
                items.append(Reading(len(items) + 1, "f/c/temperature", at + part, "b", 0, value))
            at += length * HOUR
        one = exposure(items, start=0, end=at, low=2000, high=8000, interval_ms=at, max_gap_ms=at)
        point = Point([item.at for item in items], [item.value or 0 for item in items], at, at)
        two = exposures([point], [0, at // 2, at], low=2000, high=8000)

        assert one.mkt is not None
        assert expected == pytest.approx(one.mkt / 1000, abs=5e-7)
        assert one.mkt == pytest.approx(total(two).mkt, rel=1e-12)

    def test_freezing_makes_it_look_better(self) -> None:
        """An hour at -2 lowers the MKT: it never excuses freezing, and below_ms shows the hour."""
        frozen = mkt([(5000, 23), (-2000, 1)])

        assert frozen is not None
        assert frozen < 5000

    def test_ultra_cold_and_impossible(self) -> None:
        """Liquid nitrogen and colder keeps its precision; nothing decays at absolute zero."""
        nitrogen = mkt([(-196_000, 1), (-196_000, 7)])

        assert nitrogen == pytest.approx(-196_000, abs=1e-6)
        assert mkt([(-273_149, 1)]) == pytest.approx(-273_149, abs=1e-6)
        assert mkt([(-273_150, 1), (-300_000, 2)]) is None
        assert mkt([]) is None

    @given(st.lists(st.tuples(st.integers(-100_000, 100_000), st.integers(1, 10**9)), min_size=1))
    def test_between_extremes(self, weighted: list[tuple[int, int]]) -> None:
        """An MKT lies between the extremes, and not under the plain mean (Arrhenius is convex there)."""
        result = mkt(weighted)
        values = [value for value, _ in weighted]
        mean = math.fsum(v * w for v, w in weighted) / math.fsum(w for _, w in weighted)

        assert result is not None
        assert min(values) - 1e-3 <= result <= max(values) + 1e-3
        assert result >= mean - 1e-3
