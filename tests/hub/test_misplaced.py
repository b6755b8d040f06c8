"""A device that speaks for another: refused, told once where it belongs, and over by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, select

from alerts.codes import code_of
from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake
from hub.notices import Outbox, told
from hub.said import Saying
from hub.tables import claims, quarantine
from hub.watchmen import ContactWatch, PlaceWatch
from hub.wording import Wording
from journal import journal
from journal.database import create_tables, open_database, read, write
from journal.excursions import MISPLACED, ExcursionRow, listing, rebuild
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings
from tests.support.sender import MINUTE, START, Sender


class Place:
    """A hub without threads for two devices of two sites, with its watches and its real words."""

    def __init__(self, folder: Path) -> None:
        settings = hub_settings(folder)
        east = settings.sites[0]
        van = east.model_copy(update={"id": "van", "devices": ["pi-2"], "tell": ["amy"]})
        self.settings = settings.model_copy(update={"sites": [east, van]})
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.channel = Recorder()
        self.intake = Intake(self.settings, self.database, self.history, lambda *_: None)
        self.wording = Wording(self.settings, self.intake.newest)
        self.restart()

    def restart(self) -> None:
        """Forget what is only in memory."""
        self.watch = PlaceWatch(self.settings)
        self.outbox = Outbox(
            self.settings, self.database, self.channel, Saying(self.settings, self.wording).say
        )

    def send(
        self, minute: float, sender: Sender, site: str, device: str, leaf: str = "records"
    ) -> None:
        """Take all of a sender's records in, on this topic."""
        now = START + int(minute * MINUTE)
        topic = f"coldwatch/1/{site}/{device}/{leaf}"
        payload = sender.message() if leaf == "records" else b'{"v":1,"state":"online"}'
        self.intake.take([Incoming(topic, payload, now)], now)

    def look(self, minute: float) -> None:
        """Let watch and outbox do a round."""
        now = START + int(minute * MINUTE)
        with write(self.database) as conn:
            self.watch.round(conn, now)
        self.watch.say()
        self.outbox.round(now)

    def sent(self) -> list[tuple[str, str]]:
        """Return the SMS so far: to whom, and the text."""
        return list(self.channel.taken.values())

    def rows(self) -> list[ExcursionRow]:
        """Return what was entered, newest first."""
        with read(self.database) as conn:
            return [row for row in listing(conn) if row.kind == MISPLACED]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A hub without threads."""
    made = Place(tmp_path)
    yield made
    made.history.close()


def three(stream: str = "a" * 32) -> Sender:
    """A settings record and two readings."""
    sender = Sender(stream)
    sender.settings()
    sender.reading(0, 5_000)
    sender.reading(1, 5_000)
    return sender


def test_a_device_that_names_another_site_is_told_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it says so: one entry, one line, one SMS to each person where it belongs."""
    with caplog.at_level(logging.WARNING, "hub.watchmen"):
        for minute in range(5):
            place.send(minute, three(), "van", "pi-1")
            place.look(minute)
            place.restart()

    (row,) = place.rows()
    assert (row.site, row.device, row.end) == ("east-gate", "pi-1", None)
    chinese = (
        "【疫苗冷链】东门接种点 1号冰箱、2号冰箱 设备pi-1自称属于站点van，08:00起其数据不予接收。请检查其设置。"
        f"回复{code_of(row.id)}确认"
    )
    english = (
        "VACCINE ALARM: East Gate, Fridge 1, Fridge 2: device pi-1 speaks for site van. Its readings"
        f" are NOT TAKEN since 08:00. Check its settings. Answer {code_of(row.id)}."
    )
    assert [text for _, text in place.sent()] == [chinese, chinese, english]
    assert [record.message for record in caplog.records] == [
        "device pi-1 of east-gate: speaks for site van: its readings are not taken, check its settings"
    ]
    assert place.history.count() == 0
    with read(place.database) as conn:
        assert len(list(journal.entries(conn, types="excursion."))) == 1
        assert told(conn, "pi-1", START) == []


def test_it_ends_when_the_device_speaks_for_itself(place: Place) -> None:
    """Ten minutes of its own site, and people hear of it; a new lie is a new story."""
    sender = three()
    place.send(0, sender, "van", "pi-1")
    place.look(0)
    place.look(30)
    assert len(place.sent()) == 3, "silence alone is no truth"

    place.send(31, sender, "east-gate", "pi-1")
    place.send(32, sender, "van", "pi-1")
    place.look(41)
    assert len(place.sent()) == 3, "it has just said the other again"
    place.send(35, sender, "east-gate", "pi-1")
    place.look(41.9)
    assert len(place.sent()) == 3
    place.look(42)

    assert place.sent()[5][1] == (
        "READINGS TAKEN AGAIN: East Gate, Fridge 1 since 08:32, after 32 min. Readings"
        " kept meanwhile are coming in."
    )
    (row,) = place.rows()
    assert (row.end, row.recovered_at) == (START + 32 * MINUTE, START + 42 * MINUTE)
    place.look(43)
    assert len(place.sent()) == 6
    place.send(50, sender, "van", "pi-1")
    place.look(50)
    assert len(place.sent()) == 9
    assert len(place.rows()) == 2


def test_a_device_that_uses_anothers_stream_is_told_where_it_belongs(place: Place) -> None:
    """Its people hear whose stream it is; the other device is not disturbed."""
    sender = three()
    place.send(0, sender, "east-gate", "pi-1")
    sender.reading(2, 5_000)

    place.send(1, sender, "van", "pi-2")
    place.look(1)

    assert [text for _, text in place.sent()] == [
        (
            "VACCINE ALARM: East Gate, Fridge 1, Fridge 2: device pi-2 sends as pi-1. Its readings are"
            f" NOT TAKEN since 08:01. Check settings and card. Answer {code_of(place.rows()[0].id)}."
        )
    ]
    assert place.history.count() == 3
    assert place.rows()[0].site == "van"


def test_what_the_broker_kept_is_no_lie(place: Place) -> None:
    """A status that stands retained where the device was before says nothing of where it is."""
    place.send(0, three(), "van", "pi-1", leaf="status")
    place.look(0)

    assert place.rows() == []
    with read(place.database) as conn:
        assert len(conn.execute(select(quarantine)).all()) == 1


def test_a_hostile_name_is_not_shown(place: Place) -> None:
    """A claimed site that can be no name is neither kept nor sent to people."""
    place.send(0, three(), "x" * 30_000 + "你", "pi-1")
    place.look(0)

    assert "speaks for site ?." in place.sent()[2][1]
    with read(place.database) as conn:
        assert conn.execute(select(claims.c.claim)).scalars().all() == ["?"]


def test_one_who_is_unknown_moves_nothing(place: Place) -> None:
    """A name that no site has belongs to nobody who could be told; it is only set aside."""
    place.send(0, three(), "van", "pi-9")
    place.look(0)

    assert place.rows() == []
    assert place.sent() == []


def test_a_device_whose_site_was_set_anew_is_at_home(place: Place) -> None:
    """Where the hub's settings were wrong and not the device's, it is over all the same."""
    sender = three()
    place.send(0, sender, "van", "pi-1")
    place.look(0)
    east, van = place.settings.sites
    moved = [
        east.model_copy(update={"devices": []}),
        van.model_copy(update={"devices": ["pi-2", "pi-1"]}),
    ]
    place.settings = place.settings.model_copy(update={"sites": moved})
    place.intake = Intake(place.settings, place.database, place.history, lambda *_: None)
    place.restart()

    place.send(1, sender, "van", "pi-1")
    place.look(11)

    assert [row.recovered_at is not None for row in place.rows()] == [True]
    assert len(place.sent()) == 6


def test_it_is_made_again_from_the_journal(place: Place) -> None:
    """The projection that is built anew is the one that was there."""
    place.send(0, three(), "van", "pi-1")
    place.look(0)
    before = place.rows()
    with write(place.database) as conn:
        rebuild(conn)
    assert place.rows() == before


def test_both_watches_ask_the_database_once_for_all(place: Place) -> None:
    """A round costs the same few queries for ten devices or a hundred thousand."""
    site = place.settings.sites[0]
    many = site.model_copy(update={"devices": [f"pi-{number}" for number in range(500)]})
    settings = place.settings.model_copy(update={"sites": [many]})
    watches = (ContactWatch(settings, START), PlaceWatch(settings))
    asked: list[str] = []
    event.listen(place.database, "before_cursor_execute", lambda *call: asked.append(call[2]))
    with write(place.database) as conn:
        for watch in watches:
            watch.round(conn, START + MINUTE)
    assert len([query for query in asked if query.startswith("SELECT")]) <= 3
