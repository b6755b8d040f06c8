"""What an agent's spool holds, read beside the running agent."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_agent.spool_file import FILE


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stream: its id, its newest stamped seq, h there, and the bodies of all records by seq."""

    stream: str
    last: int
    h: bytes
    bodies: dict[int, dict[str, Any]]

    @property
    def readings(self) -> dict[int, dict[str, Any]]:
        """The bodies of readings alone."""
        return {seq: body for seq, body in self.bodies.items() if body["kind"] == "reading"}


def recorded(folder: Path) -> list[Recorded]:
    """Return every stream of the spool in ``folder`` with what is committed and stamped in it.

    Nothing where an agent has only just begun, and its tables are not there yet.
    """
    found: list[Recorded] = []
    with closing(sqlite3.connect(f"{(folder / FILE).as_uri()}?mode=ro", uri=True)) as db:
        db.execute("BEGIN")
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'streams'").fetchone():
            return found
        for number, stream in db.execute("SELECT n, id FROM streams ORDER BY n").fetchall():
            rows = db.execute(
                "SELECT seq, body, h FROM records WHERE stream = ? AND h IS NOT NULL"
                " AND kind != 'gone' ORDER BY seq",
                (number,),
            ).fetchall()
            if rows:
                bodies = {seq: json.loads(body) for seq, body, _ in rows}
                found.append(Recorded(stream, rows[-1][0], rows[-1][2], bodies))
    return found
