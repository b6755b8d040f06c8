from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from journal.database import (
    SCHEMA_VERSION,
    DatabaseError,
    create_tables,
    ensure_guards,
    metadata,
    missing_guards,
    open_database,
    read,
    write,
)
from journal.journal import append, head, journal

OCCASIONS = ("update", "delete", "replace")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A new database with its tables and one journal entry."""
    engine = open_database(tmp_path / "hub.db")
    create_tables(engine)
    with write(engine) as conn:
        append(conn, at=1, actor="Li", type="test.begun", subject="x", body={"n": 1})
    yield engine
    engine.dispose()


def raw(engine: Engine) -> sqlite3.Connection:
    """A connection of a program that knows nothing of ours."""
    path = engine.get_execution_options()["coldwatch_path"]
    return sqlite3.connect(path, isolation_level=None)


class TestOpening:
    def test_commits_survive_a_power_cut(self, engine: Engine) -> None:
        """WAL with synchronous FULL, five seconds of patience, foreign keys."""
        with write(engine) as conn:
            found = {
                name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
            }
        expected = {
            "journal_mode": "wal",
            "synchronous": 2,
            "busy_timeout": 5000,
            "foreign_keys": 1,
        }
        assert expected == found

    def test_a_path_is_a_path_and_no_url(self, tmp_path: Path) -> None:
        """Question marks, hashes and per cent signs in a path are part of its name."""
        path = tmp_path / "a?mode=ro#%41.db"
        open_database(path).dispose()
        assert path.is_file()

    @pytest.mark.parametrize(
        ("name", "read_only", "trouble"),
        [
            ("absent.db", True, "cannot-open"),
            ("no/such/folder/hub.db", False, "cannot-open"),
            ("text.db", False, "not-a-database"),
        ],
    )
    def test_trouble_is_one_line_with_the_path(
        self, tmp_path: Path, name: str, read_only: bool, trouble: str
    ) -> None:
        """A file that cannot be opened is named in one line, with what to do."""
        (tmp_path / "text.db").write_text("this is a letter and no database\n" * 100)
        with pytest.raises(DatabaseError) as caught:
            open_database(tmp_path / name, read_only=read_only)
        assert caught.value.trouble == trouble
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_damaged_file_is_told(self, engine: Engine, tmp_path: Path) -> None:
        """Pages overwritten with noise give `corrupt`, not a traceback of SQLite's."""
        with write(engine) as conn:
            for number in range(2000):
                append(conn, at=1, actor="a", type="t", subject="s", body={"n": number})
        with raw(engine) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        path = tmp_path / "hub.db"
        content = bytearray(path.read_bytes())
        content[4096 * 3 :] = b"\xa5" * (len(content) - 4096 * 3)
        path.write_bytes(content)
        with pytest.raises(DatabaseError) as caught:  # noqa: PT012 - which statement finds it is open
            damaged = open_database(path)
            with read(damaged) as conn:
                conn.execute(select(journal)).all()
        assert caught.value.trouble == "corrupt"

    def test_a_file_of_a_newer_program_is_refused(self, engine: Engine, tmp_path: Path) -> None:
        """Tables that this program does not know are left alone."""
        raw(engine).execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        with pytest.raises(DatabaseError) as caught:
            open_database(tmp_path / "hub.db")
        assert caught.value.trouble == "newer"

    def test_a_read_only_file_is_told(self, engine: Engine, tmp_path: Path) -> None:
        """Writing through a read-only engine says so in one line."""
        reader = open_database(tmp_path / "hub.db", read_only=True)
        with pytest.raises(DatabaseError) as caught, write(reader) as conn:
            append(conn, at=1, actor="a", type="t", subject="s", body={})
        assert caught.value.trouble == "read-only"
        reader.dispose()

    def test_a_full_disk_is_told(self, engine: Engine) -> None:
        """A commit that finds no room gives `full`, and nothing of it is kept."""
        with raw(engine) as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
        with pytest.raises(DatabaseError) as caught, write(engine) as conn:  # noqa: PT012
            conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            for number in range(1000):
                append(conn, at=1, actor="a" * 500, type="t", subject="s", body={"n": number})
        assert caught.value.trouble == "full"
        with read(engine) as conn:
            assert head(conn).position == 1


class TestTransactions:
    def test_a_locked_file_is_told_and_may_be_tried_again(self, engine: Engine) -> None:
        """Whoever waits five seconds in vain learns that it is locked."""
        other = raw(engine)
        other.execute("BEGIN IMMEDIATE")
        with engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA busy_timeout = 50")
        with pytest.raises(DatabaseError) as caught, write(engine):
            pass
        other.execute("ROLLBACK")
        assert caught.value.trouble == "locked"
        assert caught.value.retryable

    def test_a_write_transaction_has_the_lock_from_its_beginning(self, engine: Engine) -> None:
        """What a write transaction has read, nobody can change before it commits."""
        with write(engine) as conn:
            head(conn)
            other = raw(engine)
            other.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")

    def test_a_read_transaction_is_one_snapshot(self, engine: Engine) -> None:
        """What is committed meanwhile does not show in a transaction that has begun to read."""
        with read(engine) as conn:
            before = head(conn)
            with write(engine) as other:
                append(other, at=2, actor="a", type="t", subject="s", body={})
            assert head(conn) == before
        with read(engine) as conn:
            assert head(conn).position == 2

    def test_a_read_transaction_cannot_write(self, engine: Engine) -> None:
        """A write in a read transaction is a mistake of ours and fails at once."""
        with pytest.raises(DBAPIError), read(engine) as conn:
            conn.execute(insert(journal), {"position": 2})

    def test_the_journal_wants_a_write_transaction(self, engine: Engine) -> None:
        """An entry from a stale snapshot would fork the chain: it is refused before any query."""
        with read(engine) as conn, pytest.raises(RuntimeError):
            append(conn, at=1, actor="a", type="t", subject="s", body={})

    def test_an_exception_leaves_nothing(self, engine: Engine) -> None:
        """A transaction that fails is rolled back whole."""
        with pytest.raises(KeyError), write(engine) as conn:  # noqa: PT012 - it must come after
            append(conn, at=1, actor="a", type="t", subject="s", body={})
            raise KeyError
        with read(engine) as conn:
            assert head(conn).position == 1

    def test_threads_share_an_engine(self, engine: Engine) -> None:
        """Eight threads append at once: no entry is lost, none fails."""

        def work(number: int) -> None:
            for turn in range(10):
                with write(engine) as conn:
                    append(conn, at=turn, actor=str(number), type="t", subject="s", body={})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with read(engine) as conn:
            assert head(conn).position == 81

    def test_processes_open_a_new_file_at_once(self, tmp_path: Path, house: Path) -> None:
        """Several processes that create the same database do not get into each other's way."""
        script = (
            "import sys; from pathlib import Path; from journal.database import *;"
            "from journal.journal import append\n"
            "engine = open_database(Path(sys.argv[1])); create_tables(engine)\n"
            "with write(engine) as conn:\n"
            "    append(conn, at=1, actor='p', type='t', subject='s', body={})\n"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "new.db")]
        environment = os.environ | {"PYTHONPATH": str(house)}
        children = [
            subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(4)
        ]
        errors = [child.communicate()[1].decode() for child in children]
        assert [""] * 4 == errors
        engine = open_database(tmp_path / "new.db")
        with read(engine) as conn:
            assert head(conn).position == 4
        engine.dispose()


class TestGuards:
    def test_every_append_only_table_has_its_guards(self, engine: Engine) -> None:
        """Each registered table has a trigger for update, delete and replacement, by name."""
        tables = [table.name for table in metadata.sorted_tables if table.info.get("append_only")]
        assert "journal" in tables
        with raw(engine) as connection:
            query = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
            found = {name for (name,) in connection.execute(query)}
        assert {f"guard_{table}_{on}" for table in tables for on in OCCASIONS} <= found

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE journal SET actor = 'Wang'",
            "UPDATE OR IGNORE journal SET at = 5",
            "DELETE FROM journal",
            "INSERT OR REPLACE INTO journal VALUES (1, 1, 'a', 't', 's', '{}', '', '')",
            "REPLACE INTO journal VALUES (1, 1, 'a', 't', 's', '{}', '', '')",
            "INSERT INTO journal VALUES (1, 1, '', '', '', '', '', '') ON CONFLICT DO UPDATE SET at = 2",
        ],
    )
    def test_raw_sqlite_cannot_change_what_is_stored(self, engine: Engine, statement: str) -> None:
        """No statement of any program changes or removes an entry."""
        other = raw(engine)
        before = other.execute("SELECT * FROM journal").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
        assert before == other.execute("SELECT * FROM journal").fetchall()

    def test_our_own_code_cannot_either(self, engine: Engine) -> None:
        """A mistake of ours meets the same trigger."""
        with pytest.raises(IntegrityError, match="append-only"), write(engine) as conn:
            conn.execute(journal.delete())

    def test_a_missing_or_weakened_guard_is_named_and_made_again(self, engine: Engine) -> None:
        """Guards that a migration or a person took away are found, and come back."""
        other = raw(engine)
        other.execute("DROP TRIGGER guard_journal_delete")
        other.execute("DROP TRIGGER guard_journal_update")
        other.execute(
            "CREATE TRIGGER guard_journal_update BEFORE UPDATE ON journal WHEN 0 "
            "BEGIN SELECT 1; END"
        )
        with read(engine) as conn:
            assert missing_guards(conn) == ["guard_journal_update", "guard_journal_delete"]
        with write(engine) as conn:
            ensure_guards(conn)
            assert missing_guards(conn) == []
        with pytest.raises(sqlite3.IntegrityError):
            other.execute("UPDATE journal SET actor = 'Wang'")
