"""What a channel must do: take a message once, whatever happens, and say what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

State = Literal["queued", "sent", "retry", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    Attributes:
        state: ``queued``: not tried yet, or being tried now; ``retry``: tried in vain, and the
            channel will try again by itself; ``sent``: the network took all of it; ``refused``:
            the channel has given up, and only a new key would be tried.
        reason: for people, one line; empty where the state says it all.
        at_ms: when it was sent or given up, UTC milliseconds of the machine's own clock (never a
            demo's faster one); None while it is open.
    """

    state: State
    reason: str = ""
    at_ms: int | None = None


class ChannelError(Exception):
    """The channel itself is out of order; the message was not taken.

    Attributes:
        retryable: whether the same call may succeed later without anybody doing anything.
        reason: what is wrong, where, and what to do.
    """

    def __init__(self, *, retryable: bool, reason: str) -> None:
        super().__init__(reason)
        self.retryable = retryable
        self.reason = reason


class Channel(Protocol):
    """A way to people. Calls come from one thread at a time, and may block for some seconds."""

    def submit(self, key: str, to: str, text: str) -> None:
        """Hand a message over; afterwards it survives the death of both sides.

        The channel first looks whether it has the key already, in whatever state, and then does
        nothing: a hub that died between handing over and its own commit submits again and nobody
        is told twice. So a message that was refused needs a new key to be tried anew.

        Raises:
            ChannelError: the message was not taken.
        """

    def outcome(self, key: str) -> Outcome | None:
        """Return what became of a message, or None where the channel has no such key.

        Raises:
            ChannelError: the channel cannot be asked.
        """


@runtime_checkable
class Attended(Protocol):
    """A channel behind which a service of its own must be at work."""

    def absence(self) -> str:
        """Say so where that service does not seem to be at work; empty where it is.

        Raises:
            ChannelError: the channel cannot be asked.
        """
