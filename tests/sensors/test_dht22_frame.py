"""The forty bits of a DHT22, and that the library reads from its pulses what we read from the bits."""

from __future__ import annotations

import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.contract import Sample
from sensors.dht22 import child
from sensors.dht22.frame import HIGHEST, LOWEST, checksum, rebuilt, samples, tenths

# (frame, thousandths of a degree, thousandths of a percent); standards.md 8.2.
VECTORS = [
    ("028c015fee", 35_100, 65_200),
    ("028c806573", -10_100, 65_200),
    ("022080aa4c", -17_000, 54_400),
    ("01c20032f5", 5_000, 45_000),
    ("022b001441", 2_000, 55_500),
    ("02590050ab", 8_000, 60_100),
    ("03e780056f", -500, 99_900),
    ("01f4819006", -40_000, 50_000),
]
# What real copies of the chip sent below zero: two's complement of 16 bit.
CLONES = [
    ("01b9fffab3", -600, 44_100),
    ("0193ff4de0", -17_900, 40_300),
    ("0233fff72b", -900, 56_300),
]


def pulses(frame: bytes) -> array.array[int]:
    """Return what the line does: 50 us low, then 26 us high for a 0 and 70 us for a 1, and a last low."""
    lengths = array.array("H")
    for bit in f"{int.from_bytes(frame):040b}":
        lengths.extend((50, 70 if bit == "1" else 26))
    lengths.append(50)
    return lengths


class Line:
    """The real adafruit_dht.DHT22 whose line is a list of pulses."""

    def __init__(self) -> None:
        import adafruit_dht

        self.frame = b""
        self.cut = 81
        self.measured = 0
        self.dht: Any = adafruit_dht.DHT22(None, use_pulseio=False)
        self.dht._get_pulses_bitbang = self._pulses

    def _pulses(self) -> array.array[int]:
        self.measured += 1
        return pulses(self.frame)[: self.cut]

    def answer(self, frame: str) -> dict[str, str]:
        """Return what our child process would say of this frame."""
        self.frame = bytes.fromhex(frame)
        self.dht._last_called = 0
        return child.answer(self.dht)


@pytest.mark.parametrize(("frame", "temperature", "humidity"), VECTORS + CLONES)
def test_vectors(frame: str, temperature: int, humidity: int) -> None:
    """Every frame of the data sheet, of real chips and of copies."""
    assert samples(bytes.fromhex(frame)) == {
        "temperature": Sample(temperature),
        "humidity": Sample(humidity),
    }


@pytest.mark.parametrize(("frame", "temperature", "humidity"), VECTORS + CLONES)
def test_the_library_hands_every_bit_on(frame: str, temperature: int, humidity: int) -> None:
    """From the pulses through the real library and our child: the very frame comes out again."""
    line = Line()

    assert line.answer(frame) == {"frame": frame}
    assert samples(bytes.fromhex(frame))["temperature"] == Sample(temperature)
    assert samples(bytes.fromhex(frame))["humidity"] == Sample(humidity)


def test_what_the_library_alone_would_have_said_of_a_copy() -> None:
    """12 bit two's complement: the library says 409.5 degC where it was -0.1."""
    line = Line()
    said = line.answer("01f40fff03")

    assert line.dht.temperature == 409.5
    assert samples(bytes.fromhex(said["frame"]))["temperature"] == Sample(-100)


def test_what_the_library_refuses_is_a_failed_read() -> None:
    """A wrong sum, a part of a frame, nobody there, more than 100 %: try again, and no value."""
    line = Line()

    assert "Checksum" in line.answer("028c015fef")["transient"]
    assert "unplausible" in line.answer("03e9005f4b")["transient"]
    line.cut = 60
    assert "full buffer" in line.answer("028c015fee")["transient"]
    line.cut = 0
    assert "check wiring" in line.answer("028c015fee")["transient"]


def test_the_old_value_trap_is_real_and_the_spacing_avoids_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a failed measurement the library hands out the old value for two seconds, as if new."""
    line = Line()
    assert "frame" in line.answer("01c20032f5")
    assert "transient" in line.answer("028c015fef")
    # Asked again at once, the library measures nothing and gives what it had before.
    assert child.answer(line.dht) == {"frame": "01c20032f5"}
    assert line.measured == 2

    # Our process never asks again at once: it waits until 2.5 s have passed.
    now, slept = [1_000.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", sleep)
    line = Line()
    line.frame = bytes.fromhex("01c20032f5")
    said: list[dict[str, Any]] = []
    child.serve(4, ["\n"] * 3, said.append, lambda _: line.dht)
    assert line.measured == 3
    assert slept == [0.0, 2.5, 2.5]
    assert said == [{"ready": True}, *[{"frame": "01c20032f5"}] * 3]


@given(st.integers(LOWEST, HIGHEST), st.integers(0, 1_000))
def test_every_honest_frame_is_read_and_rebuilt(temperature: int, humidity: int) -> None:
    """All of the data sheet, in sign and magnitude: read exactly, and rebuilt to the last bit."""
    code = abs(temperature) | (0x8000 if temperature < 0 else 0)
    data = humidity.to_bytes(2) + code.to_bytes(2)
    frame = data + bytes([checksum(data)])

    assert tenths(code) == temperature
    assert (
        rebuilt(-abs(temperature) / 10 if code & 0x8000 else temperature / 10, humidity / 10)
        == frame
    )


@given(st.integers(LOWEST, -1), st.sampled_from([12, 16]))
def test_every_copy_below_zero_is_read(temperature: int, bits: int) -> None:
    """Two's complement of either width; no honest chip can mean the same code."""
    assert tenths(temperature + (1 << bits)) == temperature


@given(st.integers(0, 0xFFFF))
def test_no_code_has_two_meanings(code: int) -> None:
    """Whatever comes has one meaning within the data sheet and is given it, or none and is outside."""
    honest = -(code & 0x7FFF) if code & 0x8000 else code
    meanings = {honest} if LOWEST <= honest <= HIGHEST else set()
    meanings |= {below for below in (code - 0x1_0000, code - 0x1000) if LOWEST <= below < 0}

    assert len(meanings) <= 1
    if meanings:
        assert {tenths(code)} == meanings
    else:
        assert not LOWEST <= tenths(code) <= HIGHEST


@given(st.binary(min_size=5, max_size=5), st.integers(0, 39))
def test_one_wrong_bit_is_seen(frame: bytes, bit: int) -> None:
    """The sum finds any single wrong bit."""
    good = frame[:4] + bytes([checksum(frame[:4])])
    bad = (int.from_bytes(good) ^ 1 << bit).to_bytes(5)

    assert samples(bad)["temperature"] == Sample(None, "rejected:crc")
