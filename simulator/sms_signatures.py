"""Checks signatures of requests to SMS gateways, from the bytes that came, as a vendor would.

Part of the simulator and the oracle of the gateways' tests: it shares nothing with the product,
works from the request as it arrived, and has its own percent-encoding and its own HMAC.
Sources: "V3 request structure and signature" (Alibaba Cloud), "Signature v3" (Tencent Cloud), RFC 2104.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import gmtime, strptime
from typing import Final

_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
)
_BLOCK: Final = 64
_ALIYUN: Final = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$"
)
_TENCENT: Final = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/([0-9-]{10})/([a-z]+)/tc3_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$"
)
_ALIYUN_NEEDED: Final = {"host", "x-acs-action", "x-acs-date", "x-acs-version"}
_TENCENT_NEEDED: Final = {"content-type", "host"}
# How far a request's time may be from ours, seconds.
ALIYUN_SKEW_S: Final = 900
TENCENT_SKEW_S: Final = 300


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: ``target`` with its query, headers by their names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256, by RFC 2104 itself."""
    padded = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = sha256(bytes(octet ^ 0x36 for octet in padded) + message).digest()
    return sha256(bytes(octet ^ 0x5C for octet in padded) + inner).digest()


def aliyun_fault(request: Request, keys: Mapping[str, str], now_s: float) -> str | None:
    """Return the error code that Alibaba Cloud would give, or None where all is right."""
    match = _ALIYUN.match(request.headers.get("authorization", ""))
    if match is None:
        return "MissingAuthorization"
    identity, names, signature = match.groups()
    if identity not in keys:
        return "InvalidAccessKeyId.NotFound"
    signed = names.split(";")
    ours = {name for name in request.headers if name.startswith("x-acs-")}
    if signed != sorted(signed) or not (_ALIYUN_NEEDED | ours) <= set(signed):
        return "IncompleteSignature"
    if sha256(request.body).hexdigest() != request.headers.get("x-acs-content-sha256"):
        return "InvalidContentSha256"
    try:
        then = timegm(strptime(request.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return "InvalidTimeStamp.Format"
    if abs(then - now_s) > ALIYUN_SKEW_S:
        return "InvalidTimeStamp.Expired"
    path, _, query = request.target.partition("?")
    pairs = sorted(tuple(pair.partition("=")[::2]) for pair in query.split("&") if pair)
    again = "&".join(f"{_encode(_decode(name))}={_encode(_decode(value))}" for name, value in pairs)
    lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    text = "\n".join(
        (request.method, path, again, lines, names, request.headers["x-acs-content-sha256"])
    )
    to_sign = "ACS3-HMAC-SHA256\n" + sha256(text.encode()).hexdigest()
    if hmac_sha256(keys[identity].encode(), to_sign.encode()).hex() != signature:
        return "SignatureDoesNotMatch"
    return None


def tencent_fault(request: Request, keys: Mapping[str, str], now_s: float) -> str | None:
    """Return the error code that Tencent Cloud would give, or None where all is right."""
    match = _TENCENT.match(request.headers.get("authorization", ""))
    if match is None:
        return "AuthFailure.InvalidAuthorization"
    identity, day, service, names, signature = match.groups()
    if identity not in keys:
        return "AuthFailure.SecretIdNotFound"
    stamp = request.headers.get("x-tc-timestamp", "")
    if not stamp.isdigit() or abs(int(stamp) - now_s) > TENCENT_SKEW_S:
        return "AuthFailure.SignatureExpire"
    then = gmtime(int(stamp))
    if day != f"{then.tm_year:04}-{then.tm_mon:02}-{then.tm_mday:02}":
        return "AuthFailure.SignatureFailure"
    signed = names.split(";")
    if signed != sorted(signed) or not set(signed) >= _TENCENT_NEEDED:
        return "AuthFailure.SignatureFailure"
    path, _, query = request.target.partition("?")
    lines = "".join(f"{name}:{request.headers.get(name, '').strip().lower()}\n" for name in signed)
    text = "\n".join((request.method, path, query, lines, names, sha256(request.body).hexdigest()))
    scope = f"{day}/{service}/tc3_request"
    digest = sha256(text.encode()).hexdigest()
    to_sign = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    key = b"TC3" + keys[identity].encode()
    for part in (day, service, "tc3_request"):
        key = hmac_sha256(key, part.encode())
    return (
        None
        if hmac_sha256(key, to_sign.encode()).hex() == signature
        else ("AuthFailure.SignatureFailure")
    )


def _decode(text: str) -> bytes:
    found, rest = bytearray(), text.encode()
    while rest:
        if rest[:1] == b"%":
            found.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            found += rest[:1]
            rest = rest[1:]
    return bytes(found)


def _encode(octets: bytes) -> str:
    return "".join(chr(one) if one in _UNRESERVED else f"%{one:02X}" for one in octets)
