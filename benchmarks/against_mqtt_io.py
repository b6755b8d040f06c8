"""The agent beside mqtt-io, which reads the same number of dummy sensors: side by side, in one run.

``python -m benchmarks against_mqtt_io``: both processes run at the same time for ten minutes, on one
mosquitto, eight sensors every 10 s. mqtt-io publishes what it reads and keeps nothing; the agent
checks, records, judges by two profiles, commits to its spool and waits for a hub. mqtt-io is
installed from the package index into a virtual environment of its own, which is kept.
COLDWATCH_BENCH_MINUTES sets another length.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.against_telegraf.processes import cpu_s, family, wait
from benchmarks.agent import PROBES, mosquitto, settings_file
from protocol.connection import Address, Connection
from tests.firmware_agent.small_hub import SmallHub

VERSION = "2.7.0"
EVERY_S = 10
MINUTES = float(os.environ.get("COLDWATCH_BENCH_MINUTES", "10"))
# Behind the start, until checking the settings and loading are over.
SETTLED_S = 5.0
TRACED_S = 240.0
DAY_S = 86_400.0
SYNCING = ("fsync", "fdatasync")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coldwatch"


@dataclass
class Contestant:
    """A daemon that reads eight sensors, and what is seen of it."""

    name: str
    command: list[str]
    cwd: Path
    topics: str
    imports: list[str]
    pid: int = 0
    first_s: float | None = None
    peaks: dict[str, float] = field(default_factory=dict)
    cpu_percent: float = 0.0
    main_mb: float = 0.0
    written_a_day: float = 0.0
    syncs_a_day: float | None = None
    import_s: float = 0.0


def report() -> Iterator[str]:
    """Measure, ten minutes and four more; yield the section's lines."""
    other = _mqtt_io()
    if isinstance(other, str):
        yield other
        return
    with tempfile.TemporaryDirectory(dir=os.environ.get("COLDWATCH_BENCH_DIR")) as name:
        folder = Path(name)
        with mosquitto(folder) as port, ExitStack() as stack:
            hub = SmallHub(port).start()
            stack.callback(hub.stop)
            ours = Contestant(
                "coldwatch agent",
                [sys.executable, "-m", "coldwatch", "agent", str(settings_file(folder, port, "ours"))],
                Path.cwd(), "coldwatch/1/+/+/records", [sys.executable, "firmware_agent.agent"],
            )  # fmt: skip
            theirs = Contestant(
                f"mqtt-io {VERSION}",
                [str(other), "-m", "mqtt_io", str(_mqtt_io_settings(folder, port))],
                folder, "dummy/sensor/+", [str(other), "mqtt_io.server"],
            )  # fmt: skip
            for each in (ours, theirs):
                each.import_s = _import_s(*each.imports)
                _start(each, port, stack)
            _watch((ours, theirs))
    yield f"{PROBES} dummy sensors every {EVERY_S} s, both at once for {MINUTES:g} minutes"
    yield ""
    yield f"{'':42} {ours.name:>18} {theirs.name:>18}"
    yield from (
        f"{what:42} {_figure(a):>18} {_figure(b):>18}" for what, a, b in _rows(ours, theirs)
    )


def _rows(ours: Contestant, theirs: Contestant) -> list[tuple[str, float | None, float | None]]:
    def pair(what: str, of: str) -> tuple[str, float | None, float | None]:
        return what, getattr(ours, of), getattr(theirs, of)

    children = sorted({*ours.peaks, *theirs.peaks})
    return [
        pair("importing it, s", "import_s"),
        pair("start to first reading at the broker, s", "first_s"),
        pair("main process, resident, MB", "main_mb"),
        *[
            (f"child {name}, peak, MB", ours.peaks.get(name), theirs.peaks.get(name))
            for name in children
        ],
        pair("CPU, % of a core", "cpu_percent"),
        pair("fsync and fdatasync a day", "syncs_a_day"),
        pair("MB written to disk a day", "written_a_day"),
    ]


def _figure(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,.2f}" if figure < 100 else f"{figure:,.0f}"


def _mqtt_io() -> Path | str:
    """Return the Python of mqtt-io's environment, made once; or one line that says what is missing."""
    place = CACHE / f"mqtt-io-{VERSION}"
    python = place / "bin" / "python"
    if (place / "made").exists():
        return python
    shutil.rmtree(place, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(place)], capture_output=True, text=True, check=False
    )
    if made.returncode == 0:
        made = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", f"mqtt-io=={VERSION}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if made.returncode != 0:
        last = (made.stderr.strip() or made.stdout.strip()).splitlines()[-1:]
        return f"against_mqtt_io: mqtt-io {VERSION} cannot be installed, so nothing is compared: {last}"
    (place / "made").touch()
    return python


def _mqtt_io_settings(folder: Path, port: int) -> Path:
    sensors = "".join(
        f"  - name: s{n}\n    module: dummy\n    interval: {EVERY_S}\n" for n in range(PROBES)
    )
    file = folder / "mqtt-io.yml"
    file.write_text(
        f"mqtt:\n  host: 127.0.0.1\n  port: {port}\n  topic_prefix: dummy\n"
        f"sensor_modules:\n  - name: dummy\n    module: mock\nsensor_inputs:\n{sensors}"
    )
    return file


def _import_s(python: str, module: str) -> float:
    """Return the least of five times that a Python needs to import the module, less a bare start."""
    return _least_s([python, "-c", f"import {module}"]) - _least_s([python, "-c", "pass"])


def _least_s(command: list[str]) -> float:
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        took.append(time.perf_counter() - begun)
    return min(took)


def _start(each: Contestant, port: int, stack: ExitStack) -> None:
    """Start it, and see its first reading and its children of the first seconds."""
    came = threading.Event()
    at: list[float] = []

    def message(_topic: str, _payload: bytes, _retained: bool) -> None:
        at.append(time.monotonic())
        came.set()

    listener = Connection(
        f"listener-{each.cwd.name}-{each.topics[:5]}", Address("127.0.0.1", port), [each.topics],
        on_message=message, on_connected=lambda: None,
    )  # fmt: skip
    listener.start()
    listener.wait_connected(5)
    stack.callback(listener.stop, 1.0)
    begun = time.monotonic()
    process = subprocess.Popen(each.command, cwd=each.cwd, stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    stack.callback(_end, process)
    each.pid = process.pid
    while not came.is_set() or time.monotonic() - begun < SETTLED_S:
        if time.monotonic() - begun > 60 or process.poll() is not None:
            raise RuntimeError(f"{each.name} has not published a reading within a minute")
        _see_children(each)
        time.sleep(0.01)
    each.first_s = at[0] - begun


def _see_children(each: Contestant) -> None:
    """Keep the largest resident memory seen of each child, by the end of its command line."""
    for pid in family(each.pid):
        if pid == each.pid:
            continue
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue  # it has just ended
        if "VmHWM:" not in status or b"-m" not in words:
            continue
        name = words[words.index(b"-m") + 1].decode()
        peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
        each.peaks[name] = max(peak, each.peaks.get(name, 0.0))


def _watch(both: tuple[Contestant, ...]) -> None:
    """Let both run, and take what they have used."""
    seconds = MINUTES * 60
    before = [(cpu_s(each.pid), _written(each.pid)) for each in both]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for each in both:
            _see_children(each)
        time.sleep(1)
    for each, (cpu, written) in zip(both, before, strict=True):
        each.cpu_percent = 100 * (cpu_s(each.pid) - cpu) / seconds
        each.written_a_day = (_written(each.pid) - written) / 1e6 * DAY_S / seconds
        status = Path(f"/proc/{each.pid}/status").read_text()
        each.main_mb = int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6
    strace = shutil.which("strace")
    if strace is None:
        print("no strace, so fsyncs are not counted; apt-get install strace", file=sys.stderr)
        return
    for name, count in _traced(strace, both).items():
        next(item for item in both if item.name == name).syncs_a_day = count * DAY_S / TRACED_S


def _traced(strace: str, both: tuple[Contestant, ...]) -> Mapping[str, int]:
    """Count the calls that make the disk write, both at once, behind the part that is measured."""
    with tempfile.TemporaryDirectory() as folder:
        tracers = {}
        for each in both:
            file = Path(folder) / str(each.pid)
            command = [strace, "-f", "-q", "-e", f"trace={','.join(SYNCING)}", "-o", str(file)]
            tracers[each.name] = (subprocess.Popen([*command, "-p", str(each.pid)]), file)
        time.sleep(TRACED_S)
        counts = {}
        for name, (tracer, file) in tracers.items():
            tracer.terminate()
            tracer.wait(10)
            lines = file.read_text().splitlines()
            counts[name] = sum(any(f"{call}(" in line for call in SYNCING) for line in lines)
        return counts


def _written(pid: int) -> int:
    """Return the bytes that a process had the disk write, from /proc/<pid>/io."""
    return int(Path(f"/proc/{pid}/io").read_text().partition("\nwrite_bytes:")[2].split()[0])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    wait("it ends", lambda: process.poll() is not None, 20)
