"""A shield between intake and history: a store that hangs must cost an alarm nothing.

A call that fails may have taken as long as its time-out. So after the first one intake is answered
at once that the store is away, and a thread of its own asks until it answers again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar

from history.port import (
    Bucket,
    HistoryUnavailableError,
    RefusedRecord,
    StoredRecord,
    StreamReading,
)

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

# Asked anew after these pauses, seconds; the last one goes on. Only a write that was answered sets
# them back: a store that reads well and hangs in writing must not stop intake every second.
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


class Store(Protocol):
    """What intake needs of a history."""

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records durably; see the port."""

    def heads(self) -> dict[str, int]:
        """Return how far each stream is stored; see the port."""

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records of a stream; see the port."""

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading before ``at``; see the port."""

    def envelope(
        self,
        site: str,
        series: str,
        start: int,
        end: int,
        buckets: int,
        *,
        interval_ms: int,
        max_gap_ms: int,
    ) -> list[Bucket]:
        """Return the extremes of a range in buckets; see the port."""


class Shield:
    """Passes calls on while the store answers. May be used from any thread."""

    def __init__(self, store: Store, pauses_s: Sequence[float] = PAUSES_S) -> None:
        """Begin as if it answered."""
        self._store = store
        self._pauses_s = pauses_s
        self._away = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failures = 0
        self._heads: dict[str, int] | None = None

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records durably; raise HistoryUnavailableError at once while the store is away."""
        refused = self._pass_on(lambda: self._store.append(records))
        self._failures = 0
        return refused

    def heads(self) -> dict[str, int]:
        """Return how far each stream is stored; raise as ``append`` does."""
        heads, self._heads = self._heads, None
        if heads is not None and not self._away:
            return heads  # nothing was written since the asking thread got them
        return self._pass_on(self._store.heads)

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records of a stream; asked only after ``heads`` has answered."""
        return self._store.records(stream, first_seq)

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading before ``at``; raise as ``append`` does."""
        return self._pass_on(lambda: self._store.last_before(site, series, at))

    def envelope(
        self,
        site: str,
        series: str,
        start: int,
        end: int,
        buckets: int,
        *,
        interval_ms: int,
        max_gap_ms: int,
    ) -> list[Bucket]:
        """Return the extremes of a range in buckets; raise as ``append`` does."""
        return self._pass_on(
            lambda: self._store.envelope(
                site, series, start, end, buckets, interval_ms=interval_ms, max_gap_ms=max_gap_ms
            )
        )

    def close(self) -> None:
        """Ask no more; one question may still be under way."""
        self._stop.set()

    def _pass_on(self, call: Callable[[], _Answer]) -> _Answer:
        if self._away:
            raise HistoryUnavailableError(self._away)
        try:
            return call()
        except HistoryUnavailableError as error:
            with self._lock:
                if not self._away:
                    self._away = str(error)
                    threading.Thread(target=self._ask, name="history", daemon=True).start()
            raise

    def _ask(self) -> None:
        while not self._stop.wait(self._pauses_s[min(self._failures, len(self._pauses_s) - 1)]):
            self._failures += 1
            try:
                self._heads = self._store.heads()
            except HistoryUnavailableError as error:
                self._away = str(error)
            except Exception as error:  # whatever it is: intake must not be told "away" for ever
                log.exception("asking the history failed")
                self._away = f"asking it failed: {error}"
            else:
                self._away = ""
                return
