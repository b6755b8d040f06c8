"""Alarms as the API gives them: what people were told of, who answered, and what was said of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from alerts.answers import Reason
from console.models.base import AssetKey, Model, Name, Time, Value
from console.models.excursion import Excursion
from hub.standing import Standing


class PersonChoice(Model):
    """Somebody who may act for a site."""

    id: str
    name: str


class AlarmSms(Model):
    """One SMS that told somebody of an alarm, and whether it arrived."""

    person: str
    name: str
    phone: str
    step: Annotated[
        str, Field(description="first, repeat, escalated, resumed; recovered; answered")
    ]
    channels: Annotated[list[str], Field(description="that it was handed to, in order")]
    state: Annotated[
        Literal["waiting", "handed", "sent", "delivered", "refused", "undelivered"],
        Field(description="`sent`: the network took it; `delivered`: its report says it arrived"),
    ]
    reason: str
    text: str
    written_at: Time
    handed_at: Time | None
    sent_at: Time | None


class AlarmStep(Model):
    """Something that people did about an alarm."""

    at: Time
    kind: Annotated[
        Literal["acknowledged", "explained", "sms", "silenced"],
        Field(description="`sms`: an SMS that came in; `silenced`: the buzzer, at the panel"),
    ]
    person: str
    name: str
    way: Annotated[str, Field(description="sms, console, command; panel; empty where none fits")]
    reason: Reason | Literal[""] = ""
    action: str = ""
    text: str = ""


class Alarm(Model):
    """What people are told of and answer: one side of one asset, from first trouble to recovery."""

    id: str
    code: Annotated[str, Field(description="four digits that answer it by SMS")]
    site: str
    asset: AssetKey
    asset_name: Name
    side: str
    state: Standing
    since: Annotated[Time, Field(description="the earliest start of its excursions")]
    opened_at: Annotated[Time, Field(description="when the hub learned of it")]
    recovered_at: Time | None
    unit: str
    extreme: Annotated[Value | None, Field(description="the value farthest outside")]
    answered_at: Time | None
    answered_by: str
    answered_name: str
    explained: bool
    must_explain: Annotated[bool, Field(description="heat or freeze: needs a reason and an action")]
    excursions: list[Excursion]
    told: list[AlarmSms]
    steps: list[AlarmStep]
    people: Annotated[list[PersonChoice], Field(description="who may answer and explain it")]


class Work(Model):
    """Planned work: alarms of an asset wait until it ends, exposure counts all the same."""

    id: str
    site: str
    asset: AssetKey
    asset_name: Name
    start: Time
    until: Time
    reason: str
    person: str
    name: str


class AlarmList(Model):
    """Alarms: unanswered ones first, then open ones, then those to be explained, then old ones."""

    alarms: list[Alarm]
    unexplained_more: Annotated[
        int, Field(description="how many more are to be explained; they follow when others are")
    ]
    work: Annotated[list[Work], Field(description="planned, not over yet")]
    more: Annotated[bool, Field(description="there are older ones")]


Person = Annotated[str, Field(min_length=1, max_length=63, description="id of the person who acts")]
Line = Annotated[str, Field(max_length=200)]


class AnswerOrder(Model):
    """Somebody answers an alarm."""

    person: Person


class ExplainOrder(Model):
    """Why an alarm came, and what was done."""

    person: Person
    reason: Reason
    action: Annotated[str, Field(min_length=1, max_length=200, description="what was done")]
    text: Annotated[Line, Field(description="in one's own words; needed for `other`")] = ""


class WorkOrder(Model):
    """Work is announced, with its end."""

    person: Person
    asset: Annotated[str, Field(max_length=127, description="site/asset")]
    start: Time
    until: Time
    reason: Reason


class EndOrder(Model):
    """Planned work ends now."""

    person: Person
