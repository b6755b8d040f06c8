"""The settings of a hwmon or IIO file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sensors.settings import DriverSettings


def _scale(value: object) -> str:
    """Keep it as written: 0.1 stays a tenth."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is not a number; write for example 1000")
    try:
        scale = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number; write for example 1000") from None
    if not scale.is_finite() or scale == 0 or abs(scale) > 10**9:
        raise ValueError(
            f"{value!r} is no scale; write for example 1000 where the file has degrees"
        )
    return str(scale)


class HwmonSettings(DriverSettings):
    """One file below /sys: by the chip's name, or by its path."""

    kind: Literal["hwmon"]
    name: Annotated[
        str | None, Field(min_length=1, description="what the chip's `name` file holds: `sht3x`")
    ] = None
    input: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z][a-z0-9_-]*$",
            description="the file in the chip's folder: `temp1_input`, `in_temp_input`",
        ),
    ] = None
    index: Annotated[
        int | None, Field(ge=0, description="which of several chips of that name, from 0")
    ] = None
    path: Annotated[Path | None, Field(description="the file itself, instead of `name`")] = None
    scale: Annotated[
        str,
        BeforeValidator(_scale, json_schema_input_type=float),
        Field(description="thousandths of the unit that one step of the number is"),
    ] = "1"
    root: Annotated[Path, Field(description="where the kernel shows its devices")] = Path("/sys")

    @model_validator(mode="after")
    def _name_or_path(self) -> Self:
        if (self.name is None) == (self.path is None):
            raise ValueError("needs `name` and `input` of a chip, or the `path` of a file")
        if (self.name is None) != (self.input is None):
            raise ValueError("`name` and `input` go together: `temp1_input` of the chip `sht3x`")
        if self.path is not None and self.index is not None:
            raise ValueError("`index` goes with `name`: a path is one file")
        return self
