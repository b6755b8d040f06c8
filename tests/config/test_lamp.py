"""The settings of UV lamps: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.lamp import LampSettings
from config.loading import SettingsError
from firmware_agent.settings import read_plan

LAMP: dict[str, Any] = {
    "id": "lamp-1", "relay": {"line": 23}, "pulse": {"line": 24}, "door": {"line": 17},
    "presence": {"line": 27}, "beacon": {"line": 25},
}  # fmt: skip

FILE = """
site = "east-gate"
device = "pi-1"
[[lamp.lamps]]
id = "lamp-1"
relay = {{ line = 23 }}
pulse = {{ line = {pulse} }}
door = {{ line = 17 }}
presence = {{ line = 27 }}
beacon = {{ line = 25 }}
{more}
[[assets]]
id = "lamp-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "lamp"
quantity = "current"
driver = {{ kind = "simulated" }}
"""


@pytest.mark.parametrize("name", ["relay", "pulse", "door", "presence", "beacon"])
def test_a_lamp_without_one_of_these_is_refused(name: str) -> None:
    """What is not said is not switched."""
    with pytest.raises(ValidationError, match=name):
        LampSettings.model_validate({"lamps": [{k: v for k, v in LAMP.items() if k != name}]})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"presence": "none"}, "needs a reason"),
        ({"presence": "none", "presence_reason": "  "}, "needs a reason"),
        ({"presence_reason": "no money"}, "for a lamp without a sensor"),
        ({"minutes": 130}, "more than `most_minutes`"),
        ({"schedule": {"times": ["24:00"]}}, "no time of day"),
        ({"relay": {"line": 40}}, "27"),
        ({"relay": {"line": 5}}, "on while the Pi starts"),
        ({"relay": {"line": 23, "active_low": True}}, "on while the Pi starts"),
        ({"door": {"line": 17, "pull": "down"}}, "pull"),
    ],
)
def test_what_is_not_safe_is_refused(changes: dict[str, Any], words: str) -> None:
    """In words that say what to do."""
    with pytest.raises(ValidationError, match=words):
        LampSettings.model_validate({"lamps": [LAMP | changes]})


def test_a_zone_that_does_not_exist_is_refused() -> None:
    """A schedule on no clock would start at night."""
    with pytest.raises(ValidationError, match="no time zone"):
        LampSettings.model_validate({"zone": "Asia/Chengdu2", "lamps": [LAMP]})


def test_none_with_a_reason_is_taken() -> None:
    """The reason is a person's, and is recorded."""
    lamp = LAMP | {"presence": "none", "presence_reason": "a cabinet that nobody fits into"}
    assert LampSettings.model_validate({"lamps": [lamp]}).lamps[0].presence == "none"


def test_two_lamps_of_one_name_are_refused() -> None:
    """Their hours would be one's."""
    with pytest.raises(ValidationError, match="given twice"):
        LampSettings.model_validate({"lamps": [LAMP, LAMP]})


@pytest.mark.parametrize(
    ("pulse", "more", "words"),
    [
        (23, "", "GPIO23 is used by lamp.lamps.0.relay already"),
        (17, "", "GPIO17 is used by lamp.lamps.0"),
        (24, "button = { line = 27 }", "GPIO27 is used by lamp.lamps.0"),
        (24, "mains = { line = 17 }", "GPIO17 is used by lamp.lamps.0.door already"),
        (
            24,
            "button = { line = 5 }\n[panel_lines]\nred = { line = 21 }\nbutton = { line = 5 }",
            "GPIO5 is used by panel_lines.button already",
        ),
        (24, 'current = { series = "lamp-1/lamp/watt" }', "no point of [[assets]] measures"),
    ],
)
def test_what_the_whole_file_shows_to_be_wrong_is_told(
    tmp_path: Path, pulse: int, more: str, words: str
) -> None:
    """Two uses of a line, and a series that nobody measures: with line and remedy."""
    path = tmp_path / "agent.toml"
    path.write_text(FILE.format(pulse=pulse, more=more))
    with pytest.raises(SettingsError) as refused:
        read_plan(path)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_good_file_becomes_a_plan(tmp_path: Path) -> None:
    """As plain values, with the defaults."""
    path = tmp_path / "agent.toml"
    path.write_text(FILE.format(pulse=24, more='current = { series = "lamp-1/lamp/current" }'))
    (lamp,) = read_plan(path).parts["lamp"]["lamps"]
    assert (lamp["minutes"], lamp["warning"], lamp["door"]["safe"]) == (30, 30_000, "low")


def test_two_lamps_of_one_room_share_its_door(tmp_path: Path) -> None:
    """The same contact in the same part is one wire, and right for both."""
    second = """[[lamp.lamps]]
id = "lamp-2"
relay = { line = 12 }
pulse = { line = 13 }
door = { line = 17 }
presence = { line = 27 }
beacon = { line = 16 }
"""
    path = tmp_path / "agent.toml"
    path.write_text(FILE.format(pulse=24, more=second))
    assert len(read_plan(path).parts["lamp"]["lamps"]) == 2
