"""DS18B20: the checksum, the bytes, the kernel's file."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.contract import (
    NoDataError,
    ProbeError,
    ProbeFaultError,
    ProbeTransientError,
    Sample,
)
from sensors.ds18b20.crc import crc8
from sensors.ds18b20.driver import Ds18b20, parse
from sensors.ds18b20.scratchpad import millidegrees, sample
from sensors.registry import checker

ID = "28-0316a2794fff"
GOOD = b"72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
TAIL = bytes.fromhex("4b467fff0c10")


def long_division(data: bytes) -> int:
    """The same CRC by its definition: the remainder of the message polynomial, bit by bit.

    Bits go in lowest first, as on the wire; x^8 + x^5 + x^4 + 1 is 0x131 the usual way round.
    """
    remainder = 0
    for bit in [byte >> n & 1 for byte in data for n in range(8)] + [0] * 8:
        remainder = (remainder << 1) | bit
        if remainder & 0x100:
            remainder ^= 0x131
    return int(f"{remainder:08b}"[::-1], 2)


def plug(root: Path, text: bytes = GOOD) -> Path:
    """Make the kernel's file of a probe below ``root``."""
    folder = root / ID
    folder.mkdir(parents=True)
    (folder / "w1_slave").write_bytes(text)
    return folder


class TestCrc:
    @pytest.mark.parametrize(
        ("data", "crc"),
        [
            (b"123456789", 0xA1),
            (bytes.fromhex("021cb801000000"), 0xA2),
            (bytes(9), 0x00),
            (b"\xff" * 8, 0xC9),
            (bytes.fromhex("72014b467fff0e10"), 0x57),
            (bytes.fromhex("8f0155007fff0c10"), 0xA0),
        ],
    )
    def test_known_values(self, data: bytes, crc: int) -> None:
        """Maxim's check values and bytes seen on real buses."""
        assert crc8(data) == crc

    @given(st.binary(max_size=40))
    def test_against_long_division(self, data: bytes) -> None:
        """The table gives what dividing the polynomials gives."""
        assert crc8(data) == long_division(data)

    @given(st.binary(min_size=8, max_size=8), st.integers(0, 71))
    def test_every_single_bit_is_seen(self, data: bytes, bit: int) -> None:
        """One disturbed bit anywhere in the nine bytes is never taken for a temperature."""
        pad = bytearray(data + bytes([crc8(data)]))
        assert crc8(bytes(pad)) == 0
        pad[bit // 8] ^= 1 << bit % 8

        assert sample(bytes(pad)) == Sample(None, "rejected:crc")


# Data sheet, table of codes; CRC of `.. .. 4b 46 7f ff 0c 10` as in standards section 8.1.
TABLE = [
    ("d007", 0xF4, 125_000),
    ("9101", 0x70, 25_062),
    ("a200", 0x74, 10_125),
    ("0800", 0xE2, 500),
    ("f8ff", 0xC3, -500),
    ("5eff", 0x6A, -10_125),
    ("6ffe", 0xE8, -25_062),
    ("90fc", 0x4F, -55_000),
]


class TestBytes:
    @pytest.mark.parametrize(("code", "crc", "value"), TABLE)
    def test_data_sheet_table(self, code: str, crc: int, value: int) -> None:
        """Every row of the data sheet's table, with its checksum."""
        assert sample(bytes.fromhex(code) + TAIL + bytes([crc])) == Sample(value)

    @pytest.mark.parametrize(
        ("code", "witness", "says"),
        [
            ("5005", "0c", Sample(85_000, "rejected:power-on")),
            ("ff07", "0c", Sample(127_937, "rejected:power-on")),
            ("5005", "10", Sample(85_000)),
            ("ff07", "10", Sample(127_937)),
            ("5105", "0c", Sample(85_062)),
        ],
    )
    def test_failed_conversion(self, code: str, witness: str, says: Sample) -> None:
        """The kernel's `features` rule: byte 6 is 0c beside 85.00 or 127.94. Neither alone is enough."""
        data = bytes.fromhex(code + "4b467fff" + witness + "10")

        assert sample(data + bytes([crc8(data)])) == says

    def test_power_on_without_the_witness_is_the_checks_business(self) -> None:
        """Copies of the chip do not set byte 6: exactly 85.000 is rejected all the same."""
        data = bytes.fromhex("50054b467fff1010")
        said = sample(data + bytes([crc8(data)]))
        recorded = checker({"kind": "ds18b20", "id": ID}, "temperature").check(said, 0)

        assert said == Sample(85_000)
        assert recorded == Sample(85_000, "rejected:power-on")

    def test_zero_degrees_is_not_all_zero(self) -> None:
        """A true 0 degC is good: its other bytes are not zero."""
        data = bytes(2) + TAIL

        assert sample(data + bytes([crc8(data)])) == Sample(0)

    @given(st.integers(-55 * 16, 125 * 16))
    def test_cut_towards_zero_like_the_kernel(self, sixteenths: int) -> None:
        """At 12 bit the value is C's ``raw * 1000 / 16``: never off by a thousandth or more."""
        pad = sixteenths.to_bytes(2, "little", signed=True) + TAIL + b"\0"
        value = millidegrees(pad)

        assert 0 <= abs(sixteenths) * 62.5 - abs(value) < 1
        assert value * sixteenths >= 0

    @given(st.integers(-55 * 16, 125 * 16), st.integers(9, 12), st.integers(0, 7))
    def test_undefined_bits_change_nothing(self, raw: int, bits: int, noise: int) -> None:
        """Below 12 bit the lowest bits are undefined: whatever they are, the value is the same."""
        undefined = (1 << 12 - bits) - 1
        config = bytes.fromhex("4b46") + bytes([(bits - 9) << 5 | 0x1F]) + bytes.fromhex("ff0c10")
        clean, noisy = (
            ((raw & ~undefined) | extra).to_bytes(2, "little", signed=True) + config + b"\0"
            for extra in (0, noise & undefined)
        )

        assert millidegrees(clean) == millidegrees(noisy)


def test_recorded_samples(shared_data: Path) -> None:
    """Texts that the kernel really returned: none of the broken ones becomes a temperature."""
    samples = json.loads((shared_data / "w1_slave-samples.json").read_text())["samples"]
    of = checker({"kind": "ds18b20", "id": ID}, "temperature")
    recorded = {item["what"]: of.check(parse(item["text"].encode()), 0) for item in samples}

    assert list(recorded.values()) == [
        Sample(85_000, "rejected:power-on"),
        Sample(None, "rejected:crc"),
        Sample(0, "rejected:all-zero"),
        Sample(21_312),
    ]
    for item in samples:
        pad = bytes.fromhex(item["text"].splitlines()[0].partition(" :")[0])
        assert crc8(pad[:8]) == int(item["computed_crc_hex"], 16)
        assert (crc8(pad) == 0) == item["crc_ok"]


class TestFile:
    def test_good(self, tmp_path: Path) -> None:
        """The value comes through the file."""
        plug(tmp_path)

        assert Ds18b20(tmp_path, ID).read() == Sample(23_125)

    def test_unplugged_and_plugged_again(self, tmp_path: Path) -> None:
        """A probe may come and go; its driver needs no new start."""
        folder = plug(tmp_path)
        probe = Ds18b20(tmp_path, ID)
        shutil.rmtree(folder)
        with pytest.raises(NoDataError, match="is it plugged in"):
            probe.read()
        plug(tmp_path)

        assert probe.read() == Sample(23_125)

    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            (errno.EIO, ProbeTransientError),
            (errno.ENODEV, NoDataError),
            (errno.ENXIO, NoDataError),
            (errno.EAGAIN, ProbeTransientError),
            (errno.EACCES, ProbeFaultError),
        ],
    )
    def test_errors_of_the_kernel(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[ProbeError]
    ) -> None:
        """Each error of a read says what to do: try again, look at the plug, or put right."""
        plug(tmp_path)
        opened: list[int] = []

        def refuse(descriptor: int, _length: int) -> bytes:
            opened.append(descriptor)
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("sensors.sysfs.os.read", refuse)
        with pytest.raises(kind):
            Ds18b20(tmp_path, ID).read()
        # The file was closed all the same.
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(opened[0])

    def test_a_folder_instead_of_a_file(self, tmp_path: Path) -> None:
        """A real error of the file system, without any stand-in."""
        (tmp_path / ID / "w1_slave").mkdir(parents=True)

        with pytest.raises(ProbeTransientError, match="Is a directory"):
            Ds18b20(tmp_path, ID).read()

    @given(st.binary(max_size=200))
    def test_no_text_makes_it_fail_otherwise(self, text: bytes) -> None:
        """Whatever stands in the file, there is one of the driver's own errors and no value."""
        with pytest.raises(ProbeTransientError) as raised:
            parse(text)

        assert "\n" not in str(raised.value)

    @given(st.binary(min_size=9, max_size=9), st.booleans(), st.sampled_from([b"YES", b"NO"]))
    def test_good_only_if_the_bytes_prove_it(self, pad: bytes, right: bool, verdict: bytes) -> None:
        """Any nine bytes: a value is believed just when the checksum holds and the kernel agrees."""
        if right:
            pad = pad[:8] + bytes([long_division(pad[:8])])
        text = pad.hex(" ").encode() + b" : crc=%02x %s\n" % (pad[8], verdict)
        said = parse(text)
        proved = long_division(pad[:8]) == pad[8] and verdict == b"YES" and any(pad)

        assert (said.quality != "rejected:crc") == (proved or (not any(pad) and verdict == b"YES"))
        if said.quality == "ok":
            assert proved

    @given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
    def test_one_wrong_character(self, place: int, byte: int) -> None:
        """A good text with one character changed gives the true value or no valid one."""
        text = bytearray(GOOD)
        text[place] = byte
        try:
            said = parse(bytes(text))
        except ProbeTransientError:
            return
        assert said in (Sample(23_125), Sample(None, "rejected:crc"))
