"""Asking a hub how it is, from another process: the running one itself, and its books in any case."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from config.hub import HubSettings
from config.loopback import fetch
from hub.health import HEALTH, Books, Health, books_of, disk_of
from hub.presence import running
from hub.tables import devices, notices, quarantine, sms, streams
from journal.database import DatabaseError, has_tables, open_database, read
from journal.excursions import excursions
from journal.place import is_there, place_of

PAGE: Final = "/health"


def ask(settings: HubSettings, now: int) -> Health:
    """Return how the hub is; never raises for what a person could do nothing about here."""
    live, absent, why = ask_live(settings.state_dir)
    if live is not None:
        return live
    books, trouble = _books(settings, now)
    free, total = disk_of(settings.state_dir)
    return Health(now, None, books, free, total, settings.sms.queued_too_long, trouble, absent, why)


def ask_live(state_dir: Path) -> tuple[Health | None, str, str]:
    """Return what the running hub says of itself, or why there is nothing: code and words."""
    try:
        found = running(state_dir)
    except OSError as error:
        return None, "deaf", error.strerror or str(error)
    if found is None:
        return None, "away", ""
    if found.url is None:
        return None, "mute", ""
    try:
        return HEALTH.validate_json(fetch(found.url, PAGE)), "", ""
    except ValidationError:
        return None, "deaf", "it is of another version than this command"
    except OSError as error:
        return None, "deaf", error.strerror or str(error)


def _books(settings: HubSettings, now: int) -> tuple[Books, str]:
    where = place_of(settings.database, settings.state_dir)
    # Nothing is known of any device where no hub has ever run.
    nothing = Books(silent=[device for site in settings.sites for device in site.devices])
    if not is_there(where):
        return nothing, ""
    try:
        database = open_database(where, read_only=True)
        try:
            # `coldwatch ledger` may have begun the file before any hub ran.
            if not has_tables(database, devices, notices, quarantine, sms, streams, excursions):
                return nothing, ""
            with read(database) as conn:
                return books_of(conn, settings, now), ""
        finally:
            database.dispose()
    except DatabaseError as error:
        return Books(), str(error)
