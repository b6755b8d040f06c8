"""Devices and their streams, what was set aside, and what is known to be missing."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from console.assets import Limits, is_lost
from console.directory import Directory
from console.models import Claim, Device, Equipment, Gap, GapKind, Quarantined, Stream
from console.snapshot import Snapshot
from hub.tables import devices, quarantine, streams
from journal.excursions import MISPLACED
from journal.journal import Entry, entries

QUARANTINE_SHOWN: Final = 100
GAPS_SHOWN: Final = 100

# Which entries stand under "Gaps and forks", and as what.
_KINDS: Final[dict[str, GapKind]] = {
    "stream.gap": "gap",
    "stream.differs": "differs",
    "device.spool.set-aside": "set-aside",
    "device.spool.forked": "new-stream",
    "device.spool.without-disk": "in-memory",
    "device.spool.damaged": "damaged",
}

# Enough to recognise what it was.
_BEGINNING_BYTES: Final = 160


def equipment(view: Snapshot, directory: Directory, limits: Limits) -> Equipment:
    """Return all devices, and the newest of what was set aside or is missing."""
    conn = view.conn
    known = {row.device: row for row in conn.execute(select(devices))}
    found: dict[str, list[Row[Any]]] = {}
    for row in conn.execute(select(streams).order_by(streams.c.opened_at.desc())):
        found.setdefault(row.device, []).append(row)
    of_site = {name: site.id for site in directory.sites.values() for name in site.devices}
    names = dict.fromkeys([*of_site, *sorted(known), *sorted(found)])
    count = select(func.count()).select_from(quarantine)
    return Equipment(
        devices=[
            _device(
                view,
                name,
                of_site.get(name),
                known.get(name),
                found.get(name, []),
                limits,
            )
            for name in names
        ],
        quarantine=_quarantine(conn),
        quarantined=conn.execute(count).scalar_one(),
        gaps=_gaps(conn),
    )


def _device(
    view: Snapshot,
    name: str,
    site: str | None,
    row: Row[Any] | None,
    of_device: list[Row[Any]],
    limits: Limits,
) -> Device:
    status = json.loads(row.status) if row is not None else {}
    where = site or (row.site if row is not None else of_device[0].site)
    return Device(
        device=name,
        site=where,
        configured=site is not None,
        heard_at=view.heard.get(name),
        lost=is_lost(view, where, name, limits),
        claim=_claim(view, where, name),
        state=status.get("state"),
        version=status.get("version"),
        recorded=status.get("recorded"),
        unsent=status.get("unsent"),
        problems=status.get("problems", []),
        streams=[
            Stream(
                stream=each.stream,
                judged_seq=each.judged_seq,
                stored_seq=each.stored_seq,
                newest_at=each.newest_at,
                opened_at=each.opened_at,
            )
            for each in of_device
        ],
    )


def _claim(view: Snapshot, site: str, device: str) -> Claim | None:
    """Return for whom a device speaks that is not itself."""
    for row in view.excursions.get(f"{site}/{device}", []):
        if row.kind == MISPLACED:
            rule = row.snapshot
            return Claim(cause=rule["cause"], claim=rule["claim"], since=row.start)
    return None


def _quarantine(conn: Connection) -> list[Quarantined]:
    query = select(quarantine).order_by(quarantine.c.last_at.desc(), quarantine.c.id.desc())
    return [
        Quarantined(
            id=row.id,
            topic=row.topic,
            stream=row.stream,
            seq=row.seq,
            reason=row.reason,
            size=row.size,
            times=row.times,
            first_at=row.first_at,
            last_at=row.last_at,
            beginning=_readable(row.bytes[:_BEGINNING_BYTES]),
        )
        for row in conn.execute(query.limit(QUARANTINE_SHOWN))
    ]


def _readable(beginning: bytes) -> str:
    """Spell bytes so that nothing of them can act on a screen."""
    text = beginning.decode("utf-8", errors="backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _gaps(conn: Connection) -> list[Gap]:
    """Return the newest of what is missing or has broken a stream, from the hub and from the devices."""
    found = [
        entry
        for family in ("stream.", "device.spool.")
        for entry in entries(conn, types=family, newest_first=True, limit=GAPS_SHOWN)
        if entry.type in _KINDS
    ]
    found.sort(key=lambda entry: entry.position, reverse=True)
    return [_gap(entry) for entry in found[:GAPS_SHOWN]]


def _gap(entry: Entry) -> Gap:
    body = entry.body
    of_device = entry.type.startswith("device.")
    # What a device says of its spool is an event record; of which stream is in there.
    said = body.get("body", {}) if of_device else body
    reason = "; ".join(str(said[key]) for key in ("reason", "file") if said.get(key))
    return Gap(
        at=entry.at,
        kind=_KINDS[entry.type],
        device=str(body.get("device", "")),
        stream=str(said.get("stream") or body.get("stream", "")) if of_device else entry.subject,
        first=_number(said.get("first")),
        last=_number(said.get("last", body.get("seq"))),
        reason=reason,
    )


def _number(value: object) -> int | None:
    """Return a record's number; a device may have written anything else."""
    return value if type(value) is int else None
