"""GPIO lines as people write them in settings: which line, and what its levels mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.base import Section

# BCM numbers of the 40-pin header; the same on every model (pinout.xyz).
LineNumber = Annotated[
    int, Field(ge=0, le=27, description="BCM number, as in GPIO17; not the number of the pin")
]


class SafeInput(Section):
    """A contact that is closed while all is well; a broken wire must read as if it were not.

    There is no `pull` to choose: the line is pulled to the level that is **not** safe.
    """

    line: LineNumber
    safe: Annotated[
        Literal["low", "high"],
        Field(description="the level while all is well: `low` where the contact goes to ground"),
    ] = "low"


class Button(Section):
    """A button."""

    line: LineNumber
    pressed: Annotated[
        Literal["low", "high"], Field(description="the level while it is held down")
    ] = "low"


class OutputLine(Section):
    """A line that switches something."""

    line: LineNumber
    active_low: Annotated[
        bool, Field(description="true where a low level switches it on, as on most relay boards")
    ] = False
