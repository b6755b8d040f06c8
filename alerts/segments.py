"""How many SMS a text becomes, and where it is cut.

A text whose characters are all in the GSM 7-bit alphabet travels in septets: 160 in one SMS, 153 in
each of several. Any other character, ``°`` and ``℃`` among them, makes the whole text UCS-2: 70
UTF-16 units, or 67 in each of several. A pair that belongs together (an escape with the character
behind it, the two halves of a surrogate pair) is never cut in two.

Sources: 3GPP TS 23.038 6.2.1 (alphabet and extension), TS 23.040 9.2.3.24.1 (concatenation with an
8-bit reference).
"""

from __future__ import annotations

from typing import Final, Literal

Encoding = Literal["gsm7", "ucs2"]

_BASIC: Final = frozenset(
    "\n\r !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
    "¡£¤¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ"
)
_EXTENSION: Final = frozenset("\f[\\]^{|}~€")

# Units in a single SMS, and in each part of several.
SINGLE: Final[dict[Encoding, int]] = {"gsm7": 160, "ucs2": 70}
PART: Final[dict[Encoding, int]] = {"gsm7": 153, "ucs2": 67}
# The reference counts parts in one octet.
MOST_PARTS: Final = 255


def encoding_of(text: str) -> Encoding:
    """Return the narrowest encoding that has every character of a text."""
    return "gsm7" if all(c in _BASIC or c in _EXTENSION for c in text) else "ucs2"


def units(text: str) -> int:
    """Return the length of a text as it will travel: septets, or UTF-16 units."""
    encoding = encoding_of(text)
    return sum(_width(character, encoding) for character in text)


def fits_one(text: str) -> bool:
    """Whether a text travels as a single SMS."""
    return units(text) <= SINGLE[encoding_of(text)]


def split(text: str) -> tuple[str, ...]:
    """Cut a text into the parts that travel; one part where it fits a single SMS.

    Raises ValueError for a text that not even 255 parts hold.
    """
    if fits_one(text):
        return (text,)
    encoding = encoding_of(text)
    parts: list[str] = []
    begin = used = 0
    for index, character in enumerate(text):
        width = _width(character, encoding)
        if used + width > PART[encoding]:
            parts.append(text[begin:index])
            begin, used = index, 0
        used += width
    parts.append(text[begin:])
    if len(parts) > MOST_PARTS:
        raise ValueError(f"{len(text)} characters need {len(parts)} SMS; no message has over 255")
    return tuple(parts)


def _width(character: str, encoding: Encoding) -> int:
    if encoding == "gsm7":
        return 2 if character in _EXTENSION else 1
    return 2 if character > "\uffff" else 1
