"""What the InfluxDB adapter keeps beside the hub: how far each stream is stored, and the hours.

InfluxDB knows neither transactions nor an order by number. This file (SQLite, synchronous FULL) knows
the highest number stored of each stream, so that a repeat is told from something new without asking
the server, and the hours of each series that new readings have touched since they were rolled up.
All of it can be made again from the server; nothing here is the record.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from history import hours_sqlite
from history.hours import Hour
from history.sqlite_file import said_plainly

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

SIDE_FILE = "influx-side.db"

_TABLES = f"""
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (site, name)
) STRICT;
{hours_sqlite.TABLE.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")}
CREATE TABLE IF NOT EXISTS heads (
    stream TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    reading_seq INTEGER NOT NULL,
    reading_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- `again` counts up, so that an hour touched while it is rolled up is rolled up once more
CREATE TABLE IF NOT EXISTS touched (
    site TEXT NOT NULL,
    series TEXT NOT NULL,
    start INTEGER NOT NULL,
    again INTEGER NOT NULL,
    PRIMARY KEY (site, series, start)
) STRICT, WITHOUT ROWID;
"""
_SAVE_HEAD = (
    "INSERT INTO heads VALUES (?,?,?,?) ON CONFLICT (stream) DO UPDATE SET"
    " seq = excluded.seq, reading_seq = excluded.reading_seq, reading_at = excluded.reading_at"
)
_TOUCH = (
    "INSERT INTO touched VALUES (?,?,?,0)"
    " ON CONFLICT (site, series, start) DO UPDATE SET again = again + 1"
)

# The newest hour of a series is the newest that is touched or rolled.
_OVER = """
SELECT t.site, t.series, t.start, t.again FROM touched t
LEFT JOIN series s ON s.site = t.site AND s.name = t.series
WHERE EXISTS (
    SELECT 1 FROM touched n WHERE n.site = t.site AND n.series = t.series AND n.start > t.start
) OR EXISTS (SELECT 1 FROM hours h WHERE h.series = s.id AND h.start > t.start)
"""

Touched = tuple[str, str, int]
"""Site, series, and where the hour begins, UTC milliseconds."""


class Head(NamedTuple):
    """How far a stream is stored: its highest number, and its newest reading's number and time."""

    seq: int = 0
    reading_seq: int = 0
    reading_at: int = 0


class Side:
    """The side file; one process writes, others read. May be used from any thread."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open it; raise HistoryUnavailableError where that cannot be done."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._read_only = read_only
        self.heads: dict[str, Head] = {}
        # One rolls at a time: `again` begins anew when an hour is done with.
        self.rolling = threading.Lock()
        self.new = not path.exists()
        if not read_only:
            with said_plainly(path):
                self._connection = self._open()
                self.heads = {
                    row[0]: Head(*row[1:])
                    for row in self._connection.execute("SELECT * FROM heads")
                }

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA busy_timeout = 5000")
        if self._read_only:
            connection.execute("PRAGMA query_only = ON")
            return connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_TABLES)
        return connection

    def save(self, heads: Mapping[str, Head], touched: Iterable[Touched]) -> None:
        """Note durably how far streams are stored, and which hours have changed."""
        with self._lock, said_plainly(self._path), self._transaction() as connection:
            connection.executemany(_SAVE_HEAD, [(stream, *head) for stream, head in heads.items()])
            connection.executemany(_TOUCH, touched)
        self.heads.update(heads)

    def over(self) -> dict[Touched, int]:
        """Return the touched hours behind which their series goes on, each with its `again`.

        The newest hour of a series is open: it stays touched, and a chart reads its readings.
        """
        with self._lock, said_plainly(self._path):
            assert self._connection is not None
            rows = self._connection.execute(_OVER).fetchall()
        return {(row[0], row[1], row[2]): row[3] for row in rows}

    def rolled(self, site: str, series: str, found: list[Hour], taken: Mapping[int, int]) -> None:
        """Write hours that were rolled; those taken and not touched again since are done with.

        Args:
            site: of the series.
            series: its name.
            found: the hours that have a reading.
            taken: where each hour begins that was rolled, with its `again` as of then.
        """
        with self._lock, said_plainly(self._path), self._transaction() as connection:
            connection.execute(
                "INSERT INTO series (site, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (site, series),
            )
            number = _number(connection, site, series)
            assert number is not None
            hours_sqlite.write(connection, number, found)
            connection.executemany(
                "DELETE FROM touched WHERE site = ? AND series = ? AND start = ? AND again = ?",
                [(site, series, start, again) for start, again in taken.items()],
            )

    def hours(
        self, site: str, series: str, start: int, end: int
    ) -> tuple[Integers, list[int]] | None:
        """Return the hours of a range as columns, and where those begin that are not rolled yet.

        Both of one state of the file. None where there is no file: then nothing is known.
        """
        with self._lock, said_plainly(self._path):
            if self._connection is None:
                if not self._path.exists():
                    return None
                self._connection = self._open()
            self._connection.execute("BEGIN")
            try:
                touched = self._connection.execute(
                    "SELECT start FROM touched WHERE site = ? AND series = ?"
                    " AND start >= ? AND start < ? ORDER BY start",
                    (site, series, start, end),
                ).fetchall()
                number = _number(self._connection, site, series)
                kept = hours_sqlite.columns(self._connection, number or 0, start, end)
            finally:
                self._connection.execute("COMMIT")
        return kept, [row[0] for row in touched]

    def head(self, stream: str) -> Head:
        """Return how far a stream is stored, as the writer noted it."""
        with self._lock, said_plainly(self._path):
            if self._connection is None:
                if not self._path.exists():
                    return Head()
                self._connection = self._open()
            row = self._connection.execute(
                "SELECT seq, reading_seq, reading_at FROM heads WHERE stream = ?", (stream,)
            ).fetchone()
        return Head(*row) if row else Head()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        assert connection is not None
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _number(connection: sqlite3.Connection, site: str, series: str) -> int | None:
    row = connection.execute(
        "SELECT id FROM series WHERE site = ? AND name = ?", (site, series)
    ).fetchone()
    return int(row[0]) if row else None
