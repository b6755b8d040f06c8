"""Who takes the messages in: a subscriber that does nothing, our hub on two stores, and Telegraf.

Each says when it is ready, how many messages it has taken, and in the end whether every reading
is there: exactly, or the figures do not count.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.against_telegraf.generator import Generator
from benchmarks.against_telegraf.listeners import BareSubscriber
from benchmarks.against_telegraf.processes import ContestantError, wait
from benchmarks.against_telegraf.recording import (
    DEVICES,
    DEVICES_PER_SITE,
    PROBES,
    Recording,
    device_name,
    site_of,
)
from history.opening import open_to_read
from tests.support.influxd import Influxd
from tests.support.system import command

READY_S = 60.0

HUB = """\
state_dir = "{state}"
lost_contact_after = "30d"
mqtt = {{ port = {port} }}
console = {{ enabled = false }}
metrics = {{ port = 0 }}
{history}
[[people]]
id = "li"
name = "李娜"
phone = "+8613900000001"
"""
SITE = """
[[sites]]
id = "{id}"
name = {{ zh = "接种点", en = "Point" }}
kind = "fixed"
devices = {devices}
tell = ["li"]
assets = [
{assets}]
"""
ASSET = '  {{ id = "fridge-{n}", name = {{ zh = "{n}号冰箱", en = "Fridge {n}" }} }},\n'
INFLUXDB = """
[history]
kind = "influxdb"
[history.influxdb]
url = "{url}"
org = "{org}"
bucket = "{bucket}"
token_file = "{token_file}"
"""


class Contestant(Protocol):
    """Takes the messages of one run in."""

    @property
    def pid(self) -> int:
        """Number of the process that is measured, with all below it."""

    def prepare(self, generator: Generator, recording: Recording) -> None:
        """Wait until it has subscribed and has what it needs to judge."""

    def taken(self) -> int:
        """Return how many messages of readings it has taken since, to the last reading."""

    def check(self, readings: int) -> None:
        """Raise ContestantError unless exactly so many readings of the rounds are there."""


@dataclass
class Nobody:
    """The bare subscriber."""

    subscriber: BareSubscriber

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.subscriber.pid

    def prepare(self, generator: Generator, recording: Recording) -> None:
        """It has subscribed already."""

    def taken(self) -> int:
        """Return how many messages have come."""
        return self.subscriber.messages

    def check(self, readings: int) -> None:
        """Nothing is kept, so nothing can be missing."""


@contextmanager
def bare(port: int) -> Iterator[Nobody]:
    """Run the bare subscriber."""
    subscriber = BareSubscriber(port)
    try:
        yield Nobody(subscriber)
    finally:
        subscriber.stop()


class HubContestant:
    """`coldwatch hub` as a process, watched through its database."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._size = 1
        self.pid = process.pid

    def prepare(self, generator: Generator, recording: Recording) -> None:
        """Send the settings records until all are stored; again where the hub was not there yet."""
        self._size = recording.size
        log = self._folder / "hub.log"
        wait("the hub's connection to the broker",
             lambda: self._alive() and "connected to the broker" in log.read_text(), READY_S)  # fmt: skip
        deadline = time.monotonic() + READY_S
        while self._stored() < DEVICES:
            if time.monotonic() > deadline:
                raise ContestantError(
                    f"the hub has stored the settings of {self._stored()} devices within "
                    f"{READY_S:.0f} s, and not of {DEVICES}"
                )
            time.sleep(1)
            generator.send(recording.settings)
            generator.sent(READY_S)
            time.sleep(4)

    def taken(self) -> int:
        """Return it from the hub's own marks."""
        self._alive()
        return (self._stored() - DEVICES) // self._size

    def check(self, readings: int) -> None:
        """Count the history, look at every stream's mark, and see that it was judged."""
        with closing(open_to_read(self._folder / "state")) as history:
            count = history.count() - DEVICES
        if count != readings:
            raise ContestantError(f"the history has {count:,} readings instead of {readings:,}")
        marks = self._ask("SELECT DISTINCT stored_seq, judged_seq FROM streams")
        if marks != [(readings // DEVICES + 1,) * 2]:
            raise ContestantError(f"the streams are stored and judged up to {marks[:5]}")
        if not self._ask("SELECT 1 FROM excursions WHERE kind <> 'lost-contact' LIMIT 1"):
            raise ContestantError("the hub opened no excursion, although fridges were warm")

    def _stored(self) -> int:
        return int(self._ask("SELECT ifnull(sum(stored_seq), 0) FROM streams")[0][0])

    def _ask(self, query: str) -> list[tuple[int, ...]]:
        uri = f"file:{self._folder / 'state' / 'hub.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as database:
            return database.execute(query).fetchall()

    def _alive(self) -> bool:
        if self._process.poll() is not None:
            last = (self._folder / "hub.log").read_text().strip().rpartition("\n")[2]
            raise ContestantError(f"the hub ended with {self._process.returncode}: {last}")
        return True


@contextmanager
def hub(folder: Path, port: int, influxd: Influxd | None = None) -> Iterator[HubContestant]:
    """Run a hub with all devices in its settings, on SQLite or on a bucket of its own."""
    history = ""
    if influxd is not None:
        token = folder / "token"
        token.write_text(influxd.token)
        token.chmod(0o600)
        history = INFLUXDB.format(url=influxd.url, org=influxd.org, bucket="hub", token_file=token)
    assets = "".join(ASSET.format(n=n + 1) for n in range(PROBES))
    settings = HUB.format(state=folder / "state", port=port, history=history)
    for first in range(0, DEVICES, DEVICES_PER_SITE):
        devices = json.dumps([device_name(first + n) for n in range(DEVICES_PER_SITE)])
        settings += SITE.format(id=site_of(first), devices=devices, assets=assets)
    file = folder / "hub.toml"
    file.write_text(settings, encoding="utf-8")
    with command(folder, "hub", "hub", str(file)) as process:
        yield HubContestant(process, folder)
