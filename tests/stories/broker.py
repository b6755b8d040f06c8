"""A broker in memory, and connections to it that a story cuts and mends.

It stands where mosquitto would: retained messages, a last will, and nothing kept for who is away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from protocol.connection import Will
from tests.stories.clockwork import Clockwork


class Broker:
    """Delivers at once; what is retained is given to whoever comes."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.links: dict[str, Link] = {}
        self.down = False

    def loses_power(self) -> None:
        """Go, without a will spoken; what was retained is on its disk."""
        self.down = True
        for link in self.links.values():
            link.is_alone()

    def has_power_again(self) -> None:
        """Begin anew; everybody who is there comes back."""
        self.down = False
        for link in self.links.values():
            link.comes()

    def link(self, client_id: str, _address: Any, subscriptions: Sequence[str], **on: Any) -> Link:
        """Make a connection; called in the place of protocol.connection.Connection."""
        made = Link(self, client_id, subscriptions, **on)
        self.links[client_id] = made
        return made

    def deliver(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Give a message to everybody who listens."""
        if retain:
            self.retained[topic] = payload
        for link in list(self.links.values()):
            if link.connected and link.listens(topic):
                link.on_message(topic, payload, False)


class Flapping:
    """Whoever pulls the broker's plug, every so often."""

    def __init__(self, clockwork: Clockwork, broker: Broker, every_ms: int) -> None:
        self._clockwork, self._broker, self._every_ms = clockwork, broker, every_ms
        self._next_ms = clockwork.now + every_ms

    def due_ms(self) -> int:
        """Return when it is pulled next."""
        return self._next_ms

    def turn(self) -> None:
        """Pull it, and put it in again."""
        self._next_ms = self._clockwork.now + self._every_ms
        self._broker.loses_power()
        self._broker.has_power_again()


class Link:
    """What protocol.connection.Connection is to its owner."""

    tls_trouble = ""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        subscriptions: Sequence[str],
        *,
        on_message: Callable[[str, bytes, bool], None],
        on_connected: Callable[[], None],
        on_delivered: Callable[[int], None] | None = None,
        on_lost: Callable[[], None] | None = None,
        will: Will | None = None,
        **_others: Any,
    ) -> None:
        self.broker = broker
        self.client_id = client_id
        self.on_message = on_message
        self.connected = False
        self._patterns = [pattern.split("/") for pattern in subscriptions]
        self._on_connected = on_connected
        self._on_delivered = on_delivered
        self._on_lost = on_lost
        self._will = will
        self._started = self._cut = False
        self._mid = 0

    def listens(self, topic: str) -> bool:
        """Tell whether a topic is subscribed to."""
        parts = topic.split("/")
        return any(
            len(parts) == len(pattern)
            and all(want in ("+", part) for want, part in zip(pattern, parts, strict=True))
            for pattern in self._patterns
        )

    def start(self) -> None:
        """Connect where that can be done."""
        self._started = True
        self.comes()

    def stop(self, _timeout_s: float = 1.0) -> None:
        """Leave in order."""
        self._started = self.connected = False

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
    ) -> int | None:
        """Hand a message to the broker; None without a connection."""
        if not self.connected:
            return None
        self._mid += 1
        self.broker.deliver(topic, payload, retain=retain)
        if qos and self._on_delivered is not None:
            self._on_delivered(self._mid)
        return self._mid

    # --- what befalls it ---

    def die(self) -> None:
        """Lose its owner: the broker speaks the will."""
        self._started = False
        self._drop()

    def cut(self) -> None:
        """Break, and stay broken."""
        self._cut = True
        was = self.connected
        self._drop()
        if was and self._on_lost is not None:
            self._on_lost()

    def mend(self) -> None:
        """Come back."""
        self._cut = False
        self.comes()

    def is_alone(self) -> None:
        """Lose the broker."""
        was, self.connected = self.connected, False
        if was and self._on_lost is not None:
            self._on_lost()

    def _drop(self) -> None:
        if self.connected:
            self.connected = False
            if self._will is not None:
                self.broker.deliver(self._will.topic, self._will.payload, retain=True)

    def comes(self) -> None:
        """Connect where that can be done."""
        if not self._started or self._cut or self.connected or self.broker.down:
            return
        self.connected = True
        self._on_connected()
        for topic, payload in list(self.broker.retained.items()):
            if self.listens(topic):
                self.on_message(topic, payload, True)
