"""Mains and battery: what the part `power` concludes, records and ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.agent import AgentSettings
from config.loading import SettingsError
from firmware_agent.chain import Draft
from firmware_agent.health import Health
from firmware_agent.panel import PanelState, Progress
from firmware_agent.parts import Context, Cycle
from firmware_agent.power import PowerPart
from firmware_agent.power_steps import CONFIRM_MS, Battery, Mains
from firmware_agent.sampler import Taken
from firmware_agent.settings import read_plan
from firmware_agent.warmups import WarmUps
from sensors.contract import Sample
from tests.firmware_agent.worlds import SERIES, HandClock, make_plan

MAINS, BATTERY = "fridge-1/mains/present", "fridge-1/battery/charge"
STATE = PanelState("inside", False, None, (), frozenset(), 0, ())


class World:
    """The part, on a clock that the test moves."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = HandClock()
        self.health = Health()
        self.woken = 0
        self.ended: list[Sequence[str]] = []
        given: dict[str, Any] = {
            "mains": MAINS, "battery": BATTERY, "end_below": 10_000, "held_for": 3,
            "last_word_within": 20_000, "poweroff": ["switch-off"],
        }  # fmt: skip
        self.part = PowerPart(
            Context(
                given | settings, make_plan(folder), self.clock, self.health, self._wake,
                self.ended.append,
            )
        )  # fmt: skip
        self.recorded = self.judged = 0

    def _wake(self) -> None:
        self.woken += 1

    def cycle(self, after_ms: int = 10_000, **values: int | None) -> list[Draft]:
        """Have a cycle in which mains, charge and temperature are as given."""
        self.clock.pass_ms(after_ms)
        names = {"mains": MAINS, "charge": BATTERY, "temperature": SERIES}
        taken = [
            Taken(
                names[name],
                self.clock.mono_ms(),
                Sample(value, "ok" if value is not None else "rejected:crc"),
            )
            for name, value in values.items()
        ]
        found = self.part.drafts(Cycle(self.clock.now_ms(), self.clock.mono_ms(), True, taken))
        self.recorded += len(found) + len(taken)
        progress = Progress(recorded=self.recorded, judged=self.judged)
        self.part.show(replace(STATE, progress=progress))
        return found

    def events(self, found: list[Draft]) -> list[str]:
        """Return the names of the events."""
        return [str(draft.fields["event"]) for draft in found]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One world."""
    return World(tmp_path)


def test_lost_mains_are_an_event_after_two_readings(world: World) -> None:
    """The first asks for another look two seconds later; the second makes it certain."""
    assert world.cycle(mains=1_000, temperature=5_000) == []
    assert world.cycle(mains=0) == []
    assert world.part._timer is not None
    assert world.part._timer.interval == pytest.approx(2.1)
    world.part._timer.cancel()
    (lost,) = world.cycle(2_100, mains=0)
    assert lost.fields["event"] == "power.mains-lost"
    assert lost.fields["subject"] == MAINS
    assert lost.fields["body"] == {"holds": [{"series": SERIES, "known": False, "from": 5_000}]}
    assert world.cycle(mains=0) == []
    assert world.cycle(mains=1_000) == []
    (back,) = world.cycle(mains=1_000)
    assert back.fields["event"] == "power.mains-back"
    assert back.fields["body"]["without_mains_ms"] == 10_000 + 2_100 + 20_000
    world.part.close()


def test_a_flicker_is_nothing(world: World) -> None:
    """Shorter than two seconds, and one bad reading."""
    world.cycle(mains=1_000)
    assert world.cycle(mains=0) == []
    assert world.cycle(1_000, mains=1_000) == []
    assert world.cycle(mains=0) == []
    assert world.cycle(mains=1_000) == []
    world.part.close()


def lose(world: World) -> None:
    """Lose the mains for certain."""
    world.cycle(mains=0, charge=50_000)
    assert world.events(world.cycle(mains=0, charge=50_000)) == ["power.mains-lost"]


def test_the_battery_ends_with_a_last_word_and_then_the_command(world: World) -> None:
    """Three readings in a row; the hub hears the event before the Pi is switched off."""
    lose(world)
    assert world.cycle(mains=0, charge=9_900) == []
    assert world.cycle(mains=0, charge=9_900) == []
    (word,) = world.cycle(mains=0, charge=9_800)
    assert word.fields["event"] == "power.ending"
    assert word.fields["body"]["battery"] == 9_800
    assert world.ended == []
    assert world.health.problems() == (
        "power: battery empty: 9.8 % without mains; the agent ends and the Pi is switched off",
    )
    world.judged = world.recorded
    assert world.cycle(1_000, mains=0, charge=9_800) == []
    assert world.ended == [("switch-off",)]
    world.part.close()


def test_a_hub_that_does_not_hear_holds_nothing_up(world: World) -> None:
    """After twenty seconds the Pi is switched off all the same: the spool has the event."""
    lose(world)
    for _ in range(3):
        world.cycle(mains=0, charge=5_000)
    world.cycle(19_000, mains=0, charge=5_000)
    assert world.ended == []
    world.cycle(1_000, mains=0, charge=5_000)
    assert world.ended == [("switch-off",)]
    world.part.close()


def test_mains_that_come_back_in_the_last_moment_end_nothing(world: World) -> None:
    """It goes on, and a later loss has its own last word."""
    lose(world)
    for _ in range(3):
        world.cycle(mains=0, charge=5_000)
    world.cycle(1_000, mains=1_000, charge=5_000)
    assert world.events(world.cycle(2_100, mains=1_000, charge=5_000)) == ["power.mains-back"]
    assert world.health.problems() == ()
    world.cycle(60_000, mains=1_000, charge=5_000)
    assert world.ended == []
    world.cycle(mains=0, charge=5_000)
    assert world.events(world.cycle(mains=0, charge=5_000)) == ["power.mains-lost"]
    world.cycle(mains=0, charge=5_000)
    assert world.events(world.cycle(mains=0, charge=5_000)) == ["power.ending"]
    world.part.close()


def test_without_a_command_it_goes_on_to_the_last(tmp_path: Path) -> None:
    """An agent that ended while the Pi lives would not come back with the mains."""
    world = World(tmp_path, poweroff=[])
    lose(world)
    said = [name for _ in range(20) for name in world.events(world.cycle(mains=0, charge=5_000))]
    assert said == ["power.ending"]
    assert world.ended == []
    world.part.close()


def test_one_bad_reading_of_the_battery_ends_nothing(world: World) -> None:
    """Low, well, low, failed, low, well: never three in a row."""
    lose(world)
    for charge in (0, 60_000, 0, None, 0, 60_000, 0, 0, 60_000):
        assert world.cycle(mains=0, charge=charge) == []
    world.part.close()


def test_a_low_battery_with_mains_is_being_charged(world: World) -> None:
    """After an outage the Pi starts with an empty battery, and must stay."""
    for _ in range(10):
        assert world.cycle(mains=1_000, charge=1_000) == []
    world.part.close()


def test_a_warm_up_teaches_and_the_next_loss_says_for_how_long(tmp_path: Path) -> None:
    """Also after a restart: what was learned is on the card."""
    world = World(tmp_path)
    world.cycle(mains=1_000, temperature=4_000)
    assert world.events(world.cycle(mains=0, temperature=4_000)) == []
    assert world.events(world.cycle(mains=0, temperature=4_000)) == ["power.mains-lost"]
    for minute in range(90):
        world.cycle(60_000, mains=0, temperature=4_000 + 30 * minute)
    world.cycle(mains=1_000, temperature=6_700)
    (back,) = world.cycle(mains=1_000, temperature=6_700)
    assert back.fields["body"]["taught"] == [SERIES]
    world.part.close()

    again = World(tmp_path)
    again.cycle(mains=1_000, temperature=4_000)
    again.cycle(mains=0, temperature=4_000)
    (lost,) = again.cycle(mains=0, temperature=4_000)
    (holds,) = lost.fields["body"]["holds"]
    assert holds["known"] is True
    assert holds["minutes_low"] < 133 < holds["minutes_high"]
    assert all(isinstance(value, int | str) for value in holds.values())
    again.part.close()


def test_nobody_is_promised_anything_from_a_probe_that_died(tmp_path: Path) -> None:
    """It was at 4.0 an hour ago; what it is now, nobody knows."""
    known = [
        {"tau_ms": 36_000_000, "ambient": 24_000, "ambient_known": False, "lasted_ms": 7_200_000}
    ]
    (tmp_path / "warmups.json").write_text(json.dumps({SERIES: known}))
    world = World(tmp_path)
    world.cycle(mains=1_000, temperature=4_000)
    world.cycle(3_600_000, mains=0, temperature=None)
    (lost,) = world.cycle(mains=0, temperature=None)
    assert lost.fields["body"]["holds"] == [{"series": SERIES, "known": False}]
    world.part.close()


def test_the_mains_of_a_room_speak_for_all_its_fridges(tmp_path: Path) -> None:
    """Of a fridge that is not there nothing is known, and nothing was said."""
    known = [
        {"tau_ms": 36_000_000, "ambient": 24_000, "ambient_known": False, "lasted_ms": 7_200_000}
    ]
    (tmp_path / "warmups.json").write_text(json.dumps({SERIES: known}))
    warm_ups = WarmUps(tmp_path, make_plan(tmp_path).series)
    minutes = warm_ups.holds_minutes("fridge-1", {SERIES: 4_000})
    assert minutes is not None
    assert warm_ups.holds_minutes("room", {SERIES: 4_000}) == minutes
    assert warm_ups.holds_minutes("room", {}) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 30_000)), max_size=40))
def test_mains_turn_only_when_two_readings_agree(story: list[tuple[bool, int]]) -> None:
    """Lost and back take turns, and each has stood for the two seconds."""
    mains, now, turns = Mains(), 0, []
    stood: tuple[bool, int] | None = None
    for present, after in story:
        now += after
        if stood is None or stood[0] != present:
            stood = (present, now)
        mains, turn = mains.reading(present, now)
        if turn:
            assert now - stood[1] >= CONFIRM_MS
            assert present == (turn == "back")
            turns.append(turn)
    assert turns == ["lost", "back"] * (len(turns) // 2) + ["lost"] * (len(turns) % 2)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.booleans()), max_size=30))
def test_the_battery_is_empty_only_by_readings_in_a_row(story: list[tuple[int, bool]]) -> None:
    """The count is that of the low readings since the last one that was not, without mains."""
    battery, row = Battery(), 0
    for value, lost in story:
        battery = battery.reading(value, 10_000, mains_lost=lost)
        row = row + 1 if lost and value < 10_000 else 0
        assert battery.low == row


SETTINGS = """
site = "east-gate"
device = "pi-1"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "mains"
quantity = "present"
driver = {{ kind = "simulated" }}
[[assets.points]]
name = "battery"
quantity = "{battery}"
driver = {{ kind = "simulated" }}
[power]
{power}
"""


def write(tmp_path: Path, power: str, battery: str = "charge") -> Path:
    """Write settings with this section."""
    path = tmp_path / "agent.toml"
    path.write_text(SETTINGS.format(power=power, battery=battery))
    return path


def test_good_settings(tmp_path: Path) -> None:
    """They reach the part as plain values."""
    power = f'mains = "{MAINS}"\nbattery = "{BATTERY}"\nend_below = 12.5\npoweroff = ["true"]'
    plan = read_plan(write(tmp_path, power))
    assert plan.parts["power"]["end_below"] == 12_500
    assert plan.parts["power"]["held_for"] == 3
    assert AgentSettings.model_fields["power"].default is None


@pytest.mark.parametrize(
    ("power", "part"),
    [
        ('mains = "fridge-1/mains/on"', "no point of this agent is fridge-1/mains/on"),
        (f'mains = "{BATTERY}"', "is no series of present"),
        (f'mains = "{MAINS}"\nbattery = "{BATTERY}"', "belong together"),
        (f'mains = "{MAINS}"\npoweroff = ["true"]', "needs `battery`"),
        (
            f'mains = "{MAINS}"\nbattery = "{MAINS}"\nend_below = 1',
            "no series of charge or voltage",
        ),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, power: str, part: str) -> None:
    """In one line, with what to write."""
    with pytest.raises(SettingsError) as error:
        read_plan(write(tmp_path, power))
    assert part in str(error.value)
