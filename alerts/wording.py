"""How values, times and names are written in messages, in Chinese and in English.

Whole sentences stand in the catalogue (see `alerts.messages`); here is what a catalogue cannot say:
rounding that never hides an excursion, times in the site's zone, and names made shorter.
"""

from __future__ import annotations

import gettext
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from protocol.reading import UNITS, decimal

Language = Literal["zh", "en"]

DOMAIN: Final = "coldwatch"
LOCALES: Final = Path(__file__).parent / "locale"
_LOCALE_NAMES: Final = MappingProxyType({"zh": "zh_CN", "en": "en"})
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
)  # fmt: skip

# A typographer's apostrophe in one name would turn 160 characters into 70; so in English text
# these are spelt plainly.
_PLAIN: Final = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "\u00a0": " ",
        "№": "No.",
    }
)

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def N_(message: str) -> str:  # noqa: N802 - the name that catalogue tools look for
    """Mark a sentence for the catalogue."""
    return message


def shown(value: int, limit: int | None) -> str:
    """Spell thousandths with one decimal, or with as many more as the truth needs.

    The rounded value stands to the limit as the exact one does: above, below or equal. So 8.04
    over a limit of 8 is never "8.0", and 7.96 under it neither.
    """
    for step in (100, 10):
        rounded = (value + step // 2) // step * step
        if limit is None or _order(rounded, limit) == _order(value, limit):
            return decimal(rounded)
    return decimal(value)


def _order(value: int, limit: int) -> int:
    return (value > limit) - (value < limit)


def shorten(name: str, length: int, mark: str, *, keep_end: bool) -> str:
    """Cut the middle out of a name; two thirds of what stays are its beginning, or its end.

    A site is known by how its name begins, a fridge by the number at its end.
    """
    if len(name) <= length:
        return name
    room = max(length - len(mark), 2)
    tail = room * 2 // 3 if keep_end else room - room * 2 // 3
    return name[: room - tail].rstrip() + mark + name[len(name) - tail :].lstrip()


@cache
def zone_of(name: str) -> tzinfo:
    """Return a time zone; UTC where there is none of that name, for a message must go out."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@cache
def _translations(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALES, languages=[_LOCALE_NAMES[language]])


@dataclass(frozen=True, slots=True)
class Wording:
    """One language, as of one instant in one zone.

    Attributes:
        language: ``zh`` or ``en``.
        zone: IANA name of the site's time zone.
        at: the instant at which it is written, UTC milliseconds; times of its day need no date.
    """

    language: Language
    zone: str
    at: int

    @property
    def joint(self) -> str:
        """What stands between two sentences."""
        return " " if self.language == "en" else ""

    @property
    def gap(self) -> str:
        """What stands for the letters cut out of a name."""
        return ".." if self.language == "en" else "…"

    def text(self, message: str) -> str:
        """Return a sentence of the catalogue in this language."""
        return _translations(self.language).gettext(message)

    def count(self, one: str, several: str, number: int) -> str:
        """Return a phrase with a number in it."""
        return _translations(self.language).ngettext(one, several, number) % {"n": number}

    def listed(self, names: Sequence[str]) -> str:
        """Return names in a row."""
        return (", " if self.language == "en" else "、").join(names)

    def enumerated(self, parts: Sequence[str], more: int = 0) -> str:
        """Return phrases in a row, and how many are left out."""
        text = ("; " if self.language == "en" else "；").join(parts)
        if not more:
            return text
        left_out = self.count("and %(n)d more thing", "and %(n)d more things", more)
        return text + ("; " if self.language == "en" else "；") + left_out

    def ended(self, text: str) -> str:
        """Return a row of phrases as a sentence."""
        return text + ("." if self.language == "en" else "。")

    def name(self, name: str) -> str:
        """Return a name on one line, spelt so that it does not make an SMS shorter than need be."""
        name = " ".join(name.split())
        return name.translate(_PLAIN) if self.language == "en" else name

    def value(self, value: int, limit: int | None, quantity: str) -> str:
        """Return a value with its unit, rounded so that it keeps its side of the limit."""
        return shown(value, limit) + self._unit(quantity)

    def limit(self, limit: int, quantity: str) -> str:
        """Return a limit with its unit: ``8C``, ``-0.5C``."""
        return decimal(limit).removesuffix(".0") + self._unit(quantity)

    def clock(self, at: int) -> str:
        """Return a time of day, with the date where it is not the day of the message."""
        zone = zone_of(self.zone)
        moment = datetime.fromtimestamp(at / 1000, zone)
        time = f"{moment:%H:%M}"
        if zone is UTC and self.zone not in ("UTC", "Etc/UTC"):
            time += " UTC"
        if moment.date() == datetime.fromtimestamp(self.at / 1000, zone).date():
            return time
        if self.language == "en":
            return f"{moment.day} {_MONTHS[moment.month - 1]} {time}"
        return f"{moment.month}月{moment.day}日{time}"

    def lasting(self, duration: int) -> str:
        """Return a duration in its two largest units, rounded down: ``1 h 5 min``."""
        if duration < _MINUTE:
            return self.count("%(n)d s", "%(n)d s", max(duration, 0) // 1000)
        # "24 h" and "36 h" are how people speak of a day and a half.
        days, rest = divmod(duration, _DAY) if duration >= 2 * _DAY else (0, duration)
        hours, rest = divmod(rest, _HOUR)
        minutes = rest // _MINUTE
        phrases = [
            self.count("%(n)d d", "%(n)d d", days) if days else "",
            self.count("%(n)d h", "%(n)d h", hours) if hours else "",
            self.count("%(n)d min", "%(n)d min", minutes) if minutes and not days else "",
        ]
        return self.joint.join(phrase for phrase in phrases if phrase)

    def _unit(self, quantity: str) -> str:
        # "C" and not "°C": the degree sign is not in the GSM 7-bit alphabet.
        if quantity == "temperature":
            return "C" if self.language == "en" else "℃"
        unit = UNITS.get(quantity, "")
        if unit == "uW/cm2" and self.language == "zh":
            return "μW/cm²"
        return "" if unit == "0/1" else unit


def several(names: Sequence[str], language: Language) -> str:
    """Name one asset, or two, or the first and how many more."""
    wording = Wording(language, "UTC", 0)
    if len(names) <= 2:
        return wording.listed(names)
    return names[0] + wording.count(" and %(n)d more", " and %(n)d more", len(names) - 1)


def several_sites(names: Sequence[str], language: Language) -> str:
    """Name one site, or two, or the first and how many more."""
    wording = Wording(language, "UTC", 0)
    if len(names) <= 2:
        return wording.listed(names)
    more = len(names) - 1
    return names[0] + wording.count(" and %(n)d more site", " and %(n)d more sites", more)


def several_people(names: Sequence[str], language: Language, most: int = 2) -> str:
    """Name up to so many people, or so many of them and how many more."""
    wording = Wording(language, "UTC", 0)
    row = wording.listed(names[:most])
    more = len(names) - most
    if more <= 0:
        return row
    return row + wording.count(" and %(n)d other", " and %(n)d others", more)
