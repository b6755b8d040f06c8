"""What a workbook says beside the readings, Chinese and English."""

from __future__ import annotations

from typing import Final

from history.export import Export, Language, SeriesRule, local_text, utc_text
from protocol.reading import UNITS, decimal, split_series

# key: (Chinese, English)
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "about": ("说明", "About"),
    "readings": ("读数", "Readings"),
    "site": ("接种点", "Site"),
    "series": ("序列", "Series"),
    "from": ("起（含）", "From (included)"),
    "to": ("止（不含）", "To (not included)"),
    "zone": ("时区", "Zone"),
    "made-at": ("导出时间", "Made"),
    "rule": ("判定规则：{series}", "Rule: {series}"),
    "all": (
        "含全部读数；质量为 rejected 的读数仅供查看，不参与判定。原始值为校准前的值",
        "all readings; those of quality rejected are shown and never judged; raw: before calibration",
    ),
    "range": ("范围 {low} 至 {high}（含端点）", "inside from {low} to {high}, both included"),
    "range-from": ("不低于 {low} 为范围内", "inside from {low} on, included"),
    "range-to": ("不高于 {high} 为范围内", "inside up to {high}, included"),
    "no-range": ("未设定储存范围", "no storage range is set"),
    "holding": (
        "每个读数有效至下一读数（间隔不超过 {gap}），否则有效 {interval}，其余为未知",
        "a reading holds until the next one within {gap}, else for {interval}; the rest is unknown",
    ),
    "then": ("；", "; "),
    "seconds": ("{n} 秒", "{n} s"),
    "head-site": ("接种点", "site"),
    "head-series": ("序列", "series"),
    "head-at": ("时间（UTC）", "time (UTC)"),
    "head-local": ("当地时间", "local time"),
    "head-value": ("数值", "value"),
    "head-unit": ("单位", "unit"),
    "head-raw": ("原始值", "raw"),
    "head-quality": ("质量", "quality"),
    "head-clock": ("时钟", "clock"),
    "head-stream": ("记录流", "stream"),
    "head-seq": ("序号", "seq"),
    "head-boot": ("启动标识", "boot"),
    "head-mono_ms": ("启动后毫秒", "mono_ms"),
}


def word(key: str, language: Language, **fields: object) -> str:
    """Return a phrase in a language, its fields filled in."""
    zh, en = _WORDS[key]
    return (zh if language == "zh" else en).format(**fields)


def about(export: Export) -> list[tuple[str, str]]:
    """Return what the first sheet says, line by line: what it is, and what it says."""
    language = export.language
    lines = [
        (word("site", language), export.site),
        *((word("series", language), series) for series in export.series),
        (word("from", language), _times(export.start, export)),
        (word("to", language), _times(export.end, export)),
        (word("zone", language), export.zone_name),
        (word("made-at", language), _times(export.made_at, export)),
        (word("readings", language), word("all", language)),
    ]
    lines += [
        (word("rule", language, series=rule.series), rule_text(rule, language))
        for rule in export.rules
    ]
    return lines


def rule_text(rule: SeriesRule, language: Language) -> str:
    """Return how a series is judged: its range, and how long a reading holds."""
    unit = UNITS.get(split_series(rule.series)[2], "")
    low, high = (
        "" if limit is None else f"{decimal(limit)} {unit}" for limit in (rule.low, rule.high)
    )
    key = {(True, True): "range", (True, False): "range-from", (False, True): "range-to"}.get(
        (rule.low is not None, rule.high is not None), "no-range"
    )
    gap, interval = (
        word("seconds", language, n=f"{ms / 1000:g}") for ms in (rule.max_gap_ms, rule.interval_ms)
    )
    return word("then", language).join(
        (
            word(key, language, low=low, high=high),
            word("holding", language, gap=gap, interval=interval),
        )
    )


def _times(at: int, export: Export) -> str:
    return f"{local_text(at, export.zone)} ({utc_text(at)})"
