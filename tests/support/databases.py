"""The hub's database of a test: SQLite, or a schema of a real PostgreSQL, as the fixture says.

A test that asks for `each_database` runs once with each. Whatever it opens by `database_of` then
is of that kind, in processes of its own too.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from config.database import DatabaseSettings
from journal.database import Where, create_tables, open_database

URL = "COLDWATCH_TEST_DATABASE"
PASSWORD = "COLDWATCH_TEST_PASSWORD_FILE"


def where_of(folder: Path) -> Where:
    """Return where the database of a state directory is; a schema is made where need be."""
    url = os.environ.get(URL)
    if url is None:
        folder.mkdir(exist_ok=True)
        return folder / "hub.db"
    import psycopg

    schema = "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    file = Path(os.environ[PASSWORD])
    with psycopg.connect(url, password=file.read_text().strip(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")  # type: ignore[call-overload]
    return DatabaseSettings(url=f"{url}?options=-csearch_path%3D{schema}", password_file=file)


_opened: list[Engine] = []


def database_of(folder: Path, *, read_only: bool = False) -> Engine:
    """Open the database of a state directory; `close_all` closes it."""
    engine = open_database(where_of(folder), read_only=read_only)
    _opened.append(engine)
    return engine


def close_all() -> None:
    """Close what was opened; a connection to a server must not be left to the garbage collector."""
    while _opened:
        _opened.pop().dispose()


@cache
def _empty_file() -> bytes:
    """Make an SQLite database by all steps, once a run, and return it; they have their own tests."""
    with TemporaryDirectory(prefix="coldwatch-empty-") as name:
        file = Path(name) / "hub.db"
        engine = open_database(file)
        create_tables(engine)
        engine.dispose()
        return file.read_bytes()


def new_database(folder: Path) -> Engine:
    """Open the database of a state directory, with its tables."""
    where = where_of(folder)
    if isinstance(where, Path) and not where.exists():
        where.write_bytes(_empty_file())
    engine = database_of(folder)
    # Nothing is left to do, unless a table was declared since.
    create_tables(engine)
    return engine
