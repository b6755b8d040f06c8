"""Settings that the hub hands out to devices: every version is kept, the newest one is published."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from hub.tables import device_settings, devices
from journal import journal


class HandedOut(NamedTuple):
    """A version of a device's settings; ``at`` is the hub's clock, UTC ms."""

    device: str
    version: int
    text: str
    sha256: str
    at: int

    def message(self) -> bytes:
        """Return the `settings` message."""
        fields = {"v": 1, "at": self.at, "version": self.version, "sha256": self.sha256}
        return json.dumps({**fields, "text": self.text}, ensure_ascii=False).encode()


class Reported(NamedTuple):
    """What a device says of them: version in force, version refused and why; 0 and "" for none."""

    version: int = 0
    refused: int = 0
    reason: str = ""


def hand_out(
    conn: Connection, device: str, text: str, *, actor: str, reason: str, now: int
) -> HandedOut:
    """Enter a new version for a device, in the caller's write transaction, and return it.

    Its number is above every one that we or the device know: a hub restored from a backup has
    forgotten some, and an agent never goes back.
    """
    newest = select(func.max(device_settings.c.version)).where(device_settings.c.device == device)
    ours = conn.execute(newest).scalar() or 0
    theirs = reported(conn).get(device, Reported())
    version = max(ours, theirs.version, theirs.refused) + 1
    made = HandedOut(device, version, text, hashlib.sha256(text.encode()).hexdigest(), now)
    conn.execute(insert(device_settings).values(made._asdict()))
    body = {"version": version, "sha256": made.sha256, "reason": reason}
    journal.append(conn, at=now, actor=actor, type="settings.pushed", subject=device, body=body)
    return made


def newest(conn: Connection) -> dict[str, HandedOut]:
    """Return the newest version of each device that has any."""
    rows = conn.execute(select(device_settings).order_by(device_settings.c.version)).mappings()
    return {row["device"]: HandedOut(**row) for row in rows}


def reported(conn: Connection) -> dict[str, Reported]:
    """Return what the devices said of their settings last."""
    found = {}
    for row in conn.execute(select(devices.c.device, devices.c.status)):
        said = json.loads(row.status).get("settings")
        if said is not None:
            refused = said.get("refused") or {}
            number, why = refused.get("version", 0), refused.get("reason", "")
            found[row.device] = Reported(said["version"], number, why)
    return found
