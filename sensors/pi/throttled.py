"""What the Pi's firmware says of power and heat: ``get_throttled``.

Bit 0: under-voltage now; 1: the processor's frequency is capped; 2: it is throttled; 3: the soft
temperature limit is reached. 16 to 19: the same has happened since the start, or since they were last
cleared (raspberrypi/documentation, "vcgencmd get_throttled"; they mean the same on a Pi 5). The kernel's
raspberrypi-hwmon clears 16 to 19 every two seconds, a Pi without it never does: so only a bit that was
not set before says anything new.
"""

from __future__ import annotations

import re
from typing import Final

_HEX: Final = re.compile(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})")
_UNDER_VOLTAGE: Final = 0x1
_SLOWED: Final = 0xE
_HISTORY: Final = 16


def bits(text: str) -> int:
    """Return the bits in ``50005`` (the kernel's file) or ``throttled=0x50005`` (vcgencmd).

    Raises ValueError for another text.
    """
    match = _HEX.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not what get_throttled says")
    return int(match[1], 16)


def since(now: int, before: int | None) -> tuple[bool, bool]:
    """Return (under-voltage, slowed down): now, or at any time since the look before this one.

    ``before`` is what that look saw; None for the first, which knows nothing of the time before it.
    """
    fresh = 0 if before is None else now & ~before
    happened = now | (fresh >> _HISTORY)
    return bool(happened & _UNDER_VOLTAGE), bool(happened & _SLOWED)
