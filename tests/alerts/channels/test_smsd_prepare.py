"""What runs before gammu-smsd in its unit: the database that its configuration names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.channels.smsd import smsd_config
from alerts.channels.smsd_prepare import main
from alerts.channels.smsd_schema import prepare_database


def config(folder: Path, text: str | None = None) -> str:
    """Write a configuration and return its path."""
    database = folder / "queue" / "smsd.db"
    path = folder / "smsd.conf"
    path.write_text(text or smsd_config(Path("/dev/ttyUSB0"), database, folder / "log"))
    return str(path)


def test_it_is_made_once_and_taken_as_it_is(tmp_path: Path) -> None:
    """The second start finds it, and what is in it stays."""
    assert main([config(tmp_path)]) == 0
    database = tmp_path / "queue" / "smsd.db"
    inode = database.stat().st_ino
    assert main([config(tmp_path)]) == 0
    assert database.stat().st_ino == inode
    prepare_database(database)


def test_the_configuration_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was checked is what the database is made of and what is warned about."""
    path = Path(config(tmp_path))
    read, real = [], Path.read_text

    def read_text(self: Path, *args: Any, **options: Any) -> str:
        read.append(self)
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert main([str(path)]) == 0
    assert read.count(path) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[gammu]\ndevice = /dev/ttyUSB0\n", "'smsd'"),
        ("[smsd]\nservice = files\ndriver = x\n", "service = sql and driver = sqlite3"),
        ("[smsd]\nservice = sql\ndriver = sqlite3\ndbdir = /x\n", "'database'"),
        ("no section\n", "no section headers"),
    ],
)
def test_another_configuration_ends_with_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    """In one line that names the file; starting again would not help."""
    assert main([config(tmp_path, text)]) == 78
    said = capsys.readouterr().err
    assert says in said
    assert "smsd.conf" in said
    assert said.count("\n") == 1


def test_a_file_that_is_something_else_ends_with_74(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing of it is changed."""
    (tmp_path / "queue").mkdir()
    database = tmp_path / "queue" / "smsd.db"
    database.write_text("no database, but a text that is long enough to be none")
    assert main([config(tmp_path)]) == 74
    assert "smsd.db" in capsys.readouterr().err
    assert database.read_text().startswith("no database")


def test_a_file_from_before_an_upgrade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line that it lacks is written out, and it starts all the same."""
    new = smsd_config(Path("/dev/ttyUSB0"), tmp_path / "queue" / "smsd.db", tmp_path / "log")
    assert main([config(tmp_path, new)]) == 0
    assert capsys.readouterr().err == ""

    old = new.partition("[sql]")[0].replace("atgen_setcnmi = ,,,1\n", "")
    assert main([config(tmp_path, old)]) == 0

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(line.rpartition("]: ")[2] in new for line in said)
    assert "write in [gammu]: atgen_setcnmi = ,,,1" in said[0]
    assert "write in [sql]: delete_phone = PRAGMA busy_timeout = 20000; DELETE" in said[1]
    assert "refresh_phone_status = " in said[2]
