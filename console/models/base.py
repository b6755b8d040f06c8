"""What all answers share: units, names, and how the time of a range was spent."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[int, Field(description="UTC, milliseconds since 1970")]
Duration = Annotated[int, Field(description="milliseconds")]
Value = Annotated[int, Field(description="thousandths of the quantity's unit")]
AssetKey = Annotated[str, Field(description="site/asset")]
Interval = Annotated[tuple[int, int], Field(description="[start, end), UTC milliseconds")]


class Model(BaseModel):
    """What all answers share."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Name(Model):
    """A name in both languages."""

    zh: str
    en: str


class Shares(Model):
    """How the time of a range was spent; inside + above + below - both + unknown = span."""

    start: Time
    end: Time
    span_ms: Duration
    inside_ms: Duration
    above_ms: Duration
    below_ms: Duration
    both_ms: Annotated[int, Field(description="above at one point and below at another, ms")]
    unknown_ms: Annotated[int, Field(description="nobody knows; `pending_ms` included")]
    pending_ms: Annotated[int, Field(description="unknown that may still arrive")]
    minimum: Value | None
    maximum: Value | None


class Statistics(Shares):
    """The same with what a report prints."""

    readings: int
    longest_unknown_ms: Duration
    mean: Annotated[float | None, Field(description="thousandths, over known time")]
    mkt: Annotated[
        float | None, Field(description="mean kinetic temperature, thousandths, warmest point")
    ]
    safe_share: Annotated[
        float | None,
        Field(description="inside / span, 0 to 1; unknown time is never counted as safe"),
    ]
