"""What the uplink reads from the spool: records that are committed and finally stamped.

It has a connection of its own, for it runs in its own thread. Each question is one short read, so
that it never holds up a checkpoint of the writer.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple, Protocol

from firmware_agent.spool import Stream


class Piece(NamedTuple):
    """Some records in a row: the hash in front of them, and their canonical bytes."""

    prev: bytes
    bodies: list[bytes]


class Outbox(Protocol):
    """Where the sender finds records; tests have one without a file."""

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """Return h of record ``seq``, None where it is not kept."""

    def piece(self, stream: Stream, first: int, last: int) -> Piece | None:
        """Return the records from ``first`` to ``last``, None where one of them is not kept."""


class SpoolOutbox:
    """Reads the spool's file."""

    def __init__(self, path: Path) -> None:
        """Open the file for reading only."""
        self._db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA query_only = ON")
        self._db.execute("PRAGMA cache_size = -512")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """Return h of record ``seq``, None where it is not kept."""
        if seq == stream.head:
            return stream.head_h
        if seq == stream.dropped:  # with seq 0 among them: h(0) of a stream
            return stream.dropped_h
        row = self._db.execute(
            "SELECT h FROM records WHERE stream = ? AND seq = ?", (stream.n, seq)
        ).fetchone()
        return row[0] if row else None

    def piece(self, stream: Stream, first: int, last: int) -> Piece | None:
        """Return the records from ``first`` to ``last``, None where one of them is not kept."""
        prev = self.hash_at(stream, first - 1)
        if prev is None:
            return None
        rows = self._db.execute(
            "SELECT body FROM records WHERE stream = ? AND seq BETWEEN ? AND ? AND h IS NOT NULL"
            " ORDER BY seq",
            (stream.n, first, last),
        ).fetchall()
        if len(rows) != last - first + 1:
            return None
        return Piece(prev, [body for (body,) in rows])
