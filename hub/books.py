"""The hub's database for commands beside the hub, which may be the first to open it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from config.files import give_to_owner
from hub.service import DATABASE
from journal.database import create_tables, open_database


def open_books(state_dir: Path) -> Engine:
    """Open hub.db with its tables; raise DatabaseError.

    A person at the machine mostly is root: what is made then belongs to the hub's user all the same.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / DATABASE
    database = open_database(path)
    give_to_owner(path)
    create_tables(database)
    return database
