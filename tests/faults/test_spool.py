"""The spool under SIGKILL, with a full disk, and through power cuts: nothing committed is lost.

A child process commits as fast as the disk takes it and says behind each commit how far it has
come. Whatever happens to it then, what it had said is there afterwards, without a hole, with its
hashes, and the engine's state is that of the records.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware_agent.spool_file import FILE
from tests.firmware_agent.committing_child import check
from tests.support.disks import fill_up, needs_root, small_disk


class Child:
    """Commits until it is killed (tests/firmware_agent/committing_child.py)."""

    def __init__(self, house: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.firmware_agent.committing_child", str(folder)],
            cwd=house,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout
        # It is under way once it has committed something.
        self.first = int(self._out.readline())

    def kill(self) -> int:
        """SIGKILL; return the last record that it had said to be committed."""
        self._process.kill()
        lines = [line for line in self._out if line.endswith("\n")]
        self._process.wait()
        self._out.close()
        return int(lines[-1]) if lines else self.first


def kill_rounds(house: Path, folder: Path, rounds: int) -> str:
    """Kill ``rounds`` times in the midst of commits; return the counts in a line."""
    kept = commits = 0
    for number in range(rounds):
        child = Child(house, folder)
        time.sleep(random.random() * 0.15)
        said = child.kill()
        assert child.first >= kept, "it goes on behind what is kept"
        commits += said - kept
        kept = check(folder, said)
        if number % 10 == 9:
            # Checking all from the beginning would take ever longer.
            for file in folder.glob(f"{FILE}*"):
                file.unlink()
            kept = 0
    return f"{rounds} SIGKILLs in the midst of commits, {commits} records said and kept"


def full_disk_rounds(house: Path, folder: Path, rounds: int) -> str:
    """Fill the disk under a running child ``rounds`` times, kill it there, make room; count."""
    needs_root()
    records = 0
    with small_disk(folder, 6):
        for _ in range(rounds):
            for file in folder.glob("*"):
                file.unlink()
            child = Child(house, folder)
            time.sleep(random.random() * 0.2)
            fill_up(folder)
            time.sleep(0.1)
            said = child.kill()
            (folder / "ballast").unlink()
            kept = check(folder, said)
            # It goes on behind it, once there is room.
            child = Child(house, folder)
            assert child.first >= kept
            records += check(folder, child.kill())
    return f"{rounds} times a full disk, {records} records said and kept"


@pytest.mark.timeout(300)
def test_killed_between_any_two_instructions_it_keeps_all_that_was_committed(
    tmp_path: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL in the midst of commits: nothing lost, no hole, chain and engine right."""
    counts = kill_rounds(house, tmp_path, 8)
    with capsys.disabled():
        print(f"\n{counts}")


@pytest.mark.timeout(300)
def test_a_full_disk_costs_nothing_that_was_committed(
    tmp_path: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Filled at any moment, and killed while it is full."""
    counts = full_disk_rounds(house, tmp_path / "disk", 2)
    with capsys.disabled():
        print(f"\n{counts}")


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_hundred_kills_and_twenty_full_disks(
    tmp_path: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, more often."""
    said = [kill_rounds(house, tmp_path, 100), full_disk_rounds(house, tmp_path / "disk", 20)]
    with capsys.disabled():
        print("\n" + "\n".join(said))
