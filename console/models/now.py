"""Assets, sites and the system as they are now."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from console.models.base import AssetKey, Duration, Model, Name, Shares, Time, Value
from console.models.excursion import Excursion

State = Literal["both", "above", "below", "lost", "silent", "none", "inside"]


class PointCertificate(Model):
    """The calibration certificate of a probe, as its device's newest settings give it."""

    number: str
    date: Annotated[str, Field(description="the day of the calibration")]
    due: Annotated[str, Field(description="the last day on which it is good, at the site")]
    standing: Annotated[
        Literal["valid", "soon", "overdue"], Field(description="soon: due within 30 days")
    ]
    left_days: Annotated[int, Field(description="to the due day; below 0 once it is overdue")]
    points: Annotated[
        list[tuple[Value, Value]],
        Field(description="reading and correction; value = reading + correction"),
    ]


class PointNow(Model):
    """The newest reading of one series."""

    series: str
    point: str
    quantity: str
    unit: str
    device: str
    decides: Annotated[bool, Field(description="whether it speaks for the stock in the asset")]
    value: Annotated[Value | None, Field(description="the newest that may be judged")]
    raw: Annotated[
        Value | None, Field(description="what the probe said, where calibration changed it")
    ]
    certificate: PointCertificate | None
    at: Annotated[Time | None, Field(description="when that was taken")]
    age_ms: Duration | None
    stale: Annotated[bool, Field(description="too old to say anything about now")]
    estimated: Annotated[bool, Field(description="the time was estimated, the clock was not set")]
    ahead: Annotated[bool, Field(description="its time lies ahead of the hub's clock")]
    trouble: Annotated[
        str | None, Field(description="quality of the newest reading where it is not `ok`")
    ]
    state: Annotated[
        Literal["inside", "above", "below"] | None,
        Field(description="where it stands in the storage range; None: stale, or no range"),
    ]


class SwitchNow(Model):
    """A door or the mains."""

    series: str
    on: Annotated[bool, Field(description="door: open; mains: present")]
    since: Annotated[Time | None, Field(description="None: for more than a day")]
    at: Time
    age_ms: Duration
    stale: bool


class Trace(Model):
    """Extremes of all deciding points in buckets of one width, column by column."""

    start: Time
    width: Duration
    minimum: list[int | None]
    maximum: list[int | None]
    unknown: Annotated[list[bool], Field(description="whether any of the bucket is unknown")]


class AssetNow(Model):
    """One asset as it is now."""

    key: AssetKey
    site: str
    id: str
    name: Name
    kind: str
    configured: Annotated[bool, Field(description="whether the hub's settings name it")]
    state: State
    since: Annotated[Time | None, Field(description="None: for more than a day, or unknown")]
    heard_at: Annotated[Time | None, Field(description="when its device was last heard of")]
    behind: Annotated[
        bool, Field(description="its device is heard, but sends records of an earlier time")
    ]
    storage_low: Value | None
    storage_high: Value | None
    points: Annotated[list[PointNow], Field(description="those that decide")]
    others: list[PointNow]
    door: SwitchNow | None
    mains: SwitchNow | None
    day: Annotated[Shares | None, Field(description="the last 24 h, or since readings begin")]
    week: Annotated[Shares | None, Field(description="the last 7 d, or since readings begin")]
    excursions: Annotated[list[Excursion], Field(description="open ones")]
    trace: Annotated[Trace | None, Field(description="the last 24 h, for a small chart")]


class SiteNow(Model):
    """A site and its assets, trouble first."""

    id: str
    name: Name
    kind: str
    township: str
    zone: str
    assets: list[AssetNow]


class LostDevice(Model):
    """A device from which nothing comes."""

    device: str
    site: str
    heard_at: Time | None


class Channel(Model):
    """Whether SMS leave."""

    failing: bool
    since: Time | None
    reason: str
    refused: Annotated[int, Field(description="SMS that were refused in the last 24 h")]
    waiting: Annotated[int, Field(description="SMS that should have been sent by now")]


class HubState(Model):
    """Whether anybody is receiving."""

    state: Annotated[
        Literal["never", "running", "stopped", "quiet"],
        Field(description="quiet: nothing has come from anywhere for too long"),
    ]
    since: Time | None


class Overview(Model):
    """Everything at a glance."""

    at: Time
    sites: list[SiteNow]
    lost: list[LostDevice]
    unanswered: Annotated[int, Field(description="open alarms that nobody sees to now")]
    unexplained: Annotated[int, Field(description="heat or freeze that lacks reason and action")]
    quarantined: int
    channel: Channel
    hub: HubState
