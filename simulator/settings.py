"""A world file: which fridges there are, and what happens to them when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.base import Section
from config.units import DurationMs, Thousandths
from simulator.fridge import MODELS, Model

_FIGURES = tuple(item.name for item in fields(Model))

AssetName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)?$",
        description='"fridge-1", or with its site "east-gate/fridge-1"',
    ),
]
Pattern = Annotated[
    str, Field(min_length=1, description='a fridge\'s asset, or several: "east-gate/*", "*"')
]
At = Annotated[DurationMs, Field(description="simulated time since the world began")]


class Happening(Section):
    """Something that needs no further figure."""

    at: At
    fridge: Pattern
    kind: Literal["door_open", "door_close", "mains_off", "mains_on", "probe_unplug", "probe_plug"]


class Drift(Section):
    """The thermostat wanders to another setpoint and stays there."""

    at: At
    fridge: Pattern
    kind: Literal["thermostat_drift"]
    to: Annotated[Thousandths, Field(description="degC")]
    over: Annotated[DurationMs, Field(description="how long it takes")] = 0


class Glitch(Section):
    """The probe loses its power for a moment and shows 85.000 degC."""

    at: At
    fridge: Pattern
    kind: Literal["power_on_85"]
    lasts: Annotated[DurationMs, Field(gt=0)] = 15_000


class Restock(Section):
    """New load is put in, perhaps warm."""

    at: At
    fridge: Pattern
    kind: Literal["restock"]
    litres: Annotated[float, Field(gt=0, le=200, description="as water")]
    temperature: Annotated[Thousandths, Field(description="degC")]


Event = Annotated[Happening | Drift | Glitch | Restock, Field(discriminator="kind")]


class AmbientSettings(Section):
    """The room: a day's swing, warmest at 15:00, and a little weather."""

    mean_c: Annotated[float, Field(ge=-40, le=60)] = 24.0
    swing_c: Annotated[float, Field(ge=0, le=30)] = 4.0
    weather_c: Annotated[float, Field(ge=0, le=20)] = 1.0
    utc_offset_h: Annotated[float, Field(ge=-14, le=14)] = 8.0


class FridgeSettings(Section):
    """One fridge: where its readings appear and what it is like."""

    asset: AssetName
    probe: Annotated[str, Field(pattern=r"^28-[0-9a-f]{12}$", description="its folder on the bus")]
    model: Literal["household", "compact"] = "household"
    figures: Annotated[
        dict[str, float],
        Field(description="figures of the model to change; simulator/fridge.py explains each"),
    ] = {}  # noqa: RUF012 - pydantic copies a default for each instance
    start: Annotated[Thousandths, Field(description="degC of everything at the beginning")] = 5_000
    noise: Annotated[Thousandths, Field(ge=0, le=2_000, description="of the probe, degC")] = 20
    ambient: AmbientSettings | None = None

    @model_validator(mode="after")
    def _figures_exist(self) -> Self:
        for name in self.figures:
            if name not in _FIGURES:
                raise ValueError(f"`figures.{name}` is unknown; write one of {', '.join(_FIGURES)}")
        self.built_model()
        return self

    def built_model(self) -> Model:
        """Return the model with its changed figures; raise ValueError where they make no sense."""
        return replace(MODELS[self.model], **self.figures)


class WorldSettings(Section):
    """The whole file."""

    root: Annotated[Path, Field(description="where `w1/` and `points/` are written")]
    step: Annotated[DurationMs, Field(ge=1_000, le=60_000)] = 10_000
    seed: Annotated[int, Field(ge=0, description="another seed gives other weather and noise")] = 0
    ambient: AmbientSettings = AmbientSettings()
    fridges: Annotated[list[FridgeSettings], Field(min_length=1)]
    story: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        assets = [fridge.asset for fridge in self.fridges]
        probes = [fridge.probe for fridge in self.fridges]
        for name in [*assets, *probes]:
            if assets.count(name) + probes.count(name) > 1:
                raise ValueError(f"{name} is given twice")
        for number, event in enumerate(self.story, 1):
            if not any(self.meant(event.fridge)):
                raise ValueError(
                    f"event {number} of the story: {event.fridge!r} is no fridge; "
                    f"write one of {', '.join(assets)}"
                )
        return self

    def meant(self, pattern: str) -> Iterator[str]:
        """Yield the assets that a story's `fridge` names."""
        return (item.asset for item in self.fridges if fnmatchcase(item.asset, pattern))
