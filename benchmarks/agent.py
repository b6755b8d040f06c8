"""The agent: commits, the drain of a full spool over a real mosquitto, memory and CPU of the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import spool_day
from benchmarks.row import Row
from config.clock import SystemClock
from firmware_agent.chain import Draft, reading_draft
from firmware_agent.health import Health
from firmware_agent.outbox import SpoolOutbox
from firmware_agent.plan import Plan, load_plan
from firmware_agent.spool import Spool
from firmware_agent.stamping import Stamp
from firmware_agent.stream import StreamWriter
from firmware_agent.uplink import Uplink
from protocol.connection import Address, Connection
from protocol.topics import topic
from sensors.contract import Sample
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port

PROBES = 8
COMMITS = 1_000
BACKLOG = 100_000
# Three cycles of 10 s; longer says no more.
WATCHED_S = 31
START_MS = 1_760_000_000_000
STAMP = Stamp(START_MS, synced=True, final=True)

SETTINGS = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[mqtt]
port = {port}
[clock]
trust = "always"
[panel]
state_file = "{state}/panel.json"
"""
ASSET = """
[[assets]]
id = "fridge-{n}"
profiles = ["cn-gsp", "who-pqs"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
"""

# Prints its own peak and that of the command, KiB; ends as the command does. Its own is read from
# /proc: in what getrusage says of it stands the peak of the benchmark that started it.
_HELPER = """
import os, sys
own = open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(own, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run() -> list[Row]:
    """Measure; about a minute."""
    with tempfile.TemporaryDirectory(dir=_disk()) as folder, mosquitto(Path(folder)) as port:
        plan = _plan(Path(folder), port)
        rows = [*_commits(Path(folder), plan)]
        rows += [_drain(Path(folder), plan)]
        rows += spool_day.rows(Path(folder))
        rows += _process(Path(folder), port)
        rows += _children(Path(folder), port)
    return rows


def _disk() -> str | None:
    """Return a folder on a disk, where /tmp may be memory."""
    return os.environ.get("COLDWATCH_BENCH_DIR")


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A broker with its files in ``folder``; yields its port."""
    (folder / "mosquitto").mkdir()
    broker = Mosquitto(folder / "mosquitto", unused_port())
    broker.start()
    yield broker.port
    broker.stop()


def settings_file(folder: Path, port: int, state: str) -> Path:
    """Write the settings of an agent with eight simulated probes; return their file."""
    file = folder / f"{state}.toml"
    assets = "".join(ASSET.format(n=n) for n in range(PROBES))
    file.write_text(SETTINGS.format(state=folder / state, port=port) + assets)
    return file


def _plan(folder: Path, port: int) -> Plan:
    (folder / "spool").mkdir()
    return load_plan(settings_file(folder, port, "spool"))


def _cycle(plan: Plan, mono_ms: int) -> list[Draft]:
    """Return what one cycle records: all probes, quiet."""
    return [
        reading_draft(probe.series, mono_ms, Sample(5_000 + mono_ms // 1_000 % 100))
        for probe in plan.probes
    ]


def _commits(folder: Path, plan: Plan) -> list[Row]:
    """One commit a cycle, then a backlog in commits of 10,000; both judged and chained."""
    spool = Spool.open(folder / "spool", START_MS)
    writer = StreamWriter(spool, "b" * 32, plan.keep_ms, START_MS)
    settings = Draft("settings", 0, {"version": plan.version, "series": plan.series})
    writer.commit([settings], STAMP, START_MS)
    mono_ms = 0
    begun = time.perf_counter()
    for _ in range(COMMITS):
        mono_ms += 60_000
        writer.commit(_cycle(plan, mono_ms), STAMP, START_MS + mono_ms)
    commits = COMMITS / (time.perf_counter() - begun)

    backlog = []
    for _ in range((BACKLOG - writer.recorded) // PROBES):
        mono_ms += 60_000
        backlog += _cycle(plan, mono_ms)
    begun = time.perf_counter()
    writer.commit(backlog, STAMP, START_MS + mono_ms)
    bulk = len(backlog) / (time.perf_counter() - begun)
    assert writer.problem is None
    spool.close()
    return [
        Row(f"spool: commits of {PROBES} readings, judged and chained", commits, "commits/s", ""),
        Row("spool: readings committed in bulk", bulk, "readings/s", ""),
    ]


def _drain(folder: Path, plan: Plan) -> Row:
    """The whole spool through mosquitto to a hub that only acknowledges."""
    spool = Spool.open(folder / "spool", START_MS)
    (stream,) = spool.streams()
    hashes = {row.seq: row.h for row in spool.rows(stream.n, 0, BACKLOG + 1) if row.h}
    done = threading.Event()

    def acknowledge(_topic: str, payload: bytes, _retained: bool) -> None:
        # The last record's seq stands behind the last of its keys of that name.
        tail = payload[payload.rindex(b'"seq":') + 6 :]
        seq = int(tail[: tail.index(b",")])
        mark = {"seq": seq, "h": hashes[seq].hex()}
        marks = {"judged": mark, "stored": mark}
        message = {"v": 1, "at": START_MS, "streams": {stream.id: marks}}
        hub.publish(_topic_of(plan, "received"), json.dumps(message).encode(), qos=0, retain=True)
        if seq == stream.head:
            done.set()

    hub = Connection(
        "hub", Address(plan.host, plan.port), [_topic_of(plan, "records")],
        on_message=acknowledge, on_connected=lambda: None,
    )  # fmt: skip
    hub.start()
    hub.wait_connected(5)
    outbox = SpoolOutbox(spool)
    uplink = Uplink(plan, SystemClock(), outbox, Health(), version="bench")
    uplink.news(spool.streams(), stream.head)
    uplink.start()
    while not uplink.connected:
        time.sleep(0.01)
    begun = time.perf_counter()
    if not done.wait(60):
        raise RuntimeError("the spool was not drained within a minute")
    # Of that, up to a second is the wait for marks that a real hub has retained.
    took = time.perf_counter() - begun
    uplink.stop()
    hub.stop()
    outbox.close()
    spool.close()
    return Row("spool drained over mosquitto", stream.head / took, "readings/s", "20,000")


def _topic_of(plan: Plan, leaf: str) -> str:
    return topic(plan.site, plan.device, leaf)  # type: ignore[arg-type]


def _process(folder: Path, port: int) -> list[Row]:
    """`coldwatch agent` itself: resident memory, and CPU over some cycles behind its start."""
    settings = settings_file(folder, port, "process")
    agent = subprocess.Popen(
        [sys.executable, "-m", "coldwatch", "agent", str(settings)],
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(5)
        before = _cpu_s(agent.pid)
        time.sleep(WATCHED_S)
        used = _cpu_s(agent.pid) - before
        status = Path(f"/proc/{agent.pid}/status").read_text()
    finally:
        agent.terminate()
        agent.wait(5)
    resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6
    what = f"agent with {PROBES} probes at 10 s"
    return [
        Row(f"{what}: resident", resident, "MB", "under 40"),
        Row(f"{what}: of one core", 100 * used / WATCHED_S, "%", "under 1"),
    ]


def _children(folder: Path, port: int) -> list[Row]:
    """The short-lived and the long-lived helpers, with the libraries that the agent must not load."""
    settings = [
        sys.executable,
        "-m",
        "firmware_agent.settings",
        str(settings_file(folder, port, "c")),
    ]
    # Off a Pi the library loads, and its pins do not.
    dht = [sys.executable, "-c", "import sensors.dht22.child, adafruit_dht"]
    key = [
        sys.executable,
        "-c",
        "from firmware_agent import enrolment; enrolment.make_request('pi-1')",
    ]
    return [
        Row("child that checks the settings: peak", _peak_mb(settings), "MB", ""),
        Row("child that reads a DHT22, its library loaded: peak", _peak_mb(dht), "MB", ""),
        Row("child that makes a device's key: peak", _peak_mb(key), "MB", ""),
    ]


def _peak_mb(command: list[str]) -> float:
    """Return the largest resident memory of a command, MB.

    A process begins with the peak of the one that it was forked from, and exec keeps it. So the
    command is started by a bare interpreter, which is smaller than whatever it is to measure.
    """
    helper = [sys.executable, "-I", "-S", "-c", _HELPER, *command]
    done = subprocess.run(helper, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}")
    # The last line is the helper's; the command may print before it.
    own, peak = (int(word) * 1024 / 1e6 for word in done.stdout.split()[-2:])
    if peak <= own:
        raise RuntimeError(f"{command} shows no more than the {own:.0f} MB of who started it")
    return peak


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
