"""The hash chain over one stream: h(n) = SHA-256(h(n-1) || canonical bytes of record n).

h(0) is the hash of the stream's own id, so a record cannot be moved to another stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

HASH_BYTES = 32

_sha256 = hashlib.sha256


def genesis(stream: str) -> bytes:
    """Return h(0) of a stream, 32 bytes."""
    return _sha256(b"coldwatch/1 stream " + stream.encode()).digest()


def link(previous: bytes, record: bytes) -> bytes:
    """Return h(n) from h(n-1) and the canonical bytes of record n."""
    return _sha256(previous + record).digest()


def links(previous: bytes, records: Iterable[bytes]) -> list[bytes]:
    """Return h of every record in turn, starting behind ``previous``."""
    hashes = []
    for record in records:
        previous = _sha256(previous + record).digest()
        hashes.append(previous)
    return hashes
