"""When a record's time is final, and what it is (design.md, "Time").

A Pi without a clock chip wakes up in the past. So a record is committed with its boot and its
monotonic time, and its `at` follows when the clock can be trusted, reckoned back over the
monotonic time that has passed since. Where that never comes, `at` is a guess and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from protocol.reading import ESTIMATED, SYNCED

# Who has reached the hub for this long and still has no time will not get it soon.
ESTIMATE_AFTER_MS = 10 * 60_000


class Place(NamedTuple):
    """When a record was made."""

    at: int
    boot: str
    mono_ms: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the clocks say at one moment.

    Attributes:
        offset_ms: UTC at which this boot's monotonic clock was 0, as the wall clock has it.
        synced: whether the wall clock can be trusted.
        final: whether stamps made from it are final.
    """

    offset_ms: int
    synced: bool
    final: bool

    @property
    def clock(self) -> str:
        """How far a stamp made from it can be trusted."""
        return SYNCED if self.synced else ESTIMATED

    def at(self, previous: Place | None, boot: str, mono_ms: int) -> int:
        """Return `at` of a record of this boot that follows ``previous`` in the stream."""
        at = self.offset_ms + mono_ms
        return max(0, at) if self.synced else no_earlier(previous, Place(at, boot, mono_ms))

    def at_of_earlier_boot(self, previous: Place | None, guess: Place) -> int:
        """Return `at` of a record that an earlier boot left with a guess only.

        It was made before this boot began, which is known where the clock can be trusted now.
        """
        at = no_earlier(previous, guess)
        return min(at, max(0, self.offset_ms)) if self.synced else at


def no_earlier(previous: Place | None, guess: Place) -> int:
    """Return the guessed `at`, moved so that it does not lie before the record in front of it."""
    if previous is None:
        return max(0, guess.at)
    if guess.boot == previous.boot:
        return max(guess.at, previous.at + max(0, guess.mono_ms - previous.mono_ms))
    return max(guess.at, previous.at + 1)


class Stamper:
    """Decides what stamps are worth; keeps count of the time for which the hub could be reached."""

    __slots__ = ("_connected_ms", "_looked_ms", "_synchronised")

    def __init__(self, synchronised: Callable[[], bool]) -> None:
        """Trust the clock whenever ``synchronised()``."""
        self._synchronised = synchronised
        self._connected_ms = 0
        self._looked_ms: int | None = None

    def look(self, now_ms: int, mono_ms: int, *, connected: bool) -> Stamp:
        """Return what a stamp made now is worth; called once in each cycle."""
        if connected and self._looked_ms is not None:
            self._connected_ms += max(0, mono_ms - self._looked_ms)
        self._looked_ms = mono_ms
        synced = self._synchronised()
        if synced:
            self._connected_ms = 0
        return Stamp(now_ms - mono_ms, synced, synced or self._connected_ms >= ESTIMATE_AFTER_MS)
