"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading


class HandClock:
    """Implements config.clock.Clock; time passes only by ``pass_ms``."""

    speed = 1.0

    def __init__(self, now_ms: int = 1_719_792_000_000, mono_ms: int = 5_000_000) -> None:
        self._now_ms = now_ms
        self._mono_ms = mono_ms

    def now_ms(self) -> int:
        """Return UTC, milliseconds since 1970."""
        return self._now_ms

    def mono_ms(self) -> int:
        """Return milliseconds since boot."""
        return self._mono_ms

    def wait(self, event: threading.Event, timeout_ms: float) -> bool:
        """Let the time pass at once."""
        self.pass_ms(int(timeout_ms))
        return event.is_set()

    def pass_ms(self, milliseconds: int) -> None:
        """Move both clocks on."""
        self._now_ms += milliseconds
        self._mono_ms += milliseconds
