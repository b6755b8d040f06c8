"""The forty bits of a DHT22 and what they say (Aosong AM2302 data sheet).

Bytes 0 and 1: relative humidity in tenths of a percent, high byte first. 2 and 3: temperature in tenths
of a degree; the highest bit is the sign, the others are the magnitude. 4: the low byte of the sum of the
other four.

Many chips sold as DHT22 send two's complement below zero instead: ``ff fa`` for -0.6 (16 bit, as
captured in RobTillaart/DHTNew#100 and arendst/Tasmota#14165) or ``0f ff`` for -0.1 (12 bit). Read as
sign and magnitude these are -3277.0 and 409.5 degC. No probe of this kind can mean that: the data sheet
ends at -40 and 80 degC, and what lies in two's complement from -40 to -0.1 lies, read the other way,
from -3276.7 to -3236.8 or from 369.6 to 409.5. So each code has one meaning at most, and no setting is
needed.
"""

from __future__ import annotations

import math
from typing import Final

from sensors.contract import Sample

LENGTH: Final = 5
LOWEST: Final = -400
HIGHEST: Final = 800
_SIGN: Final = 0x8000
_BITS: Final = (16, 12)


def checksum(data: bytes) -> int:
    """Return the checksum of the four bytes."""
    return sum(data) & 0xFF


def tenths(code: int) -> int:
    """Return the temperature in tenths of a degree that a code of 16 bits means.

    What has no meaning within the data sheet is read as the data sheet says, and is out of range.
    """
    plain = -(code & ~_SIGN) if code & _SIGN else code
    if LOWEST <= plain <= HIGHEST:
        return plain
    for bits in _BITS:
        below = code - (1 << bits)
        if LOWEST <= below < 0:
            return below
    return plain


def samples(frame: bytes) -> dict[str, Sample]:
    """Return a sample of each quantity; both are rejected where the checksum fails."""
    if len(frame) != LENGTH or checksum(frame[:4]) != frame[4]:
        lost = Sample(None, "rejected:crc")
        return {"temperature": lost, "humidity": lost}
    humidity = int.from_bytes(frame[:2])
    temperature = tenths(int.from_bytes(frame[2:4]))
    if humidity == temperature == 0:
        # Five zeros have the right sum: the line is held low. No room has 0.0 %.
        return {
            "temperature": Sample(0, "rejected:all-zero"),
            "humidity": Sample(0, "rejected:all-zero"),
        }
    return {"temperature": Sample(temperature * 100), "humidity": Sample(humidity * 100)}


def rebuilt(temperature: float, humidity: float) -> bytes:
    """Return the frame behind what adafruit_dht made of it.

    The library gives tenths as floats and nothing else; all bits are in them, the sign of -0.0 too.
    """
    magnitude = round(abs(temperature) * 10)
    code = magnitude | (_SIGN if math.copysign(1.0, temperature) < 0 else 0)
    data = round(humidity * 10).to_bytes(2) + code.to_bytes(2)
    return data + bytes([checksum(data)])
