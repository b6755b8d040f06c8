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
from typing import NamedTuple

from history.sqlite_file import said_plainly

SIDE_FILE = "influx-side.db"

_TABLES = """
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
        with self._lock, said_plainly(self._path):
            assert self._connection is not None
            with self._transaction(self._connection):
                self._connection.executemany(
                    _SAVE_HEAD, [(stream, *head) for stream, head in heads.items()]
                )
                self._connection.executemany(_TOUCH, touched)
        self.heads.update(heads)

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
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
