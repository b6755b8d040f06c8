"""What the uplink reads from the spool: records that are finally stamped, and what is lost of them.

It has a connection of its own, for it runs in its own thread. Each question is one short read, so
that it never holds up a checkpoint of the writer. What the disk has not taken is read from memory.
Every record that comes from a card is held against its hash before it is sent: a byte that has
changed there must not become a reading.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import NamedTuple, Protocol

from firmware_agent.spool import GONE, Spool, Stream
from firmware_agent.spool_file import connect_reader
from firmware_agent.unwritten import LOST, Hole, Piece, Unwritten
from protocol.chain import genesis, link

log = logging.getLogger(__name__)

DAMAGED = "damaged on the card: its bytes do not match their hash"


class Outbox(Protocol):
    """Where the sender finds records; tests have one without a file."""

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """Return h of record ``seq``, None where it is not kept."""

    def piece(self, stream: Stream, first: int, last: int) -> Piece | Hole | None:
        """Return the records from ``first`` on, as many as there are up to ``last``.

        A Hole that begins with ``first`` where that one is lost; None where it is not kept.
        """


class _Stored(NamedTuple):
    seq: int
    kind: str
    body: bytes
    h: bytes


class SpoolOutbox:
    """Reads a spool and what its disk has not taken; :meth:`turn_to` another one."""

    def __init__(self, spool: Spool, unwritten: Unwritten | None = None) -> None:
        """Open the spool for reading only."""
        self._lock = threading.Lock()
        # Hashes that are damaged on the card, as the records beside them prove them to be.
        self._true: dict[tuple[str, int], bytes] = {}
        self.damaged: set[tuple[str, int]] = set()
        self._connect(spool, unwritten)

    def _connect(self, spool: Spool, unwritten: Unwritten | None) -> None:
        self._unwritten = Unwritten() if unwritten is None else unwritten
        self._db = connect_reader(spool.address)
        self._db.execute("PRAGMA query_only = ON")

    def turn_to(self, spool: Spool, unwritten: Unwritten) -> None:
        """Read another spool from now on."""
        with self._lock:
            self._db.close()
            self._connect(spool, unwritten)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """Return h of record ``seq``, None where it is not kept or cannot be read now.

        A card that cannot be read must not keep what is in memory from being sent: the hub's marks
        are then believed.
        """
        with self._lock:
            try:
                return self._hash_at(stream, seq)
            except sqlite3.OperationalError:
                return None

    def _hash_at(self, stream: Stream, seq: int) -> bytes | None:
        # Memory first: what leaves it in this moment is on the disk by then.
        found = self._unwritten.hash_at(stream, seq)
        if found is not None:
            return found
        if seq == stream.head:
            return stream.head_h
        if seq == stream.dropped:  # with seq 0 among them: h(0) of a stream
            return stream.dropped_h
        if (stream.id, seq) in self._true:
            return self._true[stream.id, seq]
        row = self._db.execute(
            "SELECT h FROM records WHERE stream = ? AND seq = ?", (stream.n, seq)
        ).fetchone()
        return row[0] if row else None

    def piece(self, stream: Stream, first: int, last: int) -> Piece | Hole | None:
        """Return the records from ``first`` on, as many as there are up to ``last``, or a hole."""
        with self._lock:
            found = self._unwritten.piece(stream, first, last)
            if found is not None:
                return found
            rows = self._rows(stream, first, last)
            if not rows:
                return self._hole(stream, first)
            prev = self._hash_at(stream, first - 1)
            return self._checked(stream, prev, rows) if prev is not None else None

    def _rows(self, stream: Stream, first: int, last: int) -> list[_Stored]:
        """Return the records from ``first`` on, without a hole."""
        found = self._db.execute(
            "SELECT seq, kind, body, h FROM records WHERE stream = ? AND seq BETWEEN ? AND ?"
            " AND h IS NOT NULL ORDER BY seq",
            (stream.n, first, last),
        ).fetchall()
        rows = []
        for seq, row in enumerate(map(_Stored._make, found), first):
            if row.seq != seq or row.kind == GONE:
                break
            rows.append(row)
        return rows

    def _hole(self, stream: Stream, first: int) -> Hole | None:
        row = self._db.execute(
            "SELECT seq, kind, h FROM records WHERE stream = ? AND seq >= ? ORDER BY seq LIMIT 1",
            (stream.n, first),
        ).fetchone()
        return Hole(first, row[0], row[2], LOST) if row and row[1] == GONE else None

    # --- damage ---

    def _checked(self, stream: Stream, prev: bytes, rows: list[_Stored]) -> Piece | Hole:
        """Return the records in front of the first damaged one, or that one as a hole."""
        h = prev
        bodies: list[bytes] = []
        for row in rows:
            own = link(h, row.body)
            if own != row.h and not bodies:
                prev, own = self._true_prev(stream, row, prev, own)
            if own != row.h:
                if not self._is_hash_damaged(stream, row, own):
                    break
                self._true[stream.id, row.seq] = own
                self._tell(stream, row.seq, "its hash is damaged, the record is not")
            bodies.append(row.body)
            h = own
        if bodies:
            return Piece(prev, bodies)
        row = rows[0]
        self.damaged.add((stream.id, row.seq))
        self._tell(stream, row.seq, DAMAGED)
        return Hole(row.seq, row.seq, row.h, DAMAGED)

    def _true_prev(
        self, stream: Stream, row: _Stored, prev: bytes, own: bytes
    ) -> tuple[bytes, bytes]:
        """Return the hash in front of a record, and its own, where that in front may be damaged."""
        before = self._rows(stream, row.seq - 1, row.seq - 1)
        if before:
            at = genesis(stream.id) if row.seq == 2 else self._hash_at(stream, row.seq - 2)
            if at is not None:
                true = link(at, before[0].body)
                if link(true, row.body) == row.h:
                    self._true[stream.id, row.seq - 1] = true
                    self._tell(stream, row.seq - 1, "its hash is damaged, the record is not")
                    return true, row.h
        return prev, own

    def _is_hash_damaged(self, stream: Stream, row: _Stored, own: bytes) -> bool:
        """Tell whether it is the kept hash that is wrong: then the next one fits to ours."""
        if row.seq == stream.head:
            return own == stream.head_h
        following = self._rows(stream, row.seq + 1, row.seq + 1)
        return bool(following) and link(own, following[0].body) == following[0].h

    def _tell(self, stream: Stream, seq: int, what: str) -> None:
        log.warning("record=damaged stream=%s seq=%d what=%r", stream.id, seq, what)
