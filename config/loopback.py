"""A few pages over HTTP on the loopback, for whoever looks into a daemon: a scraper, `--status`.

It only answers GET, only on this machine, and never holds the daemon up: each request has a thread
of its own and five seconds.
"""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from typing_extensions import override

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 5.0
# A page elsewhere whose name leads to this machine must not read along in somebody's browser.
_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
# What a hub says of itself is a few kilobytes.
_MOST_BYTES: Final = 4_000_000

Page = Callable[[], tuple[str, bytes]]
"""Returns content type and body."""


class LoopbackPages:
    """Serves pages by their paths until it is closed. Raises OSError where the port is taken."""

    def __init__(self, host: str, port: int, pages: Mapping[str, Page]) -> None:
        """Listen from now on; port 0 takes a free one."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET

        class Server(ThreadingHTTPServer):
            address_family = family
            daemon_threads = True

            @override
            def handle_error(self, request: object, client_address: object) -> None:
                log.debug("a look from %s broke off", client_address)

        self._server = Server((host, port), _handler(pages))
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="loopback", daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            page = pages.get(self.path.partition("?")[0])
            if host not in _HOSTS:
                self._answer(403, "text/plain; charset=utf-8", b"ask for 127.0.0.1\n")
            elif page is None:
                text = f"there is {' and '.join(pages)}\n"
                self._answer(404, "text/plain; charset=utf-8", text.encode())
            else:
                try:
                    kind, body = page()
                except Exception:
                    log.exception("%s cannot be shown", self.path)
                    self._answer(500, "text/plain; charset=utf-8", b"the log says why\n")
                else:
                    self._answer(200, kind, body)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response_only(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


def fetch(url: str, path: str, timeout_s: float = 2.0) -> bytes:
    """Return what a daemon on this machine answers; raise OSError where it does not.

    Never through a proxy that the environment may name.
    """
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(_MOST_BYTES)
    except http.client.HTTPException as error:
        raise OSError(f"it does not speak HTTP ({type(error).__name__})") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"it answers {answer.status}")
    return body
