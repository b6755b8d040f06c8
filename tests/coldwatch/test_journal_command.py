"""`coldwatch journal`: what it says and with which exit code, on each kind of database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from coldwatch.cli import main
from config.database import DatabaseSettings
from journal.database import read, write
from journal.excursions import excursions
from journal.journal import append, head
from journal.place import leave_word
from tests.ledger.world import World, decision
from tests.support.databases import where_of

HUB = """
state_dir = "{state}"
{database}
[console]
enabled = false
[[people]]
id = "li"
name = "李娜"
phone = "{phone}"
[[sites]]
id = "east"
name = {{ zh = "东", en = "East" }}
kind = "fixed"
devices = ["pi-f1"]
tell = ["li"]
[[sites.assets]]
id = "f1"
name = {{ zh = "1号冰箱", en = "Fridge 1" }}
"""


@pytest.fixture
def folder(each_database: str, tmp_path: Path) -> Path:
    """The state directory of a hub with an excursion and doses on hold."""
    world = World(tmp_path)
    world.readings("f1", 0, 60)
    world.receive(1, doses=20)
    with write(world.engine) as conn:
        world.apply(conn, decision("f1", 10), 100)
    where = where_of(tmp_path)
    if isinstance(where, DatabaseSettings):
        leave_word(where, tmp_path)
    world.close()
    return tmp_path


def engine_of(folder: Path) -> Engine:
    """The hub's database."""
    from tests.support.databases import database_of

    return database_of(folder)


def journal(folder: Path, action: str, *arguments: str) -> int:
    """Run the command on a state directory."""
    return main(["journal", action, "--state-dir", str(folder), *arguments])


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was printed, as JSON."""
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


class TestVerify:
    def test_a_whole_journal(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """One line with its head; with a head that was seen before as well."""
        with read(engine_of(folder)) as conn:
            newest = head(conn)
        seen = f"{newest.position}:{newest.hash}"
        assert journal(folder, "verify", "--seen", seen) == 0
        assert capsys.readouterr().out == (
            f"the journal is whole: {newest.position} entries, the newest {newest.hash}\n"
        )
        assert journal(folder, "verify", "--json") == 0
        assert answer(capsys) == {
            "whole": True, "findings": [], "head": newest.position, "hash": newest.hash,
        }  # fmt: skip

    def test_a_changed_entry_and_a_dropped_guard(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Each is a line, and the exit code says that something is wrong."""
        lite = "DROP TRIGGER guard_journal_update"
        with write(engine_of(folder)) as conn:
            sqlite = conn.dialect.name == "sqlite"
            conn.exec_driver_sql(lite if sqlite else f"{lite} ON journal")
            conn.exec_driver_sql("UPDATE journal SET actor = 'Wang' WHERE position = 2")
        assert journal(folder, "verify") == 1
        first, last = capsys.readouterr().out.strip().split("\n")
        assert first.startswith("entry 2 (")
        assert last.startswith("guard_journal_update is missing or weakened")
        assert journal(folder, "rebuild") == 1
        assert "nothing was made anew" in capsys.readouterr().out

    def test_an_end_that_was_cut_off(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Only a hash that was seen before can show it."""
        assert journal(folder, "verify", "--seen", "999:" + "0" * 64) == 1
        assert "entry 999 is missing" in capsys.readouterr().out


class TestList:
    def test_the_newest_come_last(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """By type, family and subject, from a position on, and not more than asked for."""
        assert journal(folder, "list", "--type", "excursion.") == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert "  hub  excursion.opened  " in line
        assert journal(folder, "list", "--type", "ledger.held", "--json") == 0
        (entry,) = answer(capsys)["entries"]
        assert entry["subject"] == "MMR/A"
        assert journal(folder, "list", "--subject", "MMR/A", "--json") == 0
        assert [e["type"] for e in answer(capsys)["entries"]] == ["ledger.received", "ledger.held"]
        assert journal(folder, "list", "--after", "1", "--limit", "2", "--json") == 0
        assert [e["position"] for e in answer(capsys)["entries"]] == [2, 3]
        assert journal(folder, "list", "--limit", "2", "--json") == 0
        newest = [e["position"] for e in answer(capsys)["entries"]]
        assert newest == sorted(newest)
        assert journal(folder, "list", "--limit", "1") == 0
        assert "--limit and --after show more" in capsys.readouterr().err

    def test_nothing_acts_on_the_terminal(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A name with an escape in it is spelt out."""
        with write(engine_of(folder)) as conn:
            append(conn, at=1, actor="a\x1b[31m", type="t", subject="s\n", body={})
        assert journal(folder, "list", "--type", "t") == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert r"a\u001b[31m  t  s\u000a" in out


class TestRebuild:
    def test_identical_tables(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Each table by name, and that all are what the journal says."""
        for arguments in ((), ("--check",)):
            assert journal(folder, "rebuild", *arguments) == 0
            out = capsys.readouterr().out
            assert "excursions    excursions" in out
            assert out.endswith("all tables are what the journal says\n")
        assert journal(folder, "rebuild", "--json") == 0
        found = answer(capsys)
        assert found["identical"]
        assert {"excursions", "holds", "directory"} <= {each["table"] for each in found["tables"]}

    def test_a_row_that_differs(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`--check` names it and leaves it; without, it is put right; then all is well."""
        with write(engine_of(folder)) as conn:
            conn.execute(update(excursions).values(extreme=1))
        for arguments in (("--check",), ("--check",), ()):
            assert journal(folder, "rebuild", *arguments) == 1
            out = capsys.readouterr().out
            assert ": extreme was 1, the journal says " in out
            assert "1 differ" in out
        assert journal(folder, "rebuild", "--check") == 0


class TestEnter:
    def test_a_change_with_who_and_why(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is entered once; the list shows it; a file that cannot be read is told."""
        where = where_of(folder)
        database = (
            f'[database]\nurl = "{where.url}"\npassword_file = "{where.password_file}"'
            if isinstance(where, DatabaseSettings)
            else ""
        )
        file = tmp_path / "hub.toml"
        who = ("--changed-by", "Zhao", "--because", "a new telephone")
        for phone, there in (("+8613900000001", 8), ("+8613900000009", 4)):
            text = HUB.format(state=folder, phone=phone, database=database)
            file.write_text(text, encoding="utf-8")
            assert main(["journal", "enter", str(file), *who]) == 0
            lines = capsys.readouterr().out.splitlines()
            assert "person.set  li" in lines[0]
            assert len(lines) >= there
            assert main(["journal", "enter", str(file), *who]) == 0
            assert capsys.readouterr().out.startswith("nothing has changed")
        assert journal(folder, "list", "--type", "person.", "--json") == 0
        first, second = answer(capsys)["entries"]
        assert second["actor"] == "Zhao"
        assert second["body"]["because"] == "a new telephone"
        assert second["body"]["before"] == first["body"]["now"]
        assert main(["journal", "enter", str(tmp_path / "absent.toml"), *who]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--seen", "nonsense"],
        ["list", "--limit", "-1"],
        ["enter", "hub.toml"],
        ["mend"],
        [],
    ],
)
def test_what_it_does_not_understand(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        main(["journal", *arguments])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_hub_has_run_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what to do; nothing is made."""
    for action in ("verify", "list", "rebuild"):
        assert journal(tmp_path, action) == 2
        assert "start the hub once" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
