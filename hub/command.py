"""Receive readings, judge them, keep their history, hold batches and tell people.

Reads one settings file (hub.toml) and runs until SIGTERM. Beside it runs the console, as a process
of its own, at the loopback address that the settings give. Figures for Prometheus and its own
health are at another one ([metrics] in the settings, docs/metrics.md).

At its start it enters in the journal what has changed in the settings: people, their telephones,
sites, assets, and all the rest. --changed-by and --because say who did it and why; without them the
entry names the file by its SHA-256 alone. `coldwatch journal enter` does the same for a hub that
systemd starts.

With --status it starts nothing: it asks the hub that runs how it is, and prints a short table.

Exit codes: 0 ended in order, 1 a part failed (the log says which), 78 the settings cannot be used.
With --status: 0 healthy, 1 not healthy or not running, 78 the settings cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

USAGE_ERROR = 2
EX_CONFIG = 78


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("settings", type=Path, metavar="HUB.toml", help="the hub's settings")
    parser.add_argument(
        "--status", action="store_true", help="say how the running hub is, and start nothing"
    )
    parser.add_argument(
        "--changed-by", metavar="NAME", default="", help="who changed the settings; is journalled"
    )
    parser.add_argument("--because", metavar="TEXT", default="", help="why; is journalled")
    parser.add_argument("--json", action="store_true", help="with --status: one JSON document")
    parser.add_argument(
        "--lang", choices=("zh", "en"), help="with --status: language (default: from LANG)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the hub until SIGTERM or Ctrl-C, or only say how it is."""
    if args.status:
        return _status(args)
    if args.json or args.lang:
        print("coldwatch hub: --json and --lang go with --status", file=sys.stderr)
        return USAGE_ERROR
    if args.because and not args.changed_by:
        print("coldwatch hub: --because goes with --changed-by", file=sys.stderr)
        return USAGE_ERROR
    return _run(args)


def _status(args: argparse.Namespace) -> int:
    from config.clock import clock_from_environment
    from config.hub import HubSettings
    from config.loading import SettingsError, load
    from config.options import language
    from hub.status import status

    try:
        settings = load(args.settings, HubSettings)
        now = clock_from_environment().now_ms()
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    return status(settings, now, language(args), as_json=args.json)


def _run(args: argparse.Namespace) -> int:
    from alerts.channels.contract import Closing
    from alerts.channels.opening import ChannelUnusableError, open_channels
    from config.clock import clock_from_environment
    from config.hub import HubSettings
    from config.loading import SettingsError, read, validate
    from config.logs import log_to_stderr
    from history.port import HistoryUnavailableError
    from hub.service import Hub
    from journal.database import DatabaseError
    from journal.directory import Said

    try:
        log_to_stderr()
        file = read(args.settings)
        settings = validate(file, HubSettings)
        log_to_stderr(settings.log)
        clock = clock_from_environment()
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    try:
        channels = open_channels(settings)
    except ChannelUnusableError as error:
        print(f"coldwatch hub: {error}", file=sys.stderr)
        return EX_CONFIG
    try:
        said = Said(file.text, args.changed_by, args.because)
        hub = Hub(settings, clock, channels, args.settings, said)
    except (DatabaseError, HistoryUnavailableError, OSError) as error:
        print(f"coldwatch hub: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.getLogger("hub").info("running with %d sites", len(settings.sites))
    try:
        return hub.run(stop)
    except DatabaseError as error:
        # At the very start, before its threads have begun: systemd tries again.
        print(f"coldwatch hub: {error}", file=sys.stderr)
        return 1
    finally:
        for channel in channels.values():
            if isinstance(channel, Closing):
                channel.close()
