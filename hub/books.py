"""The hub's database for commands beside the hub, which may be the first to open it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from config.files import give_to_owner
from config.hub import HubSettings
from journal.database import create_tables, open_database
from journal.place import place_of


def open_books(settings: HubSettings) -> Engine:
    """Open the database of a hub with its tables; raise DatabaseError.

    A person at the machine mostly is root: what is made then belongs to the hub's user all the same.
    """
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    where = place_of(settings.database, settings.state_dir)
    database = open_database(where)
    if isinstance(where, Path):
        give_to_owner(where)
    create_tables(database)
    return database
