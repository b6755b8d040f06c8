"""The ways to GPIO lines that run on any machine: files, and RPi.GPIO over its stand-in.

gpiod and rpi-lgpio stand the same contract in a kernel with lines: test_kernel.py.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sensors.gpio import opening
from sensors.gpio.opening import make_port, open_port
from sensors.gpio.port import GpioError
from simulator.lines import Lines
from simulator.rpigpio import HIGH, IN, LOW, OUT, RecordedRpiGpio
from tests.gpio.contract import DOOR, LIGHT, RELAY, PortContract, Rig


class TestFolder(PortContract):
    """Files in place of lines."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Rig:
        """A folder that is not there yet."""
        folder = tmp_path / "gpio"
        return Rig({"adapter": "folder", "chip": None, "folder": str(folder)}, Lines(folder))

    def test_a_switch_that_was_set_before_stays(self, rig: Rig) -> None:
        """A door that stands open when the agent starts is not closed by its start."""
        rig.world.drive(DOOR, level=False)
        port = open_port(rig.settings)
        port.claim_input(DOOR, "up")

        assert port.read(DOOR) is False
        port.close()

    def test_nonsense_in_a_file_is_told(self, rig: Rig, tmp_path: Path) -> None:
        """A typing error is no level."""
        port = open_port(rig.settings)
        port.claim_input(DOOR, "up")
        (tmp_path / "gpio" / "17" / "pull").write_text("high\n")

        with pytest.raises(GpioError, match="write pull-up or pull-down"):
            port.read(DOOR)
        port.close()


@pytest.fixture
def rpi(monkeypatch: pytest.MonkeyPatch) -> RecordedRpiGpio:
    """RPi.GPIO as if it were installed on a Pi."""
    module = RecordedRpiGpio()
    package = ModuleType("RPi")
    package.GPIO = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "RPi", package)
    monkeypatch.setitem(sys.modules, "RPi.GPIO", module)
    monkeypatch.setenv("LG_WD", "/tmp")
    return module


@pytest.mark.filterwarnings("error")
class TestRpiGpio(PortContract):
    """RPi.GPIO, as its stand-in behaves."""

    @pytest.fixture
    def rig(self, rpi: RecordedRpiGpio) -> Rig:
        """A Pi up to the 4."""
        return Rig({"adapter": "rpi-gpio", "chip": None, "folder": None}, rpi)

    @pytest.mark.parametrize("level", [HIGH, LOW])
    def test_no_pulse_at_the_other_level(self, rig: Rig, rpi: RecordedRpiGpio, level: int) -> None:
        """The level is in the register before the line becomes an output."""
        rpi.lines[RELAY].latch = 1 - level
        port = open_port(rig.settings)
        port.claim_output(RELAY, level=bool(level))
        port.close()

        assert set(rpi.lines[RELAY].seen) == {level}

    def test_only_our_lines_are_cleaned_up(self, rig: Rig, rpi: RecordedRpiGpio) -> None:
        """Another part of the process keeps its line; our output stays driven at its level."""
        rpi.setmode(rpi.BCM)
        rpi.setup(LIGHT, OUT, initial=HIGH)
        port = open_port(rig.settings)
        port.claim_input(DOOR, "up")
        port.claim_output(RELAY, level=True)
        port.write(RELAY, level=False)
        port.close()

        assert rpi.level(LIGHT) is True
        assert (rpi.lines[DOOR].function, rpi.lines[DOOR].pull) == (IN, rpi.PUD_OFF)
        assert rpi.level(RELAY) is True
        assert rpi.getmode() == rpi.BCM

    def test_a_line_left_on_by_a_crash_is_no_warning(self, rig: Rig, rpi: RecordedRpiGpio) -> None:
        """What an agent that was killed left as an output is claimed without noise."""
        rpi.lines[RELAY].function = OUT
        port = open_port(rig.settings)
        port.claim_output(RELAY, level=False)

        assert rpi.level(RELAY) is False
        port.close()

    def test_another_numbering_is_told(self, rig: Rig, rpi: RecordedRpiGpio) -> None:
        """Somebody else's board numbers cannot be taken over."""
        rpi.setmode(rpi.BOARD)

        with pytest.raises(GpioError, match="different mode"):
            open_port(rig.settings)

    def test_an_impossible_line_is_told(self, rig: Rig) -> None:
        """One line, with the number."""
        port = open_port(rig.settings)

        with pytest.raises(GpioError, match=r"^GPIO line 54 cannot be claimed: The channel"):
            port.claim_input(54)
        port.close()


def absent(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these modules be not installed."""
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


def model(tmp_path: Path, text: str) -> Path:
    """Return a file that says which Pi this is."""
    path = tmp_path / "model"
    path.write_bytes(text.encode() + b"\0")
    return path


AUTO = {"adapter": "auto", "chip": None, "folder": None}


class TestChoice:
    """`auto`, and what is said about a library that is not there."""

    def test_up_to_the_pi_4_rpi_gpio_serves_without_gpiod(
        self,
        tmp_path: Path,
        rpi: RecordedRpiGpio,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """It is taken, and the log says so."""
        absent(monkeypatch, "gpiod")
        caplog.set_level(logging.INFO)
        port = make_port(AUTO, model(tmp_path, "Raspberry Pi Zero 2 W Rev 1.0"))
        port.claim_output(RELAY, level=True)

        assert rpi.level(RELAY) is True
        assert "gpio=open adapter=rpi-gpio library=RPi.GPIO-0.7.1" in caplog.text

    @pytest.mark.parametrize(
        "name",
        ["Raspberry Pi 5 Model B Rev 1.0", "Raspberry Pi Compute Module 5 Rev 1.0",
         "Raspberry Pi 500 Rev 1.0"],
    )  # fmt: skip
    def test_a_pi_5_needs_gpiod(
        self, tmp_path: Path, rpi: RecordedRpiGpio, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """RPi.GPIO knows no RP1, so it is not even tried."""
        absent(monkeypatch, "gpiod")

        with pytest.raises(GpioError, match="install the Python package gpiod"):
            make_port(AUTO, model(tmp_path, name))
        assert rpi.getmode() is None

    @pytest.mark.parametrize(
        "name",
        ["Raspberry Pi Zero 2 W Rev 1.0", "Raspberry Pi 3 Model B Plus Rev 1.3",
         "Raspberry Pi 4 Model B Rev 1.5", "Raspberry Pi Compute Module 4 Rev 1.1"],
    )  # fmt: skip
    def test_older_ones_have_no_rp1(self, tmp_path: Path, name: str) -> None:
        """Only the fifth family does."""
        assert not opening.has_rp1(model(tmp_path, name))
        assert not opening.has_rp1(tmp_path / "absent")

    def test_without_any_library_all_are_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line says which package is for which Pi."""
        absent(monkeypatch, "gpiod", "RPi", "RPi.GPIO")

        with pytest.raises(GpioError) as raised:
            make_port(AUTO, model(tmp_path, "Raspberry Pi 4 Model B Rev 1.5"))
        assert str(raised.value) == (
            "RPi.GPIO is not installed; install the Python package gpiod (every Pi), "
            "RPi.GPIO (up to the Pi 4) or rpi-lgpio (Pi 5)"
        )

    def test_rpi_gpio_off_the_pi(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its RuntimeError at import becomes one line."""
        package = tmp_path / "RPi"
        (package / "GPIO").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "GPIO" / "__init__.py").write_text(
            'raise RuntimeError("This module can only be run on a Raspberry Pi!")\n'
        )
        for name in ("RPi", "RPi.GPIO"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(str(tmp_path))

        with pytest.raises(GpioError, match=r"refuses this machine .* a Pi 5 needs") as raised:
            make_port({**AUTO, "adapter": "rpi-gpio"})
        assert "\n" not in str(raised.value)
        for name in ("RPi", "RPi.GPIO"):
            sys.modules.pop(name, None)

    def test_gpiod_of_version_1_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Debian 12's python3-libgpiod has the same name and other functions."""
        monkeypatch.setitem(sys.modules, "gpiod", ModuleType("gpiod"))

        with pytest.raises(GpioError, match="of version 1"):
            make_port({**AUTO, "adapter": "gpiod"})

    def test_gpiod_on_a_machine_without_lines(self) -> None:
        """The real library, and no such chip here: one line that says what else to write."""
        with pytest.raises(GpioError, match="there is no GPIO chip labelled nowhere") as raised:
            make_port({**AUTO, "adapter": "gpiod", "chip": "nowhere"})
        assert "\n" not in str(raised.value)
        with pytest.raises(GpioError, match="/dev/null is no GPIO chip"):
            make_port({**AUTO, "adapter": "gpiod", "chip": "/dev/null"})

    def test_lgpio_writes_where_it_may(
        self, rpi: RecordedRpiGpio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its pipe goes to the folder for temporary files, unless somebody named another one."""
        assert rpi is sys.modules["RPi.GPIO"]
        monkeypatch.delenv("LG_WD")
        make_port({**AUTO, "adapter": "rpi-gpio"})

        assert Path(os.environ["LG_WD"]).is_dir()
