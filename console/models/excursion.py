"""Excursions as the API gives them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from console.models.base import AssetKey, Duration, Model, Name, Time, Value

ExcursionSide = Literal["above", "below", "silent", "apart", "stuck"]


class OwnSms(Model):
    """An SMS that the device's own modem sent, as the device's stream says."""

    step: Annotated[str, Field(description="opened or recovered")]
    person: str
    phone: str
    state: Annotated[str, Field(description="sent, refused, or spared: told by the hub meanwhile")]
    reason: str
    text: str


class Excursion(Model):
    """One excursion from start to end, with the rule that made it."""

    id: str
    thread: str
    site: str
    asset: AssetKey
    asset_name: Name
    device: str
    series: str
    point: str
    quantity: str
    unit: str
    rule: str
    profile: str
    kind: str
    title: Name
    source: Name | None
    to_confirm: Annotated[bool, Field(description="the rule's figure comes from memory")]
    ours: Annotated[bool, Field(description="the rule is ours and not the standard's")]
    side: ExcursionSide
    certainty: Literal["certain", "possible"]
    holds: bool
    limit: Value | None
    at_limit: Annotated[bool, Field(description="whether the limit itself is outside already")]
    for_ms: Duration
    window_ms: Duration | None
    start: Annotated[Time, Field(description="back-dated to the first reading outside")]
    opened: Annotated[Time, Field(description="when the rule was fulfilled")]
    end: Annotated[Time | None, Field(description="first reading inside; None: still open")]
    lasted_ms: Annotated[int, Field(description="from start to end, or until now")]
    held_ms: Annotated[int, Field(description="known to be outside, as of the last step")]
    unknown_ms: Duration
    extreme: Value | None
    learned_at: Time
    late: Annotated[bool, Field(description="learned long after it opened")]
    recovered_at: Time | None
    batches: Annotated[list[str], Field(description="batches that it put on hold")]
    own_sms: list[OwnSms] = Field(
        default_factory=list, description="what the device's own modem sent of it"
    )


class ExcursionList(Model):
    """Excursions, newest start first."""

    excursions: list[Excursion]
    more: Annotated[bool, Field(description="there are older ones")]
