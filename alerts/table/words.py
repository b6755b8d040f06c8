"""The words of the text report and the picture, Chinese and English, and how they are set."""

from __future__ import annotations

import unicodedata
from typing import Final

from alerts.rules import Rule, Side
from alerts.table.refusals import Language
from protocol.reading import decimal

# key: (Chinese, English)
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "readings": (
        "{n} 个读数，{start} 至 {end}（{zone}）",
        "{n} readings, {start} to {end} ({zone})",
    ),
    "holding": (
        "每个读数有效至下一读数（间隔不超过 {gap}），否则有效 {interval}，其余为未知",
        "a reading holds until the next one within {gap}, else for {interval}; the rest is unknown",
    ),
    "no-readings": ("没有可读的行", "no row could be read"),
    "exposure": ("暴露时间（储存范围 {range}）", "Exposure (storage range {range})"),
    "inside": ("范围内", "inside"),
    "above": ("偏高", "too warm"),
    "below": ("偏低", "too cold"),
    "unknown": ("未知", "unknown"),
    "silent": ("无读数", "no reading"),
    "apart": ("两点不符", "apart"),
    "stuck": ("数值不变", "stuck"),
    "extremes": (
        "最低 {min}，最高 {max}，平均 {mean}，平均动力学温度 {mkt}",
        "coldest {min}, warmest {max}, mean {mean}, mean kinetic {mkt}",
    ),
    "no-excursion": ("没有异常事件", "No excursion"),
    "no-excursion-but": (
        "已知时间内没有异常事件；{unknown} 未知，不能视为正常",
        "No excursion in the time that is known; {unknown} are unknown and do not count as safe",
    ),
    "excursions": ("异常事件：{n}", "Excursions: {n}"),
    "possible": ("可能（含未知时间）", "possible (unknown time counted)"),
    "open": ("至表末仍未恢复", "still open at the end of the table"),
    "span": ("{start} 至 {end}", "{start} to {end}"),
    "since": ("自 {start}", "since {start}"),
    "lasted-outside": ("范围外 {time}", "{time} outside"),
    "lasted-silent": ("{time} 无读数", "{time} without a reading"),
    "plus-unknown": ("另有未知 {time}", "{time} more unknown"),
    "extreme-above": ("最高 {value}", "warmest {value}"),
    "extreme-below": ("最低 {value}", "coldest {value}"),
    "extreme-rate-above": ("最快每分钟升 {value}", "fastest {value} a minute"),
    "extreme-rate-below": ("最快每分钟降 {value}", "fastest {value} a minute"),
    "extreme-apart": ("最大相差 {value}", "as far as {value} apart"),
    "extreme-stuck": ("数值 {value}", "at {value}"),
    "opened": ("判定于 {opened}", "opened {opened}"),
    "days": ("按日（{zone}）", "Days ({zone})"),
    "date": ("日期", "date"),
    "min": ("最低", "coldest"),
    "max": ("最高", "warmest"),
    "mean": ("平均", "mean"),
    "events": ("事件", "excursions"),
    "rules": ("判定规则", "Rules"),
    "holds": ("锁定批次", "holds batches"),
    "more": ("……另有 {n} 项；--json 列出全部", "… and {n} more; --json lists all"),
    "refused": ("未采用的行：{n}", "Rows set aside: {n}"),
    "line": ("第 {line} 行：{why}", "line {line}: {why}"),
    "remarks": ("读取说明", "How it was read"),
    "columns": ("时间列 {time}，数值列 {value}", "time from {time}, values from {value}"),
    "guessed": ("（自动识别）", " (guessed)"),
    "repeated-headers": ("重复的表头：{n} 行", "the header again: {n} lines"),
    "out-of-order": ("顺序颠倒、已重新排序：{n} 行", "out of order, sorted: {n} lines"),
    "duplicates": ("完全重复、已略去：{n} 行", "exact repetitions, left out: {n} lines"),
    "same-time": (
        "同一时间另有数值、均已判定：{n} 行",
        "another value for the same time, both judged: {n} lines",
    ),
    "naive": (
        "部分时间没有时区，按 {zone} 读取；--zone 可另行指定",
        "times without an offset were read as {zone}; --zone says otherwise",
    ),
    "rounded": (
        "数值细于千分之一度，已按四舍六入五成双取整",
        "values finer than a thousandth were rounded half to even",
    ),
    "kind-consecutive": ("{limit}，连续 {time}", "{limit} for {time} without a break"),
    "kind-cumulative": (
        "{limit}，{window} 内累计 {time}",
        "{limit} for {time} in all within {window}",
    ),
    "kind-instant": ("{limit}，连续两个读数", "{limit} in two readings running"),
    "kind-silence": ("超过 {time} 没有有效读数", "no valid reading for more than {time}"),
    "kind-rate": ("每分钟变化{limit}，持续 {time}", "{limit} a minute for {time}"),
    "kind-stuck": ("数值 {time} 完全不变", "exactly one value for {time}"),
    "kind-disagreement": ("两点相差{limit}，连续 {time}", "two points {limit} apart for {time}"),
    "limit-above": ("高于 {value}", "above {value}"),
    "limit-below": ("低于 {value}", "below {value}"),
    "limit-at-above": ("达到或高于 {value}", "at or above {value}"),
    "limit-at-below": ("达到或低于 {value}", "at or below {value}"),
    "or": ("，或", " or "),
    "ours": ("本系统规则，非标准条文", "a rule of ours, not a standard's"),
    "limits-rule": ("命令行给出的限值", "limits given on the command line"),
    "range": ("{low} 至 {high}", "{low} to {high}"),
    "range-from": ("不低于 {low}", "not below {low}"),
    "range-to": ("不高于 {high}", "not above {high}"),
    "plot-title": ("{file}：{n} 个异常事件", "{file}: {n} excursions"),
    "plot-value": ("温度（℃）", "temperature (°C)"),
    "plot-reading": ("读数", "readings"),
    "plot-range": ("储存范围", "storage range"),
    "plot-unknown": ("未知时间", "unknown time"),
    "plot-above": ("异常：偏高", "excursion, too warm"),
    "plot-below": ("异常：偏低", "excursion, too cold"),
    "plot-silent": ("异常：无读数", "excursion, no reading"),
    "plot-apart": ("异常：两点不符", "excursion, two points apart"),
    "plot-stuck": ("异常：数值不变", "excursion, stuck"),
}


def word(key: str, language: Language, **fields: object) -> str:
    """Return a phrase in a language, its fields filled in."""
    zh, en = _WORDS[key]
    return (zh if language == "zh" else en).format(**fields)


def duration(ms: int, language: Language) -> str:
    """Return a duration as people say it: days, hours, minutes; seconds under an hour."""
    total = (ms + 500) // 1000
    days, rest = divmod(total, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, secs = divmod(rest, 60)
    units = ("天", "小时", "分", "秒") if language == "zh" else ("d", "h", "min", "s")
    amounts = (days, hours, minutes, secs if total < 3_600 else 0)
    parts = [f"{n} {unit}" for n, unit in zip(amounts, units, strict=True) if n]
    return " ".join(parts) or ("0 分" if language == "zh" else "0 min")


def celsius(value: int | None, language: Language) -> str:
    """Return thousandths of degC as a person reads them, nothing rounded away."""
    if value is None:
        return "—"
    return f"{decimal(value)}{'℃' if language == 'zh' else ' °C'}"


def limits(rule: Rule, language: Language) -> str:
    """Return a rule's limits: "above 8.0 °C or below 2.0 °C"."""
    pairs = (
        ("limit-above", rule.above),
        ("limit-at-above", rule.at_or_above),
        ("limit-above", rule.apart),
        ("limit-below", rule.below),
        ("limit-at-below", rule.at_or_below),
    )
    return word("or", language).join(
        word(key, language, value=celsius(value, language))
        for key, value in pairs
        if value is not None
    )


def rule_text(rule: Rule, language: Language) -> str:
    """Return what a rule asks, in one line."""
    return word(
        f"kind-{rule.kind}",
        language,
        limit=limits(rule, language),
        time=duration(rule.for_ms, language),
        window=duration(rule.window_ms or 0, language),
    )


def storage_text(storage: tuple[int | None, int | None], language: Language) -> str:
    """Return a storage range, which may be open at one end."""
    low, high = storage
    key = "range" if None not in storage else "range-to" if low is None else "range-from"
    return word(key, language, low=celsius(low, language), high=celsius(high, language))


def side_word(side: Side, language: Language) -> str:
    """Return a side as people call it."""
    return word(side, language)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Return a text filled with spaces to a number of terminal columns."""
    fill = " " * max(0, columns - width(text))
    return fill + text if right else text + fill
