"""A site on one machine: a hub and an agent that reads two simulated probes every second."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import pairwise

from coldwatch.demo.spools import Recorded, recorded
from tests.support.system import HUB, stored
from tests.systemd.machine import Machine

EVERY_MS = 1_000
AGENT = """
site = "east-gate"
device = "pi-1"
[clock]
trust = "always"
[sampling]
every = "1s"
record_every = "1s"
[spool]
resend_after = "2s"
[panel]
state_file = "/run/coldwatch/panel.json"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = { kind = "simulated", mean = 5.0, seed = 1 }
[[assets.points]]
name = "upper"
driver = { kind = "simulated", mean = 5.0, seed = 2 }
"""
SERIES = ("fridge-1/center/temperature", "fridge-1/upper/temperature")
# The line of a lamp's relay. It must be off after every end of the agent.
RELAY = 23


class Site:
    """Settings, and the questions that the tests ask."""

    def __init__(self, machine: Machine, *, more: str = "", relays: tuple[int, ...] = ()) -> None:
        """Write the settings; ``more`` is added to the agent's, ``relays`` are lines of lamps."""
        self.machine = machine
        self._relays = relays
        settings = machine.root / "etc/coldwatch"
        (settings / "agent.toml").write_text(AGENT + more, encoding="utf-8")
        hub = HUB.format(state="/var/lib/coldwatch-hub", port=1883)
        # The pages too, as on a real hub.
        hub = hub.replace("[console]\nenabled = false\n", "")
        (settings / "hub.toml").write_text(hub, encoding="utf-8")

    def start(self) -> None:
        """Start both and wait until readings have come all the way."""
        self.machine.run("systemctl enable --now coldwatch-hub coldwatch-agent")
        self.wait_for_more(2)

    def spool(self) -> list[Recorded]:
        """Return what the agent has committed."""
        return recorded(self.machine.root / "var/lib/coldwatch")

    def stored(self) -> dict[str, int]:
        """Return how far the hub has stored each stream."""
        return stored(self.machine.root / "var/lib/coldwatch-hub")

    def wait_for_more(self, records: int) -> None:
        """Wait until that many more records than now are stored in the hub."""
        target = sum(self.stored().values()) + records
        self.machine.wait("more records", lambda: sum(self.stored().values()) >= target)

    def check_complete(self, longest_ms: int) -> None:
        """Every committed record is in the hub once, and no reading is missing but for a time."""
        committed = {each.stream: each.last for each in self.spool()}
        self.machine.wait(
            "everything that was committed is stored",
            lambda: all(self.stored().get(name, 0) >= last for name, last in committed.items()),
        )
        assert len(committed) == 1, "the stream went on, and no new one was begun"
        (spool,) = self.spool()
        assert sorted(spool.bodies) == list(range(1, spool.last + 1))
        (last,) = committed.values()
        wanted = {seq: body for seq, body in spool.readings.items() if seq <= last}
        assert self._in_history(last) == sorted(wanted)
        for series in SERIES:
            times = sorted(body["at"] for body in wanted.values() if body["series"] == series)
            gaps = [later - sooner for sooner, later in pairwise(times)]
            assert max(gaps) <= longest_ms, f"{series}: {max(gaps)} ms without a reading"

    def _in_history(self, last: int) -> list[int]:
        path = self.machine.root / "var/lib/coldwatch-hub/history.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT seq FROM readings WHERE seq <= ? ORDER BY seq", (last,))
            return [seq for (seq,) in rows]

    def relay_file(self, line: int) -> str:
        """Return the file that stands in for a line, in the machine (sensors/gpio/folder.py)."""
        return f"/var/lib/coldwatch/gpio/{line}/value"

    def check_lamps_off(self) -> None:
        """The relay of each lamp is off; there is none but in tests/systemd/test_lamp.py."""
        for line in self._relays:
            value = self.machine.run(f"cat {self.relay_file(line)}").stdout
            assert value.strip() == "0", f"the lamp's relay, line {line}, is on"

    def panel(self) -> dict[str, object]:
        """Return the panel's state."""
        text = self.machine.run("cat /run/coldwatch/panel.json").stdout
        state: dict[str, object] = json.loads(text)
        return state

    def pid(self, unit: str) -> int:
        """Return the unit's main process in the machine's own numbers; 0 where it does not run."""
        return int(self.machine.show(unit, "MainPID"))
