"""How the pages spell numbers, times and codes, in one language.

Values are spelt exactly, for 8.04 shown as 8.0 would look inside a range that it is outside of.
Shares are rounded against us: safe time down, any trouble up to what can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from console.directory import Directory
from console.language import Language, catalogue
from console.models import Excursion, Name
from console.problems import N_
from console.words import SYMBOLS, WORDS, what
from ledger.phrases import span
from protocol.reading import decimal

NOTHING: Final = "–"

_MS: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1_000}
_UNITS: Final = {
    "d": N_("%(count)s d"),
    "h": N_("%(count)s h"),
    "min": N_("%(count)s min"),
    "s": N_("%(count)s s"),
}

# What is told beside the largest unit.
_FOLLOWING: Final = {"d": "h", "h": "min"}


class Show:
    """The functions that templates call; one for each language."""

    def __init__(self, language: Language, directory: Directory) -> None:
        """Choose the language; ``directory`` knows the zones."""
        self.language: Language = language
        self._directory = directory
        self._text: Callable[[str], str] = catalogue(language).gettext

    def functions(self) -> dict[str, Callable[..., object]]:
        """Return what templates may call, by name."""
        return {
            "name": self.name,
            "word": self.word,
            "quality": self.quality,
            "what": what,
            "excursion_word": self.excursion_word,
            "value": self.value,
            "rounded": self.rounded,
            "unit": self.unit,
            "ago": self.ago,
            "about": self.about,
            "span": self.span,
            "time": self.time,
            "clock": self.clock,
            "local": self.local,
            "zone_label": self.zone_label,
            "site_zone": self.site_zone,
            "site_name": self.site_name,
            "safe": self.safe,
            "trouble": self.trouble,
            "size": self.size,
        }

    def translated(self, message: str, values: Mapping[str, object]) -> str:
        """Return a message of the catalogue with its values."""
        return self._text(message) % values

    def name(self, both: Name) -> str:
        """Return a name in this language."""
        return both.zh if self.language == "zh" else both.en

    def site_name(self, site: str) -> str:
        """Return what a site is called."""
        return self.name(self._directory.site_name(site))

    def word(self, family: str, code: str) -> str:
        """Return what a code is called; one that this version does not know stands for itself."""
        text = WORDS[family].get(code)
        return self._text(text) if text is not None else code

    def excursion_word(self, excursion: Excursion) -> str:
        """Return what an excursion is to people: too hot, door open."""
        return self.word("excursion", what(excursion))

    def quality(self, quality: str) -> str:
        """Return ``rejected:crc`` in words."""
        grade, _, reason = quality.partition(":")
        said = self._text(N_("%(grade)s (%(reason)s)"))
        return said % {"grade": self.word("grade", grade), "reason": self.word("reason", reason)}

    def value(self, thousandths: int | None) -> str:
        """Spell a value exactly, with a true minus sign."""
        return NOTHING if thousandths is None else decimal(thousandths).replace("-", "\u2212")

    def rounded(self, thousandths: float | None) -> str:
        """Spell a mean, which is no reading, with two places."""
        if thousandths is None:
            return NOTHING
        return f"{thousandths / 1000:.2f}".replace("-", "\u2212")

    def unit(self, unit: str) -> str:
        """Return a unit's symbol with the space before it."""
        symbol = SYMBOLS.get(unit, unit)
        return f"\u00a0{symbol}" if symbol else ""

    def about(self, duration_ms: int) -> str:
        """Return a duration in two units, rounded down: ``2 h 58 min``; seconds below a minute."""
        left = max(0, duration_ms)
        counts = {}
        for unit, length in _MS.items():
            counts[unit], left = divmod(left, length)
        largest = next((unit for unit, count in counts.items() if count), "s")
        shown = [largest]
        following = _FOLLOWING.get(largest)
        if following is not None and counts[following]:
            shown.append(following)
        text = " ".join(self._text(_UNITS[unit]) % {"count": counts[unit]} for unit in shown)
        # kept on one line: a number with its unit, and both units together
        return text.replace(" ", "\u00a0")

    def span(self, duration_ms: int) -> str:
        """Return a duration to the second, nothing left out."""
        return span(duration_ms, self.language).replace(" ", "\u00a0")

    def ago(self, duration_ms: int) -> str:
        """Return how long ago something was, to the minute."""
        if duration_ms < _MS["min"]:
            return self._text(N_("less than 1 min ago")).replace(" ", "\u00a0")
        return self._text(N_("%(span)s ago")) % {"span": self.about(duration_ms)}

    def time(self, at: int | None, zone: ZoneInfo, now: int | None = None) -> Markup | str:
        """Return a time as an element that also says it exactly, with its offset.

        With ``now`` the day is left out where it is the same one.
        """
        if at is None:
            return NOTHING
        local = datetime.fromtimestamp(at // 1000, zone)
        today = now is not None and datetime.fromtimestamp(now // 1000, zone).date() == local.date()
        text = local.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
        exact = local.isoformat(timespec="seconds")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, text)

    def clock(self, at: int, zone: ZoneInfo) -> str:
        """Return the time of day to the second."""
        return datetime.fromtimestamp(at // 1000, zone).strftime("%H:%M:%S")

    def local(self, at: int, zone: ZoneInfo) -> str:
        """Return a time as a field for day and time has it: to the minute, in the site's zone."""
        return datetime.fromtimestamp(at // 1000, zone).strftime("%Y-%m-%dT%H:%M")

    def zone_label(self, zone: ZoneInfo, at: int) -> str:
        """Return a zone with its offset at a time: ``Asia/Shanghai, UTC+08:00``."""
        offset = datetime.fromtimestamp(at // 1000, zone).strftime("%z")
        return f"{zone.key}, UTC{offset[:3]}:{offset[3:5]}"

    def site_zone(self, site: str) -> ZoneInfo:
        """Return a site's zone."""
        return self._directory.zone(site)

    def safe(self, part_ms: int, whole_ms: int) -> str:
        """Return a share of safe time in percent, rounded down: only all of it is 100 %."""
        if not whole_ms:
            return NOTHING
        return self._percent(part_ms * 1000 // whole_ms)

    def trouble(self, part_ms: int, whole_ms: int) -> str:
        """Return a share of other time in percent, rounded up: only none of it is 0 %."""
        if not whole_ms:
            return NOTHING
        return self._percent(-(-part_ms * 1000 // whole_ms))

    @staticmethod
    def _percent(per_mille: int) -> str:
        whole, tenth = divmod(per_mille, 10)
        return f"{whole}.{tenth}\u00a0%" if tenth else f"{whole}\u00a0%"

    def size(self, count: int) -> str:
        """Return a number of bytes as people read it."""
        return f"{count}\u00a0B" if count < 10_000 else f"{count // 1000}\u00a0kB"
