"""Settings of UV lamps: `[lamp]` in the agent's file, and one `[[lamp.lamps]]` for each relay.

What is not said here is not switched: a lamp without a door contact, or without a presence sensor
and without a reason for that, is refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from config.base import Name, Section
from config.lines import Button, OutputLine, SafeInput
from config.units import DurationMs, Thousandths

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write for example Asia/Shanghai") from None
    return name


def _time(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f'{text!r} is no time of day; write for example "12:30"')
    return text


Zone = Annotated[str, Field(description="IANA time zone"), AfterValidator(_zone)]
TimeOfDay = Annotated[str, AfterValidator(_time)]


class LampSchedule(Section):
    """Cycles that begin by themselves; each asks for everything that the button asks for."""

    times: Annotated[list[TimeOfDay], Field(description="times of day on the clock of `zone`")] = []
    days: Annotated[list[Day], Field(min_length=1, description="on these days")] = list(DAYS)
    late_by: Annotated[
        DurationMs,
        Field(
            le=12 * 3_600_000,
            description="begins no later than this behind its time, and otherwise not at all",
        ),
    ] = 15 * 60_000


class LampCurrent(Section):
    """The lamp's current, as an ordinary series of this agent; it proves that the relay obeys."""

    series: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_.-]+/[a-z0-9_.-]+/[a-z0-9_]+$",
            description="a point of [[assets]], or a `gpio` point that is 1 while current flows",
            examples=["lamp-1/lamp/current"],
        ),
    ]
    flows_above: Annotated[
        Thousandths, Field(ge=0, description="in the unit of that series; above it, current flows")
    ] = 100
    settle: Annotated[
        DurationMs,
        Field(ge=1_000, description="this long after switching, the current must have followed"),
    ] = 15_000
    stale_after: Annotated[
        DurationMs, Field(ge=1_000, description="an older sample says nothing")
    ] = 60_000


class LampIntensity(Section):
    """The intensity at 253.7 nm, as an ordinary series of this agent."""

    series: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_.-]+/[a-z0-9_.-]+/[a-z0-9_]+$",
            examples=["lamp-1/lamp/uv"],
        ),
    ]
    least: Annotated[
        Thousandths,
        Field(
            gt=0,
            description="uW/cm2; a tube in use has at least 70 (WS/T 367-2012, annex C.6)",
        ),
    ] = 70_000
    warm_up: Annotated[
        DurationMs,
        Field(
            description="not counted after switching on: a tube is measured after 5 min (GB 19258)"
        ),
    ] = 5 * 60_000


class Lamp(Section):
    """One relay and what must be true before it may close: docs/wiring.md."""

    id: Annotated[Name, Field(description="the asset", examples=["lamp-1"])]
    relay: Annotated[OutputLine, Field(examples=[{"line": 23}])]
    pulse: Annotated[
        OutputLine,
        Field(
            description="feeds the hardware timer that drops the relay within 2 s without pulses",
            examples=[{"line": 24}],
        ),
    ]
    door: Annotated[
        SafeInput,
        Field(description="the second contact of the door; safe is shut", examples=[{"line": 17}]),
    ]
    presence: Annotated[
        SafeInput | Literal["none"],
        Field(
            description='the presence sensor, safe is nobody; "none" needs `presence_reason`',
            examples=[{"line": 27}],
        ),
    ]
    beacon: Annotated[
        OutputLine,
        Field(
            description="the light in the room: before the lamp, and while it is on",
            examples=[{"line": 25}],
        ),
    ]
    presence_reason: Annotated[
        str,
        Field(
            max_length=200,
            description="why there is none, for the inspector; it stands in each cycle's record",
        ),
    ] = ""
    mains: Annotated[
        SafeInput | None,
        Field(description="mains sensing, safe is present", examples=[{"line": 22}]),
    ] = None
    button: Annotated[
        Button | None,
        Field(
            description="short: start or stop; 3 s: wiped; 10 s: faults were looked into",
            examples=[{"line": 5}],
        ),
    ] = None
    sounder: Annotated[
        OutputLine | None,
        Field(
            description="the buzzer in the room: before the lamp, and when it cannot be put out",
            examples=[{"line": 12}],
        ),
    ] = None
    current: Annotated[LampCurrent | None, Field(examples=[{"series": "lamp-1/lamp/current"}])] = (
        None
    )
    intensity: Annotated[LampIntensity | None, Field(examples=[{"series": "lamp-1/lamp/uv"}])] = (
        None
    )
    minutes: Annotated[
        int, Field(ge=1, le=720, description="length of a cycle; at least 30 (WS/T 367-2012)")
    ] = 30
    most_minutes: Annotated[
        int, Field(ge=1, le=720, description="no cycle is longer, whoever asks")
    ] = 120
    warning: Annotated[
        DurationMs,
        Field(ge=5_000, le=600_000, description="the beacon goes this long before the lamp"),
    ] = 30_000
    door_settle: Annotated[
        DurationMs,
        Field(ge=200, le=60_000, description="shut counts after this long; open counts at once"),
    ] = 1_000
    empty_for: Annotated[
        DurationMs,
        Field(ge=1_000, description="nobody counts after this long; somebody counts at once"),
    ] = 60_000
    cool_down: Annotated[
        DurationMs, Field(le=3_600_000, description="no new cycle for this long behind one")
    ] = 60_000
    presence_stuck: Annotated[
        DurationMs,
        Field(ge=60_000, description="somebody without end for this long: the sensor is stuck"),
    ] = 24 * 3_600_000
    blind_after: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="the door opened this often and nobody was seen: the sensor is blind",
        ),
    ] = 3
    rated_hours: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="of the tube; a reminder (WS/T 367: at least 1000), what counts is intensity",
        ),
    ] = 1_000
    wipe_every: Annotated[
        DurationMs, Field(ge=3_600_000, description="weekly (WS/T 367-2012, annex C.6)")
    ] = 7 * 86_400_000
    schedule: LampSchedule = LampSchedule()

    @model_validator(mode="after")
    def _everything_is_said(self) -> Self:
        if self.presence == "none" and not self.presence_reason.strip():
            raise ValueError(
                '`presence = "none"` needs a reason, and an inspector will read it; '
                'write `presence_reason = "…"`, or connect a sensor'
            )
        if self.presence != "none" and self.presence_reason:
            raise ValueError(
                "`presence_reason` is for a lamp without a sensor; take it away, or the sensor"
            )
        # BCM2835 ARM Peripherals, table 6-31: from power-on, GPIO0 to 8 are pulled up, the others down.
        if (self.relay.line <= 8) != self.relay.active_low:
            raise ValueError(
                f"`relay` on GPIO{self.relay.line} would be on while the Pi starts; take a line from "
                "9 to 27 for a relay that a high level switches on, and 5 to 8 for `active_low`"
            )
        if self.minutes > self.most_minutes:
            raise ValueError(
                "`minutes` is more than `most_minutes`; write a longer limit or a shorter cycle"
            )
        return self


class LampSettings(Section):
    """UV lamps. UV-C burns eyes and skin: the wiring of docs/wiring.md comes before this."""

    zone: Zone = "Asia/Shanghai"
    lamps: Annotated[list[Lamp], Field(min_length=1)]

    @model_validator(mode="after")
    def _lamps_differ(self) -> Self:
        ids = [lamp.id for lamp in self.lamps]
        for id_ in ids:
            if ids.count(id_) > 1:
                raise ValueError(f"lamp {id_} is given twice; give one another id")
        return self
