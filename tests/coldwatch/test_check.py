"""`coldwatch check` says what is wrong in a settings file: file, line, key, what to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coldwatch import cli

AGENT = """\
site = "east-gate"
device = "pi-1"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp", "who-pqs"]
[[assets.points]]
name = "center"
[assets.points.driver]
kind = "ds18b20"
id = "28-0316a2794fff"
"""


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that checks a text and returns exit code, stdout without the path, stderr."""

    def check(text: str, *arguments: str, name: str = "agent.toml") -> tuple[int, str, str]:
        path = tmp_path / name
        path.write_text(text)
        code = cli.main(["check", str(path), *arguments])
        out, err = capsys.readouterr()
        return code, out.replace(str(path), name), err.replace(str(path), name)

    return check


@pytest.mark.parametrize("kind", ["agent", "hub"])
def test_good_settings(house: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The samples are good settings, and whose they are is seen from their keys."""
    path = house / "docs" / "settings" / f"{kind}.toml"

    assert cli.main(["check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}: good settings for the {kind}; --explain says who would be told")
    assert (out.count("\n"), err) == (1, "")


def test_a_mistake_is_one_line_and_exits_1(check: Any) -> None:
    """Each problem is a line: file, line, key, what is wrong, what to write."""
    code, out, err = check(AGENT.replace("device", "devise"))

    assert code == 1
    assert out.splitlines() == [
        'agent.toml:1: device: this setting is missing; write device = "pi-1"',
        "agent.toml:2: devise: there is no such setting; write device if that is meant",
    ]
    assert err == "2 problems in agent.toml\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"who-pqs"',
            '"who"',
            'agent.toml:5: assets[1].profiles[2]: there is no profile "who"; write one of: cdc-vfc, ',
        ),
        (
            'kind = "ds18b20"',
            'kind = "ds18b2"',
            "agent.toml:9: assets[1].points[1].driver.kind: driver.kind is 'ds18b2'; write one of ",
        ),
        (
            "28-0316a2794fff",
            "0316a2794fff",
            "agent.toml:10: assets[1].points[1].driver.id: driver ds18b20: id '0316a2794fff' is",
        ),
        (
            'id = "28-0316a2794fff"',
            "",
            "agent.toml:8: assets[1].points[1].driver: driver ds18b20: id is missing; sensors/ds18b20",
        ),
        (
            'name = "center"',
            'name = "center"\nquantity = "humidity"',
            "agent.toml:9: assets[1].points[1].driver: driver ds18b20 does not measure humidity; ",
        ),
    ],
)
def test_profiles_and_drivers_are_checked(check: Any, old: str, new: str, said: str) -> None:
    """What only a profile's name or a driver can know is found too, on its line."""
    code, out, _ = check(AGENT.replace(old, new))

    assert code == 1
    assert out.startswith(said)
    assert out.count("\n") == 1


def test_json(check: Any) -> None:
    """--json gives one document with the same facts, and nothing else on stdout."""
    code, out, err = check(AGENT.replace('"pi-1"', "1"), "--json")

    assert code == 1
    assert err == ""
    assert json.loads(out) == {
        "file": "agent.toml",
        "kind": "agent",
        "ok": False,
        "problems": [
            {
                "file": "agent.toml",
                "line": 2,
                "key": "device",
                "message": "1 stands where text in quotes belongs",
                "remedy": 'write device = "pi-1"',
            }
        ],
    }


def test_json_of_good_settings(check: Any) -> None:
    """Good settings are a document without problems."""
    assert json.loads(check(AGENT, "--json")[1])["ok"] is True


def test_kind_says_whose_settings_they_are(check: Any) -> None:
    """--kind holds against what the keys look like."""
    code, out, _ = check(AGENT, "--kind", "hub")

    assert code == 1
    assert "sites: this setting is missing; write [[sites]]" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[mqtt]\nport = 1\n",
            "agent.toml: cannot tell whether these are settings of the agent or",
        ),
        ("", "agent.toml: the file holds no settings; docs/settings has a sample of each kind"),
        ("site = x", "agent.toml:1: not TOML: Invalid value (column 8); put text into quotes"),
    ],
)
def test_a_file_that_says_nothing_of_itself(check: Any, text: str, said: str) -> None:
    """Empty, broken and undecided files are one line and exit 1."""
    code, out, _ = check(text)

    assert code == 1
    assert out.startswith(said)
    assert out.count("\n") == 1


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is not there is a problem like any other."""
    assert cli.main(["check", str(tmp_path / "no.toml")]) == 1
    assert "no.toml: this file does not exist" in capsys.readouterr().out
