"""Telephone numbers in one form, however people write them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# China's mobile numbers have eleven digits: 1[3-9]xxxxxxxxx (numbering plan of the MIIT). Networks give
# +86…, 0086…, 86… or the bare eleven.
_CHINA: Final = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")


def number(text: str) -> str:
    """Return a telephone number in one form, E.164 where it can be known: ``+8613900000001``.

    ``+86 139 0000 0001``, ``008613900000001``, ``8613900000001`` and ``13900000001`` are one number.
    Other countries' numbers are known by their ``+`` or ``00``; what else there is (a service's
    ``10086``, a name in letters) stands for itself and equals no person's number by chance.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    bare = unicodedata.normalize("NFKC", re.sub(r"[\s().-]", "", plain))
    china = _CHINA.fullmatch(bare)
    if china is not None:
        return f"+86{china.group(1)}"
    if bare.startswith("00") and bare[2:].isdigit():
        return f"+{bare[2:]}"
    return bare
