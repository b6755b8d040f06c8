"""Which language a request is answered in, and the catalogue of each.

Texts in the source are English; console/locale has their Chinese. `N_` (problems.py) marks a text
that is translated elsewhere than where it stands.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Final, Literal

Language = Literal["zh", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
DEFAULT: Final[Language] = "zh"
LOCALE: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "console"

# What <html lang> and Accept-Language call them.
TAGS: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}


@cache
def catalogue(language: Language) -> gettext.NullTranslations:
    """Return the texts of a language; English needs none."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, languages=["zh_CN"])


def choose(asked: str | None, remembered: str | None, accepts: str | None) -> Language:
    """Return the language to answer in.

    Args:
        asked: ``?lang=``.
        remembered: the cookie.
        accepts: the header Accept-Language.
    """
    for wish in (asked, remembered):
        for language in LANGUAGES:
            if wish == language:
                return language
    for tag in _by_preference(accepts or ""):
        for language in LANGUAGES:
            if tag.partition("-")[0] == language:
                return language
    return DEFAULT


def _by_preference(header: str) -> list[str]:
    """Return the tags of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, int, str]] = []
    for part in header[:200].lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            quality = 0.0
        if tag and quality > 0:
            wanted.append((-quality, len(wanted), tag))
    return [tag for _, _, tag in sorted(wanted)]
