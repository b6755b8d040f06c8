"""What the hub holds of each stream: its marks, its engine, and where a message joins them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, insert, select

from alerts.engine import StreamEngine
from hub.decode import Decoded
from hub.tables import streams
from journal.database import run_many
from protocol.chain import genesis

_CHANGING = ("site", "judged_seq", "judged_h", "stored_seq", "stored_h", "newest_at", "engine")

Join = Literal["new", "again", "hole", "differs"]


@dataclass(slots=True)
class Stream:
    """One stream as of the last commit, plus what the batch in work adds.

    Nothing of a batch may outlive a failed commit: the hub then forgets its streams and reads
    them again from the database.
    """

    stream: str
    site: str
    device: str
    judged_seq: int
    judged_h: bytes
    stored_seq: int
    stored_h: bytes
    newest_at: int
    opened_at: int
    engine: StreamEngine
    changed: bool = False
    rules_changed: bool = False
    fresh: bool = False

    def join(self, message: Decoded, last: int, stored: tuple[int, bytes]) -> Join:
        """Tell how a message with records up to ``last`` fits to what is known.

        ``stored`` is the mark of what is stored, counting the batch in work.

        ``new`` brings something to judge or to store; ``again`` brings nothing new; ``hole`` begins
        behind what has been judged; ``differs`` has another hash where both should be equal.
        """
        before = message.first - 1
        if before > self.judged_seq:
            return "hole"
        anchored = False
        for seq, h in ((self.judged_seq, self.judged_h), stored):
            if before <= seq <= last:
                theirs = message.prev if seq == before else message.hashes[seq - message.first]
                if theirs != h:
                    return "differs"
                anchored = True
        if last <= stored[0]:
            return "again"
        # Between stored and judged there is no hash to hold on to: the agent goes back by itself.
        return "new" if anchored else "hole"

    def marks(self) -> dict[str, Any]:
        """Return them as `received` publishes them."""
        return {
            "judged": {"seq": self.judged_seq, "h": self.judged_h.hex()},
            "stored": {"seq": self.stored_seq, "h": self.stored_h.hex()},
        }

    def row(self) -> dict[str, Any]:
        """Return what changes with each batch, under the names of its columns."""
        return {
            "site": self.site,
            "judged_seq": self.judged_seq,
            "judged_h": self.judged_h,
            "stored_seq": self.stored_seq,
            "stored_h": self.stored_h,
            "newest_at": self.newest_at,
            "engine": _spelled(self.engine.dump_state()),
        }

    def rules(self) -> str:
        """Return the rules in force, which change with settings records only."""
        return _spelled(self.engine.dump_watches())

    def saved(self) -> None:
        """Note that the database has all of it."""
        self.changed = self.rules_changed = self.fresh = False


def new_stream(stream: str, site: str, device: str, now: int) -> Stream:
    """Return a stream of which nothing has come yet."""
    start = genesis(stream)
    return Stream(
        stream, site, device, 0, start, 0, start, 0, now, StreamEngine(stream), fresh=True
    )


def _spelled(state: dict[str, Any]) -> str:
    """Spell an engine's state as JSON."""
    try:
        return orjson.dumps(state).decode()
    except TypeError:
        # Sums of a device's absurd clocks may go beyond 64 bits.
        return json.dumps(state, separators=(",", ":"))


# As the driver takes it: hundreds of rows a batch, and SQLAlchemy's own work for each is twice that.
_UPDATE = f"UPDATE streams SET {', '.join(f'{name} = ?' for name in _CHANGING)} WHERE stream = ?"  # noqa: S608


def save_streams(conn: Connection, changed: list[Stream]) -> None:
    """Write the marks and engines of these streams, all in one statement."""
    rows = [stream.row() for stream in changed]
    for stream, row in zip(changed, rows, strict=True):
        if stream.fresh:
            values: dict[str, Any] = {name: row[name] for name in _CHANGING}
            values |= {"stream": stream.stream, "device": stream.device}
            values |= {"opened_at": stream.opened_at, "watches": stream.rules()}
            conn.execute(insert(streams), values)
        elif stream.rules_changed:
            where = streams.c.stream == stream.stream
            conn.execute(streams.update().where(where).values(watches=stream.rules()))
    known = [
        (*(row[name] for name in _CHANGING), stream.stream)
        for stream, row in zip(changed, rows, strict=True)
        if not stream.fresh
    ]
    if known:
        run_many(conn, _UPDATE, known)


def load_streams(conn: Connection) -> dict[str, Stream]:
    """Return all streams as the database has them."""
    loaded = {}
    for row in conn.execute(select(streams)):
        saved = {"watches": json.loads(row.watches), "state": json.loads(row.engine)}
        loaded[row.stream] = Stream(
            row.stream,
            row.site,
            row.device,
            row.judged_seq,
            row.judged_h,
            row.stored_seq,
            row.stored_h,
            row.newest_at,
            row.opened_at,
            StreamEngine.load(row.stream, saved),
        )
    return loaded
