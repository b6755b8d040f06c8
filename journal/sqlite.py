"""The hub's database as one SQLite file: how it is opened, what its errors mean, its guards."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, UniqueConstraint, create_engine, event
from sqlalchemy.pool import QueuePool

from journal.base import DatabaseError, Trouble
from journal.modes import BEGIN, DEFERRED, NAME

BUSY_TIMEOUT_MS: Final = 5000

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


def engine_of(path: Path, *, read_only: bool) -> Engine:
    """Return an engine of a file, which is created unless `read_only`."""
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
        execution_options={NAME: path},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        _prepare(connection, read_only=read_only)

    @event.listens_for(engine, "begin")
    def _begun(conn: Connection) -> None:
        mode = conn.get_execution_options().get(BEGIN, DEFERRED)
        conn.exec_driver_sql(f"PRAGMA query_only = {int(mode == DEFERRED)}")
        conn.exec_driver_sql(f"BEGIN {mode}")

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


def options(_mode: str) -> dict[str, Any]:
    """Return what else a transaction is begun with: nothing, `_begun` does it all."""
    return {}


def trouble_of(cause: BaseException | None) -> tuple[Trouble, str] | None:
    """Return what a person can do about an error of the driver; None for our own mistakes."""
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else _TROUBLES.get(code & 0xFF)


def version(conn: Connection) -> int:
    """Return the version of the tables; 0 where there are none."""
    conn.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
    return int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())


def set_version(conn: Connection, number: int) -> None:
    """Write the version where programs without Alembic read it too, in the caller's transaction."""
    conn.exec_driver_sql(f"PRAGMA user_version = {number}")


def tables(conn: Connection) -> set[str]:
    """Return the names of the tables that there are."""
    names = conn.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return set(names.scalars())


def triggers(conn: Connection) -> dict[str, str]:
    """Return the triggers that there are, by name, each as the text that made it."""
    rows = conn.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    return {row.name: row.sql for row in rows}


def guards_of(table: Table) -> dict[str, str]:
    """Return the triggers that an append-only table must have."""
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


def make_guard(conn: Connection, _table: Table, name: str, sql: str) -> None:
    """Make a trigger anew."""
    conn.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    conn.exec_driver_sql(sql)
