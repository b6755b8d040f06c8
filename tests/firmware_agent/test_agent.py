"""The whole agent, in this process, on a real broker."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alerts.engine import StreamEngine
from config.clock import SystemClock
from firmware_agent.agent import Agent
from firmware_agent.chain import Draft, event_draft
from firmware_agent.panel import PanelState
from firmware_agent.parts import PARTS, Context, Cycle
from firmware_agent.plan import Plan, ProbePlan
from protocol.reading import split_series
from sensors.registry import checked
from tests.firmware_agent.small_hub import SmallHub, wait_for
from tests.firmware_agent.worlds import SERIES, make_plan, stored_bodies, table
from tests.support.mosquitto import Mosquitto


@contextmanager
def running(plan: Plan, synchronised: Callable[[], bool] = lambda: True) -> Iterator[Agent]:
    """Run an agent in a thread."""
    agent = Agent(plan, SystemClock(), synchronised=synchronised)
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(agent.run()))
    thread.start()
    try:
        yield agent
    finally:
        agent.stop()
        thread.join(3)
        assert results == [True]


@pytest.fixture
def hub(mosquitto: Mosquitto) -> Iterator[SmallHub]:
    """A hub behind a real broker."""
    hub = SmallHub(mosquitto.port).start()
    yield hub
    hub.stop()


def file_probe(path: Path) -> ProbePlan:
    """Return a probe that says what a file says."""
    return ProbePlan(SERIES, checked({"kind": "simulated", "path": str(path)}))


def test_a_warm_fridge_sounds_on_the_spot_and_is_what_the_hub_will_see(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub
) -> None:
    """Two readings outside: the panel sounds. The same engine on the hub's records says the same."""
    value, panel = tmp_path / "value", tmp_path / "panel.json"
    value.write_text("5000")
    plan = make_plan(
        tmp_path / "state", mosquitto.port, probes=(file_probe(value),), state_file=str(panel)
    )
    with running(plan) as agent:
        wait_for(lambda: panel.exists() and json.loads(panel.read_text())["light"] == "inside")
        value.write_text("8000")
        wait_for(lambda: bool(json.loads(panel.read_text())["sounding"]))
        (item,) = json.loads(panel.read_text())["excursions"]
        assert (item["rule"], item["side"], item["told"]) == ("test/at-limit", "above", False)
        hub.publish("told", json.dumps({"v": 1, "at": 1, "excursions": [item["id"]]}).encode())
        wait_for(lambda: bool(json.loads(panel.read_text())["excursions"][0]["told"]))
        value.write_text("5000")
        wait_for(lambda: json.loads(panel.read_text())["light"] == "inside")
        assert agent.health.problems() == ()
    held = hub.held
    assert held is not None
    engine = StreamEngine(held.stream)
    opened = [
        decision.id
        for body in held.bodies()
        for decision in engine.feed_record(body)
        if decision.happening == "opened"
    ]
    assert opened == [item["id"]]


def test_a_changed_setting_is_recorded_when_it_comes_into_force(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub
) -> None:
    """Once, in front of the first reading judged by it; a mere restart records none."""
    plan = make_plan(tmp_path, mosquitto.port)
    changed = make_plan(
        tmp_path, mosquitto.port, version="f" * 16, series={SERIES: table()[SERIES] | {"rules": []}}
    )
    for of, count in ((plan, 2), (plan, 3), (changed, 5)):
        with running(of):
            wait_for(lambda count=count: hub.stored() >= count)  # type: ignore[misc]
    held = hub.held
    assert held is not None
    versions = [body["version"] for body in held.bodies() if body["kind"] == "settings"]
    assert versions == [plan.version, changed.version]
    assert held.bodies()[0]["kind"] == "settings"


def test_without_time_nothing_is_sent_and_all_of_it_when_the_time_comes(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub
) -> None:
    """The panel works all the while."""
    synced = threading.Event()
    panel = tmp_path / "panel.json"
    plan = make_plan(tmp_path / "state", mosquitto.port, trust_clock=False, state_file=str(panel))
    with running(plan, synced.is_set) as agent:
        wait_for(lambda: any("wait for their time" in line for line in agent.health.problems()))
        wait_for(lambda: bool(hub.statuses) and hub.statuses[-1].state == "online")
        time.sleep(1.5)
        assert hub.stored() == 0
        assert json.loads(panel.read_text())["light"] == "fault"
        synced.set()
        wait_for(lambda: hub.stored() >= 3)
        assert agent.health.problems() == ()
    assert hub.held is not None
    assert {body["clock"] for body in hub.held.bodies()} == {"synced"}


def test_a_hub_with_another_chain_gets_a_new_stream_without_help(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub
) -> None:
    """The agent forks by itself, says so on its status, and no record is missing or doubled."""
    with running(make_plan(tmp_path, mosquitto.port)):
        wait_for(lambda: hub.stored() >= 3)
        with hub.lock:
            assert hub.held is not None
            old = hub.held
            known = old.stored
            # The hub has one record more than the agent ever made.
            old.judged = known + 900
            old.hashes[old.judged] = b"\xee" * 32
        hub.say()
        wait_for(lambda: len(hub.mind.streams) == 2)
        wait_for(lambda: any("goes on behind" in line for line in hub.statuses[-1].problems))
        new = hub.held
        assert new is not None
        assert new is not old
        wait_for(lambda: new.stored >= 3)
    spooled = stored_bodies(tmp_path)
    both = [*spooled[old.stream], *spooled[new.stream]]
    readings = [body["mono_ms"] for body in both if body["kind"] == "reading"]
    assert readings == sorted(set(readings))
    assert spooled[new.stream][0]["kind"] == "settings"
    wait_for(lambda: new.bodies() == spooled[new.stream])


def test_an_uplink_that_fails_ends_the_agent(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours must not be a silent uplink: systemd starts us again."""
    agent = Agent(make_plan(tmp_path, mosquitto.port), SystemClock())

    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(agent.uplink._sender, "refresh", lambda _streams: broken())
    assert agent.run() is False


def test_a_recorded_day_of_four_probes_arrives_exactly(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub, shared_data: Path
) -> None:
    """Every row of four real DS18B20, with its own time and value, in order, once."""
    file = shared_data / "ds18b20-four-probes" / "ds18b20-log.csv"
    columns = expected_rows(file)
    names = [f"box/p{i}/temperature" for i in range(len(columns))]
    watch = table()[SERIES]
    plan = make_plan(
        tmp_path,
        mosquitto.port,
        probes=tuple(ProbePlan(name, driver(file, i)) for i, name in enumerate(names)),
        series=dict.fromkeys(names, watch),
    )
    total = sum(map(len, columns))
    with running(plan):
        wait_for(lambda: hub.stored() == total + 1, 60)
    held = hub.held
    assert held is not None
    got: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    for body in held.bodies()[1:]:
        got[body["series"]].append((body["at"], body["value"]))
    assert [got[name] for name in names] == columns
    assert {split_series(name)[2] for name in got} == {"temperature"}


def driver(file: Path, probe: int) -> dict[str, Any]:
    """Return the checked table that replays one column."""
    return checked(
        {
            "kind": "replay", "path": str(file), "time_column": 1, "value_column": 3 + 3 * probe,
            "time_unit": "ms", "epoch": "2024-07-01T08:00:00+08:00", "unit": "milli",
            "pace": "as-fast-as-possible",
        }
    )  # fmt: skip


def expected_rows(file: Path) -> list[list[tuple[int, int]]]:
    """Read the table by other means: (time, value) of each of the four columns."""
    epoch = 1_719_792_000_000
    with file.open() as lines:
        rows = [row for row in csv.reader(lines) if row]
    return [[(epoch + int(row[1]), int(row[3 + 3 * probe])) for row in rows] for probe in range(4)]


class _Doorman:
    """A part that records an event when told to, and fails when told to."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.rung = threading.Event()
        self.broken = False
        self.lights: list[str] = []
        self.closed = False

    def start(self) -> None:
        """Nothing to begin."""

    def drafts(self, cycle: Cycle) -> list[Draft]:
        """Return what was rung."""
        if self.broken:
            raise RuntimeError("the bell is gone")
        if not self.rung.is_set():
            return []
        self.rung.clear()
        return [event_draft(cycle.mono_ms, "door.bell", "fridge-1", {"times": 1})]

    def show(self, state: PanelState) -> None:
        """Note the light."""
        self.lights.append(state.light)

    def close(self) -> None:
        """Note it."""
        self.closed = True


def test_a_part_takes_part_in_the_cycle_and_cannot_harm_it(
    tmp_path: Path, mosquitto: Mosquitto, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Woken, the next cycle comes at once; what it records goes the way of all; its failure is told."""
    made: list[_Doorman] = []
    monkeypatch.setitem(PARTS, "bell", lambda context: made.append(_Doorman(context)) or made[-1])
    plan = make_plan(tmp_path, mosquitto.port, every_ms=60_000, parts={"bell": {}})
    with running(plan) as agent:
        wait_for(lambda: hub.stored() >= 2)
        (bell,) = made
        bell.rung.set()
        bell.context.wake()
        wait_for(lambda: hub.stored() >= 3)
        bell.broken = True
        agent.wake()
        wait_for(lambda: any("the bell is gone" in line for line in agent.health.problems()))
        bell.broken = False
        agent.wake()
        wait_for(lambda: agent.health.problems() == ())
    assert bell.closed
    assert bell.lights[0] == "inside"
    held = hub.held
    assert held is not None
    assert [b["event"] for b in held.bodies() if b["kind"] == "event"] == ["door.bell"]


def test_a_part_whose_loop_stands_still_starves_the_watchdog(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cycle and uplink move all the while; only with the part's loop is systemd fed."""
    fed: list[str] = []
    made: list[_Doorman] = []
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setattr("config.notify.notify", fed.append)
    monkeypatch.setitem(PARTS, "lamp", lambda context: made.append(_Doorman(context)) or made[-1])
    with running(make_plan(tmp_path, mosquitto.port, parts={"lamp": {}})):
        wait_for(lambda: bool(made and made[0].lights))
        time.sleep(1.5)
        assert fed == []
        made[0].context.moved()
        wait_for(lambda: fed == ["WATCHDOG=1"])
