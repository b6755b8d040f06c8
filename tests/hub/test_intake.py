"""Intake: what is judged, stored, set aside and answered, whatever comes in what order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from history.port import HistoryUnavailableError, RefusedRecord, StoredRecord
from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake, Taken
from hub.tables import quarantine
from journal import excursions, journal
from journal.database import read, write
from tests.support.county import hub_settings
from tests.support.databases import new_database
from tests.support.sender import FRIDGE, MINUTE, START, Sender

pytestmark = pytest.mark.usefixtures("each_database")

TOPIC = "coldwatch/1/east-gate/pi-1/records"


class Bench:
    """An intake over real databases, with what it told and a switch for its history."""

    def __init__(self, folder: Path) -> None:
        self.settings = hub_settings(folder)
        self.database = new_database(folder)
        self.history = SqliteHistory(folder / "history.db")
        self.told: list[tuple[str, str]] = []
        self.broken = False
        # Numbers of records that the store will never take.
        self.refuses: set[int] = set()
        self.now = START
        self.restart()

    def restart(self) -> None:
        """Forget all that is only in memory."""
        self.intake = Intake(self.settings, self.database, self, self._tell)  # type: ignore[arg-type]

    def _tell(self, _conn: Any, decision: Any, row: Any, _now: int) -> None:
        """Note what people would be told."""
        self.told.append((decision.happening, row.rule))

    def append(self, records: list[StoredRecord]) -> list[RefusedRecord]:
        """Stand in for the history, which may be switched off or refuse a record for good."""
        if self.broken:
            raise HistoryUnavailableError("switched off by the test")
        refused = [item for item in records if item.body["seq"] in self.refuses]
        self.history.append([item for item in records if item not in refused])
        return [RefusedRecord(item, "field type conflict") for item in refused]

    def heads(self) -> dict[str, int]:
        """Stand in for the history, which says what it has unless it is switched off."""
        if self.broken:
            raise HistoryUnavailableError("switched off by the test")
        return self.history.heads()

    def records(self, stream: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Stand in for the history."""
        return self.history.records(stream)

    def take(self, *payloads: bytes, topic: str = TOPIC) -> Taken:
        """Take these payloads in as one batch."""
        self.now += 1_000
        return self.intake.take([Incoming(topic, item, self.now) for item in payloads], self.now)

    def marks(self, sender: Sender) -> tuple[int, int]:
        """Return judged and stored, having checked their hashes."""
        marks = self.intake.marks("pi-1").get(sender.stream)
        if marks is None:
            return (0, 0)
        for mark in marks.values():
            assert mark["h"] == sender.hashes[mark["seq"]].hex()
        return marks["judged"]["seq"], marks["stored"]["seq"]

    def stored(self, sender: Sender) -> list[dict[str, Any]]:
        """Return the bodies that the history gives back."""
        return [body for _, body in self.history.records(sender.stream)]

    def reasons(self) -> list[str]:
        """Return why things were set aside."""
        with read(self.database) as conn:
            return list(conn.execute(select(quarantine.c.reason)).scalars())

    def opened(self) -> list[excursions.ExcursionRow]:
        """Return all excursions."""
        with read(self.database) as conn:
            return excursions.listing(conn)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An intake over real databases."""
    made = Bench(tmp_path)
    yield made
    made.history.close()


def warm(minutes: int = 20, *, stream: str = "a" * 32) -> Sender:
    """A fridge that is inside for five minutes and too warm from then on."""
    sender = Sender(stream)
    sender.settings()
    for minute in range(minutes):
        sender.reading(minute, 5_000 if minute < 5 else 9_000)
    return sender


def test_records_are_judged_stored_and_answered(bench: Bench) -> None:
    """A whole stream in one message: history equals it, and both marks stand at its end."""
    sender = warm()

    taken = bench.take(sender.message())

    assert (taken.judged, taken.stored, taken.answer) == (21, 21, frozenset({"pi-1"}))
    assert bench.marks(sender) == (21, 21)
    assert bench.stored(sender) == sender.bodies
    assert [(row.rule, row.start, row.opened) for row in bench.opened()] == [
        ("test/out", START + 5 * MINUTE, START + 15 * MINUTE)
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 20])
def test_batches_and_restarts_change_nothing(bench: Bench, size: int) -> None:
    """In whatever windows it comes and however often the hub starts anew: the same excursions."""
    sender = warm()

    for first in range(1, 22, size):
        bench.take(sender.message(first, min(first + size - 1, 21)))
        bench.restart()

    assert bench.stored(sender) == sender.bodies
    assert [(row.start, row.opened) for row in bench.opened()] == [
        (START + 5 * MINUTE, START + 15 * MINUTE)
    ]
    assert bench.told == [("opened", "test/out")]


def test_what_comes_again_changes_nothing(bench: Bench) -> None:
    """Windows that overlap or repeat are neither judged nor stored twice."""
    sender = warm()

    bench.take(sender.message(1, 10))
    bench.take(sender.message(1, 10), sender.message(5, 15), sender.message(3, 4))
    bench.take(sender.message(8, 21), sender.message(8, 21))

    assert bench.marks(sender) == (21, 21)
    assert bench.history.count() == 21
    assert bench.told == [("opened", "test/out")]


def test_a_hole_moves_nothing(bench: Bench) -> None:
    """A window that begins behind what is known is ignored until the rest has come."""
    sender = warm()

    bench.take(sender.message(11, 21))
    assert bench.marks(sender) == (0, 0)

    bench.take(sender.message(1, 10))
    bench.take(sender.message(11, 21))
    assert bench.stored(sender) == sender.bodies


def test_without_its_store_the_hub_goes_on_judging(bench: Bench) -> None:
    """While history takes nothing, excursions are told; what is sent again is then only stored."""
    sender = warm()
    bench.broken = True

    bench.take(sender.message(1, 10))
    taken = bench.take(sender.message(11, 21))

    assert "switched off" in taken.history_down
    assert bench.marks(sender) == (21, 0)
    assert bench.told == [("opened", "test/out")]

    bench.broken = False
    bench.take(sender.message(15, 21))
    assert bench.marks(sender) == (21, 0), "behind a hole nothing may be called stored"
    bench.take(sender.message(1, 10))
    bench.take(sender.message(11, 21))
    assert bench.marks(sender) == (21, 21)
    assert bench.stored(sender) == sender.bodies
    assert bench.told == [("opened", "test/out")]


def test_a_record_that_differs_is_not_taken(bench: Bench) -> None:
    """Another record under a known seq is refused, journalled, and the marks stay."""
    sender, forged = warm(), warm()
    bench.take(sender.message(1, 10))
    forged.bodies[4]["value"] = 4_999
    again = Sender()
    for body in forged.bodies:
        again.add(dict(body))

    bench.take(again.message(1, 21))

    assert bench.marks(sender) == (10, 10)
    with read(bench.database) as conn:
        assert len(list(journal.entries(conn, types="stream.differs"))) == 1


def test_what_the_store_refuses_for_good_goes_to_quarantine(bench: Bench) -> None:
    """A record that the history will never take is kept with its reason, and stops nothing."""
    sender = warm()
    bench.refuses = {7}

    bench.take(sender.message())
    bench.restart()
    bench.take(sender.message())

    assert bench.marks(sender) == (21, 21)
    assert [body["seq"] for body in bench.stored(sender)] == [*range(1, 7), *range(8, 22)]
    assert bench.reasons() == ["the history store refuses it: field type conflict"]
    with read(bench.database) as conn:
        row = conn.execute(select(quarantine).order_by(quarantine.c.id)).one()
    assert (row.stream, row.seq, row.topic) == (sender.stream, 7, TOPIC)
    assert json.loads(row.bytes) == sender.bodies[6]


def test_a_refused_record_goes_to_quarantine_and_counts_as_stored(bench: Bench) -> None:
    """A record of unknown shape is kept with its bytes, and the ones behind it flow."""
    sender = warm(6)
    sender.reading(7, 5_000, quality="splendid")
    sender.reading(8, 5_000)

    bench.take(sender.message())

    assert bench.marks(sender) == (9, 9)
    assert bench.stored(sender) == [body for body in sender.bodies if body["seq"] != 8]
    with read(bench.database) as conn:
        (row,) = conn.execute(select(quarantine).order_by(quarantine.c.id)).all()
    assert (row.stream, row.seq) == (sender.stream, 8)
    assert json.loads(row.bytes) == sender.bodies[7]


def test_unreadable_bytes_move_nothing_and_are_kept_once(bench: Bench) -> None:
    """What cannot be read is kept with its reason; the same bytes again only count."""
    sender = warm()

    bench.take(b"\xff", b"\xff", sender.message(1, 10), b'{"v":3}')
    bench.take(b"\xff")

    assert bench.marks(sender) == (10, 10)
    with read(bench.database) as conn:
        rows = conn.execute(
            select(quarantine.c.reason, quarantine.c.times).order_by(quarantine.c.id)
        ).all()
    assert [(row.reason.partition(":")[0], row.times) for row in rows] == [
        ("not UTF-8", 3),
        ("wire version 3 is not spoken here; this hub speaks 1", 1),
    ]


def test_a_gap_is_journalled_before_the_chain_goes_on(bench: Bench) -> None:
    """A range that the agent no longer has is an entry, and what follows joins behind it."""
    sender = warm()
    bench.take(sender.message(1, 5))

    bench.take(sender.gap(6, 9))
    bench.take(sender.message(10, 21))

    assert bench.marks(sender) == (21, 21)
    assert len(bench.stored(sender)) == 21 - 4
    with read(bench.database) as conn:
        (entry,) = journal.entries(conn, types="stream.gap")
    assert (entry.body["first"], entry.body["last"]) == (6, 9)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("coldwatch/1/east-gate/pi-9/records", "device pi-9 is not in the hub's settings"),
        ("coldwatch/1/west/pi-1/records", "says site west, but it belongs to east-gate"),
        ("coldwatch/2/east-gate/pi-1/records", "wire version 2 is not spoken here"),
        ("coldwatch/1/east-gate", "not a coldwatch topic"),
    ],
)
def test_a_wrong_address_is_set_aside(bench: Bench, topic: str, reason: str) -> None:
    """The hub never trusts a device's name for its site, nor another version."""
    bench.take(warm().message(), topic=topic)

    assert bench.history.count() == 0
    assert reason in bench.reasons()[0]


def test_a_stream_belongs_to_one_device(tmp_path: Path) -> None:
    """Another device cannot write into a known stream."""
    bench = Bench(tmp_path)
    site = bench.settings.sites[0].model_copy(update={"devices": ["pi-1", "pi-2"]})
    bench.settings = bench.settings.model_copy(update={"sites": [site]})
    bench.restart()
    sender = warm()
    bench.take(sender.message(1, 10))

    bench.take(sender.message(11, 21), topic=TOPIC.replace("pi-1", "pi-2"))

    assert bench.marks(sender) == (10, 10)
    assert "belongs to device pi-1" in bench.reasons()[0]
    bench.history.close()


def test_a_failed_commit_leaves_nothing_behind(bench: Bench) -> None:
    """When the database refuses, marks and engines are as before, and the same batch passes later."""
    sender = warm()
    bench.take(sender.message(1, 10))

    def refuse(*_: Any) -> None:
        raise RuntimeError("power cut")

    tell, bench.intake._tell = bench.intake._tell, refuse
    with pytest.raises(RuntimeError, match="power cut"):
        bench.take(sender.message(11, 21))
    assert bench.marks(sender) == (10, 10)

    bench.intake._tell = tell
    bench.take(sender.message(11, 21))
    assert bench.stored(sender) == sender.bodies
    assert len(bench.opened()) == 1


def test_settings_in_the_stream_are_what_judges(bench: Bench) -> None:
    """The rules come from the stream; a new settings record changes them from there on."""
    sender = Sender()
    sender.settings(rules=[])
    for minute in range(30):
        sender.reading(minute, 9_000)
    sender.settings(30)
    for minute in range(30, 45):
        sender.reading(minute, 9_000)

    bench.take(sender.message())

    assert [row.start for row in bench.opened()] == [START + 30 * MINUTE]
    with read(bench.database) as conn:
        assert len(list(journal.entries(conn, types="settings.recorded"))) == 2


def test_two_streams_of_one_device_do_not_touch_each_other(bench: Bench) -> None:
    """A stream recovered late is judged by itself and changes no other."""
    old, new = warm(stream="1" * 32), warm(stream="2" * 32)

    bench.take(new.message())
    bench.take(old.message())

    assert {row.stream for row in bench.opened()} == {old.stream, new.stream}
    readings = bench.history.readings("east-gate", FRIDGE, START, START + 60 * MINUTE)
    assert len(list(readings)) == 40


def test_the_journal_stays_whole(bench: Bench) -> None:
    """All that intake enters is chained."""
    bench.take(warm().message(), b"{")
    with write(bench.database) as conn:
        assert journal.verify(conn) == []


def test_what_happened_at_the_device_is_journalled_once(bench: Bench) -> None:
    """An event record is stored with the rest and becomes one journal entry, however often it comes."""
    sender = warm(3)
    happened = sender.event(3, "lamp.cycle", "lamp-1", {"minutes": 30, "cut": "door"})
    sender.reading(4, 5_000)
    bench.take(sender.message())
    bench.take(sender.message())
    bench.broken = True
    bench.take(sender.message())
    assert bench.stored(sender) == sender.bodies
    with read(bench.database) as conn:
        (entry,) = journal.entries(conn, types="device.lamp.cycle")
    assert (entry.subject, entry.body) == (
        "east-gate/lamp-1",
        {
            "device": "pi-1", "stream": sender.stream, "at": happened["at"], "clock": "synced",
            "seq": happened["seq"], "body": {"minutes": 30, "cut": "door"},
        },
    )  # fmt: skip


def test_an_event_with_a_wrong_name_is_set_aside_and_blocks_nothing(bench: Bench) -> None:
    """Its neighbours are stored and judged."""
    sender = warm(3)
    sender.event(3, "no dot", "lamp-1", {})
    sender.reading(4, 5_000)
    bench.take(sender.message())
    assert bench.marks(sender) == (6, 6)
    assert len(bench.stored(sender)) == 5
    assert "event" in bench.reasons()[0]


def test_nothing_of_a_revoked_device_is_taken(bench: Bench) -> None:
    """Whatever a broker lets through: kept with its bytes, not judged, not answered."""
    good = Sender()
    good.reading(0, 5_000)
    bench.take(good.message())
    bench.intake.revoked({"pi-1": START})
    good.reading(1, 5_000)
    taken = bench.take(good.message(2, 2))
    assert (taken.judged, taken.aside, taken.answer) == (0, 1, frozenset())
    with read(bench.database) as conn:
        row = conn.execute(select(quarantine).order_by(quarantine.c.id)).one()
    assert row.reason.startswith("device pi-1 was revoked at 20")
    bench.intake.revoked({})
    assert bench.take(good.message(2, 2)).judged == 1
