"""Watchmen: what nobody reports. A device that is silent on the hub's own clock is told as lost.

This is not the silence of a probe, which is judged on the stream's own time: two things, two
messages (design.md, "Excursions, exactly").
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from alerts.machine import RECOVERY_MS
from config.hub import HubSettings, Site
from hub.notices import owe
from hub.tables import devices
from journal.excursions import LOST_CONTACT, ExcursionRow, apply_lost_contact, excursions

log = logging.getLogger(__name__)


class ContactWatch:
    """Opens, closes and recovers the lost contact of every device that is set up."""

    def __init__(self, settings: HubSettings, started_at: int) -> None:
        """Begin watching at ``started_at``: while the hub was away it could hear nobody."""
        self._after_ms = settings.lost_contact_after
        self._sites: list[tuple[str, Site]] = [
            (device, site) for site in settings.sites for device in site.devices
        ]
        self._started_at = started_at
        self._news: list[tuple[Literal["device-silent", "device-heard"], str, str]] = []

    def round(self, conn: Connection, now: int) -> int:
        """Judge every device as of now; return how many steps were entered."""
        self._news = []
        heard = {row.device: row for row in conn.execute(select(devices))}
        steps = 0
        for device, site in self._sites:
            steps += self._judge(conn, site, device, heard.get(device), now)
        return steps

    def say(self) -> None:
        """Log what the last round has changed; called once that is committed, and not before."""
        for event, device, site in self._news:
            text = "nothing comes from it any more" if event == "device-silent" else "heard again"
            fields = {"event": event, "device": device, "site": site}
            log.warning("device %s of %s: %s", device, site, text, extra=fields)

    def _judge(
        self, conn: Connection, site: Site, device: str, known: Row[Any] | None, now: int
    ) -> int:
        heard_at = known.heard_at if known is not None else 0
        since = max(heard_at, self._started_at)
        last = _unrecovered(conn, site.id, device)
        if last is not None and last.end is None and heard_at > last.start:
            self._news.append(("device-heard", device, site.id))
            self._enter(conn, "closed", site, device, last, now, heard_at)
            return 1
        if now - since >= self._after_ms:
            if last is None or last.end is not None:
                row = apply_lost_contact(
                    conn, "opened", site=site.id, device=device, since=since,
                    after_ms=self._after_ms, at=now,
                )  # fmt: skip
                self._news.append(("device-silent", device, site.id))
                # A link that comes and goes is one story until it has held for ten minutes.
                if last is None:
                    owe(conn, site, "opened", row, now)
                return 1
            return 0
        if last is not None and last.end is not None and now - last.end >= RECOVERY_MS:
            # The first one last: it is the one that people were told of.
            for row in reversed(_all_unrecovered(conn, site.id, device)):
                recovered = self._enter(conn, "recovered", site, device, row, now, row.end)
                owe(conn, site, "recovered", recovered, now)
            return 1
        return 0

    def _enter(
        self,
        conn: Connection,
        happening: Literal["closed", "recovered"],
        site: Site,
        device: str,
        row: ExcursionRow,
        now: int,
        end: int | None,
    ) -> ExcursionRow:
        return apply_lost_contact(
            conn, happening, site=site.id, device=device,
            since=row.start, after_ms=self._after_ms, at=now, end=end,
        )  # fmt: skip


def _all_unrecovered(conn: Connection, site: str, device: str) -> list[ExcursionRow]:
    query = (
        select(excursions)
        .where(
            excursions.c.kind == LOST_CONTACT,
            excursions.c.site == site,
            excursions.c.device == device,
            excursions.c.recovered_at.is_(None),
        )
        .order_by(excursions.c.start)
    )
    return [ExcursionRow(**row._mapping) for row in conn.execute(query)]  # noqa: SLF001


def _unrecovered(conn: Connection, site: str, device: str) -> ExcursionRow | None:
    rows = _all_unrecovered(conn, site, device)
    return rows[-1] if rows else None
