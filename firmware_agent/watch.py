"""The watcher of the hub: it listens for the heartbeat and tells people when there is none.

It runs on another power supply and another network path than the hub, on any Pi with a modem.
What it concludes is in firmware_agent/watch_steps.py; telling.py sees each SMS through.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from alerts.channels.contract import Channel
from alerts.channels.gammu_smsd import GammuSmsd
from alerts.facts import Happening, MessageFacts
from alerts.messages import compose
from config.clock import Clock
from config.notify import Watchdog, notify
from firmware_agent.telling import Book, Message, Teller
from firmware_agent.watch_steps import Alarm, Cause, Heard, Step, judge, well
from protocol.connection import Address, Connection
from protocol.tls import Tls
from protocol.topics import HEARTBEAT

log = logging.getLogger(__name__)

FILE: Final = "watch.json"
_LOOK_MS: Final = 1_000
_HAPPENINGS: Final[Mapping[Cause, Happening]] = {
    "silent": "hub-silent",
    "unreachable": "hub-unreachable",
    "failing": "channel-failing",
}


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat that could be read."""

    payload: bytes
    at: int
    failing: str


def read_beat(payload: bytes) -> Beat | None:
    """Read a heartbeat (protocol.messages.Heartbeat, without pydantic); None for anything else."""
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("v") != 1 or type(fields.get("at")) is not int:
        return None
    failing = fields.get("failing", "")
    return Beat(payload, fields["at"], failing[:200] if isinstance(failing, str) else "")


def _remembered(book: Book, now_ms: int) -> Alarm | None:
    """Return the alarm of an earlier run; one of another shape (another version's) is told anew."""
    kept = book.memory.get("alarm")
    if not kept:
        return None
    try:
        # The monotonic times of an earlier run mean nothing: the day until a reminder begins anew.
        return Alarm(**(kept | {"told_ms": now_ms, "well_ms": None}))
    except TypeError as error:
        log.warning("watch=forgetful file=%s reason=%r", book.path, str(error))
        return None


class Watcher:
    """Listens, concludes, tells. ``settings`` are those of config/watch.py as plain JSON."""

    def __init__(
        self, settings: Mapping[str, Any], clock: Clock, channel: Channel | None = None
    ) -> None:
        """Read the book; nothing is connected before :meth:`run`."""
        self._settings = settings
        self._clock = clock
        self._heard = Heard(clock.mono_ms())
        self._lock = threading.Lock()
        self._watchdog = Watchdog(frozenset({"watch", "teller"}))
        book = Book.open(Path(settings["state_dir"]) / FILE)
        self._alarm = _remembered(book, clock.mono_ms())
        self.problem: str | None = None
        self._teller = Teller(
            book,
            channel or GammuSmsd(Path(settings["database"])),
            self._say,
            "watch",
            lambda: self._watchdog.moved("teller"),
        )
        broker = settings["mqtt"]
        self.connection = Connection(
            f"coldwatch-watch-{secrets.token_hex(4)}",
            Address(
                broker["host"],
                broker["port"],
                broker["protocol"],
                broker["keepalive_s"],
                Tls(**settings["tls"]) if settings["tls"] else None,
            ),
            [HEARTBEAT],
            on_message=self._incoming,
            on_connected=lambda: self._connection_is(connected=True),
            on_lost=lambda: self._connection_is(connected=False),
            longest_delay_s=10.0,
        )

    @property
    def heard(self) -> Heard:
        """What was heard so far."""
        return self._heard

    @property
    def alarm(self) -> Alarm | None:
        """What people were told of and is not over."""
        return self._alarm

    def run(self, stop: threading.Event) -> None:
        """Watch until ``stop`` is set."""
        self._teller.start()
        self.connection.start()
        notify("READY=1")
        log.info("watch=started after_ms=%d", self._settings["after"])
        try:
            while not stop.is_set():
                self.look()
                self._watchdog.moved("watch")
                self._watchdog.feed(time.monotonic())
                self._clock.wait(stop, _LOOK_MS)
        finally:
            notify("STOPPING=1")
            self.connection.stop()
            self._teller.close()
        log.info("watch=stopped")

    def look(self) -> Step:
        """Conclude and tell; called every second."""
        now_ms, after_ms = self._clock.mono_ms(), self._settings["after"]
        with self._lock:
            heard = self._heard
        if self._alarm is not None:
            self._alarm = well(heard, self._alarm, now_ms, after_ms)
        step, cause = judge(heard, self._alarm, now_ms, after_ms)
        if step != "nothing":
            self._tell(step, cause, heard, now_ms)
        state = "alarm" if self._alarm else "well" if heard.beats else "listening"
        trouble = f"; {self.problem}" if self.problem else ""
        notify(f"STATUS={state}; {heard.beats} heartbeats heard{trouble}")
        return step

    # --- telling ---

    def _tell(self, step: Step, cause: Cause, heard: Heard, now_ms: int) -> None:
        now = self._clock.now_ms()
        began_ms = heard.failing_ms if cause == "failing" else heard.beat_ms
        since = now - (now_ms - (began_ms if began_ms is not None else now_ms))
        if step == "opened":
            self._alarm = Alarm(secrets.token_hex(8), cause, since, now_ms)
        alarm = self._alarm
        assert alarm is not None
        number = alarm.reminders
        if step == "reminder":
            number += 1
            # SMS that fail and a hub that is dead began at two times.
            if (alarm.cause == "failing") == (cause == "failing"):
                since = alarm.since
            alarm = replace(alarm, cause=cause, since=since, told_ms=now_ms, reminders=number)
        log.warning("watch=%s cause=%s", step, cause)
        messages = [
            Message(
                f"watch-{alarm.id}-{step}-{number}-{person['id']}",
                person["id"],
                person["phone"],
                self._text(step, cause, alarm, person["language"], heard, now),
                step,
                [alarm.id],
                now,
                recorded=True,
            )
            for person in self._settings["tell"]
        ]
        self._alarm = None if step == "recovered" else alarm
        with self._teller.lock:
            self._teller.book.memory = {"alarm": asdict(self._alarm) if self._alarm else None}
            self._teller.add(messages)

    def _text(
        self, step: Step, cause: Cause, alarm: Alarm, language: Any, heard: Heard, now: int
    ) -> str:
        happening: Happening = _HAPPENINGS[cause]
        if step == "recovered":
            happening = "channel-back" if cause == "failing" else "hub-back"
        return compose(
            MessageFacts(
                happening=happening,
                language=language,
                zone=self._settings["zone"],
                site=self._settings["name"][language],
                asset="",
                at=now,
                since=alarm.since,
                lasting_ms=max(0, now - alarm.since),
                end=now if step == "recovered" else None,
                reason=heard.failing,
            )
        )

    def _say(self, problem: str | None) -> None:
        self.problem = problem

    # --- the network thread ---

    def _connection_is(self, *, connected: bool) -> None:
        with self._lock:
            self._heard = self._heard.connection(self._clock.mono_ms(), connected=connected)

    def _incoming(self, _topic: str, payload: bytes, _retained: bool) -> None:
        beat = read_beat(payload)
        if beat is not None:
            with self._lock:
                now_ms = self._clock.mono_ms()
                self._heard = self._heard.heartbeat(beat.payload, beat.failing, now_ms)
