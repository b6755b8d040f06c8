"""From a sample to the SMS handed over, while a thousand devices send: `python -m benchmarks alarm_latency`.

All is real but hardware: mosquitto, `coldwatch hub` as a process, gammu-smsd on its database with the
simulated modem on a pty. 1,000 devices with eight probes each send every ten seconds over connections of
their own (benchmarks/fleet.py). In one fridge of each of 200 sites it becomes too warm, one site after the
other; each site tells one person, so the number that an SMS goes to says which alarm it is.

One clock, the machine's: the sample's time is the stamp (`at`) of the reading with which the rule is
fulfilled, which is the second one outside (cdc-vfc, instant: no delay of its own beyond that). Handed
over is when the message stands in gammu-smsd's outbox for somebody else who looks every 2 ms.
Sent is when the modem has it. What an agent needs to commit and to send is not in that; so a few of the
devices beside the thousand are real agents, `coldwatch agent` with eight probes each, and a line of their own
has it in.
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
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from alerts.channels.smsd import what_is_missing
from benchmarks.against_telegraf.processes import ContestantError, cpu_s, wait
from benchmarks.child import ChildError
from benchmarks.fleet import (
    DEVICES,
    DEVICES_PER_SITE,
    EVERY_S,
    PROBES,
    PROFILE,
    WARM,
    Fleet,
    Sending,
    device_name,
    site_of,
)
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port
from tests.support.smsd import Rig
from tests.support.system import command

SITES: Final = DEVICES // DEVICES_PER_SITE
# An SMS takes the modem about a second: faster, and the queue before it would be measured.
BETWEEN_ALARMS_S: Final = 1.3
# Every device has sent a few times before the first alarm.
BEFORE_S: Final = 3 * EVERY_S
AFTER_S: Final = 3 * EVERY_S
READY_S: Final = 90.0
_LOOK_S: Final = 0.002
# Real agents beside the thousand devices, one alarm each.
AGENTS: Final = 4

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

_AGENT: Final = """
site = "real-{n}"
device = "real-{n}"
state_dir = "{state}"
mqtt = {{ port = {port} }}
clock = {{ trust = "always" }}
"""
_AGENT_ASSET: Final = """
[[assets]]
id = "fridge-{n}"
profiles = ["{profile}"]
points = [{{ name = "center", decides = true, driver = {{ kind = "simulated", path = "{file}" }} }}]
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen; times are seconds of the machine's clock, by number of the site.

    The sites of the real agents come behind those of the fleet.

    Attributes:
        sending: what the fleet sent.
        fulfilled: the stamp of the reading with which the rule was fulfilled.
        handed: when the SMS stood in the channel's queue.
        sent: when the modem had it.
        share: how much of one core the hub used.
    """

    sending: Sending
    fulfilled: Mapping[int, float]
    handed: Mapping[int, float]
    sent: Mapping[int, float]
    share: float


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
            yield from _lines(measure(Path(folder)))
    except (ContestantError, ChildError) as error:
        yield f"not measured: {error}"


def measure(folder: Path) -> Measured:
    """Run all of it in a folder; everything that was started has ended when this returns."""
    with ExitStack() as stack:
        broker = Mosquitto(folder, unused_port())
        stack.callback(broker.stop)
        broker.start()
        rig = stack.enter_context(Rig(folder / "smsd"))
        database, hub_database = folder / "smsd" / "smsd.db", folder / "state" / "hub.db"
        settings = folder / "hub.toml"
        settings.write_text(_settings(folder, broker.port, database), encoding="utf-8")
        hub = stack.enter_context(command(folder, "hub", "hub", str(settings)))
        log = folder / "hub.log"
        wait("the hub's connection", lambda: "connected to the broker" in log.read_text(), READY_S)
        fleet = Fleet(broker.port)
        stack.callback(fleet.stop)
        _introduce(fleet, hub_database)
        probes = [_start_agent(stack, folder, broker.port, number) for number in range(AGENTS)]
        outbox = _Outbox(database)
        stack.callback(outbox.stop)
        warm = {alarmed(site): BEFORE_S + site * BETWEEN_ALARMS_S for site in range(SITES)}
        seconds = max(warm.values()) + 2 * EVERY_S + AFTER_S
        used = cpu_s(hub.pid)
        fleet.start(seconds, warm)
        for number, probe in enumerate(probes):
            time.sleep(BEFORE_S if not number else (seconds - 2 * BEFORE_S) / AGENTS)
            probe.write_text(f"{WARM}\n", encoding="ascii")
        sending = fleet.result(seconds + 60)
        share = (cpu_s(hub.pid) - used) / seconds
        every = SITES + AGENTS
        wait("the last SMS handed over", lambda: len(outbox.seen) >= every, 60)
        wait("the last SMS sent", lambda: len(rig.modem.messages) >= every, 300)
        sent: dict[int, float] = {}
        for message in rig.modem.messages:
            at = datetime.fromisoformat(message.at).timestamp()
            sent.setdefault(_site_told(message.to), at)
        if missing := [site for site in range(SITES) if alarmed(site) not in sending.confirmed]:
            raise ContestantError(f"{len(missing)} fridges were not warm twice; too short a run")
        stamps = {site: sending.confirmed[alarmed(site)] / 1000 for site in range(SITES)}
        return Measured(sending, stamps | _opened(hub_database), dict(outbox.seen), sent, share)


def _start_agent(stack: ExitStack, folder: Path, port: int, number: int) -> Path:
    """Start a real agent with eight fridges; return the file that its first probe shows."""
    text = _AGENT.format(n=number, state=folder / f"agent-{number}", port=port)
    files = [folder / f"probe-{number}-{probe}" for probe in range(PROBES)]
    for probe, file in enumerate(files):
        file.write_text("5000\n", encoding="ascii")
        text += _AGENT_ASSET.format(n=probe + 1, profile=PROFILE, file=file)
    settings = folder / f"agent-{number}.toml"
    settings.write_text(text, encoding="utf-8")
    stack.enter_context(command(folder, f"agent-{number}", "agent", str(settings)))
    return files[0]


def _opened(database: Path) -> dict[int, float]:
    """Return when the rule was fulfilled at each real agent, by the stamp that the agent gave."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as conn:
        query = "SELECT site, min(opened) FROM excursions WHERE site LIKE 'real-%' GROUP BY site"
        rows = conn.execute(query).fetchall()
    return {SITES + int(site.removeprefix("real-")): opened / 1000 for site, opened in rows}


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
    for number in range(AGENTS):
        people += _PERSON.format(id=f"wang-{number}", phone=_phone(SITES + number))
        name = f"real-{number}"
        sites += _SITE.format(
            id=name, devices=json.dumps([name]), person=f"wang-{number}", assets=assets
        )
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


def _lines(made: Measured) -> Iterator[str]:
    def times(sites: range, later: Mapping[int, float], than: Mapping[int, float]) -> list[float]:
        return sorted(later[site] - than[site] for site in sites)

    fleet, real = range(SITES), range(SITES, SITES + AGENTS)
    yield f"{'':48} {'p50':>8} {'p99':>8} {'most':>8}       design.md"
    yield _row(
        "sample to handed over, beyond the rule's own",
        times(fleet, made.handed, made.fulfilled),
        "p99 under 2 s",
    )
    yield _row(
        f"the same from {AGENTS} real agents, commit and all",
        times(real, made.handed, made.fulfilled),
        "",
    )
    yield _row(
        "handed over to sent (modem on a pty)", times(fleet, made.sent, made.handed), "apart"
    )
    sending = made.sending
    yield (
        f"{sending.messages:,} messages sent, the latest {sending.latest_s * 1000:.0f} ms behind its time;"
        f" the hub used {100 * made.share:.0f} % of one core"
    )


def _row(what: str, ordered: Sequence[float], target: str) -> str:
    figures = " ".join(f"{1000 * quantile(ordered, q):8,.0f}" for q in (0.5, 0.99, 1))
    return f"{what:48} {figures}  ms   {target}".rstrip()


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the least value that at least this share does not exceed (nearest rank)."""
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[min(len(ordered), int(rank)) - 1]
