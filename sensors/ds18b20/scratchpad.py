"""The nine bytes of a DS18B20 and what they say (Maxim data sheet 19-7487, "Memory").

Byte 0 and 1: temperature, two's complement, low byte first, sixteenths of a degree. 2 and 3: alarm
limits, unused here. 4: configuration, whose upper three bits are the resolution minus 9 bit. 5 to
7: reserved. 8: CRC-8 over the others.
"""

from __future__ import annotations

from typing import Final

from sensors.contract import Sample
from sensors.ds18b20.crc import crc8

LENGTH: Final = 9
_ALL_ZERO: Final = bytes(LENGTH)
# Linux, w1_therm, `features` bit 0: byte 6 is 0x0C after a conversion that failed, with 85.00 (not
# enough time) or 127.94 (not enough power) in the register. The kernel applies it where it was asked
# to; this does always. 85.000 without that witness is rejected as well (checks.py), for copies of
# the chip do not set it; 127.94 is named here, because "out of range" would hide the cause.
_FAILED: Final = (b"\x50\x05", b"\xff\x07")
_FAILED_WITNESS: Final = 0x0C


def millidegrees(pad: bytes) -> int:
    """Return the temperature in thousandths of a degree, cut towards zero as the kernel does.

    A sixteenth is 62.5 thousandths, so every other code is not whole in thousandths: 23.0625
    becomes 23062 and -0.0625 becomes -62. The kernel computes ``raw * 1000 / 16`` in C, which cuts
    towards zero; so does this, and our figures equal those of every other program on the Pi. The
    half thousandth is a hundredth of the probe's step.

    Below 12 bit the lowest bits are undefined and are cleared first. Clones with 13 or 14 bit keep
    their further bits elsewhere; down to the sixteenth they read the same.
    """
    raw = int.from_bytes(pad[:2], "little", signed=True)
    undefined = 3 - (pad[4] >> 5)
    if undefined > 0:
        raw &= -1 << undefined
    thousandths = abs(raw) * 1000 // 16
    return -thousandths if raw < 0 else thousandths


def resolution(pad: bytes) -> int:
    """Return the resolution in bit, 9 to 12, that the configuration byte says."""
    return 9 + (pad[4] >> 5 & 3)


def sample(pad: bytes) -> Sample:
    """Return what nine bytes say; what they prove impossible is rejected with its reason."""
    if crc8(pad) != 0:
        return Sample(None, "rejected:crc")
    if pad == _ALL_ZERO:
        # Nine zeros have the right CRC: the bus is shorted, and it is not 0.0 degC.
        return Sample(0, "rejected:all-zero")
    value = millidegrees(pad)
    if pad[:2] in _FAILED and pad[6] == _FAILED_WITNESS:
        return Sample(value, "rejected:power-on")
    return Sample(value)
