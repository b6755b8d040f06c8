"""The settings of a replayed recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field, field_validator, model_validator

from config.units import DurationMs
from sensors.settings import DriverSettings

Column = Annotated[int, Field(ge=0, strict=True)] | Annotated[str, Field(min_length=1)]


class ReplaySettings(DriverSettings):
    """A table, which of its columns, and how fast."""

    kind: Literal["replay"]
    path: Annotated[
        Path, Field(description="the table: comma, semicolon or tab between its columns")
    ]
    time_column: Annotated[
        Column,
        Field(description="name in the table's header, or place from 0 in a table without one"),
    ] = "timestamp"
    value_column: Annotated[Column, Field(description="as `time_column`")] = "temperature"
    time_unit: Annotated[
        Literal["auto", "iso", "s", "ms"],
        Field(description="`auto`: ISO 8601, or seconds or milliseconds since 1970 by their size"),
    ] = "auto"
    zone: Annotated[str, Field(description="zone of ISO times without an offset")] = "UTC"
    epoch: Annotated[
        AwareDatetime | None,
        Field(description="when the time column's 0 was, for a logger that counts its uptime"),
    ] = None
    unit: Annotated[
        Literal["one", "milli"],
        Field(description="`one`: values are decimals of the unit; `milli`: thousandths of it"),
    ] = "one"
    pace: Annotated[
        Literal["own", "as-fast-as-possible"] | Annotated[float, Field(gt=0, le=1_000_000)],
        Field(
            description="`own`: as recorded, moved so that the first row is now; a number: so many "
            "times as fast, with the table's own times; `as-fast-as-possible`, likewise"
        ),
    ] = "own"
    hole: Annotated[
        DurationMs | None,
        Field(
            description="a row older than this is no value of now; default three median spacings"
        ),
    ] = None

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; write for example Asia/Shanghai") from None
        return name

    @model_validator(mode="after")
    def _epoch_needs_numbers(self) -> Self:
        if self.epoch is not None and self.time_unit not in ("s", "ms"):
            raise ValueError('`epoch` goes with `time_unit = "s"` or "ms": an uptime is a number')
        if isinstance(self.time_column, str) != isinstance(self.value_column, str):
            raise ValueError(
                "`time_column` and `value_column` are both names or both places from 0"
            )
        return self
