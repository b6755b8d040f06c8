"""Who takes the messages in: a subscriber that does nothing, our hub on two stores, and Telegraf.

Each says when it is ready, how many messages it has taken, and in the end whether every reading
is there: exactly, or the figures do not count.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
import urllib.request
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

# Fields and tags as in history/influx.py, but for `series`, which stays whole: its parts would
# need a processor. Nothing waits for the flush interval while messages come: a full batch goes out.
TELEGRAF = """\
[agent]
interval = "1s"
flush_interval = "1s"
flush_jitter = "0s"
metric_batch_size = 5000
metric_buffer_limit = 2000000
omit_hostname = true
logfile = "{log}"

[[inputs.mqtt_consumer]]
servers = ["tcp://127.0.0.1:{port}"]
topics = ["coldwatch/1/+/+/records"]
topic_tag = ""
qos = 1
max_undelivered_messages = {under_way}
data_format = "json_v2"
[[inputs.mqtt_consumer.topic_parsing]]
topic = "coldwatch/1/+/+/records"
tags = "_/_/site/_/_"
[[inputs.mqtt_consumer.json_v2]]
measurement_name = "readings"
[[inputs.mqtt_consumer.json_v2.tag]]
path = "stream"
[[inputs.mqtt_consumer.json_v2.object]]
path = "records"
timestamp_key = "at"
timestamp_format = "unix_ms"
tags = ["series"]
excluded_keys = ["kind"]
disable_prepend_keys = true
[inputs.mqtt_consumer.json_v2.object.fields]
value = "int"
seq = "int"
mono_ms = "int"

[[outputs.influxdb_v2]]
urls = ["{url}"]
token = "{token}"
organization = "{org}"
bucket = "{bucket}"
content_encoding = "identity"
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


class TelegrafContestant:
    """Telegraf as a process, watched through the server that it writes to."""

    def __init__(self, process: subprocess.Popen[bytes], influxd: Influxd, log: Path) -> None:
        self._process = process
        self._influxd = influxd
        self._log = log
        self._size = 1
        self._before = 0
        self.pid = process.pid

    def prepare(self, generator: Generator, recording: Recording) -> None:
        """Send one reading until it is in the bucket; it overwrites itself."""
        self._size = recording.size
        deadline = time.monotonic() + READY_S
        while self._points() == 0:
            if time.monotonic() > deadline:
                raise ContestantError(f"Telegraf wrote nothing within {READY_S:.0f} s")
            generator.send(recording.warm_up)
            generator.sent(READY_S)
            time.sleep(2)
        self._before = self._points()

    def taken(self) -> int:
        """Return it from the server's count of points written."""
        if self._process.poll() is not None:
            last = self._log.read_text().strip().rpartition("\n")[2] if self._log.exists() else ""
            raise ContestantError(f"Telegraf ended with {self._process.returncode}: {last}")
        return (self._points() - self._before) // self._size

    def check(self, readings: int) -> None:
        """Count what is in the bucket; one reading was there before."""
        count = count_in(self._influxd, self._influxd.bucket) - 1
        if count != readings:
            raise ContestantError(f"the bucket has {count:,} readings instead of {readings:,}")

    def _points(self) -> int:
        return points_written(self._influxd)


@contextmanager
def telegraf(
    folder: Path, port: int, influxd: Influxd, program: str, under_way: int
) -> Iterator[TelegrafContestant]:
    """Run Telegraf into the server's first bucket."""
    log = folder / "telegraf.log"
    settings = folder / "telegraf.conf"
    settings.write_text(
        TELEGRAF.format(
            log=log,
            port=port,
            under_way=under_way,
            url=influxd.url,
            token=influxd.token,
            org=influxd.org,
            bucket=influxd.bucket,
        )
    )
    process = subprocess.Popen(
        [program, "--config", str(settings)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield TelegrafContestant(process, influxd, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def points_written(influxd: Influxd) -> int:
    """Return how many points the server has written since its start; asking costs it 2 ms."""
    with urllib.request.urlopen(influxd.url + "/metrics", timeout=30) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("storage_writer_ok_points_sum"):
                return int(float(line.rpartition(" ")[2]))
    return 0


def count_in(influxd: Influxd, bucket: str) -> int:
    """Return how many readings are in a bucket, each counted by its `seq`."""
    query = (
        f'from(bucket: "{bucket}") |> range(start: 0) |> filter(fn: (r) => r._field == "seq")'
        " |> count() |> group() |> sum()"
    )
    request = urllib.request.Request(
        f"{influxd.url}/api/v2/query?org={influxd.org}",
        data=query.encode(),
        headers={
            "Authorization": f"Token {influxd.token}",
            "Content-Type": "application/vnd.flux",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        last = answer.read().decode().strip().rpartition("\n")[2]
    return int(last.rpartition(",")[2] or 0)
