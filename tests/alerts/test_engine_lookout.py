"""The engine looks as seldom as it may; one that looks at everything all the time says the same.

Which record shows a decision is part of it: later than it could be known is too late.
"""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.machine import NEVER
from tests.alerts.streams import Case, cases, take

STREAM = "7" * 32


class Lookout(StreamEngine):
    """Asks every machine with every record whether time decides something, and tells it all."""

    __slots__ = ()

    def judge(
        self,
        seq: int,
        series: str,
        at: int,
        boot: str,
        mono_ms: int,
        value: int | None,
        *,
        synced: bool,
    ) -> list[Decision]:
        """Judge one reading as if something were always due, and every value woke everybody."""
        self._due = 0
        for state in self._series.values():
            state.due, state.low, state.high = 0, NEVER, -NEVER
        return super().judge(seq, series, at, boot, mono_ms, value, synced=synced)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_nothing_is_decided_later_than_it_could_be_known(case: Case) -> None:
    """Each decision comes with the same record, in the same order, as where nothing is ever skipped."""
    engine, lookout = StreamEngine(STREAM), Lookout(STREAM)

    for record in case.records:
        assert take(engine, record, case) == take(lookout, record, case)
    assert engine.finish() == lookout.finish()
