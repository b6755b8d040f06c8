"""The pulses that feed the hardware timer of the relay (docs/wiring.md).

The timer drops the relay 1.2 to 2 s behind the last rising edge. So pulses are not a habit of some
thread but a statement, made anew in each round: this loop has just read its inputs, and the lamp
may be on. Real time, whatever a demo's clock does: the timer has a clock of its own.

A loop that stood still for a second may find that the timer has dropped. Were it simply to go on,
the lamp would light again without a warning, in a room of which it does not know what happened
meanwhile. So no edge follows on one that is older than LAPSED_S, and the cycle ends.
"""

from __future__ import annotations

# A statement about inputs that are older than this is no longer true enough to be made.
FRESH_S = 0.5
# The shortest hold of the timer, 1.2 s, less the time that a write may take.
LAPSED_S = 1.0


class Pulse:
    """The level of the pulse line: another one in each round. Used by the fast loop alone."""

    def __init__(self) -> None:
        self._level = False
        self._rise_s: float | None = None

    def level(self, relay: bool, read_s: float, now_s: float) -> bool:
        """Return the level to write, given whether the relay is on and when the inputs were read."""
        if not relay:
            self._level, self._rise_s = False, None
        elif now_s - read_s <= FRESH_S and not self.lapsed(now_s):
            self._level = not self._level
            if self._level:
                self._rise_s = now_s
        return self._level

    def lapsed(self, now_s: float) -> bool:
        """Whether the timer may have dropped the relay since the last rising edge."""
        return self._rise_s is not None and now_s - self._rise_s > LAPSED_S
