"""The one place where time comes from.

A demo may run faster: agents, hub and story are separate processes and share one clock by
sharing its definition in the environment variable COLDWATCH_CLOCK, ``<real_ms>,<simulated_ms>,<speed>``:
at real time ``real_ms`` it was ``simulated_ms``, and since then time passes ``speed`` times as fast.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ENVIRONMENT = "COLDWATCH_CLOCK"


class Clock(Protocol):
    """Wall time, monotonic time and waiting; everything that waits or stamps uses it."""

    @property
    def speed(self) -> float:
        """How many seconds of this clock pass in a real second."""

    def now_ms(self) -> int:
        """Return UTC, milliseconds since 1970."""

    def mono_ms(self) -> int:
        """Return milliseconds since boot, running on through suspend (CLOCK_BOOTTIME)."""

    def wait(self, event: threading.Event, timeout_ms: float) -> bool:
        """Wait until the event is set (True) or ``timeout_ms`` of this clock have passed (False)."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own clocks."""

    speed: float = 1.0

    def now_ms(self) -> int:
        """Return UTC, milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def mono_ms(self) -> int:
        """Return CLOCK_BOOTTIME in milliseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def wait(self, event: threading.Event, timeout_ms: float) -> bool:
        """Wait on the event for at most ``timeout_ms``."""
        return event.wait(max(0.0, timeout_ms) / 1000)


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A clock that runs ``speed`` times as fast as the machine's, the same in every process."""

    real_ms: int
    simulated_ms: int
    speed: float

    def now_ms(self) -> int:
        """Return simulated UTC, milliseconds since 1970."""
        elapsed = time.time_ns() / 1_000_000 - self.real_ms
        return self.simulated_ms + int(elapsed * self.speed)

    def mono_ms(self) -> int:
        """Return simulated milliseconds since boot."""
        return int(time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1_000_000 * self.speed)

    def wait(self, event: threading.Event, timeout_ms: float) -> bool:
        """Wait on the event for at most ``timeout_ms`` of simulated time."""
        return event.wait(max(0.0, timeout_ms) / 1000 / self.speed)

    def environment(self) -> str:
        """Return the text for COLDWATCH_CLOCK that makes other processes share this clock."""
        return f"{self.real_ms},{self.simulated_ms},{self.speed}"


def clock_from_environment() -> Clock:
    """Return the clock that this process was given: the system's unless COLDWATCH_CLOCK is set.

    Raises ValueError when the variable is set to something else than three numbers.
    """
    text = os.environ.get(ENVIRONMENT)
    if not text:
        return SystemClock()
    try:
        real, simulated, speed = text.split(",")
        clock = ScaledClock(int(real), int(simulated), float(speed))
    except ValueError:
        raise ValueError(f'{ENVIRONMENT}={text!r}: write "real_ms,simulated_ms,speed"') from None
    if clock.speed <= 0:
        raise ValueError(f"{ENVIRONMENT}: the speed must be positive")
    return clock


def boot_id() -> str:
    """Return the kernel's id of this boot, 32 hexadecimal digits."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
