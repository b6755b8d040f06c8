"""Mains that fail, end to end: within ten seconds an SMS; an empty battery ends the agent in order."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.support.agents import EN, MODEM, ZH, AgentProcess
from tests.support.mosquitto import Mosquitto
from tests.support.smsd import Rig, needs_smsd

# A contact on a GPIO line wakes the cycle at each change. The file that stands for it here does
# not, so it is looked at every two seconds.
EVERY = "2s"
POWER = """
[power]
mains = "fridge-1/mains/present"
battery = "fridge-1/battery/charge"
end_below = 10.0
last_word_within = "60s"
poweroff = ["touch", "{folder}/switched-off"]
"""
POINTS = """
[[assets.points]]
name = "mains"
quantity = "present"
driver = {{ kind = "simulated", path = "{folder}/mains" }}
[[assets.points]]
name = "battery"
quantity = "charge"
driver = {{ kind = "simulated", path = "{folder}/charge" }}
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A modem and its gammu-smsd."""
    needs_smsd()
    with Rig(tmp_path / "smsd") as made:
        yield made


def agent_on(folder: Path, port: int, *, modem: bool, speed: float) -> AgentProcess:
    """Return an agent with mains and a battery."""
    parts = POWER.format(folder=folder)
    if modem:
        parts += MODEM.format(database=folder / "smsd" / "smsd.db")
    agent = AgentProcess(
        folder, port, parts=parts, points=POINTS.format(folder=folder), speed=speed, every=EVERY
    )
    agent.set("mains", 1_000)
    agent.set("charge", 90_000)
    return agent


def test_lost_mains_are_told_within_ten_seconds_where_no_hub_answers(
    tmp_path: Path, mosquitto: Mosquitto, rig: Rig
) -> None:
    """In both languages; the event is in the stream, with what is known of the fridge: nothing."""
    with agent_on(tmp_path, mosquitto.port, modem=True, speed=1.0) as agent:
        wait_for(lambda: "agent=started" in agent.log(), 30)
        time.sleep(3.0)
        began = time.monotonic()
        agent.set("mains", 0)
        wait_for(lambda: "own-" in (agent.state / "modem.json").read_text(), 30)
        owed_s = time.monotonic() - began
        wait_for(lambda: len(rig.modem.messages) == 2, 60)
        print(
            f"mains lost: SMS owed after {owed_s:.1f} s, out after {time.monotonic() - began:.1f} s"
        )
        # Two seconds until it is looked at, two of the rule, three for the hub; the rest is slack.
        assert owed_s < 12.0
        texts = {message.to: message.text for message in rig.modem.messages}
        assert "East Gate, Fridge 1: MAINS LOST since" in texts[EN]
        assert "停电" in texts[ZH]
        assert "hold" not in texts[EN]
        wait_for(lambda: len(agent.events("power.mains-lost")) == 1, 10)
        (lost,) = agent.events("power.mains-lost")
        assert lost["body"]["holds"][0]["known"] is False


def test_an_empty_battery_ends_the_agent_in_order_and_mains_start_it_again(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """The last word is at the hub, the status says why, the command ran, and the exit is 0."""
    hub = SmallHub(mosquitto.port).start()
    agent = agent_on(tmp_path, mosquitto.port, modem=False, speed=5.0)
    agent.start()
    try:
        wait_for(lambda: hub.stored() > 3, 30)
        agent.set("charge", 5_000)
        time.sleep(2.0)
        assert not (tmp_path / "switched-off").exists()
        agent.set("mains", 0)
        assert agent.process is not None
        try:
            assert agent.process.wait(60) == 0, agent.log()
        except subprocess.TimeoutExpired:
            pytest.fail(agent.log())
        assert (tmp_path / "switched-off").exists()
        last = hub.statuses[-1]
        assert last.state == "offline"
        assert [text for text in last.problems if "battery empty: 5.0 % without mains" in text]
        assert hub.held is not None
        heard = [body["event"] for body in hub.held.bodies() if body["kind"] == "event"]
        assert heard == ["power.mains-lost", "power.ending"]

        agent.set("mains", 1_000)
        stored = hub.stored()
        agent.start()
        wait_for(lambda: hub.stored() >= stored + 3, 30)
        wait_for(lambda: hub.statuses[-1].state == "online", 10)
        assert not any("battery" in text for text in hub.statuses[-1].problems)
    finally:
        agent.end()
        hub.stop()
