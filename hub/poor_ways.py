"""Channels that still work and need somebody: told by day, once, until they have been well for a day.

A card whose credit runs out and an aerial that slips wake nobody, for messages still leave; but each
is the last sign before none does. An entry says since when (`way.poor`) and that it is over
(`way.well`, after an hour), so a hub that begins anew knows what it has told.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from alerts.by_day import is_day
from alerts.channels.contract import Need
from hub.chains import Chains
from hub.channel_watch import ChannelWatch
from hub.owing import id_of, is_owed, owe
from journal import journal
from journal.database import read, write

CHANNEL_POOR: Final = "channel-poor"
POOR: Final = "way.poor"
WELL: Final = "way.well"

# So long it must have been well to be entered as well; a hub that begins anew counts from there.
WELL_FOR_MS: Final = 3_600_000
# A signal about its limit is weak each evening: that is one matter, and told once.
SAME_FOR_MS: Final = 86_400_000 - WELL_FOR_MS
_NEEDS: Final = frozenset(get_args(Need))


class PoorWays:
    """Enters what channels need, and tells it. Used by one thread only."""

    def __init__(
        self,
        database: Engine,
        watch: ChannelWatch,
        names: list[str],
        chains: Chains,
        zone: ZoneInfo,
    ) -> None:
        """Read from the journal what is known; ``zone`` says when it is day."""
        self._database = database
        self._watch = watch
        self._chains = chains
        self._zone = zone
        self._names = names
        # When the matter began of what each channel needs; of what is over, also when that was.
        self._since: dict[tuple[str, str], int] = {}
        self._over: dict[tuple[str, str], tuple[int, int]] = {}
        # Since when it seems to be well.
        self._well_since: dict[tuple[str, str], int] = {}
        self._told: set[tuple[str, str]] = set()
        with read(database) as conn:
            for name in names:
                known: set[str] = set()
                for entry in journal.entries(
                    conn, types=(POOR, WELL), subject=name, newest_first=True
                ):
                    need = str(entry.body["need"])
                    since = int(entry.body["since"])
                    if need not in known and entry.type == POOR:
                        self._since[name, need] = since
                    elif need not in known:
                        self._over[name, need] = (entry.at, since)
                    known.add(need)
                    # However often the signal comes and goes: the credit may be open behind it.
                    if known >= _NEEDS:
                        break

    def wrong(self, failing: Container[str], lately: Container[str]) -> list[tuple[str, str]]:
        """Return what is wrong just now, channel by channel: ``dead``, or each of its needs.

        Args:
            failing: those that failed last. Of the only channel the name is empty.
            lately: of these, those that did so within the last hour. Of the others nobody knows
                whether they do: not well, and not dead either, but worth a look.
        """
        found: list[tuple[str, str]] = []
        away, doubtful = self._watch.away, self._watch.doubtful
        for name in self._names:
            dead = name in lately or name in away - doubtful
            unknown = ("other",) if name in failing or name in doubtful else ()
            wrong = ("dead",) if dead else self._watch.needs.get(name, unknown)
            found += [(self._called(name), each) for each in wrong]
        return found

    def round(self, now: int) -> int:
        """Take what the watch sees by now; return how many notices that made."""
        seen: set[tuple[str, str]] = {
            (name, need) for name, needs in self._watch.needs.items() for need in needs
        }
        for key in seen:
            self._well_since.pop(key, None)
            if key not in self._since:
                self._begins(*key, now)
        # Of one that cannot be asked nobody knows how it is.
        for key in set(self._since) - seen:
            if key[0] in self._watch.away:
                self._well_since.pop(key, None)
            elif now - self._well_since.setdefault(key, now) >= WELL_FOR_MS:
                self._ends(*key, now)
        due = sorted(seen - self._told)
        if not due or not is_day(now, self._zone):
            return 0
        with write(self._database) as conn:
            made = sum(self._tell(conn, name, need, now) for name, need in due)
        self._told.update(due)
        return made

    def _called(self, name: str) -> str:
        return name if len(self._names) > 1 else ""

    def _begins(self, name: str, need: str, now: int) -> None:
        over, since = self._over.get((name, need), (0, now))
        since = since if now - over < SAME_FOR_MS else now
        body = {"need": need, "since": since, "reason": self._watch.words(name)}
        with write(self._database) as conn:
            journal.append(conn, at=now, actor="hub", type=POOR, subject=name, body=body)
        self._since[name, need] = since
        self._over.pop((name, need), None)

    def _ends(self, name: str, need: str, now: int) -> None:
        since = self._since[name, need]
        body = {"need": need, "since": since}
        with write(self._database) as conn:
            journal.append(conn, at=now, actor="hub", type=WELL, subject=name, body=body)
        del self._since[name, need], self._well_since[name, need]
        self._over[name, need] = (now, since)
        self._told.discard((name, need))

    def _tell(self, conn: Connection, name: str, need: str, now: int) -> int:
        id_ = id_of(name, need, str(self._since[name, need]))
        if is_owed(conn, id_):
            return 0
        about = {"channel": self._called(name), "need": need}
        people = self._chains.caretakers(now)
        for person in people:
            owe(conn, id_, CHANNEL_POOR, person, now, step=name, facts=about)
        return len(people)
