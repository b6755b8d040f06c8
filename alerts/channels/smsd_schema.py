"""The tables of gammu-smsd's SQL service on SQLite, version 17 (gammu 1.38.5 and later).

gammu ships such a file, but as documentation, which slim machines leave out; and it stamps rows in
UTC where smsd compares with local time, so that west of Greenwich a message would lie for hours.
So these statements are our own, made from gammu-smsd-tables(7); a test compares the columns with
gammu's file. The write-ahead log matters: without it our reading would lock out smsd's writing,
and a message that smsd sent but could not book would go out again.
"""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path
from typing import Final

VERSION: Final = 17
_NEEDED: Final = frozenset({"gammu", "inbox", "outbox", "outbox_multipart", "sentitems", "phones"})

# The ways in which we ask: is this key known, and has anything come in?
_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS coldwatch_outbox ON outbox (CreatorID);
CREATE INDEX IF NOT EXISTS coldwatch_sentitems ON sentitems (CreatorID);
CREATE INDEX IF NOT EXISTS coldwatch_inbox ON inbox (Processed);
"""


class DatabaseUnusableError(Exception):
    """The file cannot serve as gammu-smsd's database; the text says why and what to do."""


def prepare_database(database: Path) -> None:
    """Create gammu-smsd's database where it is missing; do nothing where it is ready.

    One that was made from gammu's own file is taken as it is, with the write-ahead log switched
    on. Run it before gammu-smsd starts: smsd ends itself when the tables are not there.

    Raises:
        DatabaseUnusableError: the file is no such database, or one of another version.
        OSError: the folder cannot be written.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = sqlite3.connect(database, timeout=5.0, isolation_level=None)
        try:
            if _tables(connection) and not _tables(connection) >= _NEEDED:
                raise DatabaseUnusableError(
                    f"{database} holds other tables than gammu-smsd's; name another"
                )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            if not _tables(connection):
                statements = resources.files("alerts.channels").joinpath("smsd_tables.sql")
                _run(connection, statements.read_text(encoding="utf-8"))
            (version,) = connection.execute("SELECT max(Version) FROM gammu").fetchone()
            if version != VERSION:
                raise DatabaseUnusableError(
                    f"{database} is of version {version}, and this program knows {VERSION}; "
                    "move the file away, and it is made anew"
                )
            _run(connection, _INDEXES)
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseUnusableError(
            f"{database} cannot be made gammu-smsd's database: {error}; move the file away, and it "
            "is made anew"
        ) from error


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def _run(connection: sqlite3.Connection, statements: str) -> None:
    """Run several statements inside the open transaction (executescript would commit it)."""
    statement = ""
    for line in statements.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
