"""SHT30, SHT31, SHT35 and SHTC3: one single-shot measurement gives temperature and humidity.

Raw commands on sensors/bus.py and no library. adafruit-circuitpython-sht31d resets the chip when it
is opened, measures a second time for the humidity, gives up both values for one bad checksum, and
brings Blinka (decision 018).

The chip never stretches the clock here: a Pi's I2C cannot bear it (BCM2835 erratum). Until it is
ready it does not acknowledge its address when read, which is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sensors.bus import NACK, I2cPort, i2c
from sensors.contract import Limits, ProbeTransientError, Range, Sample, Spec
from sensors.sht3x import words

if TYPE_CHECKING:
    from config.clock import Clock

SPEC: Final = Spec(
    kind="sht3x",
    ranges={
        "temperature": Range(
            low=-40_000,
            high=125_000,
            step=3,
            accuracy=200,
            limits=Limits(
                plausible=(-40_000, 60_000),
                # Its step is 0.003 degC and its scatter 0.04 degC: one code for half an hour is a
                # chip that repeats itself.
                stuck_after_ms=30 * 60_000,
                # It has no sheath (8 s in moving air): a door opened on it is 20 K in the first minute.
                too_fast_per_min=30_000,
            ),
        ),
        # 100.0 is a true reading where water condenses, and stays for hours.
        "humidity": Range(low=0, high=100_000, step=2, accuracy=2_000),
    },
    # 16 ms would do; ten measurements a second warm the chip by up to 0.1 degC.
    least_spacing_ms=1_000,
    may_decide=True,
    source="Sensirion SHT3x-DIS data sheet, -40 to +125 degC, typically 0.2 degC from 0 to 90 degC "
    "(SHT31), 2 %RH, 0.04 degC of scatter at high repeatability, which takes 15.5 ms at most",
)


@dataclass(frozen=True, slots=True)
class Chip:
    """How one family is spoken to.

    Attributes:
        wake: commands before a measurement.
        measure: single shot, high repeatability, no clock stretching, temperature first.
        wait_s: the longest that a measurement takes.
        sleep: commands behind it.
        full: the word of the full scale in the data sheet's formula.
    """

    wake: bytes
    measure: bytes
    wait_s: float
    sleep: bytes
    full: int


CHIPS: Final[Mapping[str, Chip]] = {
    "sht3x": Chip(b"", b"\x24\x00", 0.0155, b"", 65_535),
    # SHTC3 data sheet 5.1 to 5.6: it sleeps in between, and wakes within 240 us.
    "shtc3": Chip(b"\x35\x17", b"\x78\x66", 0.0121, b"\xb0\x98", 65_536),
}

# A chip that is late by a little is asked again; one that is not there never answers.
_TRIES: Final = 4
_AGAIN_S: Final = 0.005


class Sht3x:
    """One chip; the device behind its series."""

    __slots__ = ("_address", "_bus", "_chip")

    def __init__(self, bus: str, address: int, chip: Chip) -> None:
        """Speak to ``address`` on the bus at this path."""
        self._bus = bus
        self._address = address
        self._chip = chip

    def measure(self) -> dict[str, Sample]:
        """Measure once; blocks for about 20 ms."""
        chip = self._chip
        with i2c(self._bus, self._address) as port:
            if chip.wake:
                port.write(chip.wake)
                time.sleep(0.001)
            port.write(chip.measure)
            time.sleep(chip.wait_s)
            data = self._fetch(port)
            if chip.sleep:
                port.write(chip.sleep)
        return words.samples(data, chip.full)

    def close(self) -> None:
        """Nothing is open."""

    def _fetch(self, port: I2cPort) -> bytes:
        """Read the measurement, waiting while the chip does not acknowledge."""
        for _ in range(_TRIES):
            try:
                return port.read(words.LENGTH)
            except OSError as error:
                # It acknowledged the command, so it is there, and is not ready.
                if error.errno not in NACK:
                    raise
            time.sleep(_AGAIN_S)
        raise ProbeTransientError(
            f"the chip at 0x{self._address:02x} took the command and gave no measurement"
        )


def open_device(settings: Mapping[str, Any], _clock: Clock) -> Sht3x:
    """Make a device from checked settings."""
    return Sht3x(settings["bus"], settings["address"], CHIPS[settings["chip"]])


def unfit(settings: Mapping[str, Any]) -> str | None:
    """Return why this chip may not speak for vaccine."""
    if settings["chip"] == "shtc3":
        return (
            "an SHTC3 is made for room air: 0.2 degC off as a rule, and 0.1 degC of scatter on top"
        )
    return None
