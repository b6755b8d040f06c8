"""A channel in memory, for tests: it keeps what it is given, once for each key."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.channels.contract import NO_PARAMS, ChannelError, Inbound, Outcome


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


class AnsweringChannel:
    """The same with an inbox; what was taken out of it is gone.

    Attributes:
        sent: where messages go.
        inbox: what has come in and was not taken, by key.
    """

    def __init__(self) -> None:
        self.sent = MemoryChannel()
        self.inbox: dict[str, Inbound] = {}

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] = NO_PARAMS) -> None:
        """Take a message whose key is new."""
        del params
        self.sent.submit(key, to, text)

    def outcome(self, key: str) -> Outcome | None:
        """Say what the test has set."""
        return self.sent.outcome(key)

    def received(self) -> list[Inbound]:
        """Return what the test has put in."""
        if self.sent.broken:
            raise ChannelError(retryable=True, reason=self.sent.broken)
        return list(self.inbox.values())

    def taken(self, key: str) -> None:
        """Forget a message."""
        self.inbox.pop(key, None)

    def put(self, key: str, text: str, sender: str = "+8613900000001") -> None:
        """Let somebody write."""
        self.inbox[key] = Inbound(key, sender, text, 1_764_000_000_000)
