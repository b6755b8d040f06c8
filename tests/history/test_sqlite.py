"""The SQLite adapter: the shared suite, and what only a file can do to you."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

import history.sqlite
from history import hours
from history.port import Bucket, History, HistoryUnavailableError, RecordDiffersError
from history.sqlite import SqliteHistory
from history.sqlite_file import DERIVED, GUARDED
from tests.history.model import SERIES, SITES, STREAMS, reading, record
from tests.history.suite import HistorySuite, seqs


@contextmanager
def fresh(**arguments: object) -> Iterator[SqliteHistory]:
    """Open a store in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteHistory(Path(folder) / "history.db", **arguments)  # type: ignore[arg-type]
        try:
            yield store
        finally:
            store.close()


class TestSqlite(HistorySuite):
    def store(self) -> AbstractContextManager[History]:
        """Return a store in a file of its own."""
        return fresh()


class TestSqliteBySmallPages(HistorySuite):
    """The same suite where every page holds two rows: no page border loses or doubles one."""

    @contextmanager
    def store(self) -> Iterator[History]:
        """Return a store in a file of its own."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history.sqlite, "PAGE", 2)
            patch.setattr(history.sqlite, "SAMPLES_PAGE", 2)
            with fresh() as store:
                yield store


def filled(path: Path, upto: int = 3) -> SqliteHistory:
    """Return a store with a few readings and a settings record."""
    store = SqliteHistory(path)
    store.append([record(STREAMS[0], reading(seq, seq * 10)) for seq in range(1, upto + 1)])
    store.append([record(STREAMS[0], {"kind": "settings", "seq": upto + 1})])
    return store


class TestGuards:
    @pytest.mark.parametrize("table", GUARDED)
    @pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET rowid = rowid"])
    def test_nothing_is_changed(self, tmp_path: Path, table: str, change: str) -> None:
        """Every table refuses UPDATE and DELETE, from any program that opens the file."""
        filled(tmp_path / "history.db").close()
        other = sqlite3.connect(tmp_path / "history.db")
        column = "seq" if table in {"readings", "bodies"} else "id"
        with pytest.raises(sqlite3.IntegrityError, match=f"append-only: .* of {table} refused"):
            other.execute(change.replace("rowid", column).format(table))
        other.close()

    def test_guards_come_back(self, tmp_path: Path) -> None:
        """A guard that somebody dropped is there again after the next start."""
        path = tmp_path / "history.db"
        filled(path).close()
        other = sqlite3.connect(path)
        other.execute("DROP TRIGGER readings_no_delete")
        other.close()
        SqliteHistory(path).close()

        other = sqlite3.connect(path)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute("DELETE FROM readings")
        other.close()

    def test_all_tables_are_guarded(self, tmp_path: Path) -> None:
        """A table that is added later must be guarded too, or be one that can be made again."""
        filled(tmp_path / "history.db").close()
        other = sqlite3.connect(tmp_path / "history.db")
        tables = {
            name for (name,) in other.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        }
        other.close()

        assert tables == {*GUARDED, *DERIVED}


class TestFile:
    def test_durable_settings(self, tmp_path: Path) -> None:
        """The writer commits with WAL and synchronous FULL: what it answered survives a power cut."""
        store = filled(tmp_path / "history.db")
        assert store._writer is not None
        mode = store._writer.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = store._writer.execute("PRAGMA synchronous").fetchone()[0]
        store.close()

        assert (mode, synchronous) == ("wal", 2)

    def test_opened_again(self, tmp_path: Path) -> None:
        """What was stored is there after closing and opening, and names keep their numbers."""
        filled(tmp_path / "history.db").close()
        store = SqliteHistory(tmp_path / "history.db")
        store.append([record(STREAMS[0], reading(5, 50, 1, "suspect:stuck"))])

        assert seqs(store.readings(SITES[0], SERIES[0], 0, 99)) == [1, 2, 3, 5]
        assert [STREAMS[0]] == store.streams()
        store.close()

    def test_killed_while_appending(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After SIGKILL all that was answered is there, every batch whole or not at all, hours too."""
        program = (
            "import sys; from pathlib import Path; from history.sqlite import SqliteHistory;"
            "from tests.history.model import STREAMS, reading, record\n"
            "from history import hours; hours.HOUR_MS = 10\n"
            "store = SqliteHistory(Path(sys.argv[1]))\n"
            "for first in range(1, 10**9, 7):\n"
            "    store.append([record(STREAMS[0], reading(n, n)) for n in range(first, first + 7)])\n"
            "    print(first + 6, flush=True)\n"
        )
        path = tmp_path / "history.db"
        monkeypatch.setattr(hours, "HOUR_MS", 10)
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(path)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        answered = [int(child.stdout.readline()) for _ in range(50)]
        child.send_signal(signal.SIGKILL)
        answered += [int(line) for line in child.stdout.read().splitlines() if line]
        child.wait()
        child.stdout.close()
        store = SqliteHistory(path)
        found = [seq for seq, _ in store.records(STREAMS[0])]
        differ = store.rebuild_hours()
        store.close()

        assert differ == []
        assert len(found) >= answered[-1]
        assert found == list(range(1, len(found) + 1))
        assert len(found) % 7 == 0


class TestReadOnly:
    def test_no_file_yet(self, tmp_path: Path) -> None:
        """Before the hub's first start every question has an empty answer, and no file appears."""
        store = SqliteHistory(tmp_path / "history.db", read_only=True)

        assert store.count() == 0
        assert store.streams() == []
        assert store.latest() == {}
        assert store.series("east-gate") == []
        assert list(store.records("0")) == []
        assert list(store.readings("s", SERIES[0], 0, 9)) == []
        assert len(store.samples("s", SERIES[0], 0, 9).times) == 0
        assert store.last_before("s", SERIES[0], 9) is None
        assert store.settled("s", SERIES[0]) is None
        buckets = store.envelope("s", SERIES[0], 0, 9, 3, interval_ms=1, max_gap_ms=1)
        assert [bucket.unknown_ms for bucket in buckets] == [3, 3, 3]
        assert list(tmp_path.iterdir()) == []

        writer = filled(tmp_path / "history.db")
        assert store.count() == 4
        writer.close()
        store.close()

    def test_file_without_tables_yet(self, tmp_path: Path) -> None:
        """A file that its writer has only just made is as good as none."""
        (tmp_path / "history.db").touch()
        store = SqliteHistory(tmp_path / "history.db", read_only=True)

        assert store.count() == 0
        filled(tmp_path / "history.db").close()
        assert store.count() == 4
        store.close()

    def test_refuses_to_write(self, tmp_path: Path) -> None:
        """A store opened for reading refuses to append, and its connections cannot."""
        filled(tmp_path / "history.db").close()
        store = SqliteHistory(tmp_path / "history.db", read_only=True)
        with pytest.raises(HistoryUnavailableError, match="open for reading only"):
            store.append([record(STREAMS[0], reading(9, 9))])
        with pytest.raises(HistoryUnavailableError, match="cannot be written"):
            store._readers.rows("INSERT INTO streams VALUES (9, 'x')", ())
        store.close()

    def test_another_process_while_the_hub_writes(self, tmp_path: Path) -> None:
        """Another process reads growing, whole batches while this one writes."""
        program = (
            "import sys; from pathlib import Path; from history.sqlite import SqliteHistory\n"
            "store = SqliteHistory(Path(sys.argv[1]), read_only=True)\n"
            "while (count := store.count()) < 1000: print(count, flush=True)\n"
            "print(count); store.close()\n"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "history.db")],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        store = SqliteHistory(tmp_path / "history.db")
        for start in range(1, 1001, 10):
            store.append(
                [record(STREAMS[0], reading(seq, seq)) for seq in range(start, start + 10)]
            )
        counts = [int(first), *map(int, child.stdout)]
        child.stdout.close()

        assert child.wait() == 0
        assert (counts[0], counts[-1]) == (0, 1000)
        assert counts == sorted(counts)
        assert {count % 10 for count in counts} == {0}
        store.close()


class TestErrors:
    def test_disk_full(self, tmp_path: Path) -> None:
        """A full disk is said in one line, the batch leaves no trace, and later it works again."""
        store = filled(tmp_path / "history.db")
        assert store._writer is not None
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages + 1}")
        batch = [
            record(STREAMS[1], reading(seq, seq) | {"boot": f"b{seq}"}) for seq in range(1, 2000)
        ]
        with pytest.raises(HistoryUnavailableError, match="the disk is full; free some space"):
            store.append(batch)
        assert store.count() == 4
        assert [STREAMS[0]] == store.streams()

        store._writer.execute("PRAGMA max_page_count = 1000000")
        store.append(batch)
        assert [body for _, body in store.records(STREAMS[1])] == [item.body for item in batch]
        store.close()

    def test_locked(self, tmp_path: Path) -> None:
        """A lock that another process keeps is said; when it is gone the same call works."""
        filled(tmp_path / "history.db").close()
        store = SqliteHistory(tmp_path / "history.db", busy_timeout_ms=20)
        other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryUnavailableError, match="another process keeps it locked"):
            store.append([record(STREAMS[0], reading(9, 9))])
        assert store.count() == 4
        other.execute("ROLLBACK")
        other.close()
        store.append([record(STREAMS[0], reading(9, 9))])

        assert store.count() == 5
        store.close()

    @pytest.mark.parametrize("read_only", [False, True])
    def test_no_database(self, tmp_path: Path, read_only: bool) -> None:
        """A file that is something else is named as damaged, with what to do."""
        path = tmp_path / "history.db"
        path.write_bytes(b"this is no database at all, but long enough to be one" * 100)
        with pytest.raises(HistoryUnavailableError, match=r"history\.db: it is damaged .* restore"):
            SqliteHistory(path, read_only=read_only).count()

    def test_damaged(self, tmp_path: Path) -> None:
        """Damaged pages are said when they are met, by every question, and never as an empty answer."""
        path = tmp_path / "history.db"
        filled(path, 3000).close()
        content = bytearray(path.read_bytes())
        content[8192:] = os.urandom(len(content) - 8192)
        path.write_bytes(content)
        store = SqliteHistory(path, read_only=True)
        questions: list[Callable[[], object]] = [
            store.count,
            lambda: list(store.records(STREAMS[0])),
            lambda: store.samples(SITES[0], SERIES[0], 0, 10**9),
        ]
        for question in questions:
            with pytest.raises(HistoryUnavailableError, match="damaged"):
                question()
        store.close()

    def test_no_folder(self, tmp_path: Path) -> None:
        """A folder that does not exist is named."""
        with pytest.raises(HistoryUnavailableError, match="check that its folder exists"):
            SqliteHistory(tmp_path / "nowhere" / "history.db")

    @pytest.mark.parametrize("read_only", [False, True])
    def test_newer_version(self, tmp_path: Path, read_only: bool) -> None:
        """A file of a later version is left alone."""
        path = tmp_path / "history.db"
        filled(path).close()
        other = sqlite3.connect(path)
        other.execute("PRAGMA user_version = 99")
        other.close()
        with pytest.raises(HistoryUnavailableError, match="newer version of coldwatch"):
            SqliteHistory(path, read_only=read_only).count()

    def test_closed(self, tmp_path: Path) -> None:
        """A closed store says so, and closing twice does no harm."""
        store = filled(tmp_path / "history.db")
        assert store.count() == 4
        store.close()
        store.close()
        with pytest.raises(HistoryUnavailableError, match="is closed"):
            store.count()
        with pytest.raises(HistoryUnavailableError, match="is closed"):
            store.append([record(STREAMS[0], reading(9, 9))])

    def test_a_fault_of_ours_is_not_called_an_outage(self, tmp_path: Path) -> None:
        """A body that is no checked reading raises at once: calling again would never help."""
        store = filled(tmp_path / "history.db")
        with pytest.raises(sqlite3.IntegrityError):
            store.append([record(STREAMS[0], reading(9, 9) | {"at": None})])
        assert store.count() == 4
        store.append([record(STREAMS[0], reading(9, 9))])
        assert store.count() == 5
        store.close()


def test_readers_do_not_keep_the_wal(tmp_path: Path) -> None:
    """A page that is never read to its end does not stop the WAL from being written back."""
    store = filled(tmp_path / "history.db")
    half_read = store.readings(SITES[0], SERIES[0], 0, 10**9)
    next(half_read)
    assert store._writer is not None
    busy, _, _ = store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    assert busy == 0
    half_read.close()  # type: ignore[attr-defined]
    store.close()


def chart(store: SqliteHistory, start: int, end: int, buckets: int) -> list[Bucket]:
    """Return the envelope of the first series where a reading holds for at most 30 ms."""
    return store.envelope(SITES[0], SERIES[0], start, end, buckets, interval_ms=10, max_gap_ms=30)


class TestHours:
    """The roll-up of history.db: made when readings are written, and made again when asked."""

    @pytest.fixture(autouse=True)
    def _short_hours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hours, "HOUR_MS", 20)

    def test_a_file_of_the_first_version(self, tmp_path: Path) -> None:
        """A file made by 0.1.0 is rolled once when it is opened; what it had is untouched."""
        path = tmp_path / "history.db"
        script = (Path(__file__).parent / "history-v1.sql").read_text()
        old = sqlite3.connect(path)
        old.executescript(script)
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        rows = old.execute("SELECT * FROM readings ORDER BY stream, seq").fetchall()
        old.close()
        first, last = rows[0][3], rows[-1][3]
        asked = first, last + 1, 5
        reader = SqliteHistory(path, read_only=True)
        before = chart(reader, *asked)
        reader.close()

        store = SqliteHistory(path)
        assert sum(bucket.count for bucket in before) > 5
        assert before == chart(store, *asked)
        assert store.rebuild_hours() == []
        assert store.hours(SITES[0], SERIES[0], 0, 2**42)
        store.append([record(STREAMS[2], reading(1, 500))])
        store.close()
        new = sqlite3.connect(path)
        assert new.execute("PRAGMA user_version").fetchone() == (2,)
        assert set(rows) <= set(new.execute("SELECT * FROM readings"))
        new.close()

    def test_a_changed_hour_is_found_and_put_right(self, tmp_path: Path) -> None:
        """Somebody who hides a crossing in the hours is found by a rebuild, with series and hour."""
        path = tmp_path / "history.db"
        store = SqliteHistory(path)
        store.append([record(STREAMS[0], reading(seq, seq * 5, 9_500)) for seq in range(1, 40)])
        honest = chart(store, 0, 200, 3)
        other = sqlite3.connect(path)
        other.execute("UPDATE hours SET maximum = 5000 WHERE start = 40")
        other.execute("DELETE FROM hours WHERE start = 60")
        other.commit()
        other.close()
        assert honest != chart(store, 0, 200, 3)

        differ = store.rebuild_hours()

        assert [(item.site, item.series, item.start) for item in differ] == [
            (SITES[0], SERIES[0], 40),
            (SITES[0], SERIES[0], 60),
        ]
        assert honest == chart(store, 0, 200, 3)
        assert store.rebuild_hours() == []
        store.close()

    def test_after_a_rollback_nothing_is_remembered(self, tmp_path: Path) -> None:
        """A batch that was refused leaves no hour behind, and the next one is rolled as ever."""
        store = SqliteHistory(tmp_path / "history.db")
        store.append([record(STREAMS[0], reading(seq, seq * 5)) for seq in range(1, 10)])
        with pytest.raises(RecordDiffersError):
            store.append(
                [
                    record(STREAMS[0], reading(10, 900, 9_500)),
                    record(STREAMS[0], reading(2, 10, 1)),
                ]
            )
        store.append([record(STREAMS[0], reading(seq, seq * 5)) for seq in range(10, 30)])

        assert store.rebuild_hours() == []
        assert [hour.maximum for hour in store.hours(SITES[0], SERIES[0], 0, 1_000)] == [5_000] * 8
        store.close()
