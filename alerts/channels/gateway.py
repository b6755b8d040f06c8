"""A channel whose messages leave by a request to somebody's server, seen through by a thread.

"Handed over" means written into our own book: the caller never waits for a network. The thread
asks the gateway, one message after the other, and the caller learns by `outcome`.

Once, or in doubt twice. A message is durably ``calling`` before its request leaves. A clear answer
ends that. Where none came (killed, cut, too slow) nobody knows whether it was taken: after ten
seconds the gateway is asked whether it knows our key, where it can be asked; if it does not, the
message is sent a second time, with the same text and code, and never a third time. After that it
counts as refused, so that the next channel has it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from alerts.channels.answers import Answer
from alerts.channels.book import KEPT_MS, Book, Entry
from alerts.channels.contract import NO_PARAMS, ChannelError, Delivery, Outcome
from alerts.channels.web import NoAnswerError, NotReachedError

log = logging.getLogger(__name__)

# A gateway books what it took within seconds; asking earlier would find nothing.
DOUBT_MS: Final = 10_000
MOST_DOUBTS: Final = 2
# What a gateway did not want just now is offered again after 15 s, 30 s, a minute …
_FIRST_AGAIN_MS: Final = 15_000
_LONGEST_AGAIN_MS: Final = 600_000
# A gateway that cannot be reached, or takes nobody's messages, is left alone for a while.
_FIRST_REST_MS: Final = 5_000
_LONGEST_REST_MS: Final = 60_000
# An alarm that this channel could not send for so long is other channels' by now.
WORTH_MS: Final = 3_600_000
# When to ask whether a message was delivered, after it was sent.
ASK_AFTER_MS: Final = (
    15_000, 45_000, 120_000, 600_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000
)  # fmt: skip
_IDLE_S: Final = 5.0
_TROUBLED_S: Final = 2.0
_SWEEP_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a gateway knows of a message: by which receipt, and whether it was delivered."""

    receipt: str
    delivery: Delivery


class Gateway(Protocol):
    """How one kind of gateway is asked. Every call ends within some seconds."""

    @property
    def name(self) -> str:
        """What its kind is called."""

    @property
    def reports(self) -> bool:
        """Whether it can be asked whether a message was delivered."""

    def send(self, entry: Entry, now_ms: int) -> Answer:
        """Have a message sent; raise NotReachedError or NoAnswerError."""

    def ask(self, entry: Entry, now_ms: int) -> Report | None:
        """Return what is known of a message, by its key or its receipt; None where nothing is.

        Raises NotReachedError or NoAnswerError.
        """


def wall_ms() -> int:
    """Return the machine's own time, UTC milliseconds: gateways do not live in a demo's time."""
    return time.time_ns() // 1_000_000


class GatewayChannel:
    """A channel through a gateway. `start` begins the thread; tests call `round` themselves."""

    def __init__(
        self, identity: str, book: Book, gateway: Gateway, now: Callable[[], int] = wall_ms
    ) -> None:
        """Use this book and gateway; ``now`` gives UTC milliseconds."""
        self._book, self._gateway, self._now = book, gateway, now
        self._stopping = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"channel-{identity}", daemon=True)
        self._trouble = ""
        self._failed_ms = 0
        self._failures = 0
        self._resume_ms = 0
        self._swept_ms = 0

    def start(self) -> None:
        """Begin to see through what is in the book."""
        self._thread.start()

    def close(self) -> None:
        """End soon; what is not done is done after the next start."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(1.0)
        else:
            self._book.close()

    # --- the contract; any thread ---

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] = NO_PARAMS) -> None:
        """Write a message into the book, unless its key is there; it does not touch the network."""
        now = self._now()
        if self._trouble and now < self._resume_ms and self._book.get(key) is None:
            # It would only lie there; the next channel can have it at once.
            raise ChannelError(retryable=True, reason=self._trouble)
        if self._book.add(Entry(key, to, text, params, now, next_ms=now)):
            self._news.set()

    def outcome(self, key: str) -> Outcome | None:
        """Say how far a message is."""
        entry = self._book.get(key)
        if entry is None:
            return None
        if entry.place == "sent":
            return Outcome("sent", "", entry.settled_ms, entry.delivery)
        if entry.place == "refused":
            return Outcome("refused", entry.reason, entry.settled_ms)
        reason = entry.reason or (self._trouble if entry.place == "waiting" else "")
        return Outcome("retry", reason) if reason else Outcome("queued")

    def gives_reports(self) -> bool:
        """Say whether the gateway can be asked what became of a message."""
        return self._gateway.reports

    def absence(self) -> str:
        """Say why the gateway takes nobody's messages; empty where it does, for all we know."""
        return self._trouble

    def tried_lately(self) -> bool:
        """Say whether the gateway was tried in vain within the last hour."""
        return self._now() - self._failed_ms < WORTH_MS

    # --- the thread ---

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self.round()
            except ChannelError as error:
                self._trouble, self._failed_ms = error.reason, self._now()
                pause = _TROUBLED_S
            except Exception as error:
                # A bug of ours must not be the end of telling, and not a secret either.
                log.exception("channel=failed gateway=%s", self._gateway.name)
                self._trouble, self._failed_ms = (
                    f"sending failed: {type(error).__name__}",
                    self._now(),
                )
                pause = _IDLE_S
            self._news.wait(pause)
        self._book.close()

    def round(self) -> float:
        """Send what is due, then ask about what was sent; return the seconds until the next round."""
        self._news.clear()
        if (rest := self._resume_ms - self._now()) > 0:
            return rest / 1000
        for entry in self._book.due(self._now()):
            if self._stopping.is_set():
                return 0.0
            self._settle(entry)
            if self._resume_ms > self._now():
                return (self._resume_ms - self._now()) / 1000
        for entry in self._book.unreported(self._now()):
            # Somebody who waits to be told goes before.
            if self._stopping.is_set() or self._news.is_set():
                return 0.0
            self._follow(entry)
        now = self._now()
        if now - self._swept_ms >= _SWEEP_MS:
            self._swept_ms = now
            self._book.forget(now - KEPT_MS)
        due = self._book.next_ms()
        return _IDLE_S if due is None else min(max(due - now, 50) / 1000, _IDLE_S)

    def _settle(self, entry: Entry) -> None:
        """Send one message, or find out whether it was sent."""
        now = self._now()
        if now - entry.created_ms > WORTH_MS:
            self._end(entry, f"given up after an hour: {entry.reason or self._trouble}")
            return
        if entry.place == "calling":
            try:
                known = self._gateway.ask(entry, now)
            except (NotReachedError, NoAnswerError) as error:
                entry.next_ms = now + DOUBT_MS
                self._book.save(entry)
                self._fails(str(error))
                return
            if known is not None:
                self._sent(entry, known.receipt, known.delivery)
                return
            if entry.doubts >= MOST_DOUBTS:
                self._end(entry, "no answer, twice; it may have been sent")
                return
        entry.place = "calling"
        entry.doubts += 1
        entry.called_ms, entry.next_ms = now, now + DOUBT_MS
        self._book.save(entry)
        try:
            answer = self._gateway.send(entry, now)
        except NotReachedError as error:
            entry.place = "waiting"
            entry.doubts -= 1
            self._again(entry, str(error))
            self._fails(str(error))
        except NoAnswerError as error:
            entry.reason = str(error)
            entry.next_ms = self._now() + DOUBT_MS
            self._book.save(entry)
            self._fails(str(error))
        else:
            self._answered(entry, answer)

    def _answered(self, entry: Entry, answer: Answer) -> None:
        entry.doubts = 0
        if answer.decision == "sent":
            self._works()
            self._sent(entry, answer.receipt, "")
        elif answer.decision == "refused":
            self._works()
            self._end(entry, answer.reason)
        else:
            entry.place = "waiting"
            self._again(entry, answer.reason)
            if answer.decision == "failing":
                self._fails(answer.reason)
            else:
                self._works()

    def _again(self, entry: Entry, reason: str) -> None:
        pause = min(_FIRST_AGAIN_MS << min(entry.tries, 10), _LONGEST_AGAIN_MS)
        entry.tries += 1
        entry.reason = reason
        entry.next_ms = self._now() + pause
        self._book.save(entry)

    def _sent(self, entry: Entry, receipt: str, delivery: Delivery) -> None:
        entry.place, entry.reason, entry.receipt = "sent", "", receipt
        entry.delivery = delivery
        entry.settled_ms = self._now()
        ask = bool(receipt) and not delivery
        entry.next_ms = entry.settled_ms + ASK_AFTER_MS[0] if ask else 0
        self._book.save(entry)

    def _end(self, entry: Entry, reason: str) -> None:
        entry.place, entry.reason = "refused", reason
        entry.settled_ms = self._now()
        self._book.save(entry)
        log.warning(
            "sms=refused gateway=%s key=%s reason=%r", self._gateway.name, entry.key, reason
        )

    def _follow(self, entry: Entry) -> None:
        """Ask whether a message was delivered; no answer is no trouble, for it was sent."""
        try:
            known = self._gateway.ask(entry, self._now())
        except (NotReachedError, NoAnswerError):
            known = None
        entry.questions += 1
        if known is not None:
            entry.delivery = known.delivery
        more = not entry.delivery and entry.questions < len(ASK_AFTER_MS)
        entry.next_ms = (entry.settled_ms or 0) + ASK_AFTER_MS[entry.questions] if more else 0
        self._book.save(entry)

    def _fails(self, reason: str) -> None:
        """Leave the gateway alone for a while, each time longer."""
        if reason != self._trouble:
            log.warning("channel=failing gateway=%s reason=%r", self._gateway.name, reason)
        self._trouble, self._failed_ms = reason, self._now()
        rest = min(_FIRST_REST_MS << min(self._failures, 10), _LONGEST_REST_MS)
        self._failures += 1
        self._resume_ms = self._now() + rest

    def _works(self) -> None:
        if self._trouble:
            log.warning("channel=working gateway=%s", self._gateway.name)
        self._trouble, self._failures, self._resume_ms = "", 0, 0
