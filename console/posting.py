"""What stands before everything that changes something: it must come from our own pages, or a program.

There is no log-in yet, and the console listens on the loopback only. So what has to be kept out are
other pages in the same browser. Three things do that, and each would be enough: the browser says
where a request comes from (Sec-Fetch-Site, Origin); a form bears the token of a cookie that other
sites' requests do not carry (SameSite=Strict); and the API takes JSON only, which a foreign page
cannot send without being asked first (CORS). Sources: OWASP CSRF Prevention Cheat Sheet; W3C Fetch
Metadata Request Headers.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Response

from console.problems import (
    foreign_request,
    form_too_old,
    json_only,
    too_much,
    unreadable_form,
)

COOKIE: Final = "coldwatch_form"
FIELD: Final = "token"
MOST_BYTES: Final = 16_384
_MOST_FIELDS: Final = 40
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"

Form = dict[str, str]


def token_of(request: Request) -> str:
    """Return the token of whoever looks: that of the cookie, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if _TOKEN.fullmatch(known) else secrets.token_urlsafe(32)


def remember(response: Response, token: str) -> None:
    """Give the browser the cookie that its forms are held against; it lasts as long as the browser."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict")


def _from_here(request: Request, *, program: bool) -> None:
    """Refuse what another page sent; a program says nothing of where it comes from."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        raise foreign_request()
    origin = request.headers.get("origin")
    if origin is not None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.netloc != request.headers.get("host"):
            raise foreign_request()
    if site is None and origin is None and not program:
        # Every browser sends one of the two with a form.
        raise foreign_request()


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise too_much(MOST_BYTES)
    return body


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _posted(request: Request) -> Form:
    """Return the fields of a form of ours; raise ProblemError for any other."""
    _from_here(request, program=False)
    if _media_type(request) != _FORM:
        raise unreadable_form()
    try:
        text = (await _body(request)).decode()
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise unreadable_form() from error
    form = dict(pairs)
    held = request.cookies.get(COOKIE, "")
    given = form.pop(FIELD, "")
    if not _TOKEN.fullmatch(held) or not hmac.compare_digest(held.encode(), given.encode()):
        raise form_too_old()
    return {name: value.strip() for name, value in form.items()}


Posted = Annotated[Form, Depends(_posted)]


def _json_from_here(request: Request) -> None:
    """Refuse a call of the API that another page could have made."""
    _from_here(request, program=True)
    if _media_type(request) != _JSON:
        raise json_only()
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise too_much(MOST_BYTES)


OwnCall = Depends(_json_from_here)
