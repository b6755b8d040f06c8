"""Certificates for devices: the hub's own CA, one-time codes, renewal and revocation.

On the hub:
  coldwatch enroll init HUB.toml                  make the CA and the broker's files
  coldwatch enroll serve HUB.toml                 answer devices (the service coldwatch-enroll)
  coldwatch enroll code HUB.toml --device pi-1    print a code for one device, good for an hour
  coldwatch enroll list HUB.toml                  who has a certificate, and until when
  coldwatch enroll revoke HUB.toml pi-1 --reason "stolen"
  coldwatch enroll renew HUB.toml                 write the broker's files anew, certificates in time

On the Pi:
  coldwatch enroll join AGENT.toml --hub HOST[:PORT]    asks for the code; --code gives it
  coldwatch enroll renew AGENT.toml                     now, and not when it is time

Where no way leads to the hub, by file:
  coldwatch enroll request AGENT.toml > pi-1.csr        on the Pi
  coldwatch enroll sign HUB.toml pi-1.csr --device pi-1 > pi-1.crt      on the hub
  coldwatch enroll accept AGENT.toml pi-1.crt           on the Pi

Exit codes: 0 done; 1 refused or failed, with one line that says why; 2 cannot be run like this.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any, Final

REFUSED: Final = 1
UNUSABLE: Final = 2

_ON_HUB: Final = frozenset({"init", "serve", "code", "list", "revoke", "sign"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _action(actions, "init", "HUB.toml", "make the CA and the broker's files")
    _action(actions, "serve", "HUB.toml", "answer devices until SIGTERM")
    code = _action(actions, "code", "HUB.toml", "print a one-time code for a device")
    code.add_argument("--device", required=True, help="the device, as the hub's settings name it")
    code.add_argument("--minutes", type=int, help="how long it is good (default: the settings')")
    listing = _action(actions, "list", "HUB.toml", "who has a certificate, and until when")
    listing.add_argument("--json", action="store_true", help="one JSON document on stdout")
    revoke = _action(actions, "revoke", "HUB.toml", "let a device in no more")
    revoke.add_argument("device", help="the device")
    revoke.add_argument("--reason", required=True, help="why; it is journalled")
    sign = _action(actions, "sign", "HUB.toml", "sign a request that was brought on a stick")
    sign.add_argument("request", type=Path, help="the file that `request` wrote")
    sign.add_argument("--device", required=True, help="the device that it is for")
    for action in (code, revoke, sign):
        action.add_argument("--actor", help="who says so (default: the login name)")
    _action(actions, "renew", "SETTINGS", "renew certificates: a Pi's, or the hub's own")
    join = _action(actions, "join", "AGENT.toml", "enrol this Pi with a code")
    join.add_argument("--hub", required=True, help="HOST or HOST:PORT of the hub's endpoint")
    join.add_argument("--code", help="the code (default: asked for, or read from stdin)")
    _action(actions, "request", "AGENT.toml", "print a request for a certificate")
    accept = _action(actions, "accept", "AGENT.toml", "put in place what `sign` printed")
    accept.add_argument("certificate", type=Path, help="the file that `sign` wrote")


def _action(actions: Any, name: str, settings: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    parser.add_argument("settings", metavar=settings, type=Path, help="the settings file")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from config.loading import SettingsError

    os.umask(0o077)
    try:
        if args.action in _ON_HUB or (args.action == "renew" and _is_hub(args.settings)):
            from coldwatch.enroll import hub

            return hub.run(args, actor(args))
        from coldwatch.enroll import device

        return device.run(args)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return UNUSABLE


def _is_hub(settings: Path) -> bool:
    from coldwatch.check import kind_of
    from config.loading import read

    return kind_of(read(settings)) == "hub"


def actor(args: argparse.Namespace) -> str:
    """Return who does it: whom --actor names, or the login name behind sudo."""
    named = getattr(args, "actor", None) or os.environ.get("SUDO_USER")
    if named:
        return str(named)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
