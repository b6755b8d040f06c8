"""Where a hub's database is: the hub knows it from its settings, everybody else from its word.

Pages, `coldwatch ledger`, `coldwatch history` and `coldwatch journal` know only the hub's state
directory: there the hub leaves word (database.json) when the database is not the SQLite file that
lies beside it. The word holds no secret: a password's file is named, never its content.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from config.database import FILE, WORD, DatabaseSettings
from journal.base import DatabaseError


def place_of(settings: DatabaseSettings, state_dir: Path) -> Path | DatabaseSettings:
    """Return where a hub with these settings has its database."""
    return state_dir / FILE if settings.url is None else settings


def leave_word(settings: DatabaseSettings, state_dir: Path) -> None:
    """Tell those who know only the state directory where the database is; called by the hub."""
    word = state_dir / WORD
    if settings.url is None:
        word.unlink(missing_ok=True)
        return
    fresh = word.with_suffix(".new")
    fresh.write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    fresh.replace(word)


def find(state_dir: Path) -> Path | DatabaseSettings:
    """Return where the database of a hub is; raise DatabaseError where its word cannot be read."""
    word = state_dir / WORD
    try:
        return place_of(DatabaseSettings.model_validate_json(word.read_bytes()), state_dir)
    except FileNotFoundError:
        return state_dir / FILE
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not what the hub writes"
        raise DatabaseError(
            "cannot-open", f"{word}: {why}; start the hub once, and it is written anew"
        ) from None


def is_there(where: Path | DatabaseSettings) -> bool:
    """Whether there is a database, as far as can be told without asking a server."""
    return where.is_file() if isinstance(where, Path) else True
