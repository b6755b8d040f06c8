"""The settings of a DHT22."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sensors.settings import DriverSettings


class Dht22Settings(DriverSettings):
    """One chip on one GPIO line."""

    kind: Literal["dht22"]
    pin: Annotated[
        int | None, Field(ge=0, le=27, description="BCM number of the line; pin 7 is GPIO 4")
    ] = None
    standin: Annotated[
        Path | None,
        Field(description="instead of `pin`, in tests and demos: a file with a frame as hex"),
    ] = None

    @model_validator(mode="after")
    def _line_or_file(self) -> Self:
        if (self.pin is None) == (self.standin is None):
            raise ValueError("needs `pin`, the BCM number of its line; `standin` is for tests")
        return self
