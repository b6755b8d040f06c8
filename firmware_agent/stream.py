"""The stream being written: stamps, chain, judging and the commit.

One :meth:`StreamWriter.commit` a cycle, one transaction in it. Where the disk does not take it, the
records stay in memory and are tried again with the next cycle; they are judged all the same, and
nothing of them is sent before it is on the disk.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from alerts.engine import StreamEngine
from firmware_agent.chain import Chain, Draft
from firmware_agent.judging import Judge
from firmware_agent.spool import Row, Spool, Stream
from firmware_agent.stamping import Place, Stamp
from protocol.reading import ESTIMATED, SYNCED

log = logging.getLogger(__name__)

# Four days of eight quiet series, 20 MB. What does not fit is lost, counted and told.
MOST_UNWRITTEN = 50_000
# More than this goes to the disk in several commits (a replayed recording).
MOST_IN_A_COMMIT = 10_000
# So many records get their late stamps in one commit: a fraction of a second on an SD card.
MOST_STAMPED = 2_000
# What need not be kept any longer goes in steps of at least this, and twice what comes.
LEAST_DROPPED = 64

_ENGINE = "engine"
_WATCHES = "watches"
_VERSION = "settings-version"
_TOLD = "told"

# Stream number -> (judged, stored), as the hub has said.
Marks = Mapping[int, tuple[int, int]]


class StreamWriter:
    """Writes the open stream of a spool. Used by one thread."""

    def __init__(self, spool: Spool, boot: str, keep_ms: int, now_ms: int) -> None:
        """Go on with the open stream, or begin the first one. Raises sqlite3.Error."""
        self._spool = spool
        self._boot = boot
        self._keep_ms = keep_ms
        streams = spool.streams()
        if not streams:
            with spool.transaction():
                streams = [spool.add_stream(now_ms)]
        # As of the last commit.
        *self._closed, self._stream = streams
        self.settings_version: str | None = spool.meta(_VERSION)
        self._version_written = self.settings_version
        self.told = frozenset[str](spool.meta(_TOLD) or ())
        self._chain = self._load_chain()
        self._unwritten: list[Row] = []
        self.problem: str | None = None
        self.lost = 0
        self.commits = 0

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams as of the last commit; the last one is open."""
        return (*self._closed, self._stream)

    @property
    def judge(self) -> Judge:
        """What has judged the stream so far."""
        return self._chain.judge

    @property
    def recorded(self) -> int:
        """How many records the stream has, those in memory among them."""
        return self._chain.seq

    @property
    def unwritten(self) -> int:
        """How many of them the disk has not taken."""
        return len(self._unwritten)

    @property
    def pending(self) -> int:
        """How many of them wait for their stamp."""
        return self._chain.pending

    # --- a cycle ---

    def start(self, stamp: Stamp, now_ms: int) -> None:
        """Bring in order what an earlier run left: stamps of earlier boots, judging of the rest."""
        before = -1
        while self._chain.head != before and not self._unwritten:
            before = self._chain.head
            self._stamp_pending(stamp)
            if self._unwritten:
                self._write(stamp, now_ms, {})
        if self._chain.pending:
            after = self._chain.head
            while rows := self._spool.rows(self._stream.n, after, MOST_STAMPED):
                for row in rows:
                    self._chain.judge.provisional(json.loads(row.body))
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
        if not self._unwritten:
            self._stamp_pending(stamp)
        for draft in drafts:
            if len(self._unwritten) >= MOST_UNWRITTEN:
                self.lost += 1
                continue
            self._append(draft, stamp)
            if self.problem is None and len(self._unwritten) >= MOST_IN_A_COMMIT:
                self._write(stamp, now_ms, marks or {})
        if self._unwritten:
            self._write(stamp, now_ms, marks or {})

    def _append(self, draft: Draft, stamp: Stamp) -> None:
        chain = self._chain
        if draft.at is not None:
            at, clock = draft.at, SYNCED
        else:
            at, clock = stamp.at(chain.last, self._boot, draft.mono_ms), stamp.clock
        body = draft.body(chain.seq + 1, Place(at, self._boot, draft.mono_ms), clock)
        if chain.pending == 0 and (stamp.final or draft.at is not None):
            self._unwritten.append(chain.seal(body))
        else:
            self._unwritten.append(chain.add_pending(body))
        if draft.kind == "settings":
            self.settings_version = body["version"]

    def _stamp_pending(self, stamp: Stamp) -> None:
        """Give their final stamps to as many waiting records as may have them, in their order."""
        chain = self._chain
        if chain.pending == 0:
            return
        try:
            rows = self._spool.rows(self._stream.n, chain.head, MOST_STAMPED)
        except sqlite3.OperationalError as error:
            self._say(f"cannot be read: {error}")
            return
        for row in rows:
            body = json.loads(row.body)
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
            self._unwritten.append(chain.seal(body))

    # --- the transaction ---

    def _write(self, stamp: Stamp, now_ms: int, marks: Marks) -> None:
        chain, spool = self._chain, self._spool
        stream = replace(self._stream, head=chain.head, head_h=chain.h, place=chain.place)
        # Only a clock that is right may say that something is old enough.
        before_ms = now_ms - self._keep_ms if stamp.synced else 0
        most = max(LEAST_DROPPED, 2 * len(self._unwritten))
        try:
            with spool.transaction():
                spool.put(stream.n, self._unwritten)
                stream = self._settled(stream, marks, before_ms, most)
                spool.save_stream(stream)
                closed = [self._settled(item, marks, before_ms, most) for item in self._closed]
                for item in closed:
                    if item.dropped >= item.head:
                        spool.forget_stream(item.n)
                    else:
                        spool.save_stream(item)
                self._save_judge(chain.judge, stream)
        except sqlite3.OperationalError as error:
            self._say(f"takes nothing: {error}")
            return
        self._stream = stream
        self._closed = [item for item in closed if item.dropped < item.head]
        self._unwritten.clear()
        self.commits += 1
        self._version_written = self.settings_version
        chain.judge.saved()
        if self.problem is not None:
            fields = {"event": "spool-well", "lost": self.lost}
            log.warning("spool=well lost=%d", self.lost, extra=fields)
            self.problem = None

    def _settled(self, stream: Stream, marks: Marks, before_ms: int, most: int) -> Stream:
        """Return the stream with the hub's marks, its oldest stored records dropped."""
        judged, stored = marks.get(stream.n, (stream.judged, stream.stored))
        stream = replace(stream, judged=judged, stored=stored)
        seq, h = self._spool.drop(stream, before_ms, most)
        return replace(stream, dropped=seq, dropped_h=h)

    def _save_judge(self, judge: Judge, stream: Stream) -> None:
        spool = self._spool
        spool.set_meta(_ENGINE, judge.state())
        watches = judge.watches()
        if watches is not None:
            spool.set_meta(_WATCHES, watches)
        if self.settings_version != self._version_written:
            spool.set_meta(_VERSION, self.settings_version)
        spool.set_meta(_TOLD, sorted(self.told))
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
            last = Place(json.loads(row.body)["at"], row.boot, row.mono_ms)
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
                if row.seq <= stream.head:
                    judge.final(json.loads(row.body))
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
        if self._unwritten:
            return False
        old, spool = self._stream, self._spool
        at_common = spool.row(old.n, common)
        common_h = at_common.h if at_common else (old.dropped_h if common == old.dropped else None)
        with spool.transaction():
            new = spool.add_stream(now_ms)
            chain = Chain(Judge(StreamEngine(new.id)), 0, 0, new.head_h, None, None)
            self._carry_over(old, common, new, chain, settings)
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
        self._stream = new
        if chain.seq == 0:
            self.settings_version = None
        log.warning("stream=forked old=%s behind=%d new=%s", old.id, common, new.id)
        return True

    def _carry_over(
        self, old: Stream, common: int, new: Stream, chain: Chain, settings: Draft
    ) -> None:
        """Number the records behind ``common`` anew, in steps that fit into memory."""
        after = common
        while rows := self._spool.rows(old.n, after, MOST_STAMPED):
            after = rows[-1].seq
            taken = []
            if chain.seq == 0:
                taken.append(self._first_settings(old, common, rows[0], chain, settings))
            for row in rows:
                body = json.loads(row.body) | {"seq": chain.seq + 1}
                taken.append(chain.add_pending(body) if row.h is None else chain.seal(body))
            self._spool.put(new.n, taken)

    def _first_settings(
        self, old: Stream, common: int, first: Row, chain: Chain, settings: Draft
    ) -> Row:
        """Return the settings record in force at the first record that is carried over."""
        kept = self._spool.settings_before(old.n, common)
        if kept is not None:
            fields = json.loads(kept)
            draft = Draft("settings", first.mono_ms, {k: fields[k] for k in ("version", "series")})
        else:
            draft = settings
        seen = json.loads(first.body)
        place = Place(seen["at"], first.boot, first.mono_ms)
        body = draft.body(1, place, SYNCED if seen["clock"] == SYNCED else ESTIMATED)
        return chain.add_pending(body) if first.h is None else chain.seal(body)
