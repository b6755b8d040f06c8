"""Whether the kernel's clock is synchronised, as NTP daemons tell it (adjtimex(2)).

A unit must not set ``ProtectClock=``: it forbids the question together with the setting, and the
clock would count as wrong for ever.
"""

from __future__ import annotations

import ctypes
from typing import ClassVar, Final

# From linux/timex.h.
_TIME_ERROR: Final = 5
_STA_UNSYNC: Final = 0x0040


class _Timex(ctypes.Structure):
    """The beginning of struct timex; the rest is only room for the kernel to write into."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    ]


_libc = ctypes.CDLL(None, use_errno=True)


def kernel_clock_synchronised() -> bool:
    """Tell whether the kernel calls its clock synchronised; False where it may not be asked."""
    answer = _Timex(modes=0)
    code: int = _libc.adjtimex(ctypes.byref(answer))
    return code not in (-1, _TIME_ERROR) and not answer.status & _STA_UNSYNC
