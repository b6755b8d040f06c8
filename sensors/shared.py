"""One device behind several series: measured once a cycle, and each series takes its part.

An SHT31 or a DHT22 gives temperature and humidity from one conversion. Each series has a probe and
a thread of its own; whoever asks first measures, and the others get the rest of that measurement.
None is given the same measurement twice, so every cycle has a new one, and a failure is shared as
a value is: a device that does not answer is not asked again by each of its series.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sensors.contract import ProbeError, ProbeTransientError, Sample

if TYPE_CHECKING:
    from config.clock import Clock

# A measurement older than this belongs to an earlier cycle: probes are read from every second on.
FRESH_MS = 1_000


class Device(Protocol):
    """What several series share. Only one thread at a time measures."""

    def measure(self) -> Mapping[str, Sample | ProbeError]:
        """Measure once; return a sample of each quantity, or why that one has none.

        Blocks as ``Probe.read``, and raises as it does where there is none at all.
        """

    def close(self) -> None:
        """Release what was opened; calling it twice does no harm."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a device said once: a sample of each quantity, or why there is none."""

    number: int
    ended_ms: int
    samples: Mapping[str, Sample | ProbeError]
    error: ProbeError | None = None


class Shared:
    """A device and its newest measurement."""

    def __init__(self, device: Device, clock: Clock, fresh_ms: int = FRESH_MS) -> None:
        """Hand a measurement on for at most ``fresh_ms``."""
        self._device = device
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._lock = threading.Lock()
        self._newest = Measurement(0, 0, {})

    def after(self, seen: int) -> Measurement:
        """Return the newest measurement behind number ``seen``; measure where none is fresh."""
        with self._lock:
            newest = self._newest
            age_ms = self._clock.mono_ms() - newest.ended_ms
            if newest.number > seen and 0 <= age_ms <= self._fresh_ms:
                return newest
            samples: Mapping[str, Sample | ProbeError] = {}
            failed: ProbeError | None = None
            try:
                samples = self._device.measure()
            except ProbeError as error:
                failed = error
            self._newest = Measurement(newest.number + 1, self._clock.mono_ms(), samples, failed)
            return self._newest

    def close(self) -> None:
        """Close the device."""
        self._device.close()


class SharedProbe:
    """One quantity of a device, as a probe."""

    def __init__(self, shared: Shared, quantity: str) -> None:
        self._shared = shared
        self._quantity = quantity
        self._seen = 0

    def read(self) -> Sample:
        """Return what the device says of this quantity; blocks while another series measures."""
        found = self._shared.after(self._seen)
        self._seen = found.number
        said = found.error or found.samples.get(self._quantity)
        if isinstance(said, ProbeError):
            # One of its own for each thread: a traceback grows where an exception is raised.
            raise type(said)(str(said)) from said
        if said is None:
            raise ProbeTransientError(f"the device gave no {self._quantity}")
        return said

    def close(self) -> None:
        """Close the device; harmless where another series of it was closed before."""
        self._shared.close()


class Devices:
    """The devices that are open, by their settings. One table for each agent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Shared] = {}

    def probe(
        self,
        settings: Mapping[str, Any],
        quantity: str,
        make: Callable[[], Device],
        clock: Clock,
        fresh_ms: int = FRESH_MS,
    ) -> SharedProbe:
        """Return a probe of one quantity; the device is made once for all tables that name it.

        Two tables name one device when they differ in nothing but ``checks``.
        """
        key = json.dumps({k: v for k, v in settings.items() if k != "checks"}, sort_keys=True)
        with self._lock:
            if key not in self._open:
                self._open[key] = Shared(make(), clock, fresh_ms)
            return SharedProbe(self._open[key], quantity)
