"""CRC-8 of Dallas/Maxim: x^8 + x^5 + x^4 + 1, bits reflected (0x8C), begun at 0, nothing inverted.

Check value: the nine characters "123456789" give 0xA1 (Maxim application note 27).
"""

from __future__ import annotations


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ 0x8C if byte & 1 else byte >> 1
    return byte


_TABLE = bytes(_entry(byte) for byte in range(256))


def crc8(data: bytes) -> int:
    """Return the CRC-8 of the bytes; over a device's bytes with their CRC at the end it is 0."""
    crc = 0
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc
