"""Settings of the panel's lines: lights, buzzer and button beside the fridge."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.base import Section
from config.lines import Button, OutputLine
from config.units import DurationMs


class PanelLines(Section):
    """Lights, buzzer and button on GPIO lines: docs/wiring.md."""

    green: Annotated[
        OutputLine | None,
        Field(description="all is inside: on, with a wink", examples=[{"line": 16}]),
    ] = None
    yellow: Annotated[
        OutputLine | None,
        Field(
            description="three flashes: a fault; one flash: the hub does not get the readings",
            examples=[{"line": 20}],
        ),
    ] = None
    red: Annotated[
        OutputLine | None,
        Field(description="too warm or too cold: blinks quickly", examples=[{"line": 21}]),
    ] = None
    light: Annotated[
        OutputLine | None,
        Field(
            description="one light for everything, in place of three or beside them",
            examples=[{"line": 26}],
        ),
    ] = None
    buzzer: Annotated[
        OutputLine | None,
        Field(
            description="beeps while something is outside, chirps once a minute for a fault",
            examples=[{"line": 19}],
        ),
    ] = None
    button: Annotated[
        Button | None,
        Field(
            description="silences the buzzer, or tries lights and buzzer when it is silent",
            examples=[{"line": 6}],
        ),
    ] = None
    mute: Annotated[
        DurationMs, Field(ge=1_000, le=3_600_000, description="the buzzer is silent for so long")
    ] = 600_000
    unsent_after: Annotated[
        DurationMs,
        Field(ge=10_000, description="told when for so long the hub has judged nothing"),
    ] = 600_000
    chirp: Annotated[
        bool, Field(description="whether a fault is heard; it is seen in any case")
    ] = True

    @model_validator(mode="after")
    def _something_shows(self) -> Self:
        if not any((self.green, self.yellow, self.red, self.light, self.buzzer)):
            raise ValueError(
                "has no light and no buzzer; write for example `buzzer = { line = 19 }`, "
                "or leave [panel_lines] out"
            )
        return self
