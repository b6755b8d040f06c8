"""The spool: what is committed stays, whatever is killed, full or damaged."""

from __future__ import annotations

import errno
import json
import os
import random
import sqlite3
from pathlib import Path

import pytest

from firmware_agent import spool_file
from firmware_agent.chain import event_draft
from firmware_agent.downlink import Mark, Marks, parse_received
from firmware_agent.outbox import DAMAGED, SpoolOutbox
from firmware_agent.sender import Sender
from firmware_agent.spool import DiskError, Spool, SpoolError
from firmware_agent.spool_file import FILE
from firmware_agent.stream import MOST_UNWRITTEN, StreamWriter
from firmware_agent.unwritten import LOST, Hole, Piece
from protocol.messages import record_adapter
from tests.firmware_agent.small_hub import Held, HubMind
from tests.firmware_agent.worlds import (
    BOOT,
    HandClock,
    judged_by_engine,
    reading,
    settings,
    stored_bodies,
)

DAY = 86_400_000


def open_writer(folder: Path, clock: HandClock, boot: str = BOOT) -> tuple[Spool, StreamWriter]:
    """Open a spool as the agent does."""
    spool = Spool.open(folder, clock.now)
    writer = StreamWriter(spool, boot, 35 * DAY, clock.now)
    writer.start(clock.stamp(), clock.now)
    return spool, writer


def test_every_record_is_what_the_wire_asks_for(tmp_path: Path) -> None:
    """Committed bodies pass the models of protocol.messages, those without a value as well."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    drafts = [settings(clock.mono), reading(clock.mono), reading(clock.mono, None, "rejected:crc")]
    writer.commit(drafts, clock.stamp(), clock.now)
    spool.close()
    ((_, bodies),) = stored_bodies(tmp_path).items()
    assert [record_adapter.validate_python(body)["kind"] for body in bodies] == [
        "settings", "reading", "reading",
    ]  # fmt: skip


def test_a_full_disk_stops_neither_numbering_nor_judging(tmp_path: Path) -> None:
    """What the disk does not take is judged, kept, told, and written when there is room again."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    writer.commit([settings(clock.mono)], clock.stamp(), clock.now)
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(200):
        clock.pass_ms(10_000)
        writer.commit([reading(clock.mono, 9_000)], clock.stamp(), clock.now)
    assert "full" in (writer.problem or "")
    assert len(writer.unwritten) > 0
    assert writer.recorded == 201
    assert {item.rule for item in writer.judge.open.values()} == {"test/at-limit", "test/warm"}
    assert writer.streams[-1].head == 201, "what is in memory only is sent all the same"
    assert spool.streams()[-1].head < 201

    spool._db.execute("PRAGMA max_page_count = 1000000")
    clock.pass_ms(10_000)
    writer.commit([], clock.stamp(), clock.now)
    assert (writer.problem, len(writer.unwritten), writer.lost) == (None, 0, 0)
    spool.close()
    ((stream, bodies),) = stored_bodies(tmp_path).items()
    assert [body["seq"] for body in bodies] == list(range(1, 202))
    reopened, again = open_writer(tmp_path, clock)
    assert judged_by_engine(stream, bodies) == again.judge.state()
    reopened.close()


def test_a_read_only_disk_is_a_full_disk(tmp_path: Path) -> None:
    """A card that has gone read-only raises nothing out of a cycle."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    spool._db.execute("PRAGMA query_only = ON")
    writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    assert "readonly" in (writer.problem or "")
    spool._db.execute("PRAGMA query_only = OFF")
    writer.commit([], clock.stamp(), clock.now)
    assert writer.problem is None
    assert spool.last_seq(1) == 1
    spool.close()


def test_memory_has_an_end_and_says_so(tmp_path: Path) -> None:
    """Then the oldest go: judging never stops, the chain stays whole, the loss is told as a hole."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    outbox = SpoolOutbox(spool, writer.unwritten)
    writer.commit([settings(clock.mono)], clock.stamp(), clock.now)
    spool._db.execute("PRAGMA query_only = ON")
    drafts = [reading(clock.mono, 9_000)] * MOST_UNWRITTEN
    writer.commit([*drafts, *[reading(clock.mono, 5_000)] * 7], clock.stamp(), clock.now)
    assert (len(writer.unwritten), writer.lost) == (MOST_UNWRITTEN, 7)
    assert writer.recorded == MOST_UNWRITTEN + 8
    assert not writer.judge.open, "the newest were judged, not refused"

    stream = writer.streams[-1]
    hole = outbox.piece(stream, 2, 500)
    assert hole == Hole(2, 8, hole.h if isinstance(hole, Hole) else b"", LOST)
    behind = outbox.piece(stream, 9, 9)
    assert isinstance(behind, Piece)
    assert behind.prev == hole.h

    spool._db.execute("PRAGMA query_only = OFF")
    writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    assert (writer.problem, len(writer.unwritten)) == (None, 0)
    # The disk knows it as well, and so does whoever begins again on it.
    assert outbox.piece(stream, 2, 500) == hole
    assert outbox.piece(stream, 5, 500) == hole._replace(first=5)
    assert outbox.piece(stream, 9, 9) == behind
    outbox.close()
    spool.close()
    spool, writer = open_writer(tmp_path, clock)
    assert writer.recorded == MOST_UNWRITTEN + 9
    spool.close()


def test_a_card_that_cannot_be_read_keeps_nothing_in_memory_from_being_sent(tmp_path: Path) -> None:
    """Its last hash is remembered, so that what comes behind it can be sent."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    outbox = SpoolOutbox(spool, writer.unwritten)
    writer.commit([settings(clock.mono), reading(clock.mono)], clock.stamp(), clock.now)
    before = writer.streams[-1]
    spool._db.execute("ALTER TABLE records RENAME TO unreadable")
    writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    stream = writer.streams[-1]
    assert (stream.head, writer.problem is not None) == (3, True)
    assert outbox.hash_at(stream, 1) is None
    piece = outbox.piece(stream, 3, 3)
    assert isinstance(piece, Piece)
    assert piece.prev == before.head_h
    outbox.close()
    spool.close()


def test_much_to_write_is_not_tried_in_each_cycle(tmp_path: Path) -> None:
    """All of it is sent meanwhile, and written soon after the disk takes again."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    spool._db.execute("PRAGMA query_only = ON")
    writer.commit([reading(clock.mono)] * 3_000, clock.stamp(), clock.now)
    spool._db.execute("PRAGMA query_only = OFF")
    left = []
    for _ in range(7):
        writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
        left.append(len(writer.unwritten))
        assert writer.streams[-1].head == writer.recorded
    assert left == [3_001, 3_002, 3_003, 3_004, 3_005, 0, 0]
    spool.close()
    stored_bodies(tmp_path)


def test_what_the_hub_has_is_no_loss_when_memory_is_full(tmp_path: Path) -> None:
    """A card that stays read-only for weeks: what was sent from memory goes without a word."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    spool._db.execute("PRAGMA query_only = ON")
    writer.commit([reading(clock.mono)] * MOST_UNWRITTEN, clock.stamp(), clock.now)
    n = writer.streams[-1].n
    marks = {n: (MOST_UNWRITTEN, MOST_UNWRITTEN - 10)}
    writer.commit([reading(clock.mono)] * 100, clock.stamp(), clock.now, marks)
    assert (len(writer.unwritten), writer.lost) == (MOST_UNWRITTEN, 0)
    spool.close()


@pytest.mark.parametrize("damage", ["start", "middle", "text"])
def test_a_damaged_file_is_kept_as_evidence(tmp_path: Path, damage: str) -> None:
    """It gets another name, its journal with it, and a new stream begins."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    for _ in range(50):
        clock.pass_ms(60_000)
        writer.commit([reading(clock.mono)] * 20, clock.stamp(), clock.now)
    old = writer.streams[-1].id
    spool.close()
    file = tmp_path / FILE
    content = bytearray(file.read_bytes())
    if damage == "start":
        content[:40] = b"\0" * 40
    elif damage == "middle":
        for page in range(4096, len(content) - 4096, 4096):
            content[page : page + 200] = random.randbytes(200)
    else:
        content = bytearray(b"not a database at all, but a letter\n" * 200)
    file.write_bytes(content)

    spool, writer = open_writer(tmp_path, clock)
    aside = spool.set_aside
    assert aside is not None
    assert Path(aside["file"]).read_bytes() == bytes(content)
    assert (aside["stream"], aside["last"]) in {(old, 1_000), ("", 0)}
    assert writer.streams[-1].id != old
    assert writer.recorded == 0
    spool.close()


def test_that_a_file_was_set_aside_is_told_once_and_for_all(tmp_path: Path) -> None:
    """A kill between the new file and its first record loses no word of it."""
    clock = HandClock()
    (tmp_path / FILE).write_bytes(b"not a database at all, but a letter\n" * 200)
    Spool.open(tmp_path, clock.now).close()
    spool, writer = open_writer(tmp_path, clock)
    assert spool.set_aside is not None
    event = event_draft(clock.mono, "spool.set-aside", "spool", spool.set_aside)
    writer.commit([event], clock.stamp(), clock.now)
    assert spool.set_aside is None
    spool.close()
    assert len(list(tmp_path.glob("spool.db.corrupt-*"))) == 1


def test_a_folder_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    """It names the file, the reason and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"file/.*: .*; let this user write there"):
        Spool.open(tmp_path / "file" / "state", 0)


def test_a_spool_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """It is neither read wrongly nor put aside."""
    Spool.open(tmp_path, 0).close()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(SpoolError, match="later coldwatch"):
        Spool.open(tmp_path, 0)
    assert [path.name for path in tmp_path.iterdir() if "corrupt" in path.name] == []


class TestKeeping:
    """What the hub has stored is kept for a time, what it has not is kept for ever."""

    def fill(self, folder: Path, clock: HandClock, days: int) -> tuple[Spool, StreamWriter]:
        """Write ten readings a day."""
        spool, writer = open_writer(folder, clock)
        writer.commit([settings(clock.mono)], clock.stamp(), clock.now)
        for _ in range(days):
            clock.pass_ms(DAY)
            writer.commit([reading(clock.mono) for _ in range(10)], clock.stamp(), clock.now)
        return spool, writer

    def test_nothing_is_dropped_that_is_not_stored(self, tmp_path: Path) -> None:
        """Half a year without a hub: all of it is there."""
        clock = HandClock()
        spool, writer = self.fill(tmp_path, clock, 180)
        assert writer.streams[-1].dropped == 0
        assert spool.row(1, 1) is not None
        spool.close()

    def test_the_oldest_stored_ones_go_in_small_steps(self, tmp_path: Path) -> None:
        """Behind the limit of 35 days all goes, in front of it nothing; the chain goes on."""
        clock = HandClock()
        spool, writer = self.fill(tmp_path, clock, 60)
        stored = writer.streams[-1].head
        steps = []
        for _ in range(20):
            before = writer.streams[-1].dropped
            writer.commit([reading(clock.mono)], clock.stamp(), clock.now, {1: (stored, stored)})
            steps.append(writer.streams[-1].dropped - before)
        assert max(steps) <= 64
        # 1 setting and 24 whole days of 10: those 36 days old and more.
        assert writer.streams[-1].dropped == 1 + 24 * 10
        outbox = SpoolOutbox(spool)
        stream = writer.streams[-1]
        piece = outbox.piece(stream, stream.dropped + 1, stream.head)
        assert piece is not None
        assert piece.prev == stream.dropped_h
        assert outbox.piece(stream, stream.dropped, stream.head) is None
        outbox.close()
        spool.close()
        stored_bodies(tmp_path)

    def test_a_clock_that_is_not_right_drops_nothing(self, tmp_path: Path) -> None:
        """A Pi that believes to be in 2099 must not clear its card."""
        clock = HandClock()
        spool, writer = self.fill(tmp_path, clock, 2)
        stored = writer.streams[-1].head
        clock.synced = False
        clock.now += 70 * 365 * DAY
        writer.commit([reading(clock.mono)], clock.stamp(), clock.now, {1: (stored, stored)})
        assert writer.streams[-1].dropped == 0
        spool.close()

    def test_too_many_go_even_before_their_time(self, tmp_path: Path) -> None:
        """The card is bounded: what the hub has goes first, whatever its age."""
        clock = HandClock()
        spool = Spool.open(tmp_path, clock.now)
        writer = StreamWriter(spool, BOOT, 35 * DAY, clock.now, most=100)
        n = writer.streams[-1].n
        for _ in range(30):
            clock.pass_ms(60_000)
            head = writer.streams[-1].head
            drafts = [reading(clock.mono)] * 10
            writer.commit(drafts, clock.stamp(), clock.now, {n: (head, head)})
        stream = writer.streams[-1]
        assert (stream.head, stream.dropped, writer.lost) == (300, 200, 0)
        spool.close()
        stored_bodies(tmp_path)

    def test_what_the_hub_lacks_goes_last_and_is_counted(self, tmp_path: Path) -> None:
        """No hub for longer than the card can hold: the oldest go, and the sender finds a gap."""
        clock = HandClock()
        spool = Spool.open(tmp_path, clock.now)
        writer = StreamWriter(spool, BOOT, 35 * DAY, clock.now, most=100)
        n, known = writer.streams[-1].n, {0: writer.streams[-1].head_h}
        for _ in range(15):
            clock.pass_ms(60_000)
            marks = {n: (30, 20)} if len(known) > 3 else {}
            writer.commit([reading(clock.mono)] * 10, clock.stamp(), clock.now, marks)
            known[writer.streams[-1].head] = writer.streams[-1].head_h
        stream = writer.streams[-1]
        assert (stream.head, stream.dropped, writer.lost) == (150, 50, 30)
        sender = Sender(SpoolOutbox(spool), window=500, resend_after_ms=1_000)
        sender.refresh(writer.streams)
        # Only the hub knows the hash from which its gap begins.
        assert sender.next(0) is None
        said = Marks(Mark(30, known[30]), Mark(20, known[20]))
        sender.received({stream.id: said}, 0)
        message = sender.next(0)
        assert message is not None
        assert (message.what.kind, message.what.last) == ("gap", 50)
        spool.close()
        stored_bodies(tmp_path)


class TestDamage:
    """A byte that has changed on the card is found, told, and never becomes a reading."""

    def damaged(self, folder: Path, seq: int, column: str) -> tuple[Spool, StreamWriter]:
        """Write twenty records and change one byte in one of them."""
        clock = HandClock()
        spool, writer = open_writer(folder, clock)
        writer.commit([settings(clock.mono)], clock.stamp(), clock.now)
        for value in range(19):
            clock.pass_ms(60_000)
            writer.commit([reading(clock.mono, 5_000 + value)], clock.stamp(), clock.now)
        where = "WHERE stream = 1 AND seq = ?"
        (old,) = spool._db.execute(f"SELECT {column} FROM records {where}", (seq,)).fetchone()
        new = old.replace(b"50", b"51", 1) if column == "body" else bytes([old[0] ^ 1]) + old[1:]
        assert new != old
        spool._db.execute(f"UPDATE records SET {column} = ? {where}", (new, seq))
        return spool, writer

    @pytest.mark.parametrize("seq", [2, 10, 20])
    def test_a_changed_record_becomes_a_gap(self, tmp_path: Path, seq: int) -> None:
        """The hub has all the others, by their own hashes, and the reason for the one that lacks."""
        spool, writer = self.damaged(tmp_path, seq, "body")
        outbox = SpoolOutbox(spool)
        held = send_all(writer, outbox)
        assert held.gaps == [(seq, seq, DAMAGED)]
        assert sorted(held.records) == [n for n in range(1, 21) if n != seq]
        assert outbox.damaged == {(held.stream, seq)}
        spool.close()

    @pytest.mark.parametrize("seq", [2, 10, 19])
    @pytest.mark.parametrize("first", [0, 1])
    def test_a_changed_hash_loses_no_record(self, tmp_path: Path, seq: int, first: int) -> None:
        """The records beside it prove what it must have been, wherever sending begins."""
        spool, writer = self.damaged(tmp_path, seq, "h")
        outbox = SpoolOutbox(spool)
        if first:
            piece = outbox.piece(writer.streams[-1], seq + 1, 20)
            assert isinstance(piece, Piece)
            assert len(piece.bodies) == 20 - seq
        held = send_all(writer, outbox)
        assert (held.gaps, sorted(held.records)) == ([], list(range(1, 21)))
        assert outbox.damaged == set()
        spool.close()

    def test_a_damaged_one_is_not_carried_into_a_new_stream(self, tmp_path: Path) -> None:
        """A fork gives records new hashes; one that is damaged says so and claims no value."""
        spool, writer = self.damaged(tmp_path, 10, "body")
        assert writer.fork(5, settings(0), 0)
        spool.close()
        *_, bodies = stored_bodies(tmp_path).values()
        kinds = [(body["kind"], body.get("event")) for body in bodies]
        assert kinds.count(("event", "spool.damaged")) == 1
        assert [body["value"] for body in bodies if body["kind"] == "reading"] == [
            5_000 + value for value in range(4, 19) if value != 8
        ]

    def test_one_that_waits_for_its_stamp_stops_nobody(self, tmp_path: Path) -> None:
        """It cannot be read any more; those behind it get their stamps all the same."""
        clock = HandClock(now_ms=3_000)
        clock.synced = False
        spool, writer = open_writer(tmp_path, clock)
        writer.commit([reading(clock.mono)] * 5, clock.stamp(), clock.now)
        spool._db.execute("UPDATE records SET body = X'7BFF' WHERE seq = 3")
        spool.close()
        spool, writer = open_writer(tmp_path, clock)
        clock.synced = True
        writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
        assert (writer.recorded, writer.pending) == (6, 0)
        spool.close()
        ((_, bodies),) = stored_bodies(tmp_path).items()
        assert [body["kind"] for body in bodies] == [*["reading"] * 2, "event", *["reading"] * 3]


def send_all(writer: StreamWriter, outbox: SpoolOutbox) -> Held:
    """Send everything to a small hub, and return what it has then."""
    hub = HubMind()
    sender = Sender(outbox, window=500, resend_after_ms=1_000)
    sender.refresh(writer.streams)
    stream = writer.streams[-1]
    for now in range(0, 100_000, 1_000):
        while (message := sender.next(now)) is not None:
            hub.take(message.payload)
        sender.received(parse_received(json.dumps(hub.received()).encode()), now)
        sender.tick(now)
        if stream.id in hub.streams and hub.streams[stream.id].stored == stream.head:
            break
    assert hub.refused == []
    return hub.streams[stream.id]


def test_a_disk_that_takes_nothing_says_so_before_a_month_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked between two cycles, and looking through a month's file takes a Pi most of a minute."""
    Spool.open(tmp_path, 0).close()
    before = sorted(tmp_path.iterdir())

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr(spool_file, "connect", lambda path: pytest.fail(f"{path} was read"))
        with pytest.raises(DiskError, match="No space left"):
            Spool.open(tmp_path, 0)
    assert sorted(tmp_path.iterdir()) == before
    Spool.open(tmp_path, 0).close()
