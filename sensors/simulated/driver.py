"""A probe for laptops, demos and tests.

Two modes. With ``path`` it says what a file says: one whole number, thousandths of the unit,
written by a simulator that replaces the file atomically. An absent file is an unplugged probe.
Without, it follows a formula that depends on nothing but the time, so that two agents at the
same time read the same value, and a test knows it beforehand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sensors.contract import (
    Limits,
    NoDataError,
    Probe,
    ProbeFaultError,
    ProbeTransientError,
    Range,
    Sample,
    Spec,
)

if TYPE_CHECKING:
    from config.clock import Clock

_SWITCH: Final = Range(low=0, high=1_000, step=1_000)

SPEC: Final = Spec(
    kind="simulated",
    ranges={
        # It stands in for any probe, so it may show what a whole range of probes can.
        "temperature": Range(
            low=-200_000,
            high=850_000,
            step=1,
            limits=Limits(
                plausible=(-100_000, 60_000),
                stuck_after_ms=6 * 3_600_000,
                too_fast_per_min=10_000,
            ),
        ),
        "humidity": Range(low=0, high=100_000, step=1),
        "open": _SWITCH,
        "present": _SWITCH,
        "occupied": _SWITCH,
        "on": _SWITCH,
        "voltage": Range(low=0, high=500_000, step=1),
        "current": Range(low=0, high=100_000, step=1),
        "charge": Range(low=0, high=100_000, step=1),
        "intensity": Range(low=0, high=1_000_000, step=1),
    },
    least_spacing_ms=0,
    # So that a trial shows the whole way, holds included. Its name stands in the settings file.
    may_decide=True,
    source="none: it measures nothing",
)

_WHOLE_NUMBER: Final = re.compile(rb"-?[0-9]{1,9}")
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class SimulatedFile:
    """Says what a file says."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        """Follow the file at ``path``."""
        self._path = path

    def read(self) -> Sample:
        """Return the number in the file."""
        try:
            text = self._path.read_bytes().strip()
        except (FileNotFoundError, NotADirectoryError):
            raise NoDataError(f"{self._path} is absent: the simulated probe is unplugged") from None
        except PermissionError:
            raise ProbeFaultError(
                f"{self._path} may not be read; let the agent's user read it"
            ) from None
        except OSError as error:
            raise ProbeTransientError(f"{self._path}: {error.strerror}") from error
        if _WHOLE_NUMBER.fullmatch(text) is None:
            raise ProbeTransientError(
                f"{self._path} holds {text[:40]!r}; write one whole number of thousandths"
            )
        return Sample(int(text))

    def close(self) -> None:
        """Nothing is open."""


class SimulatedFormula:
    """Says what a formula of the time says."""

    __slots__ = ("_amplitude", "_clock", "_mean", "_noise", "_period_ms", "_seed")

    def __init__(self, settings: Mapping[str, Any], clock: Clock) -> None:
        """Follow the checked settings; thousandths and milliseconds."""
        self._clock = clock
        self._mean: int = settings["mean"]
        self._amplitude: int = settings["amplitude"]
        self._period_ms: int = settings["period"]
        self._noise: int = settings["noise"]
        self._seed: int = settings["seed"]

    def read(self) -> Sample:
        """Return the value of this moment."""
        return Sample(self.value(self._clock.now_ms()))

    def value(self, now_ms: int) -> int:
        """Return thousandths at a time: the same for the same time, whoever asks."""
        phase = now_ms % self._period_ms / self._period_ms
        swing = self._amplitude * math.sin(2 * math.pi * phase)
        return self._mean + round(swing + self._noise * self._chance(now_ms))

    def close(self) -> None:
        """Nothing is open."""

    def _chance(self, now_ms: int) -> float:
        """Return a number from -1 to 1 that looks random and depends on seed and time only."""
        # SplitMix64 (Steele, Lea, Flood 2014): cheaper than seeding a generator for one number.
        mixed = (now_ms + (self._seed << 44) + 0x9E37_79B9_7F4A_7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
        return (mixed ^ (mixed >> 31)) / (_MASK / 2) - 1


def open_probe(settings: Mapping[str, Any], clock: Clock) -> Probe:
    """Make a probe from checked settings."""
    path = settings["path"]
    return SimulatedFormula(settings, clock) if path is None else SimulatedFile(Path(path))
