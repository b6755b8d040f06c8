"""What `coldwatch history` says beside the words that `coldwatch excursions` has, in both languages."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from config.options import Language
from history.export import instant
from protocol.reading import UNITS, decimal, split_series

# key: (Chinese, English)
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "head-site": ("接种点", "site"),
    "head-series": ("序列", "series"),
    "head-first": ("最早读数", "first"),
    "head-newest": ("最新读数", "newest"),
    "head-value": ("数值", "value"),
    "head-state": ("状态", "state"),
    "current": ("有效", "current"),
    "stale": ("过期", "stale"),
    "nothing-valid": ("无有效读数", "nothing valid"),
    "newest-is": ("，最新一条为 {quality}", ", the newest is {quality}"),
    "now": ("截至 {at}（{zone}）", "as of {at} ({zone})"),
    "range": ("{start} 至 {end}（{zone}）", "{start} to {end} ({zone})"),
    "whole-range": (
        "从首个读数到最后一个读数；其后的时间不计（--to now 可计入）",
        "from the first reading to the last one; the time behind it is not counted (--to now does)",
    ),
    "count": ("{n} 个读数参与判定", "{n} judged readings"),
    "within": ("范围 {range}", "Range {range}"),
    "known-share": ("范围内占已知时间 {share}", "inside {share} of the time that is known"),
    "pending": ("；{time} 未知可能仍会到达", "; {time} of the unknown may still arrive"),
    "longest": ("；最长一段未知 {time}", "; the longest unknown stretch {time}"),
    "extremes": ("最低 {min}，最高 {max}，平均 {mean}", "lowest {min}, highest {max}, mean {mean}"),
    "kinetic": ("，平均动力学温度 {mkt}", ", mean kinetic {mkt}"),
    "above": ("偏高", "above"),
    "below": ("偏低", "below"),
    "lowest": ("最低", "lowest"),
    "highest": ("最高", "highest"),
    "no-readings": ("此时段没有可判定的读数", "no judged reading in this range"),
    "from-hub": (
        "范围与有效时间取自中心已知的设置",
        "range and holding rule are those that the hub knows",
    ),
    "exported": ("已写入 {file}：{n} 个读数", "{file}: {n} readings"),
    "empty": (
        "此时段没有读数，文件只有表头",
        "no reading in this range: only a header was written",
    ),
}


def word(key: str, language: Language, **fields: object) -> str:
    """Return a phrase in a language, its fields filled in."""
    zh, en = _WORDS[key]
    return (zh if language == "zh" else en).format(**fields)


def unit_of(series: str) -> str:
    """Return the unit of a series, "" where it has none that is known."""
    return UNITS.get(split_series(series)[2], "")


def amount(value: int | None, unit: str, language: Language) -> str:
    """Return thousandths with their unit as a person reads them, nothing rounded away."""
    if value is None:
        return "—"
    if unit == "degC":
        return f"{decimal(value)}{'℃' if language == 'zh' else ' °C'}"
    # a door is open or not: 0/1 says what the number can be, and is no unit
    return decimal(value) if unit in {"", "0/1"} else f"{decimal(value)} {unit}"


def percent(part: int, whole: int) -> str:
    """Return a share, cut and not rounded: 99.99 % is never shown as 100 %."""
    return f"{part * 10_000 // whole / 100:.2f} %" if whole else "—"


def local(at: int, zone: tzinfo) -> datetime:
    """Return UTC milliseconds by a zone's clock."""
    return instant(at).astimezone(zone)


def clock(at: int, zone: tzinfo) -> str:
    """Return UTC milliseconds as a zone's clock shows them, to the second."""
    return local(at, zone).strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: int, zone: tzinfo) -> str:
    """Return UTC milliseconds in ISO 8601 with the zone's offset."""
    return local(at, zone).isoformat(timespec="milliseconds" if at % 1000 else "seconds")
