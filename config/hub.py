"""Settings of the hub: sites, devices, assets, people and channels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.base import Broker, LogForm, Metrics, Name, Section, Text
from config.database import DatabaseSettings
from config.enrolment import EnrolmentSettings
from config.units import DurationMs

Zone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$", description="IANA time zone, such as Asia/Shanghai"),
]


class Person(Section):
    """Somebody who can be told."""

    id: Annotated[Name, Field(examples=["li"])]
    name: Annotated[str, Field(examples=["李医生"])]
    phone: Annotated[
        str,
        Field(
            pattern=r"^\+?[0-9]{5,15}$",
            description="5 to 15 digits, such as +8613800000001",
            examples=["+8613800000001"],
        ),
    ]
    language: Literal["zh", "en"] = "zh"


class SiteAsset(Section):
    """An asset as people call it."""

    id: Annotated[Name, Field(description="as the site's agent calls it", examples=["fridge-1"])]
    name: Annotated[Text, Field(examples=[{"zh": "1号冰箱", "en": "Fridge 1"}])]
    kind: Literal["fridge", "freezer", "cool-box", "room", "lamp"] = "fridge"


class Site(Section):
    """A vaccination point: its devices, its assets and who is told."""

    id: Annotated[Name, Field(examples=["east-gate"])]
    name: Annotated[Text, Field(examples=[{"zh": "东门接种点", "en": "East Gate"}])]
    kind: Literal["fixed", "temporary", "mobile"]
    township: str = ""
    zone: Zone = "Asia/Shanghai"
    devices: Annotated[
        list[Name],
        Field(min_length=1, description="its Raspberry Pis", examples=[["pi-1"]]),
    ]
    tell: Annotated[
        list[Name],
        Field(description="ids of the people who are told first, together", examples=[["li"]]),
    ]
    assets: Annotated[list[SiteAsset], Field(min_length=1)]


class InfluxSettings(Section):
    """An InfluxDB 2 (or 1.8, or 3 with its compatible interfaces)."""

    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s/?#@]+/?$",
            description="where it answers; no user or password in it",
        ),
    ] = "http://127.0.0.1:8086"
    org: Annotated[str, Field(min_length=1, description="its organisation")] = "coldwatch"
    bucket: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_.-]{1,128}$",
            description="made, without an end of retention, where it does not exist",
        ),
    ] = "coldwatch"
    token_file: Annotated[
        Path | None,
        Field(
            description="a file with the token alone, such as a systemd credential; "
            "without it the environment's COLDWATCH_INFLUX_TOKEN",
            examples=["/run/credentials/coldwatch-hub.service/influx-token"],
        ),
    ] = None
    timeout_s: Annotated[
        int, Field(ge=1, le=300, description="an answer that takes longer counts as none")
    ] = 5


class HistorySettings(Section):
    """Where readings are kept."""

    kind: Annotated[
        Literal["sqlite", "influxdb"],
        Field(description="`sqlite`: a file in state_dir; `influxdb`: as [history.influxdb] says"),
    ] = "sqlite"
    influxdb: InfluxSettings = InfluxSettings()


class SmsSettings(Section):
    """How SMS leave the hub."""

    channel: Annotated[
        Literal["gammu-smsd", "log"],
        Field(
            description="`gammu-smsd`: a GSM modem through gammu-smsd's SQLite service; `log`: written to the log only"
        ),
    ] = "log"
    database: Annotated[
        Path | None,
        Field(
            description="the SQLite file of gammu-smsd's SQL service",
            examples=["/var/lib/coldwatch-hub/smsd.db"],
        ),
    ] = None
    queued_too_long: Annotated[
        DurationMs,
        Field(description="queued this long without being sent is told as a failing channel"),
    ] = 60_000

    @model_validator(mode="after")
    def _database_given(self) -> Self:
        if self.channel == "gammu-smsd" and self.database is None:
            raise ValueError("`database` is missing; write the path of gammu-smsd's SQLite file")
        return self


class ConsoleSettings(Section):
    """The web pages. Loopback only until log-in exists."""

    enabled: bool = True
    host: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class HubSettings(Section):
    """The whole file."""

    state_dir: Path = Path("/var/lib/coldwatch-hub")
    mqtt: Broker = Broker()
    database: DatabaseSettings = DatabaseSettings()
    history: HistorySettings = HistorySettings()
    sms: SmsSettings = SmsSettings()
    console: ConsoleSettings = ConsoleSettings()
    metrics: Metrics = Metrics()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    log: LogForm = "text"
    lost_contact_after: Annotated[
        DurationMs, Field(description="a device silent this long is told as lost")
    ] = 15 * 60_000
    late_after: Annotated[
        DurationMs, Field(description="a message about something learned this much later says so")
    ] = 5 * 60_000
    people: list[Person] = []
    sites: Annotated[list[Site], Field(min_length=1)]

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        def once(what: str, names: list[str]) -> None:
            for name, count in Counter(names).items():
                if count > 1:
                    raise ValueError(f"{what} {name} is given {count} times; give each another id")

        once("person", [person.id for person in self.people])
        once("site", [site.id for site in self.sites])
        once("device", [device for site in self.sites for device in site.devices])
        known = {person.id for person in self.people}
        for site in self.sites:
            once(f"asset of site {site.id}", [asset.id for asset in site.assets])
            for person_id in site.tell:
                if person_id not in known:
                    raise ValueError(
                        f"site {site.id} tells {person_id}, who is in no [[people]]; "
                        "add the person there, or write another id"
                    )
        return self
