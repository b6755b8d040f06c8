"""The hours of history.db: at every commit they are what the readings say, whatever happened."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history import hours, hours_sqlite, sqlite_hours
from history.hours import Hour, raw_of, roll_all
from history.port import Bucket, HistoryUnavailableError, RecordDiffersError, StoredRecord
from history.sqlite import SqliteHistory
from history.sqlite_hours import HourDiffers
from tests.history.model import SERIES, SITES, STREAMS, Model, reading, record, stored
from tests.history.suite import envelope_of, slower
from tests.history.test_sqlite import fresh

HOUR = 3_600_000
KEY = SITES[0], SERIES[0]
EVER = -(2**53), 2**53


def of_model(records: list[StoredRecord], site: str, name: str) -> list[Hour]:
    """Return the hours of a series by the plain list of the records."""
    return roll_all(raw_of(item.reading) for item in Model(records).readings(site, name))


def at_hour(stream: int, seq: int, hour: float, value: int = 5000) -> StoredRecord:
    """Return a reading of the first series, so many hours after 1970."""
    return record(STREAMS[stream], reading(seq, int(hour * HOUR), value))


def kept(path: Path) -> list[tuple[int, int]]:
    """Return start (in hours) and number of readings of every hour in the table."""
    other = sqlite3.connect(path)
    rows = other.execute("SELECT start / 3600000, readings FROM hours ORDER BY series, start")
    found = rows.fetchall()
    other.close()
    return found


def chart(store: SqliteHistory, start: int, end: int) -> list[Bucket]:
    """Return an envelope with a bucket for each hour."""
    return store.envelope(
        *KEY, start, end, (end - start) // HOUR, interval_ms=60_000, max_gap_ms=900_000
    )


def tampered(path: Path, *statements: str) -> None:
    """Change a file as somebody with an editor could."""
    other = sqlite3.connect(path)
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()


class TestKeeping:
    @slower
    @given(
        stored(),
        st.lists(st.tuples(st.integers(0, 25), st.integers(0, 6)), max_size=4),
        st.integers(1, 12),
        st.booleans(),
    )
    def test_after_every_batch(
        self,
        records: list[StoredRecord],
        cuts: list[tuple[int, int]],
        hour: int,
        refused: bool,
    ) -> None:
        """Late, repeated and refused batches leave the hours of all readings, and no open one.

        A batch that is refused comes between any two; it would have opened an hour far away.
        """
        borders = [(0, 0), *sorted(cuts), (len(records), 0)]
        with pytest.MonkeyPatch.context() as patch, fresh() as store:
            patch.setattr(hours, "HOUR_MS", hour)
            patch.setattr(sqlite_hours, "PAGE", 3)
            for (begin, again), (finish, _) in pairwise(borders):
                if refused and begin and records:
                    ahead = record(STREAMS[1], reading(99, 9 * 10**12))
                    differs = replace(records[0], body=records[0].body | {"more": "than it had"})
                    with pytest.raises(RecordDiffersError):
                        store.append([ahead, differs])
                store.append(records[max(0, begin - again) : finish])
                for site in SITES:
                    for name in SERIES:
                        expected = of_model(records[:finish], site, name)
                        assert expected == store.hours(site, name, *EVER)
                assert store.rebuild_hours() == []
            open_hours = sum(bool(Model(records).readings(s, n)) for s in SITES for n in SERIES)
            every = sum(len(of_model(records, s, n)) for s in SITES for n in SERIES)
            assert store._writer is not None
            (rows,) = store._writer.execute("SELECT count(*) FROM hours").fetchone()
            assert every - open_hours == rows

    def test_closed_by_the_next_hour(self, tmp_path: Path) -> None:
        """An hour is kept when a later one begins, and again when a reading comes late to it."""
        store = SqliteHistory(tmp_path / "history.db")
        seen = []
        for seq, hour in enumerate((1.0, 1.5, 2.1, 5.0, 2.2, 1.2, 5.5), 1):
            store.append([at_hour(0, seq, hour)])
            seen.append(kept(tmp_path / "history.db"))
        store.close()

        assert seen == [
            [],
            [],
            [(1, 2)],
            [(1, 2), (2, 1)],
            [(1, 2), (2, 2)],
            [(1, 3), (2, 2)],
            [(1, 3), (2, 2)],
        ]

    def test_a_clock_far_ahead(self, tmp_path: Path) -> None:
        """A reading of the year 2100 makes all later ones late, and nothing wrong."""
        store = SqliteHistory(tmp_path / "history.db")
        store.append([at_hour(0, 1, 1_100_000)])
        for seq in range(2, 12):
            store.append([at_hour(1, seq, seq / 3)])
        found = store.hours(*KEY, *EVER)

        assert [hour.readings for hour in found] == [1, 3, 3, 3, 1]
        assert store.rebuild_hours() == []
        store.close()

    def test_opened_again(self, tmp_path: Path) -> None:
        """What was open when the hub stopped is kept by the next run."""
        for seq, hour in enumerate((1.0, 1.5, 2.1), 1):
            store = SqliteHistory(tmp_path / "history.db")
            store.append([at_hour(0, seq, hour)])
            store.close()

        assert kept(tmp_path / "history.db") == [(1, 2)]

    def test_another_writer(self, tmp_path: Path) -> None:
        """What is open is asked again when another connection has written meanwhile."""
        one, two = (SqliteHistory(tmp_path / "history.db") for _ in range(2))
        one.append([at_hour(0, 1, 1.0)])
        two.append([at_hour(1, 1, 3.0)])
        one.append([at_hour(0, 2, 1.5)])

        assert kept(tmp_path / "history.db") == [(1, 2)]
        assert one.rebuild_hours() == []
        one.close()
        two.close()

    def test_a_chart_of_hours_reads_few_readings(self, tmp_path: Path) -> None:
        """A chart is made from the table: an hour that was changed there shows in it."""
        store = SqliteHistory(tmp_path / "history.db")
        store.append([at_hour(0, seq, seq / 60) for seq in range(1, 600)])
        tampered(tmp_path / "history.db", f"UPDATE hours SET maximum = 9999 WHERE start = {HOUR}")
        buckets = chart(store, 0, 11 * HOUR)

        assert [bucket.maximum for bucket in buckets] == [5000, 9999, *[5000] * 8, None]
        assert [bucket.unknown_ms for bucket in buckets] == [60_000, *[0] * 9, HOUR]
        store.close()


class TestRebuild:
    def test_what_was_changed_is_named_and_put_right(self, tmp_path: Path) -> None:
        """A changed hour, one too few and one too many are each returned once, then all is right."""
        path = tmp_path / "history.db"
        store = SqliteHistory(path)
        store.append([at_hour(0, seq, seq / 2) for seq in range(1, 12)])
        right = store.hours(*KEY, *EVER)
        assert store.rebuild_hours() == []
        tampered(
            path,
            f"UPDATE hours SET minimum = 4999 WHERE start = {HOUR}",
            f"DELETE FROM hours WHERE start = {2 * HOUR}",
            f"INSERT INTO hours SELECT series, {9 * HOUR}, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0 FROM hours LIMIT 1",
        )
        differ = store.rebuild_hours()
        wrong = right[1]._replace(minimum=4999)
        extra = Hour(9 * HOUR, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0)

        assert differ == [
            HourDiffers(*KEY, HOUR, wrong, right[1]),
            HourDiffers(*KEY, 2 * HOUR, None, right[2]),
            HourDiffers(*KEY, 9 * HOUR, extra, None),
        ]
        assert right == store.hours(*KEY, *EVER)
        assert store.rebuild_hours() == []
        store.close()

    def test_only_a_writer_can(self, tmp_path: Path) -> None:
        """Who reads only gets one line."""
        writer = SqliteHistory(tmp_path / "history.db")
        writer.append([at_hour(0, 1, 1.0)])
        writer.close()
        store = SqliteHistory(tmp_path / "history.db", read_only=True)
        with pytest.raises(HistoryUnavailableError, match="open for reading only"):
            store.rebuild_hours()
        store.close()


class TestVersionOne:
    """A file that coldwatch 0.1.0 made, as text; see its first line."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Return a fresh copy of it."""
        path = tmp_path / "history.db"
        other = sqlite3.connect(path)
        other.executescript((Path(__file__).parent / "history-v1.sql").read_text())
        other.close()
        return path

    def test_is_brought_up_to_date(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The next hub rolls its readings once, says so in one line, and keeps everything."""
        caplog.set_level(logging.INFO)
        store = SqliteHistory(path)
        store.close()
        said = [line.getMessage() for line in caplog.records]
        SqliteHistory(path).close()

        assert len(said) == len(caplog.records) == 1
        assert "hours of 24 readings rolled once for all" in said[0]
        assert [count for _, count in kept(path)] == [8, 6, 8]
        store = SqliteHistory(path)
        assert store.rebuild_hours() == []
        assert store.count() == 30
        store.append([record(STREAMS[0], reading(17, 1_700_050_000_000))])
        assert store.rebuild_hours() == []
        store.close()

    def test_progress_is_said(
        self, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file that takes long says how far it is."""
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(sqlite_hours, "SAY_EVERY_S", -1)
        monkeypatch.setattr(sqlite_hours, "PAGE", 10)
        SqliteHistory(path).close()

        assert "hours rolled of 8 of 29 readings" in caplog.text

    def test_is_read_as_it_is(self, path: Path) -> None:
        """A console that is newer than the hub makes the chart, and the hours, of readings."""
        store = SqliteHistory(path, read_only=True)
        start = 1_700_000_000_000 // HOUR * HOUR
        span = start - HOUR, start + 6 * HOUR
        before = chart(store, *span), store.hours(*KEY, *EVER)
        store.close()
        SqliteHistory(path).close()
        store = SqliteHistory(path, read_only=True)
        after = chart(store, *span), store.hours(*KEY, *EVER)
        store.close()

        assert before == after
        assert [bucket.count for bucket in after[0]] == [0, 8, 6, 8, 4, 0, 0]
        assert [hour.readings for hour in after[1]] == [8, 6, 8, 4]

    def test_interrupted(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A migration that fails leaves the file as it was."""
        with monkeypatch.context() as patch:
            patch.setattr(hours_sqlite, "write", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                SqliteHistory(path)
        other = sqlite3.connect(path)
        version = other.execute("PRAGMA user_version").fetchone()
        assert not hours_sqlite.present(other)
        other.close()

        assert version == (1,)


def test_envelope_of_suite_is_by_hours() -> None:
    """The shared suite's property is about the table: with hours made wrong its answer is wrong."""
    records = [record(STREAMS[0], reading(seq, seq)) for seq in range(1, 30)]
    with pytest.MonkeyPatch.context() as patch, fresh() as store:
        patch.setattr(hours, "HOUR_MS", 4)
        store.append(records)
        assert store._writer is not None
        store._writer.execute("UPDATE hours SET last = 1")
        found = store.envelope(*KEY, 0, 30, 5, interval_ms=1, max_gap_ms=2)

        assert envelope_of(records, 0, 30, 5, (1, 2)) != found
