"""When a scheduled cycle is due: a pure function of UTC, in the zone of the site.

A time of day belongs to its date: each happens once, also on the day on which the clock is put
back and its hour comes twice, and when somebody sets the clock back. On the day on which the hour
is left out, it happens at the instant that it would have been. Called only while the clock is right.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Timetable:
    """Times of day, on weekdays, in a zone; how late a cycle may begin."""

    times: Sequence[time]
    days: frozenset[int]
    zone: ZoneInfo
    late_by_ms: int

    @classmethod
    def of(cls, settings: Mapping[str, Any], zone: str) -> Timetable:
        """Make it from checked settings (config/lamp.py)."""
        return cls(
            sorted(time.fromisoformat(text) for text in settings["times"]),
            frozenset(_DAYS.index(day) for day in settings["days"]),
            ZoneInfo(zone),
            settings["late_by"],
        )


@dataclass(frozen=True, slots=True)
class Due:
    """A cycle of the timetable: its name (local date and time) and its time in UTC milliseconds."""

    key: str
    at_ms: int


def around(timetable: Timetable, now_ms: int) -> list[Due]:
    """Return the cycles of yesterday and today that are not in the future, the oldest first."""
    today = datetime.fromtimestamp(now_ms / 1000, timetable.zone).date()
    found = []
    for day in (today - timedelta(days=1), today):
        if day.weekday() in timetable.days:
            found += [_due(timetable, day, at) for at in timetable.times]
    return [due for due in found if due.at_ms <= now_ms]


def due(
    timetable: Timetable, now_ms: int, since_ms: int, done: Collection[str]
) -> tuple[Due | None, list[Due]]:
    """Return what begins now, and what was missed.

    ``done`` are the keys of what began or was missed before; ``since_ms`` is from when on the
    timetable is kept: what lies further back than that was never promised.
    """
    begins, missed = None, []
    for item in around(timetable, now_ms):
        if item.key in done:
            continue
        if now_ms - item.at_ms <= timetable.late_by_ms:
            # Of two that are due at once the later one stands for both.
            if begins is not None:
                missed.append(begins)
            begins = item
        elif item.at_ms >= since_ms:
            missed.append(item)
    return begins, missed


def _due(timetable: Timetable, day: date, at: time) -> Due:
    local = datetime.combine(day, at, timetable.zone)
    return Due(f"{day}T{at:%H:%M}", int(local.astimezone(UTC).timestamp() * 1000))
