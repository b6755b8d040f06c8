"""How often somebody may be wrong: per address and in all, in memory, within ten minutes."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

WINDOW_MS: Final = 10 * 60_000
PER_SENDER: Final = 10
IN_ALL: Final = 200


class Limits:
    """Counts refusals. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: deque[tuple[int, str]] = deque()

    def may_try(self, sender: str, now_ms: int) -> bool:
        """Whether this address may try at all; what is refused here costs nobody anything."""
        with self._lock:
            self._forget(now_ms)
            mine = sum(each == sender for _, each in self._wrong)
            return mine < PER_SENDER and len(self._wrong) < IN_ALL

    def wrong(self, sender: str, now_ms: int) -> None:
        """Count a refusal."""
        with self._lock:
            self._forget(now_ms)
            self._wrong.append((now_ms, sender))

    def _forget(self, now_ms: int) -> None:
        while self._wrong and now_ms - self._wrong[0][0] >= WINDOW_MS:
            self._wrong.popleft()
