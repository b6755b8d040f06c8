"""Which samples become records (design.md, "Recording"). Pure.

Probes are read more often than anybody wants to store them. Recorded is one sample of each
recording interval, and between those every sample that could matter to a rule or to exposure:
outside the storage range or any rule's limit, the first one back inside, any change of quality.
The sample right after an outside one, which an instant rule needs, is always among them: it is
outside again, or the first one back inside, or of another quality.
"""

from __future__ import annotations

from dataclasses import dataclass

from alerts.rules import OF_VALUES, Watch
from sensors.contract import Sample

# Of these every change is told at once: a door is open or it is not.
SWITCHES = frozenset({"open", "present", "occupied", "on"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range within which a value is of no special interest; inclusive, thousandths."""

    low: int | None
    high: int | None

    @classmethod
    def of(cls, watch: Watch) -> Bounds:
        """Return the narrowest range that the storage range and all rules leave."""
        # The limits of a rate or of a disagreement are none of the value's.
        rules = [rule for rule in watch.rules if rule.kind in OF_VALUES]
        lows = [rule.low for rule in rules if rule.low is not None]
        highs = [rule.high for rule in rules if rule.high is not None]
        if watch.storage is not None:
            lows.append(watch.storage[0])
            highs.append(watch.storage[1])
        return cls(max(lows, default=None), min(highs, default=None))

    def outside(self, value: int) -> bool:
        """Tell whether a value must be recorded whenever it is seen."""
        return (self.high is not None and value > self.high) or (
            self.low is not None and value < self.low
        )


class Recorder:
    """Decides for one series, sample by sample."""

    __slots__ = (
        "_bounds", "_every_ms", "_interval_ms", "_outside", "_quality", "_slot_ms", "_switch",
        "_value",
    )  # fmt: skip

    def __init__(self, watch: Watch, every_ms: int) -> None:
        """Record a series that is sampled every ``every_ms``."""
        self._bounds = Bounds.of(watch)
        self._switch = watch.series.rpartition("/")[2] in SWITCHES
        self._interval_ms = watch.interval_ms
        self._every_ms = every_ms
        # The recording slots keep to the grid of the first one, however late a sample comes.
        self._slot_ms: int | None = None
        self._quality: str | None = None
        self._value: int | None = None
        self._outside = False

    def wanted(self, sample: Sample, mono_ms: int) -> bool:
        """Tell whether this sample, the next in time, is recorded."""
        wanted = self._due(mono_ms)
        if sample.quality != self._quality:
            wanted = True
        self._quality = sample.quality
        if sample.value is None or sample.rejected:
            return wanted
        outside = self._bounds.outside(sample.value)
        if outside or self._outside:
            wanted = True
        self._outside = outside
        if self._switch and sample.value != self._value:
            wanted = True
        self._value = sample.value
        return wanted

    def _due(self, mono_ms: int) -> bool:
        """Tell whether a recording slot has come; half a sampling step early is on time."""
        if self._slot_ms is None:
            self._slot_ms = mono_ms
            return True
        late = mono_ms - self._slot_ms - self._interval_ms
        if late < -(self._every_ms // 2):
            return False
        # After a pause the grid begins anew: missed slots are not made up for.
        on_grid = late < self._interval_ms // 2
        self._slot_ms = self._slot_ms + self._interval_ms if on_grid else mono_ms
        return True
