"""The kernel's own files for I2C and SPI: i2c-dev and spidev, without a library.

Numbers are those of <linux/i2c-dev.h> and <linux/spi/spidev.h>; tests/sensors/test_bus.py compares
them with the headers where a compiler is installed.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import struct
from typing import Final

I2C_SLAVE: Final = 0x0703
SPI_IOC_WR_MODE: Final = 0x4001_6B01
SPI_IOC_WR_BITS_PER_WORD: Final = 0x4001_6B03
SPI_IOC_WR_MAX_SPEED_HZ: Final = 0x4004_6B04
SPI_IOC_MESSAGE_1: Final = 0x4020_6B00
# struct spi_ioc_transfer: tx_buf, rx_buf, len, speed_hz, delay_usecs, bits_per_word, cs_change,
# tx_nbits, rx_nbits, word_delay_usecs, pad.
SPI_IOC_TRANSFER: Final = struct.Struct("=QQIIHBBBBBx")


class KernelI2c:
    """One address on a bus of i2c-dev."""

    def __init__(self, path: str, address: int) -> None:
        """Open the bus for one address; raises OSError."""
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._file, I2C_SLAVE, address)
        except OSError:
            os.close(self._file)
            raise

    def write(self, data: bytes) -> None:
        """Write in one transfer."""
        if os.write(self._file, data) != len(data):
            raise OSError(errno.EIO, "the chip took only a part of what was written")

    def read(self, length: int) -> bytes:
        """Read in one transfer."""
        data = os.read(self._file, length)
        if len(data) != length:
            raise OSError(errno.EIO, "the chip gave less than was asked for")
        return data

    def close(self) -> None:
        """Give the bus back."""
        os.close(self._file)


class KernelSpi:
    """One chip select of spidev. The kernel moves the chip select, as Pi 5 needs it."""

    def __init__(self, path: str, mode: int, hertz: int) -> None:
        """Open and set up mode (0 to 3), eight bits a word, and clock; raises OSError."""
        self._hertz = hertz
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._file, SPI_IOC_WR_MODE, struct.pack("=B", mode))
            fcntl.ioctl(self._file, SPI_IOC_WR_BITS_PER_WORD, struct.pack("=B", 8))
            fcntl.ioctl(self._file, SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", hertz))
        except OSError:
            os.close(self._file)
            raise

    def transfer(self, data: bytes) -> bytes:
        """Write and read under one chip select."""
        out, into = array.array("B", data), array.array("B", bytes(len(data)))
        order = SPI_IOC_TRANSFER.pack(
            out.buffer_info()[0], into.buffer_info()[0], len(data), self._hertz, 0, 8, 0, 0, 0, 0
        )
        fcntl.ioctl(self._file, SPI_IOC_MESSAGE_1, order)
        return into.tobytes()

    def close(self) -> None:
        """Give the bus back."""
        os.close(self._file)
