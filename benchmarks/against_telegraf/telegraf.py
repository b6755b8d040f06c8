"""Telegraf as a contestant, tuned to be fast, and how far InfluxDB is."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.against_telegraf.contestants import READY_S
from benchmarks.against_telegraf.generator import Generator
from benchmarks.against_telegraf.processes import ContestantError
from benchmarks.against_telegraf.recording import Recording
from tests.support.influxd import Influxd

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
    folder: Path, port: int, influxd: Influxd | None, program: str, under_way: int
) -> Iterator[TelegrafContestant]:
    """Run Telegraf into the server's first bucket."""
    assert influxd is not None
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
