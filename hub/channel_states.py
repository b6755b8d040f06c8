"""Which channels fail: entered, logged once, and told by another channel."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, select

from hub.chains import Chains
from hub.channel_watch import ChannelWatch
from hub.owing import id_of, owe
from hub.tables import attempts, notices
from journal import journal
from journal.database import read, write

log = logging.getLogger(__name__)

FAILING: Final = "channel.failing"
WORKING: Final = "channel.working"

# One that comes and goes is told once in so long.
QUIET_MS: Final = 3_600_000
# Of a failure that is longer ago, with nothing handed over since, nobody knows whether it lasts.
LATELY_MS: Final = 3_600_000


class _Failing(NamedTuple):
    """Since when a channel fails (UTC ms), why, and when it failed last: also while it goes on."""

    since: int
    reason: str
    last: int


class ChannelStates:
    """Knows of each channel whether it fails; a hub that begins anew reads it from the journal.

    Used by one thread; `failing` may be asked by any.
    """

    def __init__(self, database: Engine, channels: list[str], chains: Chains) -> None:
        self._database = database
        self._channels = channels
        self._chains = chains
        # Asked whether the service of one that fails is at work; whoever has one puts it here.
        self.watch = ChannelWatch({})
        # Why each channel failed last, until it works.
        self._reasons: dict[str, str] = {}
        # Replaced as a whole, and behind the commit only: others read it in the midst of a round.
        self._failing: Mapping[str, _Failing] = {}
        # Those that only looks call working, and since when they had failed.
        self._hoped: dict[str, int] = {}
        with read(database) as conn:
            for name in channels:
                newest = next(
                    journal.entries(
                        conn, types="channel.", subject=name, newest_first=True, limit=1
                    ),
                    None,
                )
                if newest is not None and newest.type == FAILING:
                    self._set(name, _Failing(newest.at, str(newest.body["reason"]), newest.at))
                elif newest is not None and newest.body.get("by") == "looks":
                    self._hoped[name] = int(newest.body["since"])

    @property
    def failing(self) -> dict[str, str]:
        """Channels that fail, and why."""
        known = self._failing
        return {name: known[name].reason for name in self._channels if name in known}

    def failed_lately(self, now: int) -> set[str]:
        """Return those that fail and have done so within the last hour; a start forgets retries."""
        return {name for name, known in self._failing.items() if now - known.last < LATELY_MS}

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

        Where nothing else is sent by one that failed once, it counts as working when its service
        has been at work at two looks since. That is no proof, so people who were told that it fails
        hear that it is back only when it has carried something.

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
                self.watch.failed(name)
                self._hoped.pop(name, None)
                if name not in self._failing:
                    owed += self._fails(name, now)
                else:
                    self._set(name, self._failing[name]._replace(last=now))
            elif name in self._failing and name in worked:
                owed += self._works(name, now)
            elif name in self._failing and self._seems_to_work(name):
                since = self._failing[name].since
                self._works(name, now, proved=False)
                self._hoped[name] = since
            elif name in self._hoped and name in worked:
                with write(self._database) as conn:
                    self._enter_works(conn, name, {"by": "message"}, now)
                    owed += self._back(conn, name, self._hoped[name], now)
                del self._hoped[name]
        return owed

    def _seems_to_work(self, name: str) -> bool:
        """Whether looks at a channel's service may count as a message that it took.

        Not where a message lies in it, or was refused by it: its service is at work also without
        a network. And not where looks were wrong before: it has failed again with none in between.
        """
        # The only one is tried with each round, as long as there is anything to send.
        if len(self._channels) == 1 or name not in self.watch.there:
            return False
        since = self._failing[name].since
        mine = select(attempts.c.state).where(attempts.c.channel == name)
        mine = mine.order_by(attempts.c.at.desc(), attempts.c.sms.desc(), attempts.c.round.desc())
        with read(self._database) as conn:
            newest = conn.execute(mine.limit(1)).scalar()
            before = conn.execute(mine.where(attempts.c.at < since).limit(1)).scalar()
        if newest in (None, "sent", "failing") and before in (None, "sent"):
            return True
        # Not asked again each second.
        self.watch.failed(name)
        return False

    def _fails(self, name: str, now: int) -> int:
        failing = _Failing(now, self.reason(name), now)
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

    def _works(self, name: str, now: int, *, proved: bool = True) -> int:
        since, before, _ = self._failing[name]
        owed = 0
        with write(self._database) as conn:
            if proved:
                self._enter_works(conn, name, {"before": before}, now)
                owed = self._back(conn, name, since, now)
            else:
                looks = {"before": before, "by": "looks", "since": since}
                self._enter_works(conn, name, looks, now)
        self._set(name, None)
        fields = {"event": "channel-working", "channel": name}
        log.warning("the channel %s works again", name, extra=fields)
        return owed

    def _enter_works(self, conn: Connection, name: str, body: dict[str, object], now: int) -> None:
        journal.append(conn, at=now, actor="hub", type=WORKING, subject=name, body=body)

    def _back(self, conn: Connection, name: str, since: int, now: int) -> int:
        """Owe the word that a channel works again to those who were told that it failed."""
        told = select(notices.c.id).where(
            notices.c.excursion == _id(name, since), notices.c.happening == "channel-failing"
        )
        if conn.execute(told.limit(1)).first() is None:
            return 0
        return self._tell(
            conn, name, "channel-back", _Failing(since, "", since), self._channels, now
        )

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
            owe(
                conn, _id(name, state.since), happening, person, now,
                step=name, facts=about, channels=",".join(by),
            )  # fmt: skip
        return len(people)


def _id(name: str, since: int) -> str:
    return id_of(name, str(since))
