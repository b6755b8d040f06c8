"""The part `modem`, cycle by cycle, without a network: what it owes, remembers and records."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.codes import code_of
from alerts.engine import Thread
from config.loading import SettingsError
from firmware_agent.chain import Draft
from firmware_agent.health import Health
from firmware_agent.judging import Excursion
from firmware_agent.modem import ModemPart
from firmware_agent.panel import PanelState, Progress
from firmware_agent.parts import Context, Cycle
from firmware_agent.sampler import Taken
from firmware_agent.settings import read_plan
from sensors.contract import Sample
from tests.firmware_agent.channels import MemoryChannel
from tests.firmware_agent.worlds import SERIES, HandClock, make_plan

STREAM = "5" * 32
SETTINGS: dict[str, Any] = {
    "database": "unused",
    "site_name": {"zh": "东门接种点", "en": "East Gate"},
    "zone": "Asia/Shanghai",
    "tell": [
        {"id": "li", "name": "李", "phone": "+8613900000001", "language": "zh"},
        {"id": "amy", "name": "Amy", "phone": "+8613900000002", "language": "en"},
    ],
    "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
}


class World:
    """The part on a clock that the test moves; the channel outlives it."""

    def __init__(
        self, folder: Path, channel: MemoryChannel, clock: HandClock, boot: str = "b" * 32
    ) -> None:
        self.channel, self.clock = channel, clock
        self.health = Health()
        plan = make_plan(folder)
        context = Context(SETTINGS, plan, clock, self.health, lambda: None)
        self.part = ModemPart(context, channel, boot)
        self.part._started_ms = clock.mono_ms()
        self.listed: frozenset[str] = frozenset()
        self.problems: tuple[str, ...] = ()
        self.events: list[Draft] = []

    def excursion(self) -> Excursion:
        """Return a fridge that is too warm."""
        start = self.clock.now_ms() - 180_000
        return Excursion(
            "e" * 16, "e" * 16, SERIES, "test/warm", "above", "certain", start,
            start + 180_000, None, 9_500, 3, True,
        )  # fmt: skip

    def cycle(self, *open_: Excursion, after_ms: int = 10_000, value: int = 9_500) -> None:
        """Have a cycle in which this is open; hand over and ask, as the thread would."""
        self.clock.pass_ms(after_ms)
        now_ms = self.clock.mono_ms()
        taken = [Taken(SERIES, now_ms, Sample(value, "ok"))]
        self.events += self.part.drafts(Cycle(self.clock.now_ms(), now_ms, True, taken))
        threads = frozenset(Thread(e.thread, e.series, e.rule, e.side) for e in open_)
        progress = Progress(STREAM, 10, 10, self.listed, threads)
        state = PanelState("inside", False, None, open_, frozenset(), 0, self.problems, progress)
        self.part.show(state)
        self.part._teller.round(time.monotonic())

    def texts(self) -> list[str]:
        """Return what the channel has, in order."""
        return [text for _, text in self.channel.taken.values()]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One world."""
    return World(tmp_path, MemoryChannel(), HandClock())


def test_two_minutes_for_the_hub_then_everybody_in_their_language_then_the_notice(
    world: World,
) -> None:
    """Nothing at 1:59; at 2:00 one SMS each; each recorded once; over, once."""
    warm = world.excursion()
    world.cycle(warm)
    world.cycle(warm, after_ms=119_000)
    assert world.texts() == []
    world.cycle(warm, after_ms=1_000)
    assert len(world.texts()) == 2
    assert world.texts()[0].startswith("【疫苗冷链】东门接种点 1号冰箱 温度过高 9.5℃（上限8℃）")
    assert "East Gate, Fridge 1 TOO HOT: 9.5C (max 8C)" in world.texts()[1]
    assert world.texts()[0].endswith(f"回复{code_of(warm.id)}确认")
    assert world.texts()[1].endswith(f" Answer {code_of(warm.id)}.")
    for _ in range(3):
        world.cycle(warm)
    assert [draft.fields["event"] for draft in world.events] == ["modem.sent"] * 2
    assert [draft.fields["body"]["said"] for draft in world.events] == [[warm.id]] * 2
    body = world.events[1].fields["body"]
    assert body["to"] == {"person": "amy", "phone": "+8613900000002"}
    assert (body["state"], body["excursions"], body["text"]) == (
        "sent", [warm.id], world.texts()[1],
    )  # fmt: skip

    world.cycle(value=5_000)
    world.cycle(value=5_000)
    assert len(world.texts()) == 4
    assert "RECOVERED: East Gate, Fridge 1: 5.0C since" in world.texts()[3]
    assert "Answer" not in world.texts()[3]


def test_what_one_sms_joins_its_notice_says(world: World) -> None:
    """Too warm, and its door stands open: one SMS each that says both, and a notice of both."""
    warm = world.excursion()
    door = replace(
        warm, id="d" * 16, thread="d" * 16, series="fridge-1/door/open", rule="test/door"
    )
    for after_ms in (10_000, 120_000, 10_000):
        world.cycle(warm, door, after_ms=after_ms)

    assert len(world.texts()) == 2
    assert "TOO HOT 9.5C" in world.texts()[1]
    assert "DOOR OPEN" in world.texts()[1]
    assert [set(draft.fields["body"]["said"]) for draft in world.events] == [{warm.id, door.id}] * 2


def test_what_an_earlier_version_wrote_is_not_said_to_speak_of_all(tmp_path: Path) -> None:
    """Its SMS of several alarms spoke of the first one; sent by this version it still does."""
    old = {
        "key": "own-1", "person": "li", "phone": "+8613900000001", "text": "…", "step": "opened",
        "about": ["e" * 16, "d" * 16], "at": 1, "state": "waiting", "reason": "", "tries": 1,
        "recorded": False,
    }  # fmt: skip
    (tmp_path / "modem.json").write_text(json.dumps({"messages": [old], "memory": {}}))
    world = World(tmp_path, MemoryChannel(), HandClock())
    world.cycle()
    world.cycle()

    (event,) = world.events
    assert event.fields["body"]["state"] == "sent"
    assert "said" not in event.fields["body"]
    # And so a version that goes back reads what this one has written.
    (kept,) = json.loads((tmp_path / "modem.json").read_text())["messages"]
    assert kept.keys() == old.keys()


def test_told_by_the_hub_at_one_fifty_nine(world: World) -> None:
    """No SMS, and no word of the end."""
    warm = world.excursion()
    world.cycle(warm)
    world.listed = frozenset({warm.id})
    world.cycle(warm, after_ms=119_000)
    world.cycle(warm, after_ms=600_000)
    world.cycle(value=5_000)
    assert world.texts() == []
    assert world.events == []


def test_told_by_the_hub_at_two_o_one(world: World) -> None:
    """In doubt a second SMS went out; the notice says so, and the end is told by both."""
    warm = world.excursion()
    world.cycle(warm)
    world.cycle(warm, after_ms=120_000)
    world.listed = frozenset({warm.id})
    world.cycle(warm, after_ms=1_000)
    assert len(world.texts()) == 2
    assert len(world.events) == 2


def test_told_by_the_hub_while_our_modem_is_broken(world: World) -> None:
    """What the channel has not taken is taken back, and that is recorded too."""
    warm = world.excursion()
    world.channel.broken = "no modem"
    world.cycle(warm)
    world.cycle(warm, after_ms=120_000)
    assert world.health.problems() == ("modem: SMS cannot be handed over: no modem",)
    world.listed = frozenset({warm.id})
    world.cycle(warm)
    world.channel.broken = ""
    world.cycle(warm)
    assert world.texts() == []
    assert [draft.fields["body"]["state"] for draft in world.events] == ["spared", "spared"]
    assert world.health.problems() == ()
    world.cycle(value=5_000)
    world.cycle(value=5_000)
    assert world.texts() == [], "who was not told by us of the beginning hears the end of the hub"


def test_a_start_that_was_a_guess_is_not_told_at_the_end(world: World) -> None:
    """A Pi that booted in 1970 and has the time since: nothing has lasted for fifty years."""
    warm = world.excursion()
    guess = replace(warm, start=180_000)
    world.cycle(guess)
    world.cycle(guess, after_ms=120_000)
    world.cycle(warm)
    world.cycle(value=5_000)
    world.cycle(value=5_000)
    assert "TOO HOT for 5 min" in world.texts()[3]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_the_hub_has_told_stays_told_while_it_is_open_here(
    tmp_path: Path, *, restarts: bool
) -> None:
    """The hub lists what it calls over for a day: a person has said there that the probe is dead."""
    channel, clock = MemoryChannel(), HandClock()
    world = World(tmp_path, channel, clock)
    warm = world.excursion()
    world.listed = frozenset({warm.id})
    world.cycle(warm)
    if restarts:
        world = World(tmp_path, channel, clock)
    world.listed = frozenset()
    for _ in range(3):
        world.cycle(warm, after_ms=120_000)
    assert world.texts() == []

    # Over here as well, and open again: that is another matter.
    world.cycle(value=5_000)
    again = replace(warm, id="f" * 16, thread="f" * 16)
    world.cycle(again)
    world.cycle(again, after_ms=120_000)
    assert len(world.texts()) == 2


@pytest.mark.parametrize("told", [[{"thread": "e1"}], [3], {"a": 1}])
def test_a_memory_of_another_version_keeps_no_agent_from_starting(
    tmp_path: Path, told: object
) -> None:
    """What was open is told anew; twice is better than never."""
    (tmp_path / "modem.json").write_text(json.dumps({"messages": [], "memory": {"told": told}}))
    world = World(tmp_path, MemoryChannel(), HandClock())
    warm = world.excursion()
    world.cycle(warm)
    world.cycle(warm, after_ms=120_000)
    assert len(world.texts()) == 2


@pytest.mark.parametrize("boots", ["aaaaaa", "abcdef"], ids=["started anew", "booted anew"])
def test_whatever_is_killed_in_between_it_is_one_sms_each(tmp_path: Path, boots: str) -> None:
    """Killed before and behind each step: told once, recorded at least once under one key."""
    channel, clock = MemoryChannel(), HandClock()
    warm = World(tmp_path, channel, clock).excursion()
    keys = []
    for boot in boots:
        world = World(tmp_path, channel, clock, boot * 32)
        world.cycle(warm, after_ms=30_000)
        world.cycle(warm, after_ms=30_000)
        keys += [draft.fields["body"]["key"] for draft in world.events]
    assert len(channel.taken) == 2
    assert len(set(keys)) == 2


def test_a_spool_that_takes_nothing_has_the_notice_in_memory(world: World) -> None:
    """While records are in memory only, a notice does not count as recorded, and comes once."""
    warm = world.excursion()
    world.problems = ("spool: takes nothing: disk full",)
    world.cycle(warm)
    world.cycle(warm, after_ms=120_000)
    for _ in range(3):
        world.cycle(warm)
    assert len(world.events) == 2, "one for each person, however long the disk takes nothing"
    assert not any(message.recorded for message in world.part._teller.messages.values())
    world.problems = ()
    world.cycle(warm)
    assert all(message.recorded for message in world.part._teller.messages.values())


def test_lost_mains_say_for_how_long_the_fridge_should_hold(tmp_path: Path) -> None:
    """By what earlier warm-ups taught, also when that was learned after this part began."""
    world = World(tmp_path, MemoryChannel(), HandClock())
    start = world.clock.now_ms()
    lost = Excursion(
        "d" * 16, "d" * 16, "fridge-1/mains/present", "cn-gsp/mains", "below", "certain", start,
        start, None, 0, 3, True,
    )  # fmt: skip
    known = [
        {"tau_ms": 36_000_000, "ambient": 24_000, "ambient_known": False, "lasted_ms": 7_200_000}
    ]
    (tmp_path / "warmups.json").write_text(json.dumps({SERIES: known}))
    world.cycle(lost, value=4_000)
    world.cycle(lost, after_ms=120_000, value=4_000)
    text = world.texts()[1]
    assert "East Gate, Fridge 1: MAINS LOST since" in text
    assert "Inside 4.0C. Should hold 54 min or more." in text


def test_a_panels_rule_is_no_message(world: World) -> None:
    """A rule that does not tell stays on the panel."""
    quiet = replace(world.excursion(), tells=False)
    world.cycle(quiet)
    world.cycle(quiet, after_ms=3_600_000)
    assert world.texts() == []


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (('phone = "+861', 'phone = "861-'), "5 to 15 digits"),
        (('id = "amy"', 'id = "li"'), "person li is given 2 times"),
        (('database = "', 'databank = "'), "database"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, change: tuple[str, str], part: str) -> None:
    """In one line, with what to write."""
    from tests.support.agents import MODEM
    from tests.support.agents import SETTINGS as AGENT

    text = AGENT.format(
        state=tmp_path, port=1, every="10s", temperature="t", points="",
        parts=MODEM.format(database="smsd.db"),
    )  # fmt: skip
    path = tmp_path / "agent.toml"
    path.write_text(text)
    assert read_plan(path).parts["modem"]["tell"][1]["language"] == "en"
    path.write_text(text.replace(*change))
    with pytest.raises(SettingsError) as error:
        read_plan(path)
    assert part in str(error.value)
