"""How this Pi gets its certificate, and the next one; its key is made here and never leaves it.

Only short-lived processes come here, for `cryptography` stays in memory: `coldwatch enroll`, and
``python -m firmware_agent.enrolment renew|confirm FOLDER``, which the agent starts (renewal.py).
Exit codes of that: 0 done, 1 not done (one line on stderr says why).

The folder, ``<state_dir>/tls``, holds ca.crt, device.pem (key and certificate in one file, so that
one rename replaces both) and enrolment.json (firmware_agent/renewal.py).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.base import CA_FILE, DEVICE_FILE
from config.files import make_folder, write_file
from firmware_agent.renewal import Enrolment, read_enrolment, write_enrolment
from protocol.enrolment import CA_PATH, CONFIRM_PATH, JOIN_PATH, MAX_BYTES, RENEW_PATH, Code
from protocol.tls import Tls, TlsError, client_context, explain

_TIMEOUT_S: Final = 30.0
_REQUEST_KEY: Final = "request.key"


class EnrolmentError(Exception):
    """It did not come about; the text is one line that says why and what to do."""


def make_request(device: str) -> tuple[bytes, bytes]:
    """Return a new key and the request for its certificate, PEM both."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        request.public_bytes(serialization.Encoding.PEM),
    )


def join(folder: Path, site: str, device: str, host: str, port: int, code: Code) -> Enrolment:
    """Enrol at a hub with a one-time code; raise EnrolmentError, and then nothing has changed."""
    ca = _ca_of(host, port, code)
    key, request = make_request(device)
    context = ssl.create_default_context(cadata=ca.decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    body = {"code": str(code), "site": site, "device": device, "csr": request.decode()}
    answer = _ask(host, port, context, JOIN_PATH, body)
    done = _install(folder, key, ca, answer, (host, port))
    if answer.get("warning"):
        print(f"coldwatch enroll: the hub says: {answer['warning']}", file=sys.stderr)
    return done


def renew(folder: Path) -> Enrolment:
    """Fetch the next certificate and put it in place; raise EnrolmentError, and the old one stays."""
    enrolment = _enrolled(folder)
    host, port = _hub_of(enrolment)
    key, request = make_request(enrolment.name.partition(":")[0])
    answer = _ask(host, port, _context(folder), RENEW_PATH, {"csr": request.decode()})
    if answer.get("warning"):
        # The broker would not know its name: with the old one we go on.
        raise EnrolmentError(f"the hub says: {answer['warning']}")
    return _install(folder, key, (folder / CA_FILE).read_bytes(), answer, (host, port), False)


def confirm(folder: Path) -> None:
    """Tell the hub that the certificate is in place, so that those before it end."""
    enrolment = _enrolled(folder)
    host, port = _hub_of(enrolment)
    _ask(host, port, _context(folder), CONFIRM_PATH, {})
    write_enrolment(folder, enrolment._replace(confirmed=True))


def begin_by_hand(folder: Path, device: str) -> bytes:
    """Return a request (PEM) for a person to carry to the hub; its key waits here."""
    key, request = make_request(device)
    make_folder(folder, 0o700)
    write_file(folder / _REQUEST_KEY, key, 0o600)
    return request


def accept_by_hand(folder: Path, pem: bytes) -> Enrolment:
    """Put in place what the hub signed: certificate and CA certificate in one PEM."""
    try:
        key = (folder / _REQUEST_KEY).read_bytes()
    except OSError:
        raise EnrolmentError(
            "no request was made here; begin with: coldwatch enroll request"
        ) from None
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError:
        certificates = []
    if len(certificates) != 2:
        raise EnrolmentError("the file is not what `coldwatch enroll sign` wrote")
    mine, ca = (each.public_bytes(serialization.Encoding.PEM) for each in certificates)
    done = _install(folder, key, ca, {"certificate": mine.decode()}, None)
    (folder / _REQUEST_KEY).unlink()
    return done


def _install(
    folder: Path,
    key_pem: bytes,
    ca_pem: bytes,
    answer: Mapping[str, Any],
    hub: tuple[str, int] | None,
    confirmed: bool = True,
) -> Enrolment:
    """Check what the hub gave and put it in place."""
    try:
        certificate = x509.load_pem_x509_certificate(str(answer.get("certificate")).encode())
        ca = x509.load_pem_x509_certificate(ca_pem)
        certificate.verify_directly_issued_by(ca)
        (name,) = (str(each.value) for each in certificate.subject)
    except (ValueError, TypeError, InvalidSignature):
        raise EnrolmentError("the hub's answer is no certificate of its CA") from None
    key = serialization.load_pem_private_key(key_pem, None)
    if certificate.public_key() != key.public_key():
        raise EnrolmentError("the certificate is for another key than ours; make a new request")
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    enrolment = Enrolment(
        name=name,
        hub=None if hub is None else f"{hub[0]}:{hub[1]}",
        not_after=int(end.timestamp() * 1000),
        renew_after=int((end - (end - begin) / 3).timestamp() * 1000),
        confirmed=confirmed,
    )
    make_folder(folder, 0o700)
    write_file(folder / CA_FILE, ca_pem, 0o644)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    # This one decides: before it the old certificate counts, after it the new one.
    write_file(folder / DEVICE_FILE, key_pem + pem, 0o600)
    write_enrolment(folder, enrolment)
    return enrolment


def _ca_of(host: str, port: int, code: Code) -> bytes:
    """Return the CA (PEM) of the hub that made the code; raise EnrolmentError for any other's.

    Nothing is trusted yet, so nothing is told but a question; the code's own mark then says
    whether the answer is our hub's. The code itself goes out on a connection that the CA vouches for.
    """
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    pem = _exchange(host, port, blind, "GET", CA_PATH, None)
    try:
        ca = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise EnrolmentError(f"{host}:{port} is no hub of ours: it has no CA to show") from None
    if not code.belongs_to(ca.public_bytes(serialization.Encoding.DER)):
        raise EnrolmentError(
            f"{host}:{port} is not the hub that made this code; nothing was told to it; check the "
            "address, and ask who else answers there"
        )
    return pem


def _ask(
    host: str, port: int, context: ssl.SSLContext, path: str, body: Mapping[str, Any]
) -> Mapping[str, Any]:
    text = _exchange(host, port, context, "POST", path, json.dumps(body).encode())
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise EnrolmentError(f"{host}:{port} does not answer as a hub does")
    return answer


def _exchange(
    host: str, port: int, context: ssl.SSLContext, method: str, path: str, body: bytes | None
) -> bytes:
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read(MAX_BYTES)
    except socket.gaierror:
        raise EnrolmentError(f"nobody knows the name {host}; give the hub's address") from None
    except (OSError, http.client.HTTPException) as error:
        raise EnrolmentError(
            f"{host}:{port}: {explain(error) if isinstance(error, OSError) else error}"
        ) from None
    finally:
        connection.close()
    if answer.status != 200:
        try:
            why = str(json.loads(text)["error"])
        except (ValueError, LookupError, TypeError):
            why = f"it answers {answer.status}"
        raise EnrolmentError(f"the hub refuses: {why}")
    return text


def _context(folder: Path) -> ssl.SSLContext:
    try:
        return client_context(Tls(str(folder / CA_FILE), str(folder / DEVICE_FILE)))
    except TlsError as error:
        raise EnrolmentError(str(error)) from None


def _enrolled(folder: Path) -> Enrolment:
    enrolment = read_enrolment(folder)
    if enrolment is None:
        raise EnrolmentError(f"{folder}: not enrolled; write: coldwatch enroll join")
    return enrolment


def _hub_of(enrolment: Enrolment) -> tuple[str, int]:
    if enrolment.hub is None:
        raise EnrolmentError("enrolled by hand; renew it by hand: coldwatch enroll request")
    host, _, port = enrolment.hub.rpartition(":")
    return host, int(port)


def main(arguments: list[str]) -> int:
    """Do what the agent asked for."""
    what, folder = arguments
    try:
        if what == "renew":
            renew(Path(folder))
        else:
            confirm(Path(folder))
    except (EnrolmentError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
