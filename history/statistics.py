"""Exposure: time inside, above, below and unknown, extremes, mean and MKT of a range of history.

One definition, streaming and exact: integers for every time, so that inside + above + below -
both + unknown is the range, to the millisecond. ``history/columns.py`` computes the same from
columns of a million readings; a property test holds the two together.

Values are integer thousandths (mean and MKT: the same unit as a fraction), times milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from history.segments import Segment, segments
from protocol.reading import Reading

# Delta-H / R of the mean kinetic temperature: 83.144 kJ/mol over 8.3144e-3 kJ/(K mol), USP <1160>:
# 10,000 K, here in thousandths like every temperature.
ACTIVATION_MK = 10_000_000
ZERO_CELSIUS_MK = 273_150


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a range of history went through.

    The identity: inside + above + below - both + unknown = span, in whole milliseconds.

    Attributes:
        start: first millisecond of the range.
        end: the millisecond after its last one.
        span_ms: time that is accounted for: end - start, less what lies between added ranges.
        inside_ms: every deciding point inside.
        above_ms: one point at least above (time in ``both`` included).
        below_ms: one point at least below (time in ``both`` included).
        both_ms: above at one point and below at another; 0 for a single series.
        unknown_ms: nobody knows, ``pending_ms`` included.
        pending_ms: unknown behind the newest record: it may still arrive.
        longest_unknown_ms: the longest single stretch of final unknown time.
        head_unknown_ms: the stretch of final unknown time at the start.
        tail_unknown_ms: the stretch of final unknown time at the end.
        readings: judged readings within the range.
        first_at: time of the first one.
        last_at: time of the last one.
        minimum: the lowest value that was read or held within the range.
        maximum: the highest value that was read or held within the range.
        doubled_sum: twice the sum of value x held milliseconds (of the middle between the
            coldest and the warmest point); an integer, so that adding loses nothing.
        kinetic_log: ln of the sum of held milliseconds x e^(-dH/RT), of the warmest point.
    """

    start: int
    end: int
    span_ms: int = 0
    inside_ms: int = 0
    above_ms: int = 0
    below_ms: int = 0
    both_ms: int = 0
    unknown_ms: int = 0
    pending_ms: int = 0
    longest_unknown_ms: int = 0
    head_unknown_ms: int = 0
    tail_unknown_ms: int = 0
    readings: int = 0
    first_at: int | None = None
    last_at: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    doubled_sum: int = 0
    kinetic_log: float = -math.inf

    @property
    def held_ms(self) -> int:
        """Time of which the values are known."""
        return self.span_ms - self.unknown_ms

    @property
    def mean(self) -> float | None:
        """The mean over held time; None where nothing is known."""
        return self.doubled_sum / (2 * self.held_ms) if self.held_ms else None

    @property
    def mkt(self) -> float | None:
        """The mean kinetic temperature over held time, of the warmest point; None if unknown.

        It means something for temperatures only, and never excuses freezing: cold lowers it.
        """
        return _kinetic_mean(self.kinetic_log, self.held_ms)


def mkt(weighted: Iterable[tuple[int, int]]) -> float | None:
    """Return the mean kinetic temperature of (thousandths of degC, weight) pairs, in thousandths.

    Weights are any measure of time (Tong and Lock 2015: unequal intervals weigh by their length).
    """
    log, total = -math.inf, 0
    for value, weight in weighted:
        total += weight
        log = _add_logs(log, kinetic_exponent(value) + math.log(weight) if weight else -math.inf)
    return _kinetic_mean(log, total)


def kinetic_exponent(value: int) -> float:
    """Return -dH/RT of a temperature; at and below absolute zero nothing decays."""
    kelvin = value + ZERO_CELSIUS_MK
    return -ACTIVATION_MK / kelvin if kelvin > 0 else -math.inf


def _kinetic_mean(log: float, weight: int) -> float | None:
    if not weight or log == -math.inf:
        return None
    return ACTIVATION_MK / (math.log(weight) - log) - ZERO_CELSIUS_MK


def _add_logs(one: float, other: float) -> float:
    """Return ln(e^one + e^other) without leaving the range of a double (log-sum-exp)."""
    if one < other:
        one, other = other, one
    return one + math.log1p(math.exp(other - one)) if other > -math.inf else one


@dataclass(slots=True)
class Tally:
    """Adds up consecutive segments; memory does not grow with their number."""

    start: int
    times: dict[str, int] = field(default_factory=dict)
    end: int = 0
    readings: int = 0
    first_at: int | None = None
    last_at: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    doubled_sum: int = 0
    _stretch: int = 0
    _longest: int = 0
    _head: int = 0
    # sum of weight x e^(exponent - peak): a running log-sum-exp
    _peak: float = -math.inf
    _scaled: float = 0.0

    def __post_init__(self) -> None:
        """Begin with an empty range."""
        self.end = self.start

    def add(self, segment: Segment) -> None:
        """Count one more segment, which begins where the last one ended."""
        start, end, state, low, high, readings = segment
        held = end - start
        self.times[state] = self.times.get(state, 0) + held
        self.end = end
        if readings:
            self.readings += readings
            self.last_at = start
            if self.first_at is None:
                self.first_at = start
        if low is not None and (self.minimum is None or low < self.minimum):
            self.minimum = low
        if high is not None and (self.maximum is None or high > self.maximum):
            self.maximum = high
        if state == "unknown":
            self._stretch += held
            self._longest = max(self._longest, self._stretch)
            if self.end - self._stretch == self.start:
                self._head = self._stretch
        elif held:
            self._stretch = 0
            if state != "pending" and low is not None and high is not None:
                self.doubled_sum += (low + high) * held
                self._add_kinetic(kinetic_exponent(high), held)

    def _add_kinetic(self, exponent: float, weight: int) -> None:
        if exponent > self._peak:
            self._scaled = self._scaled * math.exp(self._peak - exponent) + weight
            self._peak = exponent
        elif exponent > -math.inf:
            self._scaled += weight * math.exp(exponent - self._peak)

    def exposure(self) -> Exposure:
        """Return the sum so far."""
        times = self.times.get
        both, pending = times("both", 0), times("pending", 0)
        return Exposure(
            start=self.start,
            end=self.end,
            span_ms=self.end - self.start,
            inside_ms=times("inside", 0),
            above_ms=times("above", 0) + both,
            below_ms=times("below", 0) + both,
            both_ms=both,
            unknown_ms=times("unknown", 0) + pending,
            pending_ms=pending,
            longest_unknown_ms=self._longest,
            head_unknown_ms=self._head,
            tail_unknown_ms=self._stretch,
            readings=self.readings,
            first_at=self.first_at,
            last_at=self.last_at,
            minimum=self.minimum,
            maximum=self.maximum,
            doubled_sum=self.doubled_sum,
            kinetic_log=self._peak + math.log(self._scaled) if self._scaled else -math.inf,
        )


def exposure_of(stretches: Iterable[Segment], start: int) -> Exposure:
    """Return the exposure of consecutive segments that begin at ``start``."""
    tally = Tally(start)
    for segment in stretches:
        tally.add(segment)
    return tally.exposure()


def exposure(
    readings: Iterable[Reading],
    *,
    start: int,
    end: int,
    low: int | None,
    high: int | None,
    interval_ms: int,
    max_gap_ms: int,
    before: Reading | None = None,
    after: Reading | None = None,
    settled: int | None = None,
) -> Exposure:
    """Return the exposure of one series over [start, end); arguments as for ``segments``."""
    stretches = segments(
        readings,
        start=start,
        end=end,
        low=low,
        high=high,
        interval_ms=interval_ms,
        max_gap_ms=max_gap_ms,
        before=before,
        after=after,
        settled=settled,
    )
    return exposure_of(stretches, start)


def total(exposures: Sequence[Exposure]) -> Exposure:
    """Add exposures in order of time: the custodies of a batch, or the days of a range.

    Where one begins as the other ends, an unknown stretch goes on across the border: moving a
    batch in the middle of forty unknown minutes does not make two stretches of twenty.

    Raises:
        ValueError: there is none, or one begins before the last one ended.
    """
    if not exposures:
        raise ValueError("nothing to add: there is no exposure")
    lasting = [item for item in exposures if item.span_ms] or exposures[:1]
    result = lasting[0]
    for item in lasting[1:]:
        if item.start < result.end:
            raise ValueError(f"exposures overlap: one begins at {item.start}, before {result.end}")
        result = _joined(result, item)
    return result


def _joined(one: Exposure, two: Exposure) -> Exposure:
    adjacent = one.end == two.start
    bridge = one.tail_unknown_ms + two.head_unknown_ms if adjacent else 0
    head, tail = one.head_unknown_ms, two.tail_unknown_ms
    if adjacent and head == one.span_ms:
        head += two.head_unknown_ms
    if adjacent and tail == two.span_ms:
        tail += one.tail_unknown_ms
    return Exposure(
        start=one.start,
        end=two.end,
        span_ms=one.span_ms + two.span_ms,
        inside_ms=one.inside_ms + two.inside_ms,
        above_ms=one.above_ms + two.above_ms,
        below_ms=one.below_ms + two.below_ms,
        both_ms=one.both_ms + two.both_ms,
        unknown_ms=one.unknown_ms + two.unknown_ms,
        pending_ms=one.pending_ms + two.pending_ms,
        longest_unknown_ms=max(one.longest_unknown_ms, two.longest_unknown_ms, bridge),
        head_unknown_ms=head,
        tail_unknown_ms=tail,
        readings=one.readings + two.readings,
        first_at=one.first_at if one.first_at is not None else two.first_at,
        last_at=two.last_at if two.last_at is not None else one.last_at,
        minimum=min((x.minimum for x in (one, two) if x.minimum is not None), default=None),
        maximum=max((x.maximum for x in (one, two) if x.maximum is not None), default=None),
        doubled_sum=one.doubled_sum + two.doubled_sum,
        kinetic_log=_add_logs(one.kinetic_log, two.kinetic_log),
    )
