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

# Deeper than any record of ours; encoders give up at 254 (orjson) and at about 1,000 (Python).
MAX_DEPTH = 64
# Of a place's name, so that a hostile one is not copied for each item below it.
_WHERE_SHOWN = 120

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


def check_canonical(value: Any, where: str = "", depth: int = 0) -> None:
    """Raise NotCanonicalError when ``value`` cannot be spelt canonically.

    That is a fraction, a huge integer, a lone surrogate, or nesting deeper than ``MAX_DEPTH``.
    """
    if len(where) > _WHERE_SHOWN:
        where = where[:_WHERE_SHOWN] + "..."
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
    elif depth >= MAX_DEPTH and kind in (dict, list):
        raise NotCanonicalError(f"{where or 'value'}: nested deeper than {MAX_DEPTH} levels")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise NotCanonicalError(f"{where or 'value'}: {key!r} is no key; only text is")
            check_canonical(key, f"{where}.<key>" if where else "<key>")
            check_canonical(item, f"{where}.{key}" if where else key, depth + 1)
    elif kind is list:
        for index, item in enumerate(value):
            check_canonical(item, f"{where}[{index}]", depth + 1)
    else:
        raise NotCanonicalError(
            f"{where or 'value'}: {kind.__name__} where only integers, text, "
            "true, false, null, lists and objects are allowed"
        )
