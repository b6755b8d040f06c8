"""Ports of the loopback."""

from __future__ import annotations

import socket
import time


def unused_port() -> int:
    """Return a TCP port of 127.0.0.1 that the kernel has just found free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(host: str, port: int) -> bool:
    """Tell whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until_it_answers(host: str, port: int, seconds: float = 10.0) -> bool:
    """Wait until somebody accepts connections there; tell whether that came to pass."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers(host, port):
            return True
        time.sleep(0.02)
    return False
