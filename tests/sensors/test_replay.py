"""Recordings: every row once, exact, in order, holes kept."""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import registry
from sensors.contract import NoDataError, ProbeFaultError, Sample
from sensors.replay.driver import AT_MOST, Replay
from tests.sensors.clocks import HandClock

START = 1_719_792_000_000
MINUTE = 60_000


def replay(path: Path, clock: HandClock, **settings: Any) -> Replay:
    """Open a recording."""
    probe = registry.open_probe({"kind": "replay", "path": str(path), **settings}, clock)
    assert isinstance(probe, Replay)
    return probe


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Ten rows a minute apart, an hour of nothing, ten more; the values count up."""
    path = tmp_path / "table.csv"
    minutes = [*range(10), *range(70, 80)]
    rows = "".join(f"{START + m * MINUTE},{m / 10}\n" for m in minutes)
    path.write_text("timestamp,temperature\n" + rows)
    return path


def everything(probe: Replay, now_ms: int = 0) -> list[tuple[int, int | None]]:
    """Drain a recording that is given as fast as possible."""
    rows: list[tuple[int, int | None]] = []
    while not probe.finished:
        piece = probe.drain(now_ms)
        assert 0 < len(piece) <= AT_MOST
        rows += [(at, sample.value) for at, sample in piece]
    assert probe.drain(now_ms) == []
    return rows


class TestPace:
    def test_own_pace_is_moved_to_now(self, table: Path) -> None:
        """At its own pace the first row is now, and each row comes as long after it as recorded."""
        clock = HandClock(now_ms=START + 5_000_000_000)
        probe = replay(table, clock)
        began = clock.now_ms()
        given: list[tuple[int, int, int | None]] = []
        for _second in range(80 * 60 // 10):
            given += [
                (clock.now_ms(), at, sample.value) for at, sample in probe.drain(clock.now_ms())
            ]
            clock.pass_ms(10_000)

        minutes = [*range(10), *range(70, 80)]
        assert [(at - began, value) for _now, at, value in given] == [
            (m * MINUTE, m * 100) for m in minutes
        ]
        assert all(0 <= now - at < 10_000 for now, at, _value in given)
        assert probe.finished

    def test_faster_keeps_the_recorded_times(self, table: Path) -> None:
        """Sixty times as fast: 79 minutes in 79 seconds, with the recording's own times."""
        clock = HandClock()
        probe = replay(table, clock, pace=60)
        first = probe.drain(clock.now_ms())
        clock.pass_ms(9_000)
        second = probe.drain(clock.now_ms())
        clock.pass_ms(69_999)
        third = probe.drain(clock.now_ms())
        clock.pass_ms(1)
        last = probe.drain(clock.now_ms())

        assert [at for at, _sample in first] == [START]
        assert [at for at, _sample in second] == [START + m * MINUTE for m in range(1, 10)]
        assert [at for at, _sample in third] == [START + m * MINUTE for m in range(70, 79)]
        assert [at for at, _sample in last] == [START + 79 * MINUTE]

    def test_monotonic_differences_equal_those_of_the_recording(self, table: Path) -> None:
        """Rules within a boot judge by monotonic time: it must tell the recording's durations."""
        for pace in ("own", "as-fast-as-possible", 7.5):
            clock = HandClock(now_ms=START + 12_345, mono_ms=987)
            probe = replay(table, clock, pace=pace)
            rows = probe.drain(clock.now_ms())
            clock.pass_ms(100 * MINUTE)
            rows += probe.drain(clock.now_ms())
            stamps = [(at, probe.mono_ms(at)) for at, _sample in rows]

            assert len(stamps) == 20
            assert stamps[0][1] == 987
            assert {mono - at for at, mono in stamps} == {stamps[0][1] - stamps[0][0]}

    def test_read_gives_the_present_row_and_holes(self, table: Path) -> None:
        """Asked like any probe it says the newest row, and that there is none in a hole."""
        clock = HandClock()
        probe = replay(table, clock)
        assert probe.read() == Sample(0)
        clock.pass_ms(9 * MINUTE + 3 * MINUTE)
        assert probe.read() == Sample(900)
        clock.pass_ms(1)
        with pytest.raises(NoDataError, match="no row for 180 s"):
            probe.read()
        clock.pass_ms(58 * MINUTE)
        assert probe.read() == Sample(7_000)

    def test_reading_does_not_take_rows_away(self, table: Path) -> None:
        """``read`` and ``drain`` do not disturb each other."""
        probe = replay(table, HandClock(), pace="as-fast-as-possible")
        probe.read()

        assert len(everything(probe)) == 20


def test_long_recordings_come_in_pieces(tmp_path: Path) -> None:
    """One piece stays bounded, so that one commit does, and no row is lost at the seams."""
    path = tmp_path / "long.csv"
    rows = 2 * AT_MOST + 7
    path.write_text("timestamp,temperature\n" + "".join(f"{START + n},{n}\n" for n in range(rows)))

    given = everything(replay(path, HandClock(), pace="as-fast-as-possible"))

    assert given == [(START + n, n * 1_000) for n in range(rows)]


def test_a_fault_says_what_to_do(tmp_path: Path) -> None:
    """A missing table is told at the first read, not when settings are checked."""
    probe = replay(tmp_path / "none.csv", HandClock())

    with pytest.raises(ProbeFaultError, match=r"none\.csv: No such file"):
        probe.drain(0)
    with pytest.raises(ProbeFaultError, match=r"none\.csv: No such file"):
        probe.read()


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.decimals(-999, 999, places=3)), min_size=1, max_size=60
    ),
    st.lists(st.integers(0, 10**6), max_size=30),
)
def test_each_row_once_whatever_the_cycles(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, Decimal]], pauses: list[int]
) -> None:
    """However irregularly it is drained, each row comes exactly once, in order, exact."""
    path = tmp_path_factory.mktemp("replay") / "table.csv"
    path.write_text(
        "timestamp;temperature\n"
        + "".join(f"{START + offset};{str(value).replace('.', ',')}\n" for offset, value in rows)
    )
    clock = HandClock(START)
    probe = replay(path, clock)
    expected = sorted(((offset, int(value * 1000)) for offset, value in rows), key=lambda r: r[0])
    given: list[tuple[int, int | None]] = []
    for pause in [*pauses, 10**7 + 1]:
        given += [(at - START, sample.value) for at, sample in probe.drain(clock.now_ms())]
        assert all(at <= clock.now_ms() - START for at, _value in given)
        clock.pass_ms(pause)
    given += [(at - START, sample.value) for at, sample in probe.drain(clock.now_ms())]

    assert given == [(offset - expected[0][0], value) for offset, value in expected]


def test_real_fridge(shared_data: Path) -> None:
    """24 h of a household fridge: every row exact, with its own offset, holes and all."""
    path = shared_data / "fridge-ruuvi" / "fridge.csv"
    with path.open(newline="") as file:
        expected = [
            (
                round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000),
                int(Decimal(row["temperature"]) * 1000),
            )
            for row in csv.DictReader(file)
        ]
    probe = replay(path, HandClock(), pace="as-fast-as-possible")

    assert everything(probe) == expected
    assert len(expected) == 368
    assert probe.refused == []


@pytest.mark.parametrize("column", [3, 6, 9, 12])
def test_four_real_probes(shared_data: Path, column: int) -> None:
    """Four probes in one table without header: uptime from an epoch, milli-degrees as they are."""
    path = shared_data / "ds18b20-four-probes" / "ds18b20-log.csv"
    with path.open(newline="") as file:
        expected = [(START + int(row[1]), int(row[column])) for row in csv.reader(file)]
    probe = replay(
        path,
        HandClock(),
        time_column=1,
        value_column=column,
        time_unit="ms",
        epoch="2024-07-01T08:00:00+08:00",
        unit="milli",
        pace="as-fast-as-possible",
    )

    assert everything(probe) == expected
    assert len(expected) == 15_540


def test_a_clock_that_steps_back(shared_data: Path) -> None:
    """An hourly log with holes of days: played in order, nothing refused, nothing lost."""
    path = shared_data / "clock-and-gaps" / "ambient_temperature_system_failure.csv"
    probe = replay(path, HandClock(), value_column="value", pace="as-fast-as-possible")
    rows = everything(probe)
    lines = path.read_text().splitlines()[1:]

    assert len(rows) == len(lines)
    assert probe.refused == []
    assert [at for at, _value in rows] == sorted(at for at, _value in rows)
