"""What a process and its children have used, from /proc, and waiting that ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class ContestantError(RuntimeError):
    """A contestant could not finish; the text is one line that says why."""


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and all below it, ended children included."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def peak_mb(pid: int) -> float:
    """Return the largest resident memory of a process and of all below it, added up, MB."""
    total = 0
    for member in family(pid):
        status = Path(f"/proc/{member}/status").read_text()
        total += int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return total / 1e6


def family(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def wait(what: str, done: Callable[[], bool], within_s: float, every_s: float = 0.05) -> None:
    """Wait until ``done()``; raise ContestantError with ``what`` when it does not come in time."""
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise ContestantError(f"not within {within_s:.0f} s: {what}")
        time.sleep(every_s)
