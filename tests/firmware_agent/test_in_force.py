"""What is in force is loosened by nothing that says no reason: refused where asked, kept at a start."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.profiles import rules_for
from alerts.rules import Rule, watches_from_record
from coldwatch.check import check
from config.loading import SettingsError
from config.loosening import gone, looser
from firmware_agent.chain import settings_draft
from firmware_agent.handed import Book, Handed
from firmware_agent.health import Health
from firmware_agent.plan import Plan, PlanError, load_plan, try_settings
from firmware_agent.settings import read_plan, start_plan
from firmware_agent.spool_file import FILE
from firmware_agent.takeover import Takeover
from tests.firmware_agent.test_spool import open_writer
from tests.firmware_agent.worlds import HandClock, reading

CENTER, UPPER = "fridge-1/center/temperature", "fridge-1/upper/temperature"
FILE_TEXT = """
site = "east-gate"
device = "pi-1"
state_dir = "{folder}"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp", "who-pqs"]
rules = [{{ id = "cn-gsp/out-of-range", delay = "5min" }}]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
[[assets.points]]
name = "upper"
decides = true
driver = {{ kind = "simulated" }}
"""
GONE = "cn-gsp/silence"
STRICT = 'rules = [{ id = "cn-gsp/out-of-range", delay = "5min" }]\n'
BOTH = 'profiles = ["cn-gsp", "who-pqs"]'
SECOND = 'name = "upper"\ndecides = true'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Settings that have been in force on this device, and whose agent is not running."""
    path = tmp_path / "agent.toml"
    path.write_text(FILE_TEXT.format(folder=tmp_path))
    _bring_into_force(tmp_path, start_plan(path))
    return path


def _bring_into_force(folder: Path, plan: Plan) -> None:
    clock = HandClock()
    spool, writer = open_writer(folder, clock)
    clock.pass_ms(60_000)
    drafts = [settings_draft(clock.mono, plan.version, plan.series), reading(clock.mono)]
    writer.commit(drafts, clock.stamp(), clock.now)
    spool.close()


def edit(file: Path, old: str, new: str) -> None:
    """Change the settings file."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def rules(plan: Plan, series: str = CENTER) -> dict[str, Rule]:
    """Return the rules that would be in force."""
    return {rule.id: rule for rule in watches_from_record({"series": plan.series})[series].rules}


LOOSENED = [
    (STRICT, "", "cn-gsp/out-of-range (center): `delay` is 600 s instead of 300 s"),
    ("5min", "6min", "cn-gsp/out-of-range (center): `delay` is 360 s instead of 300 s"),
    (f"{BOTH}\n{STRICT}", 'profiles = ["who-pqs"]\n',
     "without cn-gsp/at-limit (center), cn-gsp/out-of-range (center), cn-gsp/isolate (center)"),
    (SECOND, 'name = "upper"', "without equipment/apart/upper (center), cn-gsp/at-limit (upper)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), LOOSENED)
def test_it_is_refused_without_a_reason(file: Path, old: str, new: str, words: str) -> None:
    """One line says what, where, and what to do: to whoever checks, and to the hub."""
    edit(file, old, new)
    _, (problem,) = check(str(file))

    assert words in problem.message
    assert problem.message.startswith("fridge-1 would be watched less strictly than it is: ")
    assert (problem.key, problem.line) == ("assets[1]", 5)
    assert "rules_reason" in problem.remedy
    edit(file, 'id = "fridge-1"', 'id = "fridge-1"\nrules_reason = "  "')
    assert len(check(str(file))[1]) == 1


@pytest.mark.parametrize(("old", "new", "words"), LOOSENED)
def test_at_a_start_the_stricter_rules_stay_and_that_is_said(
    file: Path, old: str, new: str, words: str
) -> None:
    """An agent that does not run watches nothing: it runs, and loosens nothing."""
    before = start_plan(file)
    edit(file, old, new)
    after = start_plan(file)

    for series in (CENTER, UPPER):
        was, now = rules(before, series), rules(after, series)
        assert list(gone(was.values(), list(now.values()))) == []
        assert not any(looser(was[id_], now[id_]) for id_ in was.keys() & now.keys())
    assert after.handed_problem is not None
    assert "the stricter rules stay" in after.handed_problem
    assert words in after.handed_problem
    assert "\n" not in after.handed_problem
    # So it goes on at each start, until somebody says why.
    _bring_into_force(file.parent, after)
    assert rules(start_plan(file)) == rules(after)
    health = Health()
    Takeover(load_plan(file), health, lambda: None)
    assert any(words in problem for problem in health.problems())


@pytest.mark.parametrize(("old", "new", "words"), LOOSENED)
def test_with_a_reason_it_comes_into_force_and_the_reason_with_it(
    file: Path, old: str, new: str, words: str
) -> None:
    """The reason is in the settings record, and so in the journal."""
    edit(file, old, new)
    edit(file, 'id = "fridge-1"', 'id = "fridge-1"\nrules_reason = "a cool box from today on"')
    plan = start_plan(file)

    assert words
    assert check(str(file))[1] == []
    assert plan.handed_problem is None
    assert plan.series == read_plan(file).series
    assert plan.series[CENTER]["rules_reason"] == "a cool box from today on"
    watch = watches_from_record({"series": plan.series})[CENTER]
    assert watch.body() == plan.series[CENTER]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5min", "4min"),
        (STRICT, 'rules = [{ id = "cn-gsp/out-of-range", delay = "5min", at_or_above = 7.0 }]\n'),
        (BOTH, 'profiles = ["cn-gsp", "who-pqs", "early"]'),
        # Its own reason is one as well.
        ("5min", '12min", reason = "ice-lined, tried in May'),
        # Whatever these rules would see the others see no later, and hold as well.
        (BOTH, 'profiles = ["cn-gsp"]'),
        # The order of points and of profiles is nobody's loss.
        (BOTH, 'profiles = ["who-pqs", "cn-gsp"]'),
        ('"upper"', '"side"'),
    ],
)
def test_what_tightens_or_only_moves_needs_none(file: Path, old: str, new: str) -> None:
    """Tighter, one profile more, with the rule's own reason, or another point."""
    edit(file, old, new)

    assert check(str(file))[1] == []
    assert start_plan(file).handed_problem is None


BATTERY = """
[[assets.points]]
name = "battery"
quantity = "voltage"
driver = { kind = "ads1115", channel = "0" }
[[assets.points]]
name = "mains"
quantity = "present"
driver = { kind = "simulated", mean = 1, amplitude = 0, noise = 0 }
[power]
mains = "fridge-1/mains/present"
battery = "fridge-1/battery/voltage"
end_below = 11.0
"""


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("", "without equipment/battery (battery)"),
        (
            'battery = "fridge-1/battery/voltage"\nend_below = 10.0\n',
            "`at_or_below` is 10.5 instead of 11.55",
        ),
    ],
)
def test_a_battery_that_is_watched_less(file: Path, new: str, words: str) -> None:
    """Its figure is the site's, for no profile has one; so is that it is gone."""
    file.write_text(file.read_text() + BATTERY)
    _bring_into_force(file.parent, start_plan(file))
    edit(file, 'battery = "fridge-1/battery/voltage"\nend_below = 11.0\n', new)
    _, (problem,) = check(str(file))

    assert words in problem.message


def test_points_in_another_order_are_compared_as_before(file: Path) -> None:
    """Which of the two bears the rule is the file's matter."""
    text = file.read_text()
    head, first, second = text.split("[[assets.points]]\n")
    file.write_text(f"{head}[[assets.points]]\n{second}[[assets.points]]\n{first}")

    assert check(str(file))[1] == []


def test_a_new_program_with_another_figure_in_its_profile_asks_nobody(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the site never changed is as its profile has it; no upgrade may stop by night."""

    def later(profile: str, quantity: str) -> list[Rule]:
        found = rules_for(profile, quantity)
        return [replace(each, for_ms=2 * each.for_ms) for each in found if each.id != GONE]

    monkeypatch.setattr("firmware_agent.settings.rules_for", later)
    assert check(str(file))[1] == []
    assert rules(start_plan(file))["cn-gsp/isolate"].for_ms == 3_600_000


class TestFromTheHub:
    def test_what_it_hands_out_is_refused(self, file: Path) -> None:
        """The old ones stay in force, and the hub is told why in one line."""
        tables = _tables(file).replace(STRICT, "")
        with pytest.raises(PlanError) as caught:
            try_settings(str(file), Handed(4, tables))
        (line,) = str(caught.value).splitlines()

        assert line.startswith("settings 4 of the hub:2: assets[1]: fridge-1 would be watched less")
        with_reason = tables.replace('id = "fridge-1"', 'id = "fridge-1"\nrules_reason = "why"')
        try_settings(str(file), Handed(4, with_reason))

    def test_the_local_file_behind_it_loosens_nothing(self, file: Path) -> None:
        """The hub's were stricter and can be used no more: the local file, with their rules."""
        strict = _tables(file).replace("5min", "3min")
        book = Book(file.parent)
        book.offer(Handed(1, strict))
        _bring_into_force(file.parent, start_plan(file))
        assert book.keep(1)
        book.offer(Handed(2, "[sampling]\nevery = 'never'\n"))
        book.begin()
        assert book.keep(2)
        plan = start_plan(file)

        assert plan.handed_version == 0
        assert rules(plan)["cn-gsp/out-of-range"].for_ms == 180_000
        assert "the local file is" in str(plan.handed_problem)
        assert "the stricter rules stay" in str(plan.handed_problem)


def _tables(file: Path) -> str:
    return file.read_text().partition("[[assets]]")[2].join(("\n[[assets]]", ""))


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_spool_that_cannot_be_read_keeps_no_agent_from_starting(
    file: Path, content: bytes | None
) -> None:
    """Where nobody knows what was in force, the profile's figures are what counts."""
    (file.parent / FILE).unlink()
    if content is not None:
        (file.parent / FILE).write_bytes(content)
    edit(file, STRICT, "")

    assert rules(start_plan(file))["cn-gsp/out-of-range"].for_ms == 600_000
    edit(file, BOTH, BOTH + '\nrules = [{ id = "cn-gsp/out-of-range", delay = "11min" }]')
    with pytest.raises(SettingsError, match="looser than its profile"):
        start_plan(file)


def test_the_mark_of_a_changed_rule_is_in_the_record(file: Path) -> None:
    """By it the site's own figures are known from those of a profile."""
    bodies: list[dict[str, Any]] = start_plan(file).series[CENTER]["rules"]

    assert [body["id"] for body in bodies if body.get("changed")] == ["cn-gsp/out-of-range"]
    assert json.loads(json.dumps(bodies)) == bodies
