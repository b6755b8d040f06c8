"""`coldwatch watch` in a story: the real Watcher, looking when it is due, with a modem of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware_agent.watch import Watcher
from tests.stories.broker import Link
from tests.stories.clockwork import NEVER, SECOND, Clockwork, StoryClock
from tests.stories.phones import Modem

# It looks every second; to the minute every five do.
LOOK_MS = 5 * SECOND


class StoryWatcher:
    """Somebody on another power supply and another network path than the hub."""

    def __init__(
        self, clockwork: Clockwork, folder: Path, modem: Modem, people: list[dict[str, Any]]
    ) -> None:
        folder.mkdir(parents=True)
        self._clockwork = clockwork
        self._clock = StoryClock(clockwork)
        settings = {
            "name": {"zh": "东县疾控", "en": "East County"},
            "zone": "Asia/Shanghai",
            "state_dir": str(folder),
            "after": 300_000,
            "database": str(folder / "unused.db"),
            "tls": None,
            "mqtt": {"host": "127.0.0.1", "port": 1, "protocol": "5", "keepalive_s": 30},
            "tell": people,
        }
        self.watcher: Watcher | None = Watcher(settings, self._clock, modem)
        self.link.start()
        self._look_ms = clockwork.now
        self._teller_ms = clockwork.now

    @property
    def link(self) -> Link:
        """Its connection to the broker."""
        assert self.watcher is not None
        connection: Any = self.watcher.connection
        return connection

    def die(self) -> None:
        """End."""
        if self.watcher is not None:
            self.link.die()
            self.watcher = None

    def due_ms(self) -> int:
        """Return when it looks, or sees a message through."""
        if self.watcher is None:
            return NEVER
        if self.watcher._teller._news.is_set():
            return self._clockwork.now
        return min(self._look_ms, self._teller_ms)

    def turn(self) -> None:
        """Do it."""
        assert self.watcher is not None
        now, teller = self._clockwork.now, self.watcher._teller
        if now >= self._look_ms:
            self.watcher.look()
            self._look_ms = now + LOOK_MS
        if teller._news.is_set() or now >= self._teller_ms:
            teller._news.clear()
            self._teller_ms = now + int(1000 * teller.round(self._clock.monotonic()))
