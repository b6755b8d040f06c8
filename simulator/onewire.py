"""The kernel's text for a DS18B20 that shows a temperature: what the ds18b20 driver reads."""

from __future__ import annotations

import math
from typing import Final

from sensors.ds18b20.crc import crc8

_LOWEST: Final = -55 * 16
_HIGHEST: Final = 125 * 16
# Alarm limits 75 and 70 degC, as delivered; 12 bit; reserved; reserved.
_MIDDLE: Final = bytes.fromhex("4b467fff")
_POWER_ON: Final = bytes.fromhex("50054b467fff0c10")


def quantised(celsius: float) -> int:
    """Return the sixteenths of a degree that a DS18B20 would show."""
    return max(_LOWEST, min(_HIGHEST, math.floor(celsius * 16 + 0.5)))


def w1_text(sixteenths: int) -> bytes:
    """Return both lines of ``w1_slave``, checksum and all."""
    # On a genuine chip byte 6 counts down with the fraction: 0x10 minus the low nibble.
    counts = bytes([0x10 - (sixteenths & 0xF), 0x10])
    return _lines(sixteenths.to_bytes(2, "little", signed=True) + _MIDDLE + counts)


def power_on_text() -> bytes:
    """Return what a probe shows that lost its power for a moment: 85.000 degC, checksum right."""
    return _lines(_POWER_ON)


def _lines(data: bytes) -> bytes:
    pad = data + bytes([crc8(data)])
    raw = int.from_bytes(pad[:2], "little", signed=True)
    milli = abs(raw) * 1000 // 16 * (-1 if raw < 0 else 1)
    text = pad.hex(" ")
    return f"{text} : crc={pad[8]:02x} YES\n{text} t={milli}\n".encode()
