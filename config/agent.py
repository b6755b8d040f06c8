"""Settings of the agent: one TOML file beside each Raspberry Pi."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from config.base import Broker, Name, Section
from config.units import DurationMs, Thousandths


class Sampling(Section):
    """How often probes are read and readings recorded (design.md, "Recording")."""

    every: Annotated[DurationMs, Field(ge=1_000, description="how often each probe is read")] = (
        10_000
    )
    record_every: Annotated[DurationMs, Field(ge=1_000, description="the recording interval")] = (
        60_000
    )
    max_gap: Annotated[
        DurationMs | None,
        Field(
            description="longest time to the next reading that counts as held; default three recording intervals"
        ),
    ] = None

    @model_validator(mode="after")
    def _intervals_fit(self) -> Self:
        if self.record_every < self.every:
            raise ValueError(
                "`record_every` is shorter than `every`: a reading cannot be recorded before it is taken"
            )
        if self.max_gap is not None and self.max_gap < self.record_every:
            raise ValueError(
                "`max_gap` is shorter than `record_every`: every reading would be followed by unknown time"
            )
        return self

    @property
    def max_gap_ms(self) -> int:
        """The gap in force."""
        return self.max_gap if self.max_gap is not None else 3 * self.record_every


class Point(Section):
    """A measuring place on an asset and the probe that measures it."""

    name: Name
    quantity: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "temperature"
    decides: Annotated[
        bool, Field(description="whether this point speaks for the stock in the asset")
    ] = False
    driver: Annotated[
        dict[str, Any],
        Field(
            description="`kind` names the driver; its other keys are in sensors/<kind>/README.md"
        ),
    ]


class Asset(Section):
    """A fridge, freezer, cool box or room."""

    id: Name
    storage: Annotated[
        tuple[Thousandths, Thousandths],
        Field(description="storage range in degC, both ends inside"),
    ] = (2_000, 8_000)
    profiles: Annotated[list[Name], Field(min_length=1)]
    points: Annotated[list[Point], Field(min_length=1)]

    @model_validator(mode="after")
    def _range_and_points(self) -> Self:
        if self.storage[0] >= self.storage[1]:
            raise ValueError("`storage` must be [lower, upper]")
        seen = set()
        for point in self.points:
            key = (point.name, point.quantity)
            if key in seen:
                raise ValueError(f"point {point.name}/{point.quantity} is given twice")
            seen.add(key)
        return self


class ClockSettings(Section):
    """Whether the system clock may be trusted."""

    trust: Annotated[
        Literal["ntp", "always"],
        Field(
            description="`ntp`: stamps are `synced` only while the kernel says that its clock is; "
            "`always`: a clock chip or another source keeps it right"
        ),
    ] = "ntp"


class Spool(Section):
    """The durable queue of this agent."""

    keep: Annotated[
        DurationMs, Field(description="how long acknowledged records stay on the card")
    ] = 35 * 86_400_000
    window: Annotated[
        int, Field(ge=500, le=50_000, description="records sent ahead of what the hub has judged")
    ] = 2_000
    resend_after: Annotated[
        DurationMs,
        Field(ge=1_000, description="go back to what the hub has when it stands still this long"),
    ] = 15_000


class PanelSettings(Section):
    """Where light and buzzer states go. GPIO lines come with the device drivers."""

    state_file: Annotated[
        Path | None, Field(description="a file that always holds the panel's state as JSON")
    ] = None


class AgentSettings(Section):
    """The whole file."""

    site: Name
    device: Name
    state_dir: Path = Path("/var/lib/coldwatch")
    mqtt: Broker = Broker()
    sampling: Sampling = Sampling()
    clock: ClockSettings = ClockSettings()
    spool: Spool = Spool()
    panel: PanelSettings = PanelSettings()
    assets: Annotated[list[Asset], Field(min_length=1)]

    @model_validator(mode="after")
    def _assets_differ(self) -> Self:
        ids = [asset.id for asset in self.assets]
        for asset in ids:
            if ids.count(asset) > 1:
                raise ValueError(f"asset {asset} is given twice")
        return self
