"""How numbers, times and durations are spelt."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.directory import Directory
from console.models import Trace
from console.show import Show
from console.sparkline import HEIGHT, sparkline
from tests.console.story import settings


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """English spelling."""
    return Show("en", Directory(settings(tmp_path_factory.mktemp("state"))))


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """Chinese spelling."""
    return Show("zh", Directory(settings(tmp_path_factory.mktemp("state"))))


@given(part=st.integers(0, 10**9), rest=st.integers(0, 10**9))
def test_shares_are_rounded_against_us(english: Show, part: int, rest: int) -> None:
    """Only all of the time is 100 % safe, and only no trouble at all is 0 % trouble."""
    if not part + rest:
        return
    safe = english.safe(part, part + rest)
    trouble = english.trouble(rest, part + rest)
    assert (safe == "100\xa0%") == (rest == 0)
    assert (trouble == "0\xa0%") == (rest == 0)
    assert float(safe[:-2]) <= 100 * part / (part + rest) + 1e-9
    assert float(trouble[:-2]) >= 100 * rest / (part + rest) - 1e-9


@pytest.mark.parametrize(
    ("thousandths", "text"),
    [(8_000, "8.0"), (8_062, "8.062"), (-500, "−0.5"), (8_040, "8.04"), (None, "–")],
)
def test_values_are_exact(english: Show, thousandths: int | None, text: str) -> None:
    """8.04 is never shown as 8.0, which would look inside."""
    assert english.value(thousandths) == text


@pytest.mark.parametrize(
    ("milliseconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"),
        (59_999, "59 s", "59 秒"),
        (60_000, "1 min", "1 分钟"),
        (119_000, "1 min", "1 分钟"),
        (3 * 3_600_000 - 60_000, "2 h 59 min", "2 小时 59 分钟"),
        (3 * 3_600_000, "3 h", "3 小时"),
        (26 * 3_600_000 + 59_000, "1 d 2 h", "1 天 2 小时"),
        (24 * 3_600_000 + 59_000, "1 d", "1 天"),
        (-5, "0 s", "0 秒"),
    ],
)
def test_durations_are_rounded_down(
    english: Show, chinese: Show, milliseconds: int, en: str, zh: str
) -> None:
    """A duration has its two largest units, and is never longer than it was."""
    assert english.about(milliseconds).replace("\xa0", " ") == en
    assert chinese.about(milliseconds).replace("\xa0", " ") == zh


def test_ages_are_told_to_the_minute(english: Show, chinese: Show) -> None:
    """Below a minute the words say so."""
    assert english.ago(59_000).replace("\xa0", " ") == "less than 1 min ago"
    assert chinese.ago(61_000).replace("\xa0", " ") == "1 分钟前"


def test_a_time_says_its_offset(english: Show) -> None:
    """What is read is local, and the element has the exact time with its offset."""
    zone = ZoneInfo("Asia/Shanghai")
    at = 1_764_028_801_000
    assert str(english.time(at, zone, at)) == (
        '<time datetime="2025-11-25T08:00:01+08:00" title="2025-11-25T08:00:01+08:00">08:00</time>'
    )
    assert ">2025-11-25 08:00<" in str(english.time(at, zone, at + 86_400_000))
    assert english.zone_label(zone, at) == "Asia/Shanghai, UTC+08:00"
    assert english.zone_label(ZoneInfo("America/St_Johns"), at).endswith("UTC-03:30")


def test_a_code_that_is_not_known_stands_for_itself(english: Show, chinese: Show) -> None:
    """A record of a later version is shown, and not refused."""
    assert english.quality("suspect:moon") == "doubtful reading (moon)"
    assert chinese.word("point", "shelf-3") == "shelf-3"


def test_a_value_just_outside_is_seen_on_the_card() -> None:
    """Above and below the range a bar is drawn, however little it is; none inside."""
    trace = Trace(start=0, width=1, minimum=[2_000, 1_999], maximum=[8_000, 8_001], unknown=[False] * 2)  # fmt: skip
    line = sparkline(trace, 2_000, 8_000)
    assert line.hot.count("M") == line.cold.count("M") == 1
    assert line.band is not None
    assert 0 < line.band[0] < line.band[0] + line.band[1] < HEIGHT
