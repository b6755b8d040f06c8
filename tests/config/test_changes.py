"""A site may tighten the rules of its profiles, and loosen one with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.rules import Rule, watches_from_record
from coldwatch.check import check
from config.loading import SettingsError, parse, read
from firmware_agent.panel import PanelState
from firmware_agent.settings import check_part, part_on, read_plan, start_plan
from firmware_agent.signals import view
from protocol.messages import record_adapter

GOOD = """
site = "east-gate"
device = "pi-1"
state_dir = "/nowhere"
[[assets]]
id = "fridge-1"
profiles = [{profiles}]
rules = [{changes}]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
[[assets.points]]
name = "upper"
decides = true
driver = {{ kind = "simulated" }}
[[assets.points]]
name = "air"
driver = {{ kind = "simulated" }}
{more}
"""


def rules(folder: Path, changes: str = "", profiles: str = '"cn-gsp"', more: str = "") -> Any:
    """Return series -> rule id -> rule as the stream would carry them."""
    path = folder / "agent.toml"
    path.write_text(GOOD.format(profiles=profiles, changes=changes, more=more))
    series = read_plan(path).series
    record_adapter.validate_python(
        {"kind": "settings", "seq": 1, "at": 0, "boot": "b", "mono_ms": 0, "clock": "synced",
         "version": "0" * 16, "series": series}
    )  # fmt: skip
    return {
        name.split("/", 1)[1]: {rule.id: rule for rule in watch.rules}
        for name, watch in watches_from_record({"series": series}).items()
    }


def center(folder: Path, changes: str) -> dict[str, Rule]:
    """Return the rules on the first point."""
    found: dict[str, Rule] = rules(folder, changes)["center/temperature"]
    return found


@pytest.mark.parametrize(
    ("change", "id_", "field", "value"),
    [
        ('{ id = "cn-gsp/out-of-range", delay = "5min" }', "cn-gsp/out-of-range", "for_ms", 300_000),
        ('{ id = "cn-gsp/out-of-range", at_or_above = 7.5 }', "cn-gsp/out-of-range", "at_or_above", 7_500),
        ('{ id = "cn-gsp/isolate", below = 2.5 }', "cn-gsp/isolate", "below", 2_500),
        ('{ id = "cn-gsp/silence", delay = "15min" }', "cn-gsp/silence", "for_ms", 900_000),
        ('{ id = "equipment/stuck", delay = "6h" }', "equipment/stuck", "for_ms", 21_600_000),
        ('{ id = "equipment/apart", apart = 1.0 }', "equipment/apart/upper", "apart", 1_000),
    ],
)  # fmt: skip
def test_tighter_is_free(tmp_path: Path, change: str, id_: str, field: str, value: int) -> None:
    """A stricter figure, or the same, needs no reason; nothing else of the rule changes."""
    before, after = center(tmp_path, "")[id_], center(tmp_path, change)[id_]

    assert getattr(after, field) == value
    assert after.reason == ""
    assert (after.holds, after.tells, after.kind) == (before.holds, before.tells, before.kind)


LOOSER = [
    '{ id = "cn-gsp/out-of-range", delay = "11min" }',
    '{ id = "cn-gsp/out-of-range", at_or_above = 8.1 }',
    '{ id = "cn-gsp/isolate", below = 1.9 }',
    '{ id = "cn-gsp/freeze-sum", delay = "61min" }',
    '{ id = "equipment/apart", apart = 4.1 }',
    # Tighter in one way makes up for nothing in another.
    '{ id = "cn-gsp/isolate", above = 7.0, below = 1.0 }',
]


@pytest.mark.parametrize("change", LOOSER)
def test_looser_is_refused_without_a_reason(tmp_path: Path, change: str) -> None:
    """One line says which rule, by how much, and what to write."""
    for reason in ("", ', reason = "  "'):
        with pytest.raises(SettingsError) as caught:
            center(tmp_path, change.replace(" }", reason + " }"))
        (problem,) = caught.value.problems
        assert "would be looser than its profile" in problem.message
        assert "reason" in problem.remedy
        assert problem.line is not None


@pytest.mark.parametrize("change", LOOSER)
def test_looser_with_a_reason_travels_with_it(tmp_path: Path, change: str) -> None:
    """The reason is in the settings record, and so in the journal."""
    found = center(tmp_path, change.replace(" }", ', reason = "ice-lined, tried in May" }'))
    loosened = [rule for rule in found.values() if rule.reason]

    assert {rule.reason for rule in loosened} == {"ice-lined, tried in May"}
    assert loosened[0].body()["reason"] == "ice-lined, tried in May"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('{ id = "cn-gsp/no-such" }', "does not exist"),
        ('{ id = "who-pqs/heat", delay = "5h" }', "no rule of this asset"),
        ('{ id = "cn-gsp/isolate", at_or_above = 7.0 }', "has no `at_or_above`"),
        ('{ id = "cn-gsp/silence", below = 1.0 }', "has no `below`"),
        ('{ id = "cn-gsp/at-limit", delay = "5min" }', "not possible here"),
        ('{ id = "cn-gsp/isolate", delay = "0s" }', "not possible here"),
        ('{ id = "cn-gsp/isolate", below = 8.0 }', "lower limit"),
        ('{ id = "cn-gsp/freeze-sum", delay = "25h", reason = "r" }', "longer than its window"),
        ('{ id = "cn-gsp/isolate", delay = "5min" }, { id = "cn-gsp/isolate" }', "twice"),
        ('{ id = "cn-gsp/isolate", holds = false }', "no such setting"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, change: str, says: str) -> None:
    """A misspelt rule, a limit that it has not, and what no site may change get one clear line."""
    with pytest.raises(SettingsError, match=says):
        center(tmp_path, change)


class TestEquipment:
    def test_it_is_in_force_without_being_named(self, tmp_path: Path) -> None:
        """Points that decide are compared once a pair and looked at for standing still."""
        found = rules(tmp_path)
        apart = {
            point: [rule for rule in each.values() if rule.kind == "disagreement"]
            for point, each in found.items()
        }

        assert [rule.other for rule in apart["center/temperature"]] == [
            "fridge-1/upper/temperature"
        ]
        assert apart["upper/temperature"] == apart["air/temperature"] == []
        assert "equipment/stuck" in found["upper/temperature"]
        assert "equipment/stuck" not in found["air/temperature"]

    def test_a_battery_in_volts_is_watched_above_its_own_end(self, tmp_path: Path) -> None:
        """5 % above `end_below`, for the battery that the site names and for no other voltage."""
        more = """
[[assets.points]]
name = "battery"
quantity = "voltage"
driver = { kind = "ads1115", channel = "0" }
[[assets.points]]
name = "other"
quantity = "voltage"
driver = { kind = "ads1115", channel = "1" }
[[assets.points]]
name = "mains"
quantity = "present"
driver = { kind = "simulated", mean = 1, amplitude = 0, noise = 0 }
[power]
mains = "fridge-1/mains/present"
battery = "fridge-1/battery/voltage"
end_below = 11.0
"""
        found = rules(tmp_path, more=more)

        assert found["battery/voltage"]["equipment/battery"].at_or_below == 11_550
        assert found["other/voltage"] == {}

    def test_what_comes_beside_is_refused_alone(self, tmp_path: Path) -> None:
        """`early` says nothing of silence and of stock: it would be no watch."""
        assert (
            "early/warming" in rules(tmp_path, profiles='"cn-gsp", "early"')["center/temperature"]
        )
        with pytest.raises(SettingsError, match="beside another profile and never alone"):
            rules(tmp_path, profiles='"early"')


def stored(folder: Path, lines: str, profiles: str = '"cn-gsp"') -> Any:
    """Return what the stream would carry about the first point, with these lines on its asset."""
    path = folder / "agent.toml"
    text = GOOD.format(profiles=profiles, changes="", more="")
    path.write_text(text.replace('id = "fridge-1"\n', f'id = "fridge-1"\n{lines}\n'))
    return read_plan(path).series["fridge-1/center/temperature"]


class TestGap:
    @pytest.mark.parametrize("lines", ["", 'max_gap = "3min"', 'max_gap = "2min"'])
    def test_within_three_intervals_it_needs_no_reason(self, tmp_path: Path, lines: str) -> None:
        """As everybody has it, or stricter; a reason may stand there all the same."""
        assert "max_gap_reason" not in gapped(tmp_path, lines)

    @pytest.mark.parametrize("gap", ["181s", "1h"])
    @pytest.mark.parametrize("reason", ["", '\nmax_gap_reason = "  "'])
    def test_longer_without_a_reason_is_refused_by_check_and_is_not_in_force(
        self, tmp_path: Path, gap: str, reason: str
    ) -> None:
        """Time that nobody measured would pass for measured. An agent starts all the same, and says so."""
        body = gapped(tmp_path, f'max_gap = "{gap}"{reason}')
        assert body["max_gap_ms"] == 180_000
        plan = start_plan(tmp_path / "agent.toml", starting=False)
        assert plan.handed_problem is not None
        assert plan.handed_problem.startswith("warning: `max_gap` counts as 180 s")
        # Seen on panel and status, and not heard: nobody can mend it by night.
        problems = (f"settings: {plan.handed_problem}",)
        state = PanelState("fault", False, None, (), frozenset(), 0, problems)
        seen = view(state, stalled=False, unsent=False)
        assert "fault" in seen.shown
        assert not seen.fault_heard

        kind, (problem,) = check(str(tmp_path / "agent.toml"))
        assert kind == "agent"
        assert "longer than three recording intervals, 180 s" in problem.message
        assert "max_gap_reason" in problem.remedy
        assert (problem.key, problem.line) == ("sampling.max_gap", 21)

    def test_the_hub_hands_out_no_long_one_without_a_reason(self, tmp_path: Path) -> None:
        """Refused where somebody waits for the answer; of one that the file beside it has, nothing."""
        long_ = parse(tmp_path / "part", '[sampling]\nmax_gap = "1h"\n')
        other = parse(tmp_path / "part", "[spool]\nwindow = 600\n")
        gapped(tmp_path, 'max_gap = "1h"')
        local = read(tmp_path / "agent.toml").data

        with pytest.raises(SettingsError, match="max_gap_reason"):
            check_part(long_)
        with pytest.raises(SettingsError, match="max_gap_reason"):
            part_on(long_, local)
        check_part(other)
        part_on(other, local)

    def test_longer_with_a_reason_travels_with_it(self, tmp_path: Path) -> None:
        """The reason is in the settings record, and so in the journal."""
        body = gapped(tmp_path, 'max_gap = "15min"\nmax_gap_reason = "a logger without a line"')
        record = {"series": read_plan(tmp_path / "agent.toml").series}
        watch = watches_from_record(record)["fridge-1/center/temperature"]

        assert body["max_gap_ms"] == watch.max_gap_ms == 900_000
        assert body["max_gap_reason"] == watch.max_gap_reason == "a logger without a line"
        assert watch.body() == body


def gapped(folder: Path, lines: str) -> Any:
    """Return what the stream would carry about the first point, with these lines on sampling."""
    path = folder / "agent.toml"
    more = f"[sampling]\n{lines}\n"
    path.write_text(GOOD.format(profiles='"cn-gsp"', changes="", more=more))
    return read_plan(path).series["fridge-1/center/temperature"]


class TestStorage:
    @pytest.mark.parametrize("lines", ["", "storage = [2.0, 8.0]", "storage = [3.0, 7.0]"])
    def test_within_its_profiles_it_needs_no_reason(self, tmp_path: Path, lines: str) -> None:
        """The range itself, or a narrower one."""
        assert "storage_reason" not in stored(tmp_path, lines)

    @pytest.mark.parametrize("storage", ["[1.9, 8.0]", "[2.0, 8.1]", "[0.0, 25.0]"])
    def test_wider_is_refused_without_a_reason(self, tmp_path: Path, storage: str) -> None:
        """Exposure, and so every verdict on a batch, is reckoned by it."""
        for reason in ("", '\nstorage_reason = "  "'):
            with pytest.raises(SettingsError) as caught:
                stored(tmp_path, f"storage = {storage}{reason}")
            (problem,) = caught.value.problems
            assert "wider than cn-gsp has it, [2.0, 8.0]" in problem.message
            assert "storage_reason" in problem.remedy

    def test_wider_with_a_reason_travels_with_it(self, tmp_path: Path) -> None:
        """The reason is in the settings record, and so in the journal."""
        lines = 'storage = [2.0, 25.0]\nstorage_reason = "a room for consumables"'
        stored(tmp_path, lines)
        record = {"series": read_plan(tmp_path / "agent.toml").series}
        watch = watches_from_record(record)["fridge-1/center/temperature"]

        assert watch.storage == (2_000, 25_000)
        assert watch.storage_reason == "a room for consumables"
        assert watch.body() == record["series"]["fridge-1/center/temperature"]

    def test_a_freezer_must_say_its_range(self, tmp_path: Path) -> None:
        """By itself it is 2 to 8 degC, which would call a good freezer too cold for ever."""
        with pytest.raises(SettingsError, match="wider than freezer has it"):
            stored(tmp_path, "", '"freezer"')
        assert stored(tmp_path, "storage = [-50.0, -15.0]", '"freezer"')["storage"] == [
            -50_000, -15_000,
        ]  # fmt: skip
