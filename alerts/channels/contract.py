"""What a channel must do: take a message once, whatever happens, and say what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol, runtime_checkable

State = Literal["queued", "sent", "retry", "refused"]
Delivery = Literal["", "delivered", "failed"]
# What people should see to while messages still leave; "other": only its words say what.
Need = Literal["signal", "credit", "other"]

# A message that has nothing but its text.
NO_PARAMS: Final[Mapping[str, str]] = MappingProxyType({})


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
        delivery: what the network reported of a message that was sent: ``delivered`` to the
            telephone, ``failed`` for good; empty while nothing was, or where the channel has no
            such reports. It may come minutes or days after ``sent``.
    """

    state: State
    reason: str = ""
    at_ms: int | None = None
    delivery: Delivery = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that somebody sent to us.

    Attributes:
        key: the same for the same message, however often the channel stores it.
        sender: the number as the network gives it, mostly with ``+`` and country; of some
            services a short number or a name.
        text: the whole of it, its parts put together.
        at_ms: when it came to us, UTC milliseconds of the machine's own clock.
    """

    key: str
    sender: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Condition:
    """How a channel is, as far as it can tell before a message fails.

    Attributes:
        warning: what people should see to, one line; empty where nothing is.
        signal_percent: strength of the radio signal, 0 to 100; None where it is not known.
        balance: what the operator last said of the card's credit, its own words; empty where it
            was not asked.
        needs: the same as ``warning`` for a text in another language, in its order.
    """

    warning: str = ""
    signal_percent: int | None = None
    balance: str = ""
    needs: tuple[Need, ...] = ()


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

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] = NO_PARAMS) -> None:
        """Hand a message over; afterwards it survives the death of both sides.

        The channel first looks whether it has the key already, in whatever state, and then does
        nothing: a hub that died between handing over and its own commit submits again and nobody
        is told twice. So a message that was refused needs a new key to be tried anew.

        Args:
            key: names the message for ever.
            to: the telephone number.
            text: the whole message, for channels that send any text.
            params: the same in pieces, for gateways that only send approved templates:
                ``happening`` and ``language`` choose the template, the others fill it.

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


@runtime_checkable
class Trying(Protocol):
    """An `Attended` channel that only knows of itself what its last try to send has shown."""

    def tried_lately(self) -> bool:
        """Say whether that was within the last hour; else nobody knows whether it still is so."""


@runtime_checkable
class Reporting(Protocol):
    """A channel that knows whether the network reports to it what became of a message."""

    def gives_reports(self) -> bool:
        """Say whether a delivery report is to be expected of each message, by the channel's nature.

        A network or an operator may give none all the same. Who has no such method gives none.
        """


@runtime_checkable
class Answering(Protocol):
    """A channel through which people can answer.

    A message is handed out until `taken` was called for its key, so that whoever dies between
    reading and writing down what was meant reads it again.
    """

    def received(self) -> list[Inbound]:
        """Return what has come in and was not taken yet, oldest first.

        Raises:
            ChannelError: the channel cannot be asked.
        """

    def taken(self, key: str) -> None:
        """Never hand this message out again; nothing happens where the key is unknown.

        Raises:
            ChannelError: the channel cannot be asked.
        """


@runtime_checkable
class Watched(Protocol):
    """A channel that can tell that it is getting worse before it fails."""

    def condition(self) -> Condition:
        """Return how it is.

        Raises:
            ChannelError: the channel cannot be asked.
        """


@runtime_checkable
class Closing(Protocol):
    """A channel that works in a thread of its own."""

    def close(self) -> None:
        """End soon; what is not done is done after the next start."""
