"""What `--inspect` says of a spool: whole, damaged, waiting, lost, and none at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware_agent import inspecting
from firmware_agent.inspecting import examine, inspect, lines
from firmware_agent.spool import Spool
from firmware_agent.spool_file import FILE
from firmware_agent.stream import MOST_UNWRITTEN
from tests.firmware_agent.test_command import write_settings
from tests.firmware_agent.test_spool import open_writer
from tests.firmware_agent.worlds import HandClock, reading, settings


def fill(folder: Path, *, waiting: int = 0, close: bool = True) -> Spool:
    """Record a settings and nine warm readings, of which the hub has judged six and stored four."""
    clock = HandClock()
    spool, writer = open_writer(folder, clock)
    for number in range(9):
        clock.pass_ms(60_000)
        drafts = [reading(clock.mono, 9_000)]
        if number == 0:
            drafts.insert(0, settings(clock.mono))
        marks = {1: (6, 4)} if number == 8 else {}
        writer.commit(drafts, clock.stamp(), clock.now, marks)
    clock.synced = False
    for _ in range(waiting):
        clock.pass_ms(60_000)
        writer.commit([reading(clock.mono)], clock.stamp(), clock.now)
    if close:
        spool.close()
    return spool


def test_it_says_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a writer that has the file open, and without one; nothing of the file changes."""
    spool = fill(tmp_path, waiting=2, close=False)
    beside = examine(tmp_path / FILE)
    spool.close()
    before = (tmp_path / FILE).read_bytes()
    assert inspect(tmp_path, as_json=True) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said | {"bytes": 0} == beside | {"bytes": 0}
    assert (tmp_path / FILE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE]

    (stream,) = said["streams"]
    wanted = {
        "open": True, "first": 1, "last": 12, "records": 10, "judged": 6, "stored": 4,
        "unsent": 4, "pending": 2, "lost": [], "damaged": {"count": 0, "records": []},
    }  # fmt: skip
    assert {key: stream[key] for key in wanted} == wanted
    assert stream["last_at"] - stream["first_at"] == 8 * 60_000
    assert {item["rule"] for item in said["excursions_open"]} == {"test/at-limit", "test/warm"}
    assert (said["well"], said["file_check"]) == (True, "ok")

    assert inspect(tmp_path, as_json=False) == 0
    text = capsys.readouterr().out
    assert text.startswith("WELL")
    for words in ("not at the hub yet: 4", "waiting for the clock to be right: 2", "open: 2"):
        assert words in text


@pytest.mark.parametrize(("column", "change"), [("body", "X'7B7D'"), ("h", "X'00'")])
def test_a_changed_byte_is_named(
    tmp_path: Path, column: str, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of a failed check."""
    spool = fill(tmp_path, close=False)
    spool._db.execute(f"UPDATE records SET {column} = {change} WHERE seq = 5")
    spool.close()
    assert inspect(tmp_path, as_json=False) == 1
    text = capsys.readouterr().out
    assert text.startswith("DAMAGED")
    assert "do not match their hash: 5" in text


def test_a_record_that_is_missing_is_damage(tmp_path: Path) -> None:
    """At the end as well, where no other follows it."""
    for seq in (5, 10):
        folder = tmp_path / str(seq)
        folder.mkdir()
        spool = fill(folder, close=False)
        spool._db.execute("DELETE FROM records WHERE seq = ?", (seq,))
        spool.close()
        assert not examine(folder / FILE)["well"]


def test_what_was_lost_is_said_and_is_no_damage(tmp_path: Path) -> None:
    """Neither disk nor memory had room for it."""
    clock = HandClock()
    spool, writer = open_writer(tmp_path, clock)
    writer.commit([settings(clock.mono)], clock.stamp(), clock.now)
    spool._db.execute("PRAGMA query_only = ON")
    writer.commit([reading(clock.mono)] * (MOST_UNWRITTEN + 3), clock.stamp(), clock.now)
    spool._db.execute("PRAGMA query_only = OFF")
    writer.commit([], clock.stamp(), clock.now)
    spool.close()
    found = examine(tmp_path / FILE)
    assert (found["well"], found["streams"][0]["lost"]) == (True, [[2, 4]])
    assert any("had no room: 2 to 4" in line for line in lines(found))


def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No spool yet, a letter instead of a database, a layout of tomorrow."""
    for content, why in (
        (None, "has not recorded anything"),
        (b"a letter\n" * 200, "not a database"),
    ):
        if content is not None:
            (tmp_path / FILE).write_bytes(content)
        assert inspect(tmp_path, as_json=False) == inspecting.EX_IOERR
        said = capsys.readouterr().err
        assert why in said
        assert said.count("\n") == 1


def test_the_command(tmp_path: Path) -> None:
    """By the settings file, as it is typed; --json alone is a usage error."""
    file = write_settings(tmp_path, 1)
    fill(tmp_path / "state")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coldwatch", "agent", str(file), *arguments],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = run("--inspect", "--json")
    assert (done.returncode, json.loads(done.stdout)["well"]) == (0, True)
    done = run("--json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    file.write_text("nonsense")
    assert run("--inspect").returncode == 78
