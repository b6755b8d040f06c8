"""SMS, devices, and what could not be taken in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from console.models.base import Model, Name, Time


class Sms(Model):
    """One SMS to one person."""

    id: str
    person: str
    name: str
    phone: str
    language: str
    text: str
    state: Annotated[
        Literal["waiting", "handed", "sent", "delivered", "refused", "undelivered", "unconfirmed"],
        Field(
            description="`sent`: the network took it; `delivered`: its report, or an answer, says "
            "that it arrived; `unconfirmed`: of a monthly test nothing does"
        ),
    ]
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


class Claim(Model):
    """That a device speaks for another, so that its readings are not taken."""

    cause: Annotated[
        Literal["site", "stream"],
        Field(
            description="`site`: it names a site not its own; `stream`: it uses another's stream"
        ),
    ]
    claim: Annotated[str, Field(description="that site, or the device whose stream it is")]
    since: Time


class Device(Model):
    """A device and its streams."""

    device: str
    site: str
    configured: bool
    heard_at: Time | None
    lost: bool
    claim: Claim | None
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


class HealthLine(Model):
    """One thing about the hub, and how it is."""

    subject: Name
    level: Annotated[
        Literal["well", "look", "bad"],
        Field(description="`look`: to be looked at; `bad`: it keeps the hub from its work"),
    ]
    code: str
    text: Name


class HubHealth(Model):
    """How the hub is, as it says itself, or as its database says where it cannot be asked."""

    at: Time
    healthy: bool
    running: Annotated[bool, Field(description="whether the hub itself has answered")]
    lines: list[HealthLine]


GapKind = Literal["gap", "differs", "set-aside", "new-stream", "in-memory", "damaged"]


class Gap(Model):
    """A hole or a break in a stream, as the journal has it."""

    at: Time
    kind: Annotated[
        GapKind,
        Field(
            description="`gap`: records that the device no longer has; `differs`: another hash than "
            "the hub's; `set-aside`: the spool's file was damaged; `new-stream`: it forked behind "
            "`last`; `in-memory`: the disk took nothing at the start; `damaged`: one changed on the card"
        ),
    ]
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
