"""Settings of mains and battery: which series they are, and when to end in order."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.base import Section
from config.units import DurationMs, Thousandths

SeriesName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*/[a-z][a-z0-9_]*$")
]


class PowerSettings(Section):
    """Mains and battery: lost mains are told within seconds, and a battery's end is an orderly one."""

    mains: Annotated[
        SeriesName,
        Field(
            description="the series of the mains: asset/point/present, 1 while there is mains",
            examples=["fridge-1/mains/present"],
        ),
    ]
    battery: Annotated[
        SeriesName | None,
        Field(
            description="the series of this Pi's battery, asset/point/charge (%) or voltage (V)",
            examples=["fridge-1/battery/charge"],
        ),
    ] = None
    end_below: Annotated[
        Thousandths | None,
        Field(
            description="without mains and below this, the agent says its last word",
            examples=[10.0],
        ),
    ] = None
    held_for: Annotated[
        int, Field(ge=2, le=100, description="so many readings in a row, for one may be wrong")
    ] = 3
    last_word_within: Annotated[
        DurationMs,
        Field(ge=1_000, le=600_000, description="how long the hub may take to hear the last word"),
    ] = 20_000
    poweroff: Annotated[
        list[str],
        Field(
            description="a command to end the Pi with, run behind the last word; left out, the "
            "agent goes on until the battery fails. As a service the agent may not run `systemctl "
            "poweroff`: coldwatch-poweroff.path does, when this file is touched",
            examples=[["touch", "/run/coldwatch/poweroff"]],
        ),
    ] = []

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.battery is None) != (self.end_below is None):
            raise ValueError(
                "`battery` and `end_below` belong together; write both, such as "
                'battery = "fridge-1/battery/charge" and end_below = 10.0, or neither'
            )
        if self.poweroff and self.battery is None:
            raise ValueError("`poweroff` needs `battery` and `end_below`, or it would never run")
        return self
