"""Power cuts: the spool on ext4 in a machine of its own, which loses what it had not written.

Each round the machine boots, checks that the spool has everything that was ever said to be
committed, whole and with its hashes and its engine, and goes on committing until its power is cut.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.support import uml

CHILD = "tests.firmware_agent.committing_child"


def cuts(folder: Path, rounds: int) -> str:
    """Cut the power ``rounds`` times in the midst of commits; return the counts in a line."""
    uml.require()
    folder.mkdir()
    machine_folder = folder / "machine"
    share = machine_folder / "share"
    spool = uml.DISK / "spool"
    disk = uml.make_disk(folder / "disk")
    machine = uml.Machine(machine_folder, uml.python("-m", CHILD, spool, share), disk=disk)
    beyond = 0
    for number in range(rounds):
        for name in ("under-way", "checked"):
            (share / name).unlink(missing_ok=True)
        said = int((share / "said").read_text()) if number else 0
        machine.start()
        machine.wait_for("under-way", 120)
        if number:
            found = int((share / "checked").read_text())
            assert found >= said
            beyond += found - said
        time.sleep(random.uniform(0.1, 1.5))
        machine.cut()
    said = int((share / "said").read_text())
    script = uml.python("-m", CHILD, spool, share, "only-check")
    last = uml.Machine(folder / "last", script.replace(str(share), str(folder / "last" / "share")),
                       disk=disk)  # fmt: skip
    (last.share / "said").write_text(str(said))
    last.start()
    assert last.wait(120) == 0, last.output
    assert int((last.share / "checked").read_text()) >= said
    assert said > 20 * rounds
    return f"{rounds} power cuts, {said} records said to be committed and kept, {beyond} more found"


@pytest.mark.timeout(300)
def test_a_power_cut_costs_nothing_that_was_committed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice in the midst of commits."""
    counts = cuts(tmp_path / "power", 2)
    with capsys.disabled():
        print(f"\n{counts}")


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_twenty_power_cuts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same, twenty times on one disk."""
    counts = cuts(tmp_path / "power", 20)
    with capsys.disabled():
        print(f"\n{counts}")
