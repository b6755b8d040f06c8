"""Each failure of TLS is one line that says what to do."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest

from protocol.tls import CREDENTIALS, Tls, TlsError, client_context, explain, in_credentials


def refused(reason: str) -> ssl.SSLError:
    """Return what OpenSSL raises when the other side says so."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def unverified(code: int) -> ssl.SSLCertVerificationError:
    """Return what OpenSSL raises when we say so."""
    error = ssl.SSLCertVerificationError(1, "")
    error.verify_code, error.verify_message = code, "words of OpenSSL"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("SSLV3_ALERT_CERTIFICATE_REVOKED"), "our certificate was revoked"),
        (refused("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "our certificate has expired; enrol"),
        (refused("TLSV1_ALERT_UNKNOWN_CA"), "does not know the CA"),
        (refused("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "asks for a certificate"),
        (refused("WRONG_VERSION_NUMBER"), "speaks no TLS on this port"),
        (refused("SOMETHING_NEW"), "TLS failed: SOMETHING_NEW"),
        (unverified(9), r"not valid yet by our clock \(1970-01-02 00:00 UTC\).*set the clock"),
        (unverified(10), r"has expired by our clock \(1970-01-02 00:00 UTC\).*set the clock"),
        (unverified(19), "is it our hub"),
        (unverified(62), r"another name.*\[enrolment\] names"),
        (unverified(99), "words of OpenSSL"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
    ],
)
def test_each_trouble_has_its_line(error: OSError, words: str) -> None:
    """One line, no number of OpenSSL in it."""
    said = explain(error, 86_400_000)
    assert re.search(words, said)
    assert "\n" not in said


def test_the_checks_are_on_and_files_are_named(tmp_path: Path) -> None:
    """What is missing, what is no certificate."""
    ca, cert = tmp_path / "ca.crt", tmp_path / "device.pem"
    with pytest.raises(TlsError, match=r"ca.crt does not exist; enrol"):
        client_context(Tls(str(ca), str(cert)))
    ca.write_text("nothing")
    cert.write_text("nothing")
    with pytest.raises(TlsError, match="holds no CA certificate"):
        client_context(Tls(str(ca), str(cert)))


def test_a_relative_path_lies_among_systemds_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An absolute one lies where it says."""
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    assert in_credentials("ca.crt") == tmp_path / "ca.crt"
    assert in_credentials("/etc/ca.crt") == Path("/etc/ca.crt")
