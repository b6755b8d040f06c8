"""Telephones, and the ways to them: programs of the test where modems and gateways would be.

A channel outlives the hub, as gammu-smsd's database does: what it was handed is not forgotten, and
it takes each key once. It sends one message a second, while it works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from alerts.channels.contract import (
    NO_PARAMS,
    ChannelError,
    Condition,
    Delivery,
    Inbound,
    Need,
    Outcome,
)
from tests.stories.clockwork import NEVER, SECOND, Clockwork, spelt

# works; jammed: takes messages and sends none (a modem without a network); gone: takes none.
State = Literal["works", "jammed", "gone"]


class HubKilledError(BaseException):
    """The process was killed just here. No handler of the hub's catches it."""


@dataclass(slots=True)
class Sms:
    """One SMS as a telephone got it; ``met`` once a story has said that it expects it."""

    at: int
    phone: str
    text: str
    way: str
    met: bool = False

    def __str__(self) -> str:
        """Spell it for a person who looks why a story fails."""
        return f"{spelt(self.at)} to {self.phone} by {self.way}: {self.text}"


@dataclass(slots=True)
class _Held:
    phone: str
    text: str
    at: int
    outcome: Outcome
    sent: bool = False


class Modem:
    """A channel (alerts.channels.contract) on the story's clock."""

    def __init__(self, clockwork: Clockwork, name: str, phones: list[Sms]) -> None:
        self.name = name
        self.state: State = "works"
        self.refused_numbers: set[str] = set()
        # What the network reports of a telephone; it says nothing of those that are not in here.
        self.reports: dict[str, Delivery] = {}
        self.knows_reports = True
        # What it says of itself while it works.
        self.needs: tuple[Need, ...] = ()
        self._inbox: dict[str, Inbound] = {}
        # Called with each new key before and after it is taken; may kill the hub.
        self.on_submit: Callable[[str, str], None] | None = None
        self._clockwork = clockwork
        self._phones = phones
        self._held: dict[str, _Held] = {}
        self._queue: deque[_Held] = deque()
        self._next_ms = 0
        self._received = 0

    # --- the contract ---

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] = NO_PARAMS) -> None:
        """Take a message whose key is new."""
        if self.state == "gone":
            raise ChannelError(retryable=True, reason=f"{self.name}: nobody answers")
        if key in self._held:
            return
        if self.on_submit is not None:
            self.on_submit(key, "before")
        held = _Held(to, text, self._clockwork.now, Outcome("queued"))
        self._held[key] = held
        self._queue.append(held)
        if self.on_submit is not None:
            self.on_submit(key, "after")

    def outcome(self, key: str) -> Outcome | None:
        """Say what became of a message."""
        if self.state == "gone":
            raise ChannelError(retryable=True, reason=f"{self.name}: nobody answers")
        held = self._held.get(key)
        if held is None:
            return None
        # A report that comes late is one of a telephone that was off.
        report = self.reports.get(held.phone, "")
        if held.sent and not held.outcome.delivery and report:
            held.outcome = replace(held.outcome, delivery=report)
        return held.outcome

    def gives_reports(self) -> bool:
        """Say whether a report is to be expected."""
        return self.knows_reports

    def absence(self) -> str:
        """Say whether its service is at work."""
        if self.state == "gone":
            raise ChannelError(retryable=True, reason=f"{self.name}: nobody answers")
        return ""

    def condition(self) -> Condition:
        """Say how it is."""
        if self.state == "gone":
            raise ChannelError(retryable=True, reason=f"{self.name}: nobody answers")
        return Condition("; ".join(f"the {need} is low" for need in self.needs), needs=self.needs)

    def received(self) -> list[Inbound]:
        """Return what people sent and nobody has taken yet."""
        if self.state == "gone":
            raise ChannelError(retryable=True, reason=f"{self.name}: nobody answers")
        return list(self._inbox.values())

    def taken(self, key: str) -> None:
        """Forget a message."""
        self._inbox.pop(key, None)

    # --- people ---

    def gets(self, sender: str, text: str) -> None:
        """Get an SMS from somebody."""
        self._received += 1
        key = f"{self.name} {self._received}"
        self._inbox[key] = Inbound(key, sender, text, self._clockwork.now)

    # --- the actor ---

    def due_ms(self) -> int:
        """Return when the next one leaves."""
        if self.state != "works":
            return NEVER
        return max(self._queue[0].at + SECOND, self._next_ms) if self._queue else NEVER

    def turn(self) -> None:
        """Send the oldest."""
        now = self._clockwork.now
        held = self._queue.popleft()
        self._next_ms = now + SECOND
        if held.phone in self.refused_numbers:
            held.outcome = Outcome("refused", "28: the network does not know the number", now)
            return
        report = self.reports.get(held.phone, "")
        held.outcome = Outcome("sent", "", now, report)
        held.sent = True
        if report != "failed":
            self._phones.append(Sms(now, held.phone, held.text, self.name))
