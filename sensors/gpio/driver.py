"""A contact on a GPIO line: door, mains, button, presence. Every change of it is given.

It is a ChangesProbe (sensors/contract.py): a thread looks at the line between the cycles
(sensors/gpio/watcher.py), and the cycle gets each change with the time at which it happened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from protocol.reading import OK
from sensors.contract import Probe, ProbeFaultError, ProbeTransientError, Range, Sample, Spec
from sensors.gpio.contact import Contact
from sensors.gpio.port import GpioError, Pull
from sensors.gpio.watcher import Watched, watcher

if TYPE_CHECKING:
    from config.clock import Clock

_SWITCH: Final = Range(low=0, high=1_000, step=1_000)

SPEC: Final = Spec(
    kind="gpio",
    ranges={"open": _SWITCH, "on": _SWITCH, "present": _SWITCH, "occupied": _SWITCH},
    least_spacing_ms=0,
    may_decide=False,
    source="a contact is one thing or the other; levels of the header: 0 V and 3.3 V",
)

FLAPPING: Final = "suspect:flapping"


class Watching(Protocol):
    """Where a probe gets its levels from."""

    def attach(self, watched: Watched) -> None:
        """Show it a level now, and from then on; raise GpioError."""

    def detach(self, watched: Watched) -> None:
        """Show it no more."""


class GpioProbe:
    """One contact."""

    def __init__(
        self, settings: Mapping[str, Any], clock: Clock, watching: Watching | None = None
    ) -> None:
        """Watch the line of checked settings, from the first question on."""
        self.line: int = settings["line"]
        self.pull: Pull = settings["pull"]
        self._active: bool = not settings["active_low"]
        self._debounce_ms: int = settings["debounce"]
        self._most_per_min: int = settings["most_per_min"]
        self._clock = clock
        self._watching = watching or watcher(settings["port"], clock)
        self._lock = threading.Lock()
        self._attached = False
        self._contact: Contact | None = None
        self._lost: str | None = None
        self._problem: str | None = None
        self._wake: Callable[[], None] = _nobody

    # --- asked by the sampler ---

    def read(self) -> Sample:
        """Return how the contact is; its changes are kept for :meth:`changes`."""
        contact = self._watched()
        with self._lock:
            now_ms = self._clock.mono_ms()
            return self._sample(contact.level, flapping=contact.flapping(now_ms))

    def changes(self) -> list[tuple[int, Sample]]:
        """Return each change since the last call, and behind them how the contact is now."""
        contact = self._watched()
        with self._lock:
            taken = contact.take(self._clock.mono_ms())
            self._problem = (
                f"GPIO line {self.line} flaps: more than {self._most_per_min} changes in a minute, "
                "or never steady; look at plug and wire. What it says is marked as suspect"
                if taken.flapping
                else None
            )
        rows = [(at, self._sample(level)) for at, level in taken.changes]
        return [*rows, (taken.now.mono_ms, self._sample(taken.now.level, flapping=taken.flapping))]

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` at each change that is to be handed out."""
        self._wake = wake

    @property
    def problem(self) -> str | None:
        """What a person should look at, as of the last :meth:`changes`."""
        return self._problem

    def close(self) -> None:
        """Give the line back."""
        self._attached = False
        self._watching.detach(self)

    # --- told by the watcher ---

    def see(self, level: bool, mono_ms: int) -> None:
        """Take the level of now."""
        with self._lock:
            self._lost = None
            if self._contact is None:
                self._contact = Contact(self._debounce_ms, self._most_per_min, level, mono_ms)
                return
            changed = self._contact.see(level, mono_ms)
        if changed:
            self._wake()

    def lost(self, problem: str) -> None:
        """Take that the line cannot be read."""
        with self._lock:
            self._lost = problem

    def _watched(self) -> Contact:
        """Return the contact; the line is claimed at the first question, or at the next one."""
        if not self._attached:
            try:
                self._watching.attach(self)
            except GpioError as error:
                raise ProbeFaultError(str(error)) from None
            self._attached = True
        with self._lock:
            if self._lost is not None:
                raise ProbeTransientError(self._lost)
            assert self._contact is not None
            return self._contact

    def _sample(self, level: bool, *, flapping: bool = False) -> Sample:
        return Sample(1_000 if level == self._active else 0, FLAPPING if flapping else OK)


def _nobody() -> None:
    """Nobody wants to be woken."""


def open_probe(settings: Mapping[str, Any], clock: Clock) -> Probe:
    """Make a probe from checked settings."""
    return GpioProbe(settings, clock)
