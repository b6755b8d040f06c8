"""Streams of records for the engine's proofs: holes, reboots, clock steps, repeats, bad readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from hypothesis import strategies as st

from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.rules import OF_VALUES, Kind, Rule, Watch
from protocol.reading import Reading
from tests.alerts.timeline import Settings

# A tick of 20 s: the ten minutes of recovery are 30 cells of the oracle.
TICK = 20_000
START = 1_700_000_000_000
# On, just beside and far outside of every limit that the rules below may have.
VALUES = (-3000, -500, -499, 1999, 2000, 5000, 7999, 8000, 8001, 12_000)
# Both series in turn.
BOTH = 2
KINDS: tuple[Kind, ...] = get_args(Kind)
SERIES = ("fridge/center/temperature", "fridge/upper/temperature")


@dataclass(frozen=True, slots=True)
class Case:
    """A stream and the rules it is judged by."""

    watches: dict[str, Watch]
    records: list[Settings | Reading]


def take(engine: StreamEngine, record: Settings | Reading, case: Case) -> list[Decision]:
    """Feed one record of a case to an engine."""
    if isinstance(record, Reading):
        return engine.feed(record)
    return engine.feed_settings(
        seq=record.seq,
        at=record.at,
        boot=record.boot,
        mono_ms=record.mono_ms,
        clock=record.clock,
        watches=case.watches,
    )


_limits = st.sampled_from(
    [
        {"above": 8000},
        {"at_or_above": 8000},
        {"below": 2000},
        {"at_or_below": -500},
        {"above": 8000, "below": 2000},
        {"at_or_above": 8000, "at_or_below": 2000},
        {"above": 8000, "at_or_below": -500},
    ]
)


_rates = st.sampled_from(
    [{"above": 0}, {"above": 40}, {"below": -40}, {"above": 90, "below": -90}, {"below": 0}]
)


@st.composite
def _rule(draw: st.DrawFn, number: int, kinds: list[Kind], other: str | None) -> Rule:
    kind = draw(st.sampled_from(kinds))
    d = draw(st.integers(1, 20))
    window = d + draw(st.integers(0, 40)) if kind == "cumulative" else None
    limits: Any = {}
    if kind in OF_VALUES:
        limits = draw(_limits)
    elif kind == "rate":
        limits = draw(_rates)
    elif kind == "disagreement":
        limits = {"apart": draw(st.sampled_from([0, 1, 500, 3000])), "other": other}
    return Rule(
        id=f"proof/{kind}-{number}",
        kind=kind,
        for_ms=0 if kind == "instant" else d * TICK,
        window_ms=None if window is None else window * TICK,
        **limits,
    )


@st.composite
def _watch(
    draw: st.DrawFn, series: str, names: Sequence[str], kinds: Sequence[Kind] = KINDS
) -> Watch:
    interval = draw(st.integers(1, 4))
    gap = interval + draw(st.integers(0, 10))
    other = next((name for name in names if name != series), None)
    known = [kind for kind in kinds if kind != "disagreement" or other is not None]
    known = known or ["consecutive"]
    rules = [draw(_rule(number, known, other)) for number in range(draw(st.integers(1, 4)))]
    return Watch(series, interval * TICK, gap * TICK, (2000, 8000), True, tuple(rules))


@st.composite
def _steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw stretches in which one series stays much the same, or both in turn, or one moves steadily.

    Long runs do not come by chance.
    """
    steps: list[dict[str, Any]] = []
    stretches = st.tuples(
        st.sampled_from([0, 0, 0, 1, BOTH, BOTH]),
        st.sampled_from(VALUES),
        st.sampled_from([0, 1, 1, 2, 3, 5, 8, 12, 16, 31]),
        st.integers(1, 12),
        st.sampled_from(["plain", "plain", "plain", "other", "rejected", "step", "reboot"]),
        st.integers(-40, 40),
        st.sampled_from(["synced", "synced", "estimated"]),
        st.sampled_from([0, 0, 0, 1, -13, 60, -120]),
    )
    for which, value, spacing, count, event, amount, clock, slope in draw(
        st.lists(stretches, min_size=1, max_size=14)
    ):
        for number in range(count):
            turn = number % 2 if which == BOTH else which
            moved = value + number * slope
            steps.append({"which": turn, "value": moved, "spacing": spacing, "event": "plain"})
            if number == 0:
                steps[-1].update(event=event, amount=amount, clock=clock)
    return steps


@st.composite
def cases(draw: st.DrawFn, kinds: Sequence[Kind] = KINDS) -> Case:
    """Draw a stream of one or two series with its rules."""
    names = SERIES[: draw(st.integers(1, 2))] if kinds is KINDS else SERIES
    watches = {name: draw(_watch(name, names, kinds)) for name in names}
    boot, mono, at, clock, booted = "boot0", 5 * TICK, START, "synced", 0
    records: list[Settings | Reading] = []
    late = draw(st.integers(0, 3))
    seq = 0
    for number, step in enumerate(draw(_steps())):
        if number == late:
            seq += 1
            records.append(Settings(seq, at, boot, mono, clock))
        event, spacing = step["event"], step["spacing"]
        mono, at = mono + spacing * TICK, at + spacing * TICK
        quality = "ok"
        if event == "step":
            # The wall clock jumps, by no round number; the monotonic clock does not.
            at += step["amount"] * 12_345
        elif event == "reboot":
            booted += 1
            boot, mono, clock = f"boot{booted}", 7_000 * booted, step["clock"]
            at += (step["amount"] - spacing) * TICK
        elif event == "rejected":
            quality = "rejected:crc"
        elif event == "other":
            quality = "suspect:stuck"
        name = names[step["which"] % len(names)] if event != "other" else names[-1]
        value = None if event == "rejected" and spacing % 2 else step["value"]
        seq += 1
        records.append(Reading(seq, name, at, boot, mono, value, quality, clock))
    if not any(isinstance(record, Settings) for record in records):
        records.append(Settings(seq + 1, at, boot, mono, clock))
    return Case(watches, records)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Case, dict[int, dict[str, Watch]]]:
    """Draw a stream and, by record, the rules that come into force behind it.

    The rules keep their names and change limits and times, come and go: as settings do.
    """
    case = draw(cases())
    changed = {}
    for at in draw(st.lists(st.integers(0, len(case.records) - 1), max_size=4, unique=True)):
        names = draw(st.lists(st.sampled_from(SERIES), unique=True, max_size=2))
        changed[at] = {name: draw(_watch(name, names)) for name in names}
    return case, changed
