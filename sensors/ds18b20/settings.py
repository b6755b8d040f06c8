"""The settings of a DS18B20."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from sensors.settings import DriverSettings


class Ds18b20Settings(DriverSettings):
    """One probe on the 1-Wire bus."""

    kind: Literal["ds18b20"]
    id: Annotated[str, Field(description="the probe's folder on the bus: `ls /sys/bus/w1/devices`")]
    root: Annotated[Path, Field(description="the kernel's list of 1-Wire devices")] = Path(
        "/sys/bus/w1/devices"
    )

    resolution: Annotated[
        int | None,
        Field(ge=9, le=12, description="bit; left out, the probe keeps what it has"),
    ] = None
    power: Annotated[
        Literal["wired", "parasite"],
        Field(description="`parasite` says that it is meant to have no supply wire"),
    ] = "wired"

    @field_validator("id")
    @classmethod
    def _of_this_family(cls, text: str) -> str:
        digits = text.removeprefix("28-")
        if digits == text or len(digits) != 12 or digits.strip("0123456789abcdef"):
            raise ValueError(
                f'{text!r} is not a DS18B20; write "28-" and 12 hexadecimal digits in lower case, '
                "as `ls /sys/bus/w1/devices` shows it"
            )
        return text
