"""SMS that must get out: kept on the card, handed to a channel, and followed until they are sent.

For the agent's own modem and for `coldwatch watch`. A message is in the book before the channel
gets it, under a key that says what it is about; the channel takes each key once. So a process that
is killed anywhere in between hands the same key over again, and nobody is told twice or not at all.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from alerts.channels.contract import Answering, Attended, Channel, ChannelError, Inbound
from config.files import write_file

log = logging.getLogger(__name__)

State = Literal["waiting", "handed", "sent", "refused", "spared"]

# Settled messages are kept so far back; they are small, and only the newest are asked for.
_MOST_SETTLED: Final = 200
# gammu-smsd gives up after some 30 s; what it gave up is tried anew after a minute, then two …
_FIRST_AGAIN_S: Final = 60.0
_LONGEST_AGAIN_S: Final = 3_600.0
_MOST_TRIES: Final = 12
# design.md: "queued for 60 s without being sent counts as retry". Real time: so is the modem's.
_STALLED_S: Final = 60.0
_ASK_S: Final = 0.25
_IDLE_S: Final = 5.0
_CHANNEL_AGAIN_S: Final = 2.0
# A modem that is dead must be known before anybody has to be told. Two looks in a row: a service
# that starts behind us, or a step of the clock, makes it look dead once.
_LOOK_AFTER_S: Final = 60.0
_LISTEN_S: Final = 5.0


@dataclass(slots=True)
class Message:
    """One SMS to one person.

    Attributes:
        key: names it for ever, here and at the channel.
        person: id of who is told.
        phone: where.
        text: what.
        step: ``opened``, ``recovered`` or what else is told.
        about: ids of the excursions, or what else it is about.
        at: when it was written, UTC milliseconds.
        state: ``waiting`` for the channel; ``handed`` to it; ``sent``; ``refused`` for good;
            ``spared``, because somebody else has told it before the channel took it.
        reason: why it is as it is; empty where the state says it all.
        tries: how often it was given to the channel under a new key.
        recorded: whether its end is in the stream.
        said: those of ``about`` of which the text speaks, and which its code may answer.
    """

    key: str
    person: str
    phone: str
    text: str
    step: str
    about: list[str]
    at: int
    state: State = "waiting"
    reason: str = ""
    tries: int = 1
    recorded: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def channel_key(self) -> str:
        """Its key at the channel, which takes each one once."""
        return self.key if self.tries == 1 else f"{self.key}~{self.tries}"

    @property
    def settled(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in ("sent", "refused", "spared")


@dataclass(slots=True)
class Book:
    """What is owed and what its owner remembers, in memory, with a copy on the card.

    A card that takes nothing costs nobody a message: the copy is tried again with the next change.
    Not safe among threads; :class:`Teller` has the lock.
    """

    path: Path
    messages: dict[str, Message] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    _written: bytes = b""

    @classmethod
    def open(cls, path: Path, *, keep: bool = False) -> Book:
        """Read the copy; one that cannot be read is moved aside, unless it is to be kept."""
        book = cls(path)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return book
        except OSError as error:
            book.problem = f"{path} cannot be read: {error}"
            return book
        try:
            fields = json.loads(raw)
            messages = [Message(**item) for item in fields["messages"]]
            book.messages = {message.key: message for message in messages}
            book.memory = dict(fields["memory"])
        except (ValueError, KeyError, TypeError) as error:
            if keep:
                book.problem = f"{path} is damaged: {error}"
                return book
            aside = path.with_name(f"{path.name}.corrupt-{time.time_ns() // 1_000_000}")
            log.warning("book=damaged reason=%r kept_as=%s", str(error), aside)
            try:
                path.rename(aside)
            except OSError as failed:
                book.problem = f"{path} is damaged and cannot be moved: {failed}"
        return book

    def save(self) -> None:
        """Write the copy where anything has changed; whole or not at all."""
        settled = [item.key for item in self.messages.values() if item.settled and item.recorded]
        for key in settled[:-_MOST_SETTLED]:
            del self.messages[key]
        fields = {
            "messages": [_stored(item) for item in self.messages.values()],
            "memory": self.memory,
        }
        raw = json.dumps(fields, ensure_ascii=False).encode()
        if raw == self._written:
            return
        try:
            write_file(self.path, raw, 0o600)
        except OSError as error:
            self.problem = f"{self.path} cannot be written: {error}; it is in memory only"
            return
        self._written = raw
        self.problem = None


def _stored(message: Message) -> dict[str, Any]:
    """Return what the copy holds; where there is nothing said, what earlier versions read as well."""
    return {name: value for name, value in asdict(message).items() if name != "said" or value}


class Teller:
    """Sees the messages of a book through, in a thread of its own: a channel may block."""

    def __init__(
        self,
        book: Book,
        channel: Channel,
        say: Callable[[str | None], None],
        name: str = "teller",
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """Use this channel; ``say`` is given what is wrong with it, None where nothing is.

        ``moved`` is called in each round of the thread.
        """
        self._moved = moved
        self.book = book
        self.lock = threading.RLock()
        self._channel = channel
        self._say = say
        self._stopping = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        # When each was handed over or may be tried again: of this process only.
        self._handed_s: dict[str, float] = {}
        self._not_before_s: dict[str, float] = {}
        self._trouble = ""
        self._looked_s: float | None = None
        self._absent, self._absence = False, ""
        # What came in and is not recorded yet; what is, and the channel may forget.
        self._inbound: dict[str, Inbound] = {}
        self._noted: set[str] = set()
        self._listened_s: float | None = None
        # Owed by this process, so that we know whether the channel may have it.
        self._fresh: set[str] = set()
        self._submitting = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End soon; what is not done is done after the next start."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(0.5)

    def add(self, messages: Iterable[Message]) -> None:
        """Owe these messages, and save the book; those whose key is known are owed already."""
        with self.lock:
            new = [item for item in messages if item.key not in self.book.messages]
            self.book.messages |= {item.key: item for item in new}
            self._fresh |= {item.key for item in new}
            self.book.save()
        if new:
            self._news.set()

    def spare(self, keys: Iterable[str], reason: str) -> None:
        """Take back what the channel has certainly not taken.

        What an earlier process owed may be with the channel already, and so may a later try.
        """
        with self.lock:
            for key in keys:
                message = self.book.messages[key]
                ours = key in self._fresh and key != self._submitting and message.tries == 1
                if message.state == "waiting" and ours:
                    message.state, message.reason = "spared", reason
            self.book.save()

    def inbound(self) -> list[Inbound]:
        """Return what people have sent to us and is not noted yet, in order."""
        with self.lock:
            return list(self._inbound.values())

    def noted(self, keys: Iterable[str]) -> None:
        """Let the channel forget these messages; until then it hands them out again and again."""
        with self.lock:
            for key in keys:
                if self._inbound.pop(key, None) is not None:
                    self._noted.add(key)

    @property
    def messages(self) -> Mapping[str, Message]:
        """All that is in the book; hold :attr:`lock` meanwhile."""
        return self.book.messages

    # --- the thread ---

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._moved()
            self._news.clear()
            pause = _IDLE_S
            try:
                pause = self.round(time.monotonic())
            except Exception as error:
                # A bug of ours must not be the end of telling, and not a secret either.
                log.exception("teller=failed")
                self._say(f"telling failed: {type(error).__name__}: {error}")
            self._news.wait(pause)

    def round(self, now_s: float) -> float:
        """Hand over what waits and ask about the rest; return the seconds until the next round."""
        self._listen(now_s)
        with self.lock:
            todo = [
                (item.key, item.channel_key, item.phone, item.text, item.state)
                for item in self.book.messages.values()
                if not item.settled and self._not_before_s.get(item.key, now_s) <= now_s
            ]
        if not todo:
            self._tell(self._look_after(now_s) or None)
            with self.lock:
                return 1.0 if any(not m.settled for m in self.book.messages.values()) else _IDLE_S
        trouble: str | None = None
        try:
            for key, channel_key, phone, text, state in todo:
                self._moved()  # each may wait some seconds for the channel's database
                try:
                    if state == "waiting":
                        if not self._claim(key):
                            continue
                        self._channel.submit(channel_key, phone, text)
                        self._becomes(key, "handed")
                        self._handed_s[key] = now_s
                    trouble = self._follow(key, channel_key, now_s) or trouble
                except ChannelError:
                    raise
                except Exception as error:
                    # One that the channel cannot digest keeps nobody else's waiting.
                    log.exception("sms=failed key=%s", key)
                    reason = f"{type(error).__name__}: {error}"
                    trouble = self._refused(key, reason, now_s)
        except ChannelError as error:
            self._tell(f"SMS cannot be handed over: {error.reason}")
            return _CHANNEL_AGAIN_S
        finally:
            self._submitting = ""
        self._tell(trouble)
        # A modem that is dead for days is not asked four times a second.
        return _CHANNEL_AGAIN_S if trouble else _ASK_S

    def _listen(self, now_s: float) -> None:
        """Fetch what has come in. A channel that cannot be asked says so where it has to send."""
        if not isinstance(self._channel, Answering):
            return
        if self._listened_s is not None and now_s - self._listened_s < _LISTEN_S:
            return
        self._listened_s = now_s
        with self.lock:
            noted = list(self._noted)
        try:
            for key in noted:
                self._channel.taken(key)
                with self.lock:
                    self._noted.discard(key)
            received = self._channel.received()
        except ChannelError:
            return
        with self.lock:
            for message in received:
                if message.key not in self._noted:
                    self._inbound.setdefault(message.key, message)

    def _look_after(self, now_s: float) -> str:
        """Say what would keep the next message from going out; empty where nothing is known."""
        if not isinstance(self._channel, Attended):
            return ""
        if self._looked_s is None:
            self._looked_s = now_s
        if now_s - self._looked_s >= _LOOK_AFTER_S:
            self._looked_s = now_s
            try:
                why = self._channel.absence()
            except ChannelError as error:
                why = error.reason
            self._absence = f"no SMS would get out: {why}" if why and self._absent else ""
            self._absent = bool(why)
        return self._absence

    def _claim(self, key: str) -> bool:
        """Have a message for the channel, unless it was taken back in this very moment."""
        with self.lock:
            self._submitting = key
            return self.book.messages[key].state == "waiting"

    def _follow(self, key: str, channel_key: str, now_s: float) -> str | None:
        """Ask what became of a message; return what is wrong with it."""
        outcome = self._channel.outcome(channel_key)
        if outcome is None:
            # The channel's database was made anew: it has forgotten what it had not sent.
            self._becomes(key, "waiting")
            self._fresh.discard(key)
            return None
        if outcome.state == "sent":
            self._becomes(key, "sent")
            return None
        if outcome.state == "refused":
            return self._refused(key, outcome.reason, now_s)
        handed_s = self._handed_s.setdefault(key, now_s)
        if now_s - handed_s < _STALLED_S:
            return None
        why = f": {outcome.reason}" if outcome.reason else ""
        return f"an SMS has been queued for more than a minute{why}"

    def _refused(self, key: str, reason: str, now_s: float) -> str:
        with self.lock:
            message = self.book.messages[key]
            if message.tries >= _MOST_TRIES:
                message.state = "refused"
            else:
                pause = min(_FIRST_AGAIN_S * 2 ** (message.tries - 1), _LONGEST_AGAIN_S)
                self._not_before_s[key] = now_s + pause
                message.tries += 1
                message.state = "waiting"
                self._handed_s.pop(key, None)
            message.reason = reason
            self.book.save()
            log.warning("sms=refused key=%s to=%s reason=%r", key, message.person, reason)
            return f"an SMS to {message.person} was refused: {reason}"

    def _becomes(self, key: str, state: State) -> None:
        with self.lock:
            message = self.book.messages[key]
            message.state = state
            if state == "sent":
                message.reason = ""
                log.warning("sms=sent key=%s to=%s", key, message.person)
            self.book.save()

    def _tell(self, trouble: str | None) -> None:
        """Say what is wrong; a refusal stays until something has been sent or nothing is owed."""
        with self.lock:
            refused = [
                f"an SMS to {item.person} was refused: {item.reason}"
                for item in self.book.messages.values()
                if item.reason and item.state in ("waiting", "handed")
            ]
            problem = trouble or (refused[-1] if refused else None) or self.book.problem
        if (problem or "") != self._trouble:
            self._trouble = problem or ""
            if problem:
                log.warning("teller=unwell reason=%r", problem)
        self._say(problem)
