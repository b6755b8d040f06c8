"""The stream being written: stamps, chain, judging and the commit.

One :meth:`StreamWriter.commit` a cycle, one transaction in it. Where the disk does not take it, the
records stay in memory (firmware_agent/unwritten.py) and are tried again with the next cycle; they
are judged and sent all the same. docs/decisions/020-without-a-disk.md says what follows from that.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from alerts.engine import StreamEngine
from firmware_agent.chain import Chain, Draft
from firmware_agent.damage import body_of
from firmware_agent.forking import carry_over
from firmware_agent.judging import Judge
from firmware_agent.room import Marks, make_room, settle
from firmware_agent.spool import GONE, Row, Spool, Stream
from firmware_agent.stamping import Place, Stamp
from firmware_agent.unwritten import Unwritten
from protocol.reading import SYNCED

log = logging.getLogger(__name__)

# Four days of eight quiet series, 20 MB. Then the oldest go; what the hub lacks of them is a gap.
MOST_UNWRITTEN = 50_000
# Records on the card where nobody says otherwise: 35 days of eight probes at full rate, 1 GB.
MOST_KEPT = 3_000_000
# More than this goes to the disk in several commits (a replayed recording).
MOST_IN_A_COMMIT = 10_000
# So many records get their late stamps in one commit: a fraction of a second on an SD card.
MOST_STAMPED = 2_000
# So many cycles a disk that takes nothing is left alone where there is much to write.
MOST_PAUSES = 5
# What need not be kept any longer goes in steps of at least this, and twice what comes.
LEAST_DROPPED = 64

_ENGINE = "engine"
_WATCHES = "watches"
_VERSION = "settings-version"
_TOLD = "told"
_FLOOR = "floor"


class StreamWriter:
    """Writes the open stream of a spool. Used by one thread."""

    def __init__(
        self, spool: Spool, boot: str, keep_ms: int, now_ms: int, most: int = MOST_KEPT
    ) -> None:
        """Go on with the open stream, or begin the first one. Raises sqlite3.Error.

        ``keep_ms``: how long records that the hub has stored are kept; ``most``: how many records.
        """
        self._spool = spool
        self._boot = boot
        self._keep_ms = keep_ms
        self._most = most
        streams = spool.streams()
        if not streams:
            with spool.transaction():
                streams = [spool.add_stream(now_ms)]
        # As of the last commit.
        *self._closed, self._stream = streams
        self.settings_version: str | None = spool.meta(_VERSION)
        self._version_written = self.settings_version
        self.told = frozenset[str](spool.meta(_TOLD) or ())
        # Up to here the chain is the hub's or what comes behind it, whatever an earlier run may have
        # sent from memory. None once the hub's marks have shown that ours goes on where its one ends.
        floor: int | None = spool.meta(_FLOOR)
        self.floor = self._stream.head if floor is None else floor
        self.agreed = False
        self._chain = self._load_chain()
        self.unwritten = Unwritten()
        self.unwritten.begin(self._stream)
        # As the uplink may send it: with what is in memory only.
        self._shown = self._stream
        self._pauses = 0
        self.problem: str | None = None
        # Records that are neither here nor at the hub: refused, or dropped to make room.
        self.lost = 0
        self.commits = 0

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams with all that may be sent of them; the last one is open."""
        return (*self._closed, self._shown)

    @property
    def judge(self) -> Judge:
        """What has judged the stream so far."""
        return self._chain.judge

    @property
    def recorded(self) -> int:
        """How many records the stream has, those in memory among them."""
        return self._chain.seq

    @property
    def pending(self) -> int:
        """How many of them wait for their stamp."""
        return self._chain.pending

    # --- a cycle ---

    def start(self, stamp: Stamp, now_ms: int) -> None:
        """Bring in order what an earlier run left: stamps of earlier boots, judging of the rest."""
        before = -1
        while self._chain.head != before and not self.unwritten:
            before = self._chain.head
            self._stamp_pending(stamp)
            if self.unwritten:
                self._write(stamp, now_ms, {})
        if self._chain.pending:
            after = self._chain.head
            while rows := self._spool.rows(self._stream.n, after, MOST_STAMPED):
                for row in rows:
                    self._chain.judge.provisional(body_of(row))
                after = rows[-1].seq

    def commit(
        self,
        drafts: Sequence[Draft],
        stamp: Stamp,
        now_ms: int,
        marks: Marks | None = None,
    ) -> None:
        """Take the records of one cycle: number, stamp, judge and write them.

        Never raises for a full or read-only disk; ``problem`` says so then.
        """
        self._stamp_pending(stamp)
        if len(self.unwritten) >= MOST_UNWRITTEN:
            # Before anything is lost the disk is asked once more.
            self._write(stamp, now_ms, marks or {})
        for draft in drafts:
            if len(self.unwritten) >= MOST_UNWRITTEN and not self._shed(marks or {}):
                self.lost += 1
                continue
            self._append(draft, stamp)
            if self.problem is None and len(self.unwritten) >= MOST_IN_A_COMMIT:
                self._write(stamp, now_ms, marks or {})
        if not self.unwritten:
            return
        if self._pauses > 0 and len(self.unwritten) > MOST_STAMPED:
            # Much to write on a disk that takes nothing costs a slow machine seconds each time.
            self._pauses -= 1
            chain = self._chain
            self._shown = replace(self._shown, head=chain.head, head_h=chain.h, place=chain.place)
            return
        self._write(stamp, now_ms, marks or {})

    def _append(self, draft: Draft, stamp: Stamp) -> None:
        chain = self._chain
        if draft.at is not None:
            at, clock = draft.at, SYNCED
        else:
            at, clock = stamp.at(chain.last, self._boot, draft.mono_ms), stamp.clock
        body = draft.body(chain.seq + 1, Place(at, self._boot, draft.mono_ms), clock)
        if chain.pending == 0 and (stamp.final or draft.at is not None):
            self.unwritten.add(chain.seal(body))
        else:
            self.unwritten.add(chain.add_pending(body))
        if draft.kind == "settings":
            self.settings_version = body["version"]

    def _stamp_pending(self, stamp: Stamp) -> None:
        """Give their final stamps to as many waiting records as may have them, in their order."""
        chain = self._chain
        if chain.pending == 0:
            return
        try:
            rows = self._waiting()
        except sqlite3.OperationalError as error:
            self._say(f"cannot be read: {error}")
            return
        for row in rows:
            body = body_of(row)
            if body["clock"] == SYNCED:
                pass  # it came with its own time, and only waited for those in front of it
            elif row.boot != self._boot:
                guess = Place(body["at"], row.boot, row.mono_ms)
                body["at"] = stamp.at_of_earlier_boot(chain.place, guess)
            elif stamp.final:
                body["at"] = stamp.at(chain.place, row.boot, row.mono_ms)
                body["clock"] = stamp.clock
            else:
                return
            self.unwritten.add(chain.seal(body))

    def _waiting(self) -> list[Row]:
        """Return the next records that wait for their stamp: on the disk, in memory, or both."""
        after = self._chain.head
        rows = {row.seq: row for row in self.unwritten.waiting(after, MOST_STAMPED)}
        if after + 1 not in rows:
            found = self._spool.rows(self._stream.n, after, MOST_STAMPED)
            rows = {row.seq: row for row in found} | rows
        return [rows[seq] for seq in sorted(rows)]

    def _shed(self, marks: Marks) -> bool:
        """Make room in memory; tell whether there is some. What the hub lacks of it is lost."""
        head = self.unwritten.gone[1].seq if self.unwritten.gone else self._stream.head
        shed = self.unwritten.shed(MOST_UNWRITTEN - 1)
        _, stored = marks.get(self._stream.n, (0, self._stream.stored))
        self.lost += min(shed, max(0, head + shed - stored))
        return bool(shed)

    # --- the transaction ---

    def _write(self, stamp: Stamp, now_ms: int, marks: Marks) -> None:
        chain, spool = self._chain, self._spool
        stream = replace(self._stream, head=chain.head, head_h=chain.h, place=chain.place)
        rows, gone = self.unwritten.rows(), self.unwritten.gone
        # Only a clock that is right may say that something is old enough.
        before_ms = now_ms - self._keep_ms if stamp.synced else 0
        most = max(LEAST_DROPPED, 2 * len(rows))
        told_of = any(
            row.kind == "event" and b'"event":"spool.set-aside"' in row.body for row in rows
        )
        try:
            with spool.transaction():
                if gone is not None:
                    spool.lose(stream.n, *gone)
                spool.put(stream.n, rows)
                settled = [
                    settle(spool, item, marks, before_ms, most) for item in (*self._closed, stream)
                ]
                settled, lost = make_room(spool, settled, self._most - chain.pending, most)
                *closed, stream = settled
                spool.save_stream(stream)
                for item in closed:
                    if item.dropped >= item.head:
                        spool.forget_stream(item.n)
                    else:
                        spool.save_stream(item)
                self._save_judge(chain.judge, stream)
                if told_of:
                    spool.set_aside_recorded()
        except sqlite3.OperationalError as error:
            self._say(f"takes nothing: {error}")
            self._pauses = MOST_PAUSES
            # Sent all the same. What is kept on the disk is as it was.
            self._shown = (
                stream
                if stream.dropped == self._stream.dropped
                else replace(stream, dropped=self._stream.dropped, dropped_h=self._stream.dropped_h)
            )
            return
        self._stream = self._shown = stream
        self._closed = [item for item in closed if item.dropped < item.head]
        self.unwritten.begin(stream)
        self._pauses = 0
        self.lost += lost
        self.commits += 1
        self._version_written = self.settings_version
        chain.judge.saved()
        if self.problem is not None:
            fields = {"event": "spool-well", "lost": self.lost}
            log.warning("spool=well lost=%d", self.lost, extra=fields)
            self.problem = None

    def _save_judge(self, judge: Judge, stream: Stream) -> None:
        spool = self._spool
        spool.set_meta(_ENGINE, judge.state())
        watches = judge.watches()
        if watches is not None:
            spool.set_meta(_WATCHES, watches)
        if self.settings_version != self._version_written:
            spool.set_meta(_VERSION, self.settings_version)
        spool.set_meta(_TOLD, sorted(self.told))
        spool.set_meta(_FLOOR, None if self.agreed else self.floor)
        spool.put_excursions(stream.n, judge.changed())

    def _say(self, problem: str) -> None:
        if self.problem is None:
            fields = {"event": "spool-unwell", "reason": problem}
            log.warning("spool=unwell reason=%r", problem, extra=fields)
        self.problem = problem

    # --- loading ---

    def _load_chain(self) -> Chain:
        stream, spool = self._stream, self._spool
        seq = max(spool.last_seq(stream.n) or 0, stream.head)
        last = stream.place
        if seq > stream.head:
            row = spool.row(stream.n, seq)
            assert row is not None
            last = Place(body_of(row)["at"], row.boot, row.mono_ms)
        judge = self._load_judge()
        return Chain(judge, seq, stream.head, stream.head_h, stream.place, last)

    def _load_judge(self) -> Judge:
        stream, spool = self._stream, self._spool
        state, watches = spool.meta(_ENGINE), spool.meta(_WATCHES)
        if stream.head == 0:
            return Judge(StreamEngine(stream.id))
        try:
            open_ = spool.excursions(stream.n, only_open=True)
            return Judge.load(stream.id, watches, state, open_)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A state of another version: what it was made from is still there.
            log.warning("engine=rebuilt reason=%r", repr(error))
        judge = Judge(StreamEngine(stream.id))
        after = stream.dropped
        while rows := spool.rows(stream.n, after, MOST_STAMPED):
            for row in rows:
                if row.seq <= stream.head and row.kind != GONE:
                    judge.final(body_of(row))
            after = rows[-1].seq
        if judge.watches() is None:
            self.settings_version = None  # none is left: it must be given anew
        return judge

    # --- a new stream ---

    def fork(self, common: int, settings: Draft, now_ms: int) -> bool:
        """Begin a new stream with everything behind seq ``common`` of the open one.

        The hub knows another record there than we do, or more of them than there are (a card
        that lied, a restored image). ``settings`` comes first where the old stream has none
        left that was in force there. Returns False where the disk takes nothing now; the old
        stream then stays as it is. Raises sqlite3.OperationalError likewise.
        """
        if self.unwritten:
            return False
        old, spool = self._stream, self._spool
        at_common = spool.row(old.n, common)
        common_h = at_common.h if at_common else (old.dropped_h if common == old.dropped else None)
        with spool.transaction():
            new = spool.add_stream(now_ms)
            chain = Chain(Judge(StreamEngine(new.id)), 0, 0, new.head_h, None, None)
            carry_over(spool, old, common, new, chain, settings)
            spool.cut(old.n, common)
            spool.close_excursions(old.n)
            place = None
            if at_common and at_common.at is not None:
                place = Place(at_common.at, at_common.boot, at_common.mono_ms)
            closed = replace(
                old, closed=True, head=min(common, old.head), head_h=common_h or old.head_h,
                place=place, dropped=min(old.dropped, common),
            )  # fmt: skip
            spool.save_stream(closed)
            new = replace(new, head=chain.head, head_h=chain.h, place=chain.place)
            spool.save_stream(new)
            self._save_judge(chain.judge, new)
        chain.judge.saved()
        self._chain = chain
        self._closed.append(closed)
        self._stream = self._shown = new
        self.floor = new.head
        self.unwritten.begin(new)
        if chain.seq == 0:
            self.settings_version = None
        log.warning("stream=forked old=%s behind=%d new=%s", old.id, common, new.id)
        return True
