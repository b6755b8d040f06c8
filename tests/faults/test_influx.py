"""InfluxDB stopped, killed, hung, full and refusing under load: every excursion is told, nothing is lost.

Real processes: two agents, mosquitto, the hub, InfluxDB, gammu-smsd with the simulated modem.
Invariants 1, 2 and 5 of design.md with a history that is away.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.channels.smsd import what_is_missing
from coldwatch.demo.spools import Recorded
from history.opening import open_to_read
from hub.tables import notices, quarantine, sms
from journal import journal
from journal.database import open_database, read
from journal.excursions import excursions
from protocol.canonical import canonical_bytes
from protocol.chain import genesis, links
from simulator.modem import Modem
from tests.faults.test_kills import (
    DEVICES,
    SPEED,
    Rig,
    check_arrived,
    judge_again,
    owed,
    running,
    texts,
    wait_until_settled,
)
from tests.support.disks import small_disk
from tests.support.influxd import Influxd
from tests.support.mosquitto import Mosquitto

# What the probe of one shelf says now and then: outside the data sheet, so the reading is rejected
# and carries the field `rejected_value`, which the test has made to be of another type in InfluxDB.
IMPOSSIBLE = 900_000


class InfluxRig(Rig):
    """The rig of the kill test with its history in InfluxDB."""

    def __init__(self, folder: Path, broker: Mosquitto, influxd: Influxd) -> None:
        super().__init__(folder, broker, seed=7)
        self.influxd = influxd
        token = folder / "token"
        token.write_text(influxd.token)
        settings = folder / "hub.toml"
        history = f"""
            [history]
            kind = "influxdb"
            [history.influxdb]
            url = "{influxd.url}"
            org = "{influxd.org}"
            bucket = "county"
            token_file = "{token}"
            timeout_s = 2
        """
        settings.write_text(settings.read_text().replace("[sms]", f"{history}\n[sms]"))

    def excursion(self, fridge: Path, modem: Modem, limit_s: float) -> float:
        """Warm a fridge, wait until somebody has an SMS for it, cool it; return how long that took."""
        name = fridge.name.replace("-fridge", " fridge")
        before = len(modem.messages)
        began = time.monotonic()
        self.set(fridge, 9_500)
        while not any(name in item.text for item in modem.messages[before:]):
            assert time.monotonic() - began < limit_s, f"nobody was told of {fridge.name}"
            time.sleep(0.1)
        self.set(fridge, 5_000)
        return time.monotonic() - began


def impossible_now_and_then(rig: InfluxRig) -> None:
    """Let one fridge's probe say something impossible for a moment, about once in 1,000 readings."""
    fridge = rig.fridges[-1]
    while not rig.stop.wait(5.0):
        rig.set(fridge, IMPOSSIBLE)
        time.sleep(10 / SPEED)
        rig.set(fridge, 5_000)


def refuse_rejected(rig: InfluxRig) -> None:
    """Make `rejected_value` a text in the shards of this week and the next: numbers there are refused."""
    for days in (0, 7):
        at = (rig.clock.now_ms() + days * 86_400_000) * 1_000_000
        path = f"/api/v2/write?org={rig.influxd.org}&bucket=county"
        rig.influxd.post(path, f'reading,site=nowhere rejected_value="a text" {at}')


def check(rig: InfluxRig, modem: Modem, spools: list[Recorded]) -> dict[str, int]:
    """Assert that nothing was lost, doubled or changed; return the counts."""
    hub = rig.folder / "hub"
    database = open_database(hub / "hub.db", read_only=True)
    with read(database) as conn:
        aside = conn.execute(select(quarantine)).all()
        rows = conn.execute(select(excursions)).all()
        told = conn.execute(
            select(notices.c.excursion, notices.c.happening, notices.c.person)
        ).all()
        outbox = conn.execute(select(sms.c.phone, sms.c.text, sms.c.state)).all()
        assert journal.verify(conn) == []
    database.dispose()
    assert {row.reason.partition(":")[0] for row in aside} <= {"the history store refuses it"}
    assert all("field type conflict" in row.reason for row in aside)
    refused: dict[str, dict[int, Any]] = {}
    for row in aside:
        refused.setdefault(row.stream, {})[row.seq] = json.loads(row.bytes)
    history = open_to_read(hub)
    records = 0
    for part in spools:
        found = list(history.records(part.stream))
        stored = dict(found)
        assert len(stored) == len(found)
        mine = refused.get(part.stream, {})
        assert not stored.keys() & mine.keys()
        assert {item["quality"].partition(":")[0] for item in mine.values()} <= {"rejected"}
        whole = dict(sorted((stored | mine).items()))
        assert {seq: body for seq, body in whole.items() if seq <= part.last} == part.bodies
        hashes = links(
            genesis(part.stream), (canonical_bytes(body) for body in part.bodies.values())
        )
        assert hashes[-1] == part.h
        records += len(stored)
    history.close()
    decisions = [decision for part in spools for decision in judge_again(part)]
    assert {row.id: row.opened for row in rows} == {
        item.id: item.opened for item in decisions if item.happening == "opened"
    }
    assert Counter(map(tuple, told)) == Counter(owed(decisions))
    assert {row.state for row in outbox} <= {"sent"}
    check_arrived(rig, texts(modem.messages), Counter((row.phone, row.text) for row in outbox))
    return {
        "records stored": records,
        "records refused and listed": len(aside),
        "excursions": len(rows),
        "sms": len(outbox),
    }


def run(folder: Path, broker: Mosquitto, outage_s: float, kills: int) -> str:
    """Do all of it to the server, then settle and compare; return the figures in a line."""
    if missing := what_is_missing():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    engine = folder / "influxd" / "engine"
    told: dict[str, list[float]] = {}
    influxd = Influxd(folder / "influxd")
    with small_disk(engine, 200):
        influxd.start()
        try:
            with running(InfluxRig(folder, broker, influxd)) as (rig, modem):
                fridges = rig.fridges[:-1]
                time.sleep(3)
                told["up"] = [rig.excursion(fridges[0], modem, 60)]

                influxd.stop()
                began = time.monotonic()
                told["stopped"] = []
                while not told["stopped"] or time.monotonic() - began < outage_s:
                    fridge = fridges[len(told["stopped"]) % len(fridges)]
                    told["stopped"].append(rig.excursion(fridge, modem, 60))
                influxd.start()

                for _ in range(kills):
                    time.sleep(rig.random.uniform(0.5, 2.0))
                    influxd.kill()
                    time.sleep(rig.random.uniform(0.0, 0.5))
                    influxd.start()

                os.kill(influxd.pid, signal.SIGSTOP)
                told["hung"] = [rig.excursion(fridge, modem, 60) for fridge in fridges[:2]]
                os.kill(influxd.pid, signal.SIGCONT)

                refuse_rejected(rig)
                odd = threading.Thread(target=impossible_now_and_then, args=(rig,))
                odd.start()
                time.sleep(12)

                filler = engine / "filler"
                with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(65_536))
                told["disk full"] = [rig.excursion(fridges[1], modem, 60)]
                filler.unlink()
                influxd.stop()
                influxd.start()

                rig.stop.set()
                odd.join()
                # what is open must close and, after ten simulated minutes, recover
                time.sleep(15 * 60 / SPEED)
                wait_until_settled(rig, 180)
                for device in DEVICES:
                    rig.processes[device].terminate()
                for device in DEVICES:
                    assert rig.processes.pop(device).wait(5) == 0
                for device in DEVICES:
                    rig.start(device)
                counts = check(rig, modem, wait_until_settled(rig, 60))
        finally:
            influxd.kill()
    assert counts["records refused and listed"] > 0
    figures = {name: f"{len(times)} told within {max(times):.1f} s" for name, times in told.items()}
    return f"outage {outage_s:.0f} s, {kills} kills of influxd: {figures}; {counts}"


@pytest.mark.timeout(600)
def test_a_history_that_is_away_costs_nothing(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped 20 s (40 minutes of the fridges' time), killed, hung, full, refusing: told, and nothing lost."""
    line = run(tmp_path, mosquitto, 20, 3)
    with capsys.disabled():
        print(f"\n{line}")


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_ten_minutes_without_a_history(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with ten minutes of the clock on the wall, and thirty kills."""
    line = run(tmp_path, mosquitto, 600, 30)
    with capsys.disabled():
        print(f"\n{line}")
