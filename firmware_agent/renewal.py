"""The agent's certificate is renewed before its end: when, by whom, and what is said meanwhile.

The agent itself only looks at a small file; keys and certificates are the business of short-lived
processes (firmware_agent/enrolment.py). After two thirds of its life a certificate is renewed; a
hub that cannot be reached is asked again for the whole last third.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from config.clock import Clock
from config.files import write_file
from firmware_agent.health import Health

log = logging.getLogger(__name__)

RECORD_FILE: Final = "enrolment.json"
_CHILD_S: Final = 180
_LOOK_MS: Final = 60_000
_AGAIN_MS: Final = 3_600_000
# Said on panel and status from here on: there is time for a person to do something about it.
_LATE_MS: Final = 30 * 86_400_000


class Enrolment(NamedTuple):
    """What the agent must know of its certificate. Times are UTC milliseconds.

    Attributes:
        name: the certificate's, ``pi-1:7``.
        hub: host and port of the endpoint; None where it was enrolled by hand.
        not_after: its end.
        renew_after: two thirds of its life.
        confirmed: whether the hub knows that it is in place.
    """

    name: str
    hub: str | None
    not_after: int
    renew_after: int
    confirmed: bool


def read_enrolment(folder: Path) -> Enrolment | None:
    """Return what is written down; None where nothing (whole) is."""
    try:
        return Enrolment(**json.loads((folder / RECORD_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_enrolment(folder: Path, enrolment: Enrolment) -> None:
    """Write it down."""
    write_file(folder / RECORD_FILE, json.dumps(enrolment._asdict()).encode(), 0o600)


def due(enrolment: Enrolment, now_ms: int) -> str | None:
    """Return what is to be done: ``renew``, ``confirm`` or nothing."""
    if not enrolment.confirmed:
        return "confirm"
    if enrolment.hub is not None and now_ms >= enrolment.renew_after:
        return "renew"
    return None


def problem(enrolment: Enrolment, now_ms: int, failed: str) -> str | None:
    """Return what people must know of the certificate; ``failed`` is why renewing did not work.

    With the clock in the past a certificate looks younger than it is: then nothing is said, and the
    broker, whose clock is right, has the last word.
    """
    left = enrolment.not_after - now_ms
    end = datetime.fromtimestamp(enrolment.not_after / 1000, UTC).strftime("%Y-%m-%d")
    if left <= 0:
        return f"ended on {end}; enrol this device again: coldwatch enroll join"
    if enrolment.hub is None and now_ms >= enrolment.renew_after:
        return f"ends on {end} and was made by hand; coldwatch enroll request begins the next one"
    if failed and (left < _LATE_MS or now_ms >= enrolment.renew_after):
        return f"ends on {end} and could not be renewed: {failed}"
    return None


class Renewal:
    """Watches the certificate in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        health: Health,
        *,
        connected: Callable[[], bool],
        reconnect: Callable[[], None],
    ) -> None:
        """``reconnect()`` makes the uplink use what is in place now."""
        self._folder = folder
        self._clock = clock
        self._health = health
        self._connected = connected
        self._reconnect = reconnect
        self._stopping = threading.Event()
        self._failed = ""
        self._not_before_ms = 0
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a child that is at work ends by itself."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
            except Exception as error:
                # A bug of ours must not end in a certificate that nobody renews.
                log.exception("renewal=failed")
                text = f"renewing it failed: {type(error).__name__}: {error}"
                self._health.set("certificate", text)
            self._clock.wait(self._stopping, _LOOK_MS)

    def round(self) -> None:
        """Look once, and do what is due."""
        enrolment = read_enrolment(self._folder)
        if enrolment is None:
            self._health.set("certificate", None)
            return
        now_ms, mono_ms = self._clock.now_ms(), self._clock.mono_ms()
        what = due(enrolment, now_ms)
        # Confirmed is only what has served: the connection was made with it.
        if what == "confirm" and not self._connected():
            what = None
        if what is not None and mono_ms >= self._not_before_ms:
            self._failed = self._child(what)
            # Not all of a county at once.
            self._not_before_ms = mono_ms + int(_AGAIN_MS * random.uniform(0.7, 1.3))
            if not self._failed:
                self._not_before_ms = 0
                if what == "renew":
                    self._reconnect()
            enrolment = read_enrolment(self._folder) or enrolment
        self._health.set("certificate", problem(enrolment, now_ms, self._failed))

    def _child(self, what: str) -> str:
        """Have it done; return why it was not, or ""."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "firmware_agent.enrolment", what, str(self._folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_CHILD_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode == 0:
            return ""
        return done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or "it failed"
