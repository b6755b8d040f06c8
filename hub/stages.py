"""What the intake spends its time on, and what it has taken in: sums that others read.

Written by the intake's thread alone, a few times a message and batch and never for a record; read
by any thread. A sum that is read while it grows is an old one, and no wrong one.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

Stage = Literal["decode", "judge", "history", "commit"]

STAGES: Final[tuple[Stage, ...]] = ("decode", "judge", "history", "commit")

# Seconds; from a batch into a warm SQLite file to a store that hardly answers any more.
APPEND_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Stages:
    """A stop watch with one hand: whatever time passes belongs to the stage that names it next."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.seconds: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self.messages = self.bytes = self.batches = 0
        self.judged = self.stored = self.decisions = 0
        self.aside: Counter[str] = Counter()
        # Appends that took up to each bucket's seconds and no less; the last one: longer.
        self.appends = [0] * (len(APPEND_BUCKETS) + 1)
        self._since = 0.0

    def begin(self) -> None:
        """Start the watch: a batch is taken up."""
        self._since = time.perf_counter()

    def lap(self, stage: Stage) -> float:
        """Count the time since the last call as that stage's; return it."""
        now = time.perf_counter()
        spent = now - self._since
        self._since = now
        self.seconds[stage] += spent
        return spent

    def appended(self) -> None:
        """Count the time since the last call as one append to the history, done or refused."""
        self.appends[bisect_left(APPEND_BUCKETS, self.lap("history"))] += 1

    def taken(
        self,
        sizes: Iterable[int],
        *,
        judged: int,
        stored: int,
        decisions: int,
        aside: Iterable[str],
    ) -> None:
        """Count one batch that is committed: its messages' sizes, its records, what was refused."""
        before = self.bytes
        count = 0
        for size in sizes:
            count += 1
            before += size
        self.bytes = before
        self.messages += count
        self.batches += 1
        self.judged += judged
        self.stored += stored
        self.decisions += decisions
        self.aside.update(aside)
