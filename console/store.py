"""The hub's database and history, opened for reading, whatever happens to them meanwhile.

A file that is not there yet reads as empty. A file that was put in the place of another (a backup
that was restored) is opened anew: an open connection would go on showing the old one.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from config.database import DatabaseSettings
from history.opening import FileIdentity, file_identity, identity, open_to_read
from history.port import History
from hub.declared import metadata
from journal.database import DatabaseError, missing_tables, open_database, read
from journal.place import place_of

_A_SERVER: Final = (0, 0)


class Store:
    """Reads a hub's database and its history; may be used from any thread."""

    def __init__(self, state_dir: Path, database: DatabaseSettings | None = None) -> None:
        """Begin without a connection: neither file needs to be there, and no server."""
        self._where = place_of(database or DatabaseSettings(), state_dir)
        self._state_dir = state_dir
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._engine_of: FileIdentity | None = None
        self._history: History | None = None
        self._history_of: tuple[FileIdentity | None, ...] = ()
        self._nothing = _empty_database()

    @contextmanager
    def hub(self) -> Iterator[Connection]:
        """Give one snapshot of the hub's database; an empty one where the hub has never run.

        Raises DatabaseError, with one line for people, where it cannot be read.
        """
        with read(self._current() or self._nothing) as conn:
            yield conn

    def exists(self) -> bool:
        """Whether a hub has ever run in this state directory."""
        return self._current() is not None

    def history(self) -> History:
        """Return the history as it is now; empty where there is none."""
        found = identity(self._state_dir)
        with self._lock:
            if self._history is None or found != self._history_of:
                if self._history is not None:
                    self._history.close()
                self._history = None
                self._history = open_to_read(self._state_dir)
                self._history_of = found
            return self._history

    def close(self) -> None:
        """Close both files."""
        with self._lock:
            if self._history is not None:
                self._history.close()
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _current(self) -> Engine | None:
        """Return the database as it lies there now; None where it has no tables yet."""
        # A server's database is one and the same, and its engine finds back to it by itself.
        found = file_identity(self._where) if isinstance(self._where, Path) else _A_SERVER
        with self._lock:
            if self._engine is None or found != self._engine_of:
                if self._engine is not None:
                    self._engine.dispose()
                self._engine = self._engine_of = None
                if found is not None:
                    self._engine, complete = _open(self._where)
                    # while tables are missing it is looked at anew each time
                    self._engine_of = found if complete else None
            return self._engine


def _open(where: Path | DatabaseSettings) -> tuple[Engine | None, bool]:
    """Open the database, and tell whether it has all tables; None where it has none.

    In a file of an older version, which no hub of this one has opened yet, those that are missing
    are read as empty ones.
    """
    engine = open_database(where, read_only=True)
    with read(engine) as conn:
        missing = missing_tables(conn, metadata.sorted_tables)
    if len(missing) == len(metadata.sorted_tables):
        engine.dispose()
        return None, False
    if missing and not isinstance(where, Path):
        engine.dispose()
        raise DatabaseError(
            "older", f"{where}: its tables are an older coldwatch's; start this version's hub once"
        )
    if missing:
        script = _script(missing, "TEMP TABLE")
        engine.dispose()

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            connection.executescript(script)

    return engine, not missing


def _script(tables: Sequence[Table], kind: str) -> str:
    """Return the statements that make empty tables; kind: ``TABLE`` or ``TEMP TABLE``."""
    dialect = sqlite.dialect()
    texts = (str(CreateTable(table).compile(dialect=dialect)) for table in tables)
    return ";".join(text.replace("CREATE TABLE", f"CREATE {kind}", 1) for text in texts)


def _empty_database() -> Engine:
    """Return a database in memory with every table and no row: what a hub finds on its first day."""
    script = _script(metadata.sorted_tables, "TABLE")

    def create() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(script)
        return connection

    return create_engine("sqlite+pysqlite://", creator=create, poolclass=NullPool)
