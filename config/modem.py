"""Settings of the agent's own modem."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from config.base import Name, Section, Text
from config.hub import Person, Zone


class NamedAsset(Section):
    """An asset of this agent, as people call it."""

    id: Annotated[Name, Field(examples=["fridge-1"])]
    name: Annotated[Text, Field(examples=[{"zh": "1号冰箱", "en": "Fridge 1"}])]


class ModemSettings(Section):
    """A GSM modem at this agent: it tells people what the hub has not told within two minutes."""

    database: Annotated[
        Path,
        Field(
            description="the SQLite file of gammu-smsd's SQL service, on this machine",
            examples=["/var/lib/coldwatch/smsd.db"],
        ),
    ]
    site_name: Annotated[
        Text,
        Field(
            description="the vaccination point, as people call it",
            examples=[{"zh": "东门接种点", "en": "East Gate"}],
        ),
    ]
    zone: Zone = "Asia/Shanghai"
    tell: Annotated[list[Person], Field(min_length=1, description="all of them are told together")]
    assets: list[NamedAsset] = []

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for what, names in (
            ("person", [person.id for person in self.tell]),
            ("phone", [person.phone for person in self.tell]),
            ("asset", [asset.id for asset in self.assets]),
        ):
            for name, count in Counter(names).items():
                if count > 1:
                    raise ValueError(f"{what} {name} is given {count} times; give it once")
        return self
