"""The spool: what is committed stays, whatever is killed, full or damaged."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware_agent.outbox import SpoolOutbox
from firmware_agent.spool import FILE, Spool, SpoolError
from firmware_agent.stream import MOST_UNWRITTEN, StreamWriter
from protocol.messages import record_adapter
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


def test_killed_between_any_two_instructions_it_keeps_all_that_was_committed(
    tmp_path: Path, house: Path
) -> None:
    """SIGKILL in the middle of commits: no committed record lost, no hole, chain and engine right."""
    committed, rounds = 0, 10
    for _ in range(rounds):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.firmware_agent.committing_child", str(tmp_path)],
            cwd=house,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        first = int(child.stdout.readline())
        time.sleep(random.random() * 0.15)
        child.kill()
        lines = [line for line in child.stdout if line.endswith("\n")]
        child.wait()
        child.stdout.close()
        assert first >= committed
        committed = int(lines[-1]) if lines else first

        ((stream, bodies),) = stored_bodies(tmp_path).items()
        assert len(bodies) >= committed
        spool = Spool.open(tmp_path, 0)
        head = spool.streams()[-1].head
        assert judged_by_engine(stream, bodies[:head]) == spool.meta("engine")
        spool.close()
        committed = len(bodies)
    assert committed > rounds


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
    assert writer.unwritten > 0
    assert writer.recorded == 201
    assert {item.rule for item in writer.judge.open.values()} == {"test/at-limit", "test/warm"}
    held = writer.streams[-1].head
    assert held < 201, "nothing may be sent before it is on the disk"

    spool._db.execute("PRAGMA max_page_count = 1000000")
    clock.pass_ms(10_000)
    writer.commit([], clock.stamp(), clock.now)
    assert (writer.problem, writer.unwritten, writer.lost) == (None, 0, 0)
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
    """What neither disk nor memory takes is counted, and leaves no hole in what is kept."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    spool._db.execute("PRAGMA query_only = ON")
    writer.commit([reading(clock.mono)] * (MOST_UNWRITTEN + 7), clock.stamp(), clock.now)
    assert (writer.unwritten, writer.lost) == (MOST_UNWRITTEN, 7)
    spool._db.execute("PRAGMA query_only = OFF")
    writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    assert spool.last_seq(1) == MOST_UNWRITTEN + 1
    spool.close()
    stored_bodies(tmp_path)


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
    assert spool.set_aside is not None
    assert spool.set_aside.read_bytes() == bytes(content)
    assert writer.streams[-1].id != old
    assert writer.recorded == 0
    spool.close()


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
        outbox = SpoolOutbox(spool.path)
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
