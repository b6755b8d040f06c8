"""`coldwatch enroll` on the Pi. It needs nothing but what the agent needs."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.agent import AgentSettings
from config.base import TLS_FOLDER
from config.loading import load
from protocol.enrolment import PORT, CodeError, parse_code

if TYPE_CHECKING:
    from firmware_agent.renewal import Enrolment

_REFUSED = 1
_USAGE = 2


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from firmware_agent.enrolment import EnrolmentError

    settings = load(args.settings, AgentSettings)
    try:
        return _do(args, settings)
    except CodeError as error:
        print(f"coldwatch enroll: {error}", file=sys.stderr)
        return _USAGE
    except EnrolmentError as error:
        print(f"coldwatch enroll: {error}", file=sys.stderr)
        return _REFUSED
    except OSError as error:
        print(f"coldwatch enroll: {error}; run this as root", file=sys.stderr)
        return _REFUSED


def _do(args: argparse.Namespace, settings: AgentSettings) -> int:
    from firmware_agent import enrolment

    folder = settings.state_dir / TLS_FOLDER
    if args.action == "join":
        host, port = _address(args.hub)
        code = parse_code(args.code or _ask_for_code())
        done = enrolment.join(folder, settings.site, settings.device, host, port, code)
    elif args.action == "renew":
        done = enrolment.renew(folder)
    elif args.action == "request":
        print(enrolment.begin_by_hand(folder, settings.device).decode(), end="")
        return 0
    else:
        done = enrolment.accept_by_hand(folder, args.certificate.read_bytes())
    _say(done, folder, settings, args.settings)
    return 0


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    return text.strip("[]"), PORT


def _ask_for_code() -> str:
    if sys.stdin.isatty():
        return input("Code from `coldwatch enroll code` on the hub: ")
    return sys.stdin.readline()


def _say(done: Enrolment, folder: Path, settings: AgentSettings, file: Path) -> None:
    end = datetime.fromtimestamp(done.not_after / 1000, UTC).strftime("%Y-%m-%d")
    print(f"enrolled as {done.name}, until {end}; the key is in {folder} and never leaves it")
    if settings.mqtt.tls is None:
        # The sample's broker is on the same machine, and the hub mostly is not.
        host = done.hub.rpartition(":")[0] if done.hub else "the hub's name"
        print(
            f'now write below [mqtt] in {file}: host = "{host}", port = 8883 and tls = {{}}; then: '
            "sudo systemctl restart coldwatch-agent"
        )
    else:
        print("a running agent uses it from its next connection on")
