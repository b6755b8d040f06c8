from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from journal.database import read, write
from journal.journal import GENESIS, MAX_FINDINGS, Head, append, entries, head, verify
from protocol.canonical import NotCanonicalError
from tests.support.databases import new_database

COUNT = 8


@pytest.fixture
def engine(each_database: str, tmp_path: Path) -> Iterator[Engine]:
    """A journal of eight entries, some of them in Chinese, in each kind of database."""
    yield from filled(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """The same in an SQLite file, of which every byte can be reached."""
    yield from filled(tmp_path)


def filled(folder: Path) -> Iterator[Engine]:
    """Fill a new database."""
    engine = new_database(folder)
    with write(engine) as conn:
        for number in range(1, COUNT + 1):
            append(
                conn,
                at=1000 + number,
                actor="李药师",
                type="test.odd" if number % 2 else "test.even",
                subject=f"subject-{number}",
                body={"n": number, "text": "2.0 °C", "list": [1, None, True]},
            )
    yield engine
    engine.dispose()


def tamper(engine: Engine, *statements: str) -> None:
    """Change the database as somebody could who owns it: triggers are put aside first."""
    with write(engine) as conn:
        if conn.dialect.name == "sqlite":
            for name in ("update", "delete", "replace"):
                conn.exec_driver_sql(f"DROP TRIGGER guard_journal_{name}")
        else:
            conn.exec_driver_sql("ALTER TABLE journal DISABLE TRIGGER USER")
        for statement in statements:
            conn.exec_driver_sql(statement)


def findings(engine: Engine, known: dict[int, str] | None = None) -> list[str]:
    """What `verify` says."""
    with read(engine) as conn:
        return verify(conn, known)


class TestAppending:
    def test_the_chain_is_what_its_definition_says(self, engine: Engine) -> None:
        """hash(n) = SHA-256(hash(n-1) || canonical JSON), recomputed here by other means."""
        last = hashlib.sha256(b"coldwatch/1 journal").hexdigest()
        with read(engine) as conn:
            rows = conn.exec_driver_sql("SELECT * FROM journal ORDER BY position").all()
        for position, at, actor, type_, subject, body, prev, stored in rows:
            hashed = {
                "position": position,
                "at": at,
                "actor": actor,
                "type": type_,
                "subject": subject,
                "body": json.loads(body),
            }
            text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert prev == last
            last = hashlib.sha256(bytes.fromhex(last) + text.encode()).hexdigest()
            assert stored == last
        assert len(rows) == COUNT

    def test_an_empty_journal_has_a_head(self, each_database: str, tmp_path: Path) -> None:
        """Before the first entry the head is position 0 and the constant that the chain begins with."""
        engine = new_database(tmp_path / "empty")
        with read(engine) as conn:
            assert head(conn) == Head(0, GENESIS)
            assert verify(conn) == []
        engine.dispose()

    @pytest.mark.parametrize("value", [1.5, 2**53, "\ud800", b"x"])
    def test_what_has_no_canonical_spelling_is_refused(self, engine: Engine, value: object) -> None:
        """A fraction or a huge integer cannot be hashed in one way only, and is not entered."""
        with pytest.raises(NotCanonicalError), write(engine) as conn:
            append(conn, at=1, actor="a", type="t", subject="s", body={"value": value})

    def test_entries_are_found_by_type_family_and_subject(self, engine: Engine) -> None:
        """A type is exact, a family ends in a dot, `after` and `limit` page, newest may come first."""

        def positions(**by: object) -> list[int]:
            with read(engine) as conn:
                return [entry.position for entry in entries(conn, **by)]  # type: ignore[arg-type]

        assert positions(types="test.odd") == [1, 3, 5, 7]
        assert positions(types="test.") == list(range(1, 9))
        assert positions(types="test") == []
        assert positions(types="tes_.") == []
        assert positions(subject="subject-4") == [4]
        assert positions(after=3, limit=2) == [4, 5]
        assert positions(newest_first=True, limit=2) == [8, 7]


class TestVerify:
    def test_an_untouched_journal_is_whole(self, engine: Engine) -> None:
        """Nothing is found where nothing was done."""
        with read(engine) as conn:
            known = {entry.position: entry.hash for entry in entries(conn)}
        assert findings(engine, known) == []

    @pytest.mark.parametrize(
        "change",
        [
            "at = at + 1",
            "actor = '王药师'",
            "type = 'test.other'",
            "subject = 'subject-6'",
            "body = replace(body, '\"n\":5', '\"n\":6')",
            "body = body || ' '",
            "prev = replace(prev, substr(prev, 1, 1), 'g')",
            "hash = 'x'",
        ],
    )
    def test_a_changed_byte_is_found(self, engine: Engine, change: str) -> None:
        """Whichever column of entry 5 was changed, the first finding names entry 5."""
        tamper(engine, f"UPDATE journal SET {change} WHERE position = 5")
        assert findings(engine)[0].startswith("entry 5 ")

    def test_text_that_is_none_any_more_is_found(self, file: Engine) -> None:
        """A byte that no text may have stops neither the search nor the command."""
        tamper(file, "UPDATE journal SET body = CAST(x'80' AS TEXT) WHERE position = 5")
        assert findings(file)[0].startswith("entry 5 ")

    def test_a_missing_entry_is_named(self, engine: Engine) -> None:
        """A hole in the positions is named from its first to its last entry."""
        tamper(engine, "DELETE FROM journal WHERE position IN (4, 5)")
        assert findings(engine) == ["entries 4 to 5 are missing"]

    def test_an_entry_taken_out_and_the_rest_moved_up_is_found(self, engine: Engine) -> None:
        """Renumbering hides the hole, and breaks every hash from there on."""
        tamper(
            engine,
            "DELETE FROM journal WHERE position = 4",
            "UPDATE journal SET position = position - 1 WHERE position > 4",
        )
        assert findings(engine)[0].startswith("entry 4 ")

    def test_an_added_entry_is_found(self, engine: Engine) -> None:
        """An entry that was put at the end without the chain is named."""
        tamper(
            engine,
            "INSERT INTO journal SELECT 9, at, actor, type, subject, body, prev, hash"
            " FROM journal WHERE position = 8",
        )
        assert findings(engine)[0].startswith("entry 9 ")

    def test_an_entry_before_the_first_is_found(self, engine: Engine) -> None:
        """Position 0 belongs to nobody."""
        tamper(
            engine,
            "INSERT INTO journal SELECT 0, at, actor, type, subject, body, prev, hash"
            " FROM journal WHERE position = 8",
        )
        assert findings(engine) == ["entry 0 was added: positions begin with 1"]

    def test_a_tail_cut_off_needs_a_head_that_was_seen(self, engine: Engine) -> None:
        """The chain alone cannot miss its own end; a head kept elsewhere can."""
        with read(engine) as conn:
            seen = head(conn)
        tamper(engine, "DELETE FROM journal WHERE position > 6")
        assert findings(engine) == []
        assert findings(engine, {seen.position: seen.hash}) == [
            "entry 8 is missing: it was seen before, and the journal ends before it"
        ]

    def test_a_journal_rewritten_whole_differs_from_the_head_that_was_seen(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        """Whoever computes the whole chain anew is found by one old hash."""
        with read(engine) as conn:
            seen = head(conn)
        other = new_database(tmp_path / "other")
        with write(other) as conn:
            for number in range(COUNT):
                append(conn, at=number, actor="a", type="t", subject="s", body={})
        assert findings(other) == []
        assert len(findings(other, {seen.position: seen.hash})) == 1
        other.dispose()

    def test_the_list_of_findings_ends(self, each_database: str, tmp_path: Path) -> None:
        """A journal that is wrong everywhere is told in some twenty lines."""
        engine = new_database(tmp_path / "long")
        with write(engine) as conn:
            for number in range(100):
                append(conn, at=number, actor="a", type="t", subject="s", body={})
        tamper(engine, "UPDATE journal SET actor = 'b'")
        found = findings(engine)
        assert len(found) == MAX_FINDINGS + 1
        assert found[-1] == "and 80 more"
        engine.dispose()

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        position=st.integers(1, COUNT),
        column=st.sampled_from(["actor", "type", "subject", "body", "prev", "hash"]),
        where=st.integers(0, 200),
        byte=st.integers(0, 255),
    )
    def test_any_byte_of_any_text_counts(
        self, file: Engine, position: int, column: str, where: int, byte: int
    ) -> None:
        """Any byte set to any other value, valid text or not, is found at its own entry."""
        path = file.get_execution_options()["coldwatch_path"]
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("DROP TRIGGER IF EXISTS guard_journal_update")
        query = f"SELECT CAST({column} AS BLOB) FROM journal WHERE position = ?"
        (before,) = connection.execute(query, (position,)).fetchone()
        where %= len(before)
        after = before[:where] + bytes([byte]) + before[where + 1 :]
        change = f"UPDATE journal SET {column} = CAST(? AS TEXT) WHERE position = ?"
        connection.execute(change, (after, position))
        found = findings(file)
        connection.execute(change, (before, position))
        connection.close()
        if after == before:
            assert found == []
        else:
            assert found[0].startswith(f"entry {position} ")
