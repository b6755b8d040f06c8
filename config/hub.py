"""Settings of the hub: sites, devices, assets, people and channels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from config.base import Broker, LogForm, Metrics, Name, Section, Text
from config.channels import ChannelSettings, SmsdSettings
from config.database import DatabaseSettings
from config.enrolment import EnrolmentSettings
from config.escalation import DAYS, FIRST_STEP_NUMBERS, Duty, Escalation, fewest
from config.phones import number
from config.units import DurationMs, TimeOfDay

Zone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$", description="IANA time zone, such as Asia/Shanghai"),
]


# What the one channel of [sms] is called, where there is no [[channels]].
OLD_CHANNEL: Final = "sms"


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
    profiles: Annotated[
        list[Name],
        Field(
            description="of its agent's settings, where the hub shall check already at its start "
            "what they demand of `escalation`"
        ),
    ] = []


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
        Field(
            description="ids of the people who are told, together, where no `escalation` is named, "
            "or where nobody of it is on duty",
            examples=[["li"]],
        ),
    ]
    escalation: Annotated[
        Name | None,
        Field(description="id of one of [[escalations]]", examples=["county"]),
    ] = None
    all_well: Annotated[
        TimeOfDay | None,
        Field(
            description="when its people are told each day that all is well, or what is not; "
            "left out: never",
            examples=["08:00"],
        ),
    ] = None
    assets: Annotated[list[SiteAsset], Field(min_length=1)]
    duty: list[Duty] = []

    @model_validator(mode="before")
    @classmethod
    def _an_escalation_is_enough(cls, data: Any) -> Any:
        """Let a site that names an escalation leave `tell` out; one of the two it must have."""
        if isinstance(data, dict) and "escalation" in data:
            return {"tell": [], **data}
        return data


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
    """How SMS leave the hub where there is no [[channels]]: by one way."""

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
    channels: list[ChannelSettings] = []
    most_sms_an_hour: Annotated[
        int,
        Field(
            ge=1,
            description="to one person; what comes on top waits and is joined. A first alarm is "
            "never kept back",
        ),
    ] = 20
    way_test: Annotated[
        TimeOfDay | None,
        Field(
            description="when, on the first day of each month, everybody gets a test message that "
            "must arrive; left out: never",
            examples=["10:00"],
        ),
    ] = None
    caretakers: Annotated[
        list[Name],
        Field(
            description="ids of the people who are told when a channel fails; left out: those of "
            "all first steps"
        ),
    ] = []
    people: list[Person] = []
    escalations: list[Escalation] = []
    sites: Annotated[list[Site], Field(min_length=1)]

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        def once(what: str, names: list[str]) -> None:
            for name, count in Counter(names).items():
                if count > 1:
                    raise ValueError(f"{what} {name} is given {count} times; give each another id")

        once("channel", [channel.id for channel in self.channels])
        if self.channels and self.sms.channel != "log":
            raise ValueError(
                "[sms] channel and [[channels]] are both given; take `channel` out of [sms]"
            )
        once("person", [person.id for person in self.people])
        once("site", [site.id for site in self.sites])
        once("device", [device for site in self.sites for device in site.devices])
        once("escalation", [escalation.id for escalation in self.escalations])
        ways = {channel.id for channel in self.all_channels()}
        for escalation in self.escalations:
            for name in (name for step in escalation.steps for name in step.channels):
                if name not in ways:
                    raise ValueError(
                        f"escalation {escalation.id} goes by {name}, which is none of "
                        f"{', '.join(sorted(ways))}; add it to [[channels]], or write another id"
                    )
        known = {person.id for person in self.people}
        for person_id in self.caretakers:
            if person_id not in known:
                raise ValueError(_nobody("`caretakers` names", person_id))
        for site in self.sites:
            once(f"asset of site {site.id}", [asset.id for asset in site.assets])
            for person_id in site.tell:
                if person_id not in known:
                    raise ValueError(_nobody(f"site {site.id} tells", person_id))
            self._chain_holds(site, known)
        return self

    def all_channels(self) -> list[ChannelSettings]:
        """Return the ways out, the first one first; [sms] of old files is one, called `sms`."""
        if self.channels:
            return self.channels
        if self.sms.channel == "gammu-smsd" and self.sms.database is not None:
            smsd = SmsdSettings(database=self.sms.database)
            return [ChannelSettings(id=OLD_CHANNEL, kind="gammu-smsd", smsd=smsd)]
        return [ChannelSettings(id=OLD_CHANNEL, kind="log")]

    def _chain_holds(self, site: Site, known: set[str]) -> None:
        """Refuse a site whose chain of people has a gap, or too few of them."""
        roles = {duty.role for duty in site.duty}
        for duty in site.duty:
            for person_id in (duty.person, duty.stand_in):
                if person_id is not None and person_id not in known:
                    raise ValueError(_nobody(f"the duty roster of site {site.id} names", person_id))
        if both := sorted(roles & known):
            raise ValueError(
                f"{both[0]} is a role at site {site.id} and a person; give the role another name"
            )
        if site.escalation is not None:
            steps = next((e.steps for e in self.escalations if e.id == site.escalation), None)
            if steps is None:
                raise ValueError(
                    f"site {site.id} names the escalation {site.escalation}, which is none of "
                    "[[escalations]]; add it there, or write another id"
                )
            for name in (name for step in steps for name in step.to):
                if name not in roles | known:
                    raise ValueError(
                        f"escalation {site.escalation} tells {name}, who is in no [[people]] and no "
                        f"role at site {site.id}; add [[sites.duty]] for it, or write another id"
                    )
        for profile in sorted({name for asset in site.assets for name in asset.profiles}):
            if short := self.short_of(site, profile):
                raise ValueError(short)

    def first_step(self, site: Site) -> list[str]:
        """Return the roles and people of a site's first step."""
        for escalation in self.escalations:
            if escalation.id == site.escalation:
                return escalation.steps[0].to
        return site.tell

    def short_of(self, site: Site, profile: str) -> str:
        """Say what a profile demands of a site's first step and does not find; empty: all is there."""
        wanted = FIRST_STEP_NUMBERS.get(profile, 0)
        # Three spellings of one number are one telephone.
        numbers = {person.id: number(person.phone) for person in self.people}
        count, weekday, minute = fewest(self.first_step(site), site.duty, numbers)
        if count >= wanted:
            return ""
        when = f" on {DAYS[weekday]} at {minute // 60:02d}:{minute % 60:02d}" if site.duty else ""
        return (
            f"the first step of site {site.id} reaches {count} telephone numbers{when}, and {profile} "
            f"demands at least {wanted} different ones; add people to it"
        )


def _nobody(what: str, person_id: str) -> str:
    return f"{what} {person_id}, who is in no [[people]]; add the person there, or write another id"
