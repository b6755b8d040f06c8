"""The envelope of a series: few buckets for a chart, and no crossing of any limit hidden.

Averages hide what a chart of a fridge is looked at for. A bucket keeps the extremes of its judged
readings, so for every limit: a value beyond it is shown in a bucket exactly if a judged reading
of that bucket is beyond it. Unknown time is kept for every bucket, by the holding rule.

This is the definition, reading by reading. envelope_columns.py computes the same from columns of
readings, hours_envelope.py from the hours that were kept when readings were written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from history import hours
from history.port import Bucket
from history.segments import check_range, segments
from protocol.reading import Reading


def check_buckets(start: int, end: int, buckets: int, interval_ms: int, max_gap_ms: int) -> None:
    """Raise ValueError where an envelope cannot be made."""
    check_range(start, end, interval_ms, max_gap_ms)
    if buckets < 1:
        raise ValueError(f"{buckets} buckets: ask for one at least")


def in_hours(start: int, end: int, buckets: int) -> bool:
    """Tell whether buckets are whole UTC hours: where one width for all would be an hour or more."""
    return end - start > (hours.HOUR_MS - 1) * buckets


def bucket_edges(start: int, end: int, buckets: int) -> list[int]:
    """Return where buckets begin, and ``end``: never more than ``buckets`` of them.

    Narrow buckets are of one width in whole milliseconds, and only the last one may be shorter;
    there are fewer than asked for where a millisecond is not cut. Where they would be an hour wide
    or wider they are of as many whole hours as each other, begin at whole UTC hours, and the first
    and the last one may be shorter. An empty range has no bucket.
    """
    if start == end:
        return [start]
    if not in_hours(start, end, buckets):
        width = -((start - end) // buckets)
        return [*range(start, end, width), end]
    begin = hours.hour_of(start)
    count = (hours.hour_from(end) - begin) // hours.HOUR_MS
    width = -(-count // buckets) * hours.HOUR_MS
    return [start, *range(begin + width, end, width), end]


@dataclass(slots=True)
class _Counts:
    """What one bucket has seen so far."""

    count: int = 0
    minimum: int | None = None
    maximum: int | None = None
    first: int | None = None
    last: int | None = None
    first_at: int | None = None
    last_at: int | None = None
    rejected: int = 0
    suspect: int = 0
    unknown_ms: int = 0

    def see(self, reading: Reading) -> None:
        """Count one reading."""
        value = reading.value
        if value is None or not reading.judged:
            self.rejected += 1
            return
        self.count += 1
        self.suspect += reading.quality != "ok"
        self.minimum = value if self.minimum is None else min(self.minimum, value)
        self.maximum = value if self.maximum is None else max(self.maximum, value)
        if self.first_at is None:
            self.first, self.first_at = value, reading.at
        self.last, self.last_at = value, reading.at


def envelope(
    readings: Iterable[Reading],
    *,
    start: int,
    end: int,
    buckets: int,
    interval_ms: int,
    max_gap_ms: int,
    before: Reading | None = None,
    after: Reading | None = None,
) -> list[Bucket]:
    """Return at most ``buckets`` buckets over [start, end); empty ones are included.

    Args:
        readings: of one series within the range, ordered by time.
        start: first millisecond.
        end: the millisecond after the last one.
        buckets: how many at most.
        interval_ms: how long a reading holds when the next one is late.
        max_gap_ms: the longest time to the next reading that still counts as held.
        before: the newest judged reading before the range: it may hold into it.
        after: the first judged reading behind the range: the last one may hold until it.

    Raises:
        ValueError: the readings go back in time, or range, rule or number make no sense.
    """
    check_buckets(start, end, buckets, interval_ms, max_gap_ms)
    edges = bucket_edges(start, end, buckets)
    counts = [_Counts() for _ in edges[1:]]

    def seen() -> Iterator[Reading]:
        for reading in readings:
            if start <= reading.at < end:
                counts[bisect_right(edges, reading.at) - 1].see(reading)
            yield reading

    for stretch in segments(
        seen(),
        start=start,
        end=end,
        low=None,
        high=None,
        interval_ms=interval_ms,
        max_gap_ms=max_gap_ms,
        before=before,
        after=after,
    ):
        if stretch.state in {"unknown", "pending"}:
            for index in range(bisect_right(edges, stretch.start) - 1, len(counts)):
                overlap = min(stretch.end, edges[index + 1]) - max(stretch.start, edges[index])
                if overlap <= 0:
                    break
                counts[index].unknown_ms += overlap
    return [
        Bucket(
            begin,
            finish,
            count.count,
            count.minimum,
            count.maximum,
            count.first,
            count.last,
            count.first_at,
            count.last_at,
            count.rejected,
            count.suspect,
            count.unknown_ms,
        )
        for begin, finish, count in zip(edges, edges[1:], counts, strict=False)
    ]
