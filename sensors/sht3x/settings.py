"""The settings of an SHT3x or SHTC3."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sensors.settings import DriverSettings

_ADDRESSES = {"sht3x": (0x44, 0x45), "shtc3": (0x70,)}


class Sht3xSettings(DriverSettings):
    """One chip on an I2C bus; a point for each quantity may name the same one."""

    kind: Literal["sht3x"]
    chip: Annotated[
        Literal["sht3x", "shtc3"], Field(description="sht3x for SHT30, SHT31 and SHT35")
    ] = "sht3x"
    bus: Annotated[Path, Field(description="the I2C bus")] = Path("/dev/i2c-1")
    address: Annotated[
        int | None,
        Field(
            validate_default=True,
            description="0x44, or 0x45 where ADDR is wired to 3.3 V; an SHTC3 always has 0x70",
        ),
    ] = None

    @field_validator("address")
    @classmethod
    def _of_this_chip(cls, address: int | None, info: ValidationInfo) -> int | None:
        chip = info.data.get("chip")
        if chip is None:
            return address
        known = _ADDRESSES[chip]
        if address is None:
            return known[0]
        if address not in known:
            raise ValueError(
                f"0x{address:02x} is not an address of an {chip}; "
                f"write {' or '.join(f'0x{one:02x}' for one in known)}"
            )
        return address
