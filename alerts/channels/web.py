"""One HTTP request to a gateway, in bounded time, and the difference that matters: was it sent?

The only module of `alerts` that needs urllib3, which comes with the hub.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import urllib3

# An answer of a gateway is some hundred bytes.
_MOST_BYTES: Final = 256 * 1024
# Gateways before the gateway: whether the one behind has taken it, they do not know.
_NOBODY_KNOWS: Final = frozenset({502, 504})


class NotReachedError(Exception):
    """The request never left: the gateway cannot have taken the message."""


class NoAnswerError(Exception):
    """The request left and no answer came: nobody knows whether the message was taken."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status."""

    status: int
    body: bytes


def request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
) -> Reply:
    """Send one request on a connection of its own; follow no redirect.

    ``timeout_s`` is for connecting, for each wait for bytes, and for all of the answer's body.
    TLS is checked against the system's authorities.

    Raises:
        NotReachedError, NoAnswerError: see there. Their texts hold neither address nor headers.
    """
    deadline = time.monotonic() + 2 * timeout_s
    with urllib3.PoolManager(cert_reqs="CERT_REQUIRED", retries=False) as pool:
        try:
            response = pool.request(
                method,
                url,
                body=body,
                # One that was kept open may be dead without our knowing: then nobody would know.
                headers={**headers, "Connection": "close"},
                timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.NameResolutionError:
            raise NotReachedError("the gateway's name is not known; look at the network") from None
        except urllib3.exceptions.ConnectTimeoutError:
            raise NotReachedError(f"no connection within {timeout_s:g} s") from None
        except urllib3.exceptions.NewConnectionError:
            raise NotReachedError("no connection; look at the network") from None
        except urllib3.exceptions.SSLError as error:
            why = getattr(error.args[0], "verify_message", "") if error.args else ""
            raise NotReachedError(f"TLS does not come about{': ' + why if why else ''}") from None
        except urllib3.exceptions.LocationValueError:
            raise NotReachedError("the address is no such one") from None
        except urllib3.exceptions.ReadTimeoutError:
            raise NoAnswerError(f"no answer within {timeout_s:g} s") from None
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(f"the connection broke ({type(error).__name__})") from None
        try:
            text = _body(response, deadline)
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(f"the answer broke off ({type(error).__name__})") from None
        if response.status in _NOBODY_KNOWS:
            raise NoAnswerError(f"the gateway answered {response.status}")
        return Reply(response.status, text)


def _body(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """Read the body; whoever sends it byte by byte is not waited for."""
    found = bytearray()
    while chunk := response.read1():
        found += chunk
        if time.monotonic() > deadline:
            raise NoAnswerError("the answer does not come to its end")
        if len(found) > _MOST_BYTES:
            raise NoAnswerError("the answer has no end")
    return bytes(found)
