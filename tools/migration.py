"""Write the next step of the tables: what the steps that there are lack of the declared tables.

    .venv/bin/python tools/migration.py "alarms"

`journal.migrations` says what to do with it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))

HEAD = '''"""{title}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{number:04d}"
down_revision = {before!r}


def upgrade() -> None:
    """Take the step."""
{body}
'''


def main() -> int:
    """Write the step and say where; 1 where there is nothing to write."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.operations.ops import UpgradeOps
    from alembic.runtime.migration import MigrationContext

    from hub.declared import metadata
    from journal import migrations
    from journal.database import open_database, read, write

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("title", help="what it brings, such as alarms")
    title = parser.parse_args().title
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(Path(folder) / "steps.db")
        with write(engine) as conn:
            migrations.migrate(conn)
        with read(engine) as conn:
            context = MigrationContext.configure(conn)
            ops = produce_migrations(context, metadata).upgrade_ops
            assert isinstance(ops, UpgradeOps)
            lines = render_python_code(ops).splitlines()
            body = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
        engine.dispose()
    if ops.is_empty():
        print("the steps give all declared tables already; nothing is written", file=sys.stderr)
        return 1
    number = migrations.HEAD + 1
    name = re.sub(r"\W+", "_", title.lower()).strip("_")
    path = migrations.VERSIONS / f"r{number:04d}_{name}.py"
    before = f"{migrations.HEAD:04d}"
    sentence = title[0].upper() + title[1:]
    path.write_text(HEAD.format(title=sentence, number=number, before=before, body=body))
    for command in (("check", "--fix", "--quiet"), ("format", "--quiet")):
        subprocess.run([sys.executable, "-m", "ruff", *command, path], check=False)
    print(path.relative_to(HOUSE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
