"""The watch on the chains of people: whether a site's first step reaches as many as its rules demand.

Which profiles watch a site is chosen in its agents' settings, and comes with their streams; so it
can only be held against the hub's settings when they have come. A hub.toml that names the profiles
itself (`profiles` of an asset) is refused already where it is short.
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import Connection, func, select

from config.escalation import FIRST_STEP_NUMBERS
from config.hub import HubSettings
from hub.tables import streams
from journal import journal

log = logging.getLogger(__name__)

SHORT: Final = "site.short"
ENOUGH: Final = "site.enough"
# Settings change seldom.
EVERY_MS: Final = 60_000


class LineupWatch:
    """Enters, and logs once, that a site's first step is short, and that it no longer is."""

    def __init__(self, settings: HubSettings) -> None:
        """Judge by these settings; another hub begins with others."""
        self._settings = settings
        self._judged_at: int | None = None
        self._news: list[tuple[str, str]] = []

    def round(self, conn: Connection, now: int) -> int:
        """Judge every site, once a minute; return how many steps were entered."""
        self._news = []
        if self._judged_at is not None and 0 <= now - self._judged_at < EVERY_MS:
            return 0
        self._judged_at = now
        watched = self._watched(conn)
        for site in self._settings.sites:
            words = [self._settings.short_of(site, name) for name in watched.get(site.id, ())]
            short = "; ".join(each for each in words if each)
            newest = next(
                journal.entries(conn, types="site.", subject=site.id, newest_first=True, limit=1),
                None,
            )
            before = str(newest.body["text"]) if newest is not None and newest.type == SHORT else ""
            if short != before:
                journal.append(
                    conn, at=now, actor="hub", type=SHORT if short else ENOUGH, subject=site.id,
                    body={"text": short},
                )  # fmt: skip
                self._news.append((site.id, short))
        return len(self._news)

    def say(self) -> None:
        """Log what the last round has changed; called once that is committed, and not before."""
        for site, short in self._news:
            event = "site-short" if short else "site-enough"
            text = short or f"the first step of site {site} reaches enough people again"
            log.warning("%s", text, extra={"event": event, "site": site})

    def _watched(self, conn: Connection) -> dict[str, list[str]]:
        """Return the profiles with a demand by the sites that they watch, as of the newest streams."""
        newest = (
            select(streams.c.device, func.max(streams.c.opened_at).label("at"))
            .group_by(streams.c.device)
            .subquery()
        )
        query = select(streams.c.site, streams.c.watches).join(
            newest, (streams.c.device == newest.c.device) & (streams.c.opened_at == newest.c.at)
        )
        found: dict[str, set[str]] = {}
        for site, rules in conn.execute(query):
            # As rules are spelt there: "cn-gsp/out-of-range".
            names = {name for name in FIRST_STEP_NUMBERS if f'"{name}/' in rules}
            found.setdefault(site, set()).update(names)
        return {site: sorted(names) for site, names in found.items()}
