"""Settings of `coldwatch watch`: a Pi with a modem that says so when the hub is dead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.base import Broker, LogForm, Section, Text
from config.hub import Person, Zone
from config.units import DurationMs


class WatchSettings(Section):
    """The whole file."""

    name: Annotated[
        Text,
        Field(
            description="whose hub it is, as people call it",
            examples=[{"zh": "东县疾控中心", "en": "East County CDC"}],
        ),
    ]
    zone: Zone = "Asia/Shanghai"
    state_dir: Annotated[
        Path, Field(description="the folder in which it remembers whom it has told of what")
    ] = Path("/var/lib/coldwatch-watch")
    after: Annotated[
        DurationMs,
        Field(ge=120_000, description="no heartbeat for so long is told; the hub beats every 30 s"),
    ] = 5 * 60_000
    database: Annotated[
        Path,
        Field(
            description="the SQLite file of gammu-smsd's SQL service, on this machine",
            examples=["/var/lib/coldwatch-watch/smsd.db"],
        ),
    ]
    log: LogForm = "text"
    mqtt: Broker = Broker()
    tell: Annotated[list[Person], Field(min_length=1)]
