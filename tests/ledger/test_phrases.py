from __future__ import annotations

import re
import string
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ledger.phrases import CATALOGUE, Moment, Span, Value, moment, phrase, span


def fields(text: str) -> set[str]:
    """The values that a line needs."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", CATALOGUE)
def test_both_languages_say_the_same(code: str) -> None:
    """Every line exists in Chinese and English, with the same values, in one line each."""
    lines = CATALOGUE[code]
    assert lines.keys() == {"en", "zh"}
    assert fields(lines["en"]) == fields(lines["zh"])
    assert not any("\n" in line for line in lines.values())
    assert re.search("[一-鿿]", lines["zh"]) or len(lines["en"]) < 10
    # Chinese text has Chinese punctuation
    assert not re.search("[,;:()]", lines["zh"])


def test_every_code_in_use_is_in_the_catalogue(house: Path) -> None:
    """No refusal and no reason falls back to a KeyError before a person."""
    used: set[str] = set()
    for path in (house / "ledger").glob("*.py"):
        text = path.read_text()
        used |= set(re.findall(r'(?:LedgerError|phrase)\(\s*"([a-z-]+)"', text))
    assert len(used) > 15
    assert used <= CATALOGUE.keys()


@pytest.mark.parametrize(
    ("duration", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (59_999, "59 s", "59 秒"),
        (60_000, "1 min", "1 分"),
        (93_784_000, "1 d 2 h 3 min 4 s", "1 天 2 小时 3 分 4 秒"),
        (7_200_000, "2 h", "2 小时"),
    ],
)
def test_durations(duration: int, english: str, chinese: str) -> None:
    """Whole units, nothing rounded up, nothing left out."""
    assert (span(duration), span(duration, "zh")) == (english, chinese)


def test_values_are_shown_by_their_meaning() -> None:
    """A time in the site's zone, a duration in words, a value exactly."""
    said = phrase(
        "unknown-time",
        batch="MMR/A",
        place="east/f1",
        span=Span(2_460_000),
        start=Moment(1_772_380_800_000),
        end=Moment(1_772_383_260_000),
        limit=Span(1_800_000),
    )
    assert said.text("zh") == (
        "MMR/A 已停用：east/f1 自 2026-03-02 00:00 至 2026-03-02 00:41 有 41 分 没有记录"
        "（最多允许 30 分）；请有权放行的人处理"
    )
    assert moment(1_772_380_801_000, ZoneInfo("UTC")) == "2026-03-01 16:00:01"
    warm = phrase("held-above", **dict.fromkeys(fields(CATALOGUE["held-above"]["en"]), Value(8062)))
    assert "above 8.062" in warm.text()
