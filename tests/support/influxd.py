"""A real InfluxDB 2 for tests: started by the test, on loopback, with its own folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import unused_port

HOUSE = Path(__file__).resolve().parents[2]

# Nothing that phones home, no page, no task; 2.9.1 keeps the rest at its own defaults, and with
# them it answers a write only after an fsync.
FLAGS = (
    "--reporting-disabled",
    "--ui-disabled",
    "--pprof-disabled",
    "--log-level=info",
)


@cache
def program() -> str | None:
    """Return the path of influxd 2.9: on PATH, or as `tools/go-program.sh influxd` built it."""
    found = subprocess.run(
        [HOUSE / "tools" / "go-program.sh", "influxd", "--find"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip() if found.returncode == 0 else None


def require() -> str:
    """Return influxd's path; without it the test is skipped, and fails in CI."""
    path = program()
    if path is None:
        reason = "no influxd 2.9: `tools/go-program.sh influxd` builds it in about ten minutes"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


class Influxd:
    """One server process and what is needed to reach it.

    Attributes:
        port: stays the same over stop and start.
        token: of its operator, who may do everything.
    """

    org = "coldwatch"
    bucket = "first"
    token = "token-of-a-test-server"

    def __init__(self, folder: Path, *flags: str) -> None:
        """Nothing runs before :meth:`start`; ``flags`` are added to the command."""
        self.folder = folder
        self.flags = flags
        self.port = unused_port()
        self.log = folder / "influxd.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers; the first start makes user, organisation and bucket."""
        self.folder.mkdir(parents=True, exist_ok=True)
        first = not (self.folder / "bolt").exists()
        path = require()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    path,
                    f"--bolt-path={self.folder / 'bolt'}",
                    f"--sqlite-path={self.folder / 'sqlite'}",
                    f"--engine-path={self.folder / 'engine'}",
                    f"--http-bind-address=127.0.0.1:{self.port}",
                    *FLAGS,
                    *self.flags,
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while not self._healthy():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"influxd did not come up: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        if first:
            self.post(
                "/api/v2/setup",
                {
                    "username": "operator",
                    "password": "password-of-a-test",
                    "org": self.org,
                    "bucket": self.bucket,
                    "token": self.token,
                },
            )

    def stop(self) -> None:
        """End it in order (2.9.1 knows only SIGINT); harmless when it is not running."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL); harmless when it is not running."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def version(self) -> str:
        """Return what it calls itself, such as ``2.9.1``."""
        text = subprocess.run([require(), "version"], capture_output=True, text=True, check=True)
        found = re.search(r"v?(\d+\.\d+\.\d+)", text.stdout)
        return found[1] if found else text.stdout.strip()

    def post(self, path: str, body: Any) -> Any:
        """Send JSON, or text as it is, as the operator, and return the answer."""
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, headers={"Authorization": f"Token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
