"""What a gateway has been given, in a small SQLite file: who dies in between finds it again.

No SMS gateway takes an idempotency key. So a message is in this book before its request goes out,
as ``calling``; only a clear answer ends that. Whoever finds it ``calling`` later knows that nobody
knows, and `gateway` has the rule for that.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Literal

from alerts.channels.contract import ChannelError, Delivery

# "waiting": not asked for yet, or to be asked for again; "calling": asked for, and no answer known.
Place = Literal["waiting", "calling", "sent", "refused"]

# Settled messages are kept so long: nobody asks for the key of an alarm after that.
KEPT_MS: Final = 35 * 86_400_000
_PATIENCE_S: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    key TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    settled_ms INTEGER,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_due ON messages (place, next_ms);
"""


@dataclass(slots=True)
class Entry:
    """One message of the book. Times are UTC milliseconds of the machine's own clock.

    Attributes:
        key: names it for ever.
        phone: where it goes.
        text: the whole of it.
        params: the same in pieces; see `Channel.submit`.
        created_ms: when it was handed over.
        place: how far it is.
        reason: why it is there; for people.
        tries: how often it was asked for in vain, with a clear answer.
        doubts: how often it was asked for without any answer since the last clear one.
        next_ms: when something is to be done with it again; 0 of a settled one for never.
        called_ms: when it was last asked for.
        settled_ms: when it was sent or refused.
        receipt: by which the gateway knows it.
        delivery: what was reported of it.
        questions: how often its delivery has been asked about.
    """

    key: str
    phone: str
    text: str
    params: Mapping[str, str]
    created_ms: int
    place: Place = "waiting"
    reason: str = ""
    tries: int = 0
    doubts: int = 0
    next_ms: int = 0
    called_ms: int = 0
    settled_ms: int | None = None
    receipt: str = ""
    delivery: Delivery = ""
    questions: int = 0


class Book:
    """The book of one gateway. Its calls may come from several threads of one process."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before it is needed: a disk that is full now may have room later."""
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def add(self, entry: Entry) -> bool:
        """Write a new message down, durably; return False where its key is there already."""
        with self._open() as connection:
            done = connection.execute(
                "INSERT INTO messages (key, place, created_ms, next_ms, settled_ms, body)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (entry.key, entry.place, entry.created_ms, entry.next_ms, entry.settled_ms,
                 _body(entry)),
            )  # fmt: skip
            return done.rowcount == 1

    def save(self, entry: Entry) -> None:
        """Write down how far a message is, durably."""
        with self._open() as connection:
            connection.execute(
                "UPDATE messages SET place = ?, next_ms = ?, settled_ms = ?, body = ? WHERE key = ?",
                (entry.place, entry.next_ms, entry.settled_ms, _body(entry), entry.key),
            )

    def get(self, key: str) -> Entry | None:
        """Return a message, or None."""
        with self._open() as connection:
            rows = connection.execute("SELECT body FROM messages WHERE key = ?", (key,)).fetchall()
        return _entries(rows)[0] if rows else None

    def due(self, now_ms: int) -> list[Entry]:
        """Return what is to be sent or asked for by now, the oldest first."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT body FROM messages WHERE place IN ('waiting', 'calling') AND next_ms <= ?"
                " ORDER BY created_ms, key",
                (now_ms,),
            ).fetchall()
        return _entries(rows)

    def unreported(self, now_ms: int) -> list[Entry]:
        """Return what was sent, and whose delivery is to be asked about by now."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT body FROM messages WHERE place = 'sent' AND next_ms BETWEEN 1 AND ?"
                " ORDER BY next_ms, key",
                (now_ms,),
            ).fetchall()
        return _entries(rows)

    def next_ms(self) -> int | None:
        """Return when the next message is due, in whatever place; None where none is."""
        with self._open() as connection:
            (when,) = connection.execute(
                "SELECT min(next_ms) FROM messages WHERE place IN ('waiting', 'calling')"
                " OR (place = 'sent' AND next_ms > 0)"
            ).fetchone()
        return None if when is None else int(when)

    def forget(self, before_ms: int) -> None:
        """Take out what was settled before this time."""
        with self._open() as connection:
            connection.execute("DELETE FROM messages WHERE settled_ms < ?", (before_ms,))

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one transaction; every failure becomes a ChannelError."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                with self._connection:
                    yield self._connection
            except (sqlite3.Error, OSError) as error:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                retryable = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
                reason = f"{self._path} cannot be used: {error}; look at disk, owner and rights"
                raise ChannelError(retryable=retryable, reason=reason) from error

    def _connect(self) -> sqlite3.Connection:
        # It holds telephone numbers: nobody else may read it.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=_PATIENCE_S, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        return connection


def _body(entry: Entry) -> str:
    return json.dumps(asdict(replace(entry, params=dict(entry.params))), ensure_ascii=False)


def _entries(rows: list[tuple[str]]) -> list[Entry]:
    return [Entry(**json.loads(body)) for (body,) in rows]
