"""A PT100 behind a MAX31865: one conversion at a time, with a fault-detection cycle before each.

Raw registers on sensors/bus.py and no library. adafruit-circuitpython-max31865 clears latched
faults before it reads and throws the fault bit away, never runs a fault-detection cycle, never
looks whether a chip answers (an absent one is -242 degC), shares one buffer among all chips, and
moves the chip select by hand, which goes wrong on a Pi 5 (its issue 42). Decision 018.

A read, all of it under one lock (data sheet 19-6478, "Configuration Register" and Table 3):

1. bias on, faults cleared, thresholds written; wait until the input filter is charged;
2. an automatic fault-detection cycle, until its bits fall back to 0;
3. one conversion, until its bit falls back to 0;
4. all eight registers in one transfer; bias off, so that the current does not warm the PT100;
5. what was configured must read back; a fault is a fault and no value.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sensors.bus import SpiPort, spi
from sensors.contract import (
    Limits,
    NoDataError,
    ProbeFaultError,
    ProbeTransientError,
    Range,
    Sample,
    Spec,
)
from sensors.max31865 import platinum

if TYPE_CHECKING:
    from config.clock import Clock

SPEC: Final = Spec(
    kind="max31865",
    ranges={
        "temperature": Range(
            low=-100_000,
            high=200_000,
            step=34,
            accuracy=500,
            limits=Limits(
                plausible=(-100_000, 60_000),
                # One code is 0.034 degC, and its noise is smaller: a still fridge may show one long.
                stuck_after_ms=6 * 3_600_000,
                too_fast_per_min=10_000,
            ),
        )
    },
    least_spacing_ms=200,
    may_decide=True,
    source="Maxim MAX31865 data sheet 19-6478: 0.03125 degC a step (400 ohm), 0.5 degC in all at "
    "most; IEC 60751: PT100 class A 0.15 degC + 0.002 t. -100 to 200 degC are our thresholds",
)

# Configuration register, 00h.
BIAS: Final = 0x80
ONE_SHOT: Final = 0x20
THREE_WIRE: Final = 0x10
DETECTION: Final = 0x0C
DETECT: Final = 0x04
CLEAR: Final = 0x02
FILTER_50_HZ: Final = 0x01

_WRITE: Final = 0x80
_THRESHOLDS: Final = 0x03
_ALL: Final = bytes(9)

MODE: Final = 1
_HERTZ: Final = 1_000_000
# 10.5 time constants of the input filter and 1 ms (data sheet): 100 nF and some kilo-ohms.
_CHARGE_S: Final = 0.010
# 66 ms at most with the 50 Hz filter, 55 ms with that for 60 Hz; 0.6 ms for the detection.
_CONVERSION_S: Final = {True: 0.063, False: 0.052}
_DETECTION_S: Final = 0.001
_AGAIN_S: Final = 0.005
_TRIES: Final = 10

# Fault status register, 07h: Tables 7, 10, 11 and 12 of the data sheet. The gravest first.
FAULTS: Final = (
    (0x04, "over- or undervoltage at an input; look for a wire that touches something else"),
    (0x20, "the PT100 is not connected, or the jumpers are for another number of wires (REFIN-)"),
    (0x10, "a wire to FORCE- is broken (REFIN-)"),
    (0x08, "a wire to FORCE- or RTDIN- is broken (RTDIN-)"),
    (0x80, "the PT100 is open or a wire to it is broken (above 200 degC)"),
    (0x40, "the PT100 or its wires are shorted (below -100 degC)"),
)


@dataclass(frozen=True, slots=True)
class Registers:
    """All eight registers as one transfer gives them."""

    config: int
    ratio: int
    high: int
    low: int
    fault: int

    @classmethod
    def of(cls, data: bytes) -> Registers:
        """Read them from nine bytes, the first of which came while the address was sent."""
        word = int.from_bytes
        return cls(data[1], word(data[2:4], "big"), word(data[4:6], "big"),
                   word(data[6:8], "big"), data[8])  # fmt: skip


def faults(register: int) -> str:
    """Return the fault status register in words; empty where it is clear."""
    return "; ".join(text for bit, text in FAULTS if register & bit)


def thresholds(reference_milliohm: int) -> bytes:
    """Return registers 03h to 06h: what is open or shorted, since the chip's own never trip."""
    limits = SPEC.ranges["temperature"]
    high = platinum.code(limits.high / 1000, reference_milliohm) << 1
    low = platinum.code(limits.low / 1000, reference_milliohm) << 1
    return high.to_bytes(2, "big") + low.to_bytes(2, "big")


class Max31865:
    """One chip with its PT100."""

    __slots__ = ("_bus", "_config", "_fifty_hertz", "_reference", "_thresholds")

    def __init__(self, bus: str, wires: int, reference_milliohm: int, mains_hz: int) -> None:
        """Speak to the chip behind this spidev file."""
        self._bus = bus
        self._reference = reference_milliohm
        self._fifty_hertz = mains_hz == 50
        self._config = (THREE_WIRE if wires == 3 else 0) | (FILTER_50_HZ if mains_hz == 50 else 0)
        self._thresholds = thresholds(reference_milliohm)

    def read(self) -> Sample:
        """Return the temperature; blocks for about 75 ms."""
        with spi(self._bus, MODE, _HERTZ) as port:
            try:
                found = self._registers(port)
            except BaseException:
                # What failed first is what counts.
                with suppress(OSError):
                    _set(port, self._config)
                raise
            _set(port, self._config)
        return self._sample(found)

    def close(self) -> None:
        """Nothing is open."""

    def _registers(self, port: SpiPort) -> Registers:
        biased = self._config | BIAS
        # The filter must not be changed while a conversion runs, so first of all: off and clear.
        _set(port, self._config | CLEAR)
        port.transfer(bytes([_WRITE | _THRESHOLDS]) + self._thresholds)
        _set(port, biased)
        time.sleep(_CHARGE_S)
        if _get(port) != biased:
            raise NoDataError(
                f"no MAX31865 answers behind {self._bus}; look at power, wires and chip select"
            )
        _set(port, biased | DETECT)
        time.sleep(_DETECTION_S)
        self._wait(port, DETECTION, "fault detection")
        _set(port, biased | ONE_SHOT)
        time.sleep(_CONVERSION_S[self._fifty_hertz])
        self._wait(port, ONE_SHOT, "conversion")
        return Registers.of(port.transfer(_ALL))

    def _wait(self, port: SpiPort, bits: int, what: str) -> None:
        for _ in range(_TRIES):
            if not _get(port) & bits:
                return
            time.sleep(_AGAIN_S)
        raise ProbeTransientError(f"the {what} of the MAX31865 behind {self._bus} does not end")

    def _sample(self, found: Registers) -> Sample:
        if found.config != self._config | BIAS:
            # It lost its power in between and begins anew; or the wires are disturbed.
            raise ProbeTransientError(
                f"the MAX31865 behind {self._bus} forgot its settings while it measured; "
                "look at its 3.3 V"
            )
        if found.fault or found.ratio & 1:
            said = faults(found.fault) or "it reports a fault and not which one"
            raise ProbeFaultError(f"MAX31865 behind {self._bus}: {said}")
        if found.high.to_bytes(2, "big") + found.low.to_bytes(2, "big") != self._thresholds:
            raise ProbeTransientError(f"{self._bus}: the bytes of the MAX31865 were disturbed")
        value = platinum.thousandths(found.ratio >> 1, self._reference)
        return Sample(None, "rejected:out-of-range") if value is None else Sample(value)


def _set(port: SpiPort, config: int) -> None:
    port.transfer(bytes([_WRITE, config]))


def _get(port: SpiPort) -> int:
    return port.transfer(b"\x00\x00")[1]


def open_probe(settings: Mapping[str, Any], _clock: Clock) -> Max31865:
    """Make a probe from checked settings."""
    return Max31865(
        settings["bus"], settings["wires"], settings["reference_ohm"], settings["mains_hz"]
    )


def unfit(settings: Mapping[str, Any]) -> str | None:
    """Return why a PT100 that is wired like this may not speak for vaccine."""
    if settings["wires"] == 2:
        return "two wires count as part of the PT100, 1 degC for each 0.39 ohm of them"
    return None
