"""What the ledger's subcommands print for people: tables that a tired pharmacist can read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from ledger.batches import Entered
from ledger.journey import Journey
from ledger.phrases import Language, Moment, moment, phrase, span
from ledger.stock import BatchOverview
from ledger.verdict import Verdict
from protocol.reading import decimal

# The English heading or word, and the Chinese one.
WORDS: Final[dict[str, str]] = {
    "batch": "批次",
    "expiry": "有效期至",
    "place": "位置",
    "doses": "剂数",
    "on hold": "停用",
    "verdict": "结论",
    "from": "自",
    "to": "至",
    "inside": "范围内",
    "above": "高于",
    "below": "低于",
    "unknown": "未知",
    "min": "最低",
    "max": "最高",
    "rule": "规则",
    "now": "现在",
    "still open": "未结束",
    "received": "接收",
    "in stock": "库存",
    "issued": "发出",
    "excursions": "超温事件",
    "no doses are here": "没有库存",
    "usable": "可用",
    "ask": "咨询企业",
    "hold": "停用",
    "lasted": "持续",
    "extreme": "极值",
    "mean kinetic temperature": "平均动力学温度",
    "mean": "平均",
}


def word(text: str, language: Language) -> str:
    """Return a word in one language."""
    return WORDS[text] if language == "zh" else text


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return lines in columns; Chinese letters are two columns wide on a terminal."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(headings))]
    return [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def movement_line(entered: Entered, language: Language, zone: ZoneInfo) -> str:
    """Return what one movement did."""
    movement = entered.movement
    return phrase(
        movement.kind,
        doses=movement.doses,
        batch=entered.batch.id,
        source=movement.source,
        target=movement.target,
        at=Moment(movement.at),
    ).text(language, zone)


def stock_page(batches: Sequence[BatchOverview], language: Language, zone: ZoneInfo) -> list[str]:
    """Return the stock, first to expire first, and under it why something may not leave."""
    if not batches:
        return [word("no doses are here", language)]
    names = ("batch", "expiry", "place", "doses", "verdict")
    rows, reasons = [], []
    for one in batches:
        for judged in one.parcels:
            rows.append(
                (
                    one.batch.id,
                    one.batch.expiry.isoformat(),
                    str(judged.parcel.place),
                    str(judged.parcel.doses),
                    _verdict(judged.verdict, language),
                )
            )
            reasons += [reason.text(language, zone) for reason in judged.reasons[:1]]
    lines = table([word(name, language) for name in names], rows)
    return [*lines, *([""] if reasons else []), *dict.fromkeys(reasons)]


def _verdict(verdict: Verdict, language: Language) -> str:
    shown = word(verdict, language)
    return shown if verdict == "usable" else shown.upper()


def journey_page(found: Journey, language: Language, zone: ZoneInfo) -> list[str]:
    """Return the journey of a batch: the verdict first, then where it was and what happened."""

    def say(text: str) -> str:
        return word(text, language)

    counts = (
        ("received", found.received),
        ("in stock", found.in_stock),
        ("issued", found.issued),
        ("on hold", found.held),
    )
    colon, comma = ("：", "，") if language == "zh" else (": ", ", ")
    sum_ = found.way.exposure()
    extremes = comma.join(
        f"{say(name)} {_degrees(value)}"
        for name, value in (
            ("min", sum_.minimum),
            ("max", sum_.maximum),
            ("mean", sum_.mean),
            ("mean kinetic temperature", sum_.mkt),
        )
    )
    title = (
        f"{found.batch.id}  {say('expiry')} {found.batch.expiry}  {say('verdict')}{colon}"
        f"{_verdict(found.verdict, language)}"
    )
    return [
        title,
        comma.join(f"{say(name)} {count}" for name, count in counts),
        "",
        *(reason.text(language, zone) for reason in found.why),
        extremes,
        "",
        *_stays(found, language, zone),
        *_excursions(found, language, zone),
    ]


def _stays(found: Journey, language: Language, zone: ZoneInfo) -> list[str]:
    names = ("place", "from", "to", "doses", "inside", "above", "below", "unknown", "min", "max")
    rows = [
        (
            str(parcel.place),
            moment(parcel.begin.at, zone),
            moment(parcel.end.at, zone) if parcel.end is not None else word("now", language),
            str(parcel.most),
            span(exposure.inside_ms, language),
            span(exposure.above_ms, language),
            span(exposure.below_ms, language),
            span(exposure.unknown_ms, language),
            _degrees(exposure.minimum),
            _degrees(exposure.maximum),
        )
        for parcel, exposure in found.stays
    ]
    return table([word(name, language) for name in names], rows)


def _excursions(found: Journey, language: Language, zone: ZoneInfo) -> list[str]:
    if not found.excursions:
        return []
    names = ("excursions", "rule", "from", "to", "lasted", "extreme")
    rows = [
        (
            row.asset,
            row.rule,
            moment(row.start, zone),
            moment(row.end, zone) if row.end is not None else word("still open", language),
            span(row.held_ms, language),
            _degrees(row.extreme),
        )
        for row in found.excursions
    ]
    return ["", *table([word(name, language) for name in names], rows)]


def _degrees(value: float | None) -> str:
    if value is None:
        return "-"
    # measured values exactly; a mean is a computed figure and no measurement finer than 0.001
    return decimal(value if isinstance(value, int) else round(value))
