"""Who may enrol and who has: codes and certificates in the hub's database, each step journalled.

Everything here happens inside the caller's write transaction, with its journal entry.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, select, update

from hub.tables import certificates, enrolment_codes
from journal import journal
from protocol.enrolment import Code

ENDPOINT: Final = "enrolment"


class RefusedError(Exception):
    """A device is refused; the text is told to it, and journalled."""


class Held(NamedTuple):
    """A certificate that was given: its number, device, serial, and when it ends or was revoked."""

    n: int
    device: str
    serial: str
    issued_at: int
    not_after: int
    revoked_at: int | None
    cause: str | None

    @property
    def name(self) -> str:
        """The certificate's subject, which is the broker's user name."""
        return name_of(self.device, self.n)


def name_of(device: str, n: int) -> str:
    """Return the name of a certificate: no device's name has a colon in it."""
    return f"{device}:{n}"


def add_code(
    conn: Connection, code: Code, site: str, device: str, *, expires_at: int, actor: str, now: int
) -> None:
    """Note a new code. Codes of that device that nobody has used end with it."""
    open_ones = enrolment_codes.c.device == device, enrolment_codes.c.used_at.is_(None)
    conn.execute(update(enrolment_codes).where(*open_ones).values(expires_at=0))
    row = {"digest": code.digest(), "site": site, "device": device, "expires_at": expires_at}
    conn.execute(insert(enrolment_codes).values(row))
    _enter(conn, now, actor, "code", device, site=site, expires_at=expires_at)


def use_code(
    conn: Connection, secret_digest: str, site: str, device: str, *, sender: str, now: int
) -> None:
    """Use a code up; raise RefusedError where it is none, expired, used or another device's."""
    found = None
    # All of them, each in the same time: how long it takes tells nothing.
    for row in conn.execute(select(enrolment_codes)):
        if hmac.compare_digest(row.digest, secret_digest):
            found = row
    if found is None:
        raise RefusedError("this hub has given out no such code")
    if found.used_at is not None:
        raise RefusedError("this code was used already; ask for a new one: coldwatch enroll code")
    if found.expires_at <= now:
        raise RefusedError("this code has expired; ask for a new one: coldwatch enroll code")
    if (found.site, found.device) != (site, device):
        raise RefusedError(f"this code is for another device than {site}/{device}")
    mine = enrolment_codes.c.digest == found.digest
    conn.execute(update(enrolment_codes).where(mine).values(used_at=now))
    _enter(conn, now, ENDPOINT, "used", device, site=site, sender=sender)


def next_number(conn: Connection) -> int:
    """Return the number of the next certificate."""
    return len(all_held(conn)) + 1


def add_certificate(
    conn: Connection, held: Held, *, actor: str, how: str, sender: str, now: int
) -> None:
    """Note a certificate; ``how`` is issued or renewed."""
    conn.execute(insert(certificates).values(held._asdict()))
    _enter(
        conn, now, actor, how, held.device,
        certificate=held.name, serial=held.serial, not_after=held.not_after, sender=sender,
    )  # fmt: skip


def revoke(conn: Connection, device: str, *, actor: str, reason: str, now: int) -> list[Held]:
    """Revoke whatever a device holds, its unused codes too; return the certificates."""
    open_ones = enrolment_codes.c.device == device, enrolment_codes.c.used_at.is_(None)
    conn.execute(update(enrolment_codes).where(*open_ones).values(expires_at=0))
    held = all_held(conn)
    ended = [each for each in held if each.device == device and each.revoked_at is None]
    mark(conn, ended, "revoked", now)
    names = [each.name for each in ended]
    _enter(conn, now, actor, "revoked", device, certificates=names, reason=reason)
    return ended


def replaced(conn: Connection, by: Held, *, actor: str, now: int) -> list[Held]:
    """End the certificates that came before this one, which is in place now; return them."""
    older = [
        each
        for each in all_held(conn)
        if each.device == by.device and each.n < by.n and each.revoked_at is None
    ]
    if older:
        mark(conn, older, "replaced", now)
        names = [each.name for each in older]
        _enter(conn, now, actor, "replaced", by.device, by=by.name, certificates=names)
    return older


def mark(conn: Connection, ended: list[Held], cause: str, now: int) -> None:
    """Write that certificates count no more."""
    numbers = [each.n for each in ended]
    values = {"revoked_at": now, "cause": cause}
    conn.execute(update(certificates).where(certificates.c.n.in_(numbers)).values(values))


def refused(conn: Connection, device: str, *, reason: str, sender: str, now: int) -> None:
    """Journal a refusal."""
    _enter(conn, now, ENDPOINT, "refused", device, reason=reason, sender=sender)


def all_held(conn: Connection) -> list[Held]:
    """Return every certificate ever given, in order."""
    rows = conn.execute(select(certificates).order_by(certificates.c.n)).mappings()
    return [Held(**row) for row in rows]


def by_serial(conn: Connection, serial: str) -> Held | None:
    """Return a certificate by its serial number (hexadecimal)."""
    wanted = select(certificates).where(certificates.c.serial == serial)
    row = conn.execute(wanted).mappings().one_or_none()
    return None if row is None else Held(**row)


def revoked_devices(conn: Connection) -> Mapping[str, int]:
    """Return the devices that a person has revoked and nobody has enrolled again: since when."""
    newest: dict[str, Held] = {each.device: each for each in all_held(conn)}
    return {
        device: held.revoked_at
        for device, held in newest.items()
        if held.cause == "revoked" and held.revoked_at is not None
    }


def _enter(conn: Connection, now: int, actor: str, what: str, device: str, **body: object) -> None:
    journal.append(
        conn, at=now, actor=actor, type=f"enrolment.{what}", subject=device or "?", body=body
    )
