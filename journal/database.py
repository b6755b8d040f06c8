"""The hub's database: one SQLite file, opened so that a commit is kept and a snapshot is whole.

Every table of the hub is declared on `metadata`. A table that may only grow is declared through
`append_only`, and `ensure_guards` gives it triggers that refuse every other change, whichever
program asks for it. (A migration that rebuilds a table drops its triggers: call `ensure_guards`
after every migration.)
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

metadata: Final = MetaData()

# Raised by one with each change of the tables that older code cannot work with.
SCHEMA_VERSION: Final = 1

BUSY_TIMEOUT_MS: Final = 5000

# SQLite makes a column the row id, and so needs no second index, only where it says INTEGER.
Position: Final = BigInteger().with_variant(Integer, "sqlite")

Trouble = Literal[
    "locked", "full", "read-only", "corrupt", "not-a-database", "cannot-open", "i/o", "newer"
]

_IMMEDIATE: Final = "IMMEDIATE"
_DEFERRED: Final = "DEFERRED"
_BEGIN: Final = "coldwatch_begin"
_PATH: Final = "coldwatch_path"


class DatabaseError(Exception):
    """The database cannot be used as asked; the text is one line that says what to do.

    Attributes:
        trouble: what is wrong, for programs.
        retryable: whether the same call may succeed later without anybody's help.
    """

    def __init__(self, trouble: Trouble, text: str) -> None:
        """Keep the kind of trouble beside the line that a person reads."""
        super().__init__(text)
        self.trouble: Trouble = trouble
        self.retryable = trouble == "locked"


# Primary result codes (sqlite.org/rescode.html) that a person can do something about.
_TROUBLES: Final[dict[int, tuple[Trouble, str]]] = {
    5: ("locked", "another program has kept it locked for 5 s; try again"),
    6: ("locked", "another program has kept it locked; try again"),
    8: ("read-only", "it may only be read; check the owner of the file and of its folder"),
    10: ("i/o", "the disk reports an error; check the disk and the kernel log"),
    11: ("corrupt", "it is damaged; keep a copy of it and restore the last backup"),
    13: ("full", "the disk is full; make room"),
    14: ("cannot-open", "it cannot be opened; check that the folder exists and who may use it"),
    26: ("not-a-database", "this file is no database of coldwatch; check the path"),
}


def append_only(table: Table) -> Table:
    """Register a table as one in which nothing is ever changed or deleted, and return it."""
    table.info["append_only"] = True
    return table


def open_database(path: Path, *, read_only: bool = False) -> Engine:
    """Open the database file, creating it unless `read_only`; raise DatabaseError with one line.

    The engine may be shared by threads; other processes may use the same file at the same time.
    """
    if read_only and not path.is_file():
        raise DatabaseError(
            "cannot-open", f"{path}: there is no such file; give the hub's state directory"
        )
    # A plain path would be read as part of a URL; "?" and "#" in it are escaped by as_uri.
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=64,
        execution_options={_PATH: path},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        _prepare(connection, read_only=read_only)

    @event.listens_for(engine, "begin")
    def _begun(conn: Connection) -> None:
        mode = conn.get_execution_options().get(_BEGIN, _DEFERRED)
        conn.exec_driver_sql(f"PRAGMA query_only = {int(mode == _DEFERRED)}")
        conn.exec_driver_sql(f"BEGIN {mode}")

    with read(engine) as conn:
        version = conn.exec_driver_sql("PRAGMA user_version").scalar_one()
        conn.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
    if version > SCHEMA_VERSION:
        raise DatabaseError(
            "newer",
            f"{path}: it was made by a newer coldwatch (tables of version {version}, this "
            f"program knows {SCHEMA_VERSION}); install the newer one",
        )
    return engine


def _prepare(connection: sqlite3.Connection, *, read_only: bool) -> None:
    """Set up one connection: our own BEGIN and COMMIT, and commits that survive a power cut."""
    # Python's sqlite3 would begin transactions by itself, deferred ones, and not before reads.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    if not read_only:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; the switch itself does not honour busy_timeout."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """Give a write transaction: begun at once (BEGIN IMMEDIATE), committed at the end.

    What is read in it cannot be changed by anybody before the commit. An exception rolls it back.
    """
    with _transaction(engine, _IMMEDIATE) as conn:
        yield conn


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """Give a read transaction: one snapshot from the first query on; writing in it is refused."""
    with _transaction(engine, _DEFERRED) as conn:
        yield conn


@contextmanager
def _transaction(engine: Engine, mode: str) -> Iterator[Connection]:
    try:
        with (
            engine.connect().execution_options(**{_BEGIN: mode}) as conn,
            conn.begin(),
        ):
            yield conn
    except (DBAPIError, sqlite3.Error) as error:
        clear = _clear_error(engine, error)
        # Writing in a read transaction is our own mistake and nothing that a person can mend.
        if clear is None or (clear.trouble == "read-only" and mode == _DEFERRED):
            raise
        raise clear from error


def _clear_error(engine: Engine, error: DBAPIError | sqlite3.Error) -> DatabaseError | None:
    """Return the one-line error for trouble that a person can mend; None for our own mistakes."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None or (code & 0xFF) not in _TROUBLES:
        return None
    trouble, text = _TROUBLES[code & 0xFF]
    return DatabaseError(trouble, f"{engine.get_execution_options()[_PATH]}: {text}")


def require_write(conn: Connection) -> None:
    """Raise RuntimeError unless `conn` is inside `write`: a stale head would fork the journal."""
    if conn.get_execution_options().get(_BEGIN) != _IMMEDIATE or not conn.in_transaction():
        raise RuntimeError("this needs a connection from journal.database.write")


def create_tables(engine: Engine) -> None:
    """Create the tables on `metadata` that are missing, and their guards. Harmless to repeat."""
    with write(engine) as conn:
        metadata.create_all(conn)
        ensure_guards(conn)
        conn.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def has_tables(engine: Engine, *tables: Table) -> bool:
    """Whether these tables are in the file: a reader cannot create what is missing."""
    with read(engine) as conn:
        return {table.name for table in tables} <= _tables(conn)


def ensure_guards(conn: Connection) -> None:
    """Give every append-only table its triggers; one that was weakened is replaced."""
    present = _triggers(conn)
    for name, sql in _guards(conn).items():
        if present.get(name) != sql:
            conn.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            conn.exec_driver_sql(sql)


def missing_guards(conn: Connection) -> list[str]:
    """Return the names of guards that are absent or do not say what they should."""
    present = _triggers(conn)
    return [name for name, sql in _guards(conn).items() if present.get(name) != sql]


def _triggers(conn: Connection) -> dict[str, str]:
    rows = conn.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    return {row.name: row.sql for row in rows}


def _guards(conn: Connection) -> dict[str, str]:
    """Return name and text of every trigger that the append-only tables in the file must have."""
    exist = _tables(conn)
    guards = {}
    for table in metadata.sorted_tables:
        if table.info.get("append_only") and table.name in exist:
            guards.update(_guards_of(table))
    return guards


def _tables(conn: Connection) -> set[str]:
    names = conn.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return set(names.scalars())


def _guards_of(table: Table) -> dict[str, str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    keys = [list(table.primary_key.columns)]
    keys += [list(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]
    # INSERT OR REPLACE deletes the row in its way without firing a DELETE trigger.
    taken = " OR ".join(
        "(" + " AND ".join(f"{column.name} = NEW.{column.name}" for column in key) + ")"
        for key in keys
    )
    occasions = {
        "update": f"BEFORE UPDATE ON {table.name}",
        "delete": f"BEFORE DELETE ON {table.name}",
        "replace": (
            f"BEFORE INSERT ON {table.name} WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {taken})"  # noqa: S608 - our own names
        ),
    }
    return {
        f"guard_{table.name}_{name}": f"CREATE TRIGGER guard_{table.name}_{name} {occasion} {refuse}"
        for name, occasion in occasions.items()
    }
