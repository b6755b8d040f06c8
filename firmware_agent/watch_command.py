"""Watch over the hub from another machine: without a heartbeat for five minutes, people get an SMS.

Runs on any Pi with a modem and gammu-smsd, on another power supply and network path than the hub.
--once listens for one heartbeat and says what it found; --status says what a watcher has told.
Both exit 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.clock import Clock

EX_OK, EX_FOUND, EX_TEMPFAIL, EX_CONFIG = 0, 1, 75, 78
# The hub beats every 30 s, and the first one heard may be an old one that the broker kept.
_ONCE_MS = 75_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("settings", type=Path, help="the watcher's settings, such as watch.toml")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="listen for one heartbeat, and end")
    how.add_argument("--status", action="store_true", help="say what was told, without listening")
    parser.add_argument("--json", action="store_true", help="with --once or --status: as JSON")


def run(args: argparse.Namespace) -> int:
    """Watch, or look once; return the exit code."""
    from config.clock import clock_from_environment
    from config.logs import log_to_stderr
    from firmware_agent.plan import PlanError, checked_settings

    try:
        log_to_stderr()
        settings = json.loads(checked_settings("firmware_agent.watch_settings", args.settings))
        log_to_stderr(settings["log"])
        clock = clock_from_environment()
    except (PlanError, ValueError) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    except OSError as error:
        print(f"coldwatch watch: {error}", file=sys.stderr)
        return EX_TEMPFAIL
    if args.status:
        return _answer(_status(settings), as_json=args.json)
    if args.once:
        return _answer(_once(settings, clock), as_json=args.json)
    from firmware_agent.watch import Watcher

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Watcher(settings, clock).run(stop)
    return EX_OK


def _answer(found: Mapping[str, Any], *, as_json: bool) -> int:
    """Print what was found; return 1 where it is not well."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(*found["lines"], sep="\n")
    return EX_OK if found["well"] else EX_FOUND


def _once(settings: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Listen until a heartbeat counts, or for two and a half beats."""
    from firmware_agent.watch import Watcher

    watcher = Watcher(settings, clock)
    watcher.connection.start()
    nobody = threading.Event()
    until_ms = clock.mono_ms() + _ONCE_MS
    while not watcher.heard.beats and clock.mono_ms() < until_ms:
        clock.wait(nobody, 200)
    heard, connected = watcher.heard, watcher.connection.connected
    watcher.connection.stop()
    broker = settings["mqtt"]
    lines = [f"broker {broker['host']}:{broker['port']}: {'answers' if connected else 'silent'}"]
    if heard.beats:
        lines.append("hub: its heartbeat has come")
        lines.append(f"hub's SMS: {heard.failing or 'get out'}")
    else:
        kept = "; the broker holds an old one" if heard.last is not None else ""
        lines.append(f"hub: no heartbeat within {_ONCE_MS // 1000} s{kept}")
    modem = _modem(settings)
    lines.append(f"modem: {modem or 'gammu-smsd is at work'}")
    return {
        "well": bool(heard.beats) and not heard.failing and not modem,
        "connected": connected,
        "heartbeat": bool(heard.beats),
        "failing": heard.failing,
        "modem": modem,
        "lines": lines,
    }


def _modem(settings: Mapping[str, Any]) -> str:
    """Say what is wrong with the modem's service; empty where it is at work."""
    from alerts.channels.contract import ChannelError
    from alerts.channels.gammu_smsd import GammuSmsd

    try:
        return GammuSmsd(Path(settings["database"])).absence()
    except ChannelError as error:
        return error.reason


def _status(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the watcher's book says."""
    from firmware_agent.telling import Book
    from firmware_agent.watch import FILE

    book = Book.open(Path(settings["state_dir"]) / FILE, keep=True)
    alarm = book.memory.get("alarm")
    newest = list(book.messages.values())[-10:]
    unsent = [item.key for item in book.messages.values() if not item.settled]
    lines = [f"alarm: {alarm['cause']}, told" if alarm else "alarm: none"]
    lines += [
        f"SMS to {item.person}: {item.step}, {item.state} {item.reason}".rstrip() for item in newest
    ]
    if book.problem:
        lines.append(book.problem)
    return {
        "well": alarm is None and not unsent and book.problem is None,
        "alarm": alarm,
        "unsent": len(unsent),
        "lines": lines,
    }
