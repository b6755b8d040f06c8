from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from alerts.rules import Rule, Watch
from journal.database import read, write
from journal.journal import entries, head
from journal.watches import LOOSENED, deciding, rebuild, save, watches
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


class TestLoosened:
    """Settings that watch less strictly than those before are marked, and refused to nobody."""

    def loosened(self, engine: Engine) -> list[Any]:
        """Return what the entries say, in their order."""
        with read(engine) as conn:
            return [entry.body["series"] for entry in entries(conn, types=LOOSENED)]

    def test_a_tighter_or_the_same_watch_is_no_entry(self, engine: Engine) -> None:
        """Another stream, another interval, a rule more, a narrower range, a point more."""
        enter(engine, watch(CENTER), at=100)
        enter(engine, watch(CENTER), at=200, stream="b")
        strict = replace(watch(CENTER), rules=(HEAT, replace(HEAT, id="own/heat", for_ms=1)))
        enter(engine, replace(strict, storage=(3000, 7000), interval_ms=30_000), at=300)
        enter(engine, strict, watch(UPPER), at=250, stream="late")
        assert self.loosened(engine) == []

    @pytest.mark.parametrize(
        ("change", "way"),
        [
            ({"rules": ()}, "without who-pqs/heat"),
            (
                {"rules": (replace(HEAT, for_ms=7_200_000),)},
                "who-pqs/heat: `delay` is 7200 s instead of 3600 s",
            ),
            ({"decides": False}, "it decides no more"),
            ({"max_gap_ms": 600_000}, "`max_gap` is 600 s instead of 180 s"),
            ({"storage": (2000, 25000)}, "`storage` is 2.0 to 25.0 instead of 2.0 to 8.0"),
            ({"storage": None}, "`storage` is gone"),
        ],
    )
    def test_each_way_is_named_and_its_reason(
        self, engine: Engine, change: Any, way: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Without a reason the hub's log says it, too; one from before explains nothing new."""
        old = replace(watch(CENTER), rules_reason="a cool box, in spring")
        enter(engine, old, at=100)
        enter(engine, replace(old, **change), at=200)
        assert self.loosened(engine) == [{CENTER: {"ways": [way], "because": ""}}]
        assert f"{CENTER} is watched less strictly, and nobody said why: {way}" in caplog.text

        caplog.clear()
        enter(engine, old, at=300)
        enter(engine, replace(old, **change, rules_reason="no vaccine in it"), at=400)
        assert self.loosened(engine)[1:] == [
            {CENTER: {"ways": [way], "because": "no vaccine in it"}}
        ]
        assert caplog.text == ""

    def test_two_points_that_change_places_are_compared_as_before(self, engine: Engine) -> None:
        """A disagreement stands at whichever comes first in the file."""
        apart = Rule("equipment/apart/x", "disagreement", 1, apart=500, other=UPPER)
        enter(engine, replace(watch(CENTER), rules=(apart,)), replace(watch(UPPER), rules=()))
        turned = replace(apart, other=CENTER)
        enter(
            engine, replace(watch(CENTER), rules=()), replace(watch(UPPER), rules=(turned,)), at=200
        )
        assert self.loosened(engine) == []
        laxer = replace(turned, apart=4000)
        enter(
            engine, replace(watch(CENTER), rules=()), replace(watch(UPPER), rules=(laxer,)), at=300
        )
        assert [list(each) for each in self.loosened(engine)] == [[UPPER]]
