"""Settings of enrolment on the hub: its CA, its endpoint, and how the broker hears of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.base import Section
from protocol.enrolment import PORT

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]


class EnrolmentSettings(Section):
    """How devices get their certificates (docs/enrolment.md)."""

    names: Annotated[
        list[Host],
        Field(
            description="names and addresses by which devices reach this machine; they go into the "
            'broker\'s certificate, such as ["hub.county.example", "10.8.0.1"]. Empty: its host '
            "name; localhost and 127.0.0.1 are always among them",
        ),
    ] = []
    host: Annotated[str, Field(description="where the endpoint listens; 0.0.0.0: everywhere")] = (
        "0.0.0.0"  # noqa: S104 - devices come from elsewhere; it is made for that
    )
    port: Annotated[int, Field(ge=0, le=65535, description="of the endpoint")] = PORT
    broker_port: Annotated[int, Field(ge=1, le=65535, description="of mosquitto, with TLS")] = 8883
    code_minutes: Annotated[int, Field(ge=1, le=7 * 1440, description="life of a code")] = 60
    device_days: Annotated[
        int,
        Field(
            ge=1, le=3650, description="life of a device's certificate; renewed after two thirds"
        ),
    ] = 365
    passphrase_file: Annotated[
        Path | None,
        Field(
            description="a file with the passphrase of the CA's key, such as a systemd credential; "
            "left out: the key has none",
            examples=["/run/credentials/coldwatch-enroll.service/ca-passphrase"],
        ),
    ] = None
    broker_dir: Annotated[
        Path | None,
        Field(
            description="the folder of the broker's files, which the broker's user must be able to "
            "reach; left out: `broker` in state_dir",
            examples=["/var/lib/coldwatch-broker"],
        ),
    ] = None
    broker_group: Annotated[
        str, Field(description="the group that the broker runs as; it may read its files")
    ] = "mosquitto"
    broker_reload: Annotated[
        list[str] | None,
        Field(
            description="the command that makes the broker read its files again (SIGHUP). Left out: root "
            "does it through systemd, and for the service coldwatch-broker.path does; empty: "
            "something else does",
            examples=[["systemctl", "try-reload-or-restart", "mosquitto.service"]],
        ),
    ] = None
