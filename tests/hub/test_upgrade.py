"""A hub.db of the version before alarms: it opens, and what was told is not told again."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import inspect, select

from hub import alarms
from hub.tables import notices
from journal import migrations
from journal.database import create_tables, open_database, read, write
from tests.hub.test_notices import Desk, story
from tests.support.sender import START

# As it was declared before: without alarm, step, facts and channels; other tables likewise.
OLD_NOTICES = """
CREATE TABLE notices (
  id INTEGER NOT NULL PRIMARY KEY, excursion VARCHAR(16) NOT NULL, happening VARCHAR(12) NOT NULL,
  person VARCHAR(63) NOT NULL, site VARCHAR(63) NOT NULL, asset VARCHAR(127) NOT NULL,
  side VARCHAR(8) NOT NULL, created_at BIGINT NOT NULL, sms VARCHAR(40) REFERENCES sms (id))
"""
OLD_SMS = """
CREATE TABLE sms (
  id VARCHAR(40) NOT NULL PRIMARY KEY, person VARCHAR(63) NOT NULL, phone VARCHAR(20) NOT NULL,
  language VARCHAR(2) NOT NULL, text TEXT NOT NULL, created_at BIGINT NOT NULL,
  state VARCHAR(10) NOT NULL, handed_at BIGINT, sent_at BIGINT, reason TEXT NOT NULL)
"""


def tables_before(folder: Path) -> set[str]:
    """Return the tables that a database had after the second step, as its steps make them."""
    steps = folder / "steps"
    steps.mkdir(parents=True)
    for step in migrations.VERSIONS.glob("r000[12]_*.py"):
        shutil.copy(step, steps)
    database = open_database(folder / "before.db")
    with write(database) as conn:
        migrations.migrate(conn, steps)
        found = set(inspect(conn).get_table_names())
    database.dispose()
    return found


def to_old(folder: Path) -> int:
    """Make of a folder's hub.db what the earlier version would have left; return its notices."""
    before = tables_before(folder / "before")
    database = open_database(folder / "hub.db")
    with write(database) as conn:
        conn.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
        conn.exec_driver_sql("PRAGMA user_version = 2")
        for name in set(inspect(conn).get_table_names()) - before:
            conn.exec_driver_sql(f"DROP TABLE {name}")
        for name, sql in (("notices", OLD_NOTICES), ("sms", OLD_SMS)):
            rows = conn.exec_driver_sql(f"SELECT * FROM {name}").mappings().all()
            conn.exec_driver_sql(f"DROP TABLE {name}")
            conn.exec_driver_sql(sql)
            known = [row[1] for row in conn.exec_driver_sql(f"PRAGMA table_info({name})")]
            for row in rows:
                marks = ", ".join("?" * len(known))
                values = tuple(row[column] for column in known)
                conn.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", values)
        conn.exec_driver_sql(
            "CREATE UNIQUE INDEX notices_once ON notices (excursion, happening, person)"
        )
        conn.exec_driver_sql("CREATE INDEX notices_by_sms ON notices (sms)")
        conn.exec_driver_sql("CREATE INDEX sms_by_state ON sms (state)")
        count = conn.exec_driver_sql("SELECT count(*) FROM notices").scalar_one()
    database.dispose()
    return int(count)


def test_what_was_open_is_an_alarm_and_nobody_is_told_twice(tmp_path: Path) -> None:
    """The alarm is made from the journal; its people have their code; only the end is told."""
    before = Desk(tmp_path)
    sender = story([9_000] * 15 + [5_000] * 12)
    before.send(sender, 1, 16)
    assert len(before.texts()) == 3
    before.history.close()
    before.database.dispose()
    assert to_old(tmp_path) == 3

    database = open_database(tmp_path / "hub.db")
    create_tables(database)
    for _ in range(2):
        with write(database) as conn:
            alarms.take_over(conn)
    with read(database) as conn:
        (one,) = alarms.alarms_open(conn)
        assert [each.id for each in alarms.by_code(conn, "li", one.code, START)] == [one.id]
        assert {row.alarm for row in conn.execute(select(notices))} == {one.id}
    database.dispose()

    after = Desk(tmp_path)
    assert after.texts() == []
    after.send(sender, 17, len(sender.bodies))
    assert after.texts() == [f"{who}: over test/out" for who in ("li", "wang", "amy")]
    after.history.close()
