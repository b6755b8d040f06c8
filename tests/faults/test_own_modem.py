"""The agent's own modem, end to end: agent, broker, gammu-smsd and a modem, each a real process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.engine import StreamEngine
from firmware_agent.telling import Book, Message, Teller
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.support.agents import EN, MODEM, ZH, AgentProcess
from tests.support.mosquitto import Mosquitto
from tests.support.smsd import Rig, needs_smsd

# The rule's ten minutes and the hub's two are 7.2 s.
SPEED = 100.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A modem and its gammu-smsd."""
    needs_smsd()
    with Rig(tmp_path / "smsd", retries=1) as made:
        yield made


def agent_on(tmp_path: Path, port: int) -> AgentProcess:
    """Return an agent with a modem of its own."""
    parts = MODEM.format(database=tmp_path / "smsd" / "smsd.db")
    return AgentProcess(tmp_path, port, parts=parts, speed=SPEED)


def open_ids(hub: SmallHub) -> Callable[[], list[str]]:
    """Return a function that says which excursions of rules that tell the hub's records open."""

    def ids() -> list[str]:
        with hub.lock:
            held = hub.held
            if held is None:
                return []
            engine = StreamEngine(held.stream)
            decisions = [d for body in held.bodies() for d in engine.feed_record(body)]
        return [d.id for d in decisions if d.happening == "opened" and d.rule.tells]

    return ids


def test_with_a_dead_hub_people_are_told_by_the_agent_and_once(
    tmp_path: Path, mosquitto: Mosquitto, rig: Rig
) -> None:
    """In both languages, within the rule's delay and two minutes; then that it is over; recorded."""
    with agent_on(tmp_path, mosquitto.port) as agent:
        wait_for(lambda: "agent=started" in agent.log(), 30)
        began = time.monotonic()
        agent.set("temperature", 9_500)
        wait_for(lambda: len(rig.modem.messages) == 2, 60)
        took_s = time.monotonic() - began
        # 7.2 s by the rules; the rest is gammu-smsd's and this machine's.
        assert 7.0 <= took_s < 7.2 + 20
        texts = {message.to: message.text for message in rig.modem.messages}
        assert texts[ZH].startswith("【疫苗冷链】东门接种点 1号冰箱 温度过高 9.5℃")
        assert "VACCINE ALARM: East Gate, Fridge 1 TOO HOT: 9.5C (max 8C)" in texts[EN]
        assert all(message.parts == 1 for message in rig.modem.messages)

        agent.set("temperature", 5_000)
        wait_for(lambda: len(rig.modem.messages) == 4, 60)
        assert all("RECOVERED" in m.text or "恢复" in m.text for m in rig.modem.messages[2:])
        wait_for(lambda: len(agent.events("modem.sent")) == 4, 30)
        time.sleep(1.5)
    notices = [event["body"] for event in agent.events("modem.sent")]
    assert len(rig.modem.messages) == len(notices) == 4
    assert {item["step"] for item in notices} == {"opened", "recovered"}
    assert {item["to"]["phone"]: item["text"] for item in notices[:2]} == texts
    assert all(item["state"] == "sent" and item["excursions"] for item in notices)


def test_what_the_hub_has_told_the_agent_does_not_tell(
    tmp_path: Path, mosquitto: Mosquitto, rig: Rig
) -> None:
    """Told within the two minutes: no SMS, neither of the opening nor of the end."""
    hub = SmallHub(mosquitto.port).start()
    ids = open_ids(hub)
    with agent_on(tmp_path, mosquitto.port) as agent:
        agent.set("temperature", 9_500)
        wait_for(lambda: bool(ids()), 60)
        told: dict[str, Any] = {"v": 1, "at": 1, "excursions": ids()}
        hub.publish("told", json.dumps(told).encode())
        time.sleep(2.0)  # 200 s
        agent.set("temperature", 5_000)
        time.sleep(6.5)  # 650 s
        assert rig.modem.messages == []
        assert agent.events("modem.sent") == []
    hub.stop()


def test_an_agent_killed_while_it_tells_tells_once(
    tmp_path: Path, mosquitto: Mosquitto, rig: Rig
) -> None:
    """Killed as soon as gammu-smsd has the SMS, and again and again: one each, and each recorded."""
    agent = agent_on(tmp_path, mosquitto.port)
    agent.start()
    agent.set("temperature", 9_500)
    wait_for(lambda: bool(rig.modem.messages), 60)
    for pause in (0.0, 0.7, 1.5):
        agent.kill()
        agent.start()
        time.sleep(pause)
    try:
        wait_for(lambda: len(agent.events("modem.sent")) >= 2, 60)
        time.sleep(2.0)
        assert sorted(message.to for message in rig.modem.messages) == [ZH, EN]
        keys = {event["body"]["key"] for event in agent.events("modem.sent")}
        assert len(keys) == 2
    finally:
        agent.end()


def test_a_dead_modem_is_told_and_people_are_told_when_it_is_back(tmp_path: Path, rig: Rig) -> None:
    """gammu-smsd gives up; that is on health, and a minute later it is tried anew, and once."""
    problems: list[str | None] = []
    teller = Teller(Book.open(tmp_path / "modem.json"), rig.channel, problems.append)
    rig.modem.refuse(count=500, code=331)
    teller.add([Message("own-e1-opened-li", "li", ZH, "1号冰箱", "opened", ["e1"], 1)])

    def refused() -> bool:
        teller.round(0.0)
        return "refused" in (problems[-1] or "")

    wait_for(refused, 60)
    assert "no network" in (problems[-1] or "")
    rig.modem.heal()

    def sent() -> bool:
        teller.round(60.0)
        return teller.messages["own-e1-opened-li"].state == "sent"

    wait_for(sent, 60)
    teller.round(61.0)
    assert problems[-1] is None
    assert rig.texts() == ["1号冰箱"]
