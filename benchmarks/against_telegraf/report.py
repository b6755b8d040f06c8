"""The section as it is printed: who ran, a table a message size, and what that means."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.against_telegraf import contestants, costs, telegraf
from benchmarks.against_telegraf.costs import Cost
from benchmarks.against_telegraf.measure import PACED_ROUNDS, Enter, Load, Result, run
from benchmarks.against_telegraf.processes import ContestantError
from benchmarks.against_telegraf.recording import DEVICES, PROBES, Recording, record
from benchmarks.against_telegraf.table import COSTS, NAMES, Tables
from tests.support.influxd import HOUSE
from tests.support.mosquitto import Mosquitto


@dataclass(frozen=True)
class _Size:
    """How much is sent at one message size.

    Attributes:
        readings: readings a message.
        paced_rounds: messages a device at a moderate load.
        rounds: messages a device as fast as it goes.
        under_way: messages sent ahead of the contestant, at most: batches enough for everyone, and
            well under what the hub has room for (hub/limits.py).
    """

    readings: int
    paced_rounds: int
    rounds: int
    under_way: int


SIZES = (
    _Size(8, paced_rounds=PACED_ROUNDS, rounds=25, under_way=4_000),
    _Size(500, paced_rounds=0, rounds=1, under_way=400),
)


@dataclass
class _Programs:
    """The programs that no registry carries; None where there is none, with the reason noted."""

    influxd: str | None
    telegraf: str | None
    notes: list[str] = field(default_factory=list)


def report() -> Iterator[str]:
    """Measure everything, about six minutes on two cores; yield the section's lines as they come."""
    broker = Mosquitto.program()
    if broker is None:
        yield "against_telegraf: mosquitto is not installed; as root: apt-get install mosquitto"
        return
    notes: list[str] = []
    programs = _Programs(_find("influxd", notes), _find("telegraf", notes), notes)
    yield f"Intake with {DEVICES:,} devices of {PROBES} probes, over mosquitto"
    yield _versions(broker, programs)
    began = time.monotonic()
    for size in SIZES:
        yield from _table(size, programs)
        yield from notes
        notes.clear()
    yield f"measured in {time.monotonic() - began:.0f} s"


def _table(size: _Size, programs: _Programs) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _say(f"recording {size.readings} readings a message")
        rounds = size.paced_rounds + size.rounds
        recording = record(folder / "packets", size.readings, rounds)
        load = Load(recording, size.paced_rounds, size.under_way)
        results: dict[str, Result] = {}
        for title, enter, influxdb, answers in _entries(size, programs):
            _say(f"{title}, {size.readings} readings a message")
            try:
                results[title] = run(
                    folder / title.replace(" ", "-"),
                    load,
                    enter,
                    influxdb=influxdb,
                    answers=answers,
                )
            except ContestantError as error:
                programs.notes.append(f"{title}, {size.readings} a message: no figure: {error}")
        found = _costs(folder, recording, programs.notes)
    return Tables(size.readings, size.rounds * DEVICES * size.readings, size.under_way).lines(
        results, found
    )


def _entries(size: _Size, programs: _Programs) -> list[tuple[str, Enter, bool, bool]]:
    """Return name, starter, whether it needs influxd, and whether it answers with `received`."""
    limit, sqlite, influxdb, other = NAMES
    entries: list[tuple[str, Enter, bool, bool]] = [
        (limit, lambda _folder, port, _influxd: contestants.bare(port), False, False),
        (sqlite, contestants.hub, False, True),
    ]
    if programs.influxd is not None:
        entries.append((influxdb, contestants.hub, True, True))
        if programs.telegraf is not None:
            enter = partial(telegraf.telegraf, program=programs.telegraf, under_way=size.under_way)
            entries.append((other, enter, True, False))
    return entries


def _costs(folder: Path, recording: Recording, notes: list[str]) -> dict[str, Cost]:
    found = {}
    for title, (judge, chain) in COSTS.items():
        _say(f"intake alone, {title}, {recording.size} readings a message")
        place = folder / title.replace(" ", "-")
        try:
            found[title] = costs.measure(place, recording, judge=judge, chain=chain)
        except ContestantError as error:
            notes.append(f"{title}, {recording.size} a message: no figure: {error}")
    return found


def _find(program: str, notes: list[str]) -> str | None:
    script = HOUSE / "tools" / "go-program.sh"
    done = subprocess.run([script, program, "--find"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    notes.append(f"no ratio to Telegraf is claimed: {done.stderr.strip()}")
    return None


def _versions(broker: str, programs: _Programs) -> str:
    found = [_first_line([broker, "-h"])]
    for path in (programs.influxd, programs.telegraf):
        if path is not None:
            found.append(_first_line([path, "version"]))
    return ", ".join(found)


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0].partition(" (")[0]


def _say(what: str) -> None:
    print(f"  {what} ...", file=sys.stderr, flush=True)
