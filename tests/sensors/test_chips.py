"""The chip drivers against chips that are true to their registers: faults, delays, neighbours."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensors import registry
from sensors.bus_elsewhere import SPI
from sensors.contract import NoDataError, ProbeFaultError, ProbeTransientError, Sample
from sensors.max31865 import platinum
from sensors.shared import Devices
from simulator.chip_bus import Bus
from simulator.chips import Ads1115, Max31865, Sht3x
from tests.sensors.clocks import HandClock


class Room:
    """What there is to measure; None: unplugged."""

    def __init__(self) -> None:
        self.temperature: int | None = 5_000
        self.humidity: int | None = 45_000
        self.volts: dict[int, int | None] = {0: 1_200, 1: 300, 2: 0, 3: 0}


class Board:
    """A bus with one chip of each kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.room = room = Room()
        self.sht = Sht3x(lambda: room.temperature, lambda: room.humidity)
        self.shtc = Sht3x(lambda: room.temperature, lambda: room.humidity, shtc3=True)
        self.rtd = Max31865(lambda: room.temperature)
        self.ads = Ads1115({number: self._volts(number) for number in range(4)})
        self.bus = Bus(path, {0x44: self.sht, 0x70: self.shtc, SPI: self.rtd, 0x48: self.ads})

    def _volts(self, number: int) -> Any:
        return lambda: self.room.volts[number]

    def probe(self, kind: str, quantity: str = "temperature", **settings: Any) -> Any:
        """Open a probe on this bus."""
        table = {"kind": kind, "bus": str(self.path), **settings}
        return registry.open_probe(table, HandClock(), quantity)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    """Give a bus that is served."""
    board = Board(tmp_path / "bus")
    with board.bus:
        yield board


RTD = {"wires": 4}


class TestSht3x:
    """SHT3x and SHTC3."""

    @pytest.mark.parametrize("value", [-20_000, 2_000, 5_000, 8_000, 25_000])
    def test_it_measures_what_there_is(self, board: Board, value: int) -> None:
        """To one step of the chip."""
        board.room.temperature = value

        for settings in ({}, {"chip": "shtc3"}):
            said = board.probe("sht3x", **settings).read()

            assert abs(said.value - value) <= 2
            assert said.quality == "ok"

    def test_both_quantities_come_from_one_measurement(self, board: Board) -> None:
        """One command for two series; the next cycle sends the next one."""
        devices, clock = Devices(), HandClock()
        table = {"kind": "sht3x", "bus": str(board.path)}
        warm = registry.open_probe(table, clock, "temperature", devices)
        wet = registry.open_probe(table, clock, "humidity", devices)

        assert abs((warm.read().value or 0) - 5_000) <= 2
        assert abs((wet.read().value or 0) - 45_000) <= 2
        assert board.sht.commands == [b"\x24\x00"]

        clock.pass_ms(10_000)
        wet.read()
        warm.read()
        assert len(board.sht.commands) == 2

    def test_a_wrong_checksum_costs_its_own_quantity_only(self, board: Board) -> None:
        """Each word has its own CRC: a humidity that was disturbed says nothing of the temperature."""
        board.sht.bad_crc = {"humidity"}

        assert board.probe("sht3x", "humidity").read() == Sample(None, "rejected:crc")
        assert board.probe("sht3x").read().quality == "ok"

    def test_what_passes_the_checksum_may_still_be_impossible(self, board: Board) -> None:
        """FF FF AC is 130 degC, 00 00 81 is -45: both outside the data sheet."""
        for word in (0xFFFF, 0x0000):
            board.sht.words = (word, word)
            said = board.probe("sht3x").read()
            checker = registry.checker({"kind": "sht3x"}, "temperature")

            assert said.quality == "ok"
            assert checker.check(said, 0).quality == "rejected:out-of-range"

    def test_a_late_chip_is_waited_for(self, board: Board) -> None:
        """A measurement that is not ready is not acknowledged; it is asked again, not for ever."""
        board.sht.late_s = 0.008
        assert board.probe("sht3x").read().quality == "ok"

        board.sht.late_s = 5.0
        with pytest.raises(ProbeTransientError, match="gave no measurement"):
            board.probe("sht3x").read()

    def test_unplugged_and_back(self, board: Board) -> None:
        """Nobody at the address is no data, with the address and how to look; then it comes back."""
        probe = board.probe("sht3x")
        board.room.temperature = None
        with pytest.raises(NoDataError, match=r"0x44.*i2cdetect"):
            probe.read()

        board.room.temperature = 4_000
        assert abs(probe.read().value - 4_000) <= 2

    def test_an_shtc3_sleeps_in_between(self, board: Board) -> None:
        """It is woken, asked, and put to sleep."""
        board.probe("sht3x", chip="shtc3").read()

        assert board.shtc.commands == [b"\x35\x17", b"\x78\x66", b"\xb0\x98"]


class TestMax31865:
    """A PT100 and all that can happen to its wires."""

    @pytest.mark.parametrize("value", [-80_000, -20_000, 0, 2_000, 5_000, 8_000, 40_000])
    @pytest.mark.parametrize("wires", [2, 3, 4])
    def test_it_measures_what_there_is(self, board: Board, value: int, wires: int) -> None:
        """To one step of the converter, on both sides of 0."""
        board.room.temperature = value

        said = board.probe("max31865", wires=wires).read()

        assert abs(said.value - value) <= 20
        assert said.quality == "ok"
        assert board.rtd.cycles == 1

    def test_the_reference_resistor_is_a_setting(self, board: Board) -> None:
        """A board with 400 ohm read as one with 430 would be 19 degC off."""
        board.rtd = Max31865(lambda: board.room.temperature, 400.0)
        board.bus._chips[SPI] = board.rtd  # type: ignore[index]

        right = board.probe("max31865", wires=4, reference_ohm=400).read()
        wrong = board.probe("max31865", wires=4).read()

        assert abs(right.value - 5_000) <= 20
        assert abs(wrong.value - 5_000) > 15_000

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("open", "open or a wire to it is broken"),
            ("short", "shorted"),
            ("force-minus", "FORCE-"),
            ("overvoltage", "over- or undervoltage"),
        ],
    )
    def test_a_fault_is_told_in_words_and_gives_no_value(
        self, board: Board, fault: str, words: str
    ) -> None:
        """The fault register is read with every value; mended, the next read is good again."""
        probe = board.probe("max31865", **RTD)
        board.rtd.fault = fault
        with pytest.raises(ProbeFaultError, match=words):
            probe.read()

        board.rtd.fault = ""
        assert probe.read().quality == "ok"

    def test_a_fault_that_only_the_detection_sees(self, board: Board) -> None:
        """A wire that breaks now and then shows in the fault-detection cycle and in no value."""
        board.rtd.fault, board.rtd.detected_only = "open", True

        with pytest.raises(ProbeFaultError, match="not connected"):
            board.probe("max31865", **RTD).read()

    def test_a_conversion_that_never_ends(self, board: Board) -> None:
        """It is one failed read, within a bounded time."""
        board.rtd.stuck = True

        with pytest.raises(ProbeTransientError, match="does not end"):
            board.probe("max31865", **RTD).read()

    def test_power_lost_during_a_conversion(self, board: Board) -> None:
        """What was configured must read back, or the value is nobody's."""
        board.rtd.forgets = True

        with pytest.raises(ProbeTransientError, match="forgot"):
            board.probe("max31865", **RTD).read()

    @pytest.mark.parametrize("idle", [0x00, 0xFF])
    @pytest.mark.parametrize("wires", [3, 4])
    def test_no_chip_at_all(self, board: Board, idle: int, wires: int) -> None:
        """A bus that nobody drives reads as zeros or ones: no data, and not -242 degC."""
        board.rtd.answers, board.rtd.idle = False, idle

        with pytest.raises(NoDataError, match="no MAX31865 answers"):
            board.probe("max31865", wires=wires).read()

    def test_the_bias_is_off_between_two_reads(self, board: Board) -> None:
        """Its current would warm the PT100; also behind a read that failed."""
        board.probe("max31865", **RTD).read()
        assert board.rtd.transfer(b"\x00\x00")[1] & 0x80 == 0

        board.rtd.stuck = True
        with pytest.raises(ProbeTransientError):
            board.probe("max31865", **RTD).read()
        assert board.rtd.transfer(b"\x00\x00")[1] & 0x80 == 0


class TestAds1115:
    """Volts, and what they stand for."""

    @pytest.mark.parametrize(
        ("channel", "millivolts"), [("0", 1_200), ("1", 300), ("2", 0), ("0-1", 900), ("1-3", 300)]
    )
    def test_it_measures_its_own_input(self, board: Board, channel: str, millivolts: int) -> None:
        """Single inputs and pairs."""
        said = board.probe("ads1115", "voltage", channel=channel).read()

        assert abs(said.value - millivolts) <= 1

    def test_volts_become_a_quantity(self, board: Board) -> None:
        """Intensity = volts * scale + offset, in uW/cm2."""
        said = board.probe("ads1115", "intensity", channel="0", scale=100, offset=-2.5).read()

        assert abs(said.value - 117_500) <= 10

    def test_neighbours_on_one_chip_do_not_disturb_each_other(self, board: Board) -> None:
        """Two series read by two threads at once: each gets its own volts, every time."""
        found: dict[str, list[int]] = {"0": [], "1": []}

        def read(channel: str) -> None:
            probe = board.probe("ads1115", "voltage", channel=channel, rate=860)
            found[channel] += [probe.read().value for _ in range(25)]

        threads = [threading.Thread(target=read, args=(channel,)) for channel in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert all(abs(value - 1_200) <= 1 for value in found["0"])
        assert all(abs(value - 300) <= 1 for value in found["1"])
        assert [len(values) for values in found.values()] == [25, 25]

    def test_another_program_on_the_chip_shows(self, board: Board) -> None:
        """What it converted was the other's input: no value of ours."""
        board.ads.stolen = 1

        with pytest.raises(ProbeTransientError, match="another program"):
            board.probe("ads1115", "voltage", channel="0").read()

    def test_a_full_scale_that_is_too_small_is_rejected(self, board: Board) -> None:
        """At the end of its range the converter only says "at least this"."""
        said = board.probe("ads1115", "voltage", channel="0", full_scale=0.512).read()

        assert said.quality == "rejected:out-of-range"

    def test_a_conversion_that_never_ends(self, board: Board) -> None:
        """It is one failed read, within a bounded time."""
        board.ads.stuck = True

        with pytest.raises(ProbeTransientError, match="does not end"):
            board.probe("ads1115", "voltage", channel="0").read()

    def test_unplugged(self, board: Board) -> None:
        """Nobody at the address."""
        board.room.volts = dict.fromkeys(range(4))

        with pytest.raises(NoDataError, match="0x48"):
            board.probe("ads1115", "voltage", channel="0").read()


def test_a_bus_that_is_gone(tmp_path: Path) -> None:
    """Without a bus every driver says what to switch on."""
    missing = str(tmp_path / "i2c-1")
    for table, said in (
        ({"kind": "sht3x", "bus": missing}, "dtparam=i2c_arm=on"),
        ({"kind": "ads1115", "bus": missing, "channel": "0"}, "raspi-config nonint do_i2c 0"),
        ({"kind": "max31865", "bus": missing, "wires": 3}, "dtparam=spi=on"),
    ):
        with pytest.raises(NoDataError) as raised:
            registry.open_probe(table, HandClock()).read()

        assert said in str(raised.value)
        assert "\n" not in str(raised.value)


def test_the_parabola_and_its_inverse_agree() -> None:
    """From -200 to 850 degC the two directions of Callendar and Van Dusen are one curve."""
    for tenth in range(-2_000, 8_500, 7):
        assert platinum.celsius(platinum.ohms(tenth / 10)) == pytest.approx(tenth / 10, abs=1e-6)


def test_a_read_is_quick_enough(board: Board) -> None:
    """No driver holds its thread for long: a generous bound, for a machine that is busy."""
    begun = time.monotonic()
    for probe in (board.probe("sht3x"), board.probe("max31865", **RTD)):
        probe.read()

    assert time.monotonic() - begun < 5
