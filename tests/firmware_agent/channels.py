"""A channel in memory, for tests: it keeps what it is given, once for each key."""

from __future__ import annotations

from alerts.channels.contract import ChannelError, Outcome


class MemoryChannel:
    """Like gammu-smsd's database: it outlives the process that hands messages to it.

    Attributes:
        taken: number and text by key, in the order in which they were taken.
        outcomes: what is answered for a key; ``sent`` where it is not in there.
        broken: why nothing is taken and nothing answered; empty where all is well.
    """

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, str]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.broken = ""
        self.submits = 0

    def submit(self, key: str, to: str, text: str) -> None:
        """Take a message whose key is new."""
        self.submits += 1
        if self.broken:
            raise ChannelError(retryable=True, reason=self.broken)
        self.taken.setdefault(key, (to, text))

    def outcome(self, key: str) -> Outcome | None:
        """Say what the test has set."""
        if self.broken:
            raise ChannelError(retryable=True, reason=self.broken)
        if key not in self.taken:
            return None
        return self.outcomes.get(key, Outcome("sent", "", 1))
