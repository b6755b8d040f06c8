"""Where the agent keeps its records: on the disk, and in memory while the disk takes nothing.

A disk that fails while the agent runs costs nothing but the safety of what comes: the stream goes
on in memory (firmware_agent/stream.py). Where it fails already at the start, an earlier run may
have sent more of the disk's stream than the disk has; so a stream of its own begins in memory, and
moves onto the disk as soon as that takes again (docs/decisions/020-without-a-disk.md).
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

from firmware_agent.chain import Draft, event_draft
from firmware_agent.forking import MOST_AT_ONCE
from firmware_agent.health import Health
from firmware_agent.outbox import SpoolOutbox
from firmware_agent.plan import Plan
from firmware_agent.spool import DiskError, Spool, SpoolError
from firmware_agent.stamping import Stamp
from firmware_agent.stream import MOST_UNWRITTEN, StreamWriter

log = logging.getLogger(__name__)

# A disk that takes nothing is tried again after this, and twice as long each time.
_FIRST_PAUSE_MS = 1_000
_LONGEST_PAUSE_MS = 60_000
# What the writer saves beside records, streams and excursions.
_SAVED = ("engine", "watches", "settings-version", "told", "floor")


class Keeping:
    """The spool in use with its writer and its outbox. Used by the cycle's thread."""

    def __init__(self, plan: Plan, boot: str, health: Health, now_ms: int) -> None:
        """Open the spool, or one in memory. Raises SpoolError where the settings are wrong."""
        self._plan = plan
        self._boot = boot
        self._health = health
        self._pause_ms = _FIRST_PAUSE_MS
        self._next_ms: int | None = None
        # What has happened to the spool and is to be recorded.
        self._events: list[tuple[str, dict[str, str | int]]] = []
        self.without_disk: str | None = None
        try:
            self.spool, self.writer = self._open(now_ms)
        except DiskError as error:
            self.without_disk = str(error)
            self._events.append(("spool.without-disk", {"reason": str(error)[:200]}))
            log.warning("spool=in-memory reason=%r", str(error))
            self.spool = Spool.in_memory()
            self.writer = self._writer(self.spool, now_ms)
        self.outbox = SpoolOutbox(self.spool, self.writer.unwritten)

    def _open(self, now_ms: int) -> tuple[Spool, StreamWriter]:
        spool = Spool.open(Path(self._plan.state_dir), now_ms)
        try:
            writer = self._writer(spool, now_ms)
            aside = spool.set_aside
        except sqlite3.OperationalError as error:
            spool.close()
            raise DiskError(f"{spool.path}: {error}") from error
        if aside is not None:
            self._events.append(("spool.set-aside", aside))
            kept = f"was damaged; a new stream has begun, the old file is {aside['file']}"
            self._health.set("spool file", kept)
        return spool, writer

    def _writer(self, spool: Spool, now_ms: int) -> StreamWriter:
        plan = self._plan
        most = plan.most if spool.path is not None else min(plan.most, MOST_UNWRITTEN)
        return StreamWriter(spool, self._boot, plan.keep_ms, now_ms, most)

    def close(self) -> None:
        """Close everything."""
        self.outbox.close()
        self.spool.close()

    def events(self, mono_ms: int) -> list[Draft]:
        """Return, once, what has happened to the spool: the hub journals it."""
        events, self._events = self._events, []
        return [event_draft(mono_ms, name, "spool", body) for name, body in events]

    def fork(self, stream: str, common: int, why: str, settings: Draft, now_ms: int) -> bool:
        """Begin a new stream behind ``common`` (StreamWriter.fork), and have it recorded."""
        if not self.writer.fork(common, settings, now_ms):
            return False
        self._events.append(("spool.forked", {"stream": stream, "last": common, "reason": why}))
        return True

    # --- back to the disk ---

    def look(self, stamp: Stamp, now_ms: int, mono_ms: int) -> bool:
        """Move what is in memory onto the disk where that takes again; tell whether it did."""
        if self.without_disk is None or (self._next_ms is not None and mono_ms < self._next_ms):
            return False
        try:
            moved = self._move(stamp, now_ms)
        except (SpoolError, sqlite3.OperationalError) as error:
            self.without_disk = str(error)
            moved = False
        if not moved:
            self._next_ms = mono_ms + self._pause_ms
            self._pause_ms = min(2 * self._pause_ms, _LONGEST_PAUSE_MS)
        return moved

    def _move(self, stamp: Stamp, now_ms: int) -> bool:
        if self.writer.unwritten:
            return False
        events = len(self._events)
        spool, old = self._open(now_ms)
        try:
            # Records that an earlier run left without a stamp get it first, in their own stream.
            old.start(stamp, now_ms)
            if old.pending or old.unwritten:
                del self._events[events:]
                spool.close()
                return False
            move(self.spool, spool)
            writer = self._writer(spool, now_ms)
            writer.start(stamp, now_ms)
        except BaseException:
            del self._events[events:]
            spool.close()
            raise
        writer.lost = self.writer.lost
        writer.told = self.writer.told
        self.outbox.turn_to(spool, writer.unwritten)
        self.spool.close()
        self.spool, self.writer = spool, writer
        self.without_disk = None
        log.warning("spool=on-disk stream=%s recorded=%d", writer.streams[-1].id, writer.recorded)
        return True


def move(memory: Spool, disk: Spool) -> None:
    """Write the streams of a spool in memory behind those of the disk, in one transaction.

    The disk's open stream, all of whose stamps must be final, is closed: those from memory go on.
    Raises sqlite3.OperationalError where the disk does not take it; then nothing has happened. What
    was moved before, by a disk that failed right behind the commit, is moved once more.
    """
    streams = memory.streams()
    with disk.transaction():
        there = {item.id: item for item in disk.streams()}
        for old in there.values():
            if any(old.id == stream.id for stream in streams):
                continue
            if old.head == old.dropped:
                disk.save_stream(replace(old, closed=True))
                disk.forget_stream(old.n)
            elif not old.closed:
                disk.save_stream(replace(old, closed=True))
                disk.close_excursions(old.n)
        for stream in streams:
            new = there.get(stream.id) or disk.insert_stream(stream)
            disk.save_stream(replace(stream, n=new.n))
            after = 0
            while rows := memory.rows(stream.n, after, MOST_AT_ONCE):
                disk.put(new.n, rows)
                after = rows[-1].seq
            open_ = {item["id"] for item in memory.excursions(stream.n, only_open=True)}
            known = memory.excursions(stream.n, only_open=False)
            disk.put_excursions(new.n, [(item["id"], item["id"] in open_, item) for item in known])
        for key in _SAVED:
            disk.set_meta(key, memory.meta(key))
