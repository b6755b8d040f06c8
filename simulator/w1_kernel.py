"""A stand-in for the kernel's w1_therm: a master with probes, and what its sysfs files do.

It models what a plain file cannot: that a read converts, that ``therm_bulk_read`` takes a trigger of
exactly eight bytes and is silent about others, that a value which was not fetched is handed out by the
next read however old it is, and that a resolution lasts until the power goes (Linux,
drivers/w1/slaves/w1_therm.c and Documentation/w1/slaves/w1_therm.rst). The folders and links are real,
so that names are looked up as on a Pi; ``read`` and ``write`` stand where sensors/sysfs.py is.
"""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from sensors.ds18b20.crc import crc8

CONVERSION_MS = 750
_FILES = ("w1_slave", "ext_power", "resolution")


@dataclass
class Chip:
    """One probe on the bus.

    Attributes:
        sixteenths: the temperature around it.
        register: the temperature it converted last; +85 degC after power-on.
        triggered: 1 while a conversion of all waits to be fetched, -1 while it is under way.
        bits: its resolution.
        fixed: whether it knows no other resolution, as some copies.
        wired: whether it has a supply wire.
        conversions: how many it has made.
        written: every resolution that was written to it.
    """

    sixteenths: int = 80
    register: int = 85 * 16
    triggered: int = 0
    bits: int = 12
    fixed: bool = False
    wired: bool = True
    conversions: int = 0
    written: list[int] = field(default_factory=list)

    def convert(self) -> None:
        """Measure."""
        self.register = self.sixteenths
        self.conversions += 1

    def text(self) -> bytes:
        """Return both lines of ``w1_slave``."""
        config = (self.bits - 9) << 5 | 0x1F
        pad = self.register.to_bytes(2, "little", signed=True) + bytes(
            [0x4B, 0x46, config, 0xFF, 0x10, 0x10]
        )
        digits = (pad + bytes([crc8(pad)])).hex(" ")
        return f"{digits} : crc={crc8(pad):02x} YES\n{digits} t=0\n".encode()


class W1Kernel:
    """A master with its probes below ``folder``; ``devices`` is what /sys/bus/w1/devices would be."""

    def __init__(self, folder: Path, *, bulk: bool = True, writable: bool = True) -> None:
        """Make an empty master; ``bulk`` is Linux 5.10 or newer."""
        self.devices = folder / "devices"
        self.master = folder / "w1_bus_master1"
        self.devices.mkdir(parents=True)
        self.master.mkdir()
        (self.devices / "w1_bus_master1").symlink_to(self.master)
        self.chips: dict[str, Chip] = {}
        self.writable = writable
        self.triggers = 0
        # States that therm_bulk_read tells before the true one, to be seen converting.
        self.converting = 0
        self.slept_ms = 0
        self._lock = threading.Lock()
        if bulk:
            (self.master / "therm_bulk_read").touch()

    def plug(self, probe_id: str, chip: Chip | None = None) -> Chip:
        """Put a probe onto the bus."""
        folder = self.master / probe_id
        folder.mkdir()
        for name in _FILES:
            (folder / name).touch()
        (self.devices / probe_id).symlink_to(folder)
        self.chips[probe_id] = chip or Chip()
        return self.chips[probe_id]

    def unplug(self, probe_id: str) -> None:
        """Take a probe off the bus, as the kernel does after it was not found for a while."""
        (self.devices / probe_id).unlink()
        for name in _FILES:
            (self.master / probe_id / name).unlink()
        (self.master / probe_id).rmdir()
        del self.chips[probe_id]

    def read(self, path: Path) -> bytes:
        """Do what reading the file does."""
        path.stat()
        with self._lock:
            if path.name == "therm_bulk_read":
                if self.converting:
                    self.converting -= 1
                    return b"-1\n"
                return b"1\n" if any(chip.triggered for chip in self.chips.values()) else b"0\n"
            chip = self.chips[path.parent.name]
            if path.name == "ext_power":
                return b"%d\n" % chip.wired
            if chip.triggered < 0:
                return b""
            if not chip.triggered:
                self.slept_ms += CONVERSION_MS >> (12 - chip.bits)
                chip.convert()
            chip.triggered = 0
            return chip.text()

    def write(self, path: Path, text: bytes) -> None:
        """Do what writing the file does."""
        path.stat()
        if not self.writable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with self._lock:
            if path.name == "therm_bulk_read":
                if text == b"trigger\n":
                    self._trigger()
                return
            chip = self.chips[path.parent.name]
            chip.written.append(int(text))
            if not chip.fixed:
                chip.bits = int(text)

    def _trigger(self) -> None:
        self.triggers += 1
        self.slept_ms += max(CONVERSION_MS >> (12 - chip.bits) for chip in self.chips.values())
        for chip in self.chips.values():
            chip.convert()
            chip.triggered = 1
