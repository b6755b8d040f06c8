"""UV lamps: what the journal knows of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from console.models.base import AssetKey, Model, Name, Time, Value

LampWhat = Literal["cycle", "refused", "fault", "warning", "wiped", "replaced", "reset"]


class LampEvent(Model):
    """One thing that happened to a lamp, as its device recorded it."""

    position: Annotated[int, Field(description="of its entry in the journal")]
    asset: AssetKey
    site: str
    name: Name
    what: LampWhat
    at: Time
    start: Time | None
    end: Time | None
    minutes: Annotated[int | None, Field(description="that the lamp was on")]
    by: Annotated[str, Field(description="schedule, button, page or command")]
    who: str
    why: Annotated[str, Field(description="why it was cut short or refused, or what is wrong")]
    intensity_min: Value | None
    hours_after: Annotated[int | None, Field(description="of the tube, thousandths of an hour")]
    low: bool


class LampNow(Model):
    """A lamp as its newest events say it is."""

    asset: AssetKey
    site: str
    name: Name
    last: Time | None
    hours: Annotated[int | None, Field(description="of the tube, thousandths of an hour")]
    wiped_at: Time | None
    warnings: Annotated[
        list[
            Literal[
                "relay-welded",
                "lamp-dark",
                "lines-unwritable",
                "wipe-due",
                "hours",
                "intensity",
                "cut",
            ]
        ],
        Field(description="what a person should see to, the gravest first"),
    ]


class LampList(Model):
    """The lamps, and what happened to them, newest first."""

    lamps: list[LampNow]
    events: list[LampEvent]
    more: bool
