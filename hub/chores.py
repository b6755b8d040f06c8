"""What is told although nothing has happened: the daily "all well", and the monthly test of the way.

Silence must never be mistaken for safety (design.md, "Alarms"). Both come once, at the chosen time
of day by the site's clock, also over restarts: the notices themselves say that it was done. A hub
that was away at that time does it when it is back on the same day; the test, in the same month.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, select

from config.hub import HubSettings, Site
from hub.chains import Chains
from hub.owing import id_of, is_owed, owe
from hub.tables import notices
from journal.database import read, write

ALL_WELL = "all-well"
WAY_TEST = "way-test"
# Often enough for a time of day.
EVERY_MS = 10_000


class Chores:
    """Owes what the clock alone makes due. Used by one thread only."""

    def __init__(
        self, settings: HubSettings, database: Engine, chains: Chains, channels: Iterable[str]
    ) -> None:
        self._settings = settings
        self._database = database
        self._chains = chains
        self._channels = list(channels)
        self._looked_at: int | None = None
        # What was found done or did: it need not be looked up again.
        self._done: set[str] = set()

    def round(self, now: int) -> int:
        """Owe what is due by now; return how many notices that made."""
        if self._looked_at is not None and 0 <= now - self._looked_at < EVERY_MS:
            return 0
        self._looked_at = now
        due = [each for each in self._due(now) if each[0] not in self._done]
        if not due:
            return 0
        made = 0
        with read(self._database) as conn:
            there = {id_ for id_, *_ in due if is_owed(conn, id_)}
        for id_, happening, site in due:
            if id_ not in there:
                with write(self._database) as conn:
                    if happening == ALL_WELL:
                        made += self._all_well(conn, id_, site, now)
                    else:
                        made += self._way_test(conn, id_, site, now)
            self._done.add(id_)
        return made

    def _due(self, now: int) -> Iterable[tuple[str, str, Site]]:
        for site in self._settings.sites:
            local = dt.datetime.fromtimestamp(now / 1000, self._chains.zone(site.id))
            minute = local.hour * 60 + local.minute
            if site.all_well is not None and minute >= site.all_well:
                yield id_of(ALL_WELL, site.id, local.date().isoformat()), ALL_WELL, site
            at = self._settings.way_test
            if at is not None and minute >= at:
                yield id_of(WAY_TEST, site.id, f"{local:%Y-%m}"), WAY_TEST, site

    def _all_well(self, conn: Connection, id_: str, site: Site, now: int) -> int:
        """Tell those who would be told of an alarm now."""
        people = self._chains.people(site.id, (0,), now)
        for person in people:
            owe(conn, id_, ALL_WELL, person, now, site=site.id)
        return len(people)

    def _way_test(self, conn: Connection, id_: str, site: Site, now: int) -> int:
        """Test the way to everybody of a site's chain, once a month and person.

        By the channel that would carry an alarm; the others are each tested with one person.
        """
        month = f"{dt.datetime.fromtimestamp(now / 1000, self._chains.zone(site.id)):%Y-%m}"
        begun = now - 31 * 86_400_000
        made = 0
        people = self._chains.everybody(site.id)
        for person in people:
            tested = select(notices.c.id).where(
                notices.c.happening == WAY_TEST,
                notices.c.person == person,
                notices.c.step == month,
                notices.c.created_at > begun,
            )
            if conn.execute(tested.limit(1)).first() is None:
                owe(conn, id_, WAY_TEST, person, now, step=month, site=site.id)
                made += 1
        for channel in self._channels[1:]:
            step = f"{month} {channel}"
            tested = select(notices.c.id).where(
                notices.c.happening == WAY_TEST, notices.c.step == step
            )
            if people and conn.execute(tested.limit(1)).first() is None:
                owe(conn, id_, WAY_TEST, people[0], now, step=step, site=site.id, channels=channel)
                made += 1
        return made
