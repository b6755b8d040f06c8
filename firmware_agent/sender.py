"""From the spool to messages, and from the hub's marks back to what to send: no network in it.

The bytes of a record are those that were committed and hashed; they are spliced into the message
and never spelled again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from firmware_agent.downlink import Mark, Marks
from firmware_agent.outbox import Outbox
from firmware_agent.spool import Stream
from firmware_agent.unwritten import Hole
from firmware_agent.window import NEVER_TAKEN, Range, Window
from protocol.chain import genesis

log = logging.getLogger(__name__)

# The hub refuses a message of more than 1 MB; half of that leaves room for odd records.
MAX_BYTES = 500_000


class Message(NamedTuple):
    """One message for the topic `records`."""

    payload: bytes
    stream: str
    what: Range


class Fork(NamedTuple):
    """The hub and we differ behind ``common``: that part needs a new stream."""

    stream: str
    common: int
    why: str


class Sender:
    """Sends every stream of the spool, the oldest first. Used by one thread."""

    def __init__(self, outbox: Outbox, *, window: int, resend_after_ms: int) -> None:
        """Read from ``outbox``; a window and a pause as in the settings."""
        self._outbox = outbox
        self._size = window
        self._resend_after_ms = resend_after_ms
        self._streams: dict[int, Stream] = {}
        self._windows: dict[int, Window] = {}
        self._heard: dict[int, Marks] = {}
        self._said: set[str] = set()
        self._declared: set[tuple[int, int]] = set()
        self.fork: Fork | None = None
        # Id of the open stream, and how far our chain is certainly the hub's (StreamWriter.floor).
        self.floor: tuple[str, int] = ("", 0)
        # Streams of which the hub's marks have shown that ours goes on where the hub's ends.
        self.agreed: frozenset[str] = frozenset()
        # A declared gap may have swallowed the rules in force: they must be recorded again.
        self.rules_lost = False

    def refresh(self, streams: Iterable[Stream]) -> None:
        """Take over what was committed."""
        self._streams = {stream.n: stream for stream in streams}
        for n, stream in self._streams.items():
            if n not in self._windows:
                self._windows[n] = Window(
                    stream.judged, stream.stored, self._size, self._resend_after_ms
                )
        for n in self._windows.keys() - self._streams.keys():
            del self._windows[n]
        open_ = {stream.id for stream in self._streams.values() if not stream.closed}
        if self.fork is not None and self.fork.stream not in open_:
            self.fork = None

    def received(self, marks: Mapping[str, Marks], now_ms: int) -> None:
        """Follow what the hub says of each stream; of one that it does not name it has nothing."""
        for n, stream in self._streams.items():
            start = Mark(0, genesis(stream.id))
            said = marks.get(stream.id, Marks(start, start))
            if stream.closed:
                said = Marks(_up_to_head(said.judged, stream), _up_to_head(said.stored, stream))
            if self._believed(stream, said):
                self._heard[n] = said
                self._windows[n].marks(said.judged.seq, said.stored.seq, now_ms)

    def next(self, now_ms: int) -> Message | None:
        """Return the next message, and take it as sent."""
        for n, stream in self._streams.items():
            if self.fork is not None and self.fork.stream == stream.id:
                continue
            window = self._windows[n]
            what = window.propose(stream.head, stream.dropped)
            if what is None:
                continue
            message = self._gap(stream, what) if what.kind == "gap" else self._piece(stream, what)
            if message is not None:
                window.sent(message.what, now_ms)
                return message
        return None

    def tick(self, now_ms: int) -> bool:
        """Go back where nothing moves; tell whether to ask the hub to speak."""
        ask = False
        for window in self._windows.values():
            ask |= window.tick(now_ms)
        return ask

    def due_ms(self) -> int | None:
        """Return when :meth:`tick` will have something to do."""
        times = [due for window in self._windows.values() if (due := window.due_ms()) is not None]
        return min(times, default=None)

    def reconnected(self) -> None:
        """Begin again at the marks."""
        for window in self._windows.values():
            window.reconnected()

    def marks(self) -> dict[int, tuple[int, int]]:
        """Return (judged, stored) by number of the stream."""
        return {n: (window.judged, window.stored) for n, window in self._windows.items()}

    @property
    def stuck(self) -> str | None:
        """What the hub does not take, in one line; None when all is well."""
        for n, window in self._windows.items():
            if window.stuck:
                return f"the hub does not move past record {window.judged} of {self._streams[n].id}"
        return None

    # --- messages ---

    def _piece(self, stream: Stream, what: Range) -> Message | None:
        piece = self._outbox.piece(stream, what.first, what.last)
        if piece is None:
            # Dropped since the last commit that we know of; the next one will say so.
            return None
        if isinstance(piece, Hole):
            gap = Range("gap", piece.first, piece.last, what.back, piece.reason)
            return self._gap(stream, gap, piece.h)
        bodies = piece.bodies
        while len(bodies) > 1 and sum(map(len, bodies)) > MAX_BYTES:
            bodies = bodies[: len(bodies) // 2]
        payload = b'{"prev":"%s","records":[%s],"stream":"%s","v":1}' % (
            piece.prev.hex().encode(),
            b",".join(bodies),
            stream.id.encode(),
        )
        sent = what._replace(last=what.first + len(bodies) - 1)
        return Message(payload, stream.id, sent)

    def _gap(self, stream: Stream, what: Range, h: bytes | None = None) -> Message | None:
        prev, h = self._hash(stream, what.first - 1), h or self._hash(stream, what.last)
        if prev is None or h is None:
            return None  # only the hub knows the hash there, and it has not spoken yet
        gap = {"first": what.first, "last": what.last, "h": h.hex(), "reason": what.reason}
        body = {"v": 1, "stream": stream.id, "prev": prev.hex(), "gap": gap}
        if (stream.n, what.last) not in self._declared:
            self._declared.add((stream.n, what.last))
            self.rules_lost |= what.reason != NEVER_TAKEN
            log.warning(
                "gap=%d-%d stream=%s reason=%r", what.first, what.last, stream.id, what.reason
            )
        return Message(json.dumps(body).encode(), stream.id, what)

    def _hash(self, stream: Stream, seq: int) -> bytes | None:
        """Return h at ``seq``, by our own chain or by the hub's marks that we could not refute."""
        own = self._own_hash(stream, seq)
        if own is None and stream.n in self._heard:
            for mark in self._heard[stream.n]:
                if mark.seq == seq:
                    return mark.h
        return own

    def _own_hash(self, stream: Stream, seq: int) -> bytes | None:
        return genesis(stream.id) if seq == 0 else self._outbox.hash_at(stream, seq)

    # --- belief ---

    def _believed(self, stream: Stream, said: Marks) -> bool:
        """Tell whether the marks fit to our chain; if not, ask for a fork of the open stream."""
        matched, wrong = [], []
        for name, mark in (("judged", said.judged), ("stored", said.stored)):
            if mark.seq > stream.head:
                wrong.append((mark.seq, f"the hub has {name} {mark.seq}, we have {stream.head}"))
            elif self._own_hash(stream, mark.seq) in (None, mark.h):
                matched.append(mark.seq)
            else:
                wrong.append((mark.seq, f"the hash at {mark.seq} differs"))
        if not wrong:
            if stream.id not in self.agreed:
                self.agreed |= {stream.id}
            return True
        seq, why = min(wrong)
        if stream.closed:
            self._say_once(f"{stream.id}: closed here; {why}")
            return False
        known = [self._windows[stream.n].judged]
        if self.floor[0] == stream.id and stream.id not in self.agreed:
            known.append(self.floor[1])
        before = [item for item in (*matched, *known) if item < seq and item <= stream.head]
        if self.fork is None:
            self.fork = Fork(stream.id, max(before, default=0), why)
            self._say_once(f"{stream.id}: {why}")
        return False

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.warning("received=disbelieved %s", text)


def _up_to_head(mark: Mark, stream: Stream) -> Mark:
    """Return the mark, or our head where it lies behind that: the hub has more of a forked one."""
    return mark if mark.seq <= stream.head else Mark(stream.head, stream.head_h)
