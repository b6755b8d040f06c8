"""The uplink: a thread that sends what was committed and heeds what the hub says.

The network thread (protocol/connection.py) only leaves notes; everything is done here, so that
there is one order of things and no lock. It never waits for the broker: a broker that is down, slow
or mute costs the sampling nothing.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from config.clock import Clock
from firmware_agent.downlink import DownlinkError, Work, parse_received, parse_told
from firmware_agent.health import Health
from firmware_agent.orders import OrderError, Orders
from firmware_agent.outbox import Outbox
from firmware_agent.plan import Plan
from firmware_agent.sender import Fork, Sender
from firmware_agent.spool import Stream
from firmware_agent.takeover import Takeover
from protocol.connection import Address, Connection, Will
from protocol.topics import topic

log = logging.getLogger(__name__)

# Messages handed to paho and not confirmed by the broker: half a megabyte at most.
MOST_IN_FLIGHT = 4
# On a new connection the retained marks come at once; sending from older ones would be waste.
_HOLD_S = 1.0
# A broker that refuses records (its rights are wrong) is asked again this often.
_REFUSED_S = 10.0
_STATUS_EVERY_MS = 60_000
_LONGEST_DELAY_S = 60.0
# However fast a demo's time runs, a hub needs real time to answer.
_LEAST_RESEND_S = 1.0


class Uplink:
    """Owns the connection and the sender."""

    def __init__(
        self,
        plan: Plan,
        clock: Clock,
        outbox: Outbox,
        health: Health,
        *,
        version: str,
        told: frozenset[str] = frozenset(),
        moved: Callable[[], None] = lambda: None,
        failed: Callable[[], None] = lambda: None,
        settings: Takeover | None = None,
        orders: Orders | None = None,
    ) -> None:
        """Make everything ready; nothing is connected yet.

        ``moved()`` is called in each round of the loop, ``failed()`` when the loop has ended by an
        error of ours. ``told`` is what was known in an earlier run, ``settings`` heeds what the hub hands out.
        """
        self._plan = plan
        self._clock = clock
        self._health = health
        self._version = version
        self._moved = moved
        self._failed = failed
        # What others read; each is replaced as a whole.
        self.marks: dict[int, tuple[int, int]] = {}
        self.told = told
        # Known only since the hub's retained message came; where none does, nobody waits.
        self.works: tuple[Work, ...] = ()
        self._news: tuple[Sequence[Stream], int] = ((), 0)
        self._sampled = 0
        resend_ms = max(plan.resend_after_ms, int(_LEAST_RESEND_S * 1000 * clock.speed))
        self._sender = Sender(outbox, window=plan.window, resend_after_ms=resend_ms)
        # Notes from the network thread. Of `received` and `told` only the newest counts.
        self._wake = threading.Event()
        self._generation = 0
        self._answered: deque[tuple[int, int, str | None]] = deque()
        self._received: bytes | None = None
        self._told: bytes | None = None
        self._settings: bytes | None = None
        self._takeover = settings
        self._orders = orders
        self._commands: deque[bytes] = deque(maxlen=50)
        # The loop's own.
        self._stopping = threading.Event()
        self._serving = 0
        self._marks_known = False
        self._marks_until_s = 0.0
        self._hold_until_s = 0.0
        self._in_flight: set[int] = set()
        self._status_ms: int | None = None
        self._status_version = -1
        self._complained: set[str] = set()
        self._connection = Connection(
            f"coldwatch-{plan.site}-{plan.device}",
            Address(plan.host, plan.port, plan.protocol, plan.keepalive_s, plan.tls),
            [self._topic(leaf) for leaf in ("received", "told", "settings", "command")],
            on_message=self._incoming,
            on_connected=self._connected,
            on_delivered=self._delivered,
            on_refused=self._refused,
            will=Will(self._topic("status"), self._status("offline", will=True)),
            longest_delay_s=max(0.5, _LONGEST_DELAY_S / clock.speed),
        )
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    # --- for others ---

    def start(self) -> None:
        """Begin to connect and send."""
        self._connection.start()
        self._thread.start()

    def stop(self) -> None:
        """Say that we go, as far as the broker can be reached, and end; takes 1.5 s at most."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(0.5)
        self._connection.publish(self._topic("status"), self._status("offline"), retain=True)
        self._connection.stop(1.0)

    def news(self, streams: Sequence[Stream], recorded: int, sampled: int = 0) -> None:
        """Take note of what was committed: all streams, and the records of the open one.

        ``sampled`` is how many samples the probes have given since the agent started.
        """
        self._news = (streams, recorded)
        self._sampled = sampled
        self._wake.set()

    def reconnect(self) -> None:
        """Connect anew with the certificate as it is on the card now. Any thread may call it."""
        self._connection.reconnect()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us."""
        return self._connection.connected

    @property
    def fork(self) -> Fork | None:
        """The fork that the spool must make before its open stream can go on."""
        return self._sender.fork

    def agrees(self, stream: str) -> bool:
        """Tell whether the hub's marks have shown that our chain of this stream fits to its own."""
        return stream in self._sender.agreed

    def floor(self, stream: str, seq: int) -> None:
        """Note how far our chain of the open stream is certainly the hub's."""
        self._sender.floor = (stream, seq)

    def take_rules_lost(self) -> bool:
        """Tell, once, whether a gap may have swallowed the rules in force."""
        lost, self._sender.rules_lost = self._sender.rules_lost, False
        return lost

    @property
    def unsent(self) -> int:
        """How many records the hub has not judged yet."""
        streams, recorded = self._news
        if not streams:
            return 0
        judged = self.marks.get(streams[-1].n, (streams[-1].judged, 0))[0]
        behind = sum(
            stream.head - self.marks.get(stream.n, (stream.judged, 0))[0] for stream in streams[:-1]
        )
        return max(0, recorded - judged) + max(0, behind)

    # --- the network thread ---

    def _incoming(self, topic_: str, payload: bytes, _retained: bool) -> None:
        if topic_ == self._topic("received"):
            self._received = payload
        elif topic_ == self._topic("told"):
            self._told = payload
        elif topic_ == self._topic("settings"):
            self._settings = payload
        elif topic_ == self._topic("command"):
            self._commands.append(payload)
        self._wake.set()

    def _connected(self) -> None:
        self._generation += 1
        self._wake.set()

    def _delivered(self, mid: int) -> None:
        self._answered.append((self._generation, mid, None))
        self._wake.set()

    def _refused(self, mid: int, why: str) -> None:
        self._answered.append((self._generation, mid, why))
        self._wake.set()

    # --- the loop ---

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                self._moved()
                try:
                    self._round()
                    self._health.set("spool reading", None)
                except sqlite3.OperationalError as error:
                    # The card stutters; what cannot be read now can be sent later.
                    self._health.set("spool reading", str(error))
                    self._stopping.wait(1.0)
                self._wake.wait(self._pause_s())
        except Exception:
            # A bug of ours must not be a silent uplink: the process ends, and systemd starts it.
            log.exception("uplink=failed")
            self._failed()

    def _round(self) -> None:
        now_ms = self._clock.mono_ms()
        streams, _recorded = self._news
        self._sender.refresh(streams)
        self._heed(now_ms)
        self._heed_broker()
        if self._connection.connected and streams:
            self._talk(now_ms)
        self._health.set("uplink", self._sender.stuck)
        self._health.set("connection", self._connection.tls_trouble or None)
        fork = self._sender.fork
        self._health.set("stream", f"the hub has another chain ({fork.why})" if fork else None)

    def _talk(self, now_ms: int) -> None:
        if self._serving != self._generation:
            self._serving = self._generation
            self._in_flight.clear()
            self._sender.reconnected()
            self._marks_known = False
            self._marks_until_s = time.monotonic() + _HOLD_S
            self._say_status(now_ms)
        ask = self._sender.tick(now_ms)
        if ask or self._status_is_due(now_ms):
            # A hub answers a status with `received`: that is how it is asked to speak.
            self._say_status(now_ms)
        if self._may_send_in_s() <= 0:
            self._send(now_ms)

    def _heed_broker(self) -> None:
        """Take in what the broker said to our records.

        Also without a connection: mosquitto 2.0.11 ends it right behind a refusal, and what it
        refused would never be told.
        """
        while self._answered:
            generation, mid, refusal = self._answered.popleft()
            if generation == self._serving and mid in self._in_flight:
                self._in_flight.discard(mid)
                self._broker_answered(refusal)

    def _broker_answered(self, refusal: str | None) -> None:
        """Heed the broker's answer to records; those it refuses say nothing about the hub."""
        if refusal is not None:
            self._sender.reconnected()
            self._hold_until_s = time.monotonic() + _REFUSED_S
            refusal = f"refuses the records of this device: {refusal}"
        self._health.set("broker", refusal)

    def _send(self, now_ms: int) -> None:
        while len(self._in_flight) < MOST_IN_FLIGHT:
            message = self._sender.next(now_ms)
            if message is None:
                return
            mid = self._connection.publish(self._topic("records"), message.payload)
            if mid is None:
                return  # the connection has just gone; the next one begins at the marks
            self._in_flight.add(mid)

    def _may_send_in_s(self) -> float:
        """Return how long sending waits: for the retained marks, or for a broker that refuses."""
        now = time.monotonic()
        marks = 0.0 if self._marks_known else self._marks_until_s - now
        return max(0.0, marks, self._hold_until_s - now)

    def _heed(self, now_ms: int) -> None:
        """Take in what the hub has said since the last round."""
        received, self._received = self._received, None
        if received is not None:
            try:
                self._sender.received(parse_received(received), now_ms)
                self._marks_known = True
            except DownlinkError as error:
                self._complain("received", error)
            self.marks = self._sender.marks()
        told, self._told = self._told, None
        if told is not None:
            try:
                self.told, self.works = parse_told(told)
            except DownlinkError as error:
                self._complain("told", error)
        settings, self._settings = self._settings, None
        # An empty one says that the hub has taken its retained message away.
        if settings and self._takeover is not None:
            self._takeover.came(settings)

        while self._commands:
            self._obey(self._commands.popleft())

    def _obey(self, payload: bytes) -> None:
        """Heed a command, and say whether it was taken."""
        if self._orders is None:
            return
        try:
            result = self._orders.came(payload)
        except OrderError as error:
            self._complain("command", error)
            return
        if result is not None:
            self._connection.publish(self._topic("result"), result)

    def _complain(self, leaf: str, error: ValueError) -> None:
        """Log a bad message; the same trouble again is not worth another line."""
        if leaf not in self._complained:
            self._complained.add(leaf)
            log.warning("%s=ignored reason=%r", leaf, str(error))

    def _pause_s(self) -> float:
        due = self._sender.due_ms()
        if not self._connection.connected:
            return 1.0
        hold = self._may_send_in_s()
        times = [1.0]
        if hold > 0:
            times.append(hold)
        if due is not None:
            times.append((due - self._clock.mono_ms()) / 1000 / self._clock.speed)
        return max(0.001, min(times))

    # --- status ---

    def _status_is_due(self, now_ms: int) -> bool:
        if self._status_ms is None or self._status_version != self._health.version:
            return True
        return now_ms - self._status_ms >= max(_STATUS_EVERY_MS, int(1000 * self._clock.speed))

    def _say_status(self, now_ms: int) -> None:
        self._status_version = self._health.version
        self._status_ms = now_ms
        self._connection.publish(self._topic("status"), self._status("online"), retain=True)

    def _status(self, state: str, *, will: bool = False) -> bytes:
        """Return the status message. A will is written long before it is read: it knows no time."""
        body: dict[str, object] = {"v": 1, "state": state, "version": self._version}
        if not will:
            streams, recorded = self._news
            body |= {
                "at": self._clock.now_ms(),
                "sampled": self._sampled,
                "recorded": recorded,
                "unsent": self.unsent,
                "problems": list(self._health.problems()),
            }
            if streams:
                body["stream"] = streams[-1].id
            if self._takeover is not None:
                body["settings"] = self._takeover.state()
        return json.dumps(body, ensure_ascii=False).encode()

    def _topic(self, leaf: str) -> str:
        return topic(self._plan.site, self._plan.device, leaf)  # type: ignore[arg-type]
