"""Without a disk: judging, sounding and sending go on, and the hub has each record once.

The hub is the real intake over real databases; the network between is a function call.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alerts.engine import StreamEngine
from firmware_agent.agent import Agent
from firmware_agent.downlink import parse_received
from firmware_agent.health import Health
from firmware_agent.keeping import Keeping
from firmware_agent.sender import Sender
from firmware_agent.spool import DiskError, Row, Spool, SpoolError
from firmware_agent.stream import StreamWriter
from journal import journal
from journal.database import read
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.test_agent import running
from tests.firmware_agent.worlds import (
    BOOT,
    START_MS,
    HandClock,
    make_plan,
    reading,
    settings,
    stored_bodies,
)
from tests.hub.test_intake import Bench
from tests.support.disks import fill_up, needs_root, read_only, small_disk
from tests.support.mosquitto import Mosquitto

MINUTE = 60_000


class World:
    """An agent's spool and sender, and a hub's intake; everything in between is a call."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self.bench = Bench(folder)
        self.clock = HandClock(START_MS, 1_000)
        self.boot = BOOT
        self.plan = make_plan(self.state)
        self.health = Health()
        # Every value that was recorded, in its order.
        self.recorded: list[int] = []
        self.begin()

    def begin(self) -> None:
        """Start as the agent's process does."""
        self.keeping = Keeping(self.plan, self.boot, self.health, self.clock.now)
        self.keeping.writer.start(self.clock.stamp(), self.clock.now)
        self.sender = Sender(self.keeping.outbox, window=2_000, resend_after_ms=1_000)
        self.forks = 0

    def kill(self) -> None:
        """End without a word, as by SIGKILL, and start again."""
        self.keeping.close()
        self.begin()

    def disk(self, *, works: bool) -> None:
        """Let the disk of the running process take what comes, or nothing."""
        self.keeping.spool._db.execute(f"PRAGMA query_only = {'OFF' if works else 'ON'}")

    def cycle(self, *values: int, send: bool = True) -> None:
        """Record, commit and send what a cycle of a minute brings."""
        clock, keeping = self.clock, self.keeping
        clock.pass_ms(MINUTE)
        keeping.look(clock.stamp(), clock.now, clock.mono)
        fork = self.sender.fork
        if fork is not None and fork.stream == keeping.writer.streams[-1].id:
            # A disk that takes nothing is asked again in the next cycle, as the agent does.
            with contextlib.suppress(sqlite3.OperationalError):
                self.forks += keeping.fork(*fork, settings(clock.mono), clock.now)
        writer = keeping.writer
        writer.agreed = writer.streams[-1].id in self.sender.agreed
        self.sender.floor = (writer.streams[-1].id, writer.floor)
        drafts = [reading(clock.mono, value) for value in values]
        if writer.settings_version is None:
            drafts.insert(0, settings(clock.mono))
        drafts += keeping.events(clock.mono)
        writer.commit(drafts, clock.stamp(), clock.now, self.sender.marks())
        self.recorded += values
        self.sender.refresh(writer.streams)
        if send:
            self.talk()

    def talk(self) -> None:
        """Let both speak until nothing moves."""
        self.hear()
        for _ in range(20):
            payloads = []
            while (message := self.sender.next(self.clock.mono)) is not None:
                payloads.append(message.payload)
            if not payloads:
                return
            self.bench.take(*payloads)
            self.hear()

    def hear(self) -> None:
        """Let the hub say its marks."""
        said = {"v": 1, "at": 1, "streams": self.bench.intake.marks("pi-1")}
        self.sender.received(parse_received(json.dumps(said).encode()), self.clock.mono)

    # --- what came of it ---

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        """Return what the history has, by stream, in the order in which the streams began."""
        found: dict[str, list[dict[str, Any]]] = {}
        for stream in self.bench.intake.marks("pi-1"):
            found[stream] = [body for _, body in self.bench.history.records(stream)]
        return dict(sorted(found.items(), key=lambda item: item[1][0]["mono_ms"]))

    def values(self) -> list[int]:
        """Return the values that the history has, in the order in which they were measured."""
        bodies = [body for bodies in self.stored().values() for body in bodies]
        readings = [body for body in bodies if body["kind"] == "reading"]
        return [body["value"] for body in sorted(readings, key=lambda body: body["mono_ms"])]

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of the journal's entries of a kind."""
        with read(self.bench.database) as conn:
            return [entry.body for entry in journal.entries(conn, types=kind)]

    def excursions_are_those_of_the_records(self) -> None:
        """The hub decided what an engine decides that is fed the stored records alone."""
        opened: dict[str, int] = {}
        closed: dict[str, int | None] = {}
        for stream, bodies in self.stored().items():
            engine = StreamEngine(stream)
            for body in bodies:
                for decision in engine.feed_record(body):
                    if decision.happening == "opened":
                        opened[decision.id] = decision.opened
                    elif decision.happening == "closed":
                        closed[decision.id] = decision.end
        rows = self.bench.opened()
        assert {row.id: row.opened for row in rows} == opened
        assert {row.id: row.end for row in rows if row.end is not None} == closed


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An agent and a hub."""
    made = World(tmp_path)
    yield made
    made.keeping.close()
    made.bench.history.close()


class TestWhileItRuns:
    """The disk fails under a running agent: the stream goes on as if nothing had happened."""

    def test_an_excursion_goes_on_across_both_switches(self, world: World) -> None:
        """Begun on the disk, opened in memory, closed on the disk again: one, with one id."""
        world.cycle(5_000)
        world.cycle(9_000)
        world.disk(works=False)
        for _ in range(4):
            world.cycle(9_000)
        (warm,) = [row for row in world.bench.opened() if row.rule == "test/warm"]
        assert warm.start == START_MS + 2 * MINUTE
        assert set(world.keeping.writer.judge.open) >= {warm.id}
        assert world.keeping.writer.problem is not None
        world.disk(works=True)
        world.cycle(9_000)
        world.cycle(5_000)
        assert world.keeping.writer.problem is None

        stream, *others = world.stored()
        assert others == []
        assert world.values() == world.recorded
        rows = world.bench.opened()
        assert Counter(row.rule for row in rows) == {"test/warm": 1, "test/at-limit": 1}
        assert {row.end for row in rows} == {START_MS + 8 * MINUTE}
        # The disk has the very same bytes.
        assert stored_bodies(world.state)[stream] == world.stored()[stream]

    def test_without_time_records_get_it_in_memory(self, world: World) -> None:
        """Some that wait are on the disk, some are not: all get their stamps, in their order."""
        world.cycle(5_000)
        world.clock.synced = False
        world.cycle(5_001)
        world.disk(works=False)
        world.cycle(5_002)
        assert world.values() == [5_000]
        world.clock.synced = True
        world.cycle(5_003)
        assert world.values() == world.recorded == [5_000, 5_001, 5_002, 5_003]
        world.disk(works=True)
        world.cycle(5_004)
        ((_, bodies),) = stored_bodies(world.state).items()
        assert [body["value"] for body in bodies[1:]] == world.recorded

    def test_killed_before_the_disk_takes_again_nothing_is_lost_or_doubled(
        self, world: World
    ) -> None:
        """The hub knows more of the stream than the disk: a new one goes on, behind the disk's end."""
        for value in range(5_000, 5_010):
            world.cycle(value)
        world.disk(works=False)
        for value in range(6_000, 6_005):
            world.cycle(value)
        world.kill()
        # Some are recorded before the hub is heard.
        for value in range(7_000, 7_003):
            world.cycle(value, send=False)
        world.talk()
        for value in range(8_000, 8_003):
            world.cycle(value)
        assert world.forks == 1
        assert world.values() == world.recorded
        assert [body["body"]["last"] for body in world.entries("device.spool.forked")] == [11]
        world.excursions_are_those_of_the_records()

    def test_killed_again_and_again(self, world: World) -> None:
        """Each time the hub is ahead by what was in memory only."""
        for round_ in range(5):
            world.disk(works=True)
            for value in range(3):
                world.cycle(4_000 + 10 * round_ + value)
            world.disk(works=False)
            for value in range(3):
                world.cycle(5_000 + 10 * round_ + value)
            world.kill()
        for _ in range(3):
            world.cycle(6_000)
        assert world.values() == world.recorded
        world.excursions_are_those_of_the_records()

    def test_what_was_neither_sent_nor_written_is_all_that_a_kill_can_cost(
        self, world: World
    ) -> None:
        """No network and no disk and then no power: only that is gone."""
        world.cycle(5_000)
        world.disk(works=False)
        world.cycle(5_001, 5_002, send=False)
        world.kill()
        world.cycle(5_003)
        world.cycle(5_004)
        assert world.values() == [5_000, 5_003, 5_004]


class TestAtTheStart:
    """The disk takes nothing when the agent starts: a stream of its own begins in memory."""

    @pytest.fixture
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        """Say whether the disk can be opened; the first item counts."""
        state, truly = [False], Spool.open

        def open_(folder: Path, now_ms: int) -> Spool:
            if state[0]:
                raise DiskError(f"{folder}: Read-only file system")
            return truly(folder, now_ms)

        monkeypatch.setattr(Spool, "open", open_)
        return state

    def test_it_judges_and_sends_from_memory_and_moves_to_the_disk(
        self, world: World, broken: list[bool]
    ) -> None:
        """The disk's own stream is closed with all of it; the one from memory goes on there."""
        for _ in range(5):
            world.cycle(5_000, send=False)  # not sent yet: only the disk knows them
        broken[0] = True
        world.kill()
        for _ in range(6):
            world.cycle(9_000)
        assert world.keeping.without_disk is not None
        assert {item.rule for item in world.keeping.writer.judge.open.values()} == {
            "test/warm", "test/at-limit",
        }  # fmt: skip
        assert world.values() == [9_000] * 6
        (said,) = world.entries("device.spool.without-disk")
        assert "Read-only" in said["body"]["reason"]
        open_before = {row.id for row in world.bench.opened()}

        broken[0] = False
        for _ in range(3):
            world.cycle(9_000)
        world.cycle(5_000)
        assert world.keeping.without_disk is None
        assert world.values() == world.recorded
        first, second = world.stored()
        assert len(stored_bodies(world.state)) == 2
        assert stored_bodies(world.state)[first] == world.stored()[first]
        assert stored_bodies(world.state)[second] == world.stored()[second]
        # One excursion of each rule, from its opening in memory to its end on the disk.
        assert {row.id for row in world.bench.opened()} == open_before
        assert all(row.end is not None for row in world.bench.opened())
        world.excursions_are_those_of_the_records()

        world.kill()
        world.cycle(5_000)
        assert world.values() == world.recorded
        assert world.forks == 0

    def test_a_disk_that_fails_right_behind_the_move(
        self, world: World, broken: list[bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The stream from memory is there then, and goes there once more with what came after."""
        world.cycle(5_000)
        broken[0] = True
        world.kill()
        world.cycle(9_000)
        stream = world.keeping.writer.streams[-1].id
        broken[0] = False
        start, failed = StreamWriter.start, [False]

        def fails_once(writer: StreamWriter, *stamp: Any) -> None:
            if writer.streams[-1].id == stream and not failed[0]:
                failed[0] = True
                raise sqlite3.OperationalError("disk I/O error")
            start(writer, *stamp)

        monkeypatch.setattr(StreamWriter, "start", fails_once)
        for _ in range(5):
            world.cycle(9_000)
        assert failed[0]
        assert world.keeping.without_disk is None
        world.cycle(5_000)
        assert world.values() == world.recorded
        assert stored_bodies(world.state)[stream] == world.stored()[stream]
        assert world.forks == 0

    def test_a_first_start_without_a_disk(self, tmp_path: Path, broken: list[bool]) -> None:
        """A new card that is already full: the same, and the disk begins with what memory has."""
        broken[0] = True
        world = World(tmp_path / "new")
        world.cycle(5_000)
        world.cycle(5_001)
        assert world.values() == [5_000, 5_001]
        broken[0] = False
        for _ in range(2):
            world.cycle(5_002)
        ((_, bodies),) = stored_bodies(world.state).items()
        assert [body["value"] for body in bodies if body["kind"] == "reading"] == world.recorded
        world.keeping.close()
        world.bench.history.close()

    def test_what_waits_on_the_disk_for_its_time_gets_it_first(
        self, world: World, broken: list[bool]
    ) -> None:
        """Records of an earlier boot without a stamp stay in their own stream."""
        world.cycle(5_000)
        world.clock.synced = False
        world.cycle(5_001)
        broken[0] = True
        world.boot = "c" * 32
        world.kill()
        world.clock.synced = True
        world.cycle(5_002)
        broken[0] = False
        for _ in range(2):
            world.cycle(5_003)
        assert world.values() == world.recorded
        first, _ = world.stored()
        assert [body["value"] for body in world.stored()[first][1:]] == [5_000, 5_001]

    def test_settings_that_name_a_wrong_folder_are_no_full_disk(self, tmp_path: Path) -> None:
        """They are refused at once: nobody would look for the records in memory."""
        (tmp_path / "file").write_text("")
        with pytest.raises(SpoolError) as caught:
            Keeping(make_plan(tmp_path / "file" / "state"), BOOT, Health(), START_MS)
        assert not isinstance(caught.value, DiskError)


@hypothesis_settings(max_examples=12)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["works", "fails", "kill", "offline", "online", "unsynced", "synced"]),
            st.lists(st.sampled_from([5_000, 9_000, 1_000]), min_size=0, max_size=3),
        ),
        max_size=25,
    )
)
@example([("works", []), ("unsynced", [5_000]), ("fails", [5_000]), ("synced", []), ("kill", [])])
def test_whatever_fails_in_whatever_order_the_hub_has_each_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]]
) -> None:
    """Each record once, with three exceptions, all of a process that dies while its disk takes nothing.

    What was in memory only and not sent is gone. Where not even one commit came between the
    first word from the hub and the disk's end, the next process cannot know which of its records
    the hub's longer chain has: it sends them again, in a new stream, rather than lose one. And so
    it is with a record that got its final stamp, and with it its hash, in memory only.
    """
    world = World(tmp_path_factory.mktemp("world"))
    online, works = True, True
    serial = 0
    may_lack: set[int | None] = set()
    may_double: set[int | None] = set()
    for step, moods in steps:
        if step == "kill":
            if not works:
                have = set(world.values())
                writer = world.keeping.writer
                may_lack |= {value_of(row) for row in writer.unwritten.rows()} - have - {None}
                may_double |= not_agreed_yet(world.keeping.spool)
                may_double |= stamped_in_memory(world.keeping)
            world.clock.pass_ms(5_000)
            world.kill()
            works = True
        elif step in ("works", "fails"):
            works = step == "works"
            world.disk(works=works)
        elif step in ("offline", "online"):
            online = step == "online"
        elif step in ("unsynced", "synced"):
            world.clock.synced = step == "synced"
        # Each value its own, so that one that is lost or doubled is seen.
        values = []
        for mood in moods:
            serial += 1
            values.append(mood + serial)
        world.cycle(*values, send=online)
    world.disk(works=True)
    world.clock.synced = True
    for _ in range(3):
        serial += 1
        world.cycle(5_000 + serial)
    values, recorded = world.values(), world.recorded
    assert {value for value, times in Counter(values).items() if times > 1} <= may_double
    assert set(recorded) - set(values) <= may_lack
    world.excursions_are_those_of_the_records()
    world.keeping.close()
    world.bench.history.close()


def value_of(row: Row) -> int | None:
    """Return a reading's value."""
    value: int | None = json.loads(row.body).get("value")
    return value


def not_agreed_yet(disk: Spool) -> set[int | None]:
    """Return the values behind what the disk knows to be common with the hub."""
    stream, floor = disk.streams()[-1], disk.meta("floor")
    if floor is None:
        return set()
    return {value_of(row) for row in disk.rows(stream.n, max(floor, stream.judged), 10_000)}


def stamped_in_memory(keeping: Keeping) -> set[int | None]:
    """Return the values whose records wait for their stamp on the disk, and have it in memory."""
    stream = keeping.spool.streams()[-1]
    waiting = {row.seq for row in keeping.spool.rows(stream.n, stream.head, 10_000)}
    rows = keeping.writer.unwritten.rows()
    return {value_of(row) for row in rows if row.h is not None and row.seq in waiting}


@pytest.fixture
def hub(mosquitto: Mosquitto) -> Iterator[SmallHub]:
    """A hub behind a real broker."""
    hub = SmallHub(mosquitto.port).start()
    yield hub
    hub.stop()


@contextmanager
def running_without(plan: Any, state: Path, hub: SmallHub) -> Iterator[Agent]:
    """Run an agent that starts on a read-only disk, which takes again later."""
    with read_only(state) as writable, running(replace(plan, every_ms=100)) as agent:
        wait_for(lambda: any("memory only" in line for line in agent.health.problems()))
        wait_for(lambda: len(hub.mind.streams) == 2 and hub.stored() >= 5)
        wait_for(lambda: any("memory only" in line for line in hub.statuses[-1].problems))
        writable()
        wait_for(lambda: agent.health.problems() == ())
        seen = hub.stored()
        wait_for(lambda: hub.stored() >= seen + 3)
        yield agent


class TestRealDisks:
    """The whole agent on a file system of its own that is full, or read-only."""

    def test_a_read_only_disk_at_the_start(
        self, tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub
    ) -> None:
        """It starts, sends, says so, and moves to the disk when that takes again."""
        needs_root()
        state = tmp_path / "state"
        plan = make_plan(state, mosquitto.port)
        with small_disk(state, 8):
            with running(plan):
                wait_for(lambda: hub.stored() >= 3)
            with running_without(plan, state, hub) as agent:
                pass
            assert agent.health.problems() == ()
            spooled = stored_bodies(state)
            assert len(spooled) == 2
            for held in hub.mind.streams.values():
                assert held.bodies() == spooled[held.stream]
        assert hub.mind.refused == []

    def test_a_disk_that_fills_up_and_is_emptied(
        self, tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub
    ) -> None:
        """One stream all the while; the hub has all of it, and in the end the disk too."""
        needs_root()
        state = tmp_path / "state"
        with small_disk(state, 4), running(make_plan(state, mosquitto.port, every_ms=50)) as agent:
            wait_for(lambda: hub.stored() >= 3)
            ballast = fill_up(state)
            wait_for(lambda: any("memory only" in line for line in agent.health.problems()), 60)
            seen = hub.stored()
            wait_for(lambda: hub.stored() >= seen + 20)
            wait_for(lambda: any("full" in line for line in hub.statuses[-1].problems))
            ballast.unlink()
            wait_for(lambda: agent.health.problems() == ())
            agent.stop()
            held = hub.held
            assert held is not None
            wait_for(lambda: stored_bodies(state)[held.stream] == held.bodies())
        assert len(hub.mind.streams) == 1
        assert hub.mind.refused == []


def test_the_writer_of_a_spool_in_memory_needs_no_file() -> None:
    """It is a spool like any other."""
    clock = HandClock()
    spool = Spool.in_memory()
    writer = StreamWriter(spool, BOOT, 1, clock.now)
    writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    assert writer.streams[-1].head == 1
    spool.close()


class TestCards:
    """What becomes of a card between two starts of the agent."""

    def swap(self, world: World, put_back: Path | None) -> None:
        """Take the card out, and put in an empty one or a copy of an earlier day."""
        world.keeping.close()
        shutil.rmtree(world.state)
        if put_back is not None:
            shutil.copytree(put_back, world.state)
        world.begin()

    def image(self, world: World, folder: Path) -> Path:
        """Copy the card as it is now."""
        world.keeping.close()
        shutil.copytree(world.state, folder)
        world.begin()
        return folder

    def test_a_new_card_begins_a_new_stream(self, world: World) -> None:
        """What the old one had sent stays, and what comes is added to it."""
        for value in (5_000, 5_001):
            world.cycle(value)
        self.swap(world, None)
        for value in (5_002, 5_003):
            world.cycle(value)
        assert world.values() == world.recorded
        assert len(world.stored()) == 2

    @pytest.mark.parametrize("heard", [True, False])
    def test_an_image_of_last_month_goes_on_in_a_new_stream(
        self, world: World, tmp_path: Path, heard: bool
    ) -> None:
        """Whether it hears the hub at once or records alone for a while, with restarts in between."""
        for value in range(5_000, 5_005):
            world.cycle(value)
        image = self.image(world, tmp_path / "image")
        for value in range(5_005, 5_030):
            world.cycle(value)
        self.swap(world, image)
        world.boot = "d" * 32
        if not heard:
            world.cycle(6_000, send=False)
            world.kill()
            world.cycle(6_001, send=False)
            world.kill()
        for value in (6_002, 6_003, 6_004):
            world.cycle(value)
        assert world.values() == world.recorded
        assert world.forks == 1
        world.excursions_are_those_of_the_records()

    def test_a_card_that_forgot_what_it_had_confirmed(self, world: World, tmp_path: Path) -> None:
        """The last commits were never on it: the hub has them, and what follows is a new stream."""
        world.cycle(9_000)
        world.cycle(9_001)
        image = self.image(world, tmp_path / "image")
        world.cycle(9_002)
        self.swap(world, image)
        for value in (9_003, 9_004):
            world.cycle(value)
        assert world.values() == world.recorded
        assert world.forks == 1

    def test_a_damaged_file_is_told_to_the_inspector(self, world: World) -> None:
        """Which stream ended, where its file lies, and why: in the hub's journal, once."""
        for value in (5_000, 5_001):
            world.cycle(value)
        world.keeping.close()
        file = world.state / "spool.db"
        content = bytearray(file.read_bytes())
        for page in range(4096, len(content), 4096):
            content[page + 8 : page + 60] = b"\xff" * 52
        file.write_bytes(content)
        world.begin()
        for value in (5_002, 5_003):
            world.cycle(value)
        assert world.values() == world.recorded
        (entry,) = world.entries("device.spool.set-aside")
        assert Path(entry["body"]["file"]).read_bytes() == bytes(content)
        assert entry["body"]["reason"]
        assert any("was damaged" in text for text in world.health.problems())
        world.kill()
        world.cycle(5_004)
        assert len(world.entries("device.spool.set-aside")) == 1
