"""What the hub holds of each stream: its marks, its engine, and where a message joins them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from alerts.engine import StreamEngine
from hub.decode import Decoded
from hub.tables import streams
from protocol.chain import genesis

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

    def save(self, conn: Connection) -> None:
        """Write the marks and the engine's state."""
        row: dict[str, Any] = {
            "site": self.site,
            "device": self.device,
            "judged_seq": self.judged_seq,
            "judged_h": self.judged_h,
            "stored_seq": self.stored_seq,
            "stored_h": self.stored_h,
            "newest_at": self.newest_at,
            "engine": json.dumps(self.engine.dump_state(), separators=(",", ":")),
        }
        if self.fresh or self.rules_changed:
            row["watches"] = json.dumps(self.engine.dump_watches(), separators=(",", ":"))
        if self.fresh:
            row |= {"stream": self.stream, "opened_at": self.opened_at}
            conn.execute(insert(streams).values(row))
        else:
            conn.execute(streams.update().where(streams.c.stream == self.stream).values(row))

    def saved(self) -> None:
        """Note that the database has all of it."""
        self.changed = self.rules_changed = self.fresh = False


def new_stream(stream: str, site: str, device: str, now: int) -> Stream:
    """Return a stream of which nothing has come yet."""
    start = genesis(stream)
    return Stream(
        stream, site, device, 0, start, 0, start, 0, now, StreamEngine(stream), fresh=True
    )


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
