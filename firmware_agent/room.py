"""What the spool need not keep any longer, and what it cannot: called within the cycle's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from firmware_agent.spool import Spool, Stream

# Stream number -> (judged, stored), as the hub has said.
Marks = Mapping[int, tuple[int, int]]

_NEVER_MS = 1 << 62


def settle(spool: Spool, stream: Stream, marks: Marks, before_ms: int, most: int) -> Stream:
    """Return the stream with the hub's marks, up to ``most`` of its oldest stored records dropped."""
    judged, stored = marks.get(stream.n, (stream.judged, stream.stored))
    stream = replace(stream, judged=judged, stored=stored)
    seq, h = spool.drop(stream, before_ms, most)
    return replace(stream, dropped=seq, dropped_h=h)


def make_room(
    spool: Spool, streams: Sequence[Stream], limit: int, most: int
) -> tuple[list[Stream], int]:
    """Drop up to ``most`` of the oldest where more than ``limit`` are kept.

    First go those that the hub has, in need those that it lacks. Returns the streams, and how many
    of those dropped the hub lacks.
    """
    left = list(streams)
    over = min(most, sum(item.head - item.dropped for item in left) - limit)
    lost = 0
    for only_stored in (True, False):
        for i, item in enumerate(left):
            if over <= 0:
                return left, lost
            upto = min(item.stored, item.head) if only_stored else item.head
            seq, h = spool.drop(item, _NEVER_MS, over, upto=upto)
            over -= seq - item.dropped
            lost += max(0, seq - max(item.dropped, item.stored))
            left[i] = replace(item, dropped=seq, dropped_h=h)
    return left, lost
