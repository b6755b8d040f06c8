"""Kill agent, broker and hub at random moments under load, and count what was lost: nothing.

Real processes: two agents, mosquitto, the hub, gammu-smsd with the simulated modem. Invariants 1
and 2 of design.md: a committed record ends exactly once in the history, and no excursion, and no
SMS for one, is missed, invented or doubled.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import select

from alerts.channels.smsd import Smsd, start_smsd, what_is_missing
from alerts.decisions import Decision
from alerts.engine import StreamEngine
from coldwatch.demo.account import outstanding_sms
from coldwatch.demo.spools import Recorded, recorded
from config.clock import ENVIRONMENT, ScaledClock
from history.sqlite import SqliteHistory
from hub.tables import notices, sms, streams
from journal import journal
from journal.database import open_database, read
from journal.excursions import excursions
from protocol.canonical import canonical_bytes
from protocol.chain import genesis, links
from simulator.modem import Message, Modem
from tests.support.mosquitto import Mosquitto

SPEED = 120
DEVICES = ("pi-1", "pi-2")
FRIDGES = ("fridge-1", "fridge-2")
PEOPLE = ("li", "wang", "amy")

Text = tuple[str, str]
"""An SMS: telephone number and text."""


def agent_toml(folder: Path, device: str, port: int) -> str:
    """An agent with two fridges, each with a temperature that the test sets, and six room probes."""
    text = f"""
        site = "east-gate"
        device = "{device}"
        state_dir = "{folder / device}"
        [mqtt]
        port = {port}
        [clock]
        trust = "always"
        [sampling]
        every = "10s"
        record_every = "10s"
        [spool]
        resend_after = "60s"
    """
    for fridge in FRIDGES:
        text += f"""
        [[assets]]
        id = "{device}-{fridge}"
        profiles = ["cn-gsp"]
        [[assets.points]]
        name = "center"
        decides = true
        driver = {{ kind = "simulated", path = "{folder / device}-{fridge}" }}
        """
        for number in range(3):
            text += f"""
            [[assets.points]]
            name = "shelf-{number}"
            driver = {{ kind = "simulated", mean = 5.0, amplitude = 1.5, noise = 0.5, seed = {number} }}
            """
    return text


def hub_toml(folder: Path, port: int) -> str:
    """A hub for one site with both devices; contact is never called lost here."""
    text = f"""
        state_dir = "{folder / "hub"}"
        lost_contact_after = "30d"
        late_after = "30d"
        [mqtt]
        port = {port}
        [console]
        enabled = false
        [sms]
        channel = "gammu-smsd"
        database = "{folder / "smsd.db"}"
        queued_too_long = "30d"
    """
    for number, person in enumerate(PEOPLE, 1):
        text += f"""
        [[people]]
        id = "{person}"
        name = "{person}"
        phone = "+861390000000{number}"
        language = "{"en" if person == "amy" else "zh"}"
        """
    text += f"""
        [[sites]]
        id = "east-gate"
        name = {{ zh = "东门", en = "East Gate" }}
        kind = "fixed"
        devices = ["pi-1", "pi-2"]
        tell = {list(PEOPLE)}
    """
    for device in DEVICES:
        for fridge in FRIDGES:
            text += f"""
            [[sites.assets]]
            id = "{device}-{fridge}"
            name = {{ zh = "{device}-{fridge}", en = "{device} {fridge}" }}
            """
    return text


class Rig:
    """All processes, and the fridges' temperatures."""

    def __init__(self, folder: Path, broker: Mosquitto, seed: int) -> None:
        self.folder = folder
        self.broker = broker
        self.random = random.Random(seed)
        now = time.time_ns() // 1_000_000
        self.clock = ScaledClock(now, now, SPEED)
        self.environment = os.environ | {ENVIRONMENT: self.clock.environment()}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: Counter[str] = Counter()
        self.stop = threading.Event()
        self.smsd: Smsd | None = None
        self.fridges = [folder / f"{device}-{fridge}" for device in DEVICES for fridge in FRIDGES]
        for fridge in self.fridges:
            self.set(fridge, 5_000)
        for device in DEVICES:
            (folder / f"{device}.toml").write_text(agent_toml(folder, device, broker.port))
        (folder / "hub.toml").write_text(hub_toml(folder, broker.port))

    def set(self, fridge: Path, value: int) -> None:
        """Set a fridge's temperature, as the probe will find it."""
        fresh = fridge.with_suffix(".new")
        fresh.write_text(f"{value}\n")
        fresh.rename(fridge)

    def start(self, name: str) -> None:
        """Start the hub or an agent."""
        kind = "hub" if name == "hub" else "agent"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "coldwatch", kind, str(self.folder / f"{name}.toml")],
                stdout=log, stderr=log, env=self.environment,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL it, leave it dead for a moment, start it again."""
        self.kills[name] += 1
        pause = self.random.uniform(0, 0.6)
        if name == "broker":
            self.broker.kill()
            time.sleep(pause)
            self.broker.start()
            return
        process = self.processes[name]
        assert process.poll() is None, f"{name} had ended by itself: {process.returncode}"
        process.kill()
        process.wait()
        time.sleep(pause)
        self.start(name)

    def weather(self) -> None:
        """Warm and cool the fridges for as long as the rounds last."""
        moods = random.Random(99)
        while not self.stop.is_set():
            for fridge in self.fridges:
                if moods.random() < 0.35:
                    self.set(fridge, moods.choice((5_000, 5_000, 9_500, 1_200)))
            # 8 simulated minutes: some excursions open, and some runs end before
            self.stop.wait(4.0)

    def end(self) -> None:
        """End what still runs."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


AnyRig = TypeVar("AnyRig", bound=Rig)


@contextmanager
def running(rig: AnyRig) -> Iterator[tuple[AnyRig, Modem]]:
    """All of it, running."""
    folder = rig.folder
    with (
        Modem(folder / "modem") as modem,
        start_smsd(folder, folder / "modem", folder / "smsd.db") as rig.smsd,
    ):
        for name in ("hub", *DEVICES):
            rig.start(name)
        try:
            yield rig, modem
        finally:
            rig.stop.set()
            rig.end()


def wait_until_settled(rig: Rig, timeout_s: float) -> list[Recorded]:
    """Wait until everything committed is stored and every SMS is out; return the spools."""
    database = open_database(rig.folder / "hub" / "hub.db", read_only=True)
    deadline = time.monotonic() + timeout_s
    while True:
        spools = [part for device in DEVICES for part in recorded(rig.folder / device)]
        with read(database) as conn:
            marks = dict(conn.execute(select(streams.c.stream, streams.c.stored_seq)).all())
        behind = {part.stream: part.last - marks.get(part.stream, 0) for part in spools}
        left = outstanding_sms(rig.folder / "hub")
        if all(value <= 0 for value in behind.values()) and not left:
            database.dispose()
            return spools
        assert time.monotonic() < deadline, f"not settled: behind {behind}, {left} SMS"
        time.sleep(0.5)


def judge_again(part: Recorded) -> list[Decision]:
    """Judge a spool's records from the beginning, in one go: what should have been decided."""
    engine = StreamEngine(part.stream)
    return [decision for body in part.bodies.values() for decision in engine.feed_record(body)]


def owed(decisions: list[Decision]) -> set[tuple[str, str, str]]:
    """Say who must have been told of what, written from design.md and not from the hub's code."""
    due: set[tuple[str, str, str]] = set()
    under_way: dict[tuple[str, str], set[str]] = {}
    for decision in decisions:
        if not decision.rule.tells or (
            decision.rule.kind == "cumulative" and decision.happening != "opened"
        ):
            continue
        threads = under_way.setdefault((decision.series, decision.side), set())
        if decision.happening == "opened":
            if decision.thread == decision.id:
                due |= {(decision.id, "opened", person) for person in PEOPLE}
            if decision.rule.kind != "cumulative":
                threads.add(decision.thread)
        elif decision.happening == "recovered":
            threads.discard(decision.thread)
            if not threads:
                due |= {(decision.thread, "recovered", person) for person in PEOPLE}
    return due


def texts(messages: Iterable[Message]) -> Counter[Text]:
    """Return how often each SMS arrived."""
    return Counter((message.to, message.text) for message in messages)


def check_arrived(rig: Rig, arrived: Counter[Text], sent: Counter[Text]) -> None:
    """Assert that everything arrived, and nothing twice.

    Only a gammu-smsd that crashed by itself (signal 11) may be the reason, and then that is told as well.
    """
    crashes = rig.smsd.starts - 1 if rig.smsd is not None else 0
    assert arrived == sent, f"gammu-smsd crashed {crashes} times"


def check(rig: Rig, arrived: Counter[Text], spools: list[Recorded]) -> dict[str, int]:
    """Assert that nothing was lost, doubled or changed; return the counts.

    ``arrived`` are the SMS that arrived, as far as the hub may know of them.
    """
    hub = rig.folder / "hub"
    history = SqliteHistory(hub / "history.db", read_only=True)
    records = 0
    for part in spools:
        stored = {seq: body for seq, body in history.records(part.stream) if seq <= part.last}
        assert stored == part.bodies
        assert list(stored) == list(range(1, part.last + 1))
        hashes = links(genesis(part.stream), (canonical_bytes(body) for body in stored.values()))
        assert hashes[-1] == part.h
        records += len(stored)
    history.close()
    decisions = [decision for part in spools for decision in judge_again(part)]
    opened = {d.id: d.opened for d in decisions if d.happening == "opened"}
    closed = {d.id: d.end for d in decisions if d.happening == "closed"}
    database = open_database(hub / "hub.db", read_only=True)
    with read(database) as conn:
        rows = conn.execute(select(excursions)).all()
        told = conn.execute(
            select(notices.c.excursion, notices.c.happening, notices.c.person)
        ).all()
        outbox = conn.execute(select(sms.c.phone, sms.c.text, sms.c.state)).all()
        assert journal.verify(conn) == []
    database.dispose()
    assert {row.id: row.opened for row in rows} == opened
    assert {row.id: row.end for row in rows if row.end is not None} == closed
    assert Counter(map(tuple, told)) == Counter(owed(decisions))
    assert {row.state for row in outbox} <= {"sent"}
    sent = Counter((row.phone, row.text) for row in outbox)
    check_arrived(rig, arrived, sent)
    return {
        "records": records,
        "excursions": len(rows),
        "notices": len(told),
        "sms": len(outbox),
        "sms lost": sum((sent - arrived).values()),
        "sms twice": sum((arrived - sent).values()),
    }


def run_rounds(folder: Path, broker: Mosquitto, rounds: int, seed: int) -> str:
    """Kill ``rounds`` times, then settle and check; return the counts in a line."""
    if missing := what_is_missing():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    began = time.monotonic()
    with running(Rig(folder, broker, seed)) as (rig, modem):
        time.sleep(4)
        weather = threading.Thread(target=rig.weather)
        weather.start()
        for _ in range(rounds):
            time.sleep(rig.random.uniform(0.1, 2.5))
            rig.kill(rig.random.choice(("pi-1", "pi-2", "broker", "hub")))
        rig.stop.set()
        weather.join()
        for fridge in rig.fridges:
            rig.set(fridge, 5_000)
        # what is open must close and, after ten simulated minutes, recover
        time.sleep(15 * 60 / SPEED)
        wait_until_settled(rig, 180)
        for device in DEVICES:
            rig.processes[device].send_signal(signal.SIGTERM)
        for device in DEVICES:
            assert rig.processes.pop(device).wait(5) == 0
        for device in DEVICES:
            rig.start(device)
        spools = wait_until_settled(rig, 60)
        counts = check(rig, texts(modem.messages), spools)
    spent = time.monotonic() - began
    assert counts["excursions"] > 0
    assert counts["sms"] > 0
    return f"{rounds} rounds in {spent:.0f} s, kills {dict(rig.kills)}, seed {seed}: {counts}"


@pytest.mark.timeout(900)
def test_fifty_kills_lose_and_double_nothing(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """After 50 SIGKILLs under load: history equals the spools, and each SMS arrived once."""
    counts = run_rounds(tmp_path, mosquitto, 50, seed=1)
    with capsys.disabled():
        print(f"\n{counts}")


@pytest.mark.soak
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("seed", range(2, 8))
def test_hundreds_of_kills_lose_and_double_nothing(
    tmp_path: Path, mosquitto: Mosquitto, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, six times as long with other moments."""
    counts = run_rounds(tmp_path, mosquitto, 100, seed=seed)
    with capsys.disabled():
        print(f"\n{counts}")
