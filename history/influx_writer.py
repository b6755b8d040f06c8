"""The writing half of the InfluxDB adapter: what is new, what differs, what is refused.

One thread writes, as the hub has one intake. A batch goes to the server first and into the side
file after it: killed in between, the side file is behind, the same records come again, and each
overwrites itself with itself.

What the server shows is no proof that it keeps it: InfluxDB puts points into its cache before its
log, so those of a write that was never answered are shown until the server ends, and then they are
gone. Only the side file says what was answered; what is shown beyond that is written once more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, Final

from history import hours
from history.influx_columns import (
    StreamIndex,
    bodies_between,
    hours_since,
    last_numbers,
    stream_index,
)
from history.influx_lines import NS, Lines, point_time, record_at
from history.influx_server import LinesRefusedError, Server
from history.influx_side import Head, Side, Touched
from history.port import (
    HistoryUnavailableError,
    RecordDiffersError,
    RefusedRecord,
    StoredRecord,
)
from protocol.canonical import canonical_bytes

log = logging.getLogger(__name__)

# Larger requests are hardly faster, and a refused line is found by halving one.
REQUEST_LINES: Final = 5_000
# Repeats further apart than this are asked for apart.
_STRETCH_NS: Final = 3_600_000 * NS
# influxd takes a request apart on one core.
_AT_ONCE: Final = 2


class Writer:
    """Appends records to one bucket."""

    def __init__(self, server: Server, side: Side) -> None:
        self._server = server
        self._side = side
        self._lines = Lines()
        self._lock = threading.Lock()
        self._ready = False
        # Only a side file that is new may learn from the server, and only before anything is written.
        self._learning = side.new
        # Of each stream the newest number by time and the head for which both sides agreed.
        self._agreed: dict[str, tuple[int, int]] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, "influx")
        # Streams of which the server shows more than was answered, and up to what number.
        self._shown: dict[str, int] = {}

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records durably; see the port."""
        if not records:
            return []
        with self._lock:
            try:
                self._look()
                new = self._new(records)
                parts = [
                    new[first : first + REQUEST_LINES]
                    for first in range(0, len(new), REQUEST_LINES)
                ]
                lines = [[self._lines.spell(item) for item in part] for part in parts]
                refused = [*chain.from_iterable(self._pool.map(self._write, parts, lines))]
                self._side.save(self._heads(new), _touched(new))
            except HistoryUnavailableError:
                # While it was away the server may have been put back to an older state.
                self._ready = False
                raise
            return refused

    def close(self) -> None:
        """End the threads that write."""
        self._pool.shutdown()

    def heads(self) -> dict[str, int]:
        """Return the highest number stored of each stream: answered once, and still there."""
        with self._lock:
            self._ready = False
            self._look()
            return {stream: head.seq for stream, head in self._side.heads.items() if head.seq}

    # --- server and side file agree ---

    def _look(self) -> None:
        """At the first contact: make the bucket, and bring the side file to what the server has."""
        if self._ready:
            return
        self._server.prepare()
        newest = last_numbers(self._server)
        self._shown.clear()
        for stream in newest.keys() | self._side.heads.keys():
            known = self._side.heads.get(stream, Head())
            # The newest by time is the highest by number but where a clock went back.
            pair = (newest.get(stream, 0), known.seq)
            if pair[0] != pair[1] and self._agreed.get(stream) != pair:
                self._bring(stream, known, pair[0])
        self._ready, self._learning = True, False

    def _bring(self, stream: str, known: Head, last_number: int) -> None:
        index = stream_index(self._server, stream)
        head = index.head()
        if head == known:
            self._agreed[stream] = (last_number, known.seq)
            return
        touched = hours_since(self._server, stream, index, known.seq)
        if head.seq > known.seq and not (self._learning and not known.seq):
            self._shown[stream] = head.seq
            head = known
        if head.seq < known.seq:
            log.warning(
                "the history has lost readings: stream %s reaches only %d, and was stored up to %d; "
                "the agent is asked for them again",
                stream, head.seq, known.seq,
            )  # fmt: skip
        # A stream that the side file does not know at all: the file is new, the readings are not.
        self._side.save({stream: head}, touched)

    # --- what is new ---

    def _new(self, records: Sequence[StoredRecord]) -> list[StoredRecord]:
        """Return the records that must be written.

        Raises RecordDiffersError where one is stored, or comes twice, with another body.
        """
        new: list[StoredRecord] = []
        doubtful: dict[str, list[StoredRecord]] = {}
        reached: dict[str, int] = {}
        heads = self._side.heads
        nothing = Head()
        for record in records:
            stream, seq = record.stream, record.body["seq"]
            known = reached.get(stream) or heads.get(stream, nothing).seq
            if seq > known and seq > self._shown.get(stream, 0):
                reached[stream] = seq
                new.append(record)
            else:
                doubtful.setdefault(stream, []).append(record)
        for stream, items in doubtful.items():
            mine = {item.body["seq"]: item.body for item in new if item.stream == stream}
            new += self._unless_stored(stream, items, mine)
        return new

    def _unless_stored(
        self, stream: str, items: list[StoredRecord], known: dict[int, dict[str, Any]]
    ) -> list[StoredRecord]:
        head = self._side.heads.get(stream, Head()).seq
        times = [_time_of(item) for item in items]
        stored: dict[int, dict[str, Any]] = {}
        for first, last in _stretches(times):
            stored |= bodies_between(self._server, stream, first, last)
        known = stored | known
        index: StreamIndex | None = None
        missing: list[StoredRecord] = []
        for item in items:
            seq = item.body["seq"]
            body = known.get(seq)
            if body is None:
                # At its own time it is not. Perhaps it is at another: then it differs.
                index = index or stream_index(self._server, stream)
                if seq not in index:
                    known[seq] = item.body
                    missing.append(item)
                    continue
            elif seq > head:  # shown, and never answered
                missing.append(item)
            if body is None or canonical_bytes(body) != canonical_bytes(item.body):
                raise RecordDiffersError(
                    f"stream {stream}, seq {seq}: another body is stored already; nothing of this "
                    "batch was stored"
                )
        return missing

    # --- what the server takes ---

    def _write(self, records: list[StoredRecord], lines: list[str]) -> list[RefusedRecord]:
        """Write lines; where some are refused, halve them until each refused one stands alone.

        Lines that the server has taken already are written again thereby, over themselves.
        """
        try:
            self._server.write(lines)
        except LinesRefusedError as error:
            if len(lines) == 1:
                return [RefusedRecord(records[0], str(error))]
        else:
            return []
        middle = len(lines) // 2
        return [
            *self._write(records[:middle], lines[:middle]),
            *self._write(records[middle:], lines[middle:]),
        ]

    def _heads(self, new: list[StoredRecord]) -> dict[str, Head]:
        heads: dict[str, Head] = {}
        for record in new:
            body = record.body
            stream, seq = record.stream, body["seq"]
            head = heads.get(stream) or self._side.heads.get(stream, Head())
            reading = seq > head.reading_seq and body["kind"] == "reading"
            if seq > head.seq or reading:
                heads[stream] = Head(
                    max(seq, head.seq),
                    seq if reading else head.reading_seq,
                    body["at"] if reading else head.reading_at,
                )
        return heads


def _stretches(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of times: one stray clock must not fetch what lies between."""
    first = last = None
    for time in sorted(times):
        if first is None or last is None:
            first = time
        elif time - last > _STRETCH_NS:
            yield first, last
            first = time
        last = time
    if first is not None and last is not None:
        yield first, last


def _time_of(record: StoredRecord) -> int:
    body = record.body
    at = body["at"] if body["kind"] == "reading" else record_at(body)
    return point_time(at, body["seq"])


def _touched(new: list[StoredRecord]) -> set[Touched]:
    hour = hours.HOUR_MS
    return {
        (record.site, record.body["series"], record.body["at"] // hour * hour)
        for record in new
        if record.body["kind"] == "reading"
    }
