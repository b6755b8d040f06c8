"""The settings of the Pi's own health."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sensors.settings import DriverSettings


class PiSettings(DriverSettings):
    """The machine that the agent runs on."""

    kind: Literal["pi"]
    disk: Annotated[
        Path, Field(description="a folder on the file system whose free room is told")
    ] = Path("/")
    root: Annotated[
        Path, Field(description="where /sys and /proc are; a recorded tree in tests")
    ] = Path("/")
