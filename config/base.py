"""What all settings models share: unknown keys are refused, for a misspelt one would be silent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocol.tls import Tls
from protocol.topics import NAME_PATTERN

# The folder below a state directory for what `coldwatch enroll` makes, and the names in it.
TLS_FOLDER: Final = "tls"
CA_FILE: Final = "ca.crt"
DEVICE_FILE: Final = "device.pem"
HUB_FILE: Final = "hub.pem"

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


class BrokerTls(Section):
    """TLS to the broker, with a certificate of our own; `coldwatch enroll` makes the files.

    A relative path lies in systemd's credentials directory.
    """

    ca_file: Annotated[
        Path | None,
        Field(
            description="the hub's CA; left out: where `coldwatch enroll` puts it",
            examples=["/var/lib/coldwatch/tls/ca.crt"],
        ),
    ] = None
    cert_file: Annotated[
        Path | None,
        Field(
            description="our certificate, with its key where key_file is left out; "
            "left out: where `coldwatch enroll` puts it",
            examples=["/var/lib/coldwatch/tls/device.pem"],
        ),
    ] = None
    key_file: Annotated[
        Path | None,
        Field(
            description="our key, where it is not in cert_file",
            examples=["/var/lib/coldwatch/tls/device.key"],
        ),
    ] = None


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
    tls: Annotated[
        BrokerTls | None,
        Field(
            description="write `tls = {}` after `coldwatch enroll`; the broker's port is mostly "
            "8883 then. Left out: no TLS, for a broker on this machine only",
            examples=[{}],
        ),
    ] = None

    def tls_files(self, folder: Path, own: str) -> Tls | None:
        """Return the files of TLS, those that are left out in ``folder``; None for no TLS."""
        if self.tls is None:
            return None
        ca = self.tls.ca_file or folder / CA_FILE
        cert, key = self.tls.cert_file or folder / own, self.tls.key_file
        return Tls(str(ca), str(cert), None if key is None else str(key))


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
