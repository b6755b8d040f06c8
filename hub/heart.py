"""The hub's heartbeat: what `coldwatch watch`, on another power supply, listens for.

It beats only while every loop that people rely on has moved since the last beat: a hub whose
database hangs takes nothing in and tells nobody, and must not look alive.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from config.clock import Clock

# Five minutes without one is told (design.md, "Alarms"): ten may be missed.
EVERY_MS: Final = 30_000


class Heart:
    """Knows when the next beat is due. Loops tell it that they moved, from their own threads."""

    def __init__(self, clock: Clock, loops: Iterable[str]) -> None:
        """Beat for these loops; whoever calls :meth:`due` is one more."""
        self._clock = clock
        self._loops = frozenset(loops)
        self._since = clock.now_ms()
        self._moved: set[str] = set()
        self._beaten_ms: int | None = None

    def moved(self, loop: str) -> None:
        """Note that a loop has done a round."""
        self._moved.add(loop)

    def asked(self) -> None:
        """Beat as soon as may be: the broker is new, and may have forgotten the last one."""
        self._beaten_ms = None

    def due(self) -> bool:
        """Tell whether it is time for a beat, and every loop has moved since the last one."""
        late = self._beaten_ms is None or self._clock.mono_ms() - self._beaten_ms >= EVERY_MS
        return late and self._loops <= self._moved

    def beat(self, failing: str) -> bytes:
        """Return the message; ``failing`` says why SMS do not get out, empty where they do."""
        self._beaten_ms = self._clock.mono_ms()
        self._moved.clear()
        body = {"v": 1, "at": self._clock.now_ms(), "since": self._since, "failing": failing}
        return json.dumps(body, ensure_ascii=False).encode()
