"""The hours of history.db: rolled when an hour of a series is over, and again when one comes late.

The newest hour of a series is open: it is never in the table, and a chart reads its readings.
Every older hour that has a reading is in the table. Both hold at every commit.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from history import hours as rule
from history import hours_sqlite
from history.hours import Hour, RawReading, hour_from, hour_of, roll_all
from history.hours_envelope import Range, columns_of, envelope_of_hours
from history.port import Bucket
from history.sqlite_rows import ReadingRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

log = logging.getLogger(__name__)

# Readings rolled at a time where all are, and how often that is said.
PAGE = 50_000
SAY_EVERY_S = 10.0

_JUDGED = "quality >= 0 AND value IS NOT NULL"
_NEWEST = "SELECT max(at) FROM readings WHERE series = ?"
_ROWS = "SELECT at, value, quality FROM readings WHERE series = ? AND at >= ? AND at < ?"
# by number; by name, as the port has it, only where readings have one time: it costs a sort
_ORDER = " ORDER BY at, stream, seq LIMIT ?"
_PORT_ORDER = " ORDER BY at, (SELECT name FROM streams WHERE id = stream), seq LIMIT ?"


class HourDiffers(NamedTuple):
    """An hour that was not what its readings say: somebody changed the file, or we are wrong.

    Attributes:
        site: of the series.
        series: its name.
        start: first millisecond of the hour.
        kept: what was in the table, None where nothing was.
        rolled: what its readings say, and what is there now; None where it does not belong there.
    """

    site: str
    series: str
    start: int
    kept: Hour | None
    rolled: Hour | None


class Roller:
    """Keeps the hours within the transaction in which readings are written."""

    def __init__(self, writer: sqlite3.Connection) -> None:
        """Begin with nothing known; what is open is looked up when a series is met."""
        self._writer = writer
        self._open: dict[int, int] = {}
        self._version = -1

    def forget(self) -> None:
        """Forget what is open: after a rollback it may not be."""
        self._open.clear()

    def before(self, readings: Sequence[ReadingRow]) -> None:
        """Learn what is open; call it within the transaction, before readings are written."""
        (version,) = self._writer.execute("PRAGMA data_version").fetchone()
        if (
            version != self._version
        ):  # another connection has written: what is open may have changed
            self.forget()
            self._version = version
        for series in {row[2] for row in readings}:
            if series not in self._open:
                self._look_up(series)

    def after(self, readings: Sequence[ReadingRow], *, repeats: bool) -> None:
        """Roll what is over and what readings came late to, after they were written.

        Args:
            readings: as ``before`` had them.
            repeats: some of them were there already, perhaps under another series: what is open
                has to be asked of the file.
        """
        touched: dict[int, set[int]] = {}
        opened, length = self._open.get, rule.HOUR_MS
        for row in readings:
            series, at = row[2], row[3]
            hour = at - at % length
            if opened(series) != hour:
                touched.setdefault(series, set()).add(hour)
        for series, hours in touched.items():
            if series in self._open:
                hours.add(self._open[series])
            if repeats:
                self._look_up(series)
            else:
                self._open[series] = max(hours)
            newest = self._open.get(series)
            over = sorted(hour for hour in hours if newest is not None and hour < newest)
            for start, end in _runs(over):
                hours_sqlite.write(self._writer, series, rolled(self._writer, series, start, end))

    def _look_up(self, series: int) -> None:
        (newest,) = self._writer.execute(_NEWEST, (series,)).fetchone()
        if newest is None:
            self._open.pop(series, None)
        else:
            self._open[series] = hour_of(newest)


def rolled(connection: sqlite3.Connection, series: int, start: int, end: int) -> list[Hour]:
    """Return the hours of a series made from its readings in start <= at < end."""
    return roll_all(_raw(connection, series, start, end, -1)) if start < end else []


def _raw(
    connection: sqlite3.Connection, series: int, start: int, end: int, limit: int
) -> list[RawReading]:
    """Return readings of a series in the port's order."""
    arguments = (series, start, end, limit)
    rows: list[RawReading] = connection.execute(_ROWS + _ORDER, arguments).fetchall()
    if len({row[0] for row in rows}) < len(rows):
        rows = connection.execute(_ROWS + _PORT_ORDER, arguments).fetchall()
    return rows


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Return start and end of each run of neighbouring hours."""
    length = rule.HOUR_MS
    breaks = [two for one, two in pairwise(hours) if two - one > length]
    begins = [*hours[:1], *breaks]
    ends = [one + length for one, two in pairwise(hours) if two - one > length]
    return list(zip(begins, [*ends, *(hour + length for hour in hours[-1:])], strict=True))


def _all_rolled(connection: sqlite3.Connection, series: int) -> Iterator[tuple[int, list[Hour]]]:
    """Yield page by page how many readings were rolled, and all hours of a series but the open one."""
    (newest,) = connection.execute(_NEWEST, (series,)).fetchone()
    start, limit = -(2**62), PAGE
    while newest is not None:
        rows = _raw(connection, series, start, hour_of(newest), limit)
        complete = len(rows) < limit
        if not complete:
            # the last hour may go on: it is asked for again with the next page
            start = hour_of(rows[-1][0])
            rows = [row for row in rows if row[0] < start]
            limit = PAGE if rows else limit * 2
        yield len(rows), roll_all(rows)
        if complete:
            return


def fill(connection: sqlite3.Connection, path: Path) -> None:
    """Roll all readings of a file whose table of hours is new, within the open transaction."""
    began = said = time.monotonic()
    total, done = None, 0
    for (series,) in connection.execute("SELECT id FROM series").fetchall():
        for count, hours in _all_rolled(connection, series):
            hours_sqlite.write(connection, series, hours)
            done += count
            if time.monotonic() - said > SAY_EVERY_S:
                if total is None:
                    total = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
                log.info("%s: hours rolled of %d of %d readings", path, done, total)
                said = time.monotonic()
    spent = time.monotonic() - began
    log.info("%s: hours of %d readings rolled once for all, %.1f s", path, done, spent)


def rebuild(connection: sqlite3.Connection, series: int, site: str, name: str) -> list[HourDiffers]:
    """Put the hours of a series right, within the open transaction, and return what was wrong."""
    kept = {hour.start: hour for hour in hours_sqlite.read(connection, series, -(2**62), 2**62)}
    wrong = []
    for _, hours in _all_rolled(connection, series):
        for hour in hours:
            old = kept.pop(hour.start, None)
            if old != hour:
                wrong.append(HourDiffers(site, name, hour.start, old, hour))
    wrong += [HourDiffers(site, name, start, old, None) for start, old in kept.items()]
    for item in wrong:
        if item.rolled is None:
            hours_sqlite.remove(connection, series, item.start)
        else:
            hours_sqlite.write(connection, series, [item.rolled])
    return sorted(wrong, key=lambda item: item.start)


def envelope_by_hours(connection: sqlite3.Connection, series: int, asked: Range) -> list[Bucket]:
    """Return the envelope from the table of hours, all of it from one state of the file.

    Readings are read at the two ends of the range, in the open hour, and where one was late.
    """
    start, end = asked.start, asked.end
    first, last = hour_from(start), hour_of(end)
    kept = hours_sqlite.kept_until(connection, series)
    tail = first if kept is None else max(first, min(last, kept))
    (before,) = connection.execute(
        f"SELECT max(at) FROM readings WHERE series = ? AND at < ? AND {_JUDGED}",  # noqa: S608
        (series, start),
    ).fetchone()
    (after,) = connection.execute(
        f"SELECT min(at) FROM readings WHERE series = ? AND at >= ? AND {_JUDGED}",  # noqa: S608
        (series, end),
    ).fetchone()
    return envelope_of_hours(
        [
            columns_of(rolled(connection, series, start, first)),
            hours_sqlite.columns(connection, series, first, tail),
            columns_of(rolled(connection, series, tail, end)),
        ],
        lambda hours: _judged_times(connection, series, hours),
        replace(asked, before=before, after=after),
    )


def _judged_times(connection: sqlite3.Connection, series: int, hours: Sequence[int]) -> Integers:
    """Return the times of the judged readings in some hours."""
    import numpy as np

    (text,) = connection.execute(
        # json_each has a column `value` of its own
        "SELECT group_concat(r.at) FROM (SELECT value AS start FROM json_each(?)) h"
        " CROSS JOIN readings r ON r.series = ? AND r.at >= h.start AND r.at < h.start + ?"
        " WHERE r.quality >= 0 AND r.value IS NOT NULL",
        (json.dumps(hours), series, rule.HOUR_MS),
    ).fetchone()
    return np.fromstring(text or "", np.int64, sep=",")
