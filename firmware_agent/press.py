"""A button, from looks at its line to what was meant."""

from __future__ import annotations


class Press:
    """A button: what was meant is known from how long it was held.

    ``down`` comes at once, so that a press can stop what is on. On release ``short``, ``long``
    (3 s and more) or ``very-long`` (10 s and more) follows; behind 30 s it is stuck and means
    nothing. One look alone proves nothing: it may have met a spark from the lamp's ballast. So what
    it saw down only once means nothing on release, and ``sure`` is true at the second look.
    """

    LONG_MS = 3_000
    VERY_LONG_MS = 10_000
    STUCK_MS = 30_000
    # A contact that bounces is shorter.
    LEAST_MS = 40

    def __init__(self) -> None:
        self._since_ms: int | None = None
        self._was: bool | None = None
        self._looks = 0

    @property
    def sure(self) -> bool:
        """Whether the last look was the second one in a row that saw it down; once for a press."""
        return self._looks == 2

    def look(self, now_ms: int, pressed: bool | None) -> str | None:
        """Take a reading in; return ``down``, a length on release, or None."""
        was, self._was = self._was, pressed
        if pressed:
            # Held since before the first look: nobody has pressed it for us.
            if was is False:
                self._since_ms, self._looks = now_ms, 1
                return "down"
            if self._since_ms is not None:
                self._looks += 1
            return None
        since, self._since_ms = self._since_ms, None
        looks, self._looks = self._looks, 0
        if since is None or pressed is None or looks < 2:
            return None
        held = now_ms - since
        if held < self.LEAST_MS or held >= self.STUCK_MS:
            return None
        if held >= self.VERY_LONG_MS:
            return "very-long"
        return "long" if held >= self.LONG_MS else "short"

    def stuck(self, now_ms: int) -> bool:
        """Whether it has been down for longer than anybody means it."""
        return self._since_ms is not None and now_ms - self._since_ms >= self.STUCK_MS
