"""The spool: the one durable queue of the whole system (design.md, decision 2).

A SQLite file of its own: WAL, synchronous FULL, one transaction for each cycle, which holds the
records, the stamps of earlier ones, the engine's state and what the hub has. FULL and not NORMAL:
on a power cut NORMAL lost up to 803 committed records where FULL lost none.

Used by one thread; firmware_agent/outbox.py reads beside it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from firmware_agent.stamping import Place
from protocol.chain import genesis

log = logging.getLogger(__name__)

FILE = "spool.db"
VERSION = 1
# Closed ones beyond these are forgotten here; the hub has them all.
MOST_EXCURSIONS = 2_000

_SCHEMA = """
CREATE TABLE streams (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0,   -- 1: another stream goes on in its place
    head INTEGER NOT NULL DEFAULT 0,     -- the last record whose stamp is final
    head_h BLOB NOT NULL,
    head_at INTEGER, head_boot TEXT, head_mono_ms INTEGER,
    judged INTEGER NOT NULL DEFAULT 0,   -- how far the hub has judged and stored
    stored INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,  -- records up to here are no longer kept
    dropped_h BLOB NOT NULL
);
CREATE TABLE records (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    boot TEXT NOT NULL,
    mono_ms INTEGER NOT NULL,
    body BLOB NOT NULL,                  -- canonical; `at` in it is a guess while the column is NULL
    at INTEGER,
    h BLOB,
    PRIMARY KEY (stream, seq)
) WITHOUT ROWID;
CREATE TABLE excursions (id TEXT PRIMARY KEY, stream INTEGER NOT NULL, open INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class SpoolError(Exception):
    """The spool cannot be used at all; the text says why and what to do."""


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

    def __init__(self, path: Path, connection: sqlite3.Connection, set_aside: Path | None) -> None:
        """Take over a connection; use :meth:`open`."""
        self.path = path
        self.set_aside = set_aside
        self._db = connection

    @classmethod
    def open(cls, folder: Path, now_ms: int) -> Spool:
        """Open the spool in ``folder``, or begin one.

        A file that is damaged is kept as evidence under another name, and an empty one begun.
        Raises SpoolError where neither is possible.
        """
        path = folder / FILE
        set_aside = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                connection = _connect(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                set_aside = _put_aside(path, now_ms)
                log.warning("spool=damaged reason=%r kept_as=%s", str(error), set_aside)
                connection = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(
                f"{path}: {error}; let this user write there, or make room on the disk"
            ) from error
        return cls(path, connection, set_aside)

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
        n = self._db.execute(
            "INSERT INTO streams (id, created, head_h, dropped_h) VALUES (?, ?, ?, ?)",
            (id_, now_ms, start, start),
        ).lastrowid
        assert n is not None
        return Stream(n, id_, now_ms, False, 0, start, None, 0, 0, 0, start)

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

    def drop(self, stream: Stream, before_ms: int, most: int) -> tuple[int, bytes]:
        """Drop the oldest stored records, up to ``most`` and up to the first from ``before_ms`` on.

        Returns the seq and hash of the last one dropped.
        """
        seq, h = stream.dropped, stream.dropped_h
        candidates = self._db.execute(
            "SELECT seq, at, h FROM records WHERE stream = ? AND seq > ? AND seq <= ? ORDER BY seq",
            (stream.n, seq, min(stream.stored, seq + most)),
        ).fetchall()
        for number, at, own in candidates:
            if at >= before_ms:
                break
            seq, h = number, own
        if seq > stream.dropped:
            self._db.execute("DELETE FROM records WHERE stream = ? AND seq <= ?", (stream.n, seq))
        return seq, h

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


def _connect(path: Path) -> sqlite3.Connection:
    """Open or create the file and make sure that it is whole."""
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # Small steps back into the file: a long checkpoint would make one cycle late.
        db.execute("PRAGMA wal_autocheckpoint = 200")
        db.execute("PRAGMA journal_size_limit = 4000000")
        db.execute("PRAGMA cache_size = -512")
        answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise OSError(f"was made by a later coldwatch (layout {version}, ours is {VERSION})")
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _put_aside(path: Path, now_ms: int) -> Path:
    """Rename a damaged file together with its journal."""
    target = path.with_name(f"{path.name}.corrupt-{now_ms}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    return target
