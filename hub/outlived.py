"""The watch on excursions that nothing will ever end: their stream was replaced, or their rule gone.

A card that was replaced begins a new stream. What was open in the old one never closes, and would
call people for ever; what is still wrong opens anew in the new one. An agent's own modem holds it
the same way (firmware_agent/modem_steps.py).
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import Connection, select

from hub.alarms import STALE_MS, Alarm, alarms_open, end
from hub.tables import alarm_excursions, streams
from journal.excursions import excursions

log = logging.getLogger(__name__)

# In a new stream the engine begins anew; what it does not open again by then is over.
REPLACED_MS: Final = 3_600_000
EVERY_MS: Final = 60_000


class OutlivedWatch:
    """Ends the alarms that have outlived what could end them."""

    def __init__(self) -> None:
        self._looked_at: int | None = None
        self._news: list[tuple[Alarm, str]] = []

    def round(self, conn: Connection, now: int) -> int:
        """Look at every open alarm, once a minute; return how many steps were entered."""
        self._news = []
        if self._looked_at is not None and 0 <= now - self._looked_at < EVERY_MS:
            return 0
        self._looked_at = now
        for alarm in alarms_open(conn):
            outlived = _outlived(conn, alarm, now)
            for reason in sorted(set(outlived.values())):
                end(
                    conn,
                    alarm.id,
                    [id_ for id_, why in outlived.items() if why == reason],
                    reason,
                    now,
                )
                self._news.append((alarm, reason))
        return len(self._news)

    def say(self) -> None:
        """Log what the last round has ended; called once that is committed, and not before."""
        for alarm, reason in self._news:
            fields = {"event": "alarm-ended", "alarm": alarm.id, "asset": alarm.asset}
            log.warning(
                "alarm %s of %s has no end: %s", alarm.id, alarm.asset, reason, extra=fields
            )


def _outlived(conn: Connection, alarm: Alarm, now: int) -> dict[str, str]:
    """Return the excursions of an alarm that will never recover by themselves, and why."""
    query = (
        select(
            alarm_excursions.c.excursion,
            alarm_excursions.c.closed_at,
            excursions.c.stream,
            excursions.c.device,
            streams.c.opened_at,
        )
        .join(excursions, excursions.c.id == alarm_excursions.c.excursion)
        .outerjoin(streams, streams.c.stream == excursions.c.stream)
        .where(alarm_excursions.c.alarm == alarm.id, alarm_excursions.c.recovered_at.is_(None))
    )
    found = {}
    for row in conn.execute(query).all():
        if not row.stream:
            continue  # the hub's own watches end what they have begun
        if row.closed_at is not None and now - row.closed_at >= STALE_MS:
            found[row.excursion] = "nothing judges it any more"
            continue
        later = select(streams.c.stream).where(
            streams.c.device == row.device,
            streams.c.opened_at > (row.opened_at or 0),
            streams.c.opened_at <= now - REPLACED_MS,
            streams.c.stream != row.stream,
        )
        if conn.execute(later.limit(1)).first() is not None:
            found[row.excursion] = "its stream was replaced by another"
    return found
