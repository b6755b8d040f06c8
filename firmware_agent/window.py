"""Which records of one stream to send next. Pure: seqs and times in, ranges out.

Ahead: records behind `judged`, up to a window of them. Where the hub does not move, the sender asks
it to speak and goes back to `judged`. Only an answer that shows the mark unmoved counts against what
was sent: a hub that is down says nothing, and proves nothing. After some such answers the window
comes again in halves, down to a single record, and one that never passes becomes a gap.

Back: records between `stored` and `judged`, which the hub judged while its store was down. They are
sent again in growing intervals until `stored` moves, one message first.

A gap is a loss. So a record that never passed goes once more right in front of its gap, each time:
where it passes after all (a broker whose rights were wrong), the gap joins nothing and is ignored.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# protocol.messages.MAX_RECORDS, whose module loads pydantic; a test holds the two equal.
MAX_RECORDS = 500
# Answers that show the mark unmoved, until the window comes in halves.
TRIES = 3
# As many for a single record until it becomes a gap: its data will be missing from the history.
LAST_TRIES = 8
# The longest pause between attempts that nobody answers, in resend intervals.
LONGEST_PAUSE = 16

NO_LONGER_KEPT = "no longer kept"
NEVER_TAKEN = "the hub does not take this record"


class Range(NamedTuple):
    """Records to send, or a gap to declare."""

    kind: Literal["records", "gap"]
    first: int
    last: int
    back: bool
    reason: str = ""


class Window:
    """What is under way of one stream."""

    def __init__(self, judged: int, stored: int, size: int, resend_after_ms: int) -> None:
        """Begin at what the hub had by its last known marks."""
        self.judged = judged
        self.stored = stored
        self._size = size
        self._resend_after_ms = resend_after_ms
        # Ahead: sent up to here, the furthest that was, and when something last moved.
        self._ahead = judged
        self._reach = judged
        self._since_ms: int | None = None
        # The hub was asked and has not spoken since; how often that went on for a whole pause.
        self._asked = False
        self._misses = 0
        # How many answers showed the mark unmoved; how many records a message may have, and up
        # to where they are under suspicion; records that never passed.
        self._tries = 0
        self._piece = MAX_RECORDS
        self._suspect = 0
        self._lost: set[int] = set()
        # The gap that belongs right behind the record that was sent last.
        self._owed: Range | None = None
        # Back: sent up to here (None: nothing to do), since when, the pause, one message only.
        self._back: int | None = None
        self._back_since_ms: int | None = None
        self._back_pause_ms = resend_after_ms
        self._probing = True
        self._back_last = False

    # --- what to send ---

    def propose(self, head: int, dropped: int) -> Range | None:
        """Return what to send next, if anything.

        ``head`` is the last record with a final stamp; those up to ``dropped`` are not kept.
        Call :meth:`sent` with what was truly sent of it.
        """
        if self._owed is not None:
            return self._owed
        back = self._propose_back(dropped)
        if back is not None and not self._back_last:
            return back
        return self._propose_ahead(head, dropped) or back

    def sent(self, what: Range, now_ms: int) -> None:
        """Note what is under way now."""
        self._back_last = what.back
        alone = what.kind == "records" and what.first == what.last and what.first in self._lost
        self._owed = what._replace(kind="gap", reason=NEVER_TAKEN) if alone else None
        if what.back:
            self._back = what.last
            return
        if self._ahead == self.judged or self._since_ms is None:
            self._since_ms = now_ms
        self._ahead = what.last
        self._reach = max(self._reach, what.last)

    def _propose_ahead(self, head: int, dropped: int) -> Range | None:
        first = self._ahead + 1
        if self._ahead < dropped:
            return Range("gap", first, dropped, False, NO_LONGER_KEPT)
        if first > head:
            return None
        if self._piece == 1 and self._tries >= LAST_TRIES and self._ahead == self.judged:
            self._lost.add(first)
        if self._misses:
            most = MAX_RECORDS
        elif self._suspect:
            most = self._piece
        else:
            most = self._size
        last = min(head, self.judged + most, self._ahead + self._piece)
        return self._range(first, last, back=False)

    def _propose_back(self, dropped: int) -> Range | None:
        if self._back is None:
            return None
        first = self._back + 1
        last = min(
            self.judged,
            self.stored + (MAX_RECORDS if self._probing else self._size),
            self._back + MAX_RECORDS,
        )
        if last < first:
            return None
        if self._back < dropped:
            return Range("gap", first, min(dropped, self.judged), True, NO_LONGER_KEPT)
        return self._range(first, last, back=True)

    def _range(self, first: int, last: int, *, back: bool) -> Range | None:
        """Return the records from first to last, but those that never passed alone."""
        if last < first:
            return None
        if first in self._lost:
            return Range("records", first, first, back)
        return Range("records", first, min([last, *self._ends(first)]), back)

    def _ends(self, first: int) -> list[int]:
        """Return where a message from ``first`` on must end at the latest."""
        return [seq - 1 for seq in self._lost if seq > first]

    # --- what the hub says ---

    def marks(self, judged: int, stored: int, now_ms: int) -> None:
        """Follow the hub's marks, forward and, where it was restored from a backup, back."""
        if judged != self.judged:
            self._judged_moved(judged, now_ms)
        elif self._misses:
            # It is back: what it may have lost comes again at once.
            self._misses = 0
            self._asked = False
            self._go_back(now_ms)
        elif self._asked:
            self._asked = False
            self._refused()
        if stored != self.stored:
            fell = stored < self.stored
            self.stored = stored
            self._back_since_ms = now_ms
            self._back_pause_ms = self._resend_after_ms
            self._probing = False
            if fell:
                self._back = None
            elif self._back is not None:
                self._back = max(self._back, stored)
        owed = self._owed
        if owed is not None and owed.last <= (self.stored if owed.back else self.judged):
            self._owed = None
        if self.stored >= self.judged:
            self._back = None
            self._back_since_ms = None
        elif self._back_since_ms is None:
            self._back_since_ms = now_ms
            self._back_pause_ms = self._resend_after_ms

    def _judged_moved(self, judged: int, now_ms: int) -> None:
        fell = judged < self.judged
        passed_alone = self._piece == 1 and self._tries >= LAST_TRIES
        self.judged = judged
        self._tries = self._misses = 0
        self._asked = False
        if fell:
            self._back = None
            self._reach = judged
        if fell or judged > self._ahead:
            self._ahead = judged
            self._owed = None
        if fell or judged >= self._suspect or passed_alone:
            self._piece = MAX_RECORDS
            self._suspect = 0
        self._reach = max(self._reach, self._ahead)
        self._since_ms = now_ms if self._ahead > judged else None

    def _refused(self) -> None:
        """The hub lives, and what it was sent did not move it."""
        self._tries += 1
        if self._tries < TRIES or self._piece == 1:
            return
        self._suspect = max(self._suspect, self._reach)
        self._piece = max(1, min(self._piece, self._reach - self.judged) // 2)
        self._reach = self._ahead = self.judged
        self._owed = None
        self._tries = 1

    # --- time ---

    def tick(self, now_ms: int) -> bool:
        """Go back where nothing has moved for too long; tell whether to ask the hub to speak."""
        if (
            self.stored < self.judged
            and self._back_since_ms is not None
            and now_ms - self._back_since_ms >= self._back_pause_ms
        ):
            self._back = self.stored
            self._owed = None
            self._back_since_ms = now_ms
            self._probing = True
            longest = LONGEST_PAUSE * self._resend_after_ms
            self._back_pause_ms = min(2 * self._back_pause_ms, longest)
        if self._ahead == self.judged or self._since_ms is None:
            return False
        if now_ms - self._since_ms < self._pause_ms():
            return False
        if self._asked:
            self._misses += 1
        self._asked = True
        self._go_back(now_ms)
        return True

    def due_ms(self) -> int | None:
        """Return when :meth:`tick` will have something to do; None for not by time alone."""
        times = []
        if self._ahead > self.judged and self._since_ms is not None:
            times.append(self._since_ms + self._pause_ms())
        if self.stored < self.judged and self._back_since_ms is not None:
            times.append(self._back_since_ms + self._back_pause_ms)
        return min(times, default=None)

    def reconnected(self) -> None:
        """Begin again at the marks: what was under way on another connection may be lost."""
        self._ahead = self.judged
        self._owed = None
        self._since_ms = None
        self._asked = False
        self._misses = 0
        self._back = None

    @property
    def stuck(self) -> bool:
        """Whether the hub answers, but has refused the next record several times."""
        return self._tries >= TRIES or self._suspect > 0

    def _go_back(self, now_ms: int) -> None:
        self._ahead = self.judged
        self._owed = None
        self._since_ms = now_ms

    def _pause_ms(self) -> int:
        return self._resend_after_ms * min(1 << min(self._misses, 10), LONGEST_PAUSE)
