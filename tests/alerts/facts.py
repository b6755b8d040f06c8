"""What engine and oracle are compared by: excursions as facts, without the record that showed them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alerts.decisions import Decision
from tests.alerts.timeline import Placed

Fact = tuple[Any, ...]


def facts_of(decisions: Sequence[Decision]) -> Counter[Fact]:
    """Reduce the engine's decisions to what the oracle knows of them."""
    facts: Counter[Fact] = Counter()
    for d in decisions:
        where = (d.series, d.rule.id, d.side)
        if d.happening == "opened":
            times = (d.start, d.opened, d.held_ms, d.unknown_ms, d.first_seq)
            facts["opened", *where, d.id, d.thread, d.reason, d.certainty, *times] += 1
            assert d.end is None
        elif d.happening == "confirmed":
            facts["confirmed", *where, d.id, d.thread, d.reason, d.certainty] += 1
        elif d.happening == "closed":
            ends = (d.start, d.opened, d.end, d.held_ms, d.unknown_ms)
            facts["closed", *where, d.id, d.thread, d.reason, d.certainty, *ends, d.extreme] += 1
        else:
            facts["recovered", *where, d.thread] += 1
    return facts


@dataclass(slots=True)
class Found:
    """An excursion as the oracle sees it; instants on the stream's time, in ticks."""

    first: Placed
    opened_t: int
    opened_at: int
    opened_reason: str
    opened_held: int
    opened_unknown: int
    possible: bool
    confirmed: str | None = None
    close_t: int | None = None
    close_at: int = 0
    close_reason: str = ""
    held: int = 0
    unknown: int = 0
    extreme: int | None = None
