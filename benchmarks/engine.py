"""The excursion engine: microseconds a reading, in agent and hub alike."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from alerts.engine import StreamEngine
from alerts.profiles import rules_for
from alerts.rules import Watch
from benchmarks.row import Row

READINGS = 200_000
MINUTE = 60_000
SERIES = "fridge-1/center/temperature"


def measure(values: Sequence[int], profiles: Sequence[str]) -> float:
    """Return microseconds a reading, one a minute, under all temperature rules of these profiles."""
    rules = tuple(rule for name in profiles for rule in rules_for(name, "temperature"))
    watch = Watch(SERIES, MINUTE, 3 * MINUTE, (2_000, 8_000), True, rules)
    engine = StreamEngine("0" * 32)
    engine.feed_settings(seq=1, at=0, boot="b", mono_ms=0, clock="synced", watches={SERIES: watch})
    began = time.perf_counter()
    for number, value in enumerate(values):
        at = number * MINUTE
        engine.judge(number + 2, SERIES, at, "b", at, value, synced=True)
    return (time.perf_counter() - began) / len(values) * 1e6


def run() -> list[Row]:
    """Measure a quiet fridge, a freezing one, and one that crosses its limits all the time."""
    moods = random.Random(1)
    quiet = [5_000 + moods.randrange(-1_000, 1_000) for _ in range(READINGS)]
    frozen = [-1_000] * READINGS
    wild = [moods.randrange(-2_000, 12_000) for _ in range(READINGS)]
    both = ("cn-gsp", "who-pqs")
    return [
        Row("engine, quiet fridge, cn-gsp and who-pqs", measure(quiet, both), "us/reading", ""),
        Row("engine, frozen all the time, both", measure(frozen, both), "us/reading", ""),
        Row("engine, crossing at random, both", measure(wild, both), "us/reading", ""),
    ]
