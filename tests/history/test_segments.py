"""The holding rule and the worst of several points, against a brute force and by example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.segments import Segment, segments, worst
from protocol.reading import Reading
from tests.history.oracle import Series, held_values
from tests.history.strategies import END, HIGH, LOW, NAME, START, series


def made(point: Series, start: int = START, end: int = END) -> list[Segment]:
    """Return the segments of a series under test."""
    return list(
        segments(
            point.readings,
            start=start,
            end=end,
            low=LOW,
            high=HIGH,
            interval_ms=point.interval_ms,
            max_gap_ms=point.max_gap_ms,
            settled=point.settled,
        )
    )


def reading(at: int, value: int | None, quality: str = "ok") -> Reading:
    """Return a reading of the series under test."""
    return Reading(at, NAME, at, "b1", at, value, quality)


class TestSegments:
    @given(series())
    def test_cover(self, point: Series) -> None:
        """Segments cover the range without hole or overlap; only replaced readings are empty."""
        stretches = made(point)
        ties = sum(
            one.at == two.at
            for one, two in zip(judged(point), judged(point)[1:], strict=False)
            if START <= one.at < END
        )

        assert [START, *(stretch.end for stretch in stretches)] == [
            *(stretch.start for stretch in stretches),
            END,
        ]
        assert ties == sum(stretch.start == stretch.end for stretch in stretches)

    @given(series())
    def test_every_moment(self, point: Series) -> None:
        """Every millisecond has the value, or the kind of ignorance, that the brute force gives it."""
        cells: list[int | str] = []
        for stretch in made(point):
            cell = stretch.state if stretch.low is None else stretch.low
            cells += [cell] * (stretch.end - stretch.start)

        assert held_values(point, START, END) == cells

    @given(series())
    def test_states(self, point: Series) -> None:
        """A segment with a value is inside exactly if the value is within the inclusive range."""
        for stretch in made(point):
            if stretch.low is None:
                assert stretch.state in {"unknown", "pending"}
            else:
                assert stretch.low == stretch.high
                expected = (
                    "above" if stretch.low > HIGH else "below" if stretch.low < LOW else "inside"
                )
                assert expected == stretch.state

    @given(series(), st.integers(START, END))
    def test_before_and_after(self, point: Series, middle: int) -> None:
        """Handing over the neighbours by name gives what handing over all readings gives."""
        within = [item for item in point.readings if middle <= item.at < END]
        before = [item for item in judged(point) if item.at < middle]
        after = [item for item in judged(point) if item.at >= END]
        named = segments(
            within,
            start=middle,
            end=END,
            low=LOW,
            high=HIGH,
            interval_ms=point.interval_ms,
            max_gap_ms=point.max_gap_ms,
            before=before[-1] if before else None,
            after=after[0] if after else None,
            settled=point.settled,
        )

        assert made(point, middle) == list(named)

    def test_exactly_the_largest_gap_is_held(self) -> None:
        """A reading holds until the next one if that comes within max_gap; max_gap itself counts."""
        held = made(Series((reading(100, 5000), reading(115, 5000)), 5, 15))
        not_held = made(Series((reading(100, 5000), reading(116, 5000)), 5, 15))

        assert Segment(100, 115, "inside", 5000, 5000, 1) == held[0]
        assert Segment(100, 105, "inside", 5000, 5000, 1) == not_held[0]
        assert Segment(105, 116, "unknown", None, None, 0) == not_held[1]

    def test_rejected_neither_extends_nor_ends(self) -> None:
        """A rejected reading changes nothing, whatever number it bears."""
        plain = (reading(100, 5000), reading(120, 5000))
        with_rejected = (plain[0], reading(110, 85_000, "rejected:power-on"), plain[1])

        assert made(Series(plain, 5, 15)) == made(Series(with_rejected, 5, 15))

    def test_suspect_is_judged(self) -> None:
        """A suspect reading counts like any other: a false alarm is better than a lost vaccine."""
        stretches = made(Series((reading(100, 9000, "suspect:too-fast"),), 60, 60))

        assert [Segment(START, END, "above", 9000, 9000, 1)] == stretches

    def test_tail_is_pending_until_settled(self) -> None:
        """Behind the newest reading time may still arrive; what its stream has passed is final."""
        tail = made(Series((reading(100, 5000),), 5, 15))[1:]
        settled = made(Series((reading(100, 5000),), 5, 15, settled=130))[1:]

        assert [Segment(105, END, "pending", None, None, 0)] == tail
        assert [
            Segment(105, 130, "unknown", None, None, 0),
            Segment(130, END, "pending", None, None, 0),
        ] == settled

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"end": START - 1}, "before it begins"),
            ({"interval_ms": 0}, "must be positive"),
            ({"max_gap_ms": 0}, "must be positive"),
        ],
    )
    def test_nonsense_is_refused(self, change: dict[str, int], message: str) -> None:
        """A range that goes back and a rule without length are refused in one line."""
        arguments = {"start": START, "end": END, "interval_ms": 5, "max_gap_ms": 15} | change
        with pytest.raises(ValueError, match=message):
            list(segments([], low=LOW, high=HIGH, **arguments))  # type: ignore[arg-type]

    def test_unordered_is_refused(self) -> None:
        """Readings that go back in time are refused, for their holds would be invented."""
        with pytest.raises(ValueError, match="not ordered by time: 110 comes after 120"):
            made(Series((reading(120, 5000), reading(110, 5000)), 5, 15))


class TestWorst:
    @given(st.lists(series(), min_size=1, max_size=3))
    def test_cover(self, points: list[Series]) -> None:
        """The worst of several points covers the range without hole or overlap."""
        stretches = list(worst([made(point) for point in points]))

        assert [START, *(stretch.end for stretch in stretches)] == [
            *(stretch.start for stretch in stretches),
            END,
        ]

    @given(series())
    def test_of_one_is_itself(self, point: Series) -> None:
        """The worst of one point is that point."""
        assert made(point) == list(worst([made(point)]))

    def test_ranks(self) -> None:
        """Outside goes before unknown, unknown before pending, pending before inside; two sides are both."""

        def point(state: str, value: int | None) -> list[Segment]:
            return [Segment(START, END, state, value, value, 0)]  # type: ignore[arg-type]

        def together(*states: tuple[str, int | None]) -> str:
            (only,) = worst([point(*state) for state in states])
            return only.state

        inside, above, below = ("inside", 5000), ("above", 9000), ("below", 1000)
        unknown, pending = ("unknown", None), ("pending", None)
        assert together(above, unknown) == "above"
        assert together(unknown, below, inside) == "below"
        assert together(above, below, unknown) == "both"
        assert together(inside, unknown, pending) == "unknown"
        assert together(pending, inside) == "pending"
        assert together(inside, inside) == "inside"

    def test_different_ranges_are_refused(self) -> None:
        """Points that were asked over different ranges cannot be compared."""
        one = made(Series((), 5, 15))
        for other in (made(Series((), 5, 15), START + 1), made(Series((), 5, 15), START, END - 1)):
            with pytest.raises(ValueError, match="one and the same range"):
                list(worst([one, other]))

    def test_no_point_is_refused(self) -> None:
        """An asset without a deciding point has no exposure; the error says what to set."""
        with pytest.raises(ValueError, match="mark one with `decides`"):
            list(worst([]))


def judged(point: Series) -> list[Reading]:
    """Return the readings that rules may use."""
    return [item for item in point.readings if item.judged]
