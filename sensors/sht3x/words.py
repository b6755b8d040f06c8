"""The six bytes of a measurement: two words, each with its CRC-8 (Sensirion, SHT3x data sheet 4.12).

CRC-8 with polynomial 0x31, begun at 0xFF, not reflected, nothing inverted: BEEF gives 92.
"""

from __future__ import annotations

from typing import Final

from sensors.contract import Sample
from sensors.rounding import half_even

LENGTH: Final = 6
_BAD: Final = Sample(None, "rejected:crc")


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x31) & 0xFF if byte & 0x80 else byte << 1
    return byte


_TABLE: Final = bytes(_entry(byte) for byte in range(256))


def crc8(data: bytes) -> int:
    """Return the CRC-8 of the bytes."""
    crc = 0xFF
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc


def thousandths_of_a_degree(word: int, full: int) -> int:
    """Return -45 + 175 * word / full in thousandths of a degree, a half to the even one.

    ``full`` is 65535 for an SHT3x (data sheet 4.13) and 65536 for an SHTC3 (data sheet 5.11).
    """
    return half_even(175_000 * word, full) - 45_000


def thousandths_of_a_percent(word: int, full: int) -> int:
    """Return 100 * word / full in thousandths of %RH."""
    return half_even(100_000 * word, full)


def samples(data: bytes, full: int) -> dict[str, Sample]:
    """Return temperature and humidity; of each only what its own checksum allows.

    A checksum does not know what is possible: ``ff ff ac`` passes it and would be 130 degC. What is
    outside the data sheet is rejected by sensors/checks.py.
    """
    found = {}
    for quantity, at, value in (
        ("temperature", 0, thousandths_of_a_degree),
        ("humidity", 3, thousandths_of_a_percent),
    ):
        right = crc8(data[at : at + 2]) == data[at + 2]
        word = int.from_bytes(data[at : at + 2], "big")
        found[quantity] = Sample(value(word, full)) if right else _BAD
    return found
