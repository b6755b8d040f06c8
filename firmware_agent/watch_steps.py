"""What `coldwatch watch` concludes from what it hears: pure, on the monotonic clock alone.

A heartbeat counts when it differs from the one before it on the same connection: the first message
of a connection may be a retained one, months old. So neither a watcher that starts, nor a broker
that was away for less than the limit, nor a step of any clock tells anybody anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Cause = Literal["", "silent", "unreachable", "failing"]

# A new connection is given two beats of the hub before its silence means anything.
SETTLING_MS: Final = 60_000
# Well for so long is well again; a hub that dies over and over is one story.
WELL_AGAIN_MS: Final = 60_000
REMIND_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard so far. Times are monotonic milliseconds.

    Attributes:
        beat_ms: when a heartbeat last counted; the start, before any did.
        connected_ms: since when there is a connection; None without one.
        failing_ms: since when the hub says that its SMS do not get out; None while they do.
        failing: why.
        last: the last heartbeat on this connection, as bytes; None before the first.
        beats: how many counted.
    """

    beat_ms: int
    connected_ms: int | None = None
    failing_ms: int | None = None
    failing: str = ""
    last: bytes | None = None
    beats: int = 0

    def connection(self, now_ms: int, *, connected: bool) -> Heard:
        """Return what is known when there is a connection, or none."""
        if connected == (self.connected_ms is not None):
            return self
        return replace(self, connected_ms=now_ms if connected else None, last=None)

    def heartbeat(self, payload: bytes, failing: str, now_ms: int) -> Heard:
        """Return what is known after a heartbeat that can be read."""
        if self.last is None or payload == self.last:
            return replace(self, last=payload)
        since = self.failing_ms if self.failing_ms is not None else now_ms
        return replace(
            self, beat_ms=now_ms, last=payload, beats=self.beats + 1, failing=failing,
            failing_ms=since if failing else None,
        )  # fmt: skip

    def cause(self, now_ms: int, after_ms: int) -> Cause:
        """Return what somebody must be told of; empty where nothing is wrong for long enough."""
        old_ms = now_ms - self.beat_ms
        if old_ms >= after_ms:
            if self.connected_ms is None:
                return "unreachable"
            settled = now_ms - self.connected_ms >= SETTLING_MS
            # A connection that never lasts is as good as none.
            if settled or old_ms >= after_ms + 2 * SETTLING_MS:
                return "silent"
            return ""
        if self.failing_ms is not None and now_ms - self.failing_ms >= after_ms:
            return "failing"
        return ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What people were told of and is not over.

    Attributes:
        id: names it in the keys of its messages, random.
        cause: what was told.
        since: when it began, UTC milliseconds of the watcher's clock; for the words only.
        told_ms: when people were last told, monotonic.
        reminders: how many there were.
        well_ms: since when all is well again; None while it is not.
    """

    id: str
    cause: Cause
    since: int
    told_ms: int
    reminders: int = 0
    well_ms: int | None = None


Step = Literal["nothing", "opened", "reminder", "recovered"]


def judge(heard: Heard, alarm: Alarm | None, now_ms: int, after_ms: int) -> tuple[Step, Cause]:
    """Return what is to be told now, and of which cause."""
    cause = heard.cause(now_ms, after_ms)
    if alarm is None:
        return ("opened", cause) if cause else ("nothing", "")
    if cause:
        # Whoever knows that SMS do not get out does not know that the hub is dead.
        graver = alarm.cause == "failing" and cause != "failing"
        due = graver or now_ms - alarm.told_ms >= REMIND_MS
        return ("reminder", cause) if due else ("nothing", cause)
    if alarm.well_ms is not None and now_ms - alarm.well_ms >= WELL_AGAIN_MS:
        return "recovered", alarm.cause
    return "nothing", ""


def well(heard: Heard, alarm: Alarm, now_ms: int, after_ms: int) -> Alarm:
    """Return the alarm with since when all is well: from a beat that came after the trouble."""
    fresh = heard.beats > 0 and now_ms - heard.beat_ms < after_ms and heard.connected_ms is not None
    if not fresh or heard.failing_ms is not None:
        return replace(alarm, well_ms=None)
    return alarm if alarm.well_ms is not None else replace(alarm, well_ms=now_ms)
