"""What the JSON API answers. The pages show the same objects.

Times are UTC milliseconds, durations milliseconds, values integer thousandths of the unit beside
them, and names stand in both languages: a program must not have to undo what was made for people.
"""

from __future__ import annotations

from console.models.asset import (
    AssetHistory,
    AssetRecord,
    Batch,
    Row,
    RuleInForce,
    SeriesTrace,
)
from console.models.base import (
    AssetKey,
    Duration,
    Interval,
    Model,
    Name,
    Shares,
    Statistics,
    Time,
    Value,
)
from console.models.excursion import (
    Excursion,
    ExcursionList,
    ExcursionSide,
)
from console.models.lamps import LampEvent, LampList, LampNow
from console.models.now import (
    AssetNow,
    Channel,
    HubState,
    LostDevice,
    Overview,
    PointNow,
    SiteNow,
    State,
    SwitchNow,
    Trace,
)
from console.models.stock import (
    BatchJourney,
    BatchStock,
    HoldEntry,
    Parcel,
    Reason,
    Stay,
    Stock,
    Verdict,
)
from console.models.system import (
    Claim,
    Device,
    Equipment,
    Gap,
    HealthLine,
    HubHealth,
    Quarantined,
    Sms,
    SmsList,
    Stream,
)

__all__ = [
    "AssetHistory",
    "AssetKey",
    "AssetNow",
    "AssetRecord",
    "Batch",
    "BatchJourney",
    "BatchStock",
    "Channel",
    "Claim",
    "Device",
    "Duration",
    "Equipment",
    "Excursion",
    "ExcursionList",
    "ExcursionSide",
    "Gap",
    "HealthLine",
    "HoldEntry",
    "HubHealth",
    "HubState",
    "Interval",
    "LampEvent",
    "LampList",
    "LampNow",
    "LostDevice",
    "Model",
    "Name",
    "Overview",
    "Parcel",
    "PointNow",
    "Quarantined",
    "Reason",
    "Row",
    "RuleInForce",
    "SeriesTrace",
    "Shares",
    "SiteNow",
    "Sms",
    "SmsList",
    "State",
    "Statistics",
    "Stay",
    "Stock",
    "Stream",
    "SwitchNow",
    "Time",
    "Trace",
    "Value",
    "Verdict",
]
