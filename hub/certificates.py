"""The watch on calibration: a probe whose certificate is overdue is told once.

People hear of it once, with the certificate and its due day; it is over when the device's settings
bring a certificate that stands. It is told by day: nobody is woken for it. No value is touched by it: an overdue probe goes on measuring, and
what it says goes on being judged.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from alerts.by_day import WAKING_HOURS
from config.hub import HubSettings
from hub.alarms import collect
from hub.notices import owe
from hub.watchmen import unrecovered
from journal.certificates import CertificateRow, in_force
from journal.excursions import CALIBRATION, ExcursionRow, apply_calibration
from protocol.certificate import day_of

log = logging.getLogger(__name__)

# Days pass slowly.
EVERY_MS = 60_000


class CertificateWatch:
    """Opens, and ends, that a probe's certificate is overdue."""

    def __init__(self, settings: HubSettings) -> None:
        """Watch the devices that are set up; one that was taken out has no probes any more."""
        self._sites = {site.id: site for site in settings.sites}
        self._zones = {site.id: ZoneInfo(site.zone) for site in settings.sites}
        self._devices = {(site.id, device) for site in settings.sites for device in site.devices}
        self._news: list[tuple[Literal["calibration-overdue", "calibration-renewed"], ExcursionRow]]
        self._news = []
        self._judged_at: int | None = None

    def round(self, conn: Connection, now: int) -> int:
        """Judge every certificate as of now, once a minute; return how many steps were entered."""
        self._news = []
        if self._judged_at is not None and 0 <= now - self._judged_at < EVERY_MS:
            return 0
        self._judged_at = now
        told = {
            (row.site, row.series): row
            for rows in unrecovered(conn, CALIBRATION).values()
            for row in rows
        }
        # The farthest zone is a day ahead of Greenwich; each site's own day decides below.
        tomorrow = day_of(now, dt.UTC) + dt.timedelta(days=1)
        found = in_force(conn, due_before=tomorrow)
        overdue = {key: each for key, each in found.items() if self._overdue(each, now)}
        for key, row in told.items():
            each = overdue.get(key)
            if each is None or _of(each) != (row.snapshot["certificate"], row.snapshot["due"]):
                self._end(conn, row, now)
            else:
                del overdue[key]
        for each in overdue.values():
            if self._daytime(each.site, now):
                self._open(conn, each, now)
        return len(self._news)

    def say(self) -> None:
        """Log what the last round has changed; called once that is committed, and not before."""
        for event, row in self._news:
            number, due = row.snapshot["certificate"], row.snapshot["due"]
            text = f"certificate {number} was due on {due}; have the probe calibrated"
            if event == "calibration-renewed":
                text = f"certificate {number} is no longer the one in force"
            fields = {
                "event": event, "site": row.site, "device": row.device, "series": row.series,
                "certificate": number, "due": due,
            }  # fmt: skip
            log.warning("calibration of %s at %s: %s", row.series, row.site, text, extra=fields)

    def _overdue(self, each: CertificateRow, now: int) -> bool:
        if (each.site, each.device) not in self._devices:
            return False
        today = day_of(now, self._zones[each.site])
        return each.certificate.standing(today) == "overdue"

    def _daytime(self, site: str, now: int) -> bool:
        """Whether people may be told of it: a due day ends at midnight, and nothing is to be done then."""
        return dt.datetime.fromtimestamp(now / 1000, self._zones[site]).hour in WAKING_HOURS

    def _open(self, conn: Connection, each: CertificateRow, now: int) -> None:
        number, due = _of(each)
        morning = dt.datetime.combine(
            each.certificate.due + dt.timedelta(days=1), dt.time(), self._zones[each.site]
        )
        row = apply_calibration(
            conn, "opened", site=each.site, device=each.device, series=each.series,
            certificate=number, due=due, since=max(0, int(morning.timestamp() * 1000)), found=now,
            at=now,
        )  # fmt: skip
        owe(conn, self._sites[each.site], "opened", row, now)
        self._news.append(("calibration-overdue", row))

    def _end(self, conn: Connection, row: ExcursionRow, now: int) -> None:
        # Nobody is told that it is over: whoever wrote the new certificate knows.
        for happening in ("closed", "recovered"):
            over = apply_calibration(
                conn, happening, site=row.site, device=row.device, series=row.series,
                certificate=row.snapshot["certificate"], due=row.snapshot["due"], since=row.start,
                found=row.opened, at=now,
            )  # fmt: skip
            collect(conn, over, happening)
        self._news.append(("calibration-renewed", row))


def _of(each: CertificateRow) -> tuple[str, str]:
    return each.certificate.number, each.certificate.due.isoformat()
