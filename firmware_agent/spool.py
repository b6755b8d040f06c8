"""The spool: the one durable queue of the whole system (design.md, decision 2).

A SQLite file of its own (firmware_agent/spool_file.py), one transaction for each cycle, which holds
the records, the stamps of earlier ones, the engine's state and what the hub has. Where the disk
takes nothing at the start, the same tables in memory stand in for it.

Used by one thread; firmware_agent/outbox.py reads beside it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from firmware_agent import spool_file
from firmware_agent.spool_file import FILE
from firmware_agent.stamping import Place
from protocol.chain import genesis

log = logging.getLogger(__name__)

# Closed ones beyond these are forgotten here; the hub has them all.
MOST_EXCURSIONS = 2_000

# A record of this kind says that it and those missing in front of it are lost; it keeps its h.
GONE = "gone"
_SET_ASIDE = "set-aside"


class SpoolError(Exception):
    """The spool cannot be used at all; the text says why and what to do."""


class DiskError(SpoolError):
    """The disk is full, read-only or failing now. It may take again later."""


class Row(NamedTuple):
    """One record as it is kept."""

    seq: int
    kind: str
    boot: str
    mono_ms: int
    body: bytes
    at: int | None
    h: bytes | None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as of the last commit; the columns of its row."""

    n: int
    id: str
    created: int
    closed: bool
    head: int
    head_h: bytes
    place: Place | None
    judged: int
    stored: int
    dropped: int
    dropped_h: bytes


class Spool:
    """The file, and the one connection that writes to it."""

    def __init__(self, path: Path | None, address: str, connection: sqlite3.Connection) -> None:
        """Take over a connection; use :meth:`open` or :meth:`in_memory`."""
        self.path = path
        self.address = address
        self._db = connection

    @classmethod
    def open(cls, folder: Path, now_ms: int) -> Spool:
        """Open the spool in ``folder``, or begin one.

        A file that is damaged is kept as evidence under another name, and an empty one begun.
        Raises DiskError where the disk does not let us now, SpoolError where it never will.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            spool_file.must_take(path)
            try:
                connection = spool_file.connect(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                stream, head = spool_file.last_stream(path)
                kept_as = spool_file.put_aside(path, now_ms)
                log.warning("spool=damaged reason=%r kept_as=%s", str(error), kept_as)
                connection = spool_file.connect(path)
                told = {"file": str(kept_as), "reason": str(error)[:200]}
                spool = cls(path, path.absolute().as_uri(), connection)
                spool.set_meta(_SET_ASIDE, told | {"stream": stream, "last": head})
                return spool
        except (OSError, sqlite3.Error) as error:
            kind = DiskError if spool_file.of_the_disk(error, path) else SpoolError
            raise kind(
                f"{path}: {error}; let this user write there, or make room on the disk"
            ) from error
        return cls(path, path.absolute().as_uri(), connection)

    @classmethod
    def in_memory(cls) -> Spool:
        """Begin a spool that stands in for a disk; it ends with the process."""
        address = spool_file.memory_address()
        return cls(None, address, spool_file.connect_memory(address))

    @property
    def set_aside(self) -> dict[str, Any] | None:
        """The damaged file that was put aside and of which no record tells yet; None for none.

        ``file`` and ``reason``; ``stream`` and ``last`` as far as they could be read from it.
        """
        told: dict[str, Any] | None = self.meta(_SET_ASIDE)
        return told

    def set_aside_recorded(self) -> None:
        """Note, in the same transaction, that a record tells of it."""
        self.set_meta(_SET_ASIDE, None)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing. Raises sqlite3.Error where the disk does not take it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back by itself already.
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    # --- streams ---

    def streams(self) -> list[Stream]:
        """Return all streams, oldest first."""
        rows = self._db.execute(
            "SELECT n, id, created, closed, head, head_h, head_at, head_boot, head_mono_ms,"
            " judged, stored, dropped, dropped_h FROM streams ORDER BY n"
        )
        return [
            Stream(
                n, id_, created, bool(closed), head, head_h,
                Place(at, boot, mono_ms) if at is not None else None,
                judged, stored, dropped, dropped_h,
            )
            for n, id_, created, closed, head, head_h, at, boot, mono_ms, judged, stored, dropped,
            dropped_h in rows
        ]  # fmt: skip

    def add_stream(self, now_ms: int) -> Stream:
        """Begin a stream; its id is random, so that a replaced card never repeats one."""
        id_ = secrets.token_hex(16)
        start = genesis(id_)
        return self.insert_stream(Stream(0, id_, now_ms, False, 0, start, None, 0, 0, 0, start))

    def insert_stream(self, stream: Stream) -> Stream:
        """Write a stream that was begun elsewhere; it gets the next number."""
        n = self._db.execute(
            "INSERT INTO streams (id, created, head_h, dropped_h) VALUES (?, ?, ?, ?)",
            (stream.id, stream.created, stream.head_h, stream.dropped_h),
        ).lastrowid
        assert n is not None
        stream = replace(stream, n=n)
        self.save_stream(stream)
        return stream

    def save_stream(self, stream: Stream) -> None:
        """Write what changes of a stream."""
        at, boot, mono_ms = stream.place or (None, None, None)
        self._db.execute(
            "UPDATE streams SET closed = ?, head = ?, head_h = ?, head_at = ?, head_boot = ?,"
            " head_mono_ms = ?, judged = ?, stored = ?, dropped = ?, dropped_h = ? WHERE n = ?",
            (
                stream.closed, stream.head, stream.head_h, at, boot, mono_ms,
                stream.judged, stream.stored, stream.dropped, stream.dropped_h, stream.n,
            ),
        )  # fmt: skip

    def forget_stream(self, n: int) -> None:
        """Remove a closed stream of which no record is left."""
        self._db.execute("DELETE FROM streams WHERE n = ? AND closed", (n,))

    # --- records ---

    def put(self, n: int, rows: Iterable[Row]) -> None:
        """Write records; one that was there without a final stamp is replaced."""
        self._db.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((n, *row) for row in rows),
        )

    def rows(self, n: int, after: int, limit: int) -> list[Row]:
        """Return up to ``limit`` records behind seq ``after``."""
        found = self._db.execute(
            "SELECT seq, kind, boot, mono_ms, body, at, h FROM records"
            " WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?",
            (n, after, limit),
        )
        return [Row(*row) for row in found]

    def row(self, n: int, seq: int) -> Row | None:
        """Return one record, or None where it is not kept."""
        found = self.rows(n, seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """Return h of a record that is kept, or of the last one dropped; None of any other."""
        if seq == stream.dropped:
            return stream.dropped_h
        row = self.row(stream.n, seq)
        return row.h if row is not None else None

    def last_seq(self, n: int) -> int | None:
        """Return the number of the last record that is kept, stamped or not."""
        last: int | None = self._db.execute(
            "SELECT max(seq) FROM records WHERE stream = ?", (n,)
        ).fetchone()[0]
        return last

    def settings_before(self, n: int, seq: int) -> bytes | None:
        """Return the newest settings record up to ``seq``, or None where none is kept."""
        row = self._db.execute(
            "SELECT body FROM records WHERE stream = ? AND seq <= ? AND kind = 'settings'"
            " ORDER BY seq DESC LIMIT 1",
            (n, seq),
        ).fetchone()
        return row[0] if row else None

    def cut(self, n: int, after: int) -> None:
        """Remove the records behind seq ``after``, which another stream has taken over."""
        self._db.execute("DELETE FROM records WHERE stream = ? AND seq > ?", (n, after))

    def drop(
        self, stream: Stream, before_ms: int, most: int, *, upto: int | None = None
    ) -> tuple[int, bytes]:
        """Drop up to ``most`` of the oldest records, up to the first from ``before_ms`` on.

        None behind ``upto``: those that the hub has stored, where it is left out. Returns the seq
        and hash of the last one dropped.
        """
        seq, h = stream.dropped, stream.dropped_h
        candidates = self._db.execute(
            "SELECT seq, at, h FROM records WHERE stream = ? AND seq > ? AND seq <= ?"
            " ORDER BY seq LIMIT ?",
            (stream.n, seq, stream.stored if upto is None else upto, most),
        ).fetchall()
        for number, at, own in candidates:
            if at >= before_ms:
                break
            seq, h = number, own
        if seq > stream.dropped:
            self._db.execute("DELETE FROM records WHERE stream = ? AND seq <= ?", (stream.n, seq))
        return seq, h

    def lose(self, n: int, first: int, last: Row) -> None:
        """Note that the records from ``first`` to that one are lost."""
        self._db.execute(
            "DELETE FROM records WHERE stream = ? AND seq BETWEEN ? AND ?", (n, first, last.seq)
        )
        self.put(n, [last])

    # --- the rest ---

    def meta(self, key: str) -> Any:
        """Return a kept JSON value, or None."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def set_meta(self, key: str, value: Any) -> None:
        """Keep a JSON value."""
        text = json.dumps(value, separators=(",", ":"))
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))

    def excursions(self, n: int, *, only_open: bool) -> list[dict[str, Any]]:
        """Return the excursions of a stream as they were kept, in the order of their rowids."""
        rows = self._db.execute(
            "SELECT body FROM excursions WHERE stream = ? AND open >= ? ORDER BY rowid",
            (n, int(only_open)),
        )
        return [json.loads(body) for (body,) in rows]

    def put_excursions(self, n: int, items: Sequence[tuple[str, bool, dict[str, Any]]]) -> None:
        """Keep excursions, each given as id, whether it is open, and JSON body."""
        self._db.executemany(
            "INSERT INTO excursions VALUES (?, ?, ?, ?) ON CONFLICT (id)"
            " DO UPDATE SET open = excluded.open, body = excluded.body",
            ((id_, n, is_open, json.dumps(body)) for id_, is_open, body in items),
        )
        if items:
            self._db.execute(
                "DELETE FROM excursions WHERE NOT open"
                " AND rowid <= (SELECT max(rowid) FROM excursions) - ?",
                (MOST_EXCURSIONS,),
            )

    def close_excursions(self, n: int) -> None:
        """Close what is open in a stream that ends: the one that follows it judges anew."""
        self._db.execute("UPDATE excursions SET open = 0 WHERE stream = ?", (n,))
