"""Records as rows of the SQLite adapter, and back, byte for byte."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from history.port import RecordDiffersError, StoredRecord, StreamReading
from protocol.canonical import canonical_bytes
from protocol.reading import Reading

# In the order of the table's columns.
ReadingRow = tuple[int, int, int, int, int, int, int | None, int, int, int | None, int, str | None]
BodyRow = tuple[int, int, str, int, str]

_PLAIN_FIELDS = frozenset(
    {"kind", "seq", "series", "at", "boot", "mono_ms", "value", "quality", "clock"}
)


class Names:
    """The numbers of names, for the writer: new names are inserted in its open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Begin with nothing known; names are looked up when they are met."""
        self._connection = connection
        self.streams: dict[str, int] = {}
        self.series: dict[str, dict[str, int]] = {}
        self.boots: dict[str, int] = {}
        self.qualities: dict[str, int] = {}
        self.clocks: dict[str, int] = {}

    def forget(self) -> None:
        """Forget all numbers: after a rollback some of them were never given."""
        self.streams.clear()
        self.series.clear()
        self.boots.clear()
        self.qualities.clear()
        self.clocks.clear()

    def number(self, table: str, known: dict[str, int], name: str) -> int:
        """Return the number of a name in one of the tables of names, giving one where needed."""
        row = self._connection.execute(f"SELECT id FROM {table} WHERE name = ?", (name,)).fetchone()  # noqa: S608
        if row is None:
            number = self._next(table, name)
            self._connection.execute(f"INSERT INTO {table} VALUES (?, ?)", (number, name))  # noqa: S608
        else:
            number = int(row[0])
        known[name] = number
        return number

    def series_number(self, site: str, name: str) -> int:
        """Return the number of a series of a site, giving one where needed."""
        row = self._connection.execute(
            "INSERT INTO series (site, name) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
            (site, name),
        ).fetchone()
        if row is None:
            row = self._connection.execute(
                "SELECT id FROM series WHERE site = ? AND name = ?", (site, name)
            ).fetchone()
        number = int(row[0])
        self.series.setdefault(site, {})[name] = number
        return number

    def _next(self, table: str, name: str) -> int:
        lowest, highest = self._connection.execute(
            f"SELECT ifnull(min(id), 0), ifnull(max(id), 0) FROM {table}"  # noqa: S608
        ).fetchone()
        if table != "qualities":
            return int(highest) + 1
        if name == "ok":
            return 0
        return min(int(lowest), 0) - 1 if name.startswith("rejected") else max(int(highest), 0) + 1


def rows_of(
    records: Iterable[StoredRecord], names: Names
) -> tuple[list[ReadingRow], list[BodyRow]]:
    """Return the rows that store the records; this runs once for each of 50,000 readings a second."""
    readings: list[ReadingRow] = []
    bodies: list[BodyRow] = []
    streams, boots, qualities, clocks = names.streams, names.boots, names.qualities, names.clocks
    site = None
    series: dict[str, int] = {}
    for record in records:
        body = record.body
        stream = streams.get(record.stream) or names.number("streams", streams, record.stream)
        if body["kind"] != "reading":
            text = canonical_bytes(body).decode()
            bodies.append((stream, body["seq"], record.site, record.received_at, text))
            continue
        if record.site != site:
            site = record.site
            series = names.series.setdefault(site, {})
        name, boot, quality, clock = body["series"], body["boot"], body["quality"], body["clock"]
        quality_number = qualities.get(quality)
        raw = body.get("raw")
        readings.append(
            (
                stream,
                body["seq"],
                series.get(name) or names.series_number(site, name),
                body["at"],
                boots.get(boot) or names.number("boots", boots, boot),
                body["mono_ms"],
                body["value"],
                names.number("qualities", qualities, quality)
                if quality_number is None
                else quality_number,
                clocks.get(clock) or names.number("clocks", clocks, clock),
                raw,
                record.received_at,
                None if len(body) == 9 + (raw is not None) else _extra(body),
            )
        )
    return readings, bodies


def _extra(body: dict[str, Any]) -> str:
    """Return what has no column of its own, so that the body can be hashed again."""
    rest = {
        key: item
        for key, item in body.items()
        if key not in _PLAIN_FIELDS and not (key == "raw" and item is not None)
    }
    return canonical_bytes(rest).decode()


class Texts(dict[int, str]):
    """The names behind the numbers of one table, looked up when met; none ever changes."""

    def __init__(self, find: Callable[[int], str]) -> None:
        """Begin with nothing known; ``find`` asks the file."""
        super().__init__()
        self._find = find

    def __missing__(self, number: int) -> str:
        """Look a name up and remember it."""
        name = self[number] = self._find(number)
        return name


class Dictionary(NamedTuple):
    """All that a reader needs to spell a row."""

    streams: Texts
    boots: Texts
    qualities: Texts
    clocks: Texts


# What `stream_reading` and `body` are made from.
COLUMNS = (
    "r.stream, r.seq, s.name, r.at, r.boot, r.mono_ms, r.value, r.quality, r.clock, r.raw, r.extra"
)


def stream_reading(row: Sequence[Any], words: Dictionary) -> StreamReading:
    """Return the reading of a row of COLUMNS."""
    stream, seq, series, at, boot, mono_ms, value, quality, clock, raw, extra = row
    reading = Reading(
        seq,
        series,
        at,
        words.boots[boot],
        mono_ms,
        value,
        words.qualities[quality],
        words.clocks[clock],
        raw,
        json.loads(extra) if extra is not None else None,
    )
    return StreamReading(words.streams[stream], reading)


def body_of(row: Sequence[Any], words: Dictionary) -> dict[str, Any]:
    """Return the body that a row of COLUMNS was made from."""
    return stream_reading(row, words).reading.body()


def check_same(
    writer: sqlite3.Connection, readings: Sequence[ReadingRow], bodies: Sequence[BodyRow]
) -> None:
    """Raise RecordDiffersError where a row is stored already with another body.

    Only asked when something was there already; ``received_at`` and ``site`` are the first one's.
    """
    for new in readings:
        old = writer.execute(
            "SELECT * FROM readings WHERE stream = ? AND seq = ?", new[:2]
        ).fetchone()
        same_series = old[2] == new[2] or _name_of(writer, old[2]) == _name_of(writer, new[2])
        if not same_series or (*old[3:10], old[11]) != (*new[3:10], new[11]):
            raise _differs(writer, new[0], new[1])
    for other in bodies:
        stored = writer.execute(
            "SELECT body FROM bodies WHERE stream = ? AND seq = ?", other[:2]
        ).fetchone()
        if stored[0] != other[4]:
            raise _differs(writer, other[0], other[1])


def _name_of(writer: sqlite3.Connection, series: int) -> str:
    return str(writer.execute("SELECT name FROM series WHERE id = ?", (series,)).fetchone()[0])


def _differs(writer: sqlite3.Connection, stream: int, seq: int) -> RecordDiffersError:
    name = writer.execute("SELECT name FROM streams WHERE id = ?", (stream,)).fetchone()[0]
    return RecordDiffersError(
        f"stream {name}, seq {seq}: another body is stored already; nothing of this batch was stored"
    )
