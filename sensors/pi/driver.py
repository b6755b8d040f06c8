"""The Raspberry Pi's own health as series: each quantity from the file that the kernel has for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.kernel_clock import kernel_clock_synchronised
from sensors import sysfs
from sensors.contract import (
    NoDataError,
    ProbeError,
    ProbeFaultError,
    ProbeTransientError,
    Range,
    Sample,
    Spec,
)
from sensors.pi import throttled

if TYPE_CHECKING:
    from config.clock import Clock

_SWITCH: Final = Range(low=0, high=1_000, step=1_000)
_PERCENT: Final = Range(low=0, high=100_000, step=1)

SPEC: Final = Spec(
    kind="pi",
    ranges={
        # The processor's, and not a room's: it must not be taken for a temperature of stock.
        "core_temperature": Range(low=-40_000, high=130_000, step=1),
        "undervoltage": _SWITCH,
        "throttled": _SWITCH,
        "disk_free": _PERCENT,
        "memory_free": _PERCENT,
        "clock_synced": _SWITCH,
        "charge": _PERCENT,
        # In tenths of the life that the maker promises; 110 is beyond it.
        "card_worn": Range(low=0, high=110_000, step=10_000),
    },
    # A process is started each time on a Pi whose kernel has no file for get_throttled.
    least_spacing_ms=5_000,
    may_decide=False,
    source="Linux: thermal/sysfs-api.rst, statvfs(3), proc(5) MemAvailable, adjtimex(2), "
    "ABI/testing/sysfs-class-power, mmc/mmc-dev-attrs.rst (life_time); Raspberry Pi documentation, "
    "vcgencmd get_throttled",
)

_THERMAL: Final = Path("sys/class/thermal/thermal_zone0/temp")
_THROTTLED: Final = Path("sys/devices/platform/soc/soc:firmware/get_throttled")
_SUPPLIES: Final = Path("sys/class/power_supply")
_CARD: Final = Path("sys/block/mmcblk0/device/life_time")
_MEMORY: Final = Path("proc/meminfo")
_VCGENCMD_S: Final = 5


class Pi:
    """The machine that we run on. What one file lacks does not cost what another has."""

    def __init__(
        self,
        root: Path,
        disk: Path,
        vcgencmd: str = "vcgencmd",
        synchronised: Callable[[], bool] = kernel_clock_synchronised,
    ) -> None:
        """Look below ``root`` ("/" but in tests) and at the file system that ``disk`` is on."""
        self._root = root
        self._disk = disk
        self._vcgencmd = vcgencmd
        self._synchronised = synchronised
        self._before: int | None = None

    def measure(self) -> Mapping[str, Sample | ProbeError]:
        """Return everything that can be told now; for the rest, why not."""
        found: dict[str, Sample | ProbeError] = {}
        for quantity, look in (
            ("core_temperature", self._temperature),
            ("disk_free", self._disk_free),
            ("memory_free", self._memory_free),
            ("charge", self._charge),
            ("card_worn", self._card_worn),
        ):
            try:
                found[quantity] = Sample(look())
            except ProbeError as error:
                found[quantity] = error
        try:
            low, slow = self._power()
            found |= {"undervoltage": _switch(on=low), "throttled": _switch(on=slow)}
        except ProbeError as error:
            found |= {"undervoltage": error, "throttled": error}
        found["clock_synced"] = _switch(on=self._synchronised())
        return found

    def close(self) -> None:
        """Nothing is open."""

    def _temperature(self) -> int:
        file = self._root / _THERMAL
        text = _read(file)
        try:
            return int(text)
        except ValueError:
            raise ProbeTransientError(f"{file} holds {text[:40]!r}, which is no number") from None

    def _disk_free(self) -> int:
        """Return thousandths of a percent that a user without privileges may still write."""
        try:
            of = os.statvfs(self._disk)
        except OSError as error:
            raise ProbeFaultError(
                f"the disk of {self._disk} cannot be asked ({error.strerror}); "
                "set `disk` to a folder on the card"
            ) from error
        if of.f_blocks == 0:
            raise ProbeFaultError(f"{self._disk} is on no disk; set `disk` to a folder on the card")
        return min(100_000, of.f_bavail * 100_000 // of.f_blocks)

    def _memory_free(self) -> int:
        """Return thousandths of a percent that can be had without swapping."""
        file = self._root / _MEMORY
        fields = dict(line.partition(":")[::2] for line in _read(file).splitlines())
        try:
            total, available = (
                int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable")
            )
            return available * 100_000 // total
        except (KeyError, IndexError, ValueError, ZeroDivisionError):
            raise ProbeTransientError(f"{file} does not tell MemTotal and MemAvailable") from None

    def _charge(self) -> int:
        """Return thousandths of a percent of the first battery that the kernel knows."""
        for supply in sorted((self._root / _SUPPLIES).glob("*")):
            if (supply / "type").exists() and _read(supply / "type") == "Battery":
                text = _read(supply / "capacity")
                if not text.isdecimal():
                    raise ProbeTransientError(f"{supply}/capacity holds {text[:40]!r}")
                return int(text) * 1_000
        raise NoDataError(
            "the kernel knows no battery; load its driver (dtoverlay), or read its voltage otherwise"
        )

    def _card_worn(self) -> int:
        """Return thousandths of a percent of an eMMC's life that are used, in steps of ten."""
        file = self._root / _CARD
        text = _read(file)
        try:
            tenths = max(int(part, 16) for part in text.split())
        except ValueError:
            raise ProbeTransientError(
                f"{file} holds {text[:40]!r}, which is no life time"
            ) from None
        if tenths == 0:
            raise NoDataError(f"{file} says that the card does not tell")
        return tenths * 10_000

    def _power(self) -> tuple[bool, bool]:
        now = self._bits()
        found = throttled.since(now, self._before)
        self._before = now
        return found

    def _bits(self) -> int:
        file = self._root / _THROTTLED
        try:
            text = _read(file) if file.exists() else self._ask_firmware()
            return throttled.bits(text)
        except ValueError as error:
            raise ProbeTransientError(str(error)) from None

    def _ask_firmware(self) -> str:
        """Return what vcgencmd says: newer kernels have no file for it any more."""
        try:
            done = subprocess.run(
                [self._vcgencmd, "get_throttled"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_VCGENCMD_S,
                check=False,
            )
        except FileNotFoundError:
            raise NoDataError(
                "neither the kernel nor vcgencmd tells of under-voltage; is this a Raspberry Pi? "
                "there, install raspi-utils"
            ) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProbeTransientError(f"vcgencmd did not answer: {error}") from error
        if done.returncode != 0:
            raise ProbeFaultError(
                "vcgencmd may not ask the firmware; put the agent's user into the group video"
            )
        return done.stdout


def _switch(*, on: bool) -> Sample:
    return Sample(1_000 if on else 0)


def _read(file: Path) -> str:
    try:
        return sysfs.read(file).decode("ascii", "replace").strip()
    except OSError as error:
        if error.errno in sysfs.GONE:
            raise NoDataError(f"{file} is not there; is this a Raspberry Pi?") from error
        raise ProbeTransientError(f"{file}: {error.strerror}") from error


def open_device(settings: Mapping[str, Any], _clock: Clock) -> Pi:
    """Make a device from checked settings."""
    return Pi(Path(settings["root"]), Path(settings["disk"]))
