"""The history of one asset over a range."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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
from console.models.excursion import Excursion


class SeriesTrace(Model):
    """One series of a chart, column by column; a bucket never hides an extreme."""

    series: str
    point: str
    quantity: str
    unit: str
    decides: bool
    start: Annotated[list[int], Field(description="of each bucket, UTC ms")]
    minimum: list[int | None]
    maximum: list[int | None]
    readings: list[int]
    rejected: list[int]
    suspect: list[int]
    unknown_ms: list[int]


class Batch(Model):
    """A batch that stood in an asset."""

    batch: str
    doses: Annotated[int, Field(description="the most that stood there")]
    start: Time
    end: Annotated[Time | None, Field(description="None: it still stands there")]


class Row(Model):
    """One line of the table beside the chart."""

    shares: Shares
    excursions: Annotated[list[str], Field(description="ids of those that touch it")]


class RuleInForce(Model):
    """A rule that watches the asset now."""

    id: str
    series: str
    title: Name
    source: Name | None
    to_confirm: bool
    ours: bool
    kind: str
    above: Value | None
    below: Value | None
    at_or_above: Value | None
    at_or_below: Value | None
    for_ms: Duration
    window_ms: Duration | None
    apart: Annotated[Value | None, Field(description="X of a disagreement of two points")] = None
    loosened: Annotated[
        str, Field(description="why the site made it looser than its profile; empty: it did not")
    ] = ""
    unit: str
    holds: bool
    tells: bool


class AssetRecord(Model):
    """What is known of one asset over a range, beside the chart."""

    key: AssetKey
    name: Name
    zone: str
    start: Annotated[Time, Field(description="of the range, or the first reading ever")]
    end: Time
    storage_low: Value | None
    storage_high: Value | None
    interval_ms: Duration | None
    max_gap_ms: Duration | None
    begins: Annotated[Time | None, Field(description="time of the first reading ever")]
    statistics: Annotated[
        Statistics | None, Field(description="of the range, from the first reading ever on")
    ]
    excursions: list[Excursion]
    batches: list[Batch]


class AssetHistory(AssetRecord):
    """The same with the chart."""

    series: list[SeriesTrace]
    unknown: Annotated[list[Interval], Field(description="stretches with unknown time")]
    door_open: list[Interval]
    mains_off: list[Interval]
