"""gammu-smsd's tables, as we make them and as we find them."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from alerts.channels.smsd_schema import DatabaseUnusableError, prepare_database

GAMMUS_OWN = Path("/usr/share/doc/gammu-smsd/examples/sqlite.sql")


def gammus_statements() -> str:
    """Return gammu's own file, where this machine has its documentation."""
    for path in (GAMMUS_OWN, GAMMUS_OWN.with_suffix(".sql.gz")):
        if path.exists():
            data = path.read_bytes()
            return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    pytest.skip(f"this machine has no {GAMMUS_OWN}; documentation was left out at its installation")


def columns(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Return the columns of every table."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = [name for (name,) in connection.execute(query)]
    return {
        table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for table in tables
    }


def test_it_has_gammus_columns(tmp_path: Path) -> None:
    """Our tables have exactly the columns of gammu's own, and its version."""
    theirs = sqlite3.connect(":memory:")
    theirs.executescript(gammus_statements())
    prepare_database(tmp_path / "smsd.db")
    ours = sqlite3.connect(tmp_path / "smsd.db")

    assert columns(ours) == columns(theirs)
    version = "SELECT Version FROM gammu"
    assert ours.execute(version).fetchall() == theirs.execute(version).fetchall()
    ours.close()
    theirs.close()


def test_readers_do_not_lock_out_writers(tmp_path: Path) -> None:
    """The database has a write-ahead log: smsd can book while the hub is reading."""
    prepare_database(tmp_path / "smsd.db")
    reader, writer = (
        sqlite3.connect(tmp_path / "smsd.db", isolation_level=None, timeout=0) for _ in range(2)
    )
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM outbox").fetchall()

    writer.execute("INSERT INTO outbox (CreatorID) VALUES ('x')")

    assert reader.execute("SELECT * FROM outbox").fetchall() == []
    reader.close()
    writer.close()


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """Preparing again leaves messages where they are."""
    database = tmp_path / "folder" / "smsd.db"
    prepare_database(database)
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO outbox (CreatorID) VALUES ('x')")

    prepare_database(database)

    assert connection.execute("SELECT CreatorID FROM outbox").fetchall() == [("x",)]
    connection.close()


def test_one_made_by_hand_is_taken(tmp_path: Path) -> None:
    """A database from gammu's own file is used as it is, with the log switched on."""
    connection = sqlite3.connect(tmp_path / "smsd.db")
    connection.executescript(gammus_statements())
    before = columns(connection)
    connection.close()

    prepare_database(tmp_path / "smsd.db")

    connection = sqlite3.connect(tmp_path / "smsd.db")
    assert columns(connection) == before
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


class TestRefused:
    def test_other_tables(self, tmp_path: Path) -> None:
        """Another program's database is refused by name, and stays untouched."""
        connection = sqlite3.connect(tmp_path / "other.db")
        connection.execute("CREATE TABLE outbox (ID)")
        connection.close()
        before = (tmp_path / "other.db").read_bytes()

        with pytest.raises(DatabaseUnusableError, match=r"other\.db holds other tables"):
            prepare_database(tmp_path / "other.db")
        assert (tmp_path / "other.db").read_bytes() == before

    def test_another_version(self, tmp_path: Path) -> None:
        """Tables of another gammu are refused with both versions."""
        prepare_database(tmp_path / "smsd.db")
        connection = sqlite3.connect(tmp_path / "smsd.db", isolation_level=None)
        connection.execute("UPDATE gammu SET Version = 16")
        connection.close()

        with pytest.raises(DatabaseUnusableError, match="version 16, and this program knows 17"):
            prepare_database(tmp_path / "smsd.db")

    def test_no_database(self, tmp_path: Path) -> None:
        """A file that is no database is refused with what to do."""
        (tmp_path / "smsd.db").write_text("hello, I am no database at all" * 50)

        with pytest.raises(DatabaseUnusableError, match="move the file away"):
            prepare_database(tmp_path / "smsd.db")
