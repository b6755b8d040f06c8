"""Logs: one line an event to stderr, which systemd puts into the journal."""

from __future__ import annotations

import logging
import sys

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the program's log to stderr; the network library's own chatter only from warnings on."""
    logging.basicConfig(stream=sys.stderr, level=level, format=FORMAT)
    logging.getLogger("protocol.connection.paho").setLevel(logging.WARNING)
