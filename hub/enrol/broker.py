"""What mosquitto is told: its certificate, who is revoked, and who may do what.

All files lie in one folder, mostly ``<state_dir>/broker``, readable by the broker's group; coldwatch.conf
names them and is included by mosquitto's own configuration. On SIGHUP mosquitto (2.0.11 on) reads
certificate, list and rights again. It does not end sessions then: whoever is revoked stays
connected without any right, for rights are those of a certificate's own name, and does not come
back. docs/decisions/022 says why.
"""

from __future__ import annotations

import grp
import os
import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from config.base import CA_FILE, HUB_FILE, TLS_FOLDER
from config.files import make_folder, write_file
from config.hub import HubSettings
from hub.enrol.ca import Ca, due, make_own, revocation_list
from hub.enrol.registry import Held
from protocol.topics import HEARTBEAT, MAJOR_VERSION, ROOT, Leaf, every, topic

CA_FOLDER: Final = "ca"
SERVER_FILE: Final = "server.pem"
CRL_FILE: Final = "revoked.pem"
RIGHTS_FILE: Final = "rights"
CONF_FILE: Final = "coldwatch.conf"
HUB_NAME: Final = "hub:0"

UP: Final[tuple[Leaf, ...]] = ("records", "status", "result")
DOWN: Final[tuple[Leaf, ...]] = ("received", "told", "settings", "command")

_RELOAD_S: Final = 20
_RELOAD: Final = ("systemctl", "try-reload-or-restart", "mosquitto.service")
# Only root may ask that of systemd. For the service coldwatch-enroll, which is not root, a path unit
# looks at these files (systemd/coldwatch-broker.path).
_WATCHER: Final = "coldwatch-broker.path"
_STANDS_STILL: Final = frozenset({"inactive", "failed", "unknown", "deactivating"})

_CONF: Final = """\
# Made by `coldwatch enroll`; it is written anew. Include it from /etc/mosquitto/conf.d.
# Who comes without a certificate of the hub's CA is refused; the certificate's name is the user's.
listener {port}
cafile {folder}/{ca}
certfile {folder}/{server}
keyfile {folder}/{server}
crlfile {folder}/{crl}
require_certificate true
use_identity_as_username true
allow_anonymous false
tls_version tlsv1.2
acl_file {folder}/{rights}
message_size_limit 2000000
"""


class ReloadError(Exception):
    """The broker could not be made to read its files again; one line."""


def folder_of(settings: HubSettings) -> Path:
    """Return the folder of the broker's files."""
    return settings.enrolment.broker_dir or settings.state_dir / "broker"


def own_names(settings: HubSettings) -> list[str]:
    """Return the names in the servers' certificates."""
    given = settings.enrolment.names or [socket.gethostname()]
    return list(dict.fromkeys([*given, "localhost", "127.0.0.1"]))


def rights(held: Iterable[Held], sites: dict[str, str], now: int) -> str:
    """Return the broker's table of rights: those of the hub, and of each certificate in force.

    A device's site is what the hub's settings say, never what it says itself. A right that is not
    written here does not exist.
    """
    lines = ["# Made by `coldwatch enroll`; it is written anew.", f"user {HUB_NAME}"]
    lines += [f"topic read {every(leaf)}" for leaf in UP]
    lines += [f"topic write {ROOT}/{MAJOR_VERSION}/+/+/{leaf}" for leaf in DOWN]
    lines += [f"topic write {HEARTBEAT}"]
    for each in held:
        site = sites.get(each.device)
        if site is None or each.revoked_at is not None or each.not_after <= now:
            continue
        lines += ["", f"user {each.name}"]
        lines += [f"topic write {topic(site, each.device, leaf)}" for leaf in UP]
        lines += [f"topic read {topic(site, each.device, leaf)}" for leaf in DOWN]
        # `coldwatch watch` shows the certificate of the Pi that it runs on.
        lines += [f"topic read {HEARTBEAT}"]
    return "\n".join(lines) + "\n"


def write_files(settings: HubSettings, ca: Ca, held: Sequence[Held], now: int) -> None:
    """Bring the broker's files up to date; certificates of our own only where it is time."""
    folder = folder_of(settings)
    group = _group(settings.enrolment.broker_group)
    make_folder(folder, 0o750, group)
    tls = settings.state_dir / TLS_FOLDER
    make_folder(tls, 0o700)
    sites = {device: site.id for site in settings.sites for device in site.devices}
    names = own_names(settings)
    server, hub = folder / SERVER_FILE, tls / HUB_FILE
    if not server.exists() or due(server.read_bytes(), names, now):
        write_file(server, make_own(ca, "broker", names, now), 0o640, group)
    if not hub.exists() or due(hub.read_bytes(), (), now):
        write_file(hub, make_own(ca, HUB_NAME, (), now), 0o600)
    for path in (folder / CA_FILE, tls / CA_FILE):
        write_file(path, ca.pem, 0o644)
    crl = folder / CRL_FILE
    # A certificate that has run out is refused for that; the list need not name it for ever.
    gone = [(each.serial, each.revoked_at) for each in held
            if each.revoked_at is not None and each.not_after > now]  # fmt: skip
    old = crl.read_bytes() if crl.exists() else None
    write_file(crl, revocation_list(ca, gone, old, now), 0o644)
    write_file(folder / RIGHTS_FILE, rights(held, sites, now).encode(), 0o640, group)
    conf = _CONF.format(
        port=settings.enrolment.broker_port, folder=folder.absolute(), ca=CA_FILE,
        server=SERVER_FILE, crl=CRL_FILE, rights=RIGHTS_FILE,
    )  # fmt: skip
    write_file(folder / CONF_FILE, conf.encode(), 0o644)


def reload(command: Sequence[str] | None) -> None:
    """Make the broker read its files again; raise ReloadError.

    Without a command root does it through systemd, and whoever else is sees that systemd does.
    """
    if command is None and os.geteuid() != 0:
        _watched()
        return
    command = _RELOAD if command is None else command
    if not command:
        return
    what = " ".join(command)
    done = _run(command, what)
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise _not_read(what, why)


def _watched() -> None:
    """Raise ReloadError where the path unit is known to be off; who cannot ask believes it on."""
    what = f"systemctl enable --now {_WATCHER}"
    state = _run(("systemctl", "is-active", _WATCHER), what).stdout.decode().strip()
    if state in _STANDS_STILL:
        raise _not_read(what, f"{_WATCHER} is {state}")


def _run(command: Sequence[str], what: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_RELOAD_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _not_read(what, error) from None


def _not_read(what: str, why: object) -> ReloadError:
    return ReloadError(f"the broker did not read its files again; write: sudo {what} ({why})")


def _group(name: str) -> int | None:
    """Return the broker's group, where there is one and we may give files to it."""
    try:
        number = grp.getgrnam(name).gr_gid
    except KeyError:
        return None
    mine = os.geteuid() == 0 or number in os.getgroups()
    return number if mine else None
