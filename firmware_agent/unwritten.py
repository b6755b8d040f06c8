"""Records of the open stream that the disk has not taken: kept in memory, and sent from there.

They go on with the disk's own stream, number by number and hash by hash, so that judging, sending
and the excursions' names know nothing of the disk's trouble (docs/decisions/020-without-a-disk.md).
The writer's thread changes them; the uplink's thread reads them beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_agent.spool import GONE, Row, Stream

LOST = "lost: the disk took nothing and memory was full"


class Piece(NamedTuple):
    """Some records in a row: the hash in front of them, and their canonical bytes."""

    prev: bytes
    bodies: list[bytes]


class Hole(NamedTuple):
    """Records that are lost, and the hash with which the chain goes on behind them."""

    first: int
    last: int
    h: bytes
    reason: str


@dataclass(slots=True)
class _State:
    """All of it; replaced as a whole, so that a reader sees one moment.

    ``base`` is the last finally stamped record of the disk, ``base_h`` its hash.
    """

    stream: str = ""
    base: int = 0
    base_h: bytes = b""
    rows: dict[int, Row] = field(default_factory=dict)
    gone: Row | None = None


class Unwritten:
    """What the disk lacks of the open stream, by seq."""

    def __init__(self) -> None:
        self._state = _State()

    def begin(self, stream: Stream) -> None:
        """Forget everything: the disk has all up to the head of this stream."""
        self._state = _State(stream.id, stream.head, stream.head_h)

    def add(self, row: Row) -> None:
        """Add the next record, or give one that waited its final stamp."""
        self._state.rows[row.seq] = row

    def __len__(self) -> int:
        return len(self._state.rows)

    def rows(self) -> list[Row]:
        """Return them in their order."""
        rows = self._state.rows
        return [rows[seq] for seq in sorted(rows)]

    def waiting(self, after: int, limit: int) -> Iterable[Row]:
        """Return those of the next ``limit`` behind ``after`` that have no final stamp."""
        rows = self._state.rows
        found = (rows.get(seq) for seq in range(after + 1, after + 1 + limit))
        return [row for row in found if row is not None and row.h is None]

    @property
    def gone(self) -> tuple[int, Row] | None:
        """What was lost of them: the first, and the last as a row of kind `gone`."""
        state = self._state
        return None if state.gone is None else (state.base + 1, state.gone)

    def shed(self, most: int) -> int:
        """Lose the oldest until no more than ``most`` are left; return how many were lost.

        Without its stamp a record has no hash, and the chain cannot go on behind it: it stays.
        """
        state = self._state
        lost = 0
        for seq in sorted(state.rows)[: max(0, len(state.rows) - most)]:
            row = state.rows[seq]
            if row.h is None:
                break
            # In this order: a reader between the two finds the record or the hole.
            state.gone = row._replace(kind=GONE, body=b"")
            del state.rows[seq]
            lost += 1
        return lost

    # --- for the uplink ---

    def hash_at(self, stream: Stream, seq: int) -> bytes | None:
        """Return h of record ``seq``, None where it is not known here."""
        state = self._state
        if state.stream != stream.id:
            return None
        if seq == state.base:
            return state.base_h
        row = state.rows.get(seq)
        if row is None and state.gone is not None and state.gone.seq == seq:
            row = state.gone
        return row.h if row is not None else None

    def piece(self, stream: Stream, first: int, last: int) -> Piece | Hole | None:
        """Return the records from ``first`` on, as many as are here up to ``last``, or what is lost."""
        state = self._state
        if state.stream != stream.id or first <= state.base:
            return None
        bodies = []
        for seq in range(first, last + 1):
            row = state.rows.get(seq)
            if row is None or row.h is None:
                break
            bodies.append(row.body)
        if bodies:
            prev = self.hash_at(stream, first - 1)
            return Piece(prev, bodies) if prev is not None else None
        gone = state.gone
        if gone is not None and first <= gone.seq:
            assert gone.h is not None
            return Hole(first, gone.seq, gone.h, LOST)
        return None
