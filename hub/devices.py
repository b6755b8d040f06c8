"""What the hub knows of each device: when it was heard last, and what it said of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection

from hub.decode import UnreadableError
from hub.tables import devices
from journal.database import insert_or_update, run_many
from protocol.messages import MAX_MESSAGE_BYTES, Status

# As the driver takes it: hundreds of rows a batch (see hub/streams.py).
_HEARD = (
    "INSERT INTO devices (device, site, heard_at, status) VALUES (?, ?, ?, '{}') ON CONFLICT (device)"
    " DO UPDATE SET site = excluded.site, heard_at = excluded.heard_at"
)


_CLAIMED = (
    "INSERT INTO claims (device, cause, claim, last_at) VALUES (?, ?, ?, ?) ON CONFLICT (device)"
    " DO UPDATE SET cause = excluded.cause, claim = excluded.claim, last_at = excluded.last_at"
)


class Claim(NamedTuple):
    """A device's word that is not true: what it claims (a site, or another's stream), and when."""

    cause: Literal["site", "stream"]
    claim: str
    at: int


def read_status(payload: bytes) -> Status:
    """Return a status message; raise UnreadableError with the reason kept in quarantine."""
    if len(payload) > MAX_MESSAGE_BYTES:
        raise UnreadableError(f"{len(payload)} bytes; more than {MAX_MESSAGE_BYTES} is refused")
    try:
        return Status.model_validate_json(payload)
    except ValidationError as error:
        raise UnreadableError(error.errors(include_url=False)[0]["msg"]) from None


def save_devices(
    conn: Connection,
    heard: Mapping[str, int],
    statuses: Mapping[str, str],
    sites: Mapping[str, str],
    claims: Mapping[str, Claim],
) -> None:
    """Write when devices were heard (the hub's clock), their statuses (JSON), and their claims."""
    for device, status in statuses.items():
        values = {"device": device, "site": sites[device], "heard_at": 0, "status": status}
        known = {"site": sites[device], "status": status}
        insert_or_update(conn, devices, values, key=["device"], update=known)
    if claims:
        run_many(conn, _CLAIMED, [(device, *claim) for device, claim in claims.items()])
    if heard:
        rows = [(device, sites[device], at) for device, at in heard.items()]
        run_many(conn, _HEARD, rows)
