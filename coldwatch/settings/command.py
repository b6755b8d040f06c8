"""Settings for devices from the hub: hand them out, and see what became of them.

  coldwatch settings push HUB.toml pi-1 pi-1.toml --reason "second fridge"
  coldwatch settings list HUB.toml
  coldwatch settings show HUB.toml pi-1

The file holds any of the agent's tables ([sampling], [[assets]], [panel] ...) but site, device,
state_dir and mqtt, which stay in the device's own file. Each table goes before the same table
there. `coldwatch check FILE --kind part` checks it; so do `push` and the device itself, which keeps
its last good settings and says why it refuses others. To go back, push the old file again.

Exit codes: 0 done; 1 refused, with one line for each problem; 2 cannot be run like this.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.hub import HubSettings

_REFUSED: Final = 1
_USAGE: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    push = _action(actions, "push", "hand out a settings file to a device")
    push.add_argument("device", help="the device, as the hub's settings name it")
    push.add_argument("file", type=Path, help="the file to hand out")
    push.add_argument("--reason", required=True, help="why; it is journalled")
    push.add_argument("--actor", help="who says so (default: the login name)")
    listing = _action(actions, "list", "versions handed out, in force and refused")
    listing.add_argument("--json", action="store_true", help="one JSON document on stdout")
    show = _action(actions, "show", "print the newest file handed out to a device")
    show.add_argument("device", help="the device")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    parser.add_argument("settings", metavar="HUB.toml", type=Path, help="the hub's settings")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    from config.hub import HubSettings
    from config.loading import SettingsError, load
    from hub.books import open_books
    from journal.database import DatabaseError

    try:
        settings = load(args.settings, HubSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return _USAGE
    try:
        database = open_books(settings)
        try:
            return _ACTIONS[args.action](args, settings, database)
        finally:
            database.dispose()
    except SettingsError as error:
        print(error, file=sys.stderr)
    except DatabaseError as error:
        print(f"coldwatch settings: {error}", file=sys.stderr)
    return _REFUSED


def _push(args: argparse.Namespace, settings: HubSettings, database: Engine) -> int:
    from coldwatch.enroll.command import actor
    from config.clock import clock_from_environment
    from config.loading import read
    from firmware_agent.settings import check_part
    from hub.handing import hand_out
    from journal.database import write

    if not _known(args.device, settings):
        return _REFUSED
    file = read(args.file)
    check_part(file)
    now = clock_from_environment().now_ms()
    with write(database) as conn:
        made = hand_out(
            conn, args.device, file.text, actor=actor(args), reason=args.reason, now=now
        )
    print(
        f"version {made.version} for {args.device}: a running hub hands it out within seconds, and "
        "the device says whether it takes it (coldwatch settings list)"
    )
    return 0


def _list(args: argparse.Namespace, settings: HubSettings, database: Engine) -> int:
    from hub.handing import Reported, newest, reported
    from journal.database import read

    with read(database) as conn:
        handed, said = newest(conn), reported(conn)
    rows = []
    for site in settings.sites:
        for device in site.devices:
            has = said.get(device)
            rows.append(
                {
                    "site": site.id,
                    "device": device,
                    "handed_out": handed[device].version if device in handed else 0,
                    "in_force": None if has is None else has.version,
                    "refused": (has or Reported()).refused,
                    "reason": (has or Reported()).reason,
                }
            )
    if args.json:
        print(json.dumps({"devices": rows}, ensure_ascii=False))
        return 0
    print(f"{'site':20}{'device':16}{'handed out':>10}  {'in force':>8}")
    for row in rows:
        force = "?" if row["in_force"] is None else row["in_force"]
        print(f"{row['site']:20}{row['device']:16}{row['handed_out']:>10}  {force:>8}")
        if row["refused"]:
            print(f"    refused version {row['refused']}: {row['reason']}")
    return 0


def _show(args: argparse.Namespace, settings: HubSettings, database: Engine) -> int:
    from hub.handing import newest
    from journal.database import read

    if not _known(args.device, settings):
        return _REFUSED
    with read(database) as conn:
        found = newest(conn).get(args.device)
    if found is None:
        print(f"coldwatch settings: nothing was handed out to {args.device}", file=sys.stderr)
        return _REFUSED
    print(found.text, end="")
    return 0


def _known(device: str, settings: HubSettings) -> bool:
    known = [each for site in settings.sites for each in site.devices]
    if device in known:
        return True
    line = f"device {device} is not in the hub's settings; write one of: {', '.join(known)}"
    print(f"coldwatch settings: {line}", file=sys.stderr)
    return False


_ACTIONS: Final = {"push": _push, "list": _list, "show": _show}
