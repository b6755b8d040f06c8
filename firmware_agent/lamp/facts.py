"""The words of the lamp: what it is told, what it sees, what it says, and its limits.

Times are milliseconds of CLOCK_BOOTTIME unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Phase = Literal["off", "warning", "on", "cooling"]
Order = Literal["start", "stop", "wiped", "replaced", "reset"]
By = Literal["schedule", "button", "page", "command"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say (config/lamp.py)."""

    warning_ms: int
    cool_ms: int
    most_ms: int
    settle_ms: int
    warm_up_ms: int
    presence_stuck_ms: int
    blind_after: int
    has_presence: bool
    has_current: bool
    stale_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for.

    Attributes:
        order: what is asked.
        by: through what.
        name: who, where that is known.
        minutes: of the cycle.
        until_ms: a start is void behind this time; one by the schedule is tried again until then.
    """

    order: Order
    by: By
    name: str = ""
    minutes: int = 0
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value and when it was taken."""

    value: int
    mono_ms: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known at one moment; None is always "not known", and that is never a yes.

    Attributes:
        closed: whether the door is shut, for long enough.
        empty: whether nobody is seen, for long enough; True where no sensor is fitted.
        seen: whether the sensor sees somebody just now.
        mains: whether mains are there; True where they are not sensed.
        current: 1 where current flows through the lamp, 0 where none does.
        intensities: samples of this step, thousandths of uW/cm2.
        moving: whether the fast loop and the agent's cycle have both moved recently.
        writable: whether the relay lines take what is written.
        stopping: whether the agent is about to end.
    """

    closed: bool | None
    empty: bool | None
    seen: bool = False
    mains: bool | None = True
    current: Measured | None = None
    intensities: tuple[Measured, ...] = ()
    moving: bool = True
    writable: bool = True
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A cycle from the request to its end; ``on_ms`` is when the lamp went on."""

    request: Request
    on_ms: int | None = None
    least: int | None = None
    total: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """All that the machine remembers.

    Attributes:
        phase: where it is.
        since_ms: when that began.
        running: the cycle that is announced or on.
        waiting: a scheduled start that something still hinders.
        faults: what is wrong now.
        latched: of these, what stays until a person has looked into it.
        off_ms: when the relay was last switched off.
        was_closed: the door one step ago.
        unseen: how often the door was opened since somebody was last seen.
        seen_since_ms: since when somebody is seen without end.
        begun_ms: when the machine began.
        told: when each fault was last told.
    """

    phase: Phase = "off"
    since_ms: int = 0
    running: Running | None = None
    waiting: Request | None = None
    faults: frozenset[str] = frozenset()
    latched: frozenset[str] = frozenset()
    off_ms: int = 0
    was_closed: bool | None = None
    unseen: int = 0
    seen_since_ms: int | None = None
    begun_ms: int = 0
    told: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def begin(cls, now: int, unseen: int = 0) -> State:
        """Return the first state of a machine that begins now; the relay is off."""
        return cls(since_ms=now, off_ms=now, begun_ms=now, unseen=unseen)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened.

    ``begun`` is for whoever keeps the hours; ``cycle``, ``refused``, ``fault``, ``wiped``,
    ``replaced`` and ``reset`` become event records.
    """

    what: str
    mono_ms: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step decided.

    Attributes:
        relay: whether the lamp is on.
        beacon: the light in the room: before the lamp, and while it is on.
        sounder: the buzzer in the room: before the lamp, and when it cannot be switched off.
        happenings: in their order.
    """

    relay: bool
    beacon: bool
    sounder: bool
    happenings: tuple[Happening, ...]
