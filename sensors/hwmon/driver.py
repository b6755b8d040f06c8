"""Any file of a Linux hwmon or IIO driver: what the kernel can read needs no code of ours.

Both conventions count in thousandths: hwmon in millidegrees, millivolts, milliamperes, milli-percent
(Documentation/hwmon/sysfs-interface.rst), IIO likewise (Documentation/ABI/testing/sysfs-bus-iio). IIO
files end in ``_input`` where the driver has done the arithmetic, or in ``_raw``: then the value is
(raw + offset) times scale, from the files beside it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sensors import sysfs
from sensors.contract import (
    Limits,
    NoDataError,
    ProbeFaultError,
    ProbeTransientError,
    Range,
    Sample,
    Spec,
)
from sensors.hwmon.places import RAW, Place

if TYPE_CHECKING:
    from config.clock import Clock

SPEC: Final = Spec(
    kind="hwmon",
    ranges={
        # What any such chip can say (a thermocouple, a mains meter); its own data sheet says less.
        "temperature": Range(
            low=-200_000,
            high=850_000,
            step=1,
            limits=Limits(plausible=(-100_000, 60_000), too_fast_per_min=30_000),
        ),
        "humidity": Range(low=0, high=100_000, step=1),
        "voltage": Range(low=-500_000, high=500_000, step=1),
        "current": Range(low=-100_000, high=100_000, step=1),
    },
    # Drivers of slow chips keep their value themselves (dht11: for 2 s).
    least_spacing_ms=1_000,
    # Only chips in ACCURATE may; see unfit().
    may_decide=True,
    source="Linux: Documentation/hwmon/sysfs-interface.rst, Documentation/ABI/testing/sysfs-bus-iio",
)

# Name that the kernel's driver gives the chip -> why it is good enough beside vaccine: within 0.5 degC
# at 2 to 8 degC (WHO, GSP) by its data sheet. The kernel writes the name when the chip has answered to
# its driver, so no settings file can give another chip this name.
ACCURATE: Final[Mapping[str, str]] = {
    "sht3x": "Sensirion SHT3x: typically 0.2 degC (SHT31, SHT35), 0.3 degC (SHT30)",
    "sht4x": "Sensirion SHT4x: typically 0.2 degC (SHT40), 0.1 degC (SHT45)",
    "tmp117": "Texas Instruments TMP117: at most 0.1 degC from -20 to 50 degC",
    "adt7420": "Analog Devices ADT7420: at most 0.25 degC from -20 to 105 degC",
}

# A file that says this will say something else soon: the line was disturbed, the chip is busy.
_BUSY: Final = frozenset({errno.EIO, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.EREMOTEIO})
_NUMBER: Final = re.compile(rb"-?[0-9]{1,18}(\.[0-9]{1,18})?")


class Hwmon:
    """One file. Nothing is kept open, so a driver may be unloaded and loaded under it."""

    def __init__(self, place: Place, scale: Decimal) -> None:
        """Read the file at ``place``, whose number times ``scale`` is thousandths of the unit."""
        self._place = place
        self._scale = scale

    def read(self) -> Sample:
        """Return what the chip says now; blocks for as long as its driver does."""
        file = self._place.find()
        value = self._number(file)
        if file.name.endswith(RAW):
            base = file.name.removesuffix(RAW)
            value = (value + self._beside(file, base, "_offset", Decimal(0))) * self._beside(
                file, base, "_scale", Decimal(1)
            )
        return Sample(round(value * self._scale))

    def close(self) -> None:
        """Nothing is open."""

    def _beside(self, file: Path, base: str, kind: str, otherwise: Decimal) -> Decimal:
        """Return the channel's own offset or scale, else that of all channels of its kind."""
        for name in (base + kind, re.sub(r"[0-9]+$", "", base) + kind):
            if (file.parent / name).exists():
                return self._number(file.parent / name)
        return otherwise

    def _number(self, file: Path) -> Decimal:
        try:
            text = sysfs.read(file).strip()
        except OSError as error:
            raise _meaning(file, error) from error
        if _NUMBER.fullmatch(text) is None:
            raise ProbeTransientError(f"{file} holds {text[:40]!r}, which is no number")
        try:
            return Decimal(text.decode("ascii"))
        except InvalidOperation:
            raise ProbeTransientError(f"{file} holds {text[:40]!r}, which is no number") from None


def _meaning(file: Path, error: OSError) -> NoDataError | ProbeFaultError | ProbeTransientError:
    """Say what an error of the file means for the probe."""
    if error.errno in sysfs.GONE:
        return NoDataError(f"{file} is not there; is the overlay loaded, is the chip plugged in?")
    if error.errno in sysfs.FORBIDDEN:
        return ProbeFaultError(f"{file} may not be read; let the agent's user read it")
    if error.errno in _BUSY:
        return ProbeTransientError(f"{file}: the chip did not answer ({error.strerror})")
    return ProbeTransientError(f"{file}: {error.strerror}")


def unfit(settings: Mapping[str, Any]) -> str | None:
    """Return why the probe may not speak for vaccine; None where it may.

    No setting says that it may: it depends on which chip it is, and that the kernel must confirm. A
    path may lead to any chip, and a scale of one's own may make any number.
    """
    known = ", ".join(ACCURATE)
    name = settings["name"]
    if name is None:
        return f"a hwmon path may lead to any chip; only a chip given by name may decide ({known})"
    if name not in ACCURATE:
        return f"{name} is not on the list of chips that are accurate enough ({known})"
    if Decimal(settings["scale"]) != 1:
        return "a hwmon probe with a scale of its own may not speak for vaccine"
    return None


def open_probe(settings: Mapping[str, Any], _clock: Clock) -> Hwmon:
    """Make a probe from checked settings."""
    path = settings["path"]
    place = Place(
        root=Path(settings["root"]),
        path=None if path is None else Path(path),
        name=settings["name"],
        input=settings["input"],
        index=settings["index"],
    )
    return Hwmon(place, Decimal(settings["scale"]))
