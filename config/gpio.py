"""Settings of the GPIO lines: the `[gpio]` section, which probes, panel, lamp and power share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.base import Section


class GpioSettings(Section):
    """How the agent reaches the lines of the Pi's header; one way for all that use any."""

    adapter: Annotated[
        Literal["auto", "gpiod", "rpi-gpio", "folder"],
        Field(
            description="`auto`: gpiod where it is installed, else, up to the Pi 4, RPi.GPIO; "
            "`rpi-gpio` takes rpi-lgpio too; `folder`: files in place of lines, for trials"
        ),
    ] = "auto"
    chip: Annotated[
        str | None,
        Field(
            min_length=1,
            description="label or device of the GPIO chip, for gpiod; left out: the Pi's header",
            examples=["pinctrl-rp1"],
        ),
    ] = None
    folder: Annotated[
        Path | None,
        Field(
            description="for `folder`: it holds <line>/pull and <line>/value, as gpio-sim does",
            examples=["/run/coldwatch/gpio"],
        ),
    ] = None

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        if self.adapter == "folder" and self.folder is None:
            raise ValueError(
                '`adapter = "folder"` needs `folder`; write for example '
                'folder = "/run/coldwatch/gpio", or leave both out on a real Pi'
            )
        if self.folder is not None and self.adapter in ("gpiod", "rpi-gpio"):
            raise ValueError(
                f'`folder` stands in for the lines, and `adapter` is "{self.adapter}"; '
                "leave one of them out"
            )
        if self.chip is not None and self.adapter not in ("auto", "gpiod"):
            raise ValueError(
                f'`chip` is for gpiod, and `adapter` is "{self.adapter}"; leave `chip` out'
            )
        return self
