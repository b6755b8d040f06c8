"""Steps of the tables: old databases keep their rows, guards stay, a kill leaves nothing half done."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import IntegrityError

from hub.declared import metadata
from journal import migrations
from journal.database import (
    DatabaseError,
    create_tables,
    ensure_guards,
    missing_guards,
    open_database,
    read,
    write,
)
from journal.journal import append, head, verify
from tests.support.databases import database_of

STEPS = range(1, migrations.HEAD + 1)
GUARDED = {table.name for table in metadata.sorted_tables if table.info.get("append_only")}

NEXT = """
import os, signal
import sqlalchemy as sa
from alembic import op
revision = "{number:04d}"
down_revision = "{before:04d}"

def upgrade():
    op.create_table("next", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO next (id) VALUES (1)")
    {more}
"""


@pytest.fixture
def engine(each_database: str, tmp_path: Path) -> Engine:
    """An empty database of each kind."""
    return database_of(tmp_path)


def steps(folder: Path, up_to: int, more: str | None = None) -> Path:
    """A folder with the steps up to one, and behind them, with ``more``, one of the future."""
    folder.mkdir()
    for file in migrations.VERSIONS.glob("*.py"):
        if file.name.startswith("__") or int(file.name[1:5]) <= up_to:
            shutil.copy(file, folder)
    if more is not None:
        text = NEXT.format(number=up_to + 1, before=up_to, more=more)
        (folder / f"r{up_to + 1:04d}_next.py").write_text(text)
    return folder


def triggers(engine: Engine) -> set[str]:
    """The names of all triggers, asked of the database itself."""
    lite = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
    full = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    with read(engine) as conn:
        return set(conn.exec_driver_sql(lite if conn.dialect.name == "sqlite" else full).scalars())


def guarded(engine: Engine) -> None:
    """Check that every append-only table there has its triggers, and that one of them works."""
    third = "replace" if engine.dialect.name == "sqlite" else "truncate"
    with read(engine) as conn:
        assert missing_guards(conn) == []
    wanted = {f"guard_{name}_{on}" for name in GUARDED for on in ("update", "delete", third)}
    assert wanted <= triggers(engine)
    with pytest.raises(IntegrityError, match="append-only"), write(engine) as conn:
        conn.exec_driver_sql("UPDATE journal SET at = 0")


def enter(engine: Engine) -> None:
    """Append an entry."""
    with write(engine) as conn:
        append(conn, at=1, actor="李", type="test.entered", subject="x", body={"n": 1})


def test_the_steps_give_what_is_declared(engine: Engine) -> None:
    """The tables as the steps make them are the tables as the modules declare them."""
    with write(engine) as conn:
        migrations.migrate(conn)
    with read(engine) as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []


def test_steps_have_no_holes() -> None:
    """They are numbered from 1, and each follows the one before."""
    numbers = sorted(int(file.name[1:5]) for file in migrations.VERSIONS.glob("r*.py"))
    assert numbers == list(STEPS)


@pytest.mark.parametrize("number", STEPS)
def test_guards_stand_after_every_step(engine: Engine, tmp_path: Path, number: int) -> None:
    """Whichever step was the last, no program changes or removes what is append-only."""
    create_tables(engine, steps(tmp_path / "steps", number))
    enter(engine)
    guarded(engine)


def test_a_step_that_drops_triggers_gets_them_again(engine: Engine, tmp_path: Path) -> None:
    """A batch copies a table, and SQLite's triggers go with the old one: they are made anew."""
    create_tables(engine)
    enter(engine)
    more = (
        "batch = op.batch_alter_table('journal', recreate='auto')\n"
        "    with batch as table: table.alter_column('actor', type_=sa.Text())"
    )
    folder = steps(tmp_path / "steps", migrations.HEAD, more)
    with write(engine) as conn:
        migrations.migrate(conn, folder)
        lost = missing_guards(conn)
        ensure_guards(conn)
    if engine.dialect.name == "sqlite":
        assert {name for name in lost if "journal" in name} == {
            f"guard_journal_{on}" for on in ("update", "delete", "replace")
        }
    guarded(engine)
    with read(engine) as conn:
        assert verify(conn) == []
        assert head(conn).position == 1


def test_a_newer_database_is_refused_in_one_line(engine: Engine, tmp_path: Path) -> None:
    """What a program of tomorrow has changed, today's leaves alone."""
    create_tables(engine, steps(tmp_path / "steps", migrations.HEAD, "pass"))
    with pytest.raises(DatabaseError) as caught:
        database_of(tmp_path)
    assert caught.value.trouble == "newer"
    assert "\n" not in str(caught.value)
    assert f"tables of version {migrations.HEAD + 1}" in str(caught.value)


KILLED = """
import sys
from pathlib import Path
import hub.declared
from journal.database import create_tables
from tests.support.databases import database_of
create_tables(database_of(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("begun", [False, True])
def test_a_kill_in_the_midst_leaves_the_database_as_it_was(
    engine: Engine, tmp_path: Path, house: Path, begun: bool
) -> None:
    """SIGKILL behind a step's own statements: nothing of it is there, and it can be taken again."""
    if begun:
        create_tables(engine)
        enter(engine)
    kill = "op.get_bind(); os.kill(os.getpid(), signal.SIGKILL)"
    folder = steps(tmp_path / "killing", migrations.HEAD, kill)
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(house)}
    done = subprocess.run(command, env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL

    with read(engine) as conn:
        there = set(inspect(conn).get_table_names())
    assert "next" not in there
    assert ("journal" in there) == begun
    if begun:
        guarded(engine)
        with read(engine) as conn:
            assert verify(conn) == []
            assert head(conn).position == 1
    create_tables(engine, steps(tmp_path / "good", migrations.HEAD, "pass"))
    with read(engine) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM next").scalar_one() == 1
        assert head(conn).position == begun
    enter(engine)
    guarded(engine)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A database of version 1, made by that program (dumped to SQL), before there were steps."""
    path = tmp_path / "hub.db"
    script = (Path(__file__).parent / "older" / "version-1.sql").read_text(encoding="utf-8")
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


def rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by column."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    found = {
        name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")]
        for (name,) in names
    }
    connection.close()
    return found


def test_an_older_database_keeps_its_rows_and_its_chain(older: Path) -> None:
    """It opens, has the new tables beside the old rows, is guarded, and its journal goes on."""
    before = rows(older)
    assert sum(map(len, before.values())) > 15
    engine = open_database(older)
    create_tables(engine)
    after = rows(older)
    for name, old in before.items():
        assert len(after[name]) == len(old)
        for was, now in zip(old, after[name], strict=True):
            # A column may have come; none has gone or changed.
            assert {column: now[column] for column in was} == was
    assert after["alembic_version"] == [{"version_num": f"{migrations.HEAD:04d}"}]
    with read(engine) as conn:
        assert verify(conn) == []
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    enter(engine)
    guarded(engine)
    with read(engine) as conn:
        assert verify(conn) == []
    engine.dispose()
