"""Canonical bytes: the one spelling of a record or journal entry that is hashed.

JSON with sorted keys, no white space, UTF-8 as it is, and no fractions: every number
is an integer (thousandths, milliseconds), so two implementations cannot spell one value
in two ways (the trap of RFC 8785, section 3.2.2.3, is avoided by not having floats).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# I-JSON (RFC 7493, section 2.2): beyond this, parsers that use doubles change the number.
MAX_INTEGER = 2**53 - 1

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


class NotCanonicalError(ValueError):
    """The value holds something that has no canonical spelling; the text says where."""


def canonical_bytes(value: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a JSON object whose numbers are all integers.

    The caller vouches for its own values; bytes from outside go through
    :func:`check_canonical` first.
    """
    return _encode(value).encode()


def check_canonical(value: Any, where: str = "") -> None:
    """Raise NotCanonicalError when ``value`` holds a fraction, a huge integer or a lone surrogate."""
    kind = type(value)
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotCanonicalError(f"{where or 'value'}: text is not valid Unicode") from None
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise NotCanonicalError(f"{where or 'value'}: integer beyond 2^53-1")
    elif kind is bool or value is None:
        return
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise NotCanonicalError(f"{where or 'value'}: {key!r} is no key; only text is")
            check_canonical(key, f"{where}.<key>" if where else "<key>")
            check_canonical(item, f"{where}.{key}" if where else key)
    elif kind is list:
        for index, item in enumerate(value):
            check_canonical(item, f"{where}[{index}]")
    else:
        raise NotCanonicalError(
            f"{where or 'value'}: {kind.__name__} where only integers, text, "
            "true, false, null, lists and objects are allowed"
        )
