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

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.clock import SystemClock
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
from sensors.ds18b20 import scratchpad
from sensors.ds18b20.bus import bus_at

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


class Ds18b20:
    """One probe. It keeps nothing open between two reads, so it survives unplugging."""

    def __init__(
        self,
        root: Path,
        probe_id: str,
        clock: Clock | None = None,
        resolution: int | None = None,
        *,
        parasite: bool = False,
    ) -> None:
        """Read the probe ``probe_id`` ("28-…") below ``root``, the kernel's list of devices.

        ``resolution`` in bit is set where the probe has another; ``parasite`` says that it is
        meant to run without a supply wire.
        """
        self._bus = bus_at(root)
        self._bus.join(probe_id)
        self._id = probe_id
        self._clock = clock or SystemClock()
        self._wanted = resolution
        self._parasite = parasite
        self._folder = root / probe_id
        self._looked = False
        self._set = False
        self._notes: dict[str, str] = {}

    def read(self) -> Sample:
        """Return what the probe says now; blocks up to 750 ms on real hardware."""
        try:
            self._look()
            text = self._bus.text(self._id, self._clock)
        except OSError as error:
            raise self._meaning(error) from error
        pad = bytes_of(text)
        if pad is None:
            return Sample(None, "rejected:crc")
        said = scratchpad.sample(pad)
        if said.quality != "rejected:crc" and self._wanted is not None and any(pad):
            self._hold_to(self._wanted, scratchpad.resolution(pad))
        return said

    def notes(self) -> tuple[str, ...]:
        """Return what should be put right: power, resolution, the right to convert together."""
        found = [*self._notes.values(), self._bus.note(self._id)]
        return tuple(note for note in found if note)

    def close(self) -> None:
        """Nothing is open."""

    def _look(self) -> None:
        """Look once, whenever the probe has come to the bus, how it has its power."""
        if self._looked:
            return
        try:
            power = sysfs.read(self._folder / "ext_power").strip()
        except OSError:
            # A kernel before 5.10 does not tell; one that is gone says so when it is read.
            power = b""
        self._looked = True
        parasite = power == b"0" and not self._parasite
        self._notes["power"] = (
            "has parasite power, with which conversions fail in the cold; connect VDD to 3.3 V, "
            'or write power = "parasite" where that is meant'
            if parasite
            else ""
        )

    def _hold_to(self, wanted: int, has: int) -> None:
        """Set the resolution for the readings from now on, where the probe has another.

        It goes into the probe's volatile memory. EEPROM, good for 50 000 writes, is left alone, so a
        probe that lost its power has its old resolution again, and it is set anew from here.
        """
        if has == wanted:
            self._set = False
            self._notes["resolution"] = ""
            return
        note = f"has {has} bit and not {wanted}"
        if self._set:
            # It was set and is not so: some copies of the chip know 12 bit only.
            self._notes["resolution"] = f"{note}; it does not take another resolution"
            return
        self._set = True
        try:
            sysfs.write(self._folder / "resolution", b"%d\n" % wanted)
        except OSError as error:
            why = "may not be written" if error.errno in sysfs.FORBIDDEN else error.strerror
            self._notes["resolution"] = f"{note}: {self._folder / 'resolution'}: {why}"

    def _meaning(self, error: OSError) -> NoDataError | ProbeFaultError | ProbeTransientError:
        """Say what an error of the file system means for the probe."""
        root = self._bus.root
        if error.errno in sysfs.GONE:
            self._looked = self._set = False
            self._notes.clear()
            if not root.is_dir():
                return NoDataError(
                    f"there is no 1-Wire bus at {root}; write dtoverlay=w1-gpio into "
                    "/boot/firmware/config.txt and start again"
                )
            found = [other for other in self._bus.others() if other != self._id]
            there = f"on the bus are {', '.join(found)}" if found else "no DS18B20 is on the bus"
            return NoDataError(f"probe {self._id} is not on the bus; is it plugged in? {there}")
        if error.errno in sysfs.FORBIDDEN:
            return ProbeFaultError(
                f"{self._folder / 'w1_slave'} may not be read; let the agent's user read it"
            )
        return ProbeTransientError(f"probe {self._id}: {error.strerror}")


def bytes_of(text: bytes) -> bytes | None:
    """Return the nine bytes in the text of a ``w1_slave``; None where the kernel calls them wrong.

    Raises ProbeTransientError for another text.
    """
    if not text:
        # The kernel found nobody on the bus.
        raise ProbeTransientError("the probe did not answer (empty w1_slave)")
    first = text.partition(b"\n")[0]
    digits, separator, verdict = first.partition(b" : crc=")
    try:
        pad = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        pad = b""
    if not separator or len(pad) != scratchpad.LENGTH:
        raise ProbeTransientError(f"not the text of a w1_slave file: {first[:60]!r}")
    return pad if verdict.endswith(b" YES") else None


def parse(text: bytes) -> Sample:
    """Return what the text of a ``w1_slave`` says; raise ProbeTransientError for another."""
    pad = bytes_of(text)
    return Sample(None, "rejected:crc") if pad is None else scratchpad.sample(pad)


def open_probe(settings: Mapping[str, Any], clock: Clock) -> Ds18b20:
    """Make a probe from checked settings."""
    return Ds18b20(
        Path(settings["root"]),
        settings["id"],
        clock,
        settings["resolution"],
        parasite=settings["power"] == "parasite",
    )
