"""The shield: intake never waits twice for a history that is away, and hears when it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from history.port import HistoryUnavailableError, RefusedRecord, StoredRecord, StreamReading
from hub.shield import Shield


class Hanging:
    """A store whose calls hang until they are let go, and then fail or answer."""

    def __init__(self) -> None:
        self.away = False
        # It answers questions, and takes nothing.
        self.full = False
        self.asked = 0
        self.go = threading.Event()

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Fail while it is away."""
        assert not records
        if self.away or self.full:
            raise HistoryUnavailableError("it does not answer")
        return []

    def heads(self) -> dict[str, int]:
        """Hang first while it is away, as a question to a server that is stopped does."""
        self.asked += 1
        if self.away:
            self.go.wait(30)
            self.go.clear()
            if self.away:
                raise HistoryUnavailableError("it still does not answer")
        return {"a": 1}

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Nothing is read here."""
        raise AssertionError((site, series, at))

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Nothing is read here."""
        raise AssertionError((stream, first_seq))


def wait_until(shield: Shield, answers: bool) -> None:
    """Wait until the shield lets calls through, or does not."""
    deadline = time.monotonic() + 10
    while (not shield._away) != answers:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_only_the_first_call_waits() -> None:
    """While a question to the store hangs in its thread, intake is answered at once with the reason."""
    store = Hanging()
    shield = Shield(store, (0.01,))
    assert shield.append([]) == []
    store.away = True
    with pytest.raises(HistoryUnavailableError, match="it does not answer"):
        shield.append([])
    for _ in range(100):
        with pytest.raises(HistoryUnavailableError, match="it does not answer"):
            shield.append([])
        with pytest.raises(HistoryUnavailableError):
            shield.heads()
    assert store.asked <= 1
    shield.close()
    store.go.set()


def test_a_store_that_reads_and_cannot_write_is_asked_ever_more_seldom() -> None:
    """Questions answered set no pause back: only a write that went through does."""
    store = Hanging()
    shield = Shield(store, (0.001, 0.002, 0.004, 30.0))
    store.full = True
    for _ in range(3):
        with pytest.raises(HistoryUnavailableError):
            shield.append([])
        wait_until(shield, answers=True)
    with pytest.raises(HistoryUnavailableError):
        shield.append([])
    asked = store.asked
    time.sleep(0.2)

    assert store.asked == asked
    shield.close()


def test_it_comes_back_by_itself() -> None:
    """When the store answers again calls go through, and a later outage is met in the same way."""
    store = Hanging()
    shield = Shield(store, (0.01, 0.02))
    for _ in range(3):
        store.away = True
        with pytest.raises(HistoryUnavailableError):
            shield.append([])
        store.go.set()
        store.away = False
        wait_until(shield, answers=True)
        assert shield.append([]) == []
        assert shield.heads() == {"a": 1}
    shield.close()
