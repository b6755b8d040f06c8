"""An agent as a process of its own, with a modem of its own, on a clock that runs fast."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from config.clock import ENVIRONMENT, ScaledClock

ZH, EN = "+8613900000001", "+8613900000002"

MODEM = """
[modem]
database = "{database}"
site_name = {{ zh = "东门接种点", en = "East Gate" }}
[[modem.tell]]
id = "li"
name = "李医生"
phone = "+8613900000001"
[[modem.tell]]
id = "amy"
name = "Amy"
phone = "+8613900000002"
language = "en"
[[modem.assets]]
id = "fridge-1"
name = {{ zh = "1号冰箱", en = "Fridge 1" }}
"""

SETTINGS = """
site = "east-gate"
device = "pi-1"
state_dir = "{state}"
[mqtt]
port = {port}
[clock]
trust = "always"
[sampling]
every = "{every}"
{parts}
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated", path = "{temperature}" }}
{points}
"""


class AgentProcess:
    """One agent; its fridge shows what :meth:`set` says."""

    def __init__(
        self, folder: Path, port: int, *, parts: str = "", points: str = "", speed: float = 100.0,
        every: str = "10s",
    ) -> None:  # fmt: skip
        now = time.time_ns() // 1_000_000
        self.folder = folder
        self.clock = ScaledClock(now, now, speed)
        self.state = folder / "state"
        self.settings = folder / "agent.toml"
        self.settings.write_text(
            SETTINGS.format(
                state=self.state, port=port, every=every, temperature=folder / "temperature",
                parts=parts, points=points,
            )
        )  # fmt: skip
        self.set("temperature", 5_000)
        self.process: subprocess.Popen[bytes] | None = None

    def set(self, name: str, value: int) -> None:
        """Set what a probe will find."""
        fresh = self.folder / f"{name}.new"
        fresh.write_text(f"{value}\n")
        fresh.rename(self.folder / name)

    def start(self) -> None:
        """Start it."""
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "coldwatch", "agent", str(self.settings)],
                stdout=log, stderr=log,
                env=os.environ | {ENVIRONMENT: self.clock.environment()},
            )  # fmt: skip

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def log(self) -> str:
        """Return what it has logged."""
        return (self.folder / "agent.log").read_text("utf-8", "replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the event records of this name that its spool holds, their bodies."""
        path = self.state / "spool.db"
        if not path.exists():
            return []
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            rows = db.execute("SELECT body FROM records WHERE kind = 'event' ORDER BY stream, seq")
            bodies = [json.loads(body) for (body,) in rows]
        finally:
            db.close()
        return [body for body in bodies if body["event"] == name]
