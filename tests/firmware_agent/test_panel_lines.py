"""The panel on lines, through the whole agent, with no network at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.clock import ScaledClock
from config.panel import PanelLines
from firmware_agent.agent import Agent
from firmware_agent.health import Health
from firmware_agent.judging import Excursion
from firmware_agent.panel import panel_state
from firmware_agent.panel_lines import PanelLinesPart
from firmware_agent.parts import Context, Cycle
from firmware_agent.plan import Plan, ProbePlan
from sensors.gpio.port import GpioError, Pull
from sensors.registry import checked
from simulator.lines import Lines
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.worlds import SERIES, HandClock, make_plan, table
from tests.support.mosquitto import Mosquitto

GREEN, YELLOW, RED, BUZZER, BUTTON = 16, 20, 21, 6, 13
# Ten minutes are two seconds. Patterns are in real time all the same.
SPEED = 300.0


class Board:
    """The panel beside the fridge, as a person sees and hears it."""

    def __init__(self, folder: Path) -> None:
        self.lines = Lines(folder)
        self.lines.drive(BUTTON, level=True)

    def watched(self, seconds: float = 1.0) -> dict[int, int]:
        """Return how often each output went on within some time."""
        before = dict.fromkeys((GREEN, YELLOW, RED, BUZZER), True)
        counts = dict.fromkeys(before, 0)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line, was in before.items():
                now = self.lines.level(line)
                counts[line] += now and not was
                before[line] = now
            time.sleep(0.02)
        return counts

    def press(self) -> None:
        """Press the button for a moment."""
        self.lines.drive(BUTTON, level=False)
        time.sleep(0.25)
        self.lines.drive(BUTTON, level=True)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A panel."""
    return Board(tmp_path / "gpio")


def panel_plan(tmp_path: Path, port: int = 1, every_ms: int = 60_000, **changes: Any) -> Plan:
    """Return a plan with a panel on a folder, and a probe that follows a file."""
    lines = {
        "green": {"line": GREEN}, "yellow": {"line": YELLOW}, "red": {"line": RED},
        "buzzer": {"line": BUZZER}, "button": {"line": BUTTON},
    }  # fmt: skip
    return make_plan(
        tmp_path / "state",
        port,
        every_ms=every_ms,
        probes=(
            ProbePlan(SERIES, checked({"kind": "simulated", "path": str(tmp_path / "value")})),
        ),
        series={SERIES: table()[SERIES]},
        parts={"panel_lines": PanelLines.model_validate(lines | changes).model_dump(mode="json")},
        gpio={"adapter": "folder", "folder": str(tmp_path / "gpio")},
    )


@contextmanager
def running(plan: Plan) -> Iterator[Agent]:
    """Run an agent in a thread, on a clock that is quick."""
    real = time.time_ns() // 1_000_000
    agent = Agent(plan, ScaledClock(real, real, SPEED), synchronised=lambda: True)
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        yield agent
    finally:
        agent.stop()
        thread.join(5)


def test_a_warm_fridge_is_seen_and_heard_and_silenced_without_any_network(
    tmp_path: Path, mosquitto: Mosquitto, board: Board
) -> None:
    """The button gives ten minutes, is recorded, and the record reaches the hub when there is one."""
    value = tmp_path / "value"
    value.write_text("5000")
    with running(panel_plan(tmp_path)) as agent:
        wait_for(lambda: board.lines.level(GREEN))
        calm = board.watched()
        assert (calm[RED], calm[BUZZER]) == (0, 0)
        value.write_text("9500")
        wait_for(lambda: board.lines.level(RED))
        wait_for(lambda: board.lines.level(BUZZER))
        loud = board.watched(2.0)
        assert loud[RED] >= 2
        assert loud[BUZZER] >= 1
        assert loud[GREEN] == 0
        begun = agent._clock.mono_ms()
        board.press()
        muted = board.watched(1.2)
        assert muted[RED] >= 1, "the light goes on: nothing is acknowledged"
        assert muted[BUZZER] == 0
        wait_for(lambda: board.lines.level(BUZZER))
        assert agent._clock.mono_ms() - begun >= 600_000
    assert not any(board.lines.level(line) for line in (GREEN, RED, BUZZER)), "dark when it ends"
    hub = SmallHub(mosquitto.port).start()
    with running(panel_plan(tmp_path, mosquitto.port)):
        wait_for(lambda: hub.held is not None and bool(mutes(hub)))
    hub.stop()
    assert mutes(hub) == [{"for_ms": 600_000, "outside": [f"{SERIES} above"], "fault": False}]


def mutes(hub: SmallHub) -> list[dict[str, Any]]:
    """Return the presses that reached the hub."""
    held = hub.held
    bodies = held.bodies() if held is not None else []
    return [body["body"] for body in bodies if body.get("event") == "panel.mute"]


def test_pressed_while_all_is_well_it_tries_lights_and_buzzer(tmp_path: Path, board: Board) -> None:
    """So that a dead buzzer is found before it is needed; nothing is muted by that."""
    (tmp_path / "value").write_text("5000")
    with running(panel_plan(tmp_path)) as agent:
        wait_for(lambda: board.lines.level(GREEN))
        board.press()
        assert all(board.lines.level(line) for line in (GREEN, YELLOW, RED, BUZZER))
        wait_for(lambda: not board.lines.level(BUZZER), 5)
        (tmp_path / "value").write_text("9500")
        wait_for(lambda: board.lines.level(BUZZER))
        assert not any(draft.kind == "event" for draft in agent._parts[0][1].drafts(None))  # type: ignore[arg-type]


def test_a_cycle_that_hangs_is_not_shown_as_safe(
    tmp_path: Path, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Green goes, the fault flashes: what is old is not known."""
    monkeypatch.setattr("firmware_agent.panel_lines._LEAST_STALE_S", 1.0)
    (tmp_path / "value").write_text("5000")
    hanging = threading.Event()

    def hang(_taken: object) -> list[Any]:
        hanging.wait(20)
        return []

    with running(panel_plan(tmp_path)) as agent:
        wait_for(lambda: board.lines.level(GREEN))
        monkeypatch.setattr(agent, "_drafts", hang)
        wait_for(lambda: board.lines.level(YELLOW))
        assert board.watched()[GREEN] == 0
        hanging.set()
        wait_for(lambda: board.lines.level(GREEN))


def test_lines_that_cannot_be_had_are_told(tmp_path: Path) -> None:
    """The rest of the agent does not mind."""
    (tmp_path / "gpio").write_text("a file where the folder should be")
    (tmp_path / "value").write_text("5000")
    with running(panel_plan(tmp_path)) as agent:
        wait_for(lambda: any("panel lines" in text for text in agent.health.problems()))
        wait_for(lambda: agent._writer.recorded >= 2)


class _Shaky:
    """A port whose lines can be read and written only while they are well."""

    def __init__(self) -> None:
        self.well = True
        self.high = True

    def claim_input(self, line: int, pull: Pull = "none") -> None:
        """Take it."""

    def claim_output(self, line: int, *, level: bool) -> None:
        """Take it."""

    def read(self, line: int) -> bool:
        """Return the button: high while nobody presses it."""
        return self._level(line)

    def write(self, line: int, *, level: bool) -> None:
        """Write nothing."""
        self._level(line)

    def close(self) -> None:
        """Give nothing back."""

    def _level(self, line: int) -> bool:
        if not self.well:
            raise GpioError(f"GPIO line {line} cannot be used")
        return self.high


def test_a_line_that_fails_once_is_no_fault_for_ever(tmp_path: Path) -> None:
    """Told while it fails, and no longer."""
    plan, clock, port = panel_plan(tmp_path), HandClock(), _Shaky()
    health = Health()
    context = Context(plan.parts["panel_lines"], plan, clock, health, lambda: None)
    part = PanelLinesPart(context, lambda _: port)
    assert part._open()
    cycle = Cycle(clock.now_ms(), clock.mono_ms(), synced=True, taken=())
    for well in (True, False, True):
        port.well = well
        part._round(1.0)
        part.drafts(cycle)
        assert (health.problems() == ()) == well


def test_a_loop_that_fails_is_told_and_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in the panel costs neither the lines for ever nor the rest of the agent a restart."""
    monkeypatch.setattr("firmware_agent.panel_lines._OPEN_AGAIN_S", 0.2)
    plan, clock, port = panel_plan(tmp_path), HandClock(), _Shaky()
    health, moved = Health(), threading.Event()
    context = Context(plan.parts["panel_lines"], plan, clock, health, lambda: None, moved=moved.set)
    opened: list[_Shaky] = []

    def opening(_: object) -> _Shaky:
        opened.append(port)
        return port

    part = PanelLinesPart(context, opening)
    broken = threading.Event()
    broken.set()
    sound = part._round

    def round_(now_s: float) -> None:
        if broken.is_set():
            raise RuntimeError("a bug")
        sound(now_s)

    monkeypatch.setattr(part, "_round", round_)
    cycle = Cycle(clock.now_ms(), clock.mono_ms(), synced=True, taken=())

    def problems() -> tuple[str, ...]:
        part.drafts(cycle)
        return health.problems()

    part.start()
    try:
        wait_for(lambda: any("a bug" in line for line in problems()))
        wait_for(lambda: len(opened) >= 2)
        moved.clear()
        wait_for(moved.is_set)
        broken.clear()
        wait_for(lambda: problems() == ())
    finally:
        part.close()


def test_a_spark_on_the_buttons_wire_silences_nothing(tmp_path: Path) -> None:
    """Seen down at one look alone, nobody has pressed it; at two, somebody has."""
    plan, clock, port = panel_plan(tmp_path), HandClock(), _Shaky()
    context = Context(plan.parts["panel_lines"], plan, clock, Health(), lambda: None)
    part = PanelLinesPart(context, lambda _: port)
    assert part._open()
    cycle = Cycle(clock.now_ms(), clock.mono_ms(), synced=True, taken=())
    warm = Excursion("e1", "e1", SERIES, "r", "above", "certain", 1, 1, None, 9_500, 1, tells=True)
    part.show(panel_state({"e1": warm}, frozenset(), 0, ()))
    presses = []
    for high in (True, False, True, True, False, False, False, True):
        clock.pass_ms(50)
        port.high = high
        part._round(time.monotonic())
        presses.append(len(part.drafts(cycle)))
    assert presses == [0, 0, 0, 0, 0, 1, 0, 0]


def test_a_panel_of_nothing_is_refused() -> None:
    """In words that say what to write."""
    with pytest.raises(ValidationError, match="no light and no buzzer"):
        PanelLines.model_validate({"button": {"line": 13}})
