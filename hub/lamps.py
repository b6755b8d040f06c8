"""The watch on UV lamps: what a device says of a lamp that somebody must see to is told once.

A relay that has welded is told at once, by night as well: the lamp cannot be put out, and UV-C burns
eyes and skin. Everything else is told by day. It is over when the device says so: its faults are
looked into (`reset`), the tube is replaced or wiped, a cycle reaches its intensity again.

The devices' events are in the journal (``device.lamp.…``, hub/intake.py). What counts is when the
device says that it was: an event that comes late ends nothing that began after it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from alerts.by_day import WAKING_HOURS
from config.hub import HubSettings
from hub.notices import owe
from hub.watchmen import unrecovered
from journal.excursions import LAMP, ExcursionRow, apply_lamp
from journal.journal import Entry, entries

log = logging.getLogger(__name__)

FAMILY: Final = "device.lamp."
# Nobody can put it out: told at once. The other faults keep the lamp off, which harms nobody by night.
AT_ONCE: Final = frozenset({"relay-welded"})
# Faults that stay until a person has looked into them (firmware_agent/lamp/machine.py).
_LATCHED: Final = frozenset({"relay-welded", "lamp-dark", "lines-unwritable"})
# Which later event ends which warning (firmware_agent/lamp/book.py).
_WARNINGS: Final[Mapping[str, frozenset[str]]] = {
    "wipe-due": frozenset({"wiped"}),
    "hours": frozenset({"replaced"}),
    "intensity": frozenset({"replaced", "cycle"}),
}
EVERY_MS: Final = 60_000


class Trouble(NamedTuple):
    """What a device said of a lamp: entry and device's clock."""

    entry: int
    at: int
    device: str


class LampWatch:
    """Opens, and ends, that a UV lamp needs somebody."""

    def __init__(self, settings: HubSettings) -> None:
        """Watch the devices that are set up; the journal is read from its beginning once."""
        self._sites = {site.id: site for site in settings.sites}
        self._zones = {site.id: ZoneInfo(site.zone) for site in settings.sites}
        self._devices = {(site.id, device) for site in settings.sites for device in site.devices}
        # (site, lamp, cause) -> the trouble, and when the device last said that it is none.
        self._troubles: dict[tuple[str, str, str], Trouble] = {}
        self._ended: dict[tuple[str, str, str], int] = {}
        self._position = 0
        self._judged_at: int | None = None
        self._news: list[tuple[Literal["lamp-trouble", "lamp-seen-to"], ExcursionRow]] = []

    def round(self, conn: Connection, now: int) -> int:
        """Judge every lamp as of now; return how many steps were entered."""
        self._news = []
        new = False
        for entry in entries(conn, types=FAMILY, after=self._position):
            self._position = entry.position
            self._take(entry)
            new = True
        early = self._judged_at is not None and 0 <= now - self._judged_at < EVERY_MS
        if early and not new:
            return 0
        self._judged_at = now
        told = {
            (row.site, row.asset.partition("/")[2], row.snapshot["cause"]): row
            for rows in unrecovered(conn, LAMP).values()
            for row in rows
        }
        for key, row in told.items():
            if key not in self._troubles:
                self._end(conn, row, now)
        for key, trouble in self._troubles.items():
            site, _, cause = key
            watched = (site, trouble.device) in self._devices and key not in told
            if watched and (cause in AT_ONCE or self._daytime(site, now)):
                self._open(conn, key, trouble, now)
        return len(self._news)

    def say(self) -> None:
        """Log what the last round has changed; called once that is committed, and not before."""
        for event, row in self._news:
            cause = row.snapshot["cause"]
            text = cause if event == "lamp-trouble" else f"{cause} no longer"
            fields = {"event": event, "site": row.site, "device": row.device, "cause": cause}
            log.warning("lamp %s: %s", row.asset, text, extra=fields)

    def _take(self, entry: Entry) -> None:
        """Bring what is known up to one more event; a device may write what it likes."""
        what = entry.type.removeprefix(FAMILY)
        said, at, device = (entry.body.get(key) for key in ("body", "at", "device"))
        site, _, lamp = entry.subject.partition("/")
        if not isinstance(said, dict) or type(at) is not int or not isinstance(device, str):
            return
        if what == "fault":
            self._begin(
                site, lamp, said.get("fault"), _LATCHED, Trouble(entry.position, at, device)
            )
        elif what == "warning":
            trouble = Trouble(entry.position, at, device)
            self._begin(site, lamp, said.get("warning"), frozenset(_WARNINGS), trouble)
        elif what in {"reset", "replaced"}:
            for cause in _LATCHED - _still(said):
                self._over((site, lamp, cause), at)
        if what != "cycle" or said.get("low") is False:
            for cause, enders in _WARNINGS.items():
                if what in enders:
                    self._over((site, lamp, cause), at)

    def _begin(
        self, site: str, lamp: str, cause: Any, known: frozenset[str], trouble: Trouble
    ) -> None:
        if not isinstance(cause, str) or cause not in known:
            return
        key = (site, lamp, cause)
        if trouble.at > self._ended.get(key, -1):
            self._troubles.setdefault(key, trouble)

    def _over(self, key: tuple[str, str, str], at: int) -> None:
        self._ended[key] = max(at, self._ended.get(key, at))
        trouble = self._troubles.get(key)
        if trouble is not None and trouble.at <= at:
            del self._troubles[key]

    def _daytime(self, site: str, now: int) -> bool:
        return dt.datetime.fromtimestamp(now / 1000, self._zones[site]).hour in WAKING_HOURS

    def _open(
        self, conn: Connection, key: tuple[str, str, str], trouble: Trouble, now: int
    ) -> None:
        site, lamp, cause = key
        row = apply_lamp(
            conn, "opened", site=site, device=trouble.device, lamp=lamp, cause=cause,
            entry=trouble.entry, since=trouble.at, at=now,
        )  # fmt: skip
        owe(conn, self._sites[site], "opened", row, now)
        self._news.append(("lamp-trouble", row))

    def _end(self, conn: Connection, row: ExcursionRow, now: int) -> None:
        cause = row.snapshot["cause"]
        for happening in ("closed", "recovered"):
            over = apply_lamp(
                conn, happening, site=row.site, device=row.device,
                lamp=row.asset.partition("/")[2], cause=cause, entry=row.snapshot["entry"],
                since=row.start, at=now,
            )  # fmt: skip
            # Of the rest, whoever wiped the lamp or replaced its tube knows.
            if cause in AT_ONCE and row.site in self._sites:
                owe(conn, self._sites[row.site], happening, over, now)
        self._news.append(("lamp-seen-to", row))


def _still(said: Mapping[str, Any]) -> frozenset[str]:
    """Return the faults that a device finds again although somebody has looked into them."""
    still = said.get("still", "")
    return frozenset(still.split(",")) if isinstance(still, str) else frozenset()
