"""The time of a story: it moves only when the story says so, from one thing that is due to the next."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Final, Protocol
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Shanghai")
# A Monday.
DAY_ONE: Final = dt.date(2026, 3, 2)
NEVER: Final = 1 << 62
SECOND: Final = 1_000
MINUTE: Final = 60_000
HOUR: Final = 3_600_000
DAY: Final = 86_400_000

_UNITS: Final = {"s": SECOND, "min": MINUTE, "h": HOUR, "days": DAY, "day": DAY}
_TIME: Final = re.compile(r"(?:day (\d+) )?(\d\d):(\d\d)(?::(\d\d))?")


def lasting(text: str) -> int:
    """Read ``10s``, ``25min``, ``2h`` or ``3days``; return milliseconds."""
    found = re.fullmatch(r"(\d+) ?(s|min|h|days?)", text)
    if found is None:
        raise ValueError(f"{text!r} is no length of time; write 10s, 25min, 2h or 3days")
    return int(found[1]) * _UNITS[found[2]]


def moment(text: str, near: int, *, ahead: bool = False) -> int:
    """Read ``02:10``, ``02:10:30`` or ``day 2 02:10``, in the sites' zone; return UTC milliseconds.

    Without a day it is the one nearest to ``near``, or the next one from there on (``ahead``).
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time; write 02:10, 02:10:30 or day 2 02:10")
    day, hour, minute, second = (int(part) if part else 0 for part in found.groups())
    at_first = dt.datetime.combine(DAY_ONE, dt.time(hour, minute, second), ZONE)
    first = int(at_first.timestamp()) * SECOND
    if day:
        return first + (day - 1) * DAY
    if ahead:
        return first + -((first - near) // DAY) * DAY
    return first + round((near - first) / DAY) * DAY


def spelt(ms: int) -> str:
    """Spell a time as a story writes it."""
    at = dt.datetime.fromtimestamp(ms / 1000, ZONE)
    day = (at.date() - DAY_ONE).days + 1
    return f"day {day} {at:%H:%M:%S}"


class Actor(Protocol):
    """Something that does things by itself: an agent, the hub, a modem."""

    def due_ms(self) -> int:
        """Return when it has something to do; NEVER where only others can give it that."""

    def turn(self) -> None:
        """Do it."""


class Clockwork:
    """The one true time, and everybody who acts by it."""

    def __init__(self, begins: str) -> None:
        self.now = moment(begins, 0 if begins.startswith("day") else _start_of_story())
        self.actors: list[Actor] = []

    def run_until(self, end: int) -> None:
        """Let everybody do what is due, in order, up to and at ``end``."""
        turns = 0
        while True:
            actor = min(self.actors, key=lambda each: each.due_ms())
            due = actor.due_ms()
            if due > end:
                self.now = max(self.now, end)
                return
            turns = turns + 1 if due <= self.now else 0
            assert turns < 100_000, f"{actor} does not come to an end at {spelt(self.now)}"
            self.now = max(self.now, due)
            actor.turn()


def _start_of_story() -> int:
    return int(dt.datetime.combine(DAY_ONE, dt.time(12), ZONE).timestamp()) * SECOND


class StoryClock:
    """One machine's clock (config.clock.Clock): true, or off by as much as the story says."""

    speed = 1.0

    def __init__(self, clockwork: Clockwork, off_ms: int = 0) -> None:
        self._clockwork = clockwork
        self.off_ms = off_ms
        self.booted = clockwork.now - HOUR

    def now_ms(self) -> int:
        """Return what this machine takes for UTC."""
        return self._clockwork.now + self.off_ms

    def mono_ms(self) -> int:
        """Return the time since its boot."""
        return self._clockwork.now - self.booted

    def monotonic(self) -> float:
        """Return it in seconds, for modules that ask the module `time`."""
        return self.mono_ms() / 1000

    def wait(self, event: threading.Event, timeout_ms: float) -> bool:
        """Let no time pass: whoever waits is given its turn when that is due."""
        return event.is_set()
