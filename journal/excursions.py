"""Excursions as the hub knows them: a projection of the journal, one row from start to end.

Every step in the life of an excursion (opened, confirmed, closed, recovered) is a journal entry
``excursion.<happening>`` that carries everything known then, its rule included; the row is made
from the entries and can be made again from them (`rebuild`). A step is entered once: a decision
that is repeated after a crash changes nothing.

Times are UTC milliseconds, values integer thousandths.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from alerts.decisions import Decision, Happening
from journal import projections
from journal.database import require_write
from journal.excursion_rows import (
    CALIBRATION,
    FIELDS,
    LAMP,
    LOST_CONTACT,
    MISPLACED,
    OF_DEVICE,
    OF_HUB,
    ExcursionRow,
    excursions,
    get,
    listing,
    open_ones,
    overlapping,
)
from journal.journal import Entry, append, entries
from protocol.canonical import MAX_INTEGER
from protocol.messages import MAX_TIME_MS

__all__ = [
    "CALIBRATION",
    "LAMP",
    "LOST_CONTACT",
    "MISPLACED",
    "OF_DEVICE",
    "OF_HUB",
    "ExcursionRow",
    "apply",
    "apply_calibration",
    "apply_lamp",
    "apply_lost_contact",
    "apply_misplaced",
    "excursions",
    "get",
    "listing",
    "open_ones",
    "overlapping",
    "rebuild",
]

HUB: Final = "hub"
FAMILY: Final = "excursion."


def apply(
    conn: Connection, decision: Decision, *, site: str, device: str, learned_at: int
) -> ExcursionRow:
    """Enter one decision of the engine in journal and projection; return the excursion as it is now.

    Idempotent by excursion and happening. The caller's write transaction makes it one with
    whatever follows from it (marks, notices, holds).
    """
    rule = decision.rule
    body = {
        "id": decision.id,
        "thread": decision.thread,
        "site": site,
        "device": device,
        "series": decision.series,
        "rule": rule.body(),
        "kind": rule.kind,
        "limit": rule.limit(decision.side),
        "reason": decision.reason,
        "side": decision.side,
        "certainty": decision.certainty,
        "start": decision.start,
        # Reckoned from a device's clocks, which may claim anything: what they say of when and how
        # long must not stop the journal.
        "opened": min(max(decision.opened, 0), MAX_TIME_MS),
        "end": decision.end,
        "held_ms": min(decision.held_ms, MAX_INTEGER),
        "unknown_ms": min(decision.unknown_ms, MAX_INTEGER),
        "extreme": decision.extreme,
        "stream": decision.stream,
        "first_seq": decision.first_seq,
        "seq": decision.seq,
        "value": decision.value,
    }
    return _enter(conn, decision.happening, body, learned_at)


def apply_lost_contact(
    conn: Connection,
    happening: Happening,
    *,
    site: str,
    device: str,
    since: int,
    after_ms: int,
    at: int,
    end: int | None = None,
) -> ExcursionRow:
    """Enter that the hub hears nothing from a device, or hears it again; idempotent like `apply`.

    Args:
        conn: the caller's write transaction.
        happening: ``opened``, ``closed`` or ``recovered``.
        site: the device's site.
        device: the device.
        since: the hub's clock at the last message before; it identifies the excursion together
            with site and device (in `open_ones` it is the row's ``start``).
        after_ms: how long nothing may come before the contact counts as lost.
        at: the hub's clock now.
        end: the hub's clock at the first message afterwards.
    """
    body = _of_device(LOST_CONTACT, "contact", site, device, since, at if end is None else end) | {
        "reason": "nothing-received" if happening == "opened" else "received-again",
        "opened": since + after_ms,
        "end": end,
    }
    body["rule"]["for_ms"] = after_ms
    return _enter(conn, happening, body, at)


def apply_misplaced(
    conn: Connection,
    happening: Happening,
    *,
    site: str,
    device: str,
    since: int,
    cause: str,
    claim: str,
    at: int,
    end: int | None = None,
) -> ExcursionRow:
    """Enter that a device speaks for another, or no longer does; idempotent like `apply`.

    Args:
        conn: the caller's write transaction.
        happening: ``opened``, ``closed`` or ``recovered``.
        site: where the device belongs.
        device: the device.
        since: the hub's clock at such a message; it identifies the excursion with site and device.
        cause: ``site`` where it names another site, ``stream`` where it uses another's stream.
        claim: that site, or the device whose stream it is.
        at: the hub's clock now.
        end: the hub's clock at the last such message.
    """
    body = _of_device(MISPLACED, "claim", site, device, since, at if end is None else end) | {
        "reason": f"foreign-{cause}" if happening == "opened" else "its-own-again",
        "end": end,
    }
    body["rule"] |= {"cause": cause, "claim": claim}
    return _enter(conn, happening, body, at)


def apply_calibration(
    conn: Connection,
    happening: Happening,
    *,
    site: str,
    device: str,
    series: str,
    certificate: str,
    due: str,
    since: int,
    found: int,
    at: int,
) -> ExcursionRow:
    """Enter that a probe's certificate is overdue, or no longer; idempotent like `apply`.

    Args:
        conn: the caller's write transaction.
        happening: ``opened``, ``closed`` or ``recovered``.
        site: the device's site.
        device: the device whose settings hold the certificate.
        series: of the probe.
        certificate: its number.
        due: its last good day, ``2027-03-01``.
        since: the end of that day at the site.
        found: the hub's clock when it was found to be overdue (the row's ``opened``): a certificate
            that was replaced and comes back, as an old settings file brings it, is told again.
        at: the hub's clock now.
    """
    body = _of_hub(CALIBRATION, site, device, series, since, f"{certificate}\n{due}\n{found}") | {
        "reason": "calibration-overdue" if happening == "opened" else "calibration-renewed",
        "opened": found,
        "held_ms": max(0, at - since),
        "end": None if happening == "opened" else max(at, since),
    }
    body["rule"] |= {"certificate": certificate, "due": due}
    return _enter(conn, happening, body, at)


def apply_lamp(
    conn: Connection,
    happening: Happening,
    *,
    site: str,
    device: str,
    lamp: str,
    cause: str,
    entry: int,
    since: int,
    at: int,
) -> ExcursionRow:
    """Enter that a UV lamp needs somebody, or no longer does; idempotent like `apply`.

    Args:
        conn: the caller's write transaction.
        happening: ``opened``, ``closed`` or ``recovered``.
        site: the device's site.
        device: the device that switches the lamp.
        lamp: the asset, without its site.
        cause: what the device says of it: a fault such as ``relay-welded``, or a warning.
        entry: position of the journal entry that says so; it identifies the excursion.
        since: the device's clock when it began.
        at: the hub's clock now.
    """
    body = _of_hub(
        LAMP, site, device, f"{lamp}/lamp/{cause.replace('-', '_')}", since, f"{cause}\n{entry}"
    ) | {
        "reason": "lamp-needs-somebody" if happening == "opened" else "lamp-seen-to",
        "held_ms": max(0, at - since),
        "end": None if happening == "opened" else max(at, since),
    }
    body["rule"] |= {"cause": cause, "entry": entry}
    return _enter(conn, happening, body, at)


def _of_device(
    kind: str, quantity: str, site: str, device: str, since: int, until: int
) -> dict[str, Any]:
    """Return what the entries about a device have in common."""
    series = f"{device}/link/{quantity}"
    id_ = hashlib.sha256(f"{site}\n{device}\n{kind}\n{since}".encode()).hexdigest()[:16]
    body = _of_hub(kind, site, device, series, since, "")
    return body | {"id": id_, "thread": id_, "held_ms": until - since}


def _of_hub(
    kind: str, site: str, device: str, series: str, since: int, which: str
) -> dict[str, Any]:
    """Return what the entries of the hub's own watches have in common."""
    id_ = hashlib.sha256(f"{site}\n{series}\n{kind}\n{which}".encode()).hexdigest()[:16]
    return {
        "id": id_,
        "thread": id_,
        "site": site,
        "device": device,
        "series": series,
        "rule": {"id": f"hub/{kind}", "kind": kind, "for_ms": 0, "holds": False, "tells": True},
        "kind": kind,
        "limit": None,
        "side": "silent",
        "certainty": "certain",
        "start": since,
        "opened": since,
        "held_ms": 0,
        "unknown_ms": 0,
        "extreme": None,
        "stream": "",
        "first_seq": 0,
        "seq": 0,
        "value": None,
    }


def _enter(conn: Connection, happening: Happening, body: dict[str, Any], at: int) -> ExcursionRow:
    require_write(conn)
    known = get(conn, body["id"])
    if known is not None and getattr(known, f"{happening}_entry") is not None:
        return known
    if happening == "closed" and body["end"] is None:
        raise ValueError(f"excursion {body['id']} cannot close without an end")
    entry = append(conn, at=at, actor=HUB, type=FAMILY + happening, subject=body["id"], body=body)
    return _project(conn, entry, known)


def _project(conn: Connection, entry: Entry, known: ExcursionRow | None) -> ExcursionRow:
    """Bring the row up to one more entry; nothing but the entry and the row before decides it."""
    happening = entry.type.removeprefix(FAMILY)
    body = entry.body
    if happening == "recovered" and known is not None:
        # It speaks of the whole thread, and of nothing but that it is over.
        now: dict[str, Any] = {"recovered_at": entry.at, "recovered_entry": entry.position}
        thread = excursions.c.thread == body["thread"]
        conn.execute(update(excursions).where(thread).values(now))
        return replace(known, **now)
    asset, point, quantity = body["series"].split("/")
    values: dict[str, Any] = dict.fromkeys(FIELDS)
    values.update({name: body[name] for name in FIELDS if name in body})
    values.update(
        asset=f"{body['site']}/{asset}",
        point=point,
        quantity=quantity,
        rule=body["rule"]["id"],
        profile=body["rule"]["id"].partition("/")[0],
        holds=body["rule"]["holds"],
        tells=body["rule"]["tells"],
        snapshot=body["rule"],
        learned_at=entry.at,
    )
    if known is not None:
        kept = ("learned_at", "closed_learned_at", "recovered_at", *_ENTRIES)
        values.update({name: getattr(known, name) for name in kept})
        if values["end"] is None:
            values["end"] = known.end
        if known.certainty == "certain":
            values["certainty"] = "certain"
    values[f"{happening}_entry"] = entry.position
    if happening == "closed":
        values["closed_learned_at"] = entry.at
    if known is None:
        conn.execute(insert(excursions), values)
    else:
        conn.execute(update(excursions).where(excursions.c.id == body["id"]), values)
    return ExcursionRow(**values)


_ENTRIES: Final = ("opened_entry", "confirmed_entry", "closed_entry", "recovered_entry")


def rebuild(conn: Connection) -> int:
    """Make the projection again from the journal alone; return how many excursions it has."""
    require_write(conn)
    conn.execute(delete(excursions))
    for entry in entries(conn, types=FAMILY):
        _project(conn, entry, get(conn, entry.subject))
    return len(conn.execute(select(excursions.c.id)).all())


projections.register("excursions", rebuild, excursions)
