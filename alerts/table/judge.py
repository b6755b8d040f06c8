"""A table through the excursion engine: the same engine as in agent and hub, fed row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.rules import Certainty, Rule, Side, Watch
from alerts.table.reader import Table

# A table is one series of one stream and one boot: time is what its stamps say.
SERIES: Final = "table/value/temperature"
_STREAM: Final = "table"
_BOOT: Final = "table"
_CHUNK: Final = 50_000


@dataclass(frozen=True, slots=True)
class TableExcursion:
    """One excursion of a table, from its start to its end or to the table's.

    Times are UTC milliseconds, durations milliseconds, values thousandths.

    Attributes:
        rule: the rule as it was judged by.
        side: above, below or silent.
        certainty: what it is at the end: a possible one may have become certain.
        start: the first outside reading (silence: the last one before it).
        opened: when the rule was fulfilled.
        end: the first inside reading; None where the table ends first.
        held_ms: time known to be outside.
        unknown_ms: unknown time between start and end.
        extreme: the value farthest outside; None for silence.
    """

    rule: Rule
    side: Side
    certainty: Certainty
    start: int
    opened: int
    end: int | None
    held_ms: int
    unknown_ms: int
    extreme: int | None


def judge_table(
    table: Table,
    rules: tuple[Rule, ...],
    *,
    interval_ms: int,
    max_gap_ms: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[TableExcursion]:
    """Return the excursions of a table under ``rules``, by start."""
    engine = StreamEngine(_STREAM)
    watch = Watch(SERIES, interval_ms, max_gap_ms, None, decides=True, rules=rules)
    first = table.times[0]
    engine.feed_settings(
        seq=1, at=first, boot=_BOOT, mono_ms=0, clock="synced", watches={SERIES: watch}
    )
    decisions: list[Decision] = []
    judge = engine.judge
    seq = 1
    for start in range(0, len(table.times), _CHUNK):
        rows = zip(
            table.times[start : start + _CHUNK], table.values[start : start + _CHUNK], strict=True
        )
        for at, value in rows:
            seq += 1
            brought = judge(seq, SERIES, at, _BOOT, at - first, value, synced=True)
            if brought:
                decisions += brought
        if progress is not None:
            progress(min(start + _CHUNK, len(table.times)), len(table.times))
    decisions += engine.finish()
    ended = [_excursion(decision) for decision in decisions if decision.happening == "closed"]
    still_open = [_excursion(decision) for decision in engine.open_excursions()]
    return sorted(ended + still_open, key=lambda one: (one.start, one.opened, one.rule.id))


def _excursion(last: Decision) -> TableExcursion:
    """Keep of an excursion what it came to: its closing, or how it stood when the table ended."""
    return TableExcursion(
        last.rule,
        last.side,
        last.certainty,
        last.start,
        last.opened,
        last.end,
        last.held_ms,
        last.unknown_ms,
        last.extreme,
    )
