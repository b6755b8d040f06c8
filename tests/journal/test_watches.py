from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from alerts.rules import Rule, Watch
from journal.database import read, write
from journal.journal import entries, head
from journal.watches import deciding, rebuild, save, watches
from tests.support.databases import new_database

HEAT = Rule("who-pqs/heat", "consecutive", 3_600_000, above=8000, holds=True)


@pytest.fixture
def engine(each_database: str, tmp_path: Path) -> Iterator[Engine]:
    """A new database."""
    engine = new_database(tmp_path)
    yield engine
    engine.dispose()


def watch(
    series: str, *, decides: bool = True, storage: tuple[int, int] | None = (2000, 8000)
) -> Watch:
    """How one series is judged."""
    return Watch(series, 60_000, 180_000, storage, decides, (HEAT,))


def enter(
    engine: Engine, *given: Watch, at: int = 100, device: str = "pi-1", stream: str = "a"
) -> bool:
    """Save the settings of a device."""
    with write(engine) as conn:
        return save(
            conn,
            "east-gate",
            {item.series: item for item in given},
            device=device,
            at=at,
            stream=stream,
            learned_at=at + 5,
        )


def series_of(engine: Engine, asset: str = "east-gate/fridge-1") -> list[str]:
    """The series that decide for an asset."""
    with read(engine) as conn:
        return [row.series for row in deciding(conn, asset)]


CENTER, UPPER = "fridge-1/center/temperature", "fridge-1/upper/temperature"


class TestSave:
    def test_the_row_has_what_exposure_needs(self, engine: Engine) -> None:
        """Storage range, interval, gap, stream and time of the newest settings."""
        assert enter(engine, watch(CENTER))
        with read(engine) as conn:
            (row,) = deciding(conn, "east-gate/fridge-1")
        assert (row.storage_low, row.storage_high) == (2000, 8000)
        assert (row.interval_ms, row.max_gap_ms) == (60_000, 180_000)
        assert (row.device, row.stream, row.since) == ("pi-1", "a", 100)

    def test_only_points_that_decide_are_asked(self, engine: Engine) -> None:
        """A point beside them is watched and does not speak for the stock."""
        enter(engine, watch(CENTER), watch(UPPER, decides=False))
        assert series_of(engine) == [CENTER]

    def test_newer_settings_replace_all_of_a_device(self, engine: Engine) -> None:
        """A series that the newer record leaves out is watched no more; other devices stay."""
        enter(engine, watch(CENTER), at=100)
        enter(engine, watch("fridge-2/center/temperature"), device="pi-2", at=100)
        enter(engine, watch(UPPER), at=200)
        assert series_of(engine) == [UPPER]
        assert series_of(engine, "east-gate/fridge-2") == ["fridge-2/center/temperature"]

    def test_older_settings_that_come_late_change_nothing_for_the_present(
        self, engine: Engine
    ) -> None:
        """They are in the journal, and the newest stay in force."""
        enter(engine, watch(UPPER), at=200)
        assert enter(engine, watch(CENTER), at=100, stream="old")
        assert series_of(engine) == [UPPER]
        with read(engine) as conn:
            assert head(conn).position == 2

    def test_a_repeat_is_not_entered_again(self, engine: Engine) -> None:
        """The same record judged once more after a crash adds nothing."""
        enter(engine, watch(CENTER))
        assert not enter(engine, watch(CENTER))
        with read(engine) as conn:
            assert head(conn).position == 1

    def test_the_entry_has_the_rules(self, engine: Engine) -> None:
        """Which rules were in force can be read from the journal."""
        enter(engine, watch(CENTER))
        with read(engine) as conn:
            (entry,) = entries(conn, types="settings.recorded")
        assert entry.body["series"][CENTER] == watch(CENTER).body()

    def test_the_journal_alone_gives_the_same_rows(self, engine: Engine) -> None:
        """Made again from the entries, late ones among them, the table is what it was."""
        enter(engine, watch(CENTER), at=100)
        enter(engine, watch(UPPER), watch(CENTER, storage=None), at=300)
        enter(engine, watch(CENTER), at=200, stream="old")
        with write(engine) as conn:
            before = conn.execute(select(watches)).all()
            conn.execute(watches.delete())
            rebuild(conn)
            assert conn.execute(select(watches)).all() == before
