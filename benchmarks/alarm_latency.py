"""From a sample to the SMS handed over, while a thousand devices send: `python -m benchmarks alarm_latency`.

All is real but hardware: mosquitto, `coldwatch hub` as a process, gammu-smsd on its database with the
simulated modem on a pty. 1,000 devices with eight probes each send every ten seconds over connections of
their own (benchmarks/fleet.py). In one fridge of each of 200 sites it becomes too warm, one site after the
other; each site tells one person, so the number that an SMS goes to says which alarm it is.

One clock, the machine's: the sample's time is the stamp (`at`) of the reading with which the rule is
fulfilled, which is the second one outside (cdc-vfc, instant: no delay of its own beyond that). Handed
over is when the message stands in gammu-smsd's outbox for somebody else who looks every 2 ms.
Sent is when the modem has it. Not included: the agent's commit and its sending, which are the
device's own; the agent's share is measured by the lines on `real agents`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.against_telegraf.processes import ContestantError, cpu_s, wait
from benchmarks.fleet import (
    DEVICES,
    DEVICES_PER_SITE,
    EVERY_S,
    PROBES,
    Fleet,
    FleetError,
    Sending,
    device_name,
    site_of,
)
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port
from tests.support.smsd import Rig, what_is_missing
from tests.support.system import command

SITES: Final = DEVICES // DEVICES_PER_SITE
# An SMS takes the modem about a second: faster, and the queue before it would be measured.
BETWEEN_ALARMS_S: Final = 1.3
# Every device has sent a few times before the first alarm.
BEFORE_S: Final = 3 * EVERY_S
AFTER_S: Final = 3 * EVERY_S
READY_S: Final = 90.0
_LOOK_S: Final = 0.002

_HUB: Final = """\
state_dir = "{state}"
lost_contact_after = "30d"
mqtt = {{ port = {port} }}
console = {{ enabled = false }}
metrics = {{ port = 0 }}
sms = {{ channel = "gammu-smsd", database = "{database}" }}
"""
_PERSON: Final = """
[[people]]
id = "{id}"
name = "李娜"
phone = "{phone}"
"""
_SITE: Final = """
[[sites]]
id = "{id}"
name = {{ zh = "接种点", en = "Point" }}
kind = "fixed"
devices = {devices}
tell = ["{person}"]
assets = [
{assets}]
"""
_ASSET: Final = '  {{ id = "fridge-{n}", name = {{ zh = "{n}号冰箱", en = "Fridge {n}" }} }},\n'


def report() -> Iterator[str]:
    """Measure, about six minutes; yield the section's lines."""
    missing = what_is_missing()
    if Mosquitto.program() is None:
        missing = "mosquitto is not installed; as root: apt-get install mosquitto"
    if missing is not None:
        yield f"sample to SMS handed over: not measured, {missing}"
        return
    rate = DEVICES / EVERY_S
    yield (
        f"Sample to SMS handed over: {DEVICES:,} devices with {PROBES} probes each, every {EVERY_S:.0f} s"
        f" ({rate:.0f} messages, {rate * PROBES:.0f} readings a second), {SITES} alarms"
    )
    try:
        with tempfile.TemporaryDirectory(dir=os.environ.get("COLDWATCH_BENCH_DIR")) as folder:
            yield from _lines(*measure(Path(folder)))
    except (ContestantError, FleetError) as error:
        yield f"not measured: {error}"


def measure(folder: Path) -> tuple[Sending, Mapping[int, float], Mapping[int, float], float]:
    """Return what was sent, when each site's SMS was handed over and sent, and the hub's CPU share.

    Times are seconds of the machine's clock, by the number of the site.
    """
    with ExitStack() as stack:
        broker = Mosquitto(folder, unused_port())
        stack.callback(broker.stop)
        broker.start()
        rig = stack.enter_context(Rig(folder / "smsd"))
        database = folder / "smsd" / "smsd.db"
        settings = folder / "hub.toml"
        settings.write_text(_settings(folder, broker.port, database), encoding="utf-8")
        hub = stack.enter_context(command(folder, "hub", "hub", str(settings)))
        log = folder / "hub.log"
        wait("the hub's connection", lambda: "connected to the broker" in log.read_text(), READY_S)
        fleet = Fleet(broker.port)
        stack.callback(fleet.stop)
        _introduce(fleet, folder / "state" / "hub.db")
        outbox = _Outbox(database)
        stack.callback(outbox.stop)
        warm = {alarmed(site): BEFORE_S + site * BETWEEN_ALARMS_S for site in range(SITES)}
        seconds = max(warm.values()) + 2 * EVERY_S + AFTER_S
        used = cpu_s(hub.pid)
        fleet.start(seconds, warm)
        sending = fleet.result(seconds + 60)
        share = (cpu_s(hub.pid) - used) / seconds
        wait("the last SMS handed over", lambda: len(outbox.seen) >= SITES, 30)
        wait("the last SMS sent", lambda: len(rig.modem.messages) >= SITES, 300)
        sent: dict[int, float] = {}
        for message in rig.modem.messages:
            at = datetime.fromisoformat(message.at).timestamp()
            sent.setdefault(_site_told(message.to), at)
        return sending, dict(outbox.seen), sent, share


def alarmed(site: int) -> int:
    """Return the device of a site in which a fridge becomes warm."""
    return site * DEVICES_PER_SITE + site % DEVICES_PER_SITE


def _phone(site: int) -> str:
    return f"+86139{site:08d}"


def _site_told(phone: str) -> int:
    return int(phone[-8:])


def _settings(folder: Path, port: int, database: Path) -> str:
    text = _HUB.format(state=folder / "state", port=port, database=database)
    assets = "".join(_ASSET.format(n=n + 1) for n in range(PROBES))
    people, sites = "", ""
    for site in range(SITES):
        first = site * DEVICES_PER_SITE
        devices = json.dumps([device_name(first + n) for n in range(DEVICES_PER_SITE)])
        people += _PERSON.format(id=f"li-{site}", phone=_phone(site))
        sites += _SITE.format(
            id=site_of(first), devices=devices, person=f"li-{site}", assets=assets
        )
    return text + people + sites


def _introduce(fleet: Fleet, database: Path) -> None:
    """Send the settings records until the hub has judged those of all devices."""
    deadline = time.monotonic() + READY_S
    while True:
        fleet.send_settings()
        time.sleep(4)
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as conn:
            (known,) = conn.execute("SELECT count(*) FROM streams WHERE judged_seq = 1").fetchone()
        if known == DEVICES:
            return
        if time.monotonic() > deadline:
            raise ContestantError(f"the hub knows {known} devices of {DEVICES}")


class _Outbox:
    """Looks into gammu-smsd's database and notes when the first SMS to each site stands there."""

    def __init__(self, database: Path) -> None:
        self.seen: dict[int, float] = {}
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no longer."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        uri = f"file:{self._database}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)) as conn:
            version, newest = -1, 0
            while not self._stop.wait(_LOOK_S):
                # Changes with every commit of another connection; costs some microseconds.
                (now,) = conn.execute("PRAGMA data_version").fetchone()
                if now == version:
                    continue
                version, at = now, time.time()
                query = "SELECT ID, DestinationNumber FROM outbox WHERE ID > ? ORDER BY ID"
                for number, phone in conn.execute(query, (newest,)).fetchall():
                    newest = number
                    self.seen.setdefault(_site_told(phone), at)


def _lines(
    sending: Sending, handed: Mapping[int, float], sent: Mapping[int, float], share: float
) -> Iterator[str]:
    missing = [site for site in range(SITES) if alarmed(site) not in sending.confirmed]
    if missing:
        raise ContestantError(f"{len(missing)} fridges were not warm twice; the run was too short")
    beyond = sorted(handed[site] - sending.confirmed[alarmed(site)] / 1000 for site in range(SITES))
    on = sorted(sent[site] - handed[site] for site in range(SITES))
    yield f"{'':44} {'p50':>8} {'p99':>8} {'most':>8}   design.md"
    yield _row("sample to handed over, beyond the rule's own", beyond, "p99 under 2 s")
    yield _row("handed over to sent (modem on a pty)", on, "apart")
    yield (
        f"{sending.messages:,} messages sent, the latest {sending.latest_s * 1000:.0f} ms behind its time;"
        f" the hub used {100 * share:.0f} % of one core"
    )


def _row(what: str, ordered: Sequence[float], target: str) -> str:
    figures = " ".join(f"{1000 * quantile(ordered, q):8,.0f}" for q in (0.5, 0.99, 1))
    return f"{what:44} {figures}   ms; {target}"


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the least value that at least this share does not exceed (nearest rank)."""
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[min(len(ordered), int(rank)) - 1]
