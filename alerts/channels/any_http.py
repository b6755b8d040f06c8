"""The channel `http`: any gateway that takes a message by one HTTP request.

Address, headers and body are given with `{phone}`, `{text}`, `{key}` and `{secret}` in them, each
put in as the place wants it: percent-encoded in the address and in a form, escaped in JSON. So no
text can become a part of the request that it is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from alerts.channels import web
from alerts.channels.answers import Answer, answer_of_status
from alerts.channels.book import Entry
from alerts.channels.gateway import Report
from alerts.channels.keys import KeyFileError, read_secret

PIECES: Final = ("phone", "text", "key", "secret")
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class AnyHttp:
    """Asks such a gateway.

    Attributes:
        url: with pieces in it.
        method: of HTTP.
        headers: with pieces in their values; `Content-Type` says how the body's are put in.
        body: with pieces in it; empty for none.
        key_file: one line, the secret; None where there is none.
        statuses: which ones say that the message was taken; empty: 200 to 299.
        pointer: JSON Pointer (RFC 6901) into the answer to what says so; empty where the status does.
        values: which values there say so, as text.
        timeout_s: for connecting, and for each wait for an answer.
    """

    url: str
    method: str = "POST"
    headers: Mapping[str, str] | None = None
    body: str = ""
    key_file: Path | None = None
    statuses: Sequence[int] = ()
    pointer: str = ""
    values: Sequence[str] = ()
    timeout_s: float = 5.0
    name: str = "http"
    reports: bool = False

    def send(self, entry: Entry, now_ms: int) -> Answer:
        """Have a message sent."""
        del now_ms
        try:
            secret = read_secret(self.key_file) if self.key_file is not None else ""
        except KeyFileError as error:
            return Answer("failing", str(error))
        pieces = {"phone": entry.phone, "text": entry.text, "key": entry.key, "secret": secret}
        headers = {
            name: put_in(value, pieces, "header") for name, value in (self.headers or {}).items()
        }
        kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
        kind = kinds[0].partition(";")[0].strip().lower() if kinds else ""
        body = put_in(self.body, pieces, kind).encode()
        url = put_in(self.url, pieces, _FORM)
        reply = web.request(self.method, url, headers, body, self.timeout_s)
        return self._judge(reply)

    def ask(self, entry: Entry, now_ms: int) -> Report | None:
        """Know nothing: there is no common way to ask."""
        del entry, now_ms
        return None

    def _judge(self, reply: web.Reply) -> Answer:
        if reply.status in self.statuses or (not self.statuses and 200 <= reply.status < 300):
            if not self.pointer:
                return Answer("sent")
            found = resolve(reply.body, self.pointer)
            if found in self.values:
                return Answer("sent")
            said = "nothing" if found is None else found[:40]
            return Answer("refused", f"the gateway says {said!r} at {self.pointer}")
        unwanted = f"the gateway answered {reply.status}"
        return answer_of_status(reply.status) or Answer("refused", unwanted)


def put_in(template: str, pieces: Mapping[str, str], kind: str) -> str:
    """Put the pieces where their names stand in braces; in one pass, so no piece is looked into."""
    found = []
    rest = template
    while rest:
        start = rest.find("{")
        if start < 0:
            break
        name, brace, after = rest[start + 1 :].partition("}")
        if brace and name in pieces:
            found += [rest[:start], _escaped(pieces[name], kind)]
            rest = after
        else:
            found.append(rest[: start + 1])
            rest = rest[start + 1 :]
    return "".join([*found, rest])


def _escaped(value: str, kind: str) -> str:
    if kind == _JSON or kind.endswith("+json"):
        return json.dumps(value, ensure_ascii=False)[1:-1]
    if kind == _FORM:
        return quote(value, safe="")
    if kind == "header":
        # A header has one line; what is not printable ASCII has no place in it.
        return "".join(one if " " <= one <= "~" else "?" for one in value)
    return value


def resolve(body: bytes, pointer: str) -> str | None:
    """Return as text what a JSON Pointer points at; None where there is nothing of the kind."""
    try:
        found: Any = json.loads(body)
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    if isinstance(found, str):
        return found
    return None if isinstance(found, dict | list) else json.dumps(found)
