"""The real `coldwatch console` as a process, at the moment where a story ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from config.clock import ENVIRONMENT
from tests.console.story import PEOPLE, SITES, Filled


def hub_toml(path: Path, state_dir: Path, **console: Any) -> Path:
    """Write the story's settings as a file, as a hub would read it."""
    lines = [f"state_dir = {json.dumps(str(state_dir))}", 'late_after = "90min"', "[console]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in console.items()]
    for table, items in (("people", PEOPLE), ("sites", SITES)):
        for item in items:
            lines += [f"[[{table}]]", *(f"{key} = {_toml(value)}" for key, value in item.items())]
    path.write_text("\n".join(lines))
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class Serving:
    """One console process."""

    def __init__(self, county: Filled, settings: Path, *arguments: str) -> None:
        clock = f"{time.time_ns() // 1_000_000},{county.now},1"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "coldwatch", "console", str(settings), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {ENVIRONMENT: clock},
            cwd=Path(__file__).parents[2],
        )

    def address(self) -> str:
        """Return the address that it prints when it listens."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code and how many seconds it took."""
        begun = time.monotonic()
        self.process.terminate()
        try:
            return self.process.wait(10), time.monotonic() - begun
        finally:
            self.close()

    def close(self) -> None:
        """End the process by force where it still runs, and let go of its pipes."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
