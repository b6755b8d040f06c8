"""Watchmen: what no engine judges. Both are told through the outbox as an excursion is.

A device that is silent on the hub's own clock is told as lost. This is not the silence of a probe,
which is judged on the stream's own time: two things, two messages (design.md, "Excursions,
exactly"). A device that speaks for a site that is not its own, or uses another's stream, is told
where it belongs, for its readings are not taken.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, select

from alerts.machine import RECOVERY_MS
from config.hub import HubSettings, Site
from hub.notices import owe
from hub.tables import claims, devices
from journal.excursions import (
    LOST_CONTACT,
    MISPLACED,
    ExcursionRow,
    apply_lost_contact,
    apply_misplaced,
    excursions,
)

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
        under_way = unrecovered(conn, LOST_CONTACT)
        steps = 0
        for device, site in self._sites:
            rows = under_way.get((site.id, device), [])
            steps += self._judge(conn, site, device, heard.get(device), rows, now)
        return steps

    def say(self) -> None:
        """Log what the last round has changed; called once that is committed, and not before."""
        for event, device, site in self._news:
            text = "nothing comes from it any more" if event == "device-silent" else "heard again"
            fields = {"event": event, "device": device, "site": site}
            log.warning("device %s of %s: %s", device, site, text, extra=fields)

    def _judge(
        self,
        conn: Connection,
        site: Site,
        device: str,
        known: Row[Any] | None,
        rows: list[ExcursionRow],
        now: int,
    ) -> int:
        heard_at = known.heard_at if known is not None else 0
        since = max(heard_at, self._started_at)
        last = rows[-1] if rows else None
        if last is not None and last.end is None and heard_at > last.start:
            self._news.append(("device-heard", device, site.id))
            closed = self._enter(conn, "closed", site, device, last, now, heard_at)
            owe(conn, site, "closed", closed, now)
            return 1
        if now - since >= self._after_ms:
            if last is None or last.end is not None:
                row = apply_lost_contact(
                    conn, "opened", site=site.id, device=device, since=since,
                    after_ms=self._after_ms, at=now,
                )  # fmt: skip
                self._news.append(("device-silent", device, site.id))
                owe(conn, site, "opened", row, now)
                return 1
            return 0
        if last is not None and last.end is not None and now - last.end >= RECOVERY_MS:
            # The first one last: it is the one that people were told of.
            for row in reversed(rows):
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


class PlaceWatch:
    """Opens, and ends, that a device speaks for another site or in another's stream.

    It is over when the device speaks for itself, and has not for ten minutes claimed anything else.
    """

    def __init__(self, settings: HubSettings) -> None:
        """Know where each device belongs."""
        self._sites = {site.id: site for site in settings.sites}
        self._site_of = {device: site for site in settings.sites for device in site.devices}
        self._news: list[tuple[Literal["device-misplaced", "device-placed"], ExcursionRow]] = []

    def round(self, conn: Connection, now: int) -> int:
        """Judge every device that claimed something; return how many steps were entered."""
        self._news = []
        claimed = conn.execute(select(claims)).all()
        if not claimed:
            return 0
        heard = {row.device: row.heard_at for row in conn.execute(select(devices))}
        under_way = {device: rows for (_, device), rows in unrecovered(conn, MISPLACED).items()}
        steps = 0
        for claim in claimed:
            rows = under_way.get(claim.device, [])
            spoke_truly = heard.get(claim.device, 0) > claim.last_at
            if spoke_truly and now - claim.last_at >= RECOVERY_MS:
                for row in rows:
                    self._end(conn, row, claim.last_at, now)
                conn.execute(delete(claims).where(claims.c.device == claim.device))
                steps += 1
            elif not rows and claim.device in self._site_of:
                self._open(conn, claim, now)
                steps += 1
        return steps

    def say(self) -> None:
        """Log what the last round has changed; called once that is committed, and not before."""
        for event, row in self._news:
            claim = row.snapshot["claim"]
            site = row.snapshot["cause"] == "site"
            text = f"speaks for site {claim}" if site else f"sends as device {claim}"
            text += ": its readings are not taken, check its settings"
            if event == "device-placed":
                text = "speaks for itself again"
            fields = {"event": event, "device": row.device, "site": row.site}
            log.warning("device %s of %s: %s", row.device, row.site, text, extra=fields)

    def _open(self, conn: Connection, claim: Row[Any], now: int) -> None:
        site = self._site_of[claim.device]
        row = apply_misplaced(
            conn, "opened", site=site.id, device=claim.device, since=claim.last_at,
            cause=claim.cause, claim=claim.claim, at=now,
        )  # fmt: skip
        owe(conn, site, "opened", row, now)
        self._news.append(("device-misplaced", row))

    def _end(self, conn: Connection, row: ExcursionRow, last_at: int, now: int) -> None:
        for happening in ("closed", "recovered"):
            over = apply_misplaced(
                conn, happening, site=row.site, device=row.device, since=row.start,
                cause=row.snapshot["cause"], claim=row.snapshot["claim"],
                at=now, end=max(last_at, row.start),
            )  # fmt: skip
            if row.site in self._sites:
                owe(conn, self._sites[row.site], happening, over, now)
        self._news.append(("device-placed", row))


def unrecovered(conn: Connection, kind: str) -> dict[tuple[str, str], list[ExcursionRow]]:
    """Return what is not over of this kind, oldest first, by (site, device)."""
    query = (
        select(excursions)
        .where(excursions.c.kind == kind, excursions.c.recovered_at.is_(None))
        .order_by(excursions.c.start)
    )
    found: dict[tuple[str, str], list[ExcursionRow]] = {}
    for row in conn.execute(query):
        each = ExcursionRow(**row._mapping)  # noqa: SLF001 - its public name
        found.setdefault((each.site, each.device), []).append(each)
    return found
