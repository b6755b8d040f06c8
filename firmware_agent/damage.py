"""A record whose bytes have changed on the card: found by its hash, and never taken for a reading."""

from __future__ import annotations

import json
import logging
from typing import Any

from firmware_agent.spool import Row
from protocol.chain import link

log = logging.getLogger(__name__)


def intact(before: bytes | None, row: Row) -> bool:
    """Tell whether a record fits to the hash in front of it; one without a hash tells nothing."""
    return row.h is None or before is None or link(before, row.body) == row.h


def body_of(row: Row, *, whole: bool = True) -> dict[str, Any]:
    """Return the body of a record that must not stop those behind it.

    One that is known not to be whole, or cannot be read, becomes the event ``spool.damaged`` in its
    place: it names the kind that the record had. A record that waits for its stamp has no hash yet.
    """
    if whole:
        try:
            body: dict[str, Any] = json.loads(row.body)
            _ = body["kind"], body["at"], body["clock"]
        except (ValueError, KeyError, TypeError):
            pass
        else:
            return body
    log.warning("record=damaged seq=%d kind=%s", row.seq, row.kind)
    return {
        "kind": "event", "event": "spool.damaged", "subject": "spool", "seq": row.seq,
        "at": row.at or 0, "boot": row.boot, "mono_ms": row.mono_ms, "clock": "estimated",
        "body": {"kind": str(row.kind)},
    }  # fmt: skip
