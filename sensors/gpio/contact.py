"""What a contact says, out of the levels that its line shows. Pure: it knows no clock and no line.

A contact bounces: for some milliseconds after it moved its line shows either level. So a level
counts once it has stood for the debounce time, and its change is dated to when it began. Every
change is kept until it is asked for: a door that was open for four seconds between two
cycles must not be lost. A contact that bounces for ever (a loose wire, a relay that chatters) would flood
the spool: at most so many changes are handed out in a minute, and from the next one on the contact
is *flapping* until it has been calmer for a minute.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

MINUTE_MS: Final = 60_000
# A line that shows no steady level for this long is flapping too, though it changes nothing.
UNSETTLED_MS: Final = 5_000
# Nobody looked for longer than this: the time before says nothing about the contact.
UNSEEN_MS: Final = 1_000


class Change(NamedTuple):
    """A contact's new level, and when it began, monotonic."""

    mono_ms: int
    level: bool


class Taken(NamedTuple):
    """What a contact had to say: changes since the last time, in time order, and how it is now."""

    changes: list[Change]
    now: Change
    flapping: bool


class Contact:
    """One contact. Used by one thread at a time."""

    __slots__ = (
        "_begun_ms", "_changes", "_debounce_ms", "_given_ms", "_level", "_raw", "_recent",
        "_seen_ms", "_settled_ms",
    )  # fmt: skip

    def __init__(self, debounce_ms: int, most_per_min: int, level: bool, mono_ms: int) -> None:
        """Begin with the level that the line shows first: there was none before it."""
        self._debounce_ms = debounce_ms
        self._level = level
        self._raw = level
        # Since when the line has shown `_raw`, and when it last had shown it for long enough.
        self._begun_ms = mono_ms
        self._settled_ms = mono_ms
        self._seen_ms = mono_ms
        self._changes: list[Change] = []
        # When the last changes came: one more than may be handed out in a minute.
        self._recent: deque[int] = deque(maxlen=most_per_min + 1)
        self._given_ms = mono_ms - 1

    @property
    def level(self) -> bool:
        """The level that counts."""
        return self._level

    def see(self, level: bool, mono_ms: int) -> bool:
        """Take the level that the line shows now; tell whether there is a change to hand out."""
        if mono_ms - self._seen_ms > UNSEEN_MS:
            self._settled_ms = mono_ms
        self._seen_ms = mono_ms
        if level != self._raw:
            self._raw = level
            self._begun_ms = mono_ms
        if mono_ms - self._begun_ms < self._debounce_ms:
            return False
        self._settled_ms = mono_ms
        if level == self._level:
            return False
        self._level = level
        self._recent.append(mono_ms)
        if self._many(mono_ms):
            return False
        self._changes.append(Change(self._begun_ms, level))
        return True

    def flapping(self, mono_ms: int) -> bool:
        """Tell whether it changes too often to be a door, or never settles."""
        return self._many(mono_ms) or self._seen_ms - self._settled_ms > UNSETTLED_MS

    def take(self, mono_ms: int) -> Taken:
        """Hand out every change since the last call, and the level that counts now.

        Times never go back from one call to the next. A change that began before the last call
        and was settled only after it (that takes the debounce time) is dated right behind it.
        """
        changes = []
        for at, level in self._changes:
            self._given_ms = max(at, self._given_ms + 1)
            changes.append(Change(self._given_ms, level))
        self._changes.clear()
        self._given_ms = max(mono_ms, self._given_ms + 1)
        return Taken(changes, Change(self._given_ms, self._level), self.flapping(mono_ms))

    def _many(self, mono_ms: int) -> bool:
        recent = self._recent
        return len(recent) == recent.maxlen and mono_ms - recent[0] < MINUTE_MS
