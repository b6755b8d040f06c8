"""`coldwatch hub HUB.toml --status`: a short table of how the hub is, for whoever is on duty."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from config.hub import HubSettings
from hub.asking import ask
from hub.health import HEALTH, Health
from hub.health_lines import Line, healthy, lines
from hub.health_words import Language, level, subject, text


def status(settings: HubSettings, now: int, language: Language, *, as_json: bool) -> int:
    """Print how the hub is; return 0 when it is healthy, 1 when it is not or does not run."""
    health = ask(settings, now)
    well = healthy(health)
    zone = ZoneInfo(settings.sites[0].zone)
    if as_json:
        print(json.dumps(answer(health, language, zone), ensure_ascii=False))
        return 0 if well else 1
    first, *others = table(health, language, zone)
    # One clear line of its own where there is nobody to ask; the table below is what is left.
    print(first, file=sys.stdout if health.live is not None else sys.stderr, flush=True)
    print(*others, sep="\n")
    return 0 if well else 1


def answer(health: Health, language: Language, zone: ZoneInfo) -> dict[str, object]:
    """Return everything as JSON: the facts, and the lines as people read them."""
    said = [
        {"subject": line.subject, "level": line.level, "code": line.code}
        | {"text": text(line, language, zone)}
        for line in lines(health)
    ]
    return {"healthy": healthy(health), **HEALTH.dump_python(health, mode="json"), "lines": said}


def table(health: Health, language: Language, zone: ZoneInfo) -> list[str]:
    """Return the lines, in columns."""
    rows = [
        (_word(line, language), subject(line, language), text(line, language, zone))
        for line in lines(health)
    ]
    widths = [_width(column) for column in list(zip(*rows, strict=True))[:2]]
    return [
        "  ".join([*(_pad(cell, width) for cell, width in zip(row, widths, strict=False)), row[2]])
        for row in rows
    ]


def _word(line: Line, language: Language) -> str:
    word = level(line, language)
    return word.upper() if line.level == "bad" else word


def _width(cells: Sequence[str]) -> int:
    return max(map(_columns, cells))


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - _columns(cell))


def _columns(text_: str) -> int:
    """Return how wide a terminal shows it: a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text_)
