"""The endpoint where devices enrol: HTTPS with a server certificate of our own CA.

    GET /ca         the CA's certificate, for whoever asks: a Pi compares it with its code
    POST /join      {code, site, device, csr}: the first certificate, for a one-time code
    POST /renew     {csr}: the next one; the connection shows the certificate in force
    POST /confirm   {}: the one that the connection shows is in place; those before it end

It is a process of its own (`coldwatch enroll serve`): the hub itself never has the CA's key.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from typing_extensions import override

from config.base import CA_FILE
from hub.enrol.broker import SERVER_FILE, folder_of
from hub.enrol.limits import Limits
from hub.enrol.office import Given, Office
from hub.enrol.registry import RefusedError
from journal.database import DatabaseError
from protocol.enrolment import (
    CA_PATH,
    CONFIRM_PATH,
    JOIN_PATH,
    MAX_BYTES,
    RENEW_PATH,
    CodeError,
    parse_code,
)
from protocol.topics import is_name

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 10.0
# Whoever holds connections open takes them from strangers like himself, not from the hub.
_AT_ONCE: Final = 32


class Endpoint:
    """Serves until it is closed. Raises OSError where it cannot listen."""

    def __init__(self, office: Office, now: Callable[[], int]) -> None:
        """Listen from now on; port 0 of the settings takes a free one."""
        self._office = office
        settings = office.settings.enrolment
        self._server = _Server((settings.host, settings.port), _handler(office, Limits(), now))
        self._server.context = self._context()
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="endpoint", daemon=True
        )
        self._thread.start()

    def reload(self) -> None:
        """Read the server's certificate again; connections from now on see it."""
        self._server.context = self._context()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def _context(self) -> ssl.SSLContext:
        folder = folder_of(self._office.settings)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(folder / SERVER_FILE)
        context.load_verify_locations(folder / CA_FILE)
        # Who has a certificate shows it, and it is checked; a Pi that joins has none yet.
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.Semaphore(_AT_ONCE)
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    @override
    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            # In the thread of this one: a handshake that hangs must not keep others waiting.
            request.settimeout(_TIMEOUT_S)
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError as error:
                log.info("handshake=failed sender=%s reason=%s", client_address[0], error)
                self.shutdown_request(request)
                return
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    @override
    def handle_error(self, request: object, client_address: Any) -> None:
        log.info("request=broken-off sender=%s", client_address[0])


def _handler(
    office: Office, limits: Limits, now: Callable[[], int]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S
        server_version = "coldwatch"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path == CA_PATH:
                self._answer(200, "application/x-pem-file", office.ca.pem)
            else:
                self._say(404, "there is no such page")

        def do_POST(self) -> None:
            sender = self.client_address[0]
            if not limits.may_try(sender, now()):
                self._say(429, "too many wrong tries; wait ten minutes")
                return
            device = "?"
            try:
                body = self._body()
                if is_name(str(body.get("device"))):
                    device = str(body["device"])
                self._step(body, device, sender)
            except (RefusedError, CodeError) as error:
                limits.wrong(sender, now())
                log.warning("refused device=%s sender=%s reason=%s", device, sender, error)
                self._journal(device, str(error), sender)
                self._say(403, str(error))
            except DatabaseError as error:
                log.error("database=failed reason=%s", error)  # noqa: TRY400 - one line
                self._say(503, "the hub's database cannot take it now; try again")

        def _step(self, body: Mapping[str, Any], device: str, sender: str) -> None:
            csr = str(body.get("csr", "")).encode()
            if self.path == JOIN_PATH:
                code, site = parse_code(str(body.get("code", ""))), str(body.get("site", ""))
                self._give(office.join(code.digest(), site, device, csr, sender))
            elif self.path == RENEW_PATH:
                self._give(office.renew(self._serial(), csr, sender))
            elif self.path == CONFIRM_PATH:
                office.confirm(self._serial())
                self._json(200, {})
            else:
                self._say(404, "there is no such page")

        def _serial(self) -> str:
            """Return the serial of the certificate that the connection has shown and proved."""
            shown = self.connection.getpeercert()
            if not shown:
                raise RefusedError("show the certificate that is in force")
            return f"{int(str(shown['serialNumber']), 16):x}"

        def _journal(self, device: str, reason: str, sender: str) -> None:
            try:
                office.refuse(device, reason, sender)
            except DatabaseError as error:
                log.error("database=failed reason=%s", error)  # noqa: TRY400 - one line

        def _body(self) -> Mapping[str, Any]:
            length = self.headers.get("Content-Length", "")
            if not re.fullmatch(r"[0-9]{1,5}", length) or int(length) > MAX_BYTES:
                raise RefusedError("a body of at most 20 kB is needed")
            try:
                body = json.loads(self.rfile.read(int(length)))
            except (ValueError, RecursionError):
                raise RefusedError("the body is not JSON") from None
            if not isinstance(body, dict):
                raise RefusedError("the body is no JSON object")
            return body

        def _give(self, given: Given) -> None:
            answer = {
                "certificate": given.certificate.decode(),
                "ca": given.ca.decode(),
                "name": given.name,
                "not_after": given.not_after,
                "warning": given.warning,
            }
            self._json(200, answer)

        def _say(self, status: int, error: str) -> None:
            self._json(status, {"error": error})

        def _json(self, status: int, body: Mapping[str, Any]) -> None:
            self._answer(status, "application/json", json.dumps(body).encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            # Spelt as Python would: what strangers send must not reach a terminal as it is.
            log.info("request sender=%s what=%r", self.client_address[0], format % args)

    return Handler
