"""Which store a hub keeps its readings in, and how everybody else finds it.

The hub knows it from its settings. Pages, `coldwatch ledger` and `coldwatch history` know only the
hub's state directory: there the hub leaves word (history.json) when the store is not the SQLite
file that lies beside it. The word holds no secret: a token's file is named, never its content.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from config.hub import HistorySettings
from history.port import History, HistoryUnavailableError

SQLITE_FILE: Final = "history.db"
WORD: Final = "history.json"

FileIdentity = tuple[int, int]
"""Device and inode."""


def open_for_hub(settings: HistorySettings, state_dir: Path) -> History:
    """Open the store for its one writer, and leave word for the readers.

    Raises HistoryUnavailableError where that cannot be done at all. A server that does not answer
    is no such case: the hub starts without it, and judges and tells meanwhile.
    """
    word = state_dir / WORD
    if settings.kind == "sqlite":
        from history.sqlite import SqliteHistory

        history = SqliteHistory(state_dir / SQLITE_FILE)
        word.unlink(missing_ok=True)
        return history
    from history.influx import InfluxHistory

    fresh = word.with_suffix(".new")
    fresh.write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    fresh.replace(word)
    return InfluxHistory(settings.influxdb, state_dir)


def open_to_read(state_dir: Path) -> History:
    """Open the store of a hub for reading; a hub that has never run has an empty one.

    Raises HistoryUnavailableError where the hub's word cannot be read.
    """
    settings = _settings(state_dir / WORD)
    if settings.kind == "sqlite":
        from history.sqlite import SqliteHistory

        return SqliteHistory(state_dir / SQLITE_FILE, read_only=True)
    from history.influx import InfluxHistory

    return InfluxHistory(settings.influxdb, state_dir, read_only=True)


def identity(state_dir: Path) -> tuple[FileIdentity | None, ...]:
    """Return what tells one store from another put in its place, such as a restored backup."""
    return tuple(file_identity(state_dir / name) for name in (SQLITE_FILE, WORD))


def file_identity(path: Path) -> FileIdentity | None:
    """Return what tells one file from another of the same name; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _settings(word: Path) -> HistorySettings:
    try:
        return HistorySettings.model_validate_json(word.read_bytes())
    except FileNotFoundError:
        return HistorySettings()
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not what the hub writes"
        raise HistoryUnavailableError(
            f"{word}: {why}; start the hub once, and it is written anew"
        ) from None
