"""`coldwatch alarms`: what it lists, what it enters beside a hub, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.codes import code_of
from coldwatch.cli import main
from config.clock import ENVIRONMENT
from hub import alarms
from journal import directory, journal
from journal.database import read, write
from tests.hub.test_notices import Desk, story
from tests.support.sender import MINUTE


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The files of a hub with an open alarm of which three people were told, and its time."""
    folder = tmp_path_factory.mktemp("told") / "state"
    folder.mkdir()
    desk = Desk(folder)
    with write(desk.database) as conn:
        directory.enter(conn, desk.settings, desk.now)
    desk.send(story([9_000] * 15), 1, 16)
    desk.texts()
    desk.history.close()
    desk.database.dispose()
    return folder, desk.now


class Shell:
    """Runs the command beside a hub that has its database open."""

    def __init__(self, folder: Path, now: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.desk = Desk(folder)
        self.folder = folder
        self.now = now
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr."""
        action, *rest = arguments
        code = main(["alarms", action, *rest, "--state-dir", str(self.folder), "--lang", "en"])
        return code, *self.capsys.readouterr()

    def json(self, *arguments: str) -> Any:
        """Return what it prints with --json."""
        code, out, err = self(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    @property
    def alarm(self) -> alarms.Alarm:
        """The only alarm."""
        with read(self.desk.database) as conn:
            (one,) = alarms.alarms_open(conn)
        return one

    def head(self) -> int:
        """Return how many entries there are."""
        with read(self.desk.database) as conn:
            return journal.head(conn).position


@pytest.fixture
def shell(
    told: tuple[Path, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shell]:
    """A hub of one's own, at the moment of its last reading."""
    import time

    folder = tmp_path / "state"
    shutil.copytree(told[0], folder)
    monkeypatch.setenv(ENVIRONMENT, f"{time.time_ns() // 1_000_000},{told[1]},1")
    made = Shell(folder, told[1], capsys)
    yield made
    made.desk.history.close()
    made.desk.database.dispose()


def test_an_alarm_is_listed_and_answered_by_its_code(shell: Shell) -> None:
    """One line for a person, everything for a program; the entry says by which way."""
    code = code_of(shell.alarm.id)
    exit_code, out, _ = shell("list")
    assert exit_code == 0
    assert out.startswith(
        f"unanswered   code {code}  {shell.alarm.id}  east-gate/fridge-1  too hot"
    )
    (listed,) = shell.json("list")["alarms"]
    assert (listed["state"], listed["code"], listed["id"]) == ("unanswered", code, shell.alarm.id)

    (answered,) = shell.json("answer", code, "--by", "li")["alarms"]

    assert (answered["state"], answered["answered_by"]) == ("answered", "li")
    assert shell.alarm.answered_way == "command"
    assert "answered by li" in shell("list")[1]


def test_an_id_is_answered_by_anybody(shell: Shell) -> None:
    """Also by who was not told of it."""
    assert shell("answer", shell.alarm.id, "--by", "amy")[0] == 0
    assert shell.alarm.answered_by == "amy"


def test_an_alarm_is_explained(shell: Shell) -> None:
    """With a reason of the list and what was done."""
    done = shell.json(
        "explain", shell.alarm.id, "--by", "li", "--reason", "door", "--action", "shut it"
    )
    assert done["alarms"][0]["reason"] == "door"
    assert shell.alarm.explained


def test_work_is_planned_listed_and_ended(shell: Shell) -> None:
    """For some time from now, or from and until times of day in the zone."""
    (work,) = shell.json(
        "plan", "east-gate/fridge-1", "--for", "60min", "--reason", "defrosting", "--by", "li"
    )["work"]
    assert work["until"] - work["begin"] == 60 * MINUTE
    assert abs(work["begin"] - shell.now) < MINUTE
    assert work["id"] in shell("list")[1]
    (ended,) = shell.json("end", work["id"], "--by", "wang")["work"]
    assert ended["ended_by"] == "wang"
    assert shell.json("list")["work"] == []


def test_a_site_is_listed_alone(shell: Shell) -> None:
    """Another site has no alarm."""
    assert shell.json("list", "--site", "market")["alarms"] == []
    assert "no alarm is open" in shell("list", "--site", "market")[1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("answer", "0000", "--by", "li"), "no alarm that li was told of has the code 0000"),
        (("answer", "ffffffffffffffff", "--by", "li"), "there is no alarm ffffffffffffffff"),
        (("answer", "ffffffffffffffff", "--by", "zoe"), "zoe is no person of the hub's settings"),
        (
            ("explain", "{}", "--by", "li", "--reason", "other", "--action", "x"),
            "the reason `other` needs --text",
        ),
        (("explain", "{}", "--by", "li", "--reason", "door", "--action", " "), "--action is empty"),
        (
            ("plan", "east-gate/fridge-9", "--for", "1h", "--reason", "x", "--by", "li"),
            "east-gate/fridge-9 is no asset of the hub's settings",
        ),
        (
            ("plan", "east-gate/fridge-1", "--for", "9h", "--reason", "x", "--by", "li"),
            "work is planned for at most 4 h",
        ),
        (("end", "none", "--by", "li"), "there is no work none"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    shell: Shell, arguments: tuple[str, ...], line: str
) -> None:
    """Exit code 1, nothing entered; with --json as JSON."""
    given = [each.format(shell.alarm.id) for each in arguments]
    before = shell.head()
    code, out, err = shell(*given)
    assert (code, out) == (1, "")
    assert line in err
    assert err.count("\n") == 1
    code, out, err = shell(*given, "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["refused"] is True
    assert shell.head() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("answer", "4831"),
        ("explain", "4831", "--by", "li", "--reason", "ghosts", "--action", "x"),
        ("plan", "east-gate/fridge-1", "--reason", "x", "--by", "li"),
        (
            "plan",
            "a/b",
            "--for",
            "1h",
            "--until",
            "2026-05-04T10:00",
            "--reason",
            "x",
            "--by",
            "li",
        ),
        ("plan", "a/b", "--for", "soon", "--reason", "x", "--by", "li"),
    ],
)
def test_wrong_usage_exits_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    """With one line that says where the usage is explained."""
    with pytest.raises(SystemExit) as ended:
        shell(*arguments)
    assert ended.value.code == 2
    assert "--help" in shell.capsys.readouterr().err


def test_without_a_hub_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and no file is made."""
    for arguments in (["list"], ["answer", "4831", "--by", "li"]):
        assert main(["alarms", *arguments, "--state-dir", str(tmp_path)]) == 2
        assert "start the hub once" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """Every action has an example."""
    with pytest.raises(SystemExit):
        main(["alarms", "--help"])
    text = capsys.readouterr().out
    for action in ("list", "answer", "explain", "plan", "end"):
        assert f"coldwatch alarms {action}" in text
