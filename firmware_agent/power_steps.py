"""What mains and battery say: pure. Times are monotonic milliseconds.

One reading proves nothing: mains are lost, and back, when two readings two seconds apart say so
(the rule `mains` of the profiles has the same two seconds), and the battery is nearly empty when so
many readings in a row say so while the mains are lost. A reading that failed says nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

# As the profiles' rule `mains`: rides over a switch-over and a flicker.
CONFIRM_MS = 2_000

Turn = Literal["", "lost", "back"]


@dataclass(frozen=True, slots=True)
class Mains:
    """Whether there is mains.

    Attributes:
        lost_ms: since when there is none, by the first reading that said so; None while there is.
        turning_ms: the first reading that says otherwise than what counts; None without one.
        known: whether there was a reading yet.
    """

    lost_ms: int | None = None
    turning_ms: int | None = None
    known: bool = False

    def reading(self, present: bool, mono_ms: int) -> tuple[Mains, Turn]:
        """Return the state after a valid reading, and what turned with it."""
        if not self.known and present:
            return Mains(known=True), ""
        if present == (self.lost_ms is None):
            return replace(self, turning_ms=None, known=True), ""
        if self.turning_ms is None:
            return replace(self, turning_ms=mono_ms, known=True), ""
        if mono_ms - self.turning_ms < CONFIRM_MS:
            return self, ""
        if present:
            return Mains(known=True), "back"
        return Mains(lost_ms=self.turning_ms, known=True), "lost"

    def confirm_in(self, now_ms: int) -> int | None:
        """Return the milliseconds until another reading can settle it; None where nothing turns."""
        if self.turning_ms is None:
            return None
        return max(0, self.turning_ms + CONFIRM_MS - now_ms)


@dataclass(frozen=True, slots=True)
class Battery:
    """How many readings in a row say that it is nearly empty."""

    low: int = 0

    def reading(self, value: int, end_below: int, *, mains_lost: bool) -> Battery:
        """Return the state after a valid reading. With mains it is being charged, however low."""
        return Battery(self.low + 1 if mains_lost and value < end_below else 0)
