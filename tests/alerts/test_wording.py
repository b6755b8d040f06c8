"""Values, times and names as they stand in messages."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.wording import Wording, shorten, shown
from protocol.reading import decimal

NOON = int(datetime(2024, 7, 1, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
HOUR = 3_600_000
DAY = 24 * HOUR


class TestValues:
    @pytest.mark.parametrize(
        ("value", "limit", "text"),
        [
            (9200, 8000, "9.2"),
            (9249, 8000, "9.2"),
            (9250, 8000, "9.3"),
            (8040, 8000, "8.04"),
            (8004, 8000, "8.004"),
            (8000, 8000, "8.0"),
            (7960, 8000, "7.96"),
            (7996, 8000, "7.996"),
            (1960, 2000, "1.96"),
            (-40, 2000, "0.0"),
            (-510, -500, "-0.51"),
            (-500, -500, "-0.5"),
            (-20_062, -15_000, "-20.1"),
            (5062, None, "5.1"),
        ],
    )
    def test_examples(self, value: int, limit: int | None, text: str) -> None:
        """One decimal, unless it would stand on the limit or beyond it though the value does not."""
        assert shown(value, limit) == text

    @given(st.integers(-90_000, 120_000), st.integers(-90_000, 120_000))
    def test_no_rounding_hides_an_excursion(self, value: int, limit: int) -> None:
        """What is printed stands to the limit as the exact value does, and is within 0.05 of it."""
        printed = round(float(shown(value, limit)) * 1000)

        assert (printed > limit, printed < limit) == (value > limit, value < limit)
        assert abs(printed - value) <= 50

    @given(st.integers(-90_000, 120_000), st.integers(-20, 20))
    def test_near_the_limit_the_value_is_exact_enough(self, limit: int, near: int) -> None:
        """Close to the limit no more is printed than the exact value."""
        assert len(shown(limit + near, limit)) <= max(len(decimal(limit + near)), 4) + 1

    def test_units(self) -> None:
        """Celsius has no degree sign in English, and a limit no idle decimal."""
        english, chinese = Wording("en", "UTC", NOON), Wording("zh", "UTC", NOON)

        assert english.value(9200, 8000, "temperature") == "9.2C"
        assert chinese.value(9200, 8000, "temperature") == "9.2℃"
        assert english.limit(8000, "temperature") == "8C"
        assert chinese.limit(-500, "temperature") == "-0.5℃"
        assert english.value(81_000, 75_000, "humidity") == "81.0%RH"
        assert english.value(1000, None, "present") == "1.0"


class TestTimes:
    def test_the_same_day(self) -> None:
        """A time of the message's own day, as the site has it, stands alone."""
        assert Wording("zh", "Asia/Shanghai", NOON).clock(NOON - 11 * HOUR) == "01:00"

    def test_another_day(self) -> None:
        """A time of another day has its date, as each language writes it."""
        assert Wording("zh", "Asia/Shanghai", NOON).clock(NOON - 13 * HOUR) == "6月30日23:00"
        assert Wording("en", "Asia/Shanghai", NOON).clock(NOON - 13 * HOUR) == "30 Jun 23:00"

    def test_the_day_is_the_sites(self) -> None:
        """Where the site's date differs from UTC's, the site's counts."""
        assert Wording("en", "UTC", NOON).clock(NOON - 5 * HOUR) == "30 Jun 23:00"
        assert Wording("en", "Asia/Shanghai", NOON).clock(NOON - 5 * HOUR) == "07:00"

    def test_an_unknown_zone_is_told(self) -> None:
        """A zone that this machine does not have gives UTC, and says so."""
        assert Wording("en", "Mars/Olympus", NOON).clock(NOON) == "04:00 UTC"

    @pytest.mark.parametrize(
        ("duration", "english", "chinese"),
        [
            (0, "0 s", "0秒"),
            (-5, "0 s", "0秒"),
            (59_999, "59 s", "59秒"),
            (60_000, "1 min", "1分钟"),
            (12 * 60_000 + 59_000, "12 min", "12分钟"),
            (HOUR, "1 h", "1小时"),
            (65 * 60_000, "1 h 5 min", "1小时5分钟"),
            (DAY, "24 h", "24小时"),
            (2 * DAY - 1, "47 h 59 min", "47小时59分钟"),
            (2 * DAY, "2 d", "2天"),
            (3 * DAY + 4 * HOUR + 60_000, "3 d 4 h", "3天4小时"),
        ],
    )
    def test_durations(self, duration: int, english: str, chinese: str) -> None:
        """A duration is rounded down and has at most two units."""
        assert Wording("en", "UTC", NOON).lasting(duration) == english
        assert Wording("zh", "UTC", NOON).lasting(duration) == chinese


class TestNames:
    @given(st.text(min_size=1, max_size=80), st.integers(6, 40), st.booleans())
    def test_shortened(self, name: str, length: int, keep_end: bool) -> None:
        """A cut name is no longer than asked, and has its first and its last letter still."""
        short = shorten(name, length, "…", keep_end=keep_end)

        assert len(short) <= max(length, 3)
        if len(name) > length and name == name.strip():
            assert short[0] == name[0]
            assert short[-1] == name[-1]
            assert "…" in short

    def test_what_people_know_it_by(self) -> None:
        """Of a site the beginning stays, of a fridge the number at its end."""
        assert (
            shorten("柳河县三源浦镇中心卫生院接种门诊", 9, "…", keep_end=False)
            == "柳河县三源…种门诊"
        )
        assert shorten("海尔医用冷藏箱第13号", 8, "…", keep_end=True) == "海尔医…第13号"

    def test_typography_costs_no_message(self) -> None:
        """In English a curly apostrophe is written plainly; Chinese text is left alone."""
        assert Wording("en", "UTC", NOON).name("Women’s Clinic – North") == "Women's Clinic - North"
        assert Wording("zh", "UTC", NOON).name("东门\n接种点…") == "东门 接种点…"
