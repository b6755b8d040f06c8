"""Settings of the agent: one TOML file beside each Raspberry Pi."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from config.base import Broker, LogForm, Metrics, Name, Section
from config.calibration import CalibrationSettings
from config.changes import RuleChange, refuse_unknown_or_looser, refuse_wider_storage
from config.gpio import GpioSettings
from config.lamp import LampSettings
from config.loosening import GAP_INTERVALS, gap_too_long
from config.modem import ModemSettings
from config.panel import PanelLines
from config.power import PowerSettings
from config.units import DurationMs, Thousandths


class Sampling(Section):
    """How often probes are read and readings recorded."""

    every: Annotated[DurationMs, Field(ge=1_000, description="how often each probe is read")] = (
        10_000
    )
    record_every: Annotated[DurationMs, Field(ge=1_000, description="the recording interval")] = (
        60_000
    )
    max_gap: Annotated[
        DurationMs | None,
        Field(
            description="longest time to the next reading that counts as held; "
            "three recording intervals where it is left out",
            examples=["3min"],
        ),
    ] = None
    max_gap_reason: Annotated[
        str,
        Field(
            max_length=200,
            description="why `max_gap` is longer than three recording intervals, for it counts as three "
            "without; the journal keeps it",
        ),
    ] = ""

    @model_validator(mode="after")
    def _intervals_fit(self) -> Self:
        if self.record_every < self.every:
            raise ValueError(
                "`record_every` is shorter than `every`, and no reading is recorded before it is taken; "
                "write a longer `record_every` or a shorter `every`"
            )
        if self.max_gap is not None and self.max_gap < self.record_every:
            raise ValueError(
                "`max_gap` is shorter than `record_every`, so unknown time would follow every reading; "
                "write at least three times `record_every`, or leave it out"
            )
        return self

    @property
    def gap_unreasoned(self) -> bool:
        """Whether `max_gap` is longer than three recording intervals, and nobody says why."""
        return (
            self.max_gap is not None
            and gap_too_long(self.max_gap, self.record_every)
            and not self.max_gap_reason.strip()
        )

    @property
    def max_gap_ms(self) -> int:
        """The gap in force: three intervals at most, where no reason is given."""
        if self.max_gap is None or self.gap_unreasoned:
            return GAP_INTERVALS * self.record_every
        return self.max_gap


class Point(Section):
    """A measuring place on an asset and the probe that measures it."""

    name: Annotated[Name, Field(examples=["center"])]
    quantity: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "temperature"
    decides: Annotated[
        bool, Field(description="whether this point speaks for the stock in the asset")
    ] = False
    driver: Annotated[
        dict[str, Any],
        Field(
            description="`kind` names the driver; its other keys are in sensors/<kind>/README.md",
            examples=[{"kind": "ds18b20", "id": "28-0316a2794fff"}],
        ),
    ]
    calibration: Annotated[
        CalibrationSettings | None,
        Field(
            description="the probe's certificate: `due` is its last good day; `reference` is what "
            "the standard showed (标准值), `reading` the probe (示值), and `correction` (修正值) is "
            "reference - reading, two of the three are enough; straight between the points, "
            "constant beyond them",
            examples=[
                {
                    "certificate": "T-0417",
                    "date": "2026-03-02",
                    "due": "2027-03-01",
                    "points": [
                        {"reference": 2.0, "reading": 2.1},
                        {"reference": 8.0, "correction": -0.15},
                    ],
                }
            ],
        ),
    ] = None


class Asset(Section):
    """A fridge, freezer, cool box or room."""

    id: Annotated[Name, Field(examples=["fridge-1"])]
    storage: Annotated[
        tuple[Thousandths, Thousandths],
        Field(description="storage range in degC, both ends inside"),
    ] = (2_000, 8_000)
    storage_reason: Annotated[
        str,
        Field(
            max_length=200,
            description="why `storage` is wider than the profiles have it; the journal keeps it",
        ),
    ] = ""
    profiles: Annotated[
        list[Name],
        Field(
            min_length=1,
            description="the sets of rules that watch it: config/profiles",
            examples=[["cn-gsp", "who-pqs"]],
        ),
    ]
    rules: Annotated[
        list[RuleChange],
        Field(
            description="rules of its profiles that this site makes tighter, or with a reason looser: "
            "`delay` instead of the rule's time, and its limits by their own names (docs/rules.md)",
            examples=[[{"id": "cn-gsp/out-of-range", "delay": "5min"}]],
        ),
    ] = []
    rules_reason: Annotated[
        str,
        Field(
            max_length=200,
            description="why fewer or looser rules watch it than before: another profile, a point that "
            "decides no more, a stricter figure taken back; the journal has it beside what is looser",
        ),
    ] = ""
    points: Annotated[list[Point], Field(min_length=1)]

    @model_validator(mode="after")
    def _rules_are_tightened(self) -> Self:
        refuse_unknown_or_looser(self.rules, self.profiles)
        return self

    @model_validator(mode="after")
    def _range_and_points(self) -> Self:
        refuse_wider_storage(self.storage, self.profiles, self.storage_reason)
        seen = set()
        for point in self.points:
            key = (point.name, point.quantity)
            if key in seen:
                raise ValueError(
                    f"point {point.name}/{point.quantity} is given twice; give one another name"
                )
            seen.add(key)
        return self


def series_name(asset: Asset, point: Point) -> str:
    """Return ``asset/point/quantity``."""
    return f"{asset.id}/{point.name}/{point.quantity}"


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
    most: Annotated[
        int,
        Field(
            ge=50_000,
            description="records on the card at most: a million are about 350 MB; beyond, those that "
            "the hub has go first, and what it lacks goes last and is told as a gap",
        ),
    ] = 3_000_000
    window: Annotated[
        int, Field(ge=500, le=50_000, description="records sent ahead of what the hub has judged")
    ] = 2_000
    resend_after: Annotated[
        DurationMs,
        Field(ge=1_000, description="go back to what the hub has when it stands still this long"),
    ] = 15_000


class PanelSettings(Section):
    """Where light and buzzer states go beside the log; for GPIO lines there is `[panel_lines]`."""

    state_file: Annotated[
        Path | None,
        Field(
            description="a file that always holds the panel's state as JSON",
            examples=["/run/coldwatch/panel.json"],
        ),
    ] = None


class AgentMetrics(Metrics):
    """Figures for Prometheus: plain HTTP, on this machine only; takes some megabytes of memory."""

    enabled: bool = False
    port: Annotated[int, Field(ge=0, le=65535, description="0 takes any free one")] = 9465


class AgentSettings(Section):
    """The whole file."""

    site: Annotated[
        Name,
        Field(description="the vaccination point, as the hub calls it", examples=["east-gate"]),
    ]
    device: Annotated[
        Name, Field(description="this Raspberry Pi, as the hub calls it", examples=["pi-1"])
    ]
    state_dir: Annotated[
        Path,
        Field(description="the folder of the spool; on a card or disk that keeps what it says"),
    ] = Path("/var/lib/coldwatch")
    mqtt: Broker = Broker()
    sampling: Sampling = Sampling()
    clock: ClockSettings = ClockSettings()
    spool: Spool = Spool()
    panel: PanelSettings = PanelSettings()
    gpio: GpioSettings = GpioSettings()
    metrics: AgentMetrics = AgentMetrics()
    modem: ModemSettings | None = None
    power: PowerSettings | None = None
    lamp: LampSettings | None = None
    panel_lines: PanelLines | None = None
    log: LogForm = "text"
    assets: Annotated[list[Asset], Field(min_length=1)]

    @model_validator(mode="after")
    def _assets_differ(self) -> Self:
        ids = [asset.id for asset in self.assets]
        for asset in ids:
            if ids.count(asset) > 1:
                raise ValueError(f"asset {asset} is given twice; give one another id")
        return self
