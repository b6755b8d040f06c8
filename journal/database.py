"""The hub's database: an SQLite file or PostgreSQL; a commit is kept, and a snapshot is whole.

Every table of the hub is declared on `metadata`. A table that may only grow is declared through
`append_only`, and `ensure_guards` gives it triggers that refuse every other change, whichever
program asks for it. Tables come and change by `journal.migrations`, which `create_tables` runs.

What is said here holds for both kinds; what differs is in `journal.sqlite` and `journal.postgres`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import DBAPIError

from config.database import DatabaseSettings
from journal import migrations, postgres, sqlite
from journal.base import DatabaseError, Position, Trouble, append_only, metadata
from journal.modes import BEGIN, DEFERRED, IMMEDIATE, NAME

__all__ = [
    "SCHEMA_VERSION",
    "DatabaseError",
    "Position",
    "Trouble",
    "Where",
    "append_only",
    "create_tables",
    "ensure_guards",
    "has_tables",
    "insert_or_ignore",
    "insert_or_update",
    "metadata",
    "missing_guards",
    "open_database",
    "read",
    "require_write",
    "run_many",
    "write",
]

SCHEMA_VERSION: Final = migrations.HEAD

Where = Path | DatabaseSettings
"""A file, or settings with the URL of a server."""


class _Kind(Protocol):
    """What `journal.sqlite` and `journal.postgres` each do in their own way."""

    def options(self, mode: str, /) -> dict[str, Any]: ...
    def trouble_of(self, cause: BaseException | None, /) -> tuple[Trouble, str] | None: ...
    def version(self, conn: Connection, /) -> int: ...
    def set_version(self, conn: Connection, number: int, /) -> None: ...
    def tables(self, conn: Connection, /) -> set[str]: ...
    def triggers(self, conn: Connection, /) -> dict[str, str]: ...
    def guards_of(self, table: Table, /) -> dict[str, str]: ...
    def make_guard(self, conn: Connection, table: Table, name: str, sql: str, /) -> None: ...


def _kind(of: Connection | Engine) -> _Kind:
    return sqlite if of.dialect.name == "sqlite" else postgres


def open_database(where: Where, *, read_only: bool = False) -> Engine:
    """Open the database, creating a file unless `read_only`; raise DatabaseError with one line.

    The engine may be shared by threads; other processes may use the same database at the same time.
    """
    if isinstance(where, Path):
        engine = sqlite.engine_of(where, read_only=read_only)
    else:
        engine = postgres.engine_of(where, read_only=read_only)
    try:
        _refuse_newer(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _refuse_newer(engine: Engine) -> None:
    with read(engine) as conn:
        version = _kind(conn).version(conn)
    if version > SCHEMA_VERSION:
        raise DatabaseError(
            "newer",
            f"{name_of(engine)}: it was made by a newer coldwatch (tables of version {version}, "
            f"this program knows {SCHEMA_VERSION}); install the newer one",
        )


def name_of(engine: Engine) -> str:
    """Return the path or the URL, as people know the database."""
    return str(engine.get_execution_options()[NAME])


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """Give a write transaction: it waits for every other one at once, and is committed at the end.

    What is read in it cannot be changed by anybody before the commit. An exception rolls it back.
    """
    with _transaction(engine, IMMEDIATE) as conn:
        yield conn


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """Give a read transaction: one snapshot from the first query on; writing in it is refused."""
    with _transaction(engine, DEFERRED) as conn:
        yield conn


@contextmanager
def _transaction(engine: Engine, mode: str) -> Iterator[Connection]:
    kind = _kind(engine)
    try:
        with (
            engine.connect().execution_options(**{BEGIN: mode}, **kind.options(mode)) as conn,
            conn.begin(),
        ):
            yield conn
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        found = kind.trouble_of(cause)
        # Writing in a read transaction is our own mistake and nothing that a person can mend.
        if found is None or (found[0] == "read-only" and mode == DEFERRED):
            raise
        raise DatabaseError(found[0], f"{name_of(engine)}: {found[1]}") from error


def require_write(conn: Connection) -> None:
    """Raise RuntimeError unless `conn` is inside `write`: a stale head would fork the journal."""
    if conn.get_execution_options().get(BEGIN) != IMMEDIATE or not conn.in_transaction():
        raise RuntimeError("this needs a connection from journal.database.write")


# --- statements that are spelt differently ---


def insert_or_ignore(conn: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row; where one with its key is there already, change nothing."""
    if conn.dialect.name == "sqlite":
        conn.execute(sqlite_dialect.insert(table).values(row).on_conflict_do_nothing())
    else:
        conn.execute(postgresql_dialect.insert(table).values(row).on_conflict_do_nothing())


def insert_or_update(
    conn: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    key: Sequence[str],
    update: Mapping[str, Any],
) -> None:
    """Insert a row; where one with the same `key` is there already, `update` that one instead.

    Args:
        conn: a write transaction.
        table: which one.
        row: the new row.
        key: columns of the primary key or of a unique constraint.
        update: what an old row is changed to; may be expressions of the table's columns.
    """
    if conn.dialect.name == "sqlite":
        lite = sqlite_dialect.insert(table).values(row)
        conn.execute(lite.on_conflict_do_update(index_elements=list(key), set_=dict(update)))
    else:
        full = postgresql_dialect.insert(table).values(row)
        conn.execute(full.on_conflict_do_update(index_elements=list(key), set_=dict(update)))


def run_many(conn: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run one statement, with ``?`` for each value, for hundreds of rows as the driver takes it."""
    if conn.dialect.name != "sqlite":
        statement = statement.replace("?", "%s")
    conn.exec_driver_sql(statement, list(rows))


# --- tables and their guards ---


def create_tables(engine: Engine, versions: Path = migrations.VERSIONS) -> None:
    """Bring the tables to this program's version, and their guards. Harmless to repeat.

    All of it is one transaction: whoever is killed in between leaves the database as it was.

    Args:
        engine: of the database.
        versions: the folder of the steps.
    """
    number = migrations.head_of(versions)
    with read(engine) as conn:
        if _complete(conn, number):
            return
    with write(engine) as conn:
        # Another program may have been quicker.
        if not _complete(conn, number):
            migrations.migrate(conn, versions)
            # A table whose step is still to be written; a test finds it.
            metadata.create_all(conn)
            ensure_guards(conn)
            _kind(conn).set_version(conn, number)


def _complete(conn: Connection, number: int) -> bool:
    there = _kind(conn).tables(conn)
    return (
        migrations.TABLE in there
        and {table.name for table in metadata.sorted_tables} <= there
        and _kind(conn).version(conn) >= number
        and not missing_guards(conn)
    )


def has_tables(engine: Engine, *tables: Table) -> bool:
    """Whether these tables are there: a reader cannot create what is missing."""
    with read(engine) as conn:
        return not missing_tables(conn, tables)


def missing_tables(conn: Connection, tables: Iterable[Table]) -> list[Table]:
    """Return those of these tables that are not there."""
    there = _kind(conn).tables(conn)
    return [table for table in tables if table.name not in there]


def ensure_guards(conn: Connection) -> None:
    """Give every append-only table its triggers; one that was weakened is replaced."""
    kind = _kind(conn)
    present = kind.triggers(conn)
    for table, name, sql in _guards(conn):
        if present.get(name) != sql:
            kind.make_guard(conn, table, name, sql)


def missing_guards(conn: Connection) -> list[str]:
    """Return the names of guards that are absent or do not do what they should."""
    present = _kind(conn).triggers(conn)
    return [name for _, name, sql in _guards(conn) if present.get(name) != sql]


def _guards(conn: Connection) -> Iterator[tuple[Table, str, str]]:
    """Yield table, name and text of every trigger that the append-only tables there must have."""
    kind = _kind(conn)
    there = kind.tables(conn)
    for table in metadata.sorted_tables:
        if table.info.get("append_only") and table.name in there:
            for name, sql in kind.guards_of(table).items():
                yield table, name, sql
