"""The SQLite adapter of the history port: one file, one writer, readers in any thread or process."""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

from history import hours_sqlite
from history.envelope import check_buckets, in_hours
from history.hours import Hour, hour_from
from history.hours_envelope import Range
from history.port import (
    Bucket,
    HistoryUnavailableError,
    RefusedRecord,
    Samples,
    StoredRecord,
    StreamReading,
)
from history.sqlite_file import open_writer, said_plainly
from history.sqlite_hours import HourDiffers, Roller, envelope_by_hours, rebuild, rolled
from history.sqlite_readers import Readers
from history.sqlite_rows import (
    COLUMNS,
    Dictionary,
    Names,
    Texts,
    body_of,
    check_same,
    rows_of,
    stream_reading,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

# Rows asked for at a time: no reader keeps a snapshot, and with it the WAL, while it is consumed.
PAGE = 5_000
SAMPLES_PAGE = 500_000

# CROSS JOIN: the readings lead, in the order of their index, and only names are looked up
_FROM_SERIES = (
    "FROM readings r CROSS JOIN series s ON s.id = r.series CROSS JOIN streams t ON t.id = r.stream"
)
_JUDGED = "r.quality >= 0 AND r.value IS NOT NULL"
_INSERT_READING = (
    "INSERT INTO readings VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (stream, seq) DO NOTHING"
)
_INSERT_BODY = "INSERT INTO bodies VALUES (?,?,?,?,?) ON CONFLICT (stream, seq) DO NOTHING"


class SqliteHistory:
    """History in one SQLite file.

    Args:
        path: the file; made, with its tables, where it does not exist.
        read_only: read while another process writes; no file yet gives empty answers.
        busy_timeout_ms: how long to wait for a lock before saying so.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, busy_timeout_ms: int = 5_000
    ) -> None:
        """Open the file; raise HistoryUnavailableError where that cannot be done."""
        self._path = path
        self._read_only = read_only
        self._write_lock = threading.Lock()
        self._writer = None if read_only else open_writer(path, busy_timeout_ms)
        self._names = Names(self._writer) if self._writer else None
        self._roller = Roller(self._writer) if self._writer else None
        self._readers = Readers(path, busy_timeout_ms)
        self._words = Dictionary(
            *(
                Texts(lambda number, table=table: self._name(table, number))  # type: ignore[misc]
                for table in Dictionary._fields
            )
        )

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records in one transaction; a file refuses none for good (see the port)."""
        if not records:
            return []
        with self._write_lock, said_plainly(self._path):
            writer, names, roller = self._open_for_writing()
            writer.execute("BEGIN IMMEDIATE")
            try:
                readings, bodies = rows_of(records, names)
                roller.before(readings)
                before = writer.total_changes
                writer.executemany(_INSERT_READING, readings)
                writer.executemany(_INSERT_BODY, bodies)
                repeats = writer.total_changes - before < len(readings) + len(bodies)
                if repeats:
                    check_same(writer, readings, bodies)
                roller.after(readings, repeats=repeats)
                writer.execute("COMMIT")
            except BaseException:
                # numbers of new names are taken back with the rest, and what was open is open again
                names.forget()
                roller.forget()
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        return []

    def readings(self, site: str, series: str, start: int, end: int) -> Iterator[StreamReading]:
        """Yield the readings of a series, streams merged by (at, stream, seq)."""
        query = (
            f"SELECT {COLUMNS} {_FROM_SERIES} WHERE r.series = ? AND r.at >= ? AND r.at < ?"
            " ORDER BY r.at, t.name, r.seq LIMIT ?"
        )
        number = self._series_number(site, series)
        page = PAGE
        while number is not None and start < end:
            rows = self._readers.rows(query, (number, start, end, page))
            complete = len(rows) < page
            if not complete:
                # the last instant may go on: it is asked for again with the next page
                last = rows[-1][3]
                rows = [row for row in rows if row[3] < last]
                page = PAGE if rows else page * 2
                start = last if rows else start
            for row in rows:
                yield stream_reading(row, self._words)
            if complete:
                return

    def samples(self, site: str, series: str, start: int, end: int) -> Samples:
        """Return the judged readings of a series as columns, in the same order."""
        samples = Samples(array("q"), array("q"))
        number = self._series_number(site, series)
        page = SAMPLES_PAGE
        while number is not None and start < end:
            times, values = self._columns(number, start, end, page)
            complete = len(times) < page
            whole = len(times) if complete else int(times.searchsorted(times[-1]))
            samples.times.frombytes(times[:whole].tobytes())
            samples.values.frombytes(values[:whole].tobytes())
            if complete:
                break
            # the last instant may go on: it is asked for again with the next page
            page = SAMPLES_PAGE if whole else page * 2
            start = int(times[whole])
        return samples

    def _columns(self, number: int, start: int, end: int, page: int) -> tuple[Integers, Integers]:
        """Return times and values of one page.

        The file hands each column over as one text: twice as fast as row by row and more.
        """
        import numpy as np

        columns = np.empty((2, 0), dtype=np.int64)
        # Streams are ordered by number here and by name in the port: the same unless two readings
        # have one time, and only then it is worth the sort.
        for order, joined in (
            ("r.stream", ""),
            ("t.name", "CROSS JOIN streams t ON t.id = r.stream"),
        ):
            rows = self._readers.rows(
                "SELECT group_concat(at), group_concat(value) FROM ("  # noqa: S608
                f"SELECT r.at, r.value FROM readings r {joined}"
                f" WHERE r.series = ? AND r.at >= ? AND r.at < ? AND {_JUDGED}"
                f" ORDER BY r.at, {order}, r.seq LIMIT ?)",
                (number, start, end, page),
            )
            if not rows or rows[0][0] is None:
                break
            columns = np.array([np.fromstring(text, np.int64, sep=",") for text in rows[0]])
            if not (columns[0, 1:] == columns[0, :-1]).any():
                break
        return columns[0], columns[1]

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading with a time before ``at``."""
        return self._one(site, series, f"r.at < ? AND {_JUDGED}", "DESC", at)

    def first_from(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the first judged reading with a time not before ``at``."""
        return self._one(site, series, f"r.at >= ? AND {_JUDGED}", "ASC", at)

    def _one(
        self, site: str, series: str, where: str, way: str, *arguments: int
    ) -> StreamReading | None:
        """Return the first (ASC) or last (DESC) reading of a series for which ``where`` holds."""
        rows = self._readers.rows(
            f"SELECT {COLUMNS} {_FROM_SERIES} WHERE r.series = ? AND {where}"
            f" ORDER BY r.at {way}, t.name {way}, r.seq {way} LIMIT 1",
            (self._series_number(site, series), *arguments),
        )
        return stream_reading(rows[0], self._words) if rows else None

    def settled(self, site: str, series: str) -> int | None:
        """Return up to when everything of a series has arrived."""
        newest = self._one(site, series, "TRUE", "DESC")
        if newest is None:
            return None
        rows = self._readers.rows(
            "SELECT at FROM readings WHERE stream = (SELECT id FROM streams WHERE name = ?)"
            " ORDER BY seq DESC LIMIT 1",
            (newest.stream,),
        )
        return max(newest.reading.at, int(rows[0][0]))

    def latest(self, site: str | None = None) -> dict[tuple[str, str], StreamReading]:
        """Return the newest reading of every (site, series)."""
        rows = self._readers.rows(
            f"SELECT s.site, {COLUMNS} FROM series s JOIN readings r ON (r.stream, r.seq) = ("  # noqa: S608
            "SELECT n.stream, n.seq FROM readings n JOIN streams t ON t.id = n.stream"
            " WHERE n.series = s.id ORDER BY n.at DESC, t.name DESC, n.seq DESC LIMIT 1)"
            " WHERE ? IS NULL OR s.site = ?",
            (site, site),
        )
        return {(row[0], row[3]): stream_reading(row[1:], self._words) for row in rows}

    def series(self, site: str) -> list[str]:
        """Return the names of all series of a site that have a reading, sorted."""
        # a name may be there without a reading: its device moved and sent again what is elsewhere
        rows = self._readers.rows(
            "SELECT name FROM series WHERE site = ? AND EXISTS"
            " (SELECT 1 FROM readings WHERE series = series.id) ORDER BY name",
            (site,),
        )
        return [row[0] for row in rows]

    def envelope(
        self,
        site: str,
        series: str,
        start: int,
        end: int,
        buckets: int,
        *,
        interval_ms: int,
        max_gap_ms: int,
    ) -> list[Bucket]:
        """Return at most ``buckets`` buckets over [start, end); hours serve where buckets are hours."""
        check_buckets(start, end, buckets, interval_ms, max_gap_ms)
        number = self._series_number(site, series)
        asked = Range(start, end, buckets, interval_ms, max_gap_ms)
        if number is not None and in_hours(start, end, buckets):
            with self._readers.snapshot() as reader:
                if reader is not None and hours_sqlite.present(reader):
                    return envelope_by_hours(reader, number, asked)
        return self._envelope_of_readings(site, series, asked)

    def _envelope_of_readings(self, site: str, series: str, asked: Range) -> list[Bucket]:
        from history.columns import Point
        from history.envelope_columns import envelope_of_columns

        start, end = asked.start, asked.end
        samples = self.samples(site, series, start, end)
        before = self.last_before(site, series, start)
        after = self.first_from(site, series, end)
        odd = self._readers.rows(
            "SELECT at, value IS NOT NULL AND quality > 0 FROM readings"
            " WHERE series = ? AND at >= ? AND at < ? AND (quality <> 0 OR value IS NULL)",
            (self._series_number(site, series), start, end),
        )
        return envelope_of_columns(
            Point(samples.times, samples.values, asked.interval_ms, asked.max_gap_ms),
            suspect=[at for at, judged in odd if judged],
            rejected=[at for at, judged in odd if not judged],
            start=start,
            end=end,
            buckets=asked.buckets,
            before=before.reading.at if before else None,
            after=after.reading.at if after else None,
        )

    def hours(self, site: str, series: str, start: int, end: int) -> list[Hour]:
        """Return the hours of a series that begin in start <= at < end, the open one included."""
        number = self._series_number(site, series)
        with self._readers.snapshot() as reader:
            if reader is None or number is None:
                return []
            if not hours_sqlite.present(reader):
                return rolled(reader, number, hour_from(start), hour_from(end))
            kept = hours_sqlite.kept_until(reader, number)
            tail = hour_from(start if kept is None else max(start, kept))
            return [
                *hours_sqlite.read(reader, number, start, end),
                *rolled(reader, number, tail, hour_from(end)),
            ]

    def rebuild_hours(self) -> list[HourDiffers]:
        """Make all hours anew from their readings, and return those that were not what they say.

        One transaction for each series; what is appended meanwhile waits for one of them at most.
        """
        differ: list[HourDiffers] = []
        for number, site, name in self._readers.rows("SELECT id, site, name FROM series", ()):
            with self._write_lock, said_plainly(self._path):
                writer, _, _ = self._open_for_writing()
                writer.execute("BEGIN IMMEDIATE")
                try:
                    differ += rebuild(writer, number, site, name)
                    writer.execute("COMMIT")
                except BaseException:
                    if writer.in_transaction:
                        writer.execute("ROLLBACK")
                    raise
        return differ

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (seq, body) of every record of a stream in order."""
        yield from merge(
            self._reading_bodies(stream, first_seq),
            self._other_bodies(stream, first_seq),
            key=lambda item: item[0],
        )

    def _reading_bodies(self, stream: str, seq: int) -> Iterator[tuple[int, dict[str, Any]]]:
        query = (
            f"SELECT {COLUMNS} {_FROM_SERIES} WHERE r.stream = (SELECT id FROM streams"  # noqa: S608
            " WHERE name = ?) AND r.seq >= ? ORDER BY r.seq LIMIT ?"
        )
        while rows := self._readers.rows(query, (stream, seq, PAGE)):
            for row in rows:
                yield row[1], body_of(row, self._words)
            seq = rows[-1][1] + 1

    def _other_bodies(self, stream: str, seq: int) -> Iterator[tuple[int, dict[str, Any]]]:
        query = (
            "SELECT seq, body FROM bodies WHERE stream = (SELECT id FROM streams WHERE name = ?)"
            " AND seq >= ? ORDER BY seq LIMIT ?"
        )
        while rows := self._readers.rows(query, (stream, seq, PAGE)):
            for number, body in rows:
                yield number, json.loads(body)
            seq = rows[-1][0] + 1

    def count(self, stream: str | None = None) -> int:
        """Return how many records are stored."""
        where = "" if stream is None else "WHERE stream = (SELECT id FROM streams WHERE name = ?1)"
        rows = self._readers.rows(
            f"SELECT (SELECT count(*) FROM readings {where}) + (SELECT count(*) FROM bodies {where})",  # noqa: S608
            () if stream is None else (stream,),
        )
        return int(rows[0][0]) if rows else 0

    def heads(self) -> dict[str, int]:
        """Return the highest seq that is stored of each stream."""
        # two look-ups in the primary keys for each stream, however long it is
        highest = "ifnull((SELECT max(seq) FROM {} WHERE stream = streams.id), 0)"
        rows = self._readers.rows(
            f"SELECT name, max({highest.format('readings')}, {highest.format('bodies')})"  # noqa: S608
            " FROM streams",
            (),
        )
        return {name: head for name, head in rows if head}

    def streams(self) -> list[str]:
        """Return the ids of all streams that have a record, sorted."""
        return [row[0] for row in self._readers.rows("SELECT name FROM streams ORDER BY name", ())]

    def close(self) -> None:
        """Close all connections; the last one to leave the file tidies its WAL away."""
        self._readers.close()
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = self._names = self._roller = None

    def _open_for_writing(self) -> tuple[sqlite3.Connection, Names, Roller]:
        if self._writer is None or self._names is None or self._roller is None:
            why = "open for reading only" if self._read_only else "closed"
            raise HistoryUnavailableError(f"history {self._path} is {why}")
        return self._writer, self._names, self._roller

    def _series_number(self, site: str, series: str) -> int | None:
        rows = self._readers.rows(
            "SELECT id FROM series WHERE site = ? AND name = ?", (site, series)
        )
        return int(rows[0][0]) if rows else None

    def _name(self, table: str, number: int) -> str:
        return str(self._readers.rows(f"SELECT name FROM {table} WHERE id = ?", (number,))[0][0])  # noqa: S608
