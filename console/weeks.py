"""How each asset spent its last week, worked out once a minute and not with every look.

A week is ten thousand readings of each point; the overview is asked for every few seconds. What
is up to a minute old changes a week's shares by a ten-thousandth.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from config.clock import Clock
from console.models import Shares
from console.shares import shares_of
from history.port import History
from ledger.exposure import Assets

WEEK_MS: Final = 7 * 86_400_000

_LASTS_MS: Final = 60_000


class Weeks:
    """Remembers shares by asset; may be used from any thread."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing remembered."""
        self._clock = clock
        self._known: dict[str, tuple[int, Shares]] = {}

    def shares(
        self, conn: Connection, history: History, key: str, *, begins: int, now: int
    ) -> Shares:
        """Return how ``site/asset`` spent the week before ``now``, or the time since ``begins``."""
        mono = self._clock.mono_ms()
        made, shares = self._known.get(key, (mono, None))
        if shares is not None and 0 <= mono - made < _LASTS_MS:
            return shares
        start = max(begins, now - WEEK_MS)
        assets = Assets(conn, history)
        assets.need(key, [start, now])
        shares = shares_of(assets.between(key, start, now))
        self._known[key] = (mono, shares)
        return shares
