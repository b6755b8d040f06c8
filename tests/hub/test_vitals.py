"""Vital signs: one line when something changes, none while it lasts, and since when it is so."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.health import Health, Live
from hub.health_lines import Level, healthy, lines
from hub.health_words import PHRASES, SUBJECTS, text
from hub.inbox import Inbox
from hub.intake import Taken
from hub.presence import running
from hub.stages import Stages
from hub.vitals import CALM_MS, Vitals
from hub.watchmen import ContactWatch
from journal.database import create_tables, open_database, write
from tests.console.client import StandingClock
from tests.hub.test_intake import Bench, warm
from tests.support.county import hub_settings
from tests.support.sender import START, Sender


class FullInbox(Inbox):
    """An inbox that says how much it has dropped."""

    def __init__(self) -> None:
        super().__init__({})
        self.lost = 0

    @property
    def dropped(self) -> dict[str, int]:
        """Say what the test wants."""
        return {"hub full": self.lost}


@dataclass
class Rig:
    """Vital signs over an empty hub, with a clock that stands."""

    vitals: Vitals
    clock: StandingClock
    inbox: FullInbox
    caplog: pytest.LogCaptureFixture
    failing: str = ""

    def events(self) -> list[str]:
        """Return the events logged so far."""
        return [str(record.__dict__.get("event")) for record in self.caplog.records]

    @property
    def live(self) -> Live:
        """What the hub says of itself."""
        live = self.vitals.look().live
        assert live is not None
        return live


@pytest.fixture
def rig(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Rig]:
    """Vital signs."""
    caplog.set_level(logging.INFO)
    database = open_database(tmp_path / "hub.db")
    create_tables(database)
    clock, inbox = StandingClock(START), FullInbox()
    made: list[Rig] = []
    vitals = Vitals(
        hub_settings(tmp_path), database, inbox, Stages(), clock, lambda: made[0].failing
    )
    made.append(Rig(vitals, clock, inbox, caplog))
    yield made[0]
    vitals.close()
    database.dispose()


def taken(down: str = "", stored: int = 5) -> Taken:
    """Return what the intake says of a batch."""
    return Taken(5, stored, 0, 0, frozenset(), down)


def test_history_is_unknown_until_readings_come(rig: Rig) -> None:
    """A store that was never tried is not called well."""
    assert rig.live.history_up is None
    rig.vitals.took(taken(stored=0))
    assert rig.live.history_up is None
    rig.clock.at += 1_000
    rig.vitals.took(taken())
    assert (rig.live.history_up, rig.live.history_since) == (True, START + 1_000)


def test_history_down_and_up_are_two_lines_whatever_comes_between(rig: Rig) -> None:
    """A hundred batches without a store are one line; the newest reason is the one shown."""
    rig.vitals.took(taken())
    rig.clock.at += 1_000
    for number in range(100):
        rig.vitals.took(taken(f"timeout {number}", 0))
    assert (rig.live.history_up, rig.live.history_since) == (False, START + 1_000)
    assert rig.live.history_reason == "timeout 99"
    assert not healthy(rig.vitals.look())
    rig.vitals.took(taken())

    assert rig.events() == ["history-down", "history-up"]


@pytest.mark.parametrize("part", ["intake", "notices", "watch"])
def test_a_database_that_takes_nothing_is_one_line_and_counted_each_time(
    rig: Rig, part: str
) -> None:
    """Every second's try is counted, and said once."""
    for _ in range(30):
        rig.vitals.database(part, "hub.db: the disk is full")
    assert rig.live.database_errors == 30
    assert rig.live.database_reason == "hub.db: the disk is full"
    rig.vitals.database(part, "")

    assert rig.live.database_reason == ""
    assert rig.events() == [f"{part}-waiting", f"{part}-working"]


def test_an_inbox_that_drops_is_said_once_and_well_after_a_calm_minute(rig: Rig) -> None:
    """While it goes on dropping, and for a minute after, nothing more is said."""
    for _ in range(10):
        rig.inbox.lost += 7
        rig.clock.at += 5_000
        rig.vitals.round()
    assert rig.live.dropping
    rig.clock.at += CALM_MS - 1
    rig.vitals.round()
    assert rig.live.dropping
    rig.clock.at += 1
    rig.vitals.round()

    assert not rig.live.dropping
    assert rig.events() == ["queue-dropping", "queue-fine"]


def test_the_broker_has_its_since(rig: Rig) -> None:
    """Connected or not, it is known since when."""
    rig.clock.at += 500
    rig.vitals.broker(connected=True)
    assert (rig.live.connected, rig.live.connected_since) == (True, START + 500)
    rig.clock.at += 500
    rig.vitals.broker(connected=False)
    assert (rig.live.connected, rig.live.connected_since) == (False, START + 1_000)


def test_a_device_is_said_when_it_falls_silent_and_when_it_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line each, with device and site; nothing of a round that was not committed."""
    settings = hub_settings(tmp_path)
    database = open_database(tmp_path / "hub.db")
    create_tables(database)
    watch = ContactWatch(settings, START)
    after = START + settings.lost_contact_after

    def round_(now: int, *, commit: bool = True) -> None:
        class UndoneError(Exception):
            pass

        try:
            with write(database) as conn:
                watch.round(conn, now)
                if not commit:
                    raise UndoneError
        except UndoneError:
            return
        watch.say()

    round_(after, commit=False)
    for step in range(5):
        round_(after + step * 5_000)
    with write(database) as conn:
        conn.exec_driver_sql(
            f"INSERT INTO devices VALUES ('pi-1', 'east-gate', {after + 60_000}, '{{}}')"
        )
    for step in range(5):
        round_(after + 61_000 + step * 5_000)
    database.dispose()

    said = [(r.__dict__["event"], r.__dict__["device"], r.__dict__["site"]) for r in caplog.records]
    assert said == [("device-silent", "pi-1", "east-gate"), ("device-heard", "pi-1", "east-gate")]


def test_a_taken_port_costs_the_figures_and_nothing_else(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub is found as running, and cannot be asked."""
    with socket.create_server(("127.0.0.1", 0)) as taken_port:
        port = taken_port.getsockname()[1]
        settings = hub_settings(tmp_path, metrics={"port": port})
        monkeypatch.setattr(rig.vitals, "_settings", settings)
        rig.vitals.start(tmp_path)
    found = running(tmp_path)

    assert found is not None
    assert found.url is None
    assert rig.events() == ["metrics-off"]


LEVELS: tuple[Level, ...] = ("well", "look", "bad")


def test_every_phrase_and_subject_is_in_both_languages(rig: Rig) -> None:
    """Each has Chinese and English, the same values in both, and English words in the English one."""
    for code, (chinese, english) in (PHRASES | SUBJECTS).items():
        assert set(re.findall(r"{(\w+)}", chinese)) == set(re.findall(r"{(\w+)}", english)), code
        assert not re.search(r"[\u3000-\u9fff]", english), code
    health: Health = rig.vitals.look()
    for line in lines(health):
        assert "{" not in text(line, "zh", ZoneInfo("Asia/Shanghai"))
        assert line.level in LEVELS


def test_a_stream_that_differs_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often its device sends it again."""
    bench = Bench(tmp_path)
    first, other = warm(4), Sender()
    other.settings()
    for minute in range(6):
        other.reading(minute, 4_000)
    bench.take(first.message())
    for _ in range(5):
        bench.take(other.message())
    bench.history.close()

    assert [(r.__dict__["event"], r.__dict__["device"]) for r in caplog.records] == [
        ("stream-differs", "pi-1")
    ]
