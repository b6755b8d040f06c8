"""The checks between what a probe said and what is recorded: one small state machine per series.

Rejected is only what is physically impossible: it is stored and shown, never judged. Suspect is
what is hard to believe: it is shown as such **and judged**, for a fire looks implausible too
(design.md, "Reading and wire"). So a false "suspect" costs a mark on a chart, and the limits may
be strict; a false "rejected" would cost an alarm, and those are exact.

========================  ====================================================================
``rejected:crc``          the checksum over the device's bytes fails (the driver sees it)
``rejected:all-zero``     nothing but zeros, whose checksum is right (the driver sees it)
``rejected:power-on``     the value of a probe that has not measured since it got power
``rejected:out-of-range`` outside the data sheet
``suspect:implausible``   outside what this asset can have
``suspect:stuck``         exactly one value for longer than a living probe shows it
``suspect:too-fast``      a change faster than air, metal or glycol can do
========================  ====================================================================

One reading has one quality: rejected before suspect, and of several suspicions the first above.

Where the probe has a certificate (sensors/calibration.py) the checks come before and after it:

- what is **rejected** is so by what the probe itself said: 85.000 and the data sheet are figures of
  the device. It is recorded as it was said, for a corrected 85.000 would hide what happened.
- **stuck** and **too-fast** go by what the probe said too: they look for a device that repeats
  itself or jumps, and a new certificate must not look like a jump.
- **implausible** goes by the corrected value: it asks what this asset can have.
"""

from __future__ import annotations

from dataclasses import replace

from protocol.reading import OK
from sensors.calibration import Correction
from sensors.contract import Limits, Sample, Spec

# A value that comes back after a longer pause may have been anything in between: such a pause
# begins a new run for `stuck`. 15 min is WHO's largest sample gap (E006, sample gap <= 900 s).
HOLE_MS = 15 * 60_000


class Checker:
    """The checks of one series. Pure: it knows no clock but the times it is given.

    The probe is asked at most every ``least_spacing_ms``: the sampler asks ``due`` before it reads,
    and says ``asked`` when it does, so that a read that failed counts as well. A probe read
    too early answers with its old value or disturbs the measurement (DHT22: 2 s).
    """

    __slots__ = (
        "_asked_ms",
        "_correction",
        "_limits",
        "_range",
        "_reference",
        "_run",
        "_spacing_ms",
        "_unmeasured",
    )

    def __init__(
        self, spec: Spec, limits: Limits, quantity: str, correction: Correction | None = None
    ) -> None:
        """Check ``quantity`` of probes of this kind; raise ValueError where they measure no such."""
        if quantity not in spec.ranges:
            known = ", ".join(sorted(spec.ranges))
            raise ValueError(f"driver {spec.kind} does not measure {quantity}; it measures {known}")
        self._range = spec.ranges[quantity]
        self._unmeasured = spec.power_on
        self._spacing_ms = spec.least_spacing_ms
        self._limits = limits
        self._correction = correction
        self._asked_ms: int | None = None
        # (value, monotonic time) of the last sample whose change was believable.
        self._reference: tuple[int, int] | None = None
        # (value, monotonic time of its first and of its last sample) of the run of equal values.
        self._run: tuple[int, int, int] | None = None

    def due(self, mono_ms: int) -> bool:
        """Tell whether the probe may be read at this monotonic time."""
        return self._asked_ms is None or not 0 <= mono_ms - self._asked_ms < self._spacing_ms

    def asked(self, mono_ms: int) -> None:
        """Note that a read begins now, whatever becomes of it."""
        self._asked_ms = mono_ms

    def check(self, sample: Sample, mono_ms: int) -> Sample:
        """Return the sample with its quality, corrected by the certificate where there is one.

        ``raw`` is then what the probe said, wherever that differs from the value. What the driver
        rejected stays rejected. Rejected samples leave no trace in the state:
        a glitch must not make the good value after it look too fast.
        """
        if sample.value is None or sample.rejected:
            if sample.quality == OK:
                raise ValueError("a sample without a value cannot be ok")
            return sample
        measured = sample.value if sample.raw is None else sample.raw
        reason = self._impossible(measured)
        if reason is not None:
            return replace(sample, quality=f"rejected:{reason}")
        if self._correction is not None:
            value = self._correction.value(measured)
            sample = replace(sample, value=value, raw=measured if value != measured else None)
        assert sample.value is not None
        reason = self._doubtful(measured, sample.value, mono_ms)
        if reason is not None and sample.quality == OK:
            return replace(sample, quality=f"suspect:{reason}")
        return sample

    def _impossible(self, value: int) -> str | None:
        """Return why the probe cannot have measured this."""
        if value in self._unmeasured:
            return "power-on"
        if not self._range.low <= value <= self._range.high:
            return "out-of-range"
        return None

    def _doubtful(self, measured: int, value: int, mono_ms: int) -> str | None:
        """Return why this is hard to believe; both memories are brought up to date."""
        stuck = self._stuck(measured, mono_ms)
        fast = self._too_fast(measured, mono_ms)
        band = self._limits.plausible
        if band is not None and not band[0] <= value <= band[1]:
            return "implausible"
        if stuck:
            return "stuck"
        return "too-fast" if fast else None

    def _stuck(self, value: int, mono_ms: int) -> bool:
        """Tell whether exactly this value has come, without a hole, for longer than allowed.

        Why 6 h for a DS18B20 (1/16 degC): a fridge cycles by tenths of a degree within the hour,
        and four real probes in still rooms showed one code for at most 50 min in 21 h. A load of
        ice packs at its melting point does stand still for hours, as does a probe set to 9 bit
        (1/2 degC); their settings say `stuck_after = "off"` or longer. Two equal values with a hole
        between them prove nothing, so a hole begins a new run.
        """
        if self._limits.stuck_after_ms is None:
            return False
        run = self._run
        if run is None or run[0] != value or not 0 <= mono_ms - run[2] <= HOLE_MS:
            self._run = (value, mono_ms, mono_ms)
            return False
        self._run = (value, run[1], mono_ms)
        return mono_ms - run[1] > self._limits.stuck_after_ms

    def _too_fast(self, value: int, mono_ms: int) -> bool:
        """Tell whether the value moved faster than allowed since the last believable one.

        The comparison is with the last *believable* value, not with the one before: so of a
        spike only the spike is suspect, and a true step (a probe carried into another room)
        becomes believable once enough time has passed. One step of the probe is always allowed.
        """
        most = self._limits.too_fast_per_min
        if most is None:
            return False
        if self._reference is not None:
            before, then_ms = self._reference
            elapsed = mono_ms - then_ms
            moved = abs(value - before) - self._range.step
            if elapsed >= 0 and moved * 60_000 > most * elapsed:
                return True
        self._reference = (value, mono_ms)
        return False
