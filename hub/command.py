"""Receive readings, judge them, keep their history, hold batches and tell people.

Reads one settings file (hub.toml) and runs until SIGTERM. Beside it runs the console, as a process
of its own, at the loopback address that the settings give.

Exit codes: 0 ended in order, 1 a part failed (the log says which), 78 the settings cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.channels.contract import Channel
    from config.hub import HubSettings

EX_CONFIG = 78


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("settings", type=Path, metavar="HUB.toml", help="the hub's settings")


def run(args: argparse.Namespace) -> int:
    """Run the hub until SIGTERM or Ctrl-C."""
    from config.clock import clock_from_environment
    from config.hub import HubSettings
    from config.loading import SettingsError, load
    from config.logs import log_to_stderr
    from history.port import HistoryUnavailableError
    from hub.service import Hub
    from journal.database import DatabaseError

    try:
        log_to_stderr()
        settings = load(args.settings, HubSettings)
        log_to_stderr(settings.log)
        clock = clock_from_environment()
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    try:
        hub = Hub(settings, clock, _channel(settings), args.settings)
    except (DatabaseError, HistoryUnavailableError, OSError) as error:
        print(f"coldwatch hub: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.getLogger("hub").info("running with %d sites", len(settings.sites))
    return hub.run(stop)


def _channel(settings: HubSettings) -> Channel:
    if settings.sms.channel == "gammu-smsd":
        from alerts.channels.gammu_smsd import GammuSmsd

        assert settings.sms.database is not None
        return GammuSmsd(settings.sms.database)
    from alerts.channels.log import LogChannel

    return LogChannel()
