"""Exposure three ways: the brute force over the samples, the history's, and the engine's."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, Final

from alerts.decisions import Decision
from alerts.engine import StreamEngine
from alerts.rules import Rule, Watch, watches_from_record
from benchmarks.nuisance.judging import CENTER, STREAM
from benchmarks.nuisance.places import NOTHING, Samples
from benchmarks.nuisance.usage import STEP_MS
from history.columns import Point, exposures

# Any time outside at all is an excursion of this one, so that all held time stands in some excursion.
_ANY: Final = "benchmark/any"


@dataclass(frozen=True, slots=True)
class Outside:
    """Milliseconds below and above the storage range."""

    below_ms: int
    above_ms: int


def brute_force(samples: Samples, low: int, high: int) -> Outside:
    """Return the sum over the samples, each of which stands for the ten seconds until the next."""
    values = samples.center[:-1]
    if NOTHING in values:
        raise ValueError("where the probe said nothing, time is unknown, and no sum says how much")
    return Outside(
        sum(STEP_MS for value in values if value < low),
        sum(STEP_MS for value in values if value > high),
    )


def longest_ms(samples: Samples, low: int, high: int) -> int:
    """Return the longest single stretch outside."""
    longest = run = 0
    for value in samples.center:
        run = run + STEP_MS if not low <= value <= high else 0
        longest = max(longest, run)
    return longest


class Witness:
    """Sees every record and says what history and engine count; call it with each body."""

    def __init__(self, watch: Watch) -> None:
        if watch.storage is None:
            raise ValueError("a series without a storage range has no exposure")
        self._low, self._high = watch.storage
        self._watch = watch
        self._times: array[int] = array("q")
        self._values: array[int] = array("q")
        self._engine = StreamEngine(STREAM)
        self._held = {"above": 0, "below": 0}

    def __call__(self, body: dict[str, Any]) -> None:
        """See one record."""
        if body["kind"] == "settings":
            rule = Rule(_ANY, "consecutive", 1, above=self._high, below=self._low, tells=False)
            series = {CENTER: body["series"][CENTER] | {"rules": [rule.body()]}}
            self._engine.feed_settings(
                seq=body["seq"], at=body["at"], boot=body["boot"], mono_ms=body["mono_ms"],
                clock=body["clock"], watches=watches_from_record({"series": series}),
            )  # fmt: skip
            return
        if body["series"] != CENTER:
            return
        if not body["quality"].startswith("rejected"):
            self._times.append(body["at"])
            self._values.append(body["value"])
        self._add(self._engine.feed_record(body))

    def _add(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            if decision.happening == "closed":
                self._held[decision.side] += decision.held_ms

    def of_history(self, samples: Samples) -> Outside:
        """Return what the history counts from the first sample to the last."""
        point = Point(self._times, self._values, self._watch.interval_ms, self._watch.max_gap_ms)
        edges = (samples.start, samples.at(len(samples.center) - 1))
        (found,) = exposures([point], edges, low=self._low, high=self._high)
        if found.unknown_ms:
            raise ValueError(f"{found.unknown_ms} ms are unknown, and no probe was silent")
        return Outside(found.below_ms, found.above_ms)

    def still_ms(self) -> int:
        """Return the longest time between two recorded readings with no other value in between."""
        longest = first = 0
        for index, value in enumerate(self._values):
            if value != self._values[first]:
                first = index
            longest = max(longest, self._times[index] - self._times[first])
        return longest

    def of_engine(self) -> Outside:
        """Return the held time of all excursions that are over."""
        return Outside(self._held["below"], self._held["above"])
