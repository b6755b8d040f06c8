"""The processes of the demo: started with the shared clock, each with a log, stopped in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from config.clock import ENVIRONMENT


class DemoError(Exception):
    """The demo cannot go on; the text says what to do."""


class Processes:
    """Starts programs and ends all of them, whatever happens."""

    def __init__(self, folder: Path, clock: str) -> None:
        """Keep logs in ``folder/log``; every process gets ``clock`` as its COLDWATCH_CLOCK."""
        self._logs = folder / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._environment = os.environ | {ENVIRONMENT: clock, "PYTHONUNBUFFERED": "1"}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a program; its output goes to ``log/<name>.log``."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment,
                start_new_session=True,
            )  # fmt: skip

    def python(self, name: str, *arguments: str) -> None:
        """Start one of our own programs: ``python -m`` with these arguments."""
        self.start(name, [sys.executable, "-m", *arguments])

    def run(self, *arguments: str) -> str:
        """Run one of our commands to its end and return what it printed; DemoError where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "coldwatch", *arguments],
            capture_output=True, text=True, env=self._environment, check=False,
        )  # fmt: skip
        if done.returncode:
            raise DemoError(f"`coldwatch {' '.join(arguments)}`: {done.stderr.strip()}")
        return done.stdout

    def check(self) -> None:
        """Raise DemoError when a process has ended by itself."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                tail = (self._logs / f"{name}.log").read_text(errors="replace")[-800:]
                raise DemoError(f"{name} ended with {code}; the end of its log:\n{tail}")

    def stop(self, *names: str) -> None:
        """End these processes, or all, newest first: SIGTERM, then SIGKILL after 3 s."""
        chosen = [name for name in reversed(self._running) if not names or name in names]
        for name in chosen:
            _signal(self._running[name], signal.SIGTERM)
        deadline = time.monotonic() + 3
        for name in chosen:
            process = self._running.pop(name)
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal the whole group: the hub's console goes with it."""
    if process.poll() is None:
        os.killpg(process.pid, number)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_port(port: int, what: str, timeout_s: float = 10.0) -> None:
    """Wait until something listens; DemoError when nothing does in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise DemoError(f"{what} does not answer on port {port}") from None
            time.sleep(0.05)
        else:
            return
