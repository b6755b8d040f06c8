"""The range that a chart and its table show, and where the table cuts it.

Times are UTC milliseconds. Rows begin on the site's own clock: at midnight, on the hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from history.days import day_edges

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

# What the buttons offer, and how long a row of the table is; None: a local day.
RANGES: Final[dict[str, tuple[int, int | None]]] = {
    "6h": (6 * HOUR_MS, 15 * MINUTE_MS),
    "24h": (DAY_MS, HOUR_MS),
    "7d": (7 * DAY_MS, 6 * HOUR_MS),
    "30d": (30 * DAY_MS, None),
    "90d": (90 * DAY_MS, None),
}
DEFAULT_RANGE: Final = "24h"

# From 2000 to 2200: a time outside is a mistake, and far outside no calendar knows it.
EARLIEST: Final = 946_684_800_000
LATEST: Final = 7_258_118_400_000


@dataclass(frozen=True, slots=True)
class Range:
    """A range by its name, [start, end); ``live``: it ends now and moves with the clock.

    It is shorter than its name says where readings do not reach back as far.
    """

    name: str
    start: int
    end: int
    live: bool

    def earlier(self) -> int:
        """Return where the range before this one ends, half a range back."""
        return max(EARLIEST, self.end - RANGES[self.name][0] // 2)

    def later(self, now: int) -> int | None:
        """Return where the following range ends; None: it is the live one."""
        end = self.end + RANGES[self.name][0] // 2
        return end if end < now else None


def range_of(name: str, end: int | None, now: int) -> Range:
    """Return the range called ``name`` that ends at ``end``; None, or later than now: now."""
    length, _ = RANGES[name]
    if end is None or end >= now:
        return Range(name, now - length, now, live=True)
    return Range(name, end - length, end, live=False)


def row_edges(shown: Range, zone: ZoneInfo) -> list[int]:
    """Return where the rows of the table begin, and the end of the last one.

    The row in which clocks are put forward or back is as long as it is.
    """
    _, width = RANGES[shown.name]
    if width is None:
        return [begins for _, begins in day_edges(shown.start, shown.end, zone)] + [shown.end]
    edges = [shown.start]
    while edges[-1] < shown.end:
        edges.append(min(_next_on_the_wall(edges[-1], width, zone), shown.end))
    return edges


def _next_on_the_wall(at: int, width: int, zone: ZoneInfo) -> int:
    """Return the next time at which the zone's clocks show a multiple of ``width``."""
    step = timedelta(milliseconds=width)
    wall = datetime.fromtimestamp(at / 1000, zone).replace(tzinfo=None)
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    following = midnight + ((wall - midnight) // step + 1) * step
    return round(following.replace(tzinfo=zone).timestamp() * 1000)
