"""What all settings models share: unknown keys are refused, for a misspelt one would be silent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocol.topics import NAME_PATTERN

Name = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        description="lower-case letters, digits, `-`, `_` and `.`; it becomes part of MQTT topics",
    ),
]


class Section(BaseModel):
    """A table of a settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Broker(Section):
    """Where the MQTT broker is and how to reach it."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    protocol: Annotated[
        Literal["5", "3.1.1"],
        Field(
            description="3.1.1 for brokers that know no MQTT 5; nothing depends on the difference"
        ),
    ] = "5"
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 30


class Text(Section):
    """A name in both languages."""

    zh: str
    en: str


class Metrics(Section):
    """Figures for Prometheus, and the answer to `--status`: plain HTTP, on this machine only."""

    enabled: bool = True
    host: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="0 takes any free one")] = 9464


LogForm = Annotated[
    Literal["text", "json"],
    Field(
        description="how the log's lines are spelt, one an event; the environment's COLDWATCH_LOG "
        "goes before this"
    ),
]
