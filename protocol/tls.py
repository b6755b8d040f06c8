"""TLS to the broker: what we trust, who we are, and what is wrong when it does not come about.

Every check stays on, whatever the clock says. TLS 1.2 or newer, the broker's name is checked, and
nobody is trusted but the hub's own CA: the system's are not loaded.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of a TLS connection, PEM all of them.

    Attributes:
        ca_file: certificates of the CA that we trust.
        cert_file: our own certificate; with its key where there is no ``key_file``.
        key_file: our own key; None where it stands in ``cert_file``.
    """

    ca_file: str
    cert_file: str
    key_file: str | None = None


class TlsError(OSError):
    """The connection cannot be made as set up; the text is one line that says what to do."""


def in_credentials(path: str | Path) -> Path:
    """Return a path; a relative one lies in systemd's credentials directory, where there is one."""
    return Path(os.environ.get(CREDENTIALS, "")) / path


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return the context of a connection; raise TlsError where a file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    ca, cert = in_credentials(tls.ca_file), in_credentials(tls.cert_file)
    key = None if tls.key_file is None else in_credentials(tls.key_file)
    for path in (ca, cert, *([key] if key else [])):
        _readable(path)
    try:
        context.load_verify_locations(cafile=ca)
    except (ssl.SSLError, ValueError):
        raise TlsError(f"{ca} holds no CA certificate; enrol again") from None
    try:
        # A key with a passphrase would ask on a terminal, and a daemon has none.
        context.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(
                f"{cert}: certificate and key do not belong together; enrol again"
            ) from None
        raise TlsError(
            f"{cert}: no certificate with its key ({error.reason}); enrol again"
        ) from None
    return context


def _readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise TlsError(f"{path} does not exist; enrol this device: coldwatch enroll join") from None
    except OSError as error:
        raise TlsError(f"{path} cannot be read ({error.strerror}); check its owner") from None


_SILENT: Final = "it hung up without a word; the broker's log says why"

# Words in OpenSSL's alerts -> what they mean to us. The other side refused us.
_REFUSALS: Final = {
    "CERTIFICATE_REVOKED": "our certificate was revoked; if this device may come back, enrol it again",
    "CERTIFICATE_EXPIRED": "our certificate has expired; enrol this device again",
    "UNKNOWN_CA": "the broker does not know the CA of our certificate; enrol at its own hub",
    "BAD_CERTIFICATE": "the broker takes our certificate for a bad one; enrol again",
    "CERTIFICATE_UNKNOWN": "the broker does not take our certificate; enrol again",
    "CERTIFICATE_REQUIRED": "the broker asks for a certificate and got none; enrol this device",
    "HANDSHAKE_FAILURE": "no common way to speak TLS; a certificate is missing or versions differ",
    "PROTOCOL_VERSION": "the broker speaks only TLS older than 1.2, which we refuse",
    "WRONG_VERSION_NUMBER": "it speaks no TLS on this port; check host and port (TLS: mostly 8883)",
    "RECORD_LAYER_FAILURE": "it speaks no TLS on this port; check host and port (TLS: mostly 8883)",
    "UNEXPECTED_EOF_WHILE_READING": _SILENT,
}  # fmt: skip

# X.509 verify codes (openssl-verification-options(1)) -> what they mean to us. We refused it.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN: Final = frozenset({2, 18, 19, 20, 21})
_NAME: Final = frozenset({62, 64})


def explain(error: BaseException, now_ms: int | None = None) -> str:
    """Return in one line what was wrong, and what to do; ``now_ms`` is what our clock says."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code in {_NOT_YET_VALID, _EXPIRED}:
            what = "is not valid yet" if code == _NOT_YET_VALID else "has expired"
            return (
                f"the other side's certificate {what} by our clock ({_clock(now_ms)}); "
                "if that is not the time, set the clock (timedatectl; NTP), else renew it on the "
                "hub (coldwatch enroll renew)"
            )
        if code in _UNKNOWN:
            return "its certificate is not from the CA that we enrolled with; is it our hub?"
        if code in _NAME:
            return (
                f"its certificate is for another name ({error.verify_message}); "
                "write the name into [enrolment] names on the hub, then coldwatch enroll renew"
            )
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError):
        return _SILENT
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        for word, text in _REFUSALS.items():
            if word in reason:
                return text
        return f"TLS failed: {reason or error}"
    return str(error)


def _clock(now_ms: int | None) -> str:
    now = datetime.now(UTC) if now_ms is None else datetime.fromtimestamp(now_ms / 1000, UTC)
    return now.strftime("%Y-%m-%d %H:%M UTC")
