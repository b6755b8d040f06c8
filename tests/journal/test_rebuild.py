"""Tables made anew from the journal are the tables that were there, and what differs is named."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, update

from alerts.decisions import Decision
from hub import alarms
from hub.declared import projections
from journal import watches
from journal.database import missing_guards, read, write
from journal.directory import Said, directory, enter
from journal.excursions import excursions, get
from journal.journal import verify
from journal.projections import rebuild_all
from ledger.store import custody, holds, movements
from tests.ledger.world import World, decision
from tests.support.county import hub_settings
from tests.support.databases import database_of

REGISTERED = re.compile(r'projections\.register\(\s*"([^"]+)"')


@pytest.fixture
def world(each_database: str, tmp_path: Path) -> Iterator[World]:
    """A hub with doses, moved and held, an excursion that is over, and the people's changes."""
    world = World(tmp_path)
    world.readings("f1", 0, 60)
    world.receive(1, doses=20)
    world.receive(2, "f2", doses=5, lot="B")
    with write(world.engine) as conn:
        happens(world, conn, decision("f1", 10), 100)
        enter(conn, hub_settings(tmp_path), 1, Said("one"))
        enter(conn, hub_settings(tmp_path, lost_contact_after="20min"), 2, Said("two", "Li", "why"))
    yield world
    world.close()


def happens(world: World, conn: Connection, step: Decision, now: int) -> None:
    """Let an excursion take a step, with its holds and its alarm, as the hub does."""
    world.apply(conn, step, now)
    row = get(conn, step.id)
    assert row is not None
    if row.tells:
        alarms.collect(conn, row, step.happening)


def everything(engine: Engine) -> dict[str, list[str]]:
    """Every row of every projection, by table."""
    with read(engine) as conn:
        return {
            table.name: sorted(map(repr, conn.execute(select(table))))
            for projection in projections()
            for table in projection.tables
        }


def test_every_projection_is_declared(house: Path) -> None:
    """Whatever module registers one is named in hub/declared.py, and so is made anew with the others."""
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("hub", "journal", "ledger")
        for path in (house / folder).rglob("*.py")
        if path.name != "projections.py"
    ]
    found = {name for text in texts for name in REGISTERED.findall(text)}
    assert {"directory", "excursions", "ledger", "watches"} <= found
    assert {projection.name for projection in projections()} == found


def test_a_rebuilt_database_equals_the_old_one_table_by_table(world: World) -> None:
    """And says so; no entry is added."""
    before = everything(world.engine)
    assert all(before[table.name] for table in (excursions, holds, custody, directory, movements))
    with write(world.engine) as conn:
        rebuilt = list(rebuild_all(conn))
        assert verify(conn) == []
        assert missing_guards(conn) == []
    assert everything(world.engine) == before
    assert [each for each in rebuilt if each.differences] == []
    assert {each.table: each.rows for each in rebuilt} == {
        name: len(rows) for name, rows in before.items()
    }


def test_what_somebody_changed_is_named_and_put_right(world: World) -> None:
    """A changed column, a row taken away and one that no entry knows: each with its key."""
    before = everything(world.engine)
    with write(world.engine) as conn:
        conn.execute(update(excursions).values(extreme=1, tells=False))
        conn.execute(holds.delete())
        conn.execute(
            directory.insert().values(
                kind="person", subject="eve", body={"phone": "+1"}, at=1, actor="", because="",
                position=1,
            )
        )  # fmt: skip
    with write(world.engine) as conn:
        found = {each.table: each.differences for each in rebuild_all(conn)}
    assert everything(world.engine) == before
    (changed,) = found["excursions"]
    assert set(changed.columns) <= {"extreme", "tells"}
    assert "extreme" in changed.columns
    assert [(one.before, one.after is None) for one in found["holds"]] == [(None, False)]
    (added,) = found["directory"]
    assert added.key == {"kind": "person", "subject": "eve"}
    assert added.after is None
    assert not found["watches"]


KILLED = """
import os, signal, sys
from pathlib import Path
from alerts.decisions import Decision
from hub import alarms
from hub.declared import projections
from journal import projections as registry
from journal.database import write
from journal.directory import directory
from tests.support.databases import database_of

def dies(conn):
    conn.execute(directory.delete())
    os.kill(os.getpid(), signal.SIGKILL)

registry.register("zz-last", dies)
with write(database_of(Path(sys.argv[1]))) as conn:
    list(registry.rebuild_all(conn))
"""


def test_a_kill_in_the_midst_leaves_the_tables_as_they_were(
    world: World, tmp_path: Path, house: Path
) -> None:
    """SIGKILL when all was emptied and made again: nothing of it is seen, and it can be repeated."""
    with write(world.engine) as conn:
        conn.execute(update(excursions).values(extreme=1))
    before = everything(world.engine)
    environment = os.environ | {"PYTHONPATH": str(house)}
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert everything(database_of(tmp_path)) == before
    with write(world.engine) as conn:
        assert verify(conn) == []
        assert sum(len(each.differences) for each in rebuild_all(conn)) == 1


steps = st.lists(
    st.tuples(
        st.sampled_from(["receive", "warm", "answer", "people", "watch"]),
        st.integers(0, 2),
        st.integers(1, 3),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None)
@given(steps=steps)
def test_any_story_can_be_told_again(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happened in whatever order: the journal alone gives the same tables."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for number, (what, which, amount) in enumerate(steps):
            fridge = f"f{which + 1}"
            if what == "receive":
                world.receive(number + 1, fridge, amount, lot=f"L{which}")
            elif what == "warm":
                with write(world.engine) as conn:
                    happens(world, conn, decision(fridge, number), number + 100)
            elif what == "answer":
                with write(world.engine) as conn:
                    for one in alarms.alarms_open(conn)[:amount]:
                        alarms.acknowledge(conn, one.id, person="li", way="sms", now=number)
            elif what == "watch":
                with write(world.engine) as conn:
                    watches.save(
                        conn, "east", {}, device=f"pi-{fridge}", at=number * amount,
                        stream="ab" * 16, learned_at=number,
                    )  # fmt: skip
            elif what == "people":
                people = [
                    {"id": name, "name": name, "phone": f"+861390000000{amount}"}
                    for name in ("li", "wang", "amy")[: which + 1]
                ]
                site = hub_settings(Path(folder)).sites[0].model_dump(exclude_unset=True)
                site["tell"] = ["li"]
                given = hub_settings(Path(folder), people=people, sites=[site])
                with write(world.engine) as conn:
                    enter(conn, given, number, Said(str(number)))
        before = everything(world.engine)
        with write(world.engine) as conn:
            assert [each for each in rebuild_all(conn) if each.differences] == []
            assert verify(conn) == []
        assert everything(world.engine) == before
        world.close()
