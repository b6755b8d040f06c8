"""Connections for reading history.db, lent for one query at a time to whatever thread asks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from history.port import HistoryUnavailableError
from history.sqlite_file import open_reader, said_plainly


class Readers:
    """A pool that grows to as many connections as are in use at once.

    A query takes all its rows before the next one may run on its connection: nothing that is
    consumed slowly keeps a snapshot, which would keep the WAL from being written back.
    """

    def __init__(self, path: Path, busy_timeout_ms: int) -> None:
        """Begin without a connection: the file may not be there yet."""
        self._path = path
        self._busy_timeout_ms = busy_timeout_ms
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    def rows(self, query: str, arguments: Sequence[object]) -> list[Any]:
        """Return the rows of a query; none where there is no history yet."""
        with self._reader() as reader:
            return reader.execute(query, arguments).fetchall() if reader else []

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection | None]:
        """Lend a connection whose queries all see one state; None where there is no history yet.

        For a few queries made at once; while it is lent the WAL cannot be written back.
        """
        with self._reader() as reader:
            if reader is None:
                yield None
                return
            reader.execute("BEGIN")
            yield reader
            reader.execute("COMMIT")

    def close(self) -> None:
        """Close the connections; one that is lent is closed when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection | None]:
        """Lend a connection: an idle one or a new one; None where there is no history yet."""
        with self._lock:
            if self._closed:
                raise HistoryUnavailableError(f"history {self._path} is closed")
            reader = self._idle.pop() if self._idle else None
        with said_plainly(self._path):
            if reader is None:
                reader = open_reader(self._path, self._busy_timeout_ms)
            try:
                yield reader
            except BaseException:
                if reader is not None:
                    reader.close()
                raise
        if reader is not None:
            self._give_back(reader)

    def _give_back(self, reader: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(reader)
                return
        reader.close()
