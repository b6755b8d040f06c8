"""Many points at once from InfluxDB: columns of a series, and a stream in the order of its numbers.

InfluxDB orders by time and by nothing else. A stream's numbers follow its times but where a clock
was set back, so its index (number and time of each record, 16 bytes) is fetched first, and then
the records in blocks of neighbouring numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from history import hours
from history.influx_lines import (
    COLUMNS,
    MEASUREMENT,
    NS,
    RECORD_MEASUREMENT,
    TAGS,
    stream_reading,
)
from history.influx_server import Server, quoted
from history.influx_side import Head, Touched
from history.port import HistoryUnavailableError, StreamReading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

# Points of one answer: as CSV about 8 MB.
PAGE: Final = 200_000
# Records of one block, and how many points its stretch of time may have at the most.
BLOCK: Final = 5_000
# The last instant that InfluxDB knows is some seconds before 2^63 ns.
LAST_NS: Final = 9_223_372_036_854_775_805


def pages(
    server: Server, field: str, source: str, where: str, start: int, end: int
) -> Iterator[tuple[Integers, Integers]]:
    """Yield times (nanoseconds) and values of an integer field, ordered by time, page by page.

    Args:
        server: where to ask.
        field: the field's name.
        source: the measurement.
        where: a condition on tags.
        start: nanoseconds, inclusive.
        end: nanoseconds, exclusive.
    """
    page = PAGE
    least, sure = 0, False
    while start < end:
        text = server.csv(
            f'SELECT "{field}" FROM "{source}" WHERE {where}'  # noqa: S608
            f" AND time >= {start} AND time < {end} LIMIT {page}"
        )
        times, values = _columns(text, source)
        complete = len(times) < page
        if complete and not sure:
            # As CSV a failed question looks like an answer without rows. What it must have at the
            # least is asked for in JSON, which tells errors; then once more, for it may have grown.
            least, sure = (
                _count(server, field, source, f"{where} AND time >= {start} AND time < {end}"),
                True,
            )
            if len(times) < least:
                continue
        if len(times) < least:
            raise HistoryUnavailableError(
                f"InfluxDB at {server.url} gave {len(times)} points of {least}; it is asked again"
            )
        least, sure = 0, False
        # points of one time: the rest of them comes with the next page
        whole = len(times) if complete else int(times.searchsorted(times[-1]))
        if whole:
            yield times[:whole], values[:whole]
        if complete:
            return
        page = PAGE if whole else page * 2
        start = int(times[whole])


def _count(server: Server, field: str, source: str, where: str) -> int:
    query = f'SELECT count("{field}") AS "count" FROM "{source}" WHERE {where}'  # noqa: S608
    return sum(int(row["count"]) for row in server.rows(query))


def _columns(text: bytes, source: str) -> tuple[Integers, Integers]:
    """Return times and values of an answer whose lines are `source,,time,value` under a header."""
    import numpy as np

    _, _, body = text.partition(b"\n")
    numbers = np.fromstring(
        body.replace(source.encode() + b",,", b"").replace(b"\n", b",").rstrip(b","),
        dtype=np.int64,
        sep=",",
    )
    table = numbers.reshape(-1, 2)
    return table[:, 0], table[:, 1]


_SELECT: Final = (
    "SELECT "  # noqa: S608
    + ", ".join(f'"{name}"' for name in COLUMNS)
    + f' FROM "{MEASUREMENT}" WHERE '
)
_GROUP: Final = " GROUP BY " + ", ".join(f'"{tag}"' for tag in TAGS)


class Group(NamedTuple):
    """What the server gave of one series of one stream.

    Attributes:
        key: the values of TAGS.
        readings: those that are there; points that are being written just now are not.
        points: how many points it gave.
        last: time of the last of them, nanoseconds.
    """

    key: tuple[str, ...]
    readings: list[StreamReading]
    points: int
    last: int


def reading_groups(
    server: Server, where: str, how: str = "", *, quick: bool = False
) -> list[Group]:
    """Return the readings of each series of a stream.

    Args:
        server: where to ask.
        where: which points.
        how: an ORDER BY or LIMIT; it holds for each group.
        quick: somebody waits for it (see ``Server.rows``).
    """
    return [
        Group(
            tuple(tags[tag] for tag in TAGS),
            [item for row in values if (item := stream_reading(tags, row)) is not None],
            len(values),
            values[-1][0],
        )
        for tags, _, values in server.groups(f"{_SELECT}{where}{_GROUP} {how}", quick=quick)
    ]


@dataclass(frozen=True, slots=True)
class StreamIndex:
    """The records of one stream by number: theirs and their points' times, nanoseconds."""

    numbers: Integers
    times: Integers
    # Of these, the highest number of a reading and its time; 0 where there is none.
    reading: tuple[int, int]

    def __contains__(self, seq: int) -> bool:
        """Tell whether a record of this number is stored."""
        at = int(self.numbers.searchsorted(seq))
        return at < len(self.numbers) and int(self.numbers[at]) == seq

    def head(self) -> Head:
        """Return how far the stream is stored."""
        seq, time = self.reading
        return Head(int(self.numbers[-1]) if len(self.numbers) else 0, seq, time // NS)


def stream_index(server: Server, stream: str) -> StreamIndex:
    """Return the index of a stream, readings and other records together."""
    import numpy as np

    where = f'"stream" = {quoted(stream)}'
    numbers: list[Integers] = []
    times: list[Integers] = []
    reading = (0, 0)
    for source in (MEASUREMENT, RECORD_MEASUREMENT):
        for when, seqs in pages(server, "seq", source, where, 0, LAST_NS):
            numbers.append(seqs)
            times.append(when)
            if source == MEASUREMENT:
                newest = int(seqs.argmax())
                reading = max(reading, (int(seqs[newest]), int(when[newest])))
    if not numbers:
        nothing = np.empty(0, dtype=np.int64)
        return StreamIndex(nothing, nothing, reading)
    all_numbers, all_times = np.concatenate(numbers), np.concatenate(times)
    order = np.argsort(all_numbers, kind="stable")
    return StreamIndex(all_numbers[order], all_times[order], reading)


def last_numbers(server: Server) -> dict[str, int]:
    """Return of each stream the number of the record that is newest by time."""
    newest: dict[str, int] = {}
    for row in server.rows(
        f'SELECT last("seq") AS "seq" FROM "{MEASUREMENT}", "{RECORD_MEASUREMENT}"'  # noqa: S608
        ' GROUP BY "stream"'
    ):
        newest[row["stream"]] = max(row["seq"], newest.get(row["stream"], 0))
    return newest


def hours_since(server: Server, stream: str, index: StreamIndex, seq: int) -> set[Touched]:
    """Return the hours that have a reading of a stream's records behind ``seq``, and perhaps more."""
    behind = index.times[index.numbers.searchsorted(seq, side="right") :]
    if not len(behind):
        return set()
    touched: set[Touched] = set()
    for row in server.rows(
        f'SELECT count("seq") FROM "{MEASUREMENT}" WHERE "stream" = {quoted(stream)}'  # noqa: S608
        f" AND time >= {int(behind.min())} AND time <= {int(behind.max())}"
        f' GROUP BY "site", "asset", "point", "quantity", time({hours.HOUR_MS}ms) fill(none)'
    ):
        series = f"{row['asset']}/{row['point']}/{row['quantity']}"
        touched.add((row["site"], series, row["time"] // NS))
    return touched


def bodies_between(server: Server, stream: str, first: int, last: int) -> dict[int, dict[str, Any]]:
    """Return the bodies of a stream's records by number, of the points of first <= time <= last."""
    where = f'"stream" = {quoted(stream)} AND time >= {first} AND time <= {last}'
    found: dict[int, dict[str, Any]] = {}
    for group in reading_groups(server, where):
        for item in group.readings:
            found[item.reading.seq] = item.reading.body()
    for row in server.rows(f'SELECT "seq", "body" FROM "{RECORD_MEASUREMENT}" WHERE {where}'):  # noqa: S608
        if None not in row.values():
            found[row["seq"]] = json.loads(row["body"])
    return found


def stream_bodies(
    server: Server, stream: str, first_seq: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (seq, body) of a stream's records from ``first_seq`` on, in order."""
    import numpy as np

    index = stream_index(server, stream)
    by_time = np.sort(index.times)
    begin = int(index.numbers.searchsorted(first_seq))
    while begin < len(index.numbers):
        end = min(begin + BLOCK, len(index.numbers))
        while True:
            times = index.times[begin:end]
            first, last = int(times.min()), int(times.max())
            points = by_time.searchsorted(last, side="right") - by_time.searchsorted(first)
            # A clock was set back in between: the block's stretch of time holds others, too.
            if points <= 4 * BLOCK or end - begin == 1:
                break
            end = begin + (end - begin) // 2
        bodies = bodies_between(server, stream, first, last)
        for seq in index.numbers[begin:end].tolist():
            if seq not in bodies:
                return  # it is being written just now: the stream reaches as far as before it
            yield seq, bodies[seq]
        begin = end
