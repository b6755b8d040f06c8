"""What the history lacks of what the hub's database calls stored, and how both agree again.

That happens where one of the two was put back from an older backup than the other. The marks then
claim what is nowhere; the agents would never send it again, and drop it after 35 days. So at the
start each stream's mark is held against the highest seq that the history has of it, two look-ups a
stream. Where that is lower, and neither quarantine nor gaps account for the rest, `stored` falls
back to where the chain can be followed from the stream's beginning: the agents compare its hash
with their own, and send what is behind it by themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select

from hub.shield import Store
from hub.streams import Stream
from hub.tables import quarantine
from journal import journal
from protocol.chain import genesis, link

log = logging.getLogger(__name__)

LACKS = "history.lacks"


@dataclass(frozen=True, slots=True)
class Lack:
    """A stream whose records behind ``last`` the history does not have up to its mark."""

    stream: Stream
    claimed: int
    last: int
    h: bytes

    def body(self) -> dict[str, Any]:
        """Return what the journal says of it."""
        return {"device": self.stream.device, "first": self.last + 1, "last": self.claimed}


def find(conn: Connection, history: Store, streams: Iterable[Stream]) -> list[Lack]:
    """Return what the history lacks, having followed the chains of those streams alone.

    Raises HistoryUnavailableError where it does not answer.
    """
    heads = history.heads()
    lacks = []
    for stream in streams:
        head = heads.get(stream.stream, 0)
        if head >= stream.stored_seq:
            continue
        instead = _Instead(conn, stream.stream)
        if _follow(head, b"", iter(()), instead)[0] >= stream.stored_seq:
            continue  # what came last is in quarantine, or was declared as gone
        start = genesis(stream.stream)
        last, h = _follow(0, start, history.records(stream.stream), instead)
        if last < stream.stored_seq:
            lacks.append(Lack(stream, stream.stored_seq, last, h))
    return lacks


def fall_back(conn: Connection, lacks: Iterable[Lack], now: int) -> None:
    """Enter what is lacking, and let `stored` of those streams fall back; they are to be saved."""
    for lack in lacks:
        stream = lack.stream
        journal.append(
            conn, at=now, actor="hub", type=LACKS, subject=stream.stream, body=lack.body()
        )
        stream.stored_seq, stream.stored_h, stream.changed = lack.last, lack.h, True
        log.warning(
            "the history lacks records %d to %d of stream %s, device %s, which will send them again",
            lack.last + 1, lack.claimed, stream.stream, stream.device,
        )  # fmt: skip


class _Instead:
    """What stands for the records of a stream that are not in the history: quarantine and gaps."""

    def __init__(self, conn: Connection, stream: str) -> None:
        self._refused: dict[int, bytes] = {}
        kept = select(quarantine.c.seq, quarantine.c.bytes).where(quarantine.c.stream == stream)
        for row in conn.execute(kept):
            if _seq_of(row.bytes) == row.seq:
                self._refused[row.seq] = row.bytes
        self._gaps = [
            (entry.body["first"], entry.body["last"], bytes.fromhex(entry.body["h"]))
            for entry in journal.entries(conn, types="stream.gap", subject=stream)
        ]

    def step(self, seq: int, h: bytes) -> tuple[int, bytes]:
        """Return how far it leads behind (seq, h): the same where there is nothing for the next."""
        if seq + 1 in self._refused:
            return seq + 1, link(h, self._refused[seq + 1])
        for first, last, behind in self._gaps:
            if first <= seq + 1 <= last:
                return last, behind
        return seq, h


def _seq_of(kept: bytes) -> int | None:
    """Return the seq of a record in quarantine; None of a message, or of what was cut."""
    try:
        record = orjson.loads(kept)
    except orjson.JSONDecodeError:
        return None
    return record.get("seq") if isinstance(record, dict) else None


def _follow(
    seq: int, h: bytes, records: Iterator[tuple[int, dict[str, Any]]], instead: _Instead
) -> tuple[int, bytes]:
    """Follow a chain behind (seq, h) as far as there is something for each record."""
    number, body = next(records, (0, {}))
    while True:
        while 0 < number <= seq:  # one that is there although it was declared as gone
            number, body = next(records, (0, {}))
        if number == seq + 1:
            seq, h = number, link(h, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
            continue
        before = seq
        seq, h = instead.step(seq, h)
        if seq == before:
            return seq, h
