"""Show what the hub has written: web pages and a JSON API, read-only, on the loopback only.

Reads the same settings file as the hub (hub.toml) and runs beside it, or without it. The hub
starts it by itself unless the settings say otherwise. Prints its address, and writes it to
console.url in the state directory. Ends on SIGTERM or Ctrl-C.

Exit codes: 0 ended in order, 1 the port cannot be used, 2 the settings cannot be used.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from config.hub import HubSettings

USAGE_ERROR: Final = 2
ADDRESS_FILE: Final = "console.url"

# A page under way gets so long to end; the whole process ends within two seconds.
_GRACE_S: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("settings", type=Path, metavar="HUB.toml", help="the hub's settings")
    parser.add_argument(
        "--port", type=_port, help="instead of the one in the settings; 0 takes a free one"
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 0 to 65535")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from config.clock import clock_from_environment
    from config.hub import HubSettings
    from config.loading import SettingsError, load
    from config.logs import log_to_stderr
    from console.app import create_app
    from console.directory import DirectoryError

    try:
        log_to_stderr()
        settings = load(args.settings, HubSettings)
        log_to_stderr(settings.log)
        app = create_app(settings, clock_from_environment())
    except (SettingsError, DirectoryError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    except ValueError as error:  # the clock's environment variable
        print(f"coldwatch console: {error}", file=sys.stderr)
        return USAGE_ERROR
    port = args.port if args.port is not None else settings.console.port
    try:
        listening = _listen(settings.console.host, port)
    except OSError as error:
        print(
            f"coldwatch console: port {port} of {settings.console.host} cannot be used "
            f"({error.strerror}); end what uses it, or choose another with --port",
            file=sys.stderr,
        )
        return 1
    with listening:
        # it can be told to end from the moment on when its address can be known
        server = _server(app)
        address = _address(listening)
        with _announced(settings, address):
            print(address, flush=True)
            server.run(sockets=[listening])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts connections from now on; they wait until they are served."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


@contextlib.contextmanager
def _announced(settings: HubSettings, address: str) -> Iterator[None]:
    """Keep the address in the state directory while it holds; without that it works as well."""
    path = settings.state_dir / ADDRESS_FILE
    beside = path.with_name(f".{ADDRESS_FILE}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(address + "\n")
        beside.replace(path)
    except OSError as error:
        print(f"coldwatch console: {path} cannot be written ({error.strerror})", file=sys.stderr)
    try:
        yield
    finally:
        # another console may have taken over meanwhile
        with contextlib.suppress(OSError):
            if path.read_text() == address + "\n":
                path.unlink()


def _server(app: FastAPI) -> uvicorn.Server:
    """Return a server that ends in order on SIGTERM and Ctrl-C."""
    import signal

    import uvicorn

    class Server(uvicorn.Server):
        """Leaves signals to us: uvicorn would raise SIGTERM again when it has ended in order."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Capture nothing."""
            yield

    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    return server
