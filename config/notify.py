"""Telling systemd how we are: sd_notify(3) without a library."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(text: str) -> None:
    """Send ``READY=1``, ``WATCHDOG=1``, ``STATUS=…`` or ``STOPPING=1``; nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    # systemd may be restarting; not being heard must not end what we do.
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
    ):
        sender.settimeout(0.5)
        sender.sendto(text.encode(), address)


class Watchdog:
    """Feeds systemd's watchdog, but only while every loop has moved since the last time."""

    def __init__(self, loops: frozenset[str]) -> None:
        """Watch these loops; how often to feed comes from the unit's WatchdogSec=."""
        self._loops = loops
        self._moved: set[str] = set()
        for_us = os.environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        given = os.environ.get("WATCHDOG_USEC", "") if for_us else ""
        # A third of the limit, so that one late feeding does not end us.
        self.every_s = int(given) / 3e6 if given.isdigit() else None
        self._fed_s: float | None = None

    def forget(self, loops: frozenset[str]) -> None:
        """Wait for these loops no longer: they never began."""
        self._loops -= loops

    def moved(self, loop: str) -> None:
        """Note that a loop has done a round. Called by the loop's own thread."""
        self._moved.add(loop)

    def feed(self, now_s: float) -> bool:
        """Feed when it is time and every loop has moved; tell whether that was so."""
        if self.every_s is None or not self._loops <= self._moved:
            return False
        if self._fed_s is not None and now_s - self._fed_s < self.every_s:
            return False
        self._fed_s = now_s
        self._moved.clear()
        notify("WATCHDOG=1")
        return True
