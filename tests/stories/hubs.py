"""The hub of a story: the real one (hub.service.Hub), without its threads.

Its loops are its own code; a turnstile lets each of them through once when it is due. It dies
without a word, and begins anew from what it had written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts.channels.contract import Channel
from config.hub import HubSettings
from history.port import HistoryUnavailableError, RefusedRecord, StoredRecord
from hub.service import Hub
from journal import directory
from journal.database import write
from tests.stories.broker import Link
from tests.stories.clockwork import MINUTE, NEVER, SECOND, Clockwork, StoryClock
from tests.stories.phones import HubKilledError

# The hub looks every second whether there is something to tell, and every five after its devices.
# A story does the first while something is under way, and else as often as its minutes need.
NOTICES_MS = MINUTE
WATCH_MS = 2 * MINUTE


class Turnstile:
    """In the place of the event that ends the loops: it lets each through once."""

    def __init__(self) -> None:
        self._open = False

    def once(self) -> None:
        """Let the next one through."""
        self._open = True

    def is_set(self) -> bool:
        """Tell the loop whether to end."""
        was, self._open = self._open, False
        return not was

    def wait(self, _timeout: float | None = None) -> bool:
        """Never sleep."""
        return False

    def set(self) -> None:
        """Only a loop that failed asks for this, and a story lets its error through."""


class Bell:
    """In the place of the event that wakes the notices: it tells when they want to be called."""

    def __init__(self) -> None:
        self.rung = False
        self.timeout_s = 0.0

    def set(self) -> None:
        """Ring."""
        self.rung = True

    def clear(self) -> None:
        """Be silent."""
        self.rung = False

    def wait(self, timeout_s: float) -> bool:
        """Note how long the loop would wait."""
        self.timeout_s = timeout_s
        return self.rung


class HubClock(StoryClock):
    """The hub's clock; waiting on it is passing the turnstile."""


class Cupboard:
    """In the place of hub.shield.Shield, which asks a store that is away in a thread of its own."""

    away = ""

    def __init__(self, store: Any) -> None:
        self._store = store

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store, or say that the store is away."""
        self._here()
        found: list[RefusedRecord] = self._store.append(records)
        return found

    def heads(self) -> dict[str, int]:
        """Ask the store."""
        self._here()
        found: dict[str, int] = self._store.heads()
        return found

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Ask the store."""
        found: Iterator[tuple[int, dict[str, Any]]] = self._store.records(stream, first_seq)
        return found

    def last_before(self, site: str, series: str, at: int) -> Any:
        """Ask the store."""
        self._here()
        return self._store.last_before(site, series, at)

    def envelope(self, *arguments: Any, **more: Any) -> Any:
        """Ask the store."""
        self._here()
        return self._store.envelope(*arguments, **more)

    def close(self) -> None:
        """Nothing of its own is open."""

    def _here(self) -> None:
        if Cupboard.away:
            raise HistoryUnavailableError(Cupboard.away)


class StoryHub:
    """The hub, and how often it was begun."""

    def __init__(
        self, clockwork: Clockwork, settings: HubSettings, channels: Mapping[str, Channel]
    ) -> None:
        self._clockwork = clockwork
        self._channels = channels
        self.settings = settings
        self.hub: Hub | None = None
        self.starts = 0
        self.killed_behind_everything = False
        self._dies_soon = False
        self._notices_ms = self._watch_ms = NEVER
        self._pace_ms, self.watch_ms = NOTICES_MS, WATCH_MS

    def looks_every(self, ms: int) -> None:
        """Let its loops go round as seldom as that, where nothing is under way."""
        self._pace_ms = self.watch_ms = ms

    @property
    def link(self) -> Link:
        """Its connection to the broker."""
        assert self.hub is not None
        connection: Any = self.hub.connection
        return connection

    # --- its life ---

    def start(self) -> None:
        """Begin, as Hub.run does."""
        self.starts += 1
        self._turnstile, self._bell = Turnstile(), Bell()
        hub = Hub(self.settings, HubClock(self._clockwork), self._channels)
        inside = vars(hub)
        inside["_stop"], inside["_owed"] = self._turnstile, self._bell
        inbox: Any = hub._inbox
        take = inbox.get
        inbox.get = lambda _timeout_s: take(0.0)
        self.hub = hub
        hub._enter("hub.started")
        with write(hub.database) as conn:
            directory.enter(conn, self.settings, self._clockwork.now, None)
        hub._intake.agree(self._clockwork.now)
        hub._look_for_revoked()
        self.link.start()
        self._notices_ms = self._watch_ms = self._clockwork.now

    def die(self) -> None:
        """Be killed: nothing is said, nothing is saved."""
        if self.hub is None:
            return
        self.link.die()
        self.hub._shield.close()
        self.hub.history.close()
        self.hub.database.dispose()
        self.hub = None

    def restart(self) -> None:
        """Be killed, and begin anew at once."""
        self.die()
        self.start()

    def looks_now(self) -> None:
        """Let it look at once whether there is something to tell, or to hear."""
        self._notices_ms = self._clockwork.now

    # --- the actor ---

    def due_ms(self) -> int:
        """Return when one of its loops has something to do."""
        if self.hub is None:
            return NEVER
        if self._bell.rung or len(self.hub._inbox._queue):
            return self._clockwork.now
        return min(self._notices_ms, self._watch_ms)

    def turn(self) -> None:
        """Give the loop its turn."""
        try:
            self._turn()
        except HubKilledError:
            self._dies_soon = True
        if self._dies_soon:
            self._dies_soon = False
            self.restart()

    def _turn(self) -> None:
        hub, now = self.hub, self._clockwork.now
        assert hub is not None
        if len(hub._inbox._queue):
            self._loop(hub._intake_loop)
            if self._bell.rung and self.killed_behind_everything:
                self._dies_soon = True
            return
        if self._bell.rung or now >= self._notices_ms:
            self._loop(hub._notices_loop)
            self._notices_ms = now + (SECOND if self._bell.timeout_s < 1.0 else self._pace_ms)
        if now >= self._watch_ms:
            self._loop(hub._intake_loop)
            self._loop(hub._watch_loop)
            self._watch_ms = now + self.watch_ms

    def _loop(self, loop: Any) -> None:
        self._turnstile.once()
        loop()
