"""The hub as a service: the threads, the broker, and the console beside them.

    network thread -> inbox -> intake thread -> `received`
                                     |
                                     `-> notices thread -> channel -> `told`

The inbox is bounded, for each device and in all: what does not fit is dropped, for the agents keep
everything until the hub says that it has it. A thread that dies ends the process, and systemd starts it again;
one that hangs leaves systemd's watchdog unfed, with the same end.
"""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection as DatabaseConnection

from alerts.channels.contract import Channel
from alerts.decisions import Decision
from config.base import HUB_FILE, TLS_FOLDER
from config.clock import Clock
from config.hub import HubSettings
from config.notify import Watchdog, notify
from history.opening import open_for_hub
from hub import handing
from hub.alarms import take_over
from hub.answers import Answers
from hub.certificates import CertificateWatch
from hub.channel_watch import ChannelWatch
from hub.enrol.registry import revoked_devices
from hub.heart import Heart
from hub.inbox import Inbox
from hub.intake import Incoming, Intake, Taken
from hub.lamps import LampWatch
from hub.lineup import LineupWatch
from hub.notices import ONLY, Outbox, owe, told_message
from hub.outlived import OutlivedWatch
from hub.said import Saying
from hub.shield import Shield
from hub.stages import Stages
from hub.vitals import Vitals
from hub.watchmen import ContactWatch, PlaceWatch
from hub.wording import Wording
from journal import directory, journal
from journal.database import DatabaseError, create_tables, open_database, read, write
from journal.excursions import ExcursionRow
from journal.place import leave_word, place_of
from protocol.connection import Address, Connection
from protocol.topics import HEARTBEAT, Leaf, every, topic

log = logging.getLogger(__name__)


class Hub:
    """Assembles the hub and runs it until it is told to stop."""

    def __init__(
        self,
        settings: HubSettings,
        clock: Clock,
        channels: Channel | Mapping[str, Channel],
        settings_file: Path | None = None,
        said: directory.Said | None = None,
    ) -> None:
        """Open the databases and make everything ready; nothing is connected yet.

        ``said`` is who changed the settings, and why, as far as somebody said so.
        """
        self._said = said
        self._settings = settings
        self._settings_file = settings_file
        self._clock = clock
        self._sites = {site.id: site for site in settings.sites}
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        self.database = open_database(place_of(settings.database, settings.state_dir))
        create_tables(self.database)
        with write(self.database) as conn:
            take_over(conn)
        leave_word(settings.database, settings.state_dir)
        self.history = open_for_hub(settings.history, settings.state_dir)
        stages = Stages()
        self._shield = Shield(self.history)
        self._intake = Intake(settings, self.database, self._shield, self._tell, stages)
        self._inbox = Inbox(_senders(self._intake.devices()))
        by_name = channels if isinstance(channels, Mapping) else {ONLY: channels}
        self._channels = list(by_name.values())
        self._channel_watch = ChannelWatch(by_name)
        self._outbox = Outbox(
            settings,
            self.database,
            channels,
            Saying(settings, Wording(settings, self._intake.newest)).say,
            self._channel_watch,
        )
        self._watches = (
            ContactWatch(settings, clock.now_ms()),
            PlaceWatch(settings),
            CertificateWatch(settings),
            LampWatch(settings),
            LineupWatch(settings),
            OutlivedWatch(),
        )
        self._vitals = Vitals(
            settings, self.database, self._inbox, stages, clock, lambda: self._outbox.failing,
            self._channel_warning,
        )  # fmt: skip
        # Version of the settings handed out to each device on this connection.
        self._handed: dict[str, int] = {}
        # Two threads say each of these; what was read first must not go out last, and be retained.
        self._saying_received = threading.Lock()
        self._saying_told = threading.Lock()
        self._saying_settings = threading.Lock()
        # Devices that could not be told who was told, as the database did not answer.
        self._untold: set[str] = set()
        self._answers = Answers(
            settings, self.database, Wording(settings, self._intake.newest).reply
        )
        self._owed = threading.Event()
        self._heart = Heart(clock, ("intake", "notices"))
        self._stop = threading.Event()
        self._failed: BaseException | None = None
        self._watchdog = Watchdog(frozenset({"intake", "notices", "watchmen", "mqtt"}))
        broker = settings.mqtt
        self.connection = Connection(
            "coldwatch-hub",
            Address(
                broker.host,
                broker.port,
                broker.protocol,
                broker.keepalive_s,
                broker.tls_files(settings.state_dir / TLS_FOLDER, HUB_FILE),
            ),
            [every("records"), every("status")],
            on_message=self._incoming,
            on_connected=self._connected,
            on_lost=lambda: self._vitals.broker(connected=False),
            on_turn=lambda: self._watchdog.moved("mqtt"),
            # The hub is one, and everybody waits for it.
            longest_delay_s=5.0,
        )
        self._threads = [
            threading.Thread(target=self._guard, args=(loop,), name=name, daemon=True)
            for name, loop in (
                ("intake", self._intake_loop),
                ("notices", self._notices_loop),
                ("watchmen", self._watch_loop),
            )
        ]

    def run(self, stop: threading.Event) -> int:
        """Run until ``stop`` is set; return the exit code: 0, or 1 when a thread failed."""
        self._stop = stop
        # The network thread gives the interpreter away with each call on its socket, and would
        # wait 5 ms for a busy intake to give it back: that would be a hundred messages a second.
        sys.setswitchinterval(0.000_5)
        # A batch is thousands of objects that are gone with it. Looked through every 700 of them, as
        # is usual, they cost intake a sixth of its time.
        gc.set_threshold(20_000, 20, 100)
        self._enter("hub.started")
        with write(self.database) as conn:
            directory.enter(conn, self._settings, self._clock.now_ms(), self._said)
        # Before anything is published: a mark that claims too much must not be heard.
        self._intake.agree(self._clock.now_ms())
        self._look_for_revoked()
        self._vitals.start(self._settings.state_dir)
        console = self._start_console()
        for thread in self._threads:
            thread.start()
        self.connection.start()
        # Also without a broker: that comes and goes by itself, and waiting for it would help nobody.
        notify(f"READY=1\nSTATUS={len(self._sites)} sites")
        while not stop.wait(self._watchdog.every_s):
            self._watchdog.feed(time.monotonic())
        notify("STOPPING=1")
        self._owed.set()
        self.connection.stop()
        for thread in self._threads:
            thread.join(3.0)
        if console is not None:
            console.terminate()
        if self._failed is None:
            try:
                self._enter("hub.stopped")
            except DatabaseError as error:
                log.warning("the end of the hub is not in the journal: %s", error)
        self._vitals.close()
        self._shield.close()
        self.history.close()
        return 0 if self._failed is None else 1

    # --- network thread ---

    def _incoming(self, topic_: str, payload: bytes, retained: bool) -> None:
        self._inbox.put(Incoming(topic_, payload, self._clock.now_ms(), retained))

    def _connected(self) -> None:
        self._vitals.broker(connected=True)
        self._heart.asked()
        self._answer_all()

    def _answer_all(self) -> None:
        # What is retained from before may be another hub's, or lost. The marks first: they need no
        # database, and agents wait for them.
        for device in self._intake.devices():
            self._publish_received(device)
        for device in self._intake.devices():
            self._publish_told(device)
        # Under the lock: what is being said on the old connection must not count as handed out here.
        with self._saying_settings:
            self._handed.clear()
        self._publish_settings()

    # --- threads ---

    def _guard(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as error:
            log.exception("the %s thread failed", threading.current_thread().name)
            self._failed = error
            self._stop.set()

    def _intake_loop(self) -> None:
        while not self._stop.is_set():
            self._watchdog.moved("intake")
            batch = self._inbox.get(0.5)
            self._heart.moved("intake")
            if batch:
                taken = self._take(batch)
                if taken is None:
                    return
                for device in taken.answer:
                    self._publish_received(device)
                if taken.excursions:
                    self._owed.set()
            try:
                if self._intake.give_up(self._clock.now_ms()):
                    self._owed.set()
                self._vitals.database("intake", "")
            except DatabaseError as error:
                self._vitals.database("intake", str(error))

    def _take(self, batch: list[Incoming]) -> Taken | None:
        """Take a batch, as often as the database needs; None when the hub stops meanwhile."""
        while True:
            try:
                taken = self._intake.take(batch, self._clock.now_ms())
                self._vitals.took(taken)
                return taken
            except DatabaseError as error:
                # A disk that is full is not mended by a new start.
                self._watchdog.moved("intake")
                self._vitals.database("intake", str(error))
                if self._stop.wait(1.0):
                    return None

    def _notices_loop(self) -> None:
        while not self._stop.is_set():
            self._watchdog.moved("notices")
            self._owed.clear()
            try:
                self._answers.round(self._channels, self._clock.now_ms())
                self._channel_watch.round(time.monotonic())
                progress = self._outbox.round(self._clock.now_ms())
            except DatabaseError as error:
                self._vitals.database("notices", str(error))
                self._stop.wait(1.0)
                continue
            self._vitals.database("notices", "")
            self._heart.moved("notices")
            with self._saying_told:
                untold, self._untold = self._untold, set()
            for device in progress.told | untold:
                self._publish_told(device)
            self._owed.wait(0.25 if progress.busy else 1.0)

    def _watch_loop(self) -> None:
        # Often enough that a device is told as lost within a few seconds of its time.
        while not self._clock.wait(self._stop, 5_000):
            self._watchdog.moved("watchmen")
            self._vitals.round()
            try:
                self._look_for_revoked()
                self._publish_settings()
                with write(self.database) as conn:
                    steps = sum(each.round(conn, self._clock.now_ms()) for each in self._watches)
            except DatabaseError as error:
                self._vitals.database("watch", str(error))
                continue
            self._vitals.database("watch", "")
            for each in self._watches:
                each.say()
            if steps:
                self._owed.set()
            if self.connection.connected and self._heart.due():
                beat = self._heart.beat(self._outbox.failing)
                self.connection.publish(HEARTBEAT, beat, retain=True)

    # --- steps ---

    def _tell(
        self, conn: DatabaseConnection, decision: Decision, row: ExcursionRow, now: int
    ) -> None:
        owe(conn, self._sites[row.site], decision.happening, row, now)

    def _channel_warning(self) -> str:
        """Say what of the ways out should be seen to, while at least one works."""
        trouble = "" if self._outbox.failing else self._outbox.trouble
        return "; ".join(words for words in (trouble, self._channel_watch.warning) if words)

    def _look_for_revoked(self) -> None:
        """Heed what `coldwatch enroll revoke` has written: the broker's word is not our only one."""
        with read(self.database) as conn:
            self._intake.revoked(revoked_devices(conn))

    def _publish_received(self, device: str) -> None:
        site = self._intake.devices().get(device)
        if site is None:
            return  # it is no longer in the settings
        with self._saying_received:
            message = {"v": 1, "at": self._clock.now_ms(), "streams": self._intake.marks(device)}
            # QoS 0: a lost one is followed by the next, and the agent asks by sending again.
            self.connection.publish(
                topic(site, device, "received"), json.dumps(message).encode(), qos=0, retain=True
            )
        self._vitals.published += 1

    def _publish_told(self, device: str) -> None:
        site = self._intake.devices().get(device)
        if site is None:
            return  # it is no longer in the settings
        with self._saying_told:
            try:
                with read(self.database) as conn:
                    payload = told_message(conn, device, site, self._clock.now_ms())
            except DatabaseError as error:
                # A server that is away. In doubt the agent tells its people by itself.
                log.warning("cannot say yet of %s who was told: %s", device, error)
                self._untold.add(device)
                return
            self.connection.publish(topic(site, device, "told"), payload, qos=1, retain=True)

    def _publish_settings(self) -> None:
        """Hand out what is newer than what was handed out on this connection."""
        with self._saying_settings:
            with read(self.database) as conn:
                settings = handing.newest(conn)
            for device, newest in settings.items():
                site = self._intake.devices().get(device)
                if site is None or self._handed.get(device) == newest.version:
                    continue
                name = topic(site, device, "settings")
                if self.connection.publish(name, newest.message(), retain=True) is not None:
                    self._handed[device] = newest.version

    def _enter(self, type_: str) -> None:
        with write(self.database) as conn:
            journal.append(
                conn, at=self._clock.now_ms(), actor="hub", type=type_, subject="hub", body={}
            )

    def _start_console(self) -> subprocess.Popen[bytes] | None:
        """Start the pages as a process of their own: a slow page must not delay an alarm."""
        if not self._settings.console.enabled or self._settings_file is None:
            return None
        return subprocess.Popen(
            [sys.executable, "-m", "coldwatch", "console", str(self._settings_file)]
        )


def _senders(devices: Mapping[str, str]) -> dict[str, str]:
    """Return the device of every topic on which one of ours, given with its site, may write."""
    leaves: tuple[Leaf, ...] = ("records", "status")
    return {
        topic(site, device, leaf): device for device, site in devices.items() for leaf in leaves
    }
