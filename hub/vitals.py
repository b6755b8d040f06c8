"""The hub's vital signs: what changed when, said once in the log and shown to whoever looks in.

The service tells; whoever looks (a scraper, `coldwatch hub --status`, the console) asks over HTTP on
the loopback. Nothing here may stop the hub: a port that is taken costs the figures and one line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from coldwatch import __version__
from config.clock import Clock
from config.hub import HubSettings
from config.logs import State
from config.loopback import LoopbackPages
from hub.asking import PAGE
from hub.health import HEALTH, Books, Health, Live, books_of, disk_of
from hub.inbox import Inbox
from hub.intake import Taken
from hub.metrics import page, registry_of
from hub.presence import Presence
from hub.stages import Stages
from journal.database import DatabaseError, read

log = logging.getLogger(__name__)

# An inbox that has dropped nothing for so long is fine again.
CALM_MS: Final = 60_000


class Vitals:
    """Knows since when what is so. Each ``said_*`` and ``heard_*`` is called by one thread."""

    def __init__(
        self,
        settings: HubSettings,
        database: Engine,
        inbox: Inbox,
        stages: Stages,
        clock: Clock,
        channel_reason: Callable[[], str],
        channel_warning: Callable[[], str] = str,
    ) -> None:
        """Begin: connected to nothing, nothing taken in yet."""
        self.stages = stages
        self.published = 0
        self._settings = settings
        self._database = database
        self._inbox = inbox
        self._clock = clock
        self._channel_reason, self._channel_warning = channel_reason, channel_warning
        self._since = clock.now_ms()
        self._broker = (False, self._since)
        self._history = State(
            log,
            ("history-down", "history takes nothing, judging and telling go on"),
            ("history-up", "history takes readings again"),
            history=settings.history.kind,
        )
        self._history_tried: int | None = None
        self._queue = State(
            log,
            ("queue-dropping", "the inbox is full, the agents send again"),
            ("queue-fine", "the inbox has room again"),
        )
        self._dropped = 0
        self._dropped_at = 0
        self._database_errors = 0
        self._databases = {
            part: State(log, (f"{part}-waiting", bad), (f"{part}-working", good))
            for part, bad, good in (
                (
                    "intake",
                    "nothing can be taken in, trying again every second",
                    "the intake goes on",
                ),
                ("notices", "notices wait", "notices go out again"),
                ("watch", "the watch for lost devices waits", "lost devices are watched again"),
            )
        }
        self._open = ExitStack()

    def start(self, state_dir: Path) -> None:
        """Answer from now on, as far as port and folder allow."""
        metrics = self._settings.metrics
        url = None
        if metrics.enabled:
            registry = registry_of(self.stages, lambda: self.published, self.look)
            pages = {"/metrics": lambda: page(registry), PAGE: self._health}
            try:
                served = LoopbackPages(metrics.host, metrics.port, pages)
            except OSError as error:
                log.warning(
                    "no figures: port %d of %s cannot be used (%s); [metrics] in the hub's settings "
                    "may name another",
                    metrics.port, metrics.host, error.strerror, extra={"event": "metrics-off"},
                )  # fmt: skip
            else:
                self._open.callback(served.close)
                url = served.url
                log.info("figures at %s/metrics", url, extra={"event": "metrics-on", "url": url})
        try:
            self._open.enter_context(Presence(state_dir, self._since, url))
        except OSError as error:
            log.warning("`coldwatch hub --status` will not find this hub: %s", error)

    def close(self) -> None:
        """Answer nobody any more."""
        self._open.close()

    # --- what the service tells ---

    def broker(self, *, connected: bool) -> None:
        """Note that the connection to the broker came or went."""
        self._broker = (connected, self._clock.now_ms())

    def took(self, taken: Taken) -> None:
        """Note how a batch went: the intake's database works, and the history does or does not."""
        now = self._clock.now_ms()
        self.database("intake", "")
        self._history.set(taken.history_down, now)
        if self._history_tried is None and (taken.stored or taken.history_down):
            self._history_tried = now

    def database(self, part: str, reason: str) -> None:
        """Note why hub.db has not let a part (intake, notices, watch) work, or that it does."""
        if reason:
            self._database_errors += 1
        self._databases[part].set(reason, self._clock.now_ms())

    def round(self) -> None:
        """Look after what nobody tells: whether the inbox drops. Called every few seconds."""
        now = self._clock.now_ms()
        dropped = sum(self._inbox.dropped.values())
        if dropped > self._dropped:
            self._dropped_at = now
            self._queue.set(f"{dropped} messages dropped since the start", now)
        elif now - self._dropped_at >= CALM_MS:
            self._queue.set("", now)
        self._dropped = dropped

    # --- who looks in ---

    def look(self) -> Health:
        """Return how the hub is now; of a database that does not answer, why."""
        now = self._clock.now_ms()
        books, trouble = Books(), ""
        try:
            with read(self._database) as conn:
                books = books_of(conn, self._settings, now)
        except DatabaseError as error:
            trouble = str(error)
        free, total = disk_of(self._settings.state_dir)
        late = self._settings.sms.queued_too_long
        return Health(now, self._live(), books, free, total, late, trouble)

    def _health(self) -> tuple[str, bytes]:
        return "application/json", HEALTH.dump_json(self.look())

    def _live(self) -> Live:
        settings, history = self._settings, self._history
        connected, connected_since = self._broker
        tried = self._history_tried
        waiting, waiting_bytes = self._inbox.waiting
        databases = self._databases.values()
        return Live(
            version=__version__,
            since=self._since,
            broker=f"{settings.mqtt.host}:{settings.mqtt.port}",
            connected=connected,
            connected_since=connected_since,
            history=settings.history.kind,
            history_up=history.well if tried is not None else None,
            history_since=history.since or tried or self._since,
            history_reason=history.reason,
            database_reason=next((each.reason for each in databases if each.reason), ""),
            database_errors=self._database_errors,
            waiting=waiting,
            waiting_bytes=waiting_bytes,
            dropped=self._inbox.dropped,
            dropping=not self._queue.well,
            channel=", ".join(channel.kind for channel in settings.all_channels()),
            channel_reason=self._channel_reason(),
            channel_warning=self._channel_warning(),
        )
