"""The settings of one input of an ADS1115."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from config.units import Thousandths
from sensors.settings import DriverSettings

_FULL_SCALES = (256, 512, 1_024, 2_048, 4_096, 6_144)
_RATES = (8, 16, 32, 64, 128, 250, 475, 860)


class Ads1115Settings(DriverSettings):
    """What hangs at one input, and how its volts become a quantity."""

    kind: Literal["ads1115"]
    bus: Annotated[Path, Field(description="the I2C bus")] = Path("/dev/i2c-1")
    address: Annotated[
        int, Field(ge=0x48, le=0x4B, description="ADDR at GND 0x48, VDD 0x49, SDA 0x4a, SCL 0x4b")
    ] = 0x48
    channel: Annotated[
        Literal["0", "1", "2", "3", "0-1", "0-3", "1-3", "2-3"],
        Field(description="an input against ground, or a pair: the first against the second"),
    ]
    full_scale: Annotated[
        Thousandths,
        Field(description="V: 0.256, 0.512, 1.024, 2.048, 4.096 or 6.144; inputs bear VDD at most"),
    ] = 4_096
    rate: Annotated[
        int, Field(description="conversions a second; a slow one averages more noise away")
    ] = 128
    scale: Annotated[
        Thousandths, Field(description="of the quantity for each volt: uW/cm2, A or V")
    ] = 1_000
    offset: Annotated[Thousandths, Field(description="the quantity at 0 V")] = 0

    @field_validator("full_scale")
    @classmethod
    def _a_full_scale(cls, value: int) -> int:
        if value not in _FULL_SCALES:
            known = ", ".join(str(one / 1000) for one in _FULL_SCALES)
            raise ValueError(
                f"{value / 1000} V is not a full scale of the chip; write one of {known}"
            )
        return value

    @field_validator("rate")
    @classmethod
    def _a_rate(cls, value: int) -> int:
        if value not in _RATES:
            known = ", ".join(str(one) for one in _RATES)
            raise ValueError(f"{value} is not a rate of the chip; write one of {known}")
        return value

    @field_validator("scale")
    @classmethod
    def _a_scale(cls, value: int) -> int:
        if value == 0:
            raise ValueError("0 would make every reading the offset; write the quantity at 1 V")
        return value
