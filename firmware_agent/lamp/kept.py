"""What a lamp must not forget: its hours, its last wipe, a cycle under way, what is not said yet.

A small file for each lamp beside the spool. Written as a whole, so that a power cut leaves the old
one or the new one; never by the fast loop, which a slow card must not hold up.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from config.files import write_file

# Keys of the timetable that are done; two days of one entry each hour are 48.
_MOST_DONE = 96


@dataclass(slots=True)
class Kept:
    """One lamp's memory. Times of day are UTC milliseconds.

    Attributes:
        total_ms: how long the tube has burned.
        begun_at: since when this is counted.
        replaced_at: when the tube was last replaced.
        wiped_at: when it was last wiped.
        unseen: openings of the door since somebody was seen.
        timetable: the timetable that ``since`` belongs to.
        since: from when on that timetable is kept.
        done: keys of the timetable that are done.
        warned: warnings that were recorded and still hold.
        cut: why the last cycle was cut short; empty where it was not.
        low: the lowest intensity of the last cycle, where it was under the limit.
        running: the cycle under way as far as it is known.
        unsaid: event records that were not handed over yet.
    """

    total_ms: int = 0
    begun_at: int | None = None
    replaced_at: int | None = None
    wiped_at: int | None = None
    unseen: int = 0
    timetable: str = ""
    since: int | None = None
    done: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    cut: str = ""
    low: int | None = None
    running: dict[str, Any] | None = None
    unsaid: list[dict[str, Any]] = field(default_factory=list)

    def is_done(self, key: str) -> None:
        """Note that a cycle of the timetable began or was given up."""
        if key not in self.done:
            self.done = [*self.done[1 - _MOST_DONE :], key]


def load(path: Path, now_ms: int) -> tuple[Kept, str | None]:
    """Return what was kept, and what is wrong where it could not be read.

    A damaged file is put aside as evidence, and the counting begins anew.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Kept(), None
    except (OSError, UnicodeDecodeError) as error:
        return Kept(), _aside(path, now_ms, str(error))
    try:
        return _checked(json.loads(text)), None
    except (ValueError, TypeError) as error:
        return Kept(), _aside(path, now_ms, str(error))


def save(path: Path, kept: Kept) -> None:
    """Replace the file, and be sure that it is on the card. Raises OSError."""
    write_file(path, json.dumps(asdict(kept), separators=(",", ":")).encode(), 0o600)


def _checked(fields: Any) -> Kept:
    """Return it as a Kept; raise ValueError or TypeError where it is none."""
    kept = Kept(**fields)
    whole = (kept.total_ms, kept.unseen)
    times = (kept.begun_at, kept.replaced_at, kept.wiped_at, kept.since, kept.low)
    lists = (kept.done, kept.warned, kept.unsaid)
    if (
        any(type(value) is not int or value < 0 for value in whole)
        or any(value is not None and type(value) is not int for value in times)
        or any(not isinstance(value, list) for value in lists)
        or not isinstance(kept.running, dict | None)
    ):
        raise ValueError("is no memory of a lamp")
    return kept


def _aside(path: Path, now_ms: int, why: str) -> str:
    other = path.with_name(f"{path.name}.corrupt-{now_ms}")
    try:
        path.replace(other)
    except OSError:
        return f"its hours cannot be read ({why}) and are counted from 0"
    return f"its hours were damaged ({why}) and are counted from 0; the old file is {other.name}"
