"""What a device that is broken or hostile can send: it stops nobody else, and nothing ends the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from history.port import StoredRecord
from hub.intake import Incoming
from hub.tables import devices, quarantine
from journal import journal
from journal.database import DatabaseError, read
from tests.hub.test_intake import TOPIC, Bench, warm
from tests.support.sender import FRIDGE, MINUTE, RULES, START, Sender

STATUS = TOPIC.replace("records", "status")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An intake over real databases."""
    made = Bench(tmp_path)
    yield made
    made.history.close()


IMPOSSIBLE_RULES = {
    "no limit": {"id": "x/y", "kind": "instant", "for_ms": 0},
    "no window": {"id": "x/y", "kind": "cumulative", "for_ms": 60_000, "above": 8_000},
    "no D": {"id": "x/y", "kind": "consecutive", "for_ms": 0, "above": 8_000},
    "two limits": {"id": "x/y", "kind": "instant", "for_ms": 0, "above": 1, "at_or_above": 2},
    "crossed": {"id": "x/y", "kind": "instant", "for_ms": 0, "above": 2_000, "below": 8_000},
}


@pytest.mark.parametrize("rule", IMPOSSIBLE_RULES.values(), ids=IMPOSSIBLE_RULES)
def test_a_rule_that_cannot_be_judged_is_set_aside(bench: Bench, rule: dict[str, Any]) -> None:
    """A settings record whose rule makes no sense is refused alone; readings behind it flow."""
    sender = Sender()
    sender.settings(rules=[{**rule, "holds": True, "tells": True}])
    sender.reading(1, 9_000)

    bench.take(sender.message())

    assert bench.marks(sender) == (2, 2)
    assert "rule x/y" in bench.reasons()[0]


@pytest.mark.parametrize("depth", [100, 300, 990])
def test_a_record_nested_too_deep_moves_nothing(bench: Bench, depth: int) -> None:
    """What no canonical speller can spell has no hash: it is set aside, and others flow."""
    sender, good = Sender("1" * 32), Sender("2" * 32)
    sender.reading(0, 5_000, more="HERE")
    good.reading(0, 5_000)
    deep = sender.message().replace(b'"HERE"', b"[" * depth + b"]" * depth)

    bench.take(deep, good.message())

    assert bench.marks(good) == (1, 1)
    assert "nested" in bench.reasons()[0]


def test_a_clock_that_runs_for_ages_does_not_stop_the_journal(bench: Bench) -> None:
    """Sums of absurd monotonic times are entered as far as the journal can spell them."""
    sender = Sender()
    settings = sender.settings()
    watch = settings["series"][FRIDGE]
    watch |= {"interval_ms": 2**53 - 1, "max_gap_ms": 2**53 - 1}
    again = Sender()
    again.add(settings)
    for number in range(6):
        for mono in (0, 2**53 - 1):
            reading = again.reading(number, 9_000, boot=f"boot-{number}", mono_ms=mono)
            assert reading["mono_ms"] == mono
    again.reading(7, 5_000)

    bench.take(again.message())

    assert bench.marks(again) == (14, 14)
    assert {row.end is None for row in bench.opened()} == {False}
    assert all(0 <= row.opened <= 7_258_118_400_000 for row in bench.opened())


def test_what_is_stored_otherwise_already_stops_one_stream_only(bench: Bench) -> None:
    """A card that lost what the history has keeps `stored` of its stream back, and of no other."""
    lost, good = warm(stream="1" * 32), warm(stream="2" * 32)
    other = {**lost.bodies[3], "value": 4_999}
    bench.history.append([StoredRecord("east-gate", lost.stream, other, START)])

    for _ in range(3):
        bench.take(lost.message(), good.message())

    assert bench.marks(good) == (21, 21)
    assert bench.marks(lost) == (21, 0)
    assert bench.stored(good) == good.bodies
    assert bench.stored(lost) == [other]
    with read(bench.database) as conn:
        entries = list(journal.entries(conn, types="stream.differs"))
    assert [(entry.subject, entry.body["seq"]) for entry in entries] == [(lost.stream, 21)]
    assert len(bench.opened()) == 2


def test_a_stream_that_differs_is_entered_once(bench: Bench) -> None:
    """A device that repeats what does not fit makes one entry, not one each time."""
    sender, forged = warm(), Sender()
    bench.take(sender.message(1, 10))
    for body in sender.bodies:
        forged.add({**body, "boot": "another"})

    for _ in range(5):
        bench.take(forged.message())

    with read(bench.database) as conn:
        assert len(list(journal.entries(conn, types="stream.differs"))) == 1


def test_an_invented_beginning_is_no_journal_entry(bench: Bench) -> None:
    """A stream of which nothing is known cannot differ: it is set aside, not journalled for ever."""
    sender = warm()
    sender.hashes[0] = bytes(32)

    bench.take(sender.message(1, 5))

    with read(bench.database) as conn:
        assert not list(journal.entries(conn, types="stream."))
    assert "does not begin with the hash of its own id" in bench.reasons()[0]


def test_a_huge_status_is_set_aside(bench: Bench) -> None:
    """A status beyond a message's size is refused and does not land in the table of devices."""
    bench.take(json.dumps({"v": 1, "state": "online", "x": "y" * 1_100_000}).encode(), topic=STATUS)

    with read(bench.database) as conn:
        assert not conn.execute(select(devices)).all()
    assert "bytes" in bench.reasons()[0]


def test_a_reason_is_short(bench: Bench) -> None:
    """Why something was refused is for people: a hostile version or name does not make it long."""
    bench.take(json.dumps({"v": "x" * 900_000}).encode())
    bench.take(b"{}", topic="coldwatch/1/" + "e" * 30_000 + "/pi-9/records")

    with read(bench.database) as conn:
        rows = conn.execute(select(quarantine.c.reason, quarantine.c.topic)).all()
    assert all(len(row.reason) <= 500 and len(row.topic) <= 500 for row in rows)
    assert len(rows) == 2


def test_after_a_failed_reload_nothing_is_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither commit nor reading back works, the batch that comes again is judged anew."""
    sender = warm()

    def broken(*_: Any, **__: Any) -> None:
        raise DatabaseError("i/o", "the disk reports an error")

    with monkeypatch.context() as patch:
        patch.setattr("hub.intake.write", broken)
        patch.setattr("hub.intake.read", broken)
        for _ in range(2):
            with pytest.raises(DatabaseError):
                bench.take(sender.message())

    bench.take(sender.message())
    assert [row.opened for row in bench.opened()] == [START + 15 * MINUTE]
    assert bench.told == [("opened", "test/out")]


def test_marks_are_told_of_what_is_committed_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`received`, asked for by another thread in the midst of a batch, promises nothing of it."""
    sender = warm()
    bench.take(sender.message(1, 5))
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr("hub.intake.save_all", lambda *_: seen.append(bench.marks(sender)))

    bench.take(sender.message(6, 21))

    assert seen == [(5, 5)]
    assert bench.marks(sender) == (21, 21)


def test_a_retained_status_is_no_sign_of_life(bench: Bench) -> None:
    """What the broker kept from before says nothing of whether the device lives now."""
    online = b'{"v":1,"state":"online"}'
    bench.intake.take([Incoming(STATUS, online, START)], START)

    later = START + 60 * MINUTE
    taken = bench.intake.take([Incoming(STATUS, online, later, retained=True)], later)

    assert taken.answer == {"pi-1"}
    with read(bench.database) as conn:
        assert [row.heard_at for row in conn.execute(select(devices))] == [START]


def test_a_last_will_does_not_unsay_what_came_before(bench: Bench) -> None:
    """Records and the broker's word of the device's end in one batch: it was heard."""
    sender = warm()
    offline = Incoming(STATUS, b'{"v":1,"state":"offline"}', START + 1)

    bench.intake.take([Incoming(TOPIC, sender.message(), START), offline], START + 2)

    with read(bench.database) as conn:
        assert [row.heard_at for row in conn.execute(select(devices))] == [START]


def test_a_device_that_moved_is_judged_for_its_new_site(bench: Bench) -> None:
    """A stream follows its device to another site: history, excursions and holds name that one."""
    sender = warm()
    bench.take(sender.message(1, 10))
    site = bench.settings.sites[0].model_copy(update={"id": "west"})
    bench.settings = bench.settings.model_copy(update={"sites": [site]})
    bench.restart()

    bench.take(sender.message(11, 21), topic=TOPIC.replace("east-gate", "west"))
    bench.restart()

    assert [row.asset for row in bench.opened()] == ["west/fridge-1"]
    assert len(list(bench.history.readings("west", FRIDGE, START, START + 60 * MINUTE))) == 11
    assert RULES[0]["id"] == bench.opened()[0].rule
