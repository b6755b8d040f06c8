"""One thread that looks at all contacts of a port, twenty times a second.

Polled and never by edges: RPi.GPIO has none on kernels from 6.6 on, and a contact that chatters
would make thousands of them. A level that stands for less than two looks may go unseen.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from sensors.gpio.opening import open_port
from sensors.gpio.port import GpioError, GpioPort, Pull

if TYPE_CHECKING:
    from config.clock import Clock

log = logging.getLogger(__name__)

# Real time: a demo's clock makes no contact faster.
LOOK_S: Final = 0.05


class Watched(Protocol):
    """Who wants to know a line's level."""

    line: int
    pull: Pull

    def see(self, level: bool, mono_ms: int) -> None:
        """Take the level of now; called by the watcher's thread, and must not block."""

    def lost(self, problem: str) -> None:
        """Take that the line cannot be read."""


class Watcher:
    """Looks at the lines of one port for as long as somebody watches one."""

    def __init__(self, settings: Mapping[str, Any], clock: Clock) -> None:
        """Use the port of these settings; it is opened with the first line."""
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._port: GpioPort | None = None
        self._watched: list[Watched] = []
        self._ended = threading.Event()

    def attach(self, watched: Watched) -> None:
        """Claim its line, show it the level once, and go on; raise GpioError if that fails."""
        with self._lock:
            port = self._port
            if port is None:
                port = open_port(self._settings)
            try:
                port.claim_input(watched.line, watched.pull)
                watched.see(port.read(watched.line), self._clock.mono_ms())
            except GpioError:
                if self._port is None:
                    port.close()
                raise
            self._watched.append(watched)
            if self._port is None:
                self._port = port
                self._ended = threading.Event()
                threading.Thread(
                    target=self._loop, args=(port, self._ended), name="gpio", daemon=True
                ).start()

    def detach(self, watched: Watched) -> None:
        """Look no more for this one; with the last the port is closed."""
        with self._lock:
            if watched in self._watched:
                self._watched.remove(watched)
            port = self._port
            if self._watched or port is None:
                return
            self._port = None
            self._ended.set()
            port.close()

    def _loop(self, port: GpioPort, ended: threading.Event) -> None:
        while not ended.wait(LOOK_S):
            with self._lock:
                if self._port is port:
                    self._look(port)

    def _look(self, port: GpioPort) -> None:
        for watched in self._watched:
            try:
                watched.see(port.read(watched.line), self._clock.mono_ms())
            except GpioError as error:
                watched.lost(str(error))
            except Exception as error:
                # One that fails must not blind the others, and a dead thread would look like calm.
                log.exception("gpio=broken line=%d", watched.line)
                watched.lost(f"looking at it failed: {type(error).__name__}: {error}")


_WATCHERS: Final[dict[tuple[str, Clock], Watcher]] = {}
_LOCK: Final = threading.Lock()


def watcher(settings: Mapping[str, Any], clock: Clock) -> Watcher:
    """Return the watcher of this port; there is one in a process."""
    key = (json.dumps(dict(settings), sort_keys=True), clock)
    with _LOCK:
        if key not in _WATCHERS:
            _WATCHERS[key] = Watcher(settings, clock)
        return _WATCHERS[key]
