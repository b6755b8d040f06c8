"""States where several points decide, devices are replaced, or clocks are wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alerts.rules import Watch
from history.port import StoredRecord
from history.sqlite import SqliteHistory
from hub.tables import devices
from journal import watches
from journal.database import create_tables, open_database, write
from tests.console.client import Client, open_folder
from tests.console.story import DAY, HOUR, settings
from tests.support.sender import MINUTE

NOW = 1_764_028_800_000
KEY = "/api/assets/van/box-6"
UPPER, LOWER = "box-6/upper/temperature", "box-6/lower/temperature"


@dataclass
class Bench:
    """A cool box with two deciding points, and a console beside it."""

    folder: Path
    seq: int = 0
    console: Client = field(init=False)

    def __post_init__(self) -> None:
        self.engine = open_database(self.folder / "hub.db")
        create_tables(self.engine)
        self.history = SqliteHistory(self.folder / "history.db")
        self.settings(NOW - 3 * DAY)
        self.heard("pi-van", NOW)
        self.console = open_folder(settings(self.folder), NOW)

    def settings(
        self, at: int, device: str = "pi-van", high: int = 8_000, gap: int = 3 * MINUTE
    ) -> None:
        """Let a device's settings come."""
        both = {
            series: Watch(series, MINUTE, gap, (2_000, high), decides=True, rules=())
            for series in (UPPER, LOWER)
        }
        with write(self.engine) as conn:
            watches.save(
                conn, "van", both, device=device, at=at, stream=device.ljust(32, "0"),
                learned_at=at,
            )  # fmt: skip

    def heard(self, device: str, at: int) -> None:
        """Let a device be heard."""
        with write(self.engine) as conn:
            conn.execute(
                devices.insert().values(device=device, site="van", heard_at=at, status="{}")
            )

    def read_all(self, rows: list[tuple[str, int, int]]) -> None:
        """Let many readings come: series, value, how long ago."""
        self.history.append([self._record(*row) for row in rows])

    def read(self, series: str, value: int | None, ago: int, **more: Any) -> None:
        """Let a reading come."""
        self.history.append([self._record(series, value, ago, **more)])

    def _record(self, series: str, value: int | None, ago: int, **more: Any) -> StoredRecord:
        self.seq += 1
        body = {
            "kind": "reading", "seq": self.seq, "series": series, "at": NOW - ago,
            "boot": "b" * 32, "mono_ms": self.seq, "value": value, "quality": "ok",
            "clock": "synced",
        } | more  # fmt: skip
        return StoredRecord("van", "a" * 32, body, NOW)

    def asset(self) -> Any:
        """Return the box as the console shows it."""
        return self.console.json(KEY)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A box of which nothing has been read."""
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("upper", "lower", "state"),
    [
        (5_000, 5_000, "inside"),
        (8_000, 2_000, "inside"),
        (8_001, 5_000, "above"),
        (5_000, 1_999, "below"),
        (8_001, 1_999, "both"),
        (None, 5_000, "silent"),
        (5_000, None, "silent"),
        (None, 8_001, "above"),
        (None, 1_999, "below"),
        (None, None, "silent"),
    ],
)
def test_the_worst_point_speaks(
    bench: Bench, upper: int | None, lower: int | None, state: str
) -> None:
    """Outside goes before silence and silence before inside; None is a point that is silent."""
    for series, value in ((UPPER, upper), (LOWER, lower)):
        bench.read(series, 5_000, HOUR)
        if value is not None:
            bench.read(series, value, MINUTE)
    assert bench.asset()["state"] == state


def test_a_point_that_never_spoke_is_not_inside(bench: Bench) -> None:
    """Where one of two points has never given a reading, the asset is not inside."""
    bench.read(UPPER, 5_000, MINUTE)
    assert bench.asset()["state"] == "silent"
    assert bench.asset()["day"]["inside_ms"] == 0


def test_without_a_range_nothing_is_inside(bench: Bench) -> None:
    """Fresh values of an asset whose storage range nobody set are no sign that all is well."""
    watch = Watch(UPPER, MINUTE, 3 * MINUTE, None, decides=True, rules=())
    with write(bench.engine) as conn:
        watches.save(
            conn, "van", {UPPER: watch}, device="pi-van", at=NOW - DAY, stream="c" * 32,
            learned_at=NOW,
        )  # fmt: skip
    bench.read(UPPER, 5_000, MINUTE)
    shown = bench.asset()
    assert (shown["state"], shown["day"]["inside_ms"]) == ("none", 0)
    text = bench.console.text("/")
    assert "Cool Box No data no storage range is set 5.0 °C" in text.replace("\xa0", " ")


def test_above_since_the_first_of_both(bench: Bench) -> None:
    """One point takes over from the other without a break: too hot since the first of them."""
    for minute in range(60, -1, -1):
        hot = 20 <= minute <= 40 or 50 <= minute <= 55
        bench.read(UPPER, 9_000 if hot else 5_000, minute * MINUTE)
        bench.read(LOWER, 9_000 if minute <= 20 else 5_000, minute * MINUTE)
    assert (bench.asset()["state"], bench.asset()["since"]) == ("above", NOW - 40 * MINUTE)


def test_a_lost_device_is_lost_whatever_it_said_last(bench: Bench) -> None:
    """Without contact the last value, however fine, is stale; also where readings hold for long."""
    bench.settings(NOW - DAY, gap=HOUR)
    for series in (UPPER, LOWER):
        bench.read(series, 5_000, MINUTE)
    bench.console.clock.at = NOW + 16 * MINUTE
    shown = bench.asset()
    assert (shown["state"], [point["stale"] for point in shown["points"]]) == ("lost", [True] * 2)


def test_the_device_that_was_set_up_last_speaks_for_a_series(bench: Bench) -> None:
    """A device that was replaced does not make its successor's fridge look lost."""
    bench.settings(NOW - 2 * DAY, "pi-new", high=8_500)
    bench.heard("pi-new", NOW)
    with write(bench.engine) as conn:
        conn.execute(
            devices.update().where(devices.c.device == "pi-van").values(heard_at=NOW - DAY)
        )
    for series in (UPPER, LOWER):
        bench.read(series, 8_300, MINUTE)
    shown = bench.asset()
    assert (shown["state"], shown["storage_high"]) == ("inside", 8_500)
    assert {point["device"] for point in shown["points"]} == {"pi-new"}


def test_the_week_begins_with_the_first_reading(bench: Bench) -> None:
    """Time before anything was measured is no unknown time of the week or the day."""
    bench.read_all(
        [(each, 5_000, m * MINUTE) for m in range(90, -1, -1) for each in (UPPER, LOWER)]
    )
    shown = bench.asset()
    assert shown["week"]["start"] == shown["day"]["start"] == NOW - 90 * MINUTE
    assert shown["week"]["unknown_ms"] == 0
    assert shown["trace"]["start"] == shown["since"] == NOW - 90 * MINUTE


def test_since_is_not_known_beyond_a_day(bench: Bench) -> None:
    """What has been so for more than a day is said so, with no time that is wrong."""
    bench.read_all(
        [(each, 5_000, m * MINUTE) for m in range(26 * 60, -1, -2) for each in (UPPER, LOWER)]
    )
    assert (bench.asset()["state"], bench.asset()["since"]) == ("inside", None)
    assert "for more than 24 h" in bench.console.text("/")


def test_doubts_about_a_time_are_shown(bench: Bench) -> None:
    """An estimated time and a clock that is ahead stand beside the value."""
    bench.read(UPPER, 5_000, MINUTE, clock="estimated")
    bench.read(LOWER, 5_000, -HOUR, quality="suspect:stuck")
    text = bench.console.text("/assets/van/box-6")
    assert "time estimated" in text
    assert "its clock is ahead" in text
    assert "doubtful reading (stuck at one value)" in text


def test_a_device_that_catches_up_is_not_taken_for_a_dead_probe(bench: Bench) -> None:
    """A device that is heard and sends records of hours ago is said to be behind."""
    from hub.tables import streams

    for series in (UPPER, LOWER):
        bench.read(series, 5_000, 2 * HOUR)
    with write(bench.engine) as conn:
        conn.execute(
            streams.insert().values(
                stream="a" * 32, site="van", device="pi-van", judged_seq=2, judged_h=b"",
                stored_seq=2, stored_h=b"", newest_at=NOW - 2 * HOUR, opened_at=0, watches="{}",
                engine="{}",
            )
        )  # fmt: skip
    assert (bench.asset()["state"], bench.asset()["behind"]) == ("silent", True)
    assert "its device sends records of an earlier time" in bench.console.text("/")


def test_an_asset_that_the_settings_do_not_name_is_shown(bench: Bench) -> None:
    """Readings of an asset that nobody set up are not hidden."""
    bench.read("box-7/center/temperature", 5_000, MINUTE)
    overview = bench.console.json("/api/overview")
    van = next(site for site in overview["sites"] if site["id"] == "van")
    found = {asset["id"]: asset for asset in van["assets"]}
    assert (found["box-7"]["configured"], found["box-7"]["state"]) == (False, "none")
    text = bench.console.text("/")
    assert "not in the hub's settings" in text
    assert bench.console.get("/assets/van/box-7").status_code == 200
