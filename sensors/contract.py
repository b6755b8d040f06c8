"""The contract between whoever samples and a probe's driver.

A driver is a folder: ``driver.py`` with ``SPEC`` and a probe, ``settings.py`` with its pydantic
model, ``README.md``, ``sample.toml`` and ``testcases/``. It reports what the probe physically
said and nothing else: limits, plausibility and time are the business of sensors/checks.py and of
the rules. Opening a probe touches no hardware, so that a wrong setting and an unplugged probe
are never the same error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from protocol.reading import OK


@dataclass(frozen=True, slots=True)
class Sample:
    """What a probe said once.

    Attributes:
        value: thousandths of the quantity's unit; None where the probe gave no number that
            could be believed to be one (a failed checksum).
        quality: ``ok``, or ``rejected:<reason>`` or ``suspect:<reason>`` for what the driver
            alone can see (checksum, bytes of the device, a contact that flaps);
            sensors/checks.py refines what it calls ``ok``.
        raw: the value before calibration, where calibration changed it.
    """

    value: int | None
    quality: str = OK
    raw: int | None = None

    @property
    def rejected(self) -> bool:
        """Whether no rule may use it."""
        return self.value is None or self.quality.startswith("rejected")


class ProbeError(Exception):
    """A read that gave no sample. Its class says what to do; its text is one line for a person."""


class ProbeTransientError(ProbeError):
    """One read failed; the next one may well succeed. Try again at the next cycle."""


class ProbeFaultError(ProbeError):
    """Reading again does not help until a person does what the text says."""


class NoDataError(ProbeError):
    """There is nothing to read: unplugged, switched off, or a hole in a recording.

    Not a failure of the driver. The series gets no reading, so its time becomes unknown, and a
    silence rule speaks when that lasts.
    """


@dataclass(frozen=True, slots=True)
class Limits:
    """What sensors/checks.py calls suspect; None switches a check off.

    Attributes:
        plausible: lowest and highest value, inclusive, thousandths, that this asset can have.
        stuck_after_ms: exactly one value for longer than this is suspect.
        too_fast_per_min: a change of more thousandths per minute than this is suspect.
    """

    plausible: tuple[int, int] | None = None
    stuck_after_ms: int | None = None
    too_fast_per_min: int | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """What a probe can say about one quantity, from its data sheet.

    Attributes:
        low: lowest value it can report, inclusive, thousandths.
        high: highest value it can report, inclusive, thousandths.
        step: the smallest difference it resolves, thousandths, rounded up.
        accuracy: largest error in the data sheet's best range, thousandths; None where unknown.
        limits: what is suspect unless the settings say otherwise.
    """

    low: int
    high: int
    step: int
    accuracy: int | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Spec:
    """What is true of every probe of one kind.

    Attributes:
        kind: the driver's name in settings.
        ranges: for each quantity it measures.
        least_spacing_ms: shortest time from the beginning of one read to the next.
        may_decide: whether it is good enough to speak for vaccine (design.md: a DHT22 never is).
        source: where these figures come from.
        power_on: values that mean "not measured yet"; rejected when they come exactly.
    """

    kind: str
    ranges: Mapping[str, Range]
    least_spacing_ms: int
    may_decide: bool
    source: str
    power_on: tuple[int, ...] = ()


class Probe(Protocol):
    """One probe measuring one point. Not thread-safe: one thread reads it at a time."""

    def read(self) -> Sample:
        """Return what the probe says now.

        May block as long as the device takes (a DS18B20 750 ms), so probes are read in threads.
        Raises ProbeTransientError, ProbeFaultError or NoDataError; nothing else.
        """

    def close(self) -> None:
        """Release what was opened; calling it twice does no harm."""


@runtime_checkable
class RecordedProbe(Probe, Protocol):
    """A probe that plays back a recording: its rows have times of their own.

    Whoever samples asks ``isinstance(probe, RecordedProbe)`` and then, instead of ``read``, calls
    ``drain`` once in each cycle and records **every** row it gives (the recording interval does
    not apply), in the order given, stamped ``at`` = the row's time, ``clock`` = ``synced`` and
    ``mono_ms`` = ``probe.mono_ms(at)``. The rows still go through the checks, with that mono_ms.
    Where the recording has a hole, nothing is given, so the time there becomes unknown.
    """

    def drain(self, now_ms: int) -> list[tuple[int, Sample]]:
        """Return all rows that fell due since the last call, each with its time, in time order.

        ``now_ms`` is UTC. Each row is given exactly once. Long recordings come in several
        pieces, so that one commit stays bounded: what is left comes with the next calls.
        Raises ProbeFaultError where the recording cannot be read.
        """

    def mono_ms(self, at_ms: int) -> int:
        """Return the monotonic time to stamp a row with.

        Its differences equal the differences of ``at``, since rules within one boot judge by
        monotonic time; it begins at the machine's own monotonic time when the replay began.
        """

    @property
    def finished(self) -> bool:
        """Whether the last row has been given."""


@runtime_checkable
class ChangesProbe(Probe, Protocol):
    """A probe whose every change counts, those between two cycles too: a contact.

    Whoever samples asks ``isinstance(probe, ChangesProbe)`` and then, instead of ``read``, calls
    ``changes`` once in each cycle; each row is a sample of its own, taken at its own time.
    """

    def changes(self) -> list[tuple[int, Sample]]:
        """Return each change since the last call, and last how it is now; monotonic times.

        The times rise, from one call to the next as well. They may lie before samples of other
        probes that were taken in an earlier cycle. Raises as ``read`` does; then the changes
        come with the next call that does not.
        """

    def on_change(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called at each change, by another thread, so that a cycle begins at once.

        To be said before the first question.
        """

    @property
    def problem(self) -> str | None:
        """One line for a person about a probe that can be read and still needs a look, or None."""
