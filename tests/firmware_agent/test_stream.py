"""The stream being written: stamps that come late, restarts, and a stream that must fork."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_agent.spool import Spool
from firmware_agent.stream import StreamWriter
from tests.firmware_agent.test_spool import open_writer
from tests.firmware_agent.worlds import (
    BOOT,
    START_MS,
    HandClock,
    judged_by_engine,
    reading,
    settings,
    stored_bodies,
    table,
)


def cycle(writer: StreamWriter, clock: HandClock, *values: int, final: bool | None = None) -> None:
    """Commit one cycle of a minute."""
    clock.pass_ms(60_000)
    drafts = [reading(clock.mono, value) for value in values]
    if writer.settings_version is None:
        drafts.insert(0, settings(clock.mono))
    writer.commit(drafts, clock.stamp(final=final), clock.now)


class TestTime:
    """Design, "Time"."""

    def test_without_time_records_wait_and_then_get_the_true_one(self, tmp_path: Path) -> None:
        """A Pi that wakes up in 1970 gives each record the time that it truly had."""
        clock = HandClock(now_ms=3_000)
        clock.synced = False
        spool, writer = open_writer(tmp_path, clock)
        true_offset = START_MS - clock.mono
        for _ in range(5):
            cycle(writer, clock, 5_000)
        assert (writer.recorded, writer.pending, writer.streams[-1].head) == (6, 6, 0)

        clock.now, clock.synced = true_offset + clock.mono, True
        cycle(writer, clock, 5_000)
        assert (writer.pending, writer.streams[-1].head) == (0, 7)
        spool.close()
        ((_, bodies),) = stored_bodies(tmp_path).items()
        assert [body["at"] - body["mono_ms"] for body in bodies] == [true_offset] * 7
        assert {body["clock"] for body in bodies} == {"synced"}

    def test_what_an_earlier_boot_left_unstamped_is_estimated(self, tmp_path: Path) -> None:
        """At the next start, before anything new; it never lies before what was stamped."""
        clock = HandClock()
        spool, writer = open_writer(tmp_path, clock)
        cycle(writer, clock, 5_000)
        stamped = writer.streams[-1].place
        assert stamped is not None
        spool.close()

        woken = HandClock(now_ms=9_000, mono_ms=4_000)
        woken.synced = False
        spool, writer = open_writer(tmp_path, woken, boot="c" * 32)
        cycle(writer, woken, 5_000)
        cycle(writer, woken, 5_000)
        assert writer.pending == 2
        spool.close()

        third = HandClock(now_ms=12_000, mono_ms=2_000)
        third.synced = False
        spool, writer = open_writer(tmp_path, third, boot="d" * 32)
        assert (writer.pending, writer.streams[-1].head) == (0, 4)
        spool.close()
        ((_, bodies),) = stored_bodies(tmp_path).items()
        estimated = [body for body in bodies if body["clock"] == "estimated"]
        assert [body["boot"] for body in estimated] == ["c" * 32] * 2
        assert [body["at"] for body in estimated] == [stamped.at + 1, stamped.at + 60_001]

    def test_ten_minutes_of_connection_make_an_estimate_final(self, tmp_path: Path) -> None:
        """Then all that waits is stamped as estimated, and so is what comes."""
        clock = HandClock(now_ms=3_000)
        clock.synced = False
        spool, writer = open_writer(tmp_path, clock)
        cycle(writer, clock, 5_000)
        cycle(writer, clock, 5_000, final=True)
        assert (writer.pending, writer.streams[-1].head) == (0, 3)
        spool.close()
        ((_, bodies),) = stored_bodies(tmp_path).items()
        assert {body["clock"] for body in bodies} == {"estimated"}

    def test_long_waiting_stamps_come_in_steps(self, tmp_path: Path) -> None:
        """Thousands that wait do not make one cycle late, and nothing overtakes them."""
        clock = HandClock(now_ms=0)
        clock.synced = False
        spool, writer = open_writer(tmp_path, clock)
        for _ in range(5):
            cycle(writer, clock, *[5_000] * 1_000)
        clock.now, clock.synced = START_MS, True
        heads = []
        for _ in range(4):
            cycle(writer, clock, 5_000)
            heads.append(writer.streams[-1].head)
        assert heads == [2_000, 4_000, 5_004, 5_005]
        spool.close()
        ((stream, bodies),) = stored_bodies(tmp_path).items()
        spool, writer = open_writer(tmp_path, clock)
        assert judged_by_engine(stream, bodies) == writer.judge.state()
        spool.close()

    def test_the_panel_does_not_wait_for_the_time(self, tmp_path: Path) -> None:
        """Without time an excursion opens at once, under the id that it will have for the hub."""
        clock = HandClock(now_ms=0)
        clock.synced = False
        spool, writer = open_writer(tmp_path, clock)
        for _ in range(5):
            cycle(writer, clock, 9_000)
        provisional = set(writer.judge.open)
        assert len(provisional) == 2
        spool.close()

        # A restart in the same boot still knows it.
        spool, writer = open_writer(tmp_path, clock)
        assert set(writer.judge.open) == provisional

        clock.now, clock.synced = START_MS, True
        cycle(writer, clock, 9_000)
        assert set(writer.judge.open) == provisional
        assert {item.start for item in writer.judge.open.values()} == {
            START_MS + 60_000 - 5 * 60_000
        }
        spool.close()


class TestRestart:
    """A restart between any two commits changes nothing."""

    @given(
        values=st.lists(st.sampled_from([1_000, 5_000, 9_000]), min_size=1, max_size=30),
        restarts=st.sets(st.integers(0, 30)),
        unsynced=st.sets(st.integers(0, 30)),
    )
    def test_the_engine_in_the_spool_is_that_of_the_records(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        values: list[int],
        restarts: set[int],
        unsynced: set[int],
    ) -> None:
        """Whatever waited for its stamp, and wherever it was stopped."""
        folder = tmp_path_factory.mktemp("spool")
        clock = HandClock()
        spool, writer = open_writer(folder, clock)
        for i, value in enumerate(values):
            clock.synced = i not in unsynced
            cycle(writer, clock, value)
            if i in restarts:
                spool.close()
                spool, writer = open_writer(folder, clock)
        clock.synced = True
        cycle(writer, clock, 5_000)
        state, known = writer.judge.state(), set(writer.judge.open)
        spool.close()

        ((stream, bodies),) = stored_bodies(folder).items()
        assert [body["value"] for body in bodies[1:]] == [*values, 5_000]
        assert judged_by_engine(stream, bodies) == state
        spool, writer = open_writer(folder, clock)
        assert set(writer.judge.open) == known
        spool.close()

    def test_an_engine_state_of_another_version_is_made_anew(self, tmp_path: Path) -> None:
        """From the records, which are still there."""
        clock = HandClock()
        spool, writer = open_writer(tmp_path, clock)
        for _ in range(5):
            cycle(writer, clock, 9_000)
        state = writer.judge.state()
        with spool.transaction():
            spool.set_meta("engine", {"of": "another version"})
        spool.close()
        spool, writer = open_writer(tmp_path, clock)
        assert writer.judge.state() == state
        assert len(writer.judge.open) == 2
        spool.close()

    def test_what_the_hub_has_told_is_remembered(self, tmp_path: Path) -> None:
        """The own modem must know it without a network."""
        clock = HandClock()
        spool, writer = open_writer(tmp_path, clock)
        writer.told = frozenset({"0123456789abcdef"})
        cycle(writer, clock, 5_000)
        spool.close()
        spool, writer = open_writer(tmp_path, clock)
        assert writer.told == {"0123456789abcdef"}
        spool.close()


class TestFork:
    """A new stream with everything behind the last common record."""

    def forked(
        self, folder: Path, common: int, values: list[int], *, waiting: int = 0
    ) -> tuple[dict[str, list[Any]], StreamWriter, Spool]:
        """Fill a spool, fork it, and write one more cycle."""
        clock = HandClock()
        spool, writer = open_writer(folder, clock)
        for value in values:
            cycle(writer, clock, value)
        clock.synced = False
        for _ in range(waiting):
            cycle(writer, clock, 5_000)
        assert writer.fork(common, settings(clock.mono, "f" * 16), clock.now)
        clock.synced = True
        cycle(writer, clock, 5_000)
        return {id_: list(bodies) for id_, bodies in stored_bodies(folder).items()}, writer, spool

    @pytest.mark.parametrize("common", [0, 1, 4, 9, 11])
    @pytest.mark.parametrize("waiting", [0, 3])
    def test_each_record_is_in_exactly_one_stream(
        self, tmp_path: Path, common: int, waiting: int
    ) -> None:
        """Values and times are the same; only stream, seq and hashes are new."""
        values = [5_000 + i for i in range(10)]
        streams, writer, spool = self.forked(tmp_path, common, values, waiting=waiting)
        new = streams[writer.streams[-1].id]
        # A stream of which nothing is left is forgotten.
        old = streams[writer.streams[0].id] if common else []
        assert len(writer.streams) == (2 if common else 1)
        assert [body["seq"] for body in old] == list(range(1, common + 1))
        assert new[0]["kind"] == "settings"
        assert [body["seq"] for body in new] == list(range(1, len(new) + 1))
        together = [body["value"] for body in (*old, *new) if body["kind"] == "reading"]
        assert together == [*values, *[5_000] * (waiting + 1)]
        assert judged_by_engine(writer.streams[-1].id, new) == writer.judge.state()
        spool.close()

        # It survives a restart, and goes on.
        clock = HandClock(START_MS + 10_000_000, 10_000_000)
        spool, again = open_writer(tmp_path, clock)
        assert again.streams == writer.streams
        cycle(again, clock, 6_000)
        assert again.recorded == len(new) + 1
        spool.close()

    def test_the_rules_in_force_come_along(self, tmp_path: Path) -> None:
        """What was judged by the old rules is judged by them again, not by those of today."""
        streams, writer, spool = self.forked(tmp_path, 4, [5_000] * 6)
        first = streams[writer.streams[-1].id][0]
        assert (first["version"], first["series"]) == ("0123456789abcdef", table())
        spool.close()

    def test_a_fork_at_the_end_begins_with_settings(self, tmp_path: Path) -> None:
        """Nothing is carried over, and the new stream asks for its settings by itself."""
        streams, writer, spool = self.forked(tmp_path, 7, [5_000] * 6)
        kinds = [body["kind"] for body in streams[writer.streams[-1].id]]
        assert kinds == ["settings", "reading"]
        spool.close()

    def test_a_full_disk_leaves_the_old_stream_as_it_was(self, tmp_path: Path) -> None:
        """The fork is tried again with the next cycle."""
        clock = HandClock()
        spool, writer = open_writer(tmp_path, clock)
        cycle(writer, clock, 5_000)
        spool._db.execute("PRAGMA query_only = ON")
        cycle(writer, clock, 5_001)
        assert not writer.fork(1, settings(clock.mono), clock.now)
        spool._db.execute("PRAGMA query_only = OFF")
        cycle(writer, clock, 5_002)
        assert len(writer.streams) == 1
        assert writer.recorded == 4
        spool.close()
        ((_, bodies),) = stored_bodies(tmp_path).items()
        assert [json.loads(json.dumps(body))["value"] for body in bodies[1:]] == [
            5_000, 5_001, 5_002,
        ]  # fmt: skip


def test_boot_is_named_in_each_record(tmp_path: Path) -> None:
    """Monotonic times are comparable within one boot only."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    cycle(writer, clock, 5_000)
    spool.close()
    ((_, bodies),) = stored_bodies(tmp_path).items()
    assert {body["boot"] for body in bodies} == {BOOT}
