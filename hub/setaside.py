"""Quarantine: what could not be taken in, with its bytes and its reason. It blocks nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection

from hub.tables import quarantine
from journal.database import insert_or_update

if TYPE_CHECKING:
    from hub.intake import Incoming

# Enough to see what it was; a flood of huge messages must not fill the disk.
KEPT_BYTES = 65_536
# Reasons and topics are for people; a hostile sender may have put anything into them.
SHOWN_LENGTH = 500


Cause = Literal["address", "status", "unreadable", "stream", "record", "history"]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message, or one record of it, that is refused.

    ``stream`` and ``seq`` are known where a single record is refused; ``record`` is its bytes.
    ``cause`` is the kind of the reason, to be counted by: whose message it is, its bytes, its
    stream, one record of it, or the history store.
    """

    message: Incoming
    reason: str
    stream: str | None = None
    seq: int | None = None
    record: bytes | None = None
    cause: Cause = "unreadable"


def save_all(conn: Connection, items: Iterable[SetAside]) -> None:
    """Keep what was refused. The same bytes again are counted, not kept twice."""
    for item in items:
        kept = item.record if item.record is not None else item.message.payload
        key = f"{item.message.topic}\n{item.stream}\n{item.seq}\n".encode()
        row = {
            "digest": hashlib.sha256(key + kept).hexdigest(),
            "topic": _shown(item.message.topic),
            "stream": item.stream,
            "seq": item.seq,
            "reason": _shown(item.reason),
            "bytes": kept[:KEPT_BYTES],
            "size": len(kept),
            "times": 1,
            "first_at": item.message.at,
            "last_at": item.message.at,
        }
        again = {"times": quarantine.c.times + 1, "last_at": item.message.at}
        insert_or_update(conn, quarantine, row, key=["digest"], update=again)


def _shown(text: str) -> str:
    # PostgreSQL's texts hold every character but this one.
    return text[:SHOWN_LENGTH].replace("\0", "\ufffd")
