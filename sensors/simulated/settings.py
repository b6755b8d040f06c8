"""The settings of a simulated probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.units import DurationMs, Thousandths
from sensors.settings import DriverSettings


class SimulatedSettings(DriverSettings):
    """A file (`path`), or else a formula: `mean` + `amplitude` x sine of the time + `noise`."""

    kind: Literal["simulated"]
    path: Annotated[
        Path | None,
        Field(
            description="a file with one whole number, thousandths of the unit; absent: unplugged"
        ),
    ] = None
    mean: Annotated[Thousandths, Field(description="middle value")] = 5_000
    amplitude: Annotated[Thousandths, Field(ge=0, description="half of highest minus lowest")] = 800
    period: Annotated[DurationMs, Field(gt=0, description="one full swing")] = 40 * 60_000
    noise: Annotated[Thousandths, Field(ge=0, description="largest random error")] = 50
    seed: Annotated[int, Field(ge=0, description="another seed gives other noise")] = 0

    @model_validator(mode="after")
    def _file_or_formula(self) -> Self:
        both = self.model_fields_set - {"kind", "checks", "path"}
        if self.path is not None and both:
            raise ValueError(
                f"has `path` and {', '.join(sorted(f'`{key}`' for key in both))}: "
                "a probe follows a file or a formula, not both"
            )
        return self
