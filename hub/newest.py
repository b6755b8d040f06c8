"""The newest value of each series, for messages: what intake has just judged, else the history's.

A message must not wait for a store that hangs, and a store that is away is no reason to leave the
value out that has just been judged.
"""

from __future__ import annotations

from typing import Final

from history.port import HistoryUnavailableError
from hub.shield import Store

_MOST: Final = 100_000


class Newest:
    """Intake tells it what it sees; whoever words a message asks. May be used from any thread."""

    def __init__(self, history: Store) -> None:
        """Begin with nothing seen; what came before the hub's start is in the history."""
        self._history = history
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}

    def see(self, site: str, series: str, at: int, value: int) -> None:
        """Note a judged reading; an older one than is known changes nothing."""
        known = self._seen.get((site, series))
        if known is None and len(self._seen) > _MOST:  # a device that invents assets
            self._seen.clear()
        if known is None or known[0] <= at:
            self._seen[site, series] = (at, value)

    def value(self, site: str, series: str, now: int) -> int | None:
        """Return the newest judged value not behind ``now``; None where nothing says it."""
        found = self.reading(site, series, now)
        return found[1] if found is not None else None

    def reading(self, site: str, series: str, now: int) -> tuple[int, int] | None:
        """Return time and value of the newest judged reading not behind ``now``."""
        known = self._seen.get((site, series))
        if known is not None and known[0] <= now:
            return known
        try:
            found = self._history.last_before(site, series, now + 1)
        except HistoryUnavailableError:
            return None
        if found is None or found.reading.value is None:
            return None
        return found.reading.at, found.reading.value

    def span(self, site: str, series: str, start: int, end: int) -> tuple[int, int] | None:
        """Return the lowest and the highest judged value of a time.

        None where there was none, or where the history cannot say it now.
        """
        try:
            # Nothing but extremes is asked for, so how long a reading holds does not matter.
            found = self._history.envelope(
                site, series, start, end, 1, interval_ms=60_000, max_gap_ms=180_000
            )
        except HistoryUnavailableError:
            return None
        lowest = [each.minimum for each in found if each.minimum is not None]
        highest = [each.maximum for each in found if each.maximum is not None]
        return (min(lowest), max(highest)) if lowest and highest else None
