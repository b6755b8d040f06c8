"""What the panel shows, and where."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_agent.health import Health
from firmware_agent.judging import Excursion
from firmware_agent.panel import Panel, PanelLog, PanelState, StateFile, panel_state
from firmware_agent.signals import view


def excursion(id_: str, side: str = "above", start: int = 1_000) -> Excursion:
    """Return an open excursion."""
    return Excursion(
        id_, id_, "f/c/temperature", "test/warm", side, "certain", start, start + 5, None, 9_000, 7,
        tells=True,
    )  # fmt: skip


def shown(*items: Excursion, told: frozenset[str] = frozenset(), **more: object) -> PanelState:
    """Return the panel of these open excursions."""
    problems = more.get("problems", ())
    assert isinstance(problems, tuple)
    return panel_state({item.id: item for item in items}, told, 0, problems)


def test_light_and_buzzer_follow_what_is_open() -> None:
    """Outside goes before fault; a silent probe is a fault and sounds nothing."""
    assert (shown().light, shown().sounding) == ("inside", False)
    warm = shown(excursion("a", start=5), excursion("b", "below", start=3), problems=("x: y",))
    assert (warm.light, warm.sounding, warm.outside_since) == ("outside", True, 3)
    silent = shown(excursion("a", "silent"))
    assert (silent.light, silent.sounding, silent.outside_since) == ("fault", False, None)
    assert shown(problems=("spool: full",)).light == "fault"


@pytest.mark.parametrize(
    ("rule", "side"),
    [
        ("t/apart", "apart"),
        ("t/stuck", "stuck"),
        ("equipment/disk", "below"),
        ("equipment/clock", "below"),
        ("early/warming", "above"),
    ],
)
def test_a_doubt_or_a_full_disk_is_a_fault_and_no_warm_fridge(rule: str, side: str) -> None:
    """It lights as a fault, and chirps as one; nothing sounds as if stock were out of range."""
    one = replace(excursion("1", side), rule=rule)
    state = shown(one)
    assert (state.light, state.sounding, state.outside_since) == ("fault", False, None)
    seen = view(state, unsent=False, stalled=False)
    assert (seen.shown, seen.outside, seen.fault_heard) == ({"fault"}, frozenset(), True)

    both = shown(one, excursion("2"))
    assert (both.light, both.sounding) == ("outside", True)


def test_only_open_excursions_count_as_told() -> None:
    """`told` lists those of the past as well."""
    state = shown(excursion("a"), excursion("b"), told=frozenset({"b", "old"}))
    assert state.told == {"b"}
    assert [item["told"] for item in state.body()["excursions"]] == [False, True]


def test_the_state_file_is_always_whole(tmp_path: Path) -> None:
    """It is replaced, not written over, and left alone while nothing changes."""
    file = tmp_path / "panel.json"
    panel = Panel([StateFile(file)])
    panel.show(shown())
    first = file.stat()
    panel.show(shown())
    assert file.stat().st_ino == first.st_ino
    panel.show(shown(excursion("a")))
    assert json.loads(file.read_text())["light"] == "outside"
    assert [path.name for path in tmp_path.iterdir()] == ["panel.json"]


def test_a_file_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the other sinks show all the same."""
    sink = StateFile(tmp_path / "absent" / "panel.json")
    for i in range(3):
        sink.show(shown(excursion(str(i))))
    assert len(caplog.records) == 1


def test_the_log_has_one_line_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    """Opened, closed, and the light."""
    caplog.set_level(logging.INFO)
    log = PanelLog()
    for state in (shown(), shown(excursion("a")), shown(excursion("a")), shown()):
        log.show(state)
    assert [record.message.split()[0] for record in caplog.records] == [
        "excursion=opened", "panel=outside", "excursion=closed", "panel=inside",
    ]  # fmt: skip


def test_health_says_what_is_news() -> None:
    """The same problem again is none; each change moves the version."""
    health = Health()
    assert health.set("spool", "full")
    assert not health.set("spool", "full")
    assert health.problems() == ("spool: full",)
    version = health.version
    assert health.set("spool", None)
    assert not health.set("spool", None)
    assert health.problems() == ()
    assert health.version > version
