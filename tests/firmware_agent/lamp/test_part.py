"""The lamp as a part of the agent: real loop, lines in a folder, the circuit of the wiring page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.clock import SystemClock
from firmware_agent.agent import Agent
from firmware_agent.health import Health
from firmware_agent.lamp.facts import Happening, Request
from firmware_agent.lamp.part import LampPart
from firmware_agent.panel import panel_state
from firmware_agent.parts import Context, Cycle
from firmware_agent.plan import Plan
from protocol.topics import topic
from simulator.lamp_circuit import LampCircuit
from simulator.lines import Lines
from tests.firmware_agent.lamp.scenes import lamp_table
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.worlds import HandClock, make_plan
from tests.support.mosquitto import Mosquitto

RELAY, PULSE, DOOR, PRESENCE, BUTTON, BEACON = 23, 24, 17, 27, 5, 25
COMMAND = topic("east-gate", "pi-1", "command")


class Room:
    """A room with a lamp: its lines, and whether the tube burns."""

    def __init__(self, folder: Path) -> None:
        self.lines = Lines(folder)
        self.circuit = LampCircuit()
        self.ending = threading.Event()
        self.lit = False
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.shut()
        self.empty()
        self.press(down=False)

    def shut(self, *, door: bool = True) -> None:
        """Shut the door, or open it."""
        self.lines.drive(DOOR, level=not door)

    def empty(self, *, nobody: bool = True) -> None:
        """Leave the room, or enter."""
        self.lines.drive(PRESENCE, level=not nobody)

    def press(self, *, down: bool = True) -> None:
        """Press the button, or let it go."""
        self.lines.drive(BUTTON, level=not down)

    def relay(self) -> bool:
        """Whether the relay line is high."""
        return self.lines.level(RELAY)

    def _watch(self) -> None:
        while not self.ending.wait(0.02):
            self.lit = self.circuit.look(
                time.monotonic(),
                relay=self.relay(),
                pulse=self.lines.level(PULSE),
                door_shut=not self.lines.driven(DOOR),
            )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room with shut door and nobody in it."""
    room = Room(tmp_path / "gpio")
    room.thread.start()
    yield room
    room.ending.set()
    room.thread.join()


@pytest.fixture
def hub(mosquitto: Mosquitto) -> Iterator[SmallHub]:
    """A hub behind a real broker."""
    hub = SmallHub(mosquitto.port).start()
    yield hub
    hub.stop()


def lamp_plan(tmp_path: Path, port: int = 1, **changes: Any) -> Plan:
    """Return a plan with one lamp on a folder."""
    table = lamp_table(door_settle="200ms", button={"line": BUTTON}, **changes)
    # Shorter than any settings file may ask for: a test has no eyes to protect.
    table |= {"warning": 400, "empty_for": 300, "cool_down": 300}
    return make_plan(
        tmp_path / "state",
        port,
        parts={"lamp": {"zone": "Asia/Shanghai", "lamps": [table]}},
        gpio={"adapter": "folder", "folder": str(tmp_path / "gpio")},
    )


@contextmanager
def running(plan: Plan, synchronised: Callable[[], bool] = lambda: True) -> Iterator[Agent]:
    """Run an agent in a thread."""
    agent = Agent(plan, SystemClock(), synchronised=synchronised)
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        yield agent
    finally:
        agent.stop()
        thread.join(5)


def lamp_of(agent: Agent) -> LampPart:
    """Return the lamp's part."""
    ((_, part),) = agent._parts
    assert isinstance(part, LampPart)
    return part


def light(agent: Agent, room: Room) -> None:
    """Bring the lamp on by a request, asked again until all has settled."""
    deadline = time.monotonic() + 30
    part = lamp_of(agent)
    while not room.lit:
        assert time.monotonic() < deadline, agent.health.problems()
        if part._circuits["lamp-1"].state.phase == "off":
            until = agent._clock.mono_ms() + 1_000
            part.request("lamp-1", Request("start", "page", "li", 30, until))
        time.sleep(0.1)


def events(hub: SmallHub, event: str) -> list[dict[str, Any]]:
    """Return the bodies of these events, as they reached the hub."""
    held = hub.held
    bodies = held.bodies() if held is not None else []
    return [body["body"] for body in bodies if body.get("event") == event]


@pytest.mark.parametrize("what", ["door", "presence"])
def test_an_interlock_puts_it_out_and_the_hub_learns_of_the_cycle(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub, room: Room, what: str
) -> None:
    """Through real lines, loop, spool and broker."""
    with running(lamp_plan(tmp_path, mosquitto.port)) as agent:
        light(agent, room)
        assert room.lines.level(BEACON)
        if what == "door":
            room.shut(door=False)
        else:
            room.empty(nobody=False)
        wait_for(lambda: not room.relay(), 2)
        # The circuit is looked at by a thread of its own, 50 times a second.
        wait_for(lambda: not room.lit, 1)
        wait_for(lambda: bool(events(hub, "lamp.cycle")))
        (cycle,) = events(hub, "lamp.cycle")
        assert cycle["cut"] == {"door": "door-open", "presence": "somebody-there"}[what]
        assert (cycle["by"], cycle["name"]) == ("page", "li")
        assert cycle["end"] - cycle["start"] == cycle["lasted_ms"]
        wait_for(lambda: any("cut short" in text for text in agent.health.problems()))
        time.sleep(1.5)
        assert not room.relay()


def test_the_button_starts_and_stops_and_notes_the_wiping(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub, room: Room
) -> None:
    """Short, then short, then three seconds."""
    with running(lamp_plan(tmp_path, mosquitto.port)) as agent:
        phase = lambda: lamp_of(agent)._circuits["lamp-1"].state.phase  # noqa: E731
        time.sleep(1.0)  # the room must have been empty for a while
        room.press()
        time.sleep(0.4)
        room.press(down=False)
        wait_for(lambda: room.lit, 20)
        room.press()
        wait_for(lambda: not room.relay(), 2)
        time.sleep(3.5)  # however long this press lasts, it was a stop
        room.press(down=False)
        wait_for(lambda: phase() == "off")
        wait_for(lambda: [c["cut"] for c in events(hub, "lamp.cycle")] == ["stopped"])
        assert events(hub, "lamp.wiped") == []
        time.sleep(0.5)  # a release that no round sees is none
        room.press()
        time.sleep(3.4)
        room.press(down=False)
        wait_for(lambda: len(events(hub, "lamp.wiped")) == 1)
        assert phase() == "off"


def test_an_agent_that_ends_puts_it_out_and_keeps_the_cycle(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub, room: Room
) -> None:
    """The lines are off when it has gone; the next start records what the last round said."""
    with running(lamp_plan(tmp_path, mosquitto.port)) as agent:
        light(agent, room)
    assert not room.relay()
    assert not room.lines.level(BEACON)
    with running(lamp_plan(tmp_path, mosquitto.port)):
        wait_for(lambda: [c["cut"] for c in events(hub, "lamp.cycle")] == ["agent-stops"])
        assert not room.relay()


def test_a_cycle_of_the_agent_that_hangs_puts_it_out(
    tmp_path: Path, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody records or reads any more: the fast loop does not go on alone."""
    monkeypatch.setattr("firmware_agent.lamp.part._LEAST_CYCLE_S", 2.0)
    hanging = threading.Event()
    with running(lamp_plan(tmp_path)) as agent:
        light(agent, room)
        monkeypatch.setattr(agent, "_of_parts", lambda *_: (hanging.wait(20) and []) or [])
        try:
            wait_for(lambda: not room.relay(), 10)
        finally:
            hanging.set()


def test_a_fast_loop_that_hangs_is_dropped_by_the_hardware_timer(
    tmp_path: Path, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay line stays high and no pulse comes; behind the hang the lamp does not come back."""
    monkeypatch.setattr("firmware_agent.lamp.part._STANDS_STILL_S", 1.0)
    hanging = threading.Event()
    with running(lamp_plan(tmp_path)) as agent:
        light(agent, room)
        part = lamp_of(agent)
        monkeypatch.setattr(part, "_cycle_moves", lambda _now: hanging.wait(20) or True)
        begun = time.monotonic()
        wait_for(lambda: not room.lit, 5)
        assert time.monotonic() - begun < 3.0
        assert room.relay()
        wait_for(lambda: any("stands still" in text for text in agent.health.problems()))
        hanging.set()
        wait_for(lambda: not room.relay(), 2)
        assert not room.lit


def test_lines_that_cannot_be_had_are_told_and_tried_again(tmp_path: Path) -> None:
    """Without lines there is no lamp; the fridge is looked after all the same."""
    (tmp_path / "gpio").write_text("a file where the folder should be")
    with running(lamp_plan(tmp_path)) as agent:
        wait_for(lambda: any(text.startswith("lamp: ") for text in agent.health.problems()))
        wait_for(lambda: agent._writer.recorded >= 2)


def test_the_hub_starts_and_stops_it(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub, room: Room
) -> None:
    """By commands over MQTT, with the name of who asked."""
    with running(lamp_plan(tmp_path, mosquitto.port)) as agent:
        wait_for(lambda: hub.stored() >= 5)
        deadline = time.monotonic() + 30
        number = 0
        while not room.lit:
            assert time.monotonic() < deadline
            if lamp_of(agent)._circuits["lamp-1"].state.phase == "off":
                number += 1
                hub.connection.publish(COMMAND, command(number, "lamp.start"))
            time.sleep(0.5)
        hub.connection.publish(COMMAND, command(99, "lamp.stop", until=0))
        wait_for(lambda: not room.relay(), 5)
        wait_for(lambda: bool(events(hub, "lamp.cycle")))
    (cycle,) = events(hub, "lamp.cycle")
    assert (cycle["by"], cycle["name"], cycle["planned_minutes"]) == ("command", "li", 7)
    assert (cycle["cut"], cycle["stopped_by"]) == ("stopped", "command")


def command(number: int, do: str, until: int | None = None) -> bytes:
    """Return a command's bytes."""
    until = time.time_ns() // 1_000_000 + 60_000 if until is None else until
    body = {"v": 1, "id": f"{number:016x}", "until": until, "to": "lamp-1", "do": do}
    return json.dumps(body | {"name": "li", "minutes": 7}).encode()


def test_a_book_that_fails_costs_no_other_lamp_a_record(tmp_path: Path) -> None:
    """Told on status; the other lamp's wiping is recorded, and again until that is committed."""
    tables = [
        lamp_table(),
        lamp_table(
            id="lamp-2", relay={"line": 13}, pulse={"line": 14}, door={"line": 15},
            presence={"line": 16}, beacon={"line": 18},
        ),
    ]  # fmt: skip
    plan = make_plan(tmp_path, parts={"lamp": {"zone": "Asia/Shanghai", "lamps": tables}})
    clock, health = HandClock(), Health()
    part = LampPart(Context(plan.parts["lamp"], plan, clock, health, lambda: None))
    cycle = Cycle(clock.now_ms(), clock.mono_ms(), synced=True, taken=())
    for circuit in part._circuits.values():
        circuit.happenings.append(Happening("wiped", clock.mono_ms(), {"by": "button"}))
    part._books["lamp-2"]._timetable = None  # type: ignore[assignment]
    assert [draft.fields["subject"] for draft in part.drafts(cycle)] == ["lamp-1"]
    assert [text for text in health.problems() if text.startswith("lamp lamp-2 book: failed")]
    part.show(panel_state({}, frozenset(), 0, ()))
    assert part.drafts(cycle) == []
