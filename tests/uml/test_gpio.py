"""GPIO lines of a real kernel through the real libraries, in a machine of its own."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from simulator.lines import Lines
from tests.firmware_agent.small_hub import wait_for
from tests.support import uml

INSIDE = Path(__file__).with_name("inside_gpio.py")
LINES = 28


def rpi_lgpio() -> bool:
    """Tell whether rpi-lgpio is in this environment; in CI it must be."""
    found = importlib.util.find_spec("lgpio") is not None
    if not found and os.environ.get("CI"):
        pytest.fail("rpi-lgpio is not installed; it belongs to the extra dev")
    return found


def rounds(folder: Path, count: int) -> str:
    """Run the tests inside, with so many rounds of changes; return what pytest said."""
    arguments: list[str | Path] = [
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=0", "-o", "addopts=",
        "--import-mode=importlib", INSIDE,
    ]  # fmt: skip
    if not rpi_lgpio():
        arguments += ["-k", "not lgpio and not RpiLgpio and not rpi-gpio"]
    return uml.run(folder, arguments, lines=LINES, environment=f"COLDWATCH_ROUNDS={count}")


def test_adapters_and_contacts_in_a_kernel_with_lines(tmp_path: Path) -> None:
    """Contract of the adapters; door, mains and button as series; some rounds of changes."""
    uml.require()

    assert " passed" in rounds(tmp_path, 6)


@pytest.mark.soak
def test_hundreds_of_changes(tmp_path: Path) -> None:
    """None is lost, through either library."""
    uml.require()

    assert " passed" in rounds(tmp_path, 300)


class TestRig:
    """The rig itself does what its users rely on."""

    def test_lines_are_driven_from_outside(self, tmp_path: Path) -> None:
        """A test on the host opens a door inside, and sees what a relay does."""
        code = (
            "import time; from sensors.gpio.opening import open_port;"
            "port = open_port({'adapter': 'auto'}); port.claim_input(17, 'up');"
            "port.claim_output(22, level=False);"
            "[(port.write(22, level=port.read(17)), time.sleep(0.01)) for _ in range(10**6)]"
        )
        uml.require()
        share = tmp_path / "share"
        script = (
            f"{uml.python('-m', 'tests.uml.mirror', share / 'lines', '17', '22')} &\n"
            f"{uml.python('-c', code)}"
        )
        machine = uml.Machine(tmp_path, script, lines=LINES)
        machine.start()
        lines = Lines(share / "lines")
        try:
            machine.wait_for("lines/ready")
            wait_for(lambda: lines.level(22))
            lines.drive(17, level=False)
            wait_for(lambda: not lines.level(22))
            lines.drive(17, level=True)
            wait_for(lambda: lines.level(22))
        finally:
            machine.cut()
        assert not machine.running

    def test_a_power_cut_loses_what_was_not_synced_and_nothing_else(self, tmp_path: Path) -> None:
        """What fsync confirmed is there after the cut, on a disk whose file system is whole."""
        uml.require()
        code = (
            "import os, sys; disk, share = sys.argv[1:];"
            "kept = os.open(disk + '/kept', os.O_CREAT | os.O_WRONLY);"
            "loose = os.open(disk + '/loose', os.O_CREAT | os.O_WRONLY);"
            "os.fsync(os.open(disk, os.O_RDONLY));"
            "count = [os.write(kept, b'x' * 100) and os.fsync(kept) for _ in range(50)];"
            "os.write(loose, b'y' * 100);"
            "open(share + '/done', 'w').close(); import time; time.sleep(600)"
        )
        disk = uml.make_disk(tmp_path / "disk", 16)
        share = tmp_path / "machine" / "share"
        writer = uml.Machine(
            tmp_path / "machine", uml.python("-c", code, uml.DISK, share), disk=disk
        )
        writer.start()
        writer.wait_for("done")
        writer.cut()
        reader = uml.Machine(
            tmp_path / "reader", f"wc -c {uml.DISK}/kept {uml.DISK}/loose", disk=disk
        )
        reader.start()

        assert reader.wait() == 0
        assert reader.output.split()[:4:2] == ["5000", "0"]

    def test_a_script_that_fails_is_told(self, tmp_path: Path) -> None:
        """Exit code and output come out."""
        uml.require()
        machine = uml.Machine(tmp_path, "echo before; exit 7")
        machine.start()

        assert machine.wait() == 7
        assert machine.output == "before\n"

    def test_the_host_cannot_be_harmed(self, tmp_path: Path) -> None:
        """Inside, the checkout is read-only; only the shared folder can be written."""
        uml.require()
        machine = uml.Machine(tmp_path, f"touch {uml.HOUSE}/harm || touch harmless")
        machine.start()

        assert machine.wait() == 0
        assert (machine.share / "harmless").exists()
        assert not (uml.HOUSE / "harm").exists()
