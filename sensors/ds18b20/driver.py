"""DS18B20 through the kernel's text file ``w1_slave``.

Opening and reading that file makes the device convert (up to 750 ms at 12 bit). It holds
two lines; only the nine bytes of the first are of this reading:

    72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
    72 01 4b 46 7f ff 0e 10 57 t=23125

After a failed checksum the second line shows the bytes of an *earlier* reading beside a ``t=``
made from the bytes that failed; and ``YES`` is said of nine zeros too. So the CRC is computed
here, the value comes from the bytes that passed it, ``t=`` is never looked at and ``YES`` is not
enough. ``NO`` is believed: the kernel also says it when it got fewer than nine bytes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sensors.contract import (
    Limits,
    NoDataError,
    ProbeFaultError,
    ProbeTransientError,
    Range,
    Sample,
    Spec,
)
from sensors.ds18b20 import scratchpad

if TYPE_CHECKING:
    from config.clock import Clock

SPEC: Final = Spec(
    kind="ds18b20",
    ranges={
        "temperature": Range(
            low=-55_000,
            high=125_000,
            step=63,
            accuracy=500,
            limits=Limits(
                # From the coldest freezer the CDC's toolkit knows (-50 degC) to a room on fire.
                plausible=(-50_000, 60_000),
                stuck_after_ms=6 * 3_600_000,
                # A steel-sheathed probe taken from a fridge into a room gains 7 to 8 K in the
                # first minute (25 K apart, time constant 3 min in still air).
                too_fast_per_min=10_000,
            ),
        )
    },
    # Conversion at 12 bit. Reading sooner would hand out the same conversion twice.
    least_spacing_ms=750,
    may_decide=True,
    source="Maxim DS18B20 data sheet 19-7487: -55 to +125 degC, 0.5 degC from -10 to +85 degC, "
    "750 ms at 12 bit, register at power-on +85 degC",
    power_on=(85_000,),
)

# The file is about 80 bytes. One read(2) only: sysfs may start a conversion with each.
_MOST_BYTES: Final = 4096
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})


class Ds18b20:
    """One probe. It keeps nothing open between two reads, so it survives unplugging."""

    __slots__ = ("_file", "_id", "_root")

    def __init__(self, root: Path, probe_id: str) -> None:
        """Read the probe ``probe_id`` ("28-…") below ``root``, the kernel's list of devices."""
        self._root = root
        self._id = probe_id
        self._file = os.fspath(root / probe_id / "w1_slave")

    def read(self) -> Sample:
        """Return what the probe says now; blocks up to 750 ms on real hardware."""
        return parse(self._text())

    def close(self) -> None:
        """Nothing is open."""

    def _text(self) -> bytes:
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.read(descriptor, _MOST_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._meaning(error) from error

    def _meaning(self, error: OSError) -> NoDataError | ProbeFaultError | ProbeTransientError:
        """Say what an error of the file system means for the probe."""
        if error.errno in _GONE:
            if not self._root.is_dir():
                return NoDataError(
                    f"there is no 1-Wire bus at {self._root}; write dtoverlay=w1-gpio into "
                    "/boot/firmware/config.txt and start again"
                )
            return NoDataError(f"probe {self._id} is not on the bus; is it plugged in?")
        if error.errno in _FORBIDDEN:
            return ProbeFaultError(f"{self._file} may not be read; let the agent's user read it")
        return ProbeTransientError(f"probe {self._id}: {error.strerror}")


def parse(text: bytes) -> Sample:
    """Return what the text of a ``w1_slave`` says; raise ProbeTransientError for another."""
    if not text:
        # The kernel found nobody on the bus, or a bulk conversion is under way.
        raise ProbeTransientError("the probe did not answer (empty w1_slave)")
    first = text.partition(b"\n")[0]
    digits, separator, verdict = first.partition(b" : crc=")
    try:
        pad = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        pad = b""
    if not separator or len(pad) != scratchpad.LENGTH:
        raise ProbeTransientError(f"not the text of a w1_slave file: {first[:60]!r}")
    if not verdict.endswith(b" YES"):
        return Sample(None, "rejected:crc")
    return scratchpad.sample(pad)


def open_probe(settings: Mapping[str, Any], _clock: Clock) -> Ds18b20:
    """Make a probe from checked settings."""
    return Ds18b20(Path(settings["root"]), settings["id"])
