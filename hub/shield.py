"""A shield between intake and history: a store that hangs must cost an alarm nothing.

A call that fails may have taken as long as its time-out. So after the first one intake is answered
at once that the store is away, and a thread of its own asks until it answers again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeVar

from history.port import HistoryUnavailableError, RefusedRecord, StoredRecord, StreamReading

_Answer = TypeVar("_Answer")

# Asked anew after these pauses, seconds; the last one goes on.
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0)


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


class Shield:
    """Passes calls on while the store answers. May be used from any thread."""

    def __init__(self, store: Store, pauses_s: Sequence[float] = PAUSES_S) -> None:
        """Begin as if it answered."""
        self._store = store
        self._pauses_s = pauses_s
        self._away = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records durably; raise HistoryUnavailableError at once while the store is away."""
        return self._pass_on(lambda: self._store.append(records))

    def heads(self) -> dict[str, int]:
        """Return how far each stream is stored; raise as ``append`` does."""
        return self._pass_on(self._store.heads)

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records of a stream; asked only after ``heads`` has answered."""
        return self._store.records(stream, first_seq)

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading before ``at``; raise as ``append`` does."""
        return self._pass_on(lambda: self._store.last_before(site, series, at))

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
        pauses = [*self._pauses_s]
        while not self._stop.wait(pauses[0]):
            if len(pauses) > 1:
                pauses.pop(0)
            try:
                self._store.heads()
            except HistoryUnavailableError as error:
                self._away = str(error)
            else:
                self._away = ""
                return
