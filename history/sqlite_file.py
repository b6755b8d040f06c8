"""The file history.db: its tables and guards, how it is opened, and what its errors mean.

WAL so that pages are read while the hub writes; synchronous FULL so that what was answered as
stored survives a power cut (NORMAL loses the last transactions). One writer, many readers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from history import hours_sqlite, sqlite_hours
from history.port import HistoryUnavailableError

# 2: the table of hours
SCHEMA_VERSION = 2
# STRICT tables: a text in a column of integers is refused.
OLDEST_SQLITE = (3, 37, 0)

# Names are stored once and referred to by number: a reading takes about 70 bytes with its index.
# The sign of a quality's number is its grade (0 ok, > 0 judged, < 0 rejected), so that a query can
# tell judged readings without looking the name up.
_TABLES_OF_1 = """
CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (site, name)
) STRICT;
CREATE TABLE boots (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE qualities (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE clocks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE readings (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL,
    value INTEGER,
    quality INTEGER NOT NULL,
    clock INTEGER NOT NULL,
    raw INTEGER,
    received_at INTEGER NOT NULL,
    extra TEXT,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
-- covers every question about a series: it is answered from the index alone
CREATE INDEX readings_of_series ON readings (series, at, stream, seq, value, quality);
-- the few that are not plainly ok, for the counts of an envelope
CREATE INDEX odd_readings ON readings (series, at, value, quality)
    WHERE quality <> 0 OR value IS NULL;

-- records that are no readings: settings versions and whatever a later version sends
CREATE TABLE bodies (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    site TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
"""

_TABLES = _TABLES_OF_1 + hours_sqlite.TABLE

GUARDED = ("streams", "series", "boots", "qualities", "clocks", "readings", "bodies")
# Made from guarded tables and made again at need (`SqliteHistory.rebuild_hours`): may be changed.
DERIVED = ("hours",)

# Nothing stored is changed. Whoever can write the file can drop a trigger: that is what the hash
# chain and `verify` are for; the guards stop mistakes, our own first of all.
GUARDS = "".join(
    f"""
CREATE TRIGGER IF NOT EXISTS {table}_no_{what.lower()} BEFORE {what} ON {table}
BEGIN SELECT RAISE(ABORT, 'history is append-only: {what} of {table} refused'); END;
"""
    for table in GUARDED
    for what in ("UPDATE", "DELETE")
)


def open_writer(path: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    """Open the file for writing and make its tables and guards where they are missing."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise HistoryUnavailableError(
            f"SQLite {sqlite3.sqlite_version} is too old for {path}; install {needed} or newer"
        )
    with said_plainly(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_ms)}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # the tail of every series' index: thousands of pages are written to in turn
            connection.execute("PRAGMA cache_size = -32768")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("BEGIN IMMEDIATE")
            _bring_up_to_date(connection, path)
            _run(connection, GUARDS)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
    return connection


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables that the file has not yet, within the open transaction."""
    version = _version(connection, path)
    if version == 0:
        _run(connection, _TABLES)
    if version == 1:
        _run(connection, hours_sqlite.TABLE)
        sqlite_hours.fill(connection, path)
    if version < SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def open_reader(path: Path, busy_timeout_ms: int) -> sqlite3.Connection | None:
    """Open the file for reading only; None where there is no history yet."""
    if not path.exists():
        return None
    with said_plainly(path):
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_ms)}")
            connection.execute("PRAGMA cache_size = -8192")
            if _version(connection, path) == 0:  # its writer has not made the tables yet
                connection.close()
                return None
        except BaseException:
            connection.close()
            raise
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise HistoryUnavailableError(
            f"{path} was written by a newer version of coldwatch (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); use that version"
        )
    return version


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Execute several statements within the open transaction (executescript would commit it)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


_MEANINGS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; find out which one writes to it",
    sqlite3.SQLITE_LOCKED: "another connection keeps it locked",
    sqlite3.SQLITE_READONLY: "it cannot be written; check owner, rights and whether the disk is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and may be written to",
    sqlite3.SQLITE_IOERR: "the disk does not read or write; check the disk",
    sqlite3.SQLITE_CORRUPT: "it is damaged; keep it as evidence and restore a backup",
    sqlite3.SQLITE_NOTADB: "it is damaged or no SQLite file; keep it as evidence and restore a backup",
}


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn errors of the database into HistoryUnavailableError with one line that says what to do.

    What is wrong with the record itself (a constraint) is a fault of ours and stays what it is.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.Error as error:
        # the low byte is the kind of error, the rest its variety
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        meaning = _MEANINGS.get(code, "SQLite reports an error")
        raise HistoryUnavailableError(f"history {path}: {meaning} ({error})") from error
