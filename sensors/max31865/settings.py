"""The settings of a MAX31865."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from config.units import Thousandths
from sensors.settings import DriverSettings


class Max31865Settings(DriverSettings):
    """One chip behind its chip select, and the PT100 at it."""

    kind: Literal["max31865"]
    bus: Annotated[Path, Field(description="chip select 0 is /dev/spidev0.0, 1 is /dev/spidev0.1")]
    wires: Annotated[
        Literal[2, 3, 4], Field(description="from the PT100; the board's jumpers must say the same")
    ]
    reference_ohm: Annotated[
        Thousandths,
        Field(
            ge=200_000,
            le=1_000_000,
            description="the reference resistor, as precisely as it is known",
        ),
    ] = 430_000
    mains_hz: Annotated[
        Literal[50, 60], Field(description="of the country: its hum is filtered out")
    ] = 50
