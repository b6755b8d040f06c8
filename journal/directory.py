"""People, telephone numbers, sites, assets, devices and settings, each change an entry of the journal.

The hub's settings file says how things are; the journal says who changed what, when and why. At
its start the hub holds the file against what was entered last, and enters the difference:

    person.set, telephone.set, site.set, asset.set, site-device.set, setting.set, settings-file.set

each with what it is now, and ``….removed`` where it is no more. Nothing is entered when nothing
changed. What is entered is what the file says, so that a new version of this program with another
default changes nothing. What tells people later than before is marked in it (journal/chains.py). Secrets are left out (`without_secrets`): that they changed is seen by the
file's SHA-256.

Entries that a device may cause begin with ``device.``; none of these do.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel
from sqlalchemy import JSON, Column, Connection, String, Table, delete, insert, select

from config.hub import HubSettings
from journal import projections
from journal.chains import loosened
from journal.chains import said as words
from journal.database import Position, metadata, require_write
from journal.journal import Entry, append, entries

log = logging.getLogger(__name__)

Kind = Literal["person", "telephone", "site", "asset", "site-device", "setting", "settings-file"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TYPES: Final = tuple(f"{kind}.{what}" for kind in KINDS for what in ("set", "removed"))

# Who is named where nobody was: the file itself, by its hash.
FILE: Final = "settings file"

directory: Final = Table(
    "directory",
    metadata,
    Column("kind", String, primary_key=True),
    Column("subject", String, primary_key=True, comment="an id; of an asset site/asset"),
    Column("body", JSON, nullable=False, comment="what the settings say of it"),
    Column("at", Position, nullable=False, comment="the hub's clock when it was entered"),
    Column("actor", String, nullable=False),
    Column("because", String, nullable=False),
    Column("position", Position, nullable=False, comment="of the entry"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a change of the settings.

    Attributes:
        text: the file's own text; None where they came from no file.
        by: who changed it; empty: nobody said, and the file stands for the person.
        because: why.
    """

    text: str | None = None
    by: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """What is in force of one person, number, site, asset, device or setting.

    Attributes:
        kind: which of them.
        subject: its id; a telephone number; of an asset ``site/asset``.
        body: what the settings say of it.
        at: when it was entered, UTC milliseconds.
        actor: who changed it.
        because: why; empty where nobody said.
        position: of the entry.
    """

    kind: Kind
    subject: str
    body: dict[str, Any]
    at: int
    actor: str
    because: str
    position: int


def in_force(conn: Connection, kind: Kind | None = None) -> list[Item]:
    """Return what is in force, by kind and subject."""
    query = select(directory).order_by(directory.c.kind, directory.c.subject)
    if kind is not None:
        query = query.where(directory.c.kind == kind)
    return [Item(**row._mapping) for row in conn.execute(query)]  # noqa: SLF001 - its public name


def owners(conn: Connection, number: str) -> list[str]:
    """Return the ids of the people who have a telephone number."""
    query = select(directory.c.body).where(
        directory.c.kind == "telephone", directory.c.subject == number
    )
    body = conn.execute(query).scalar_one_or_none()
    return [] if body is None else list(body["people"])


def enter(
    conn: Connection, settings: HubSettings, at: int, said: Said | None = None
) -> list[Entry]:
    """Enter how the settings differ from what was entered last; return the new entries.

    Args:
        conn: the caller's write transaction.
        settings: as they are now.
        at: the hub's clock, UTC milliseconds.
        said: who changed them and why, and the file's text.
    """
    require_write(conn)
    said = said or Said()
    now = declared(settings, said.text)
    before = {(item.kind, item.subject): item.body for item in in_force(conn)}
    looser = loosened(before, now)
    if looser and not said.because.strip():
        log.warning("settings loosened, and nobody said why: %s", words(looser))
    common: dict[str, Any] = {"because": said.because}
    if said.text is not None:
        common["sha256"] = _sha256(said.text)
    entered = []
    for key in sorted(before.keys() | now.keys(), key=_order):
        if before.get(key) == now.get(key):
            continue
        kind, subject = key
        what = "set" if key in now else "removed"
        body = {**common, "before": before.get(key), "now": now.get(key)}
        if ways := _ways(key, looser):
            body["loosened"] = ways
        entry = append(
            conn, at=at, actor=said.by or FILE, type=f"{kind}.{what}", subject=subject, body=body
        )
        _project(conn, entry)
        entered.append(entry)
    return entered


def _ways(key: tuple[Kind, str], looser: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """Return what an entry says of it; a chain may serve several sites, which stand with it."""
    if key == ("setting", "escalations"):
        return [
            f"{subject}: {way}" for (kind, subject), ways in looser.items() if kind == "site"
            for way in ways
        ]  # fmt: skip
    return looser.get(key, [])


def _order(key: tuple[Kind, str]) -> tuple[int, str]:
    return KINDS.index(key[0]), key[1]


def _project(conn: Connection, entry: Entry) -> None:
    kind, _, what = entry.type.rpartition(".")
    mine = (directory.c.kind == kind) & (directory.c.subject == entry.subject)
    conn.execute(delete(directory).where(mine))
    if what == "set":
        row = {
            "kind": kind,
            "subject": entry.subject,
            "body": entry.body["now"],
            "at": entry.at,
            "actor": entry.actor,
            "because": entry.body["because"],
            "position": entry.position,
        }
        conn.execute(insert(directory), row)


def rebuild(conn: Connection) -> None:
    """Make the projection again from the journal alone."""
    require_write(conn)
    conn.execute(delete(directory))
    for entry in entries(conn, types=TYPES):
        _project(conn, entry)


projections.register("directory", rebuild, directory)


# --- what a settings file declares ---


def declared(settings: HubSettings, text: str | None) -> dict[tuple[Kind, str], dict[str, Any]]:
    """Return everything that settings say, under the kind and subject of its entry."""
    found: dict[tuple[Kind, str], dict[str, Any]] = {}
    numbers: dict[str, list[str]] = {}
    for person in settings.people:
        found["person", person.id] = _said(person)
        numbers.setdefault(person.phone, []).append(person.id)
    for number, people in numbers.items():
        found["telephone", number] = {"people": people}
    for site in settings.sites:
        found["site", site.id] = _said(site, "assets", "devices")
        for asset in site.assets:
            found["asset", f"{site.id}/{asset.id}"] = _said(asset)
        for device in site.devices:
            found["site-device", device] = {"site": site.id}
    for name, value in _said(settings, "people", "sites").items():
        found["setting", name] = {"value": value}
    if text is not None:
        found["settings-file", "hub.toml"] = {"sha256": _sha256(text)}
    return found


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _said(model: BaseModel, *but: str) -> dict[str, Any]:
    """Return what a file says of a model, as an entry may hold it."""
    dumped = model.model_dump(mode="json", exclude_unset=True, exclude=set(but))
    shown: dict[str, Any] = without_secrets(dumped)
    return shown


_SECRET: Final = re.compile(
    r"pass(word|phrase)?$|secret|token|credential|(access|api|private|app|sign(ing)?)[_-]?key|^key$"
    r"|authorization|cookie",
    re.IGNORECASE,
)
# The same within a text, such as the body of a gateway's request; not what stands for one: {secret}.
_WITHIN: Final = re.compile(
    r"""((?:pass(?:word|phrase)|secret|token|key)["']?\s*[:=]\s*["']?)(?!\{\w+\})([^"'&,;}\s]+)""",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^\s/?#]*)(\S*)")
# Of these the host is no secret. Of others (Apprise: dingtalk://token/number) anything may be one.
_WITH_HOST: Final = frozenset({"http", "https", "postgresql", "mqtt", "mqtts"})
LEFT_OUT: Final = "…"


def without_secrets(value: Any, key: str = "") -> Any:
    """Return a value of the settings as the journal may keep it, for ever and for everybody's eyes.

    What is called a secret, and of an address everything but the host, is replaced by ``…``. A
    path to a file that holds one (``….file``) stays. A fraction, which has no canonical spelling,
    becomes text.
    """
    if isinstance(value, Mapping):
        return {name: without_secrets(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(inner, key) for inner in value]
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        if _SECRET.search(key) and not key.endswith(("_file", "_dir")):
            return LEFT_OUT
        return _WITHIN.sub(rf"\g<1>{LEFT_OUT}", _URL.sub(_address, value))
    return value


def _address(found: re.Match[str]) -> str:
    scheme, host, rest = found.groups()
    if scheme.lower() not in _WITH_HOST:
        return f"{scheme}://{LEFT_OUT}"
    host = host.rpartition("@")[2]
    return f"{scheme}://{host}{'/' + LEFT_OUT if rest.strip('/') else rest}"


def history_of(conn: Connection, kind: Kind, subject: str) -> Iterator[Entry]:
    """Yield every entry about one of them, oldest first: who, when, why, before and now."""
    return entries(conn, types=(f"{kind}.set", f"{kind}.removed"), subject=subject)
