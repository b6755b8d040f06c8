"""Ranges and where the table cuts them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from console.ranges import RANGES, range_of, row_edges

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
# 2025-10-26: the night in which Berlin's clocks go back.
BACK = round(datetime(2025, 10, 26, 12, 34, tzinfo=BERLIN).timestamp() * 1000)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN])
def test_rows_cover_the_range_and_begin_on_the_wall_clock(name: str, zone: ZoneInfo) -> None:
    """Rows follow each other without hole, the first and the last one are cut by the range."""
    shown = range_of(name, BACK, BACK + 1)
    edges = row_edges(shown, zone)
    assert (edges[0], edges[-1]) == (shown.start, shown.end)
    assert all(one < two for one, two in pairwise(edges))
    width = RANGES[name][1]
    for edge in edges[1:-1]:
        local = datetime.fromtimestamp(edge / 1000, zone)
        minutes = local.hour * 60 + local.minute
        assert local.second == local.microsecond == 0
        assert minutes % (width // 60_000 if width is not None else 1_440) == 0


def test_the_night_of_25_hours_has_a_row_of_seven() -> None:
    """Where clocks go back the row in between is longer by the hour that came twice."""
    edges = row_edges(range_of("7d", BACK, BACK + 1), BERLIN)
    assert max(two - one for one, two in pairwise(edges)) <= timedelta(hours=7) / timedelta(
        milliseconds=1
    )


def test_a_range_that_would_end_later_than_now_is_live() -> None:
    """The future has no history."""
    shown = range_of("24h", 2_000_000_000_001, 2_000_000_000_000)
    assert (shown.end, shown.live) == (2_000_000_000_000, True)


def test_earlier_and_later_lead_back_to_now() -> None:
    """Half a range back, and from there on again: the end is the live range."""
    now = 2_000_000_000_000
    shown = range_of("24h", None, now)
    back = range_of("24h", shown.earlier(), now)
    assert back.end == now - 12 * 3_600_000
    assert back.later(now) is None
    assert range_of("24h", back.earlier(), now).later(now) == back.end
