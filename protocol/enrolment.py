"""What hub and Pi say to each other when a device is enrolled: the one-time code, and the ways.

A code is 36 letters and digits in groups of four, as a person can read it out on the telephone:
12 of secret (60 random bits), 20 of the SHA-256 of the hub's CA certificate (100 bits: by them the
Pi knows its hub before it has ever spoken to it) and 4 that find a slip of the finger.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

# Crockford's base 32: no I, L, O and U, so that 1 and 0 can be meant by I, L and O.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT: Final = str.maketrans("ILO", "110")
_SECRET, _PRINT, _CHECK = 12, 20, 4
_LENGTH: Final = _SECRET + _PRINT + _CHECK

PORT: Final = 8884
CA_PATH: Final = "/ca"
JOIN_PATH: Final = "/join"
RENEW_PATH: Final = "/renew"
CONFIRM_PATH: Final = "/confirm"
# A request or an answer is three certificates at most.
MAX_BYTES: Final = 20_000


class CodeError(ValueError):
    """This is no code; the text says what is wrong with it."""


class Code(NamedTuple):
    """A one-time code: its secret and the mark of the CA, both in the code's own letters."""

    secret: str
    mark: str

    def __str__(self) -> str:
        """Spell it in groups of four."""
        text = self.secret + self.mark
        text += _letters(hashlib.sha256(text.encode()).digest(), _CHECK)
        return "-".join(text[i : i + 4] for i in range(0, _LENGTH, 4))

    def belongs_to(self, ca_der: bytes) -> bool:
        """Whether the hub that made this code has this CA certificate (DER)."""
        return hmac.compare_digest(self.mark, mark_of(ca_der))

    def digest(self) -> str:
        """Return what the hub keeps of the secret: its SHA-256, hexadecimal."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def new_code(ca_der: bytes) -> Code:
    """Return a new code for a hub with this CA certificate (DER)."""
    return Code("".join(secrets.choice(_ALPHABET) for _ in range(_SECRET)), mark_of(ca_der))


def mark_of(ca_der: bytes) -> str:
    """Return the mark of a CA certificate: the first 100 bits of its SHA-256."""
    return _letters(hashlib.sha256(ca_der).digest(), _PRINT)


def parse_code(text: str) -> Code:
    """Return the code that a person typed, in whatever case and grouping; raise CodeError."""
    given = "".join(text.upper().split()).replace("-", "").translate(_MEANT)
    wrong = [letter for letter in given if letter not in _ALPHABET]
    if wrong:
        raise CodeError(f"{wrong[0]!r} is in no code; codes have digits and letters without U")
    if len(given) != _LENGTH:
        raise CodeError(f"a code has {_LENGTH} letters and digits, and this one has {len(given)}")
    code = Code(given[:_SECRET], given[_SECRET : _SECRET + _PRINT])
    if str(code).replace("-", "") != given:
        raise CodeError("there is a slip in the code; compare it group by group")
    return code


def _letters(data: bytes, count: int) -> str:
    """Spell the first ``5 * count`` bits."""
    number = int.from_bytes(data, "big") >> (8 * len(data) - 5 * count)
    return "".join(_ALPHABET[number >> 5 * i & 31] for i in reversed(range(count)))
