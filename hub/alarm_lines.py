"""What `coldwatch alarms` prints of alarms and planned work: one line each, or JSON."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from config.options import language as language_of

if TYPE_CHECKING:
    from hub.alarms import Alarm
    from hub.standing import Standing
    from journal.work import Work

# English words, and the Chinese ones.
_WORDS: Final = {
    "unanswered": "无人应答",
    "answered": "已应答",
    "unexplained": "待说明",
    "over": "已结束",
    "above": "过高",
    "below": "过低",
    "silent": "无读数",
    "too hot": "温度过高",
    "too cold": "温度过低",
    "since": "始于",
    "by": "由",
    "code": "应答码",
    "planned work": "计划作业",
    "no alarm is open, and none is to be explained": "没有未结束的警报，也没有待说明的警报",
}


def word(word: str, args: argparse.Namespace) -> str:
    """Return a word in the language that was asked for."""
    return _WORDS.get(word, word) if language_of(args) == "zh" else word


def _clock(at: int, args: argparse.Namespace) -> str:
    return datetime.fromtimestamp(at // 1000, args.zone).strftime("%Y-%m-%d %H:%M")


def utc_ms(given: datetime, args: argparse.Namespace) -> int:
    """Return a time as UTC milliseconds; without offset it is one in --zone."""
    aware = given if given.tzinfo is not None else given.replace(tzinfo=args.zone)
    return round(aware.timestamp() * 1000)


def line(alarm: Alarm, stands: Standing, args: argparse.Namespace) -> str:
    """Return one alarm in one line: what stands, which, where, what, since when, who."""
    what = {"above": "too hot", "below": "too cold"}.get(alarm.side, alarm.side)
    if alarm.quantity != "temperature":
        what = f"{alarm.quantity} {word(alarm.side, args)}"
    parts = [
        f"{word(stands, args):<11}",
        f"{word('code', args)} {alarm.code}",
        alarm.id,
        alarm.asset,
        word(what, args),
        f"{word('since', args)} {_clock(alarm.opened_at, args)}",
    ]
    if alarm.answered_at is not None:
        parts.append(f"{word('answered', args)} {word('by', args)} {alarm.answered_by}"
                     f" {_clock(alarm.answered_at, args)}")  # fmt: skip
    if alarm.reason:
        parts.append(f"{alarm.reason}: {alarm.action or '?'}")
    return "  ".join(parts)


def work_line(work: Work, args: argparse.Namespace) -> str:
    """Return planned work in one line; it begins with its id."""
    span = f"{_clock(work.begin, args)} – {_clock(work.over_at, args)}"
    return f"{work.id}  {work.asset}  {span}  {work.reason}  {work.person}"


def alarm_json(alarm: Alarm, stands: Standing) -> dict[str, Any]:
    """Return an alarm for programs: times in UTC milliseconds."""
    return {"state": stands, "code": alarm.code} | asdict(alarm)


def work_json(work: Work) -> dict[str, Any]:
    """Return planned work for programs; ``over_at``: when it ended, or will by itself."""
    return asdict(work) | {"over_at": work.over_at}
