"""I2C and SPI as bytes: what the drivers of chips stand on, and what tests and demo put in its place.

The path in a probe's settings says what is behind it:

=====================  ==========================================================================
``/dev/i2c-1``         a character device: the kernel's i2c-dev or spidev (sensors/bus_kernel.py)
``…/chips.sock``       a socket: a stand-in program (simulator/chip_bus.py, sensors/bus_elsewhere.py)
``…/transcript``       a file: what a chip once said, for test cases (sensors/bus_elsewhere.py)
=====================  ==========================================================================

No library is needed. Writing and reading are transfers of their own, with a stop in between: each
of our chips is made for that, and no combined transfer needs another kernel interface.

Nothing stays open between two reads, so a probe survives that its interface goes and comes.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from sensors.contract import NoDataError, ProbeError, ProbeFaultError, ProbeTransientError

# What says that nobody acknowledged the address: i2c-bcm2835 and i2c-designware (Pi 5) give
# EREMOTEIO, i2c-gpio ENXIO.
NACK: Final = frozenset({errno.EREMOTEIO, errno.ENXIO})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV})


class I2cPort(Protocol):
    """One chip on an I2C bus. Every method may raise OSError."""

    def write(self, data: bytes) -> None:
        """Write the bytes in one transfer."""

    def read(self, length: int) -> bytes:
        """Read that many bytes in one transfer."""

    def close(self) -> None:
        """Give the bus back."""


class SpiPort(Protocol):
    """One chip on an SPI bus, behind its chip select. Every method may raise OSError."""

    def transfer(self, data: bytes) -> bytes:
        """Write the bytes while reading as many, under one chip select."""

    def close(self) -> None:
        """Give the bus back."""


# One conversation with a chip at a time: an ADS1115 asked for two channels by two threads at once
# would give one of them the other's volts.
_locks: Final[dict[tuple[str, int], threading.Lock]] = {}
_locks_lock: Final = threading.Lock()


def _lock(path: str, address: int) -> threading.Lock:
    with _locks_lock:
        return _locks.setdefault((os.path.realpath(path), address), threading.Lock())


@contextmanager
def i2c(path: str, address: int) -> Iterator[I2cPort]:
    """Give the chip at a 7-bit address for one conversation.

    Raises NoDataError, ProbeFaultError or ProbeTransientError in one line that says what to do, for
    any OSError in the conversation as well.
    """
    with _lock(path, address):
        try:
            port = _open_i2c(path, address)
        except OSError as error:
            raise i2c_meaning(error, path, address) from error
        try:
            yield port
        except OSError as error:
            raise i2c_meaning(error, path, address) from error
        finally:
            port.close()


@contextmanager
def spi(path: str, mode: int, hertz: int) -> Iterator[SpiPort]:
    """Give the chip behind a spidev file for one conversation; raises as :func:`i2c`."""
    with _lock(path, -1):
        try:
            port = _open_spi(path, mode, hertz)
        except OSError as error:
            raise spi_meaning(error, path) from error
        try:
            yield port
        except OSError as error:
            raise spi_meaning(error, path) from error
        finally:
            port.close()


def _open_i2c(path: str, address: int) -> I2cPort:
    kind = Path(path).stat().st_mode
    if stat.S_ISSOCK(kind):
        from sensors.bus_elsewhere import SocketChip

        return SocketChip(path, address)
    if stat.S_ISREG(kind):
        from sensors.bus_elsewhere import Transcript

        return Transcript(path)
    from sensors.bus_kernel import KernelI2c

    return KernelI2c(path, address)


def _open_spi(path: str, mode: int, hertz: int) -> SpiPort:
    kind = Path(path).stat().st_mode
    if stat.S_ISSOCK(kind):
        from sensors.bus_elsewhere import SPI, SocketChip

        return SocketChip(path, SPI)
    if stat.S_ISREG(kind):
        from sensors.bus_elsewhere import Transcript

        return Transcript(path)
    from sensors.bus_kernel import KernelSpi

    return KernelSpi(path, mode, hertz)


def i2c_meaning(error: OSError, path: str, address: int) -> ProbeError:
    """Say what an error of an I2C conversation means for the probe, and what to do."""
    if error.errno in NACK:
        return NoDataError(
            f"nothing answers at address 0x{address:02x} on {path}; look at power and wires, "
            f"`i2cdetect -y {path.rpartition('-')[2]}` shows what is there"
        )
    if error.errno == errno.ETIMEDOUT:
        return ProbeTransientError(
            f"{path} does not move: a chip holds its lines, or they are shorted; look at the wires, "
            "then take the probe's power away for a moment"
        )
    if error.errno == errno.EBUSY:
        return ProbeFaultError(
            f"a kernel driver has address 0x{address:02x} on {path}; take its overlay out of "
            '/boot/firmware/config.txt, or read it with kind = "hwmon"'
        )
    return _meaning(error, path, "I2C", "dtparam=i2c_arm=on", "i2c")


def spi_meaning(error: OSError, path: str) -> ProbeError:
    """Say what an error of an SPI conversation means for the probe, and what to do."""
    return _meaning(error, path, "SPI", "dtparam=spi=on", "spi")


def _meaning(error: OSError, path: str, bus: str, line: str, group: str) -> ProbeError:
    if error.errno in _GONE:
        return NoDataError(
            f"there is no {path}; switch {bus} on: `raspi-config nonint do_{group} 0`, or write "
            f"{line} into /boot/firmware/config.txt, and start again"
        )
    if error.errno in _FORBIDDEN:
        return ProbeFaultError(
            f"{path} may not be used; let the agent's user into group {group}: "
            f"`usermod -aG {group} coldwatch-agent`, and start the agent again"
        )
    return ProbeTransientError(f"{path}: {error.strerror or error}")
