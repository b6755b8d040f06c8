"""ADS1115: one single-shot conversion of one input, scaled to what the sensor there measures.

Raw registers on sensors/bus.py and no library. adafruit-circuitpython-ads1x15 waits without end
for a chip that does not get ready, and looks at nothing that it wrote (decision 018).

Single-shot only: in continuous mode the result after a change of input is still the previous
input's (adafruit-circuitpython-ads1x15, issue 55). The whole conversation is under one lock, for
four inputs share one converter, and the configuration is read back with the result: another program
that chose another input meanwhile shows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sensors.bus import I2cPort, i2c
from sensors.contract import ProbeTransientError, Range, Sample, Spec
from sensors.rounding import half_even

if TYPE_CHECKING:
    from config.clock import Clock

SPEC: Final = Spec(
    kind="ads1115",
    ranges={
        # What the converter can say of voltages; of the others what no lamp of a clinic reaches.
        "voltage": Range(low=-6_144, high=6_144, step=1),
        "current": Range(low=-1_000_000, high=1_000_000, step=1),
        "intensity": Range(low=-1_000_000, high=1_000_000_000, step=1),
    },
    least_spacing_ms=200,
    may_decide=False,
    source="Texas Instruments ADS1115 data sheet SBAS444: 16 bit, single shot, "
    "0.256 to 6.144 V full scale, 8 to 860 conversions a second",
)

CONVERSION: Final = 0
CONFIG: Final = 1
READY: Final = 0x8000
_SINGLE: Final = 0x0100
_NO_COMPARATOR: Final = 0x0003

# Input -> bits 14 to 12; a pair measures the first against the second.
INPUTS: Final[Mapping[str, int]] = {
    "0-1": 0, "0-3": 1, "1-3": 2, "2-3": 3, "0": 4, "1": 5, "2": 6, "3": 7,
}  # fmt: skip
# Full scale in millivolts -> bits 11 to 9.
SCALES: Final[Mapping[int, int]] = {6_144: 0, 4_096: 1, 2_048: 2, 1_024: 3, 512: 4, 256: 5}
# Conversions a second -> bits 7 to 5.
RATES: Final[Mapping[int, int]] = {8: 0, 16: 1, 32: 2, 64: 3, 128: 4, 250: 5, 475: 6, 860: 7}

_AGAIN_S: Final = 0.002
_TRIES: Final = 20


def config_word(channel: str, full_scale_mv: int, rate: int) -> int:
    """Return the configuration register that starts one conversion."""
    return (
        READY
        | INPUTS[channel] << 12
        | SCALES[full_scale_mv] << 9
        | _SINGLE
        | RATES[rate] << 5
        | _NO_COMPARATOR
    )


def quantity(code: int, full_scale_mv: int, scale: int, offset: int) -> int:
    """Return volts * scale + offset in thousandths; scale and offset are thousandths too.

    ``code`` is the signed result: 32768 of them are the full scale.
    """
    return offset + half_even(code * full_scale_mv * scale, 32_768 * 1000)


class Ads1115:
    """One input of one chip."""

    __slots__ = ("_address", "_bus", "_full_scale", "_offset", "_rate", "_scale", "_word")

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Speak to the chip that checked settings name."""
        self._bus = settings["bus"]
        self._address = settings["address"]
        self._full_scale = settings["full_scale"]
        self._rate = settings["rate"]
        self._scale = settings["scale"]
        self._offset = settings["offset"]
        self._word = config_word(settings["channel"], self._full_scale, self._rate)

    def read(self) -> Sample:
        """Return the quantity; blocks for one conversion, 8 ms at 128 a second."""
        with i2c(self._bus, self._address) as port:
            port.write(bytes([CONFIG, *self._word.to_bytes(2, "big")]))
            # The rate is right to 10 % (data sheet); it also has to wake up.
            time.sleep(1.1 / self._rate + 0.0001)
            self._wait(port)
            code = _register(port, CONVERSION)
            after = _register(port, CONFIG)
        if after & ~READY != self._word & ~READY:
            raise ProbeTransientError(
                f"another program used the ADS1115 at 0x{self._address:02x} while it converted"
            )
        signed = code - 0x1_0000 if code & 0x8000 else code
        value = quantity(signed, self._full_scale, self._scale, self._offset)
        if code in (0x7FFF, 0x8000):
            # At its end the converter says "at least this": no value, and a sign to take a larger
            # full scale.
            return Sample(value, "rejected:out-of-range")
        return Sample(value)

    def close(self) -> None:
        """Nothing is open."""

    def _wait(self, port: I2cPort) -> None:
        for _ in range(_TRIES):
            if _register(port, CONFIG) & READY:
                return
            time.sleep(_AGAIN_S)
        raise ProbeTransientError(
            f"the ADS1115 at 0x{self._address:02x} on {self._bus} does not end its conversion"
        )


def _register(port: I2cPort, number: int) -> int:
    port.write(bytes([number]))
    return int.from_bytes(port.read(2), "big")


def open_probe(settings: Mapping[str, Any], _clock: Clock) -> Ads1115:
    """Make a probe from checked settings."""
    return Ads1115(settings)
