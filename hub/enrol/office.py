"""The steps of enrolment on the hub, for the command and for the endpoint alike.

A step is one transaction with its journal entry; the broker's files follow from what was committed,
under a lock, so whoever is killed in between has them put right by whoever comes next.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import serialization
from sqlalchemy import Connection, Engine

from config.files import give_to_owner
from config.hub import HubSettings
from hub.books import open_books
from hub.enrol import broker, registry
from hub.enrol.ca import Ca, CaError, make_ca, open_ca, sign_device
from hub.enrol.registry import Held, RefusedError
from journal.database import read, write
from protocol.enrolment import Code, new_code
from protocol.tls import in_credentials

log = logging.getLogger(__name__)

_MINUTE_MS: Final = 60_000
# Where systemd shows a service its credentials, and from where ours are loaded (systemd/).
_CREDENTIALS: Final = Path("/run/credentials")
_SECRETS: Final = Path("/etc/coldwatch")


class Given(NamedTuple):
    """A certificate for a device: PEM, the CA's PEM, and its name; when it ends (UTC ms)."""

    certificate: bytes
    ca: bytes
    name: str
    not_after: int
    warning: str


class Office:
    """Does the steps. Raises CaError, RefusedError, DatabaseError with one line each."""

    def __init__(self, settings: HubSettings, now: Callable[[], int]) -> None:
        """Open the hub's database and the CA; ``settings`` may be replaced by newer ones."""
        self.settings = settings
        self.ca: Ca = open_ca(settings.state_dir / broker.CA_FOLDER, _passphrase(settings))
        self.database: Engine = open_books(settings)
        self._now = now

    def new_code(self, device: str, minutes: int | None, actor: str) -> tuple[Code, int]:
        """Return a new code for a device and when it ends (UTC ms)."""
        now, code = self._now(), new_code(self.ca.der)
        expires = now + (minutes or self.settings.enrolment.code_minutes) * _MINUTE_MS
        site = self._site_of(device)
        with write(self.database) as conn:
            registry.add_code(conn, code, site, device, expires_at=expires, actor=actor, now=now)
        return code, expires

    def join(self, secret_digest: str, site: str, device: str, csr: bytes, sender: str) -> Given:
        """Give a device its first certificate, for a code; earlier ones of it end with it.

        A device that enrols anew has lost its key, or somebody else has found it.
        """
        now = self._now()
        with write(self.database) as conn:
            registry.use_code(conn, secret_digest, site, device, sender=sender, now=now)
            given, held = self._sign(conn, device, csr, "issued", registry.ENDPOINT, sender, now)
            registry.replaced(conn, held, actor=registry.ENDPOINT, now=now)
        return given._replace(warning=self._announce())

    def sign(self, device: str, csr: bytes, actor: str) -> Given:
        """Give a device a certificate for a request that a person brought."""
        now = self._now()
        self._site_of(device)
        with write(self.database) as conn:
            given, held = self._sign(conn, device, csr, "issued", actor, "by hand", now)
            registry.replaced(conn, held, actor=actor, now=now)
        return given._replace(warning=self._announce())

    def renew(self, serial: str, csr: bytes, sender: str) -> Given:
        """Give the holder of a certificate that counts its next one; both count until `confirm`."""
        trouble = self._announce()
        if trouble:
            # The broker would not know the new name either: no use in a certificate each hour.
            raise RefusedError(trouble)
        now = self._now()
        with write(self.database) as conn:
            held = self._holder(conn, serial)
            given, _ = self._sign(conn, held.device, csr, "renewed", held.name, sender, now)
        return given._replace(warning=self._announce())

    def confirm(self, serial: str) -> None:
        """End the certificates before the one that its holder shows: it is in place."""
        now = self._now()
        with write(self.database) as conn:
            held = self._holder(conn, serial)
            older = registry.replaced(conn, held, actor=held.name, now=now)
        if older:
            self.refresh()

    def revoke(self, device: str, reason: str, actor: str) -> tuple[list[Held], str]:
        """Revoke whatever a device holds; return the certificates, and what went wrong after it."""
        with write(self.database) as conn:
            ended = registry.revoke(conn, device, actor=actor, reason=reason, now=self._now())
        return ended, self.refresh()

    def refuse(self, device: str, reason: str, sender: str) -> None:
        """Journal a refusal."""
        with write(self.database) as conn:
            registry.refused(conn, device, reason=reason, sender=sender, now=self._now())

    def held(self) -> list[Held]:
        """Return every certificate ever given."""
        with read(self.database) as conn:
            return registry.all_held(conn)

    def refresh(self) -> str:
        """Bring the broker's files up to date and have them read; return what went wrong, or ""."""
        folder = self.settings.state_dir
        path = folder / "enrolment.lock"
        with path.open("a") as lock:
            give_to_owner(path)
            fcntl.flock(lock, fcntl.LOCK_EX)
            broker.write_files(self.settings, self.ca, self.held(), self._now())
            try:
                broker.reload(self.settings.enrolment.broker_reload)
            except broker.ReloadError as error:
                log.error("broker-not-reloaded reason=%s", error)  # noqa: TRY400 - one line
                return str(error)
        return ""

    def _announce(self) -> str:
        """Do as `refresh`; what was committed is given all the same, for a code serves only once."""
        try:
            return self.refresh()
        except OSError as error:
            log.error("broker-files=not-written reason=%s", error)  # noqa: TRY400 - one line
            return f"the broker's files cannot be written on the hub: {error}"

    def _sign(
        self, conn: Connection, device: str, csr: bytes, how: str, actor: str, sender: str, now: int
    ) -> tuple[Given, Held]:
        n = registry.next_number(conn)
        days = self.settings.enrolment.device_days
        name = registry.name_of(device, n)
        try:
            certificate = sign_device(self.ca, csr, name, days, now)
        except CaError as error:
            raise RefusedError(str(error)) from None
        not_after = int(certificate.not_valid_after_utc.timestamp() * 1000)
        serial = f"{certificate.serial_number:x}"
        held = Held(n, device, serial, now, not_after, None, None)
        registry.add_certificate(conn, held, actor=actor, how=how, sender=sender, now=now)
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return Given(pem, self.ca.pem, name, not_after, ""), held

    def _holder(self, conn: Connection, serial: str) -> Held:
        """Return the certificate with this serial where it counts; raise RefusedError."""
        held = registry.by_serial(conn, serial)
        if held is None:
            raise RefusedError("this is no certificate of a device")
        if held.revoked_at is not None:
            how = "was replaced by a later one" if held.cause == "replaced" else "was revoked"
            raise RefusedError(f"certificate {held.name} {how}; enrol this device again")
        self._site_of(held.device)
        return held

    def _site_of(self, device: str) -> str:
        sites = {each: site.id for site in self.settings.sites for each in site.devices}
        site = sites.get(device)
        if site is None:
            known = ", ".join(sorted(sites))
            raise RefusedError(
                f"device {device} is not in the hub's settings; write it below its site ({known})"
            )
        return site


def init(settings: HubSettings, now: int) -> Ca:
    """Make the CA and the folder of the state; raise CaError where there is one."""
    open_books(settings).dispose()
    return make_ca(
        settings.state_dir / broker.CA_FOLDER, "coldwatch hub CA", _passphrase(settings), now
    )


def _passphrase(settings: HubSettings) -> bytes | None:
    file = settings.enrolment.passphrase_file
    if file is None:
        return None
    path: Path = in_credentials(file)
    if path.parent.parent == _CREDENTIALS and not path.exists():
        # The service, which cannot run before `init`, is not there to have it handed out.
        path = _SECRETS / path.name
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise CaError(f"passphrase_file {path}: {error.strerror}") from None
