"""The hub's own CA: ECDSA P-256, its key in one file of mode 0600, optionally with a passphrase.

The CA's and the servers' certificates are valid from 1970 on: a Pi without a clock chip wakes up in
the past and connects all the same, with every check on. What a clock that is behind cannot judge is
the end of a certificate, and that holds for every certificate.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.files import make_folder, write_file

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CA_YEARS: Final = 30
SERVER_DAYS: Final = 730
# The broker's clock may be behind ours, or have been when it is told the time.
_BACK: Final = timedelta(days=1)


class CaError(Exception):
    """The CA cannot do it; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Ca:
    """The CA's key and certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


def make_ca(folder: Path, name: str, passphrase: bytes | None, now_ms: int) -> Ca:
    """Make a CA in ``folder`` (ca.key, ca.crt); raise CaError where one is there already."""
    key_file = folder / "ca.key"
    if key_file.exists():
        raise CaError(f"{key_file} is there already; a second CA would lock every device out")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(name), key.public_key(), _name(name), _EPOCH, _date(now_ms, _CA_YEARS * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
    )
    ca = Ca(key, builder.sign(key, hashes.SHA256()))
    make_folder(folder, 0o700)
    write_file(folder / "ca.crt", ca.pem, 0o644)
    # The key last: without it there is no CA, and `init` may be begun again.
    write_file(key_file, _key_pem(key, passphrase), 0o600)
    return ca


def open_ca(folder: Path, passphrase: bytes | None) -> Ca:
    """Open the CA in ``folder``; raise CaError."""
    try:
        key_pem, pem = (folder / "ca.key").read_bytes(), (folder / "ca.crt").read_bytes()
    except FileNotFoundError:
        raise CaError(f"there is no CA in {folder}; make one: coldwatch enroll init") from None
    except OSError as error:
        raise CaError(f"{error.filename}: {error.strerror}; run this as the hub's user") from None
    try:
        key = serialization.load_pem_private_key(key_pem, passphrase)
    except TypeError:
        what = "has no passphrase" if passphrase else "has a passphrase; give passphrase_file"
        raise CaError(f"{folder / 'ca.key'} {what}") from None
    except ValueError:
        raise CaError(f"{folder / 'ca.key'} cannot be read: wrong passphrase, or damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CaError(f"{folder / 'ca.key'} is no key of ours")
    return Ca(key, x509.load_pem_x509_certificate(pem))


def sign_device(ca: Ca, csr_pem: bytes, name: str, days: int, now_ms: int) -> x509.Certificate:
    """Return a client certificate for the key in a request; raise CaError.

    Of the request only the key is taken, and the proof that the sender has it. Name and rights are
    ours to give.
    """
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        public = csr.public_key()
        proven = csr.is_signature_valid
    except (ValueError, TypeError, InvalidSignature):
        raise CaError("this is no certificate request") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise CaError("the request's key is not ECDSA P-256")
    if not proven:
        raise CaError("the request is not signed by its own key")
    begin = _date(now_ms, 0) - _BACK
    builder = _builder(
        _name(name), public, ca.certificate.subject, begin, _date(now_ms, days)
    ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
    return _leaf(builder, ca)


def make_own(ca: Ca, name: str, names: Sequence[str], now_ms: int) -> bytes:
    """Return key and certificate (one PEM) for a server with ``names``, or without: a client."""
    key = ec.generate_private_key(ec.SECP256R1())
    use = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
    begin = _EPOCH if names else _date(now_ms, 0) - _BACK
    builder = _builder(
        _name(name), key.public_key(), ca.certificate.subject, begin, _date(now_ms, SERVER_DAYS)
    ).add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_alternative(each) for each in names]), critical=False
        )
    certificate = _leaf(builder, ca)
    return _key_pem(key, None) + certificate.public_bytes(serialization.Encoding.PEM)


def revocation_list(
    ca: Ca, revoked: Iterable[tuple[str, int]], old: bytes | None, now_ms: int
) -> bytes:
    """Return the list of revoked certificates (PEM): serial (hexadecimal) and when (UTC ms).

    It never runs out: one that had would lock every device out, and the broker reads it from its
    own disk. Its date is an hour back, for a broker whose clock is behind, and always later than
    the old one's: mosquitto adds lists when it reads again, and OpenSSL takes the latest.
    """
    date = _date(now_ms, 0) - timedelta(hours=1)
    if old is not None:
        before = x509.load_pem_x509_crl(old).last_update_utc
        date = max(date, before + timedelta(seconds=1))
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.certificate.subject)
        .last_update(date)
        .next_update(ca.certificate.not_valid_after_utc)
    )
    for serial, at in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(int(serial, 16))
            .revocation_date(_date(at, 0))
            .build()
        )
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def due(pem: bytes, names: Sequence[str], now_ms: int) -> bool:
    """Whether a certificate of our own has lived two thirds of its life or lacks a name."""
    certificate = x509.load_pem_x509_certificate(pem)
    has: set[str] = set()
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        has = {str(each.value) for each in found}
    except x509.ExtensionNotFound:
        pass
    left = certificate.not_valid_after_utc - _date(now_ms, 0)
    return left < timedelta(days=SERVER_DAYS / 3) or has != set(names)


def _builder(
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _leaf(builder: x509.CertificateBuilder, ca: Ca) -> x509.Certificate:
    from_ca = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(from_ca, critical=False)
        .sign(ca.key, hashes.SHA256())
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> bytes:
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _date(ms: int, days: int) -> datetime:
    """Return a time, whole seconds as certificates have them."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(days=days)
