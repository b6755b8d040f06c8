"""A series as stretches of time: inside, above, below or unknown. The holding rule lives here.

"A reading holds until the next one of its series, if that comes within max_gap. If not, it
holds for one interval and the rest is unknown: never counted as inside, never as exposure,
always shown. A rejected reading neither extends nor ends a hold." (design.md, "Excursions, exactly")

Times are UTC milliseconds, values integer thousandths. Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from protocol.reading import Reading

State = Literal["inside", "above", "below", "both", "unknown", "pending"]


class Segment(NamedTuple):
    """One stretch of time in one state.

    Attributes:
        start: first millisecond.
        end: the millisecond after the last one. A reading that another one with the same time
            replaces makes an empty segment: no time, but its value still counts as an extreme.
        state: ``both`` is above at one point and below at another (only :func:`worst` makes it);
            ``unknown`` is final, ``pending`` is unknown behind the newest record, which may
            still arrive.
        low: the lowest value of any point, None where no point has one.
        high: the highest value of any point, None where no point has one.
        readings: how many readings begin with this segment.
    """

    start: int
    end: int
    state: State
    low: int | None
    high: int | None
    readings: int


def state_of(value: int, low: int | None, high: int | None) -> State:
    """Return where a value stands; the range is inclusive at both ends, None is no limit."""
    if high is not None and value > high:
        return "above"
    if low is not None and value < low:
        return "below"
    return "inside"


def hold_end(at: int, following: int, interval_ms: int, max_gap_ms: int) -> int:
    """Return until when a reading of time ``at`` holds, if the next one is of time ``following``."""
    if following - at <= max_gap_ms:
        return following
    return min(at + interval_ms, following)


def check_range(start: int, end: int, interval_ms: int, max_gap_ms: int) -> None:
    """Raise ValueError where a range or a holding rule makes no sense."""
    if end < start:
        raise ValueError(f"the range ends at {end}, before it begins at {start}")
    if interval_ms <= 0 or max_gap_ms <= 0:
        raise ValueError(
            f"interval {interval_ms} ms, max gap {max_gap_ms} ms: both must be positive"
        )


def segments(
    readings: Iterable[Reading],
    *,
    start: int,
    end: int,
    low: int | None,
    high: int | None,
    interval_ms: int,
    max_gap_ms: int,
    before: Reading | None = None,
    after: Reading | None = None,
    settled: int | None = None,
) -> Iterator[Segment]:
    """Yield segments that cover [start, end) without hole or overlap, in order.

    Args:
        readings: of one series, ordered by time; the last of several with one time counts.
            Those outside [start, end) only tell what holds into the range and out of it.
        start: where to begin.
        end: where to stop.
        low: the lowest value inside, or None.
        high: the highest value inside, or None.
        interval_ms: how long a reading holds when the next one is late.
        max_gap_ms: the longest time to the next reading that still counts as held.
        before: the newest reading before ``start``, where ``readings`` does not have it.
        after: the first reading at or after ``end``, where ``readings`` does not have it.
        settled: up to when everything has arrived (the newest record of the stream, of whatever
            series); unknown time before it is final even if no reading follows.

    Raises:
        ValueError: the readings go back in time, the range does, or an interval is not positive.
    """
    check_range(start, end, interval_ms, max_gap_ms)
    cursor = start
    last_at = last_value = None
    for at, value in _judged(before, readings, after):
        if last_at is None or last_value is None:
            held = cursor
        elif at < last_at:
            raise ValueError(f"readings are not ordered by time: {at} comes after {last_at}")
        else:
            held = min(hold_end(last_at, at, interval_ms, max_gap_ms), end)
            if held > cursor or (at == last_at and last_at >= start):
                state = state_of(last_value, low, high)
                yield Segment(cursor, held, state, last_value, last_value, int(last_at >= start))
                cursor = held
        known_from = min(at, end)
        if known_from > cursor:
            yield Segment(cursor, known_from, "unknown", None, None, 0)
            cursor = known_from
        last_at, last_value = at, value
        if at >= end:
            return
    if last_at is not None and last_value is not None:
        held = min(last_at + interval_ms, end)
        if held > cursor:
            state = state_of(last_value, low, high)
            yield Segment(cursor, held, state, last_value, last_value, int(last_at >= start))
            cursor = held
    final_until = min(max(cursor, settled if settled is not None else cursor), end)
    if final_until > cursor:
        yield Segment(cursor, final_until, "unknown", None, None, 0)
    if end > final_until:
        yield Segment(final_until, end, "pending", None, None, 0)


def _judged(
    before: Reading | None, readings: Iterable[Reading], after: Reading | None
) -> Iterator[tuple[int, int]]:
    """Yield time and value of the readings that rules may use."""
    first = () if before is None else (before,)
    last = () if after is None else (after,)
    for reading in chain(first, readings, last):
        if reading.value is not None and reading.judged:
            yield reading.at, reading.value


def worst(points: Sequence[Iterable[Segment]]) -> Iterator[Segment]:
    """Yield what the deciding points of one asset say together: each moment is its worst point's.

    Outside goes before unknown and unknown before inside: "unknown if one is unknown and none is
    outside". Where one point is above and another below, the state is ``both``
    (docs/decisions/006-worst-of-several-points.md). All points must cover the same range.

    Raises:
        ValueError: there is no point, or they do not cover the same range.
    """
    if not points:
        raise ValueError("no point decides for this asset; mark one with `decides`")
    sources = [iter(point) for point in points]
    heads = [next(source, None) for source in sources]
    while any(head is not None for head in heads):
        live = [head for head in heads if head is not None]
        if len(live) < len(heads) or len({head.start for head in live}) > 1:
            raise ValueError("the points of an asset must be asked over one and the same range")
        empty = next((index for index, head in enumerate(live) if head.start == head.end), None)
        if empty is not None:
            yield live[empty]
            heads[empty] = next(sources[empty], None)
            continue
        stop = min(head.end for head in live)
        yield _together(live, stop)
        for index, head in enumerate(live):
            if head.end == stop:
                heads[index] = next(sources[index], None)
            else:
                heads[index] = head._replace(start=stop, readings=0)


def _together(heads: Sequence[Segment], stop: int) -> Segment:
    """Return the worst of segments that begin at one time, up to ``stop``."""
    states = {head.state for head in heads}
    above = bool(states & {"above", "both"})
    below = bool(states & {"below", "both"})
    state: State = "inside"
    if above or below:
        state = "both" if above and below else "above" if above else "below"
    elif "unknown" in states:
        state = "unknown"
    elif "pending" in states:
        state = "pending"
    return Segment(
        heads[0].start,
        stop,
        state,
        min((head.low for head in heads if head.low is not None), default=None),
        max((head.high for head in heads if head.high is not None), default=None),
        sum(head.readings for head in heads),
    )
