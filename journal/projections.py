"""Which tables are made from the journal alone, and how they are made anew.

A module with such tables registers them in one line, and is named in `hub.declared`:

    projections.register("alarms", rebuild, alarms, alarm_excursions)

`rebuild(conn)` empties them and makes them again from the entries, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, select

from journal.database import require_write


@dataclass(frozen=True, slots=True)
class Projection:
    """Tables, parents first, that `rebuild` makes from the journal and from nothing else."""

    name: str
    tables: tuple[Table, ...]
    rebuild: Callable[[Connection], object]


class Difference(NamedTuple):
    """A row that is not what the journal says.

    Attributes:
        table: its table.
        key: its primary key, by column.
        before: the row as it was; None: there was none.
        after: the row as the journal makes it; None: there is none.
    """

    table: str
    key: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def columns(self) -> list[str]:
        """Which columns differ; empty where the whole row is missing or too much."""
        if self.before is None or self.after is None:
            return []
        return [name for name, value in self.before.items() if self.after[name] != value]


class Rebuilt(NamedTuple):
    """What became of one table: how many rows it has now, and which differ from before."""

    projection: str
    table: str
    rows: int
    differences: list[Difference]


_REGISTERED: Final[dict[str, Projection]] = {}


def register(name: str, rebuild: Callable[[Connection], object], *tables: Table) -> None:
    """Let `coldwatch journal rebuild` know of tables that are made from the journal."""
    _REGISTERED[name] = Projection(name, tables, rebuild)


def projections() -> list[Projection]:
    """Return those that are registered, by name."""
    return [_REGISTERED[name] for name in sorted(_REGISTERED)]


def rebuild_all(conn: Connection) -> Iterator[Rebuilt]:
    """Make every registered table anew, and yield for each how it differs from before.

    Whoever wants to check only raises before the end of the transaction.
    """
    require_write(conn)
    for projection in projections():
        before = [_rows(conn, table) for table in projection.tables]
        projection.rebuild(conn)
        for table, old in zip(projection.tables, before, strict=True):
            new = _rows(conn, table)
            yield Rebuilt(projection.name, table.name, len(new), _compare(table, old, new))


_Rows = dict[tuple[Any, ...], dict[str, Any]]


def _rows(conn: Connection, table: Table) -> _Rows:
    keys = [column.name for column in table.primary_key.columns]
    rows = (dict(row) for row in conn.execute(select(table)).mappings())
    return {tuple(row[key] for key in keys): row for row in rows}


def _compare(table: Table, before: _Rows, after: _Rows) -> list[Difference]:
    names = [column.name for column in table.primary_key.columns]
    return [
        Difference(table.name, dict(zip(names, key, strict=True)), before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
