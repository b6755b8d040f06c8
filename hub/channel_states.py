"""Which channels fail: entered, logged once, and told by another channel."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, Engine, insert, select

from hub.chains import Chains
from hub.tables import notices
from journal import journal
from journal.database import read, write

log = logging.getLogger(__name__)

FAILING: Final = "channel.failing"
WORKING: Final = "channel.working"

# One that comes and goes is told once in so long.
QUIET_MS: Final = 3_600_000


class ChannelStates:
    """Knows of each channel whether it fails; a hub that begins anew reads it from the journal."""

    def __init__(self, database: Engine, channels: list[str], chains: Chains) -> None:
        self._database = database
        self._channels = channels
        self._chains = chains
        # Why each failing channel fails, as of now; the newest words, also while it goes on.
        self.reasons: dict[str, str] = {}
        self._since: dict[str, int] = {}
        with read(database) as conn:
            for name in channels:
                newest = next(
                    journal.entries(
                        conn, types="channel.", subject=name, newest_first=True, limit=1
                    ),
                    None,
                )
                if newest is not None and newest.type == FAILING:
                    self.reasons[name] = str(newest.body["reason"])
                    self._since[name] = newest.at

    @property
    def failing(self) -> dict[str, str]:
        """Channels that fail, and why."""
        return {name: self.reasons[name] for name in self._channels if name in self._since}

    def round(self, down: set[str], worked: set[str], lying: Mapping[str, int], now: int) -> int:
        """Take what a round has shown of each channel; return how many notices follow.

        Args:
            down: those that did not take a message or could not be asked.
            worked: those that took or sent one.
            lying: how many messages lie in them for longer than they should.
            now: the hub's clock.
        """
        owed = 0
        for name in self._channels:
            count = lying.get(name, 0)
            if count:
                self.reasons[name] = f"{count} messages queued for more than a minute"
            if name in down or count:
                if name not in self._since:
                    owed += self._fails(name, now)
            elif name in self._since and (name in worked):
                owed += self._works(name, now)
        return owed

    def _fails(self, name: str, now: int) -> int:
        reason = self.reasons[name]
        self._since[name] = now
        fields = {"event": "channel-failing", "channel": name, "reason": reason}
        log.warning("the channel %s fails: %s", name, reason, extra=fields)
        others = [one for one in self._channels if one not in self._since]
        with write(self._database) as conn:
            entry = journal.append(
                conn, at=now, actor="hub", type=FAILING, subject=name, body={"reason": reason}
            )
            if not others or self._told_lately(conn, name, now):
                return 0
            return self._tell(conn, name, "channel-failing", entry.at, others, now)

    def _works(self, name: str, now: int) -> int:
        before, since = self.reasons.pop(name), self._since.pop(name)
        fields = {"event": "channel-working", "channel": name}
        log.warning("the channel %s works again", name, extra=fields)
        with write(self._database) as conn:
            journal.append(
                conn, at=now, actor="hub", type=WORKING, subject=name, body={"before": before}
            )
            told = select(notices.c.id).where(
                notices.c.excursion == _id(name, since), notices.c.happening == "channel-failing"
            )
            if conn.execute(told.limit(1)).first() is None:
                return 0
            return self._tell(conn, name, "channel-back", since, self._channels, now)

    def _told_lately(self, conn: Connection, name: str, now: int) -> bool:
        query = select(notices.c.id).where(
            notices.c.happening == "channel-failing",
            notices.c.step == name,
            notices.c.created_at > now - QUIET_MS,
        )
        return conn.execute(query.limit(1)).first() is not None

    def _tell(
        self, conn: Connection, name: str, happening: str, since: int, by: list[str], now: int
    ) -> int:
        others = [one for one in by if one != name]
        about = {
            "channel": name, "since": since, "reason": self.reasons.get(name, ""),
            "instead": others[0] if others else "",
        }  # fmt: skip
        people = self._chains.caretakers(now)
        for person in people:
            row = {
                "excursion": _id(name, since), "happening": happening, "step": name,
                "person": person, "site": "", "asset": "", "side": "", "created_at": now,
                "alarm": "", "facts": json.dumps(about, ensure_ascii=False),
                "channels": ",".join(by),
            }  # fmt: skip
            conn.execute(insert(notices).values(row))
        return len(people)


def _id(name: str, since: int) -> str:
    return hashlib.sha256(f"{name}\n{since}".encode()).hexdigest()[:16]
