"""What both kinds of database share: the tables' metadata, and the error that is one line."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import BigInteger, Integer, MetaData, String, Table
from sqlalchemy.ext.compiler import compiles

metadata: Final = MetaData()

# SQLite makes a column the row id, and so needs no second index, only where it says INTEGER.
Position: Final = BigInteger().with_variant(Integer, "sqlite")

Trouble = Literal[
    "locked",
    "full",
    "read-only",
    "corrupt",
    "not-a-database",
    "cannot-open",
    "i/o",
    "newer",
    "older",
    "unreachable",
]

# What passes by itself: somebody else's lock, a server that is being started again.
_PASSING: Final = frozenset({"locked", "unreachable"})


class DatabaseError(Exception):
    """The database cannot be used as asked; the text is one line that says what to do.

    Attributes:
        trouble: what is wrong, for programs.
        retryable: whether the same call may succeed later without anybody's help.
    """

    def __init__(self, trouble: Trouble, text: str) -> None:
        """Keep the kind of trouble beside the line that a person reads."""
        super().__init__(text)
        self.trouble: Trouble = trouble
        self.retryable = trouble in _PASSING


def append_only(table: Table) -> Table:
    """Register a table as one in which nothing is ever changed or deleted, and return it."""
    table.info["append_only"] = True
    return table


@compiles(String, "postgresql")
def _without_length(_type: String, _compiler: Any, **_: Any) -> str:
    """Declare texts without a length: SQLite enforces none, so both take the same rows.

    A length that is wrong by one would stop the intake of a hub on PostgreSQL alone.
    """
    return "VARCHAR"
