"""SMS, devices, and what could not be taken in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from console.models.base import Model, Time


class Sms(Model):
    """One SMS to one person."""

    id: str
    person: str
    name: str
    phone: str
    language: str
    text: str
    state: Literal["waiting", "handed", "sent", "refused"]
    reason: str
    created_at: Time
    handed_at: Time | None
    sent_at: Time | None


class SmsList(Model):
    """SMS, newest first."""

    sms: list[Sms]
    more: bool


class Stream(Model):
    """What the hub has of one stream."""

    stream: str
    judged_seq: int
    stored_seq: int
    newest_at: Time
    opened_at: Time


class Device(Model):
    """A device and its streams."""

    device: str
    site: str
    configured: bool
    heard_at: Time | None
    lost: bool
    state: Annotated[str | None, Field(description="what it said of itself: online, offline")]
    version: str | None
    recorded: int | None
    unsent: int | None
    problems: list[str]
    streams: list[Stream]


class Quarantined(Model):
    """Something that could not be taken in."""

    id: int
    topic: str
    stream: str | None
    seq: int | None
    reason: str
    size: int
    times: int
    first_at: Time
    last_at: Time
    beginning: Annotated[str, Field(description="its first bytes, unprintable ones as \\xNN")]


class Gap(Model):
    """A hole or a fork in a stream, as the journal has it."""

    at: Time
    kind: Literal["gap", "differs"]
    device: str
    stream: str
    first: int | None
    last: int | None
    reason: str


class Equipment(Model):
    """Devices, what was set aside, and what is known to be missing."""

    devices: list[Device]
    quarantine: list[Quarantined]
    quarantined: Annotated[int, Field(description="how many there are altogether")]
    gaps: list[Gap]
