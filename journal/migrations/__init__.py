"""The steps by which the tables come to be and change, one module each, run by Alembic.

`create_tables` runs those that a database has not seen, new or old, in one transaction of its own
with the guards and the version. A database that has seen a step this program does not know is
refused: "it was made by a newer coldwatch".

To add a step:

1. change the table where it is declared;
2. ``.venv/bin/python tools/migration.py "alarms"`` writes versions/r0003_alarms.py from the difference;
3. read it: a new column that may not be null needs a ``server_default``, a renamed one is not seen;
4. ``.venv/bin/python -m pytest tests/journal/test_migrations.py`` (both databases, guards, old rows);
5. commit both. A step that was released is never edited.

Never batch-alter an append-only table: a batch copies the table, and SQLite drops its triggers with
the old one (docs/decisions/028-journal-database.md). Add columns with `op.add_column`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

log = logging.getLogger(__name__)

VERSIONS: Final = Path(__file__).parent / "versions"
TABLE: Final = "alembic_version"


def head_of(versions: Path) -> int:
    """Return the number of the newest step; their modules are called r0001_….py."""
    return max(int(file.name[1:5]) for file in versions.glob("r[0-9][0-9][0-9][0-9]_*.py"))


HEAD: Final = head_of(VERSIONS)


def migrate(conn: Connection, versions: Path = VERSIONS) -> None:
    """Run the steps that the database has not seen, inside the caller's write transaction.

    Args:
        conn: a write transaction.
        versions: the folder of the steps.
    """
    # Half a tenth of a second that a database of today's version never needs.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    # It tells of each plugin of its own.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    script = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(versions)])

    def missing(revision: object, _context: MigrationContext) -> object:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001 - as Alembic's own documentation does

    context = MigrationContext.configure(conn, opts={"fn": missing})
    with Operations.context(context):
        context.run_migrations()
    log.info("the tables are of version %d", head_of(versions))
