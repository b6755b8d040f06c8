"""The pulses that feed the hardware timer of the relay (docs/wiring.md).

The timer drops the relay within 2 s of the last pulse. So pulses are not a habit of some thread
but a statement, made anew each time: this loop has just read its inputs, and the lamp may be on.
Real time, whatever a demo's clock does: the timer has a clock of its own.
"""

from __future__ import annotations

# A rising edge each 500 ms: the timer may miss two and still be fed.
EVERY_S = 0.25
# A statement about inputs that are older than this is no longer true enough to be made.
FRESH_S = 0.5
# A loop that stood still for longer does not know what happened meanwhile; the timer has dropped.
STALLED_S = 1.5


class Pulse:
    """The level of the pulse line. Used by the fast loop alone."""

    def __init__(self) -> None:
        self._level = False
        self._changed_s: float | None = None

    def level(self, relay: bool, read_s: float, now_s: float) -> bool:
        """Return the level to write, given whether the relay is on and when the inputs were read."""
        if not relay:
            self._level, self._changed_s = False, None
        elif now_s - read_s <= FRESH_S and (
            self._changed_s is None or now_s - self._changed_s >= EVERY_S
        ):
            self._level = not self._level
            self._changed_s = now_s
        return self._level
