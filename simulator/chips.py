"""Chips on I2C and SPI that are none: an SHT3x, a MAX31865 and an ADS1115, true to their registers.

`simulator/chip_bus.py` puts them onto a bus. A chip takes as long as its data sheet says, on the
clock of the machine. What goes wrong is set on its attributes by tests; each class says which there
are.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from sensors.max31865 import platinum
from sensors.sht3x.words import crc8

# Now, in thousandths; None where it is unplugged.
Source = Callable[[], int | None]


class Chip(Protocol):
    """What the server asks. Each may raise OSError, which the driver gets as its own."""

    def write(self, data: bytes) -> None:
        """Take a transfer."""

    def read(self, length: int) -> bytes:
        """Give a transfer."""

    def transfer(self, data: bytes) -> bytes:
        """Do both at once (SPI)."""


def nack() -> OSError:
    """Return what a Pi's kernel says where nobody acknowledges."""
    return OSError(errno.EREMOTEIO, "Remote I/O error")


class _I2cChip:
    def transfer(self, data: bytes) -> bytes:
        """Refuse: it is no SPI chip."""
        raise OSError(errno.EINVAL, f"no SPI chip is here, {len(data)} bytes came")


class _SpiChip:
    def write(self, data: bytes) -> None:
        """Refuse: it is no I2C chip."""
        raise OSError(errno.EINVAL, f"no I2C chip is here, {len(data)} bytes came")

    def read(self, length: int) -> bytes:
        """Refuse: it is no I2C chip."""
        raise OSError(errno.EINVAL, f"no I2C chip is here, {length} bytes are asked for")


class Sht3x(_I2cChip):
    """An SHT3x, or with ``shtc3`` an SHTC3.

    Attributes:
        commands: all that was written to it, oldest first.
        bad_crc: of which quantities the checksum is wrong, "temperature" and "humidity".
        late_s: how much longer than the data sheet says a measurement takes.
        words: instead of what is measured, these two words.
    """

    def __init__(self, temperature: Source, humidity: Source, *, shtc3: bool = False) -> None:
        """Measure what the sources say."""
        self._sources = (temperature, humidity)
        self._shtc3 = shtc3
        self._awake = not shtc3
        self._ready_at: float | None = None
        self._measured = b""
        self.commands: list[bytes] = []
        self.bad_crc: set[str] = set()
        self.late_s = 0.0
        self.words: tuple[int, int] | None = None

    def write(self, data: bytes) -> None:
        """Take a command; one that is unknown is not acknowledged, nor is any while asleep."""
        if self._sources[0]() is None:
            raise nack()
        self.commands.append(data)
        busy = self._ready_at is not None and time.monotonic() < self._ready_at
        if self._shtc3 and data == b"\x35\x17":
            self._awake = True
        elif busy or not self._awake:
            raise nack()
        elif self._shtc3 and data == b"\xb0\x98":
            self._awake = False
        elif data == (b"\x78\x66" if self._shtc3 else b"\x24\x00"):
            self._begin()
        else:
            raise nack()

    def read(self, length: int) -> bytes:
        """Give the measurement once; not acknowledged before it is ready."""
        if self._ready_at is None or time.monotonic() < self._ready_at:
            raise nack()
        self._ready_at = None
        return self._measured[:length].ljust(length, b"\xff")

    def _begin(self) -> None:
        self._ready_at = time.monotonic() + (0.0108 if self._shtc3 else 0.0125) + self.late_s
        full = 65_536 if self._shtc3 else 65_535
        temperature, humidity = (source() or 0 for source in self._sources)
        words = self.words or (
            round((temperature + 45_000) * full / 175_000), round(humidity * full / 100_000),
        )  # fmt: skip
        self._measured = b""
        for quantity, word in zip(("temperature", "humidity"), words, strict=True):
            pair = max(0, min(0xFFFF, word)).to_bytes(2, "big")
            self._measured += pair + bytes([crc8(pair) ^ (quantity in self.bad_crc)])


class Max31865(_SpiChip):
    """A MAX31865 with a PT100.

    Attributes:
        fault: ``open``, ``short``, ``force-minus``, ``overvoltage``; empty for none.
        detected_only: the fault shows in the fault-detection cycle and not in a conversion.
        stuck: conversions never end.
        forgets: it loses its power during a conversion.
        answers: whether it is there at all; if not, nothing drives the bus and all is ``idle``.
        cycles: how many fault-detection cycles were run.
    """

    def __init__(self, temperature: Source, reference_ohm: float = 430.0) -> None:
        """Convert what the source says."""
        self._temperature = temperature
        self._reference = round(reference_ohm * 1000)
        self.fault = ""
        self.detected_only = False
        self.stuck = False
        self.forgets = False
        self.answers = True
        self.idle = 0x00
        self.cycles = 0
        self._reset()

    def transfer(self, data: bytes) -> bytes:
        """Read or write registers from the address in the first byte on."""
        if not self.answers or self._temperature() is None:
            return bytes([self.idle]) * len(data)
        self._end_conversion()
        address = data[0] & 0x7F
        if data[0] & 0x80:
            for offset, byte in enumerate(data[1:]):
                self._store(address + offset, byte)
            return bytes(len(data))
        return b"\x00" + bytes(self._registers[(address + i) % 8] for i in range(len(data) - 1))

    def _reset(self) -> None:
        self._registers = bytearray(b"\x00\x00\x00\xff\xff\x00\x00\x00")
        self._ends_at: float | None = None

    def _store(self, address: int, byte: int) -> None:
        if address == 0:
            self._configure(byte)
        elif 3 <= address <= 6:
            self._registers[address] = byte

    def _configure(self, byte: int) -> None:
        if byte & 0x02 and not byte & 0x2C:
            self._registers[7] = 0
        if byte & 0x0C == 0x04 and byte & 0x80:
            self.cycles += 1
            self._registers[7] |= {"open": 0x20, "force-minus": 0x18}.get(self.fault, 0)
            byte &= ~0x0C
        if self.fault == "overvoltage":
            self._registers[7] |= 0x04
        if byte & 0x20:
            self._ends_at = time.monotonic() + (0.0625 if byte & 1 else 0.052)
        self._registers[0] = byte & ~0x02

    def _end_conversion(self) -> None:
        if self._ends_at is None or self.stuck or time.monotonic() < self._ends_at:
            return
        self._ends_at = None
        if self.forgets:
            self._reset()
            return
        self._registers[0] &= ~0x20
        code = platinum.code((self._temperature() or 0) / 1000, self._reference)
        if not self.detected_only:
            code = {"open": 0x7FFF, "short": 0}.get(self.fault, code)
        if not self._registers[0] & 0x80:
            code = 0
        word = code << 1
        high, low = (int.from_bytes(self._registers[at : at + 2], "big") for at in (3, 5))
        if word >= high & 0xFFFE and high != 0xFFFF:
            self._registers[7] |= 0x80
        if word <= low & 0xFFFE:
            self._registers[7] |= 0x40
        word |= self._registers[7] != 0
        self._registers[1:3] = word.to_bytes(2, "big")


class Ads1115(_I2cChip):
    """An ADS1115 with a source of thousandths of a volt at each input.

    Attributes:
        stuck: conversions never end.
        stolen: another program sets it to this input as soon as a conversion has begun.
        configured: every configuration that was written, oldest first.
    """

    _PAIRS = ((0, 1), (0, 3), (1, 3), (2, 3))
    _SCALES = (6_144, 4_096, 2_048, 1_024, 512, 256, 256, 256)
    _RATES = (8, 16, 32, 64, 128, 250, 475, 860)

    def __init__(self, inputs: Mapping[int, Source]) -> None:
        """Convert what the sources say; an input without one is at ground."""
        self._inputs = inputs
        self._pointer = 0
        self._config = 0x8583
        self._result = 0
        self._ends_at: float | None = None
        self.stuck = False
        self.stolen: int | None = None
        self.configured: list[int] = []

    def write(self, data: bytes) -> None:
        """Set the pointer, and with two more bytes the register behind it."""
        if all(source() is None for source in self._inputs.values()):
            raise nack()
        self._pointer = data[0] & 3
        if len(data) == 3 and self._pointer == 1:
            self._config = int.from_bytes(data[1:], "big")
            self.configured.append(self._config)
            if self._config & 0x8000:
                self._ends_at = time.monotonic() + 1 / self._RATES[self._config >> 5 & 7]
                if self.stolen is not None:
                    self._config = self._config & ~0x7000 | (4 + self.stolen) << 12

    def read(self, length: int) -> bytes:
        """Give the register behind the pointer."""
        if self._ends_at is not None and not self.stuck and time.monotonic() >= self._ends_at:
            self._ends_at = None
            self._result = self._convert()
        ready = 0x8000 if self._ends_at is None else 0
        word = {0: self._result & 0xFFFF, 1: self._config & 0x7FFF | ready}.get(self._pointer, 0)
        return word.to_bytes(2, "big")[:length]

    def _convert(self) -> int:
        which = self._config >> 12 & 7
        volts = {number: source() or 0 for number, source in self._inputs.items()}
        if which >= 4:
            millivolts = volts.get(which - 4, 0)
        else:
            plus, minus = self._PAIRS[which]
            millivolts = volts.get(plus, 0) - volts.get(minus, 0)
        code = round(millivolts * 32_768 / self._SCALES[self._config >> 9 & 7])
        return max(-32_768, min(32_767, code))
