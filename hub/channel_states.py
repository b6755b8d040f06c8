"""Which channels fail: entered, logged once, and told by another channel."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

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


class _Failing(NamedTuple):
    """Since when a channel fails (UTC ms), and why: the newest words, also while it goes on."""

    since: int
    reason: str


class ChannelStates:
    """Knows of each channel whether it fails; a hub that begins anew reads it from the journal.

    Used by one thread; `failing` may be asked by any.
    """

    def __init__(self, database: Engine, channels: list[str], chains: Chains) -> None:
        self._database = database
        self._channels = channels
        self._chains = chains
        # Why each channel failed last, until it works.
        self._reasons: dict[str, str] = {}
        # Replaced as a whole, and behind the commit only: others read it in the midst of a round.
        self._failing: Mapping[str, _Failing] = {}
        with read(database) as conn:
            for name in channels:
                newest = next(
                    journal.entries(
                        conn, types="channel.", subject=name, newest_first=True, limit=1
                    ),
                    None,
                )
                if newest is not None and newest.type == FAILING:
                    self._set(name, _Failing(newest.at, str(newest.body["reason"])))

    @property
    def failing(self) -> dict[str, str]:
        """Channels that fail, and why."""
        known = self._failing
        return {name: known[name].reason for name in self._channels if name in known}

    def reason(self, name: str) -> str:
        """Why a channel failed last; empty where it works."""
        return self._reasons.get(name, "")

    def says(self, name: str, reason: str) -> None:
        """Take note of why a channel fails; that it does is for `round` to say."""
        self._reasons[name] = reason
        if name in self._failing:
            self._set(name, self._failing[name]._replace(reason=reason))

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
                self.says(name, f"{count} messages queued for more than a minute")
            if name in down or count:
                if name not in self._failing:
                    owed += self._fails(name, now)
            elif name in self._failing and name in worked:
                owed += self._works(name, now)
        return owed

    def _fails(self, name: str, now: int) -> int:
        failing = _Failing(now, self.reason(name))
        others = [one for one in self._channels if one != name and one not in self._failing]
        owed = 0
        with write(self._database) as conn:
            entry = journal.append(
                conn, at=now, actor="hub", type=FAILING, subject=name,
                body={"reason": failing.reason},
            )  # fmt: skip
            failing = failing._replace(since=entry.at)
            if others and not self._told_lately(conn, name, now):
                owed = self._tell(conn, name, "channel-failing", failing, others, now)
        self._set(name, failing)
        fields = {"event": "channel-failing", "channel": name, "reason": failing.reason}
        log.warning("the channel %s fails: %s", name, failing.reason, extra=fields)
        return owed

    def _works(self, name: str, now: int) -> int:
        since, before = self._failing[name]
        owed = 0
        with write(self._database) as conn:
            journal.append(
                conn, at=now, actor="hub", type=WORKING, subject=name, body={"before": before}
            )
            told = select(notices.c.id).where(
                notices.c.excursion == _id(name, since), notices.c.happening == "channel-failing"
            )
            if conn.execute(told.limit(1)).first() is not None:
                over = _Failing(since, "")
                owed = self._tell(conn, name, "channel-back", over, self._channels, now)
        self._set(name, None)
        fields = {"event": "channel-working", "channel": name}
        log.warning("the channel %s works again", name, extra=fields)
        return owed

    def _set(self, name: str, state: _Failing | None) -> None:
        """Make a channel's state known, whole."""
        others = {one: known for one, known in self._failing.items() if one != name}
        self._failing = others if state is None else {**others, name: state}
        if state is None:
            self._reasons.pop(name, None)
        else:
            self._reasons[name] = state.reason

    def _told_lately(self, conn: Connection, name: str, now: int) -> bool:
        query = select(notices.c.id).where(
            notices.c.happening == "channel-failing",
            notices.c.step == name,
            notices.c.created_at > now - QUIET_MS,
        )
        return conn.execute(query.limit(1)).first() is not None

    def _tell(
        self, conn: Connection, name: str, happening: str, state: _Failing, by: list[str], now: int
    ) -> int:
        others = [one for one in by if one != name]
        about = {
            "channel": name, "since": state.since, "reason": state.reason,
            "instead": others[0] if others else "",
        }  # fmt: skip
        people = self._chains.caretakers(now)
        for person in people:
            row = {
                "excursion": _id(name, state.since), "happening": happening, "step": name,
                "person": person, "site": "", "asset": "", "side": "", "created_at": now,
                "alarm": "", "facts": json.dumps(about, ensure_ascii=False),
                "channels": ",".join(by),
            }  # fmt: skip
            conn.execute(insert(notices).values(row))
        return len(people)


def _id(name: str, since: int) -> str:
    return hashlib.sha256(f"{name}\n{since}".encode()).hexdigest()[:16]
