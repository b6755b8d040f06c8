"""The table of hours in an SQLite file: written by whoever rolls them, read for charts.

It works on a plain connection within the caller's transaction, and knows nothing of readings: the
SQLite adapter keeps it beside them in history.db, another store may keep it in a file of its own
and write hours that were rolled elsewhere. It is derived and replaceable, and therefore the one
table that may be changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from history import hours as rule
from history.hours import Hour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

# Columns as the fields of Hour, in their order.
TABLE: Final = """
CREATE TABLE hours (
    series INTEGER NOT NULL,
    start INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    minimum INTEGER,
    maximum INTEGER,
    first INTEGER,
    first_at INTEGER,
    last INTEGER,
    last_at INTEGER,
    rejected INTEGER NOT NULL,
    suspect INTEGER NOT NULL,
    max_step INTEGER NOT NULL,
    PRIMARY KEY (series, start)
) STRICT, WITHOUT ROWID;
"""
_WRITE = f"INSERT OR REPLACE INTO hours VALUES (?{',?' * len(Hour._fields)})"  # noqa: S608
_FIELDS = ", ".join(Hour._fields)
# Each column as one text, which numpy reads: half the time of rows. A text leaves NULL out.
_COLUMNS = ", ".join(f"group_concat(ifnull({field}, 0))" for field in Hour._fields)


def present(connection: sqlite3.Connection) -> bool:
    """Tell whether the file has the table; one of an earlier version has not until it is written."""
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'hours'").fetchone()
    return found is not None


def write(connection: sqlite3.Connection, series: int, hours: Iterable[Hour]) -> None:
    """Write hours of a series, each in the place of the one that was there."""
    connection.executemany(_WRITE, [(series, *hour) for hour in hours])


def remove(connection: sqlite3.Connection, series: int, start: int) -> None:
    """Remove an hour: it should not have been there."""
    connection.execute("DELETE FROM hours WHERE series = ? AND start = ?", (series, start))


def read(connection: sqlite3.Connection, series: int, start: int, end: int) -> list[Hour]:
    """Return the hours of a series that begin in start <= at < end, in order."""
    rows = connection.execute(
        f"SELECT {_FIELDS} FROM hours WHERE series = ? AND start >= ? AND start < ? ORDER BY start",  # noqa: S608
        (series, start, end),
    )
    return [Hour._make(row) for row in rows]


def columns(connection: sqlite3.Connection, series: int, start: int, end: int) -> Integers:
    """Return the same as columns: a row for each field of Hour, 0 for None (see hours_envelope)."""
    import numpy as np

    texts = connection.execute(
        f"SELECT {_COLUMNS} FROM (SELECT * FROM hours"  # noqa: S608
        " WHERE series = ? AND start >= ? AND start < ? ORDER BY start)",
        (series, start, end),
    ).fetchone()
    if texts[0] is None:
        return np.empty((len(Hour._fields), 0), dtype=np.int64)
    return np.array([np.fromstring(text, np.int64, sep=",") for text in texts])


def kept_until(connection: sqlite3.Connection, series: int) -> int | None:
    """Return the end of the newest hour of a series that is kept; None where none is."""
    (newest,) = connection.execute(
        "SELECT max(start) FROM hours WHERE series = ?", (series,)
    ).fetchone()
    return None if newest is None else int(newest) + rule.HOUR_MS
