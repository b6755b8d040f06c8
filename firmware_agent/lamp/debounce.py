"""From a level to a yes that can be relied on: a no counts at once, a yes only when it is stable."""

from __future__ import annotations


class Settled:
    """One contact. Yes (shut, nobody there) must last; no (open, somebody) needs one look.

    The asymmetry is the point: a bouncing contact that closes gives a late yes, and one that opens
    a quick no. A line that cannot be read is neither, and a yes must prove itself anew behind it.
    """

    def __init__(self, stable_ms: int) -> None:
        """Believe a yes when it has been seen at every look for so long."""
        self._stable_ms = stable_ms
        self._since_ms: int | None = None

    def look(self, now_ms: int, yes: bool | None) -> bool | None:
        """Take a reading in; return yes, no, or None where the line is unreadable."""
        if yes is not True:
            self._since_ms = None
            return yes
        if self._since_ms is None:
            self._since_ms = now_ms
        return now_ms - self._since_ms >= self._stable_ms
