"""A Unix socket through which another program makes the simulated modem fail.

One JSON object a line; the answer is {"ok": true} or {"error": "what is wrong with it"}:

    {"do": "refuse", "count": 2, "code": 500}      the next two messages get +CMS ERROR: 500
    {"do": "refuse", "to": "^[+]8613", "code": 21}  so does every message to such a number
    {"do": "stall", "seconds": 5}                  answers nothing; what arrives meanwhile is lost
    {"do": "swallow", "count": 1}                  sends, but loses the answer to the computer
    {"do": "vanish", "seconds": 3}                 the device goes, and comes back
    {"do": "deliver", "sender": "+86138…", "text": "…"}  an SMS comes in
    {"do": "answer", "to": "^[+]8613", "text": "…"}  whoever is written to there answers so
    {"do": "report", "status": "failed", "to": "^[+]8613"}  the network reports so of messages:
                                                   delivered (as it does by itself), failed, pending, none
    {"do": "fade", "signal": 3}                    the signal has this strength, 0 to 31, or 99
    {"do": "service", "code": "*100#", "answer": "…"}  the operator answers a USSD code so
    {"do": "heal"}                                 ends all of these but what services answer
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from simulator.modem import Modem

# What each command takes, and whether it must be given.
_FIELDS: Final[Mapping[str, Mapping[str, tuple[type | tuple[type, ...], bool]]]] = {
    "refuse": {"count": (int, False), "code": (int, False), "to": (str, False)},
    "stall": {"seconds": ((int, float), True)},
    "swallow": {"count": (int, False)},
    "vanish": {"seconds": ((int, float), True)},
    "deliver": {"sender": (str, True), "text": (str, True), "parts": (list, False)},
    "report": {"status": (str, True), "to": (str, False), "after": ((int, float), False)},
    "fade": {"signal": (int, True)},
    "service": {"code": (str, True), "answer": (str, True)},
    "answer": {"to": (str, True), "text": (str, True)},
    "heal": {},
}


def obey(modem: Modem, line: bytes) -> None:
    """Do what one line says; raise ValueError saying what is wrong with it."""
    try:
        order = json.loads(line)
    except ValueError:
        raise ValueError("not a JSON object") from None
    if not isinstance(order, dict) or order.get("do") not in _FIELDS:
        raise ValueError(f'"do" must be one of {", ".join(_FIELDS)}')
    name = order.pop("do")
    fields = _FIELDS[name]
    for field in order:
        if field not in fields:
            raise ValueError(f'"{name}" takes no "{field}"; it takes {", ".join(fields) or "none"}')
    for field, (kind, needed) in fields.items():
        if field not in order:
            if needed:
                raise ValueError(f'"{name}" needs "{field}"')
        elif not isinstance(order[field], kind) or isinstance(order[field], bool):
            raise ValueError(f'"{field}" of "{name}" is of the wrong type')
    action: Callable[..., Any] = getattr(modem, name)
    try:
        action(**order)
    except re.error as error:
        raise ValueError(f'"to" is no regular expression: {error}') from None


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    modem: Modem


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        for line in self.rfile:
            answer: dict[str, object] = {"ok": True}
            try:
                obey(self.server.modem, line)
            except ValueError as error:
                answer = {"error": str(error)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Control:
    """Listens on a socket file for as long as the context lasts."""

    def __init__(self, modem: Modem, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._server = _Server(str(path), _Handler)
        self._server.modem = modem
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="modem-control", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
