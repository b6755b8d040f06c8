"""The settings of a contact on a GPIO line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.gpio import GpioSettings
from config.units import DurationMs
from sensors.settings import DriverSettings


class GpioProbeSettings(DriverSettings):
    """A contact: of a door, a mains relay, a button, a presence sensor."""

    kind: Literal["gpio"]
    line: Annotated[
        int,
        Field(
            ge=0,
            le=27,
            strict=True,
            description="BCM number of the line on the header: `pinout` on the Pi shows it",
        ),
    ]
    pull: Annotated[
        Literal["up", "down", "none"],
        Field(description="the Pi's own resistor: `up` for a contact to GND"),
    ] = "up"
    active_low: Annotated[
        bool, Field(description="whether low means open, on or present; else high does")
    ] = False
    debounce: Annotated[
        DurationMs,
        Field(le=10_000, description="a level counts once it has stood for this long"),
    ] = 100
    most_per_min: Annotated[
        int,
        Field(ge=2, le=600, description="more changes in a minute than this are flapping"),
    ] = 30
    port: Annotated[
        GpioSettings,
        Field(description="another way to the lines than the one in `[gpio]`; for trials"),
    ] = GpioSettings()
