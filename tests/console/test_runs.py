"""Runs and traces, against the history's own segments: the same stretches, nothing hidden."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from console.runs import Held, above, below, held, union, unknown, where
from console.trace import trace_of
from history.port import Samples, StreamReading
from history.segments import Segment, segments
from protocol.reading import Reading

LOW, HIGH = 2_000, 8_000
INTERVAL, GAP = 10, 30

Rows = list[tuple[int, int]]


class Table:
    """A history of one series, from a list of (time, value)."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def samples(self, _site: str, _series: str, start: int, end: int) -> Samples:
        """Return the rows of a range."""
        inside = [(at, value) for at, value in self.rows if start <= at < end]
        return Samples(array("q", [at for at, _ in inside]), array("q", [v for _, v in inside]))

    def last_before(self, _site: str, _series: str, at: int) -> StreamReading | None:
        """Return the last row before a time."""
        return next((reading(row) for row in reversed(self.rows) if row[0] < at), None)

    def first_from(self, _site: str, _series: str, at: int) -> StreamReading | None:
        """Return the first row from a time on."""
        return next((reading(row) for row in self.rows if row[0] >= at), None)


def reading(row: tuple[int, int]) -> StreamReading:
    """Return a row as a reading."""
    return StreamReading("", Reading(1, "", row[0], "", 0, row[1]))


def read(rows: Rows, start: int, end: int) -> Held:
    """Return the range of a table as columns."""
    return held(
        Table(rows),  # type: ignore[arg-type]
        "",
        "",
        start=start,
        end=end,
        interval_ms=INTERVAL,
        max_gap_ms=GAP,
    )


def expected(rows: Rows, start: int, end: int) -> list[Segment]:
    """Return the same range by the definition, reading by reading."""
    return list(
        segments(
            [Reading(1, "", at, "", 0, value) for at, value in rows],
            start=start,
            end=end,
            low=LOW,
            high=HIGH,
            interval_ms=INTERVAL,
            max_gap_ms=GAP,
        )
    )


def stretches(found: list[Segment], *states: str) -> list[tuple[int, int]]:
    """Return the stretches in these states, neighbours joined."""
    chosen = [(s.start, s.end) for s in found if s.state in states and s.start < s.end]
    return union([chosen])


tables = st.lists(
    st.tuples(
        st.integers(0, 400), st.sampled_from([1_000, 1_999, 2_000, 5_000, 8_000, 8_001, 9_000])
    ),
    max_size=30,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))
ranges = st.tuples(st.integers(0, 300), st.integers(1, 150)).map(lambda r: (r[0], r[0] + r[1]))


@given(tables, ranges)
def test_runs_are_the_segments_of_the_history(rows: Rows, shown: tuple[int, int]) -> None:
    """Above, below and unknown are exactly the stretches that the definition gives."""
    found, series = expected(rows, *shown), read(rows, *shown)
    assert above(series, HIGH) == stretches(found, "above")
    assert below(series, LOW) == stretches(found, "below")
    assert union([unknown(series)]) == stretches(found, "unknown", "pending")


@given(tables, ranges)
def test_a_trace_hides_no_crossing_and_no_unknown_time(rows: Rows, shown: tuple[int, int]) -> None:
    """Each bucket has the extremes of what was read or held in it, and says if any is unknown."""
    found = expected(rows, *shown)
    trace = trace_of([read(rows, *shown)])
    assert trace is not None
    for index, (low, high, blank) in enumerate(
        zip(trace.minimum, trace.maximum, trace.unknown, strict=True)
    ):
        begin = trace.start + index * trace.width
        inside = [s for s in found if s.start < begin + trace.width and s.end > begin]
        known = [s.low for s in inside if s.low is not None and s.start < s.end]
        read_here = [v for at, v in rows if begin <= at < begin + trace.width and at < shown[1]]
        assert low == min([*known, *read_here], default=None)
        assert high == max([*known, *read_here], default=None)
        assert blank == any(s.state in {"unknown", "pending"} for s in inside)


def test_a_door_that_never_opened_has_no_stretch() -> None:
    """Nothing chosen gives nothing."""
    series = read([(0, 0), (10, 0), (20, 0)], 0, 30)
    assert where(series, series.values > 0) == []


def test_intervals_closer_than_a_pixel_become_one() -> None:
    """Joining widens, and never hides."""
    assert union([[(0, 10), (15, 20)], [(40, 50)]], closer_than=5) == [(0, 20), (40, 50)]


def test_no_point_has_no_trace() -> None:
    """An asset without a deciding point has no chart on its card."""
    assert trace_of([]) is None
