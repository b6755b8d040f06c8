"""Settings of the hub's database: everything but the readings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, model_validator

from config.base import Section

# In a state directory: the database itself, and the hub's word of where else it is (journal.place).
FILE: Final = "hub.db"
WORD: Final = "database.json"


class DatabaseSettings(Section):
    """Where excursions, notices, doses and the journal are kept (docs/postgresql.md).

    Left out: hub.db, an SQLite file in state_dir, which needs nothing.
    """

    url: Annotated[
        str | None,
        Field(
            pattern=r"^postgresql://[A-Za-z0-9_.-]+@[A-Za-z0-9_.:\[\]-]*/[A-Za-z0-9_.-]+(\?[^\s#]*)?$",
            description="a PostgreSQL 15 or newer: postgresql://USER@HOST:PORT/DATABASE, with libpq's "
            "parameters behind a `?`, such as sslmode=verify-full; no password in it",
            examples=["postgresql://coldwatch@db.county.example/coldwatch?sslmode=verify-full"],
        ),
    ] = None
    password_file: Annotated[
        Path | None,
        Field(
            description="a file with the password alone, such as a systemd credential; without it "
            "libpq looks into the file that the environment's PGPASSFILE names",
            examples=["/run/credentials/coldwatch-hub.service/database-password"],
        ),
    ] = None

    def __str__(self) -> str:
        """Return the address as people know it."""
        return (self.url or FILE).partition("?")[0]

    @model_validator(mode="after")
    def _no_secret_in_it(self) -> Self:
        if self.url is not None and "password" in parse_qs(urlsplit(self.url).query):
            raise ValueError(
                "`url` has a password in it; write the password into a file of its own, and name "
                "that as `password_file`"
            )
        if self.url is None and self.password_file is not None:
            raise ValueError("`password_file` goes with `url`; SQLite's file has no password")
        return self


def begun(state_dir: Path) -> bool:
    """Whether a hub has a database here or says where it is; light, and asks no server."""
    return (state_dir / FILE).is_file() or (state_dir / WORD).is_file()
