"""PostgreSQL: one writer at a time, guards that hold against everybody, troubles in one line."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, insert
from sqlalchemy.exc import DBAPIError

from config.database import DatabaseSettings
from hub.declared import metadata
from journal.database import (
    DatabaseError,
    create_tables,
    ensure_guards,
    missing_guards,
    open_database,
    read,
    write,
)
from journal.journal import append, entries, head, journal, verify
from journal.place import find, leave_word
from tests.support.postgres import Postgres


@pytest.fixture
def place(postgres: Postgres, request: pytest.FixtureRequest) -> DatabaseSettings:
    """A schema of its own."""
    return postgres.settings(f"t{abs(hash(request.node.nodeid)):x}")


@pytest.fixture
def engine(place: DatabaseSettings) -> Iterator[Engine]:
    """A new database with one entry."""
    engine = open_database(place)
    create_tables(engine)
    enter(engine)
    yield engine
    engine.dispose()


def enter(engine: Engine, actor: str = "Li") -> None:
    """Append an entry."""
    with write(engine) as conn:
        append(conn, at=1, actor=actor, type="test.begun", subject="x", body={"n": 1})


def schema_of(engine: Engine) -> str:
    """The schema that a test has for itself."""
    with read(engine) as conn:
        return str(conn.exec_driver_sql("SELECT current_schema()").scalar_one())


class TestGuards:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE journal SET actor = 'Wang'",
            "DELETE FROM journal",
            "TRUNCATE journal",
            "TRUNCATE journal CASCADE",
            "INSERT INTO journal SELECT * FROM journal ON CONFLICT (position) DO UPDATE SET at = 2",
            "SET session_replication_role = replica; DELETE FROM journal",
        ],
    )
    def test_no_program_changes_what_is_stored(
        self, postgres: Postgres, engine: Engine, statement: str
    ) -> None:
        """Not even a superuser's session that calls itself a replica."""
        before = f"SET search_path = {schema_of(engine)};"
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
            postgres.run_sql(before + statement)
        with read(engine) as conn:
            assert verify(conn) == []
            assert head(conn).position == 1

    @pytest.mark.parametrize(
        "weaken",
        [
            "DROP TRIGGER guard_journal_delete ON journal",
            "ALTER TABLE journal DISABLE TRIGGER guard_journal_delete",
            "ALTER TABLE journal ENABLE TRIGGER guard_journal_delete",
            (
                "CREATE OR REPLACE TRIGGER guard_journal_delete BEFORE DELETE ON journal FOR EACH ROW"
                " WHEN (false) EXECUTE FUNCTION coldwatch_refuse()"
            ),
        ],
    )
    def test_a_weakened_guard_is_named_and_made_again(self, engine: Engine, weaken: str) -> None:
        """Dropped, switched off, not for replicas, or with a condition: it comes back as it was."""
        with write(engine) as conn:
            conn.exec_driver_sql(weaken)
            assert missing_guards(conn) == ["guard_journal_delete"]
            ensure_guards(conn)
            assert missing_guards(conn) == []

    def test_a_function_that_refuses_nothing_weakens_all(self, engine: Engine) -> None:
        """The triggers stand and do nothing: each is named, and the function comes back."""
        harmless = (
            "CREATE OR REPLACE FUNCTION coldwatch_refuse() RETURNS trigger LANGUAGE plpgsql"
            " AS $$BEGIN RETURN OLD; END$$"
        )
        guarded = sum(1 for table in metadata.sorted_tables if table.info.get("append_only"))
        with write(engine) as conn:
            conn.exec_driver_sql(harmless)
            assert len(missing_guards(conn)) == 3 * guarded
            ensure_guards(conn)
            assert missing_guards(conn) == []


class TestTransactions:
    def test_writers_come_one_after_the_other(self, engine: Engine) -> None:
        """Eight threads append at once: no position is missing, none comes twice, none fails."""

        def work(number: int) -> None:
            for _ in range(10):
                enter(engine, str(number))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with read(engine) as conn:
            assert [entry.position for entry in entries(conn)] == list(range(1, 82))
            assert verify(conn) == []

    def test_whoever_waits_in_vain_may_try_again(
        self, engine: Engine, place: DatabaseSettings
    ) -> None:
        """The lock is there from the beginning of a write transaction to its end."""
        impatient = open_database(place)

        @event.listens_for(impatient, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            connection.execute("SET lock_timeout = 50")
            connection.commit()

        impatient.dispose()
        with write(engine), pytest.raises(DatabaseError) as caught, write(impatient):
            pass
        impatient.dispose()
        assert caught.value.trouble == "locked"
        assert caught.value.retryable
        enter(engine)

    def test_a_read_transaction_is_one_snapshot(self, engine: Engine) -> None:
        """What is committed meanwhile does not show in a transaction that has begun to read."""
        with read(engine) as conn:
            before = head(conn)
            enter(engine)
            assert head(conn) == before
        with read(engine) as conn:
            assert head(conn).position == 2

    def test_a_read_transaction_cannot_write(self, engine: Engine) -> None:
        """A write in a read transaction is a mistake of ours and fails at once."""
        with pytest.raises(DBAPIError, match="read-only"), read(engine) as conn:
            conn.execute(insert(journal), {"position": 2})

    def test_processes_make_the_tables_at_once(
        self, place: DatabaseSettings, house: Path, tmp_path: Path
    ) -> None:
        """Several processes that come first together do not get into each other's way."""
        leave_word(place, tmp_path)
        script = (
            "import sys; from pathlib import Path; import hub.declared;"
            "from journal.database import *; from journal.place import find; from journal.journal import append\n"
            "engine = open_database(find(Path(sys.argv[1]))); create_tables(engine)\n"
            "with write(engine) as conn:\n"
            "    append(conn, at=1, actor='p', type='t', subject='s', body={})\n"
            "engine.dispose()\n"
        )
        command = [sys.executable, "-c", script, str(tmp_path)]
        environment = os.environ | {"PYTHONPATH": str(house)}
        children = [
            subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(3)
        ]
        assert [child.communicate()[1].decode() for child in children] == [""] * 3
        engine = open_database(place)
        with read(engine) as conn:
            assert head(conn).position == 3
            assert missing_guards(conn) == []
        engine.dispose()


class TestTroubles:
    def test_a_wrong_password_is_told(self, place: DatabaseSettings, tmp_path: Path) -> None:
        """In one line, with the address and without the password."""
        file = tmp_path / "password"
        file.write_text("another one\n")
        wrong = DatabaseSettings(url=place.url, password_file=file)
        with pytest.raises(DatabaseError, match="password authentication failed") as caught:
            open_database(wrong)
        assert "\n" not in str(caught.value)
        assert "another one" not in str(caught.value)

    def test_a_password_file_that_is_not_there_is_told(self, place: DatabaseSettings) -> None:
        """Its path is named."""
        absent = DatabaseSettings(url=place.url, password_file=Path("/absent/password"))
        with pytest.raises(DatabaseError, match=r"^/absent/password: .*cannot be read"):
            open_database(absent)

    def test_pgpassfile_serves_as_well(
        self, postgres: Postgres, place: DatabaseSettings, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """Without `password_file` libpq's own file gives the password."""
        file = tmp_path / "pgpass"
        file.write_text(f"127.0.0.1:{postgres.port}:*:{postgres.user}:{postgres.password}\n")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
        open_database(DatabaseSettings(url=place.url)).dispose()

    def test_a_read_only_engine_says_so(self, engine: Engine, place: DatabaseSettings) -> None:
        """Writing through it gives one line; so does a standby."""
        reader = open_database(place, read_only=True)
        with pytest.raises(DatabaseError) as caught:
            enter(reader)
        reader.dispose()
        assert caught.value.trouble == "read-only"
        assert not caught.value.retryable

    def test_a_server_that_crashes_in_a_transaction_leaves_nothing_of_it(
        self, place: DatabaseSettings
    ) -> None:
        """The connection breaks: one line, retryable; afterwards the same engine goes on."""
        server = Postgres()
        try:
            server.start()
            engine = open_database(server.settings())
            create_tables(engine)
            enter(engine)
            with pytest.raises(DatabaseError) as caught, write(engine) as conn:  # noqa: PT012
                append(conn, at=1, actor="a", type="t", subject="s", body={})
                server.stop()
                append(conn, at=1, actor="a", type="t", subject="s", body={})
            assert caught.value.trouble == "unreachable"
            assert caught.value.retryable
            assert "\n" not in str(caught.value)
            with pytest.raises(DatabaseError, match="refused"):
                enter(engine)
            server.start()
            enter(engine)
            with read(engine) as conn:
                assert verify(conn) == []
                assert head(conn).position == 2
            engine.dispose()
        finally:
            server.remove()


class TestPlace:
    def test_the_word_tells_where_and_no_secret(
        self, place: DatabaseSettings, postgres: Postgres, tmp_path: Path
    ) -> None:
        """Who knows the state directory finds the server; the password stays in its own file."""
        assert find(tmp_path) == tmp_path / "hub.db"
        leave_word(place, tmp_path)
        assert find(tmp_path) == place
        assert postgres.password not in (tmp_path / "database.json").read_text()
        leave_word(DatabaseSettings(), tmp_path)
        assert find(tmp_path) == tmp_path / "hub.db"

    def test_a_word_that_nobody_understands_is_told(self, tmp_path: Path) -> None:
        """One line, with what to do."""
        (tmp_path / "database.json").write_text("{")
        with pytest.raises(DatabaseError, match="start the hub once"):
            find(tmp_path)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://u:secret@h/d",
            "postgresql://u@h/d?password=secret",
            "mysql://u@h/d",
            "postgresql://u@h",
        ],
    )
    def test_settings_take_no_password(self, url: str) -> None:
        """An address with a password in it, or of another server, is refused."""
        with pytest.raises(ValueError, match="url"):
            DatabaseSettings(url=url)
