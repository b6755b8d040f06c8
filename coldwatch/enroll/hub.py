"""`coldwatch enroll` on the hub."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from config.clock import Clock, clock_from_environment
from config.hub import HubSettings
from config.loading import SettingsError, load
from config.logs import log_to_stderr
from hub.enrol import broker
from hub.enrol.ca import CaError
from hub.enrol.office import Office, init
from hub.enrol.registry import Held, RefusedError
from journal.database import DatabaseError

if TYPE_CHECKING:
    from hub.enrol.endpoint import Endpoint

log = logging.getLogger(__name__)

_REFUSED: Final = 1
_USAGE: Final = 2
_DAY_MS: Final = 86_400_000
_LOOK_MS: Final = 10_000


def run(args: argparse.Namespace, actor: str) -> int:
    """Do what was asked; return the exit code."""
    settings = load(args.settings, HubSettings)
    try:
        clock = clock_from_environment()
    except ValueError as error:
        print(error, file=sys.stderr)
        return _USAGE
    try:
        return _do(args, settings, clock, actor)
    except (CaError, RefusedError, DatabaseError) as error:
        print(f"coldwatch enroll: {error}", file=sys.stderr)
    except OSError as error:
        print(f"coldwatch enroll: {error}; run this as root or the hub's user", file=sys.stderr)
    return _REFUSED


def _do(args: argparse.Namespace, settings: HubSettings, clock: Clock, actor: str) -> int:
    if args.action == "init":
        init(settings, clock.now_ms())
        office = Office(settings, clock.now_ms)
        return _welcome(settings, office.refresh(), args.settings)
    office = Office(settings, clock.now_ms)
    if args.action == "serve":
        log_to_stderr(settings.log)
        return _serve(office, clock, args.settings)
    if args.action == "code":
        return _code(office, settings, args, actor)
    if args.action == "list":
        print(*_listing(office.held(), clock.now_ms(), settings, as_json=args.json), sep="\n")
        return 0
    if args.action == "revoke":
        return _revoke(office, args, actor)
    if args.action == "sign":
        given = office.sign(args.device, args.request.read_bytes(), actor)
        print((given.certificate + given.ca).decode(), end="")
        return _after(given.warning)
    trouble = office.refresh()
    if not trouble:
        print("the broker's files and our own certificates are up to date")
    return _after(trouble)


def _welcome(settings: HubSettings, trouble: str, file: Path) -> int:
    folder = settings.state_dir.absolute()
    conf = broker.folder_of(settings).absolute() / broker.CONF_FILE
    print(
        f"The hub's CA is in {folder / broker.CA_FOLDER}. Whoever has its key can make devices:\n"
        "keep a copy of that folder where the hub's backup is not.\n\n"
        "Next, once:\n"
        f"  sudo ln -s {conf} /etc/mosquitto/conf.d/coldwatch.conf\n"
        "  sudo systemctl restart mosquitto\n"
        f"  below [mqtt] in {file}: port = {settings.enrolment.broker_port} and tls = {{}}\n"
        "  sudo systemctl restart coldwatch-hub; sudo systemctl enable --now coldwatch-enroll\n"
        f"Then for each device: coldwatch enroll code {file} --device NAME"
    )
    if trouble:
        # The broker cannot know the file before it was linked.
        log.debug("reload: %s", trouble)
    return 0


def _code(office: Office, settings: HubSettings, args: argparse.Namespace, actor: str) -> int:
    if args.minutes is not None and not 0 < args.minutes <= 7 * 1440:
        print("coldwatch enroll code: --minutes is from 1 to 10080", file=sys.stderr)
        return _USAGE
    code, expires = office.new_code(args.device, args.minutes, actor)
    zone = ZoneInfo(settings.sites[0].zone)
    until = datetime.fromtimestamp(expires / 1000, zone).strftime("%H:%M on %Y-%m-%d")
    name = broker.own_names(settings)[0]
    at = name if settings.enrolment.port == 8884 else f"{name}:{settings.enrolment.port}"
    print(code)
    print(
        f"good once, for {args.device}, until {until}; on the Pi:\n"
        f"  sudo coldwatch enroll join /etc/coldwatch/agent.toml --hub {at}",
        file=sys.stderr,
    )
    return 0


def _revoke(office: Office, args: argparse.Namespace, actor: str) -> int:
    ended, trouble = office.revoke(args.device, args.reason, actor)
    if not ended and not any(each.device == args.device for each in office.held()):
        print(f"coldwatch enroll: {args.device} has no certificate", file=sys.stderr)
        return _REFUSED
    names = ", ".join(each.name for each in ended) or "nothing more"
    print(f"revoked: {names}; its records are refused from now on")
    return _after(trouble)


def _after(trouble: str) -> int:
    if trouble:
        print(f"coldwatch enroll: {trouble}", file=sys.stderr)
    return _REFUSED if trouble else 0


def _listing(held: Sequence[Held], now: int, settings: HubSettings, *, as_json: bool) -> list[str]:
    sites = {device: site.id for site in settings.sites for device in site.devices}
    rows = [
        {
            "device": each.device,
            "site": sites.get(each.device),
            "certificate": each.name,
            "issued_at": each.issued_at,
            "not_after": each.not_after,
            "state": _state(each, now),
            "revoked_at": each.revoked_at,
        }
        for each in held
    ]
    if as_json:
        return [json.dumps({"certificates": rows, "without": _without(held, sites)})]
    lines = [f"{'certificate':24}{'site':20}{'until':12}state"]
    for row, each in zip(rows, held, strict=True):
        until = datetime.fromtimestamp(each.not_after / 1000, ZoneInfo(settings.sites[0].zone))
        lines.append(f"{each.name:24}{row['site'] or '-':20}{until:%Y-%m-%d}  {row['state']}")
    lines += [f"{name:24}{sites[name]:20}{'-':12}never enrolled" for name in _without(held, sites)]
    return lines


def _without(held: Sequence[Held], sites: dict[str, str]) -> list[str]:
    return sorted(sites.keys() - {each.device for each in held})


def _state(held: Held, now: int) -> str:
    if held.revoked_at is not None:
        return held.cause or "revoked"
    return "expired" if held.not_after <= now else "good"


def _serve(office: Office, clock: Clock, file: Path) -> int:
    """Answer devices until SIGTERM.

    Rights follow the hub's settings when these change; once a day the certificates of our own are
    looked after.
    """
    from config.notify import notify
    from hub.enrol.endpoint import Endpoint

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    seen, refreshed_ms = _changed(file), clock.mono_ms()
    office.refresh()
    endpoint: Endpoint = Endpoint(office, clock.now_ms)
    log.info("enrolment=listening port=%d", endpoint.port)
    notify("READY=1")
    try:
        while not clock.wait(stop, _LOOK_MS):
            now_seen, mono_ms = _changed(file), clock.mono_ms()
            if now_seen == seen and mono_ms - refreshed_ms < _DAY_MS:
                continue
            seen, refreshed_ms = now_seen, mono_ms
            try:
                office.settings = load(file, HubSettings)
            except SettingsError as error:
                # With the old ones we would take rights away that the new ones give.
                log.error("settings=refused %s", error)  # noqa: TRY400 - one line
                continue
            office.refresh()
            endpoint.reload()
    finally:
        endpoint.close()
    return 0


def _changed(file: Path) -> int:
    """Return when a file was changed last, in ns; 0 while it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
