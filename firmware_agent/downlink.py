"""What the hub says, checked: `received`, `told` and `settings`.

The contract is protocol.messages.Received, Told and Settings. This is the same check without pydantic, which
would take a quarter of the agent's memory; a test holds the two equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from firmware_agent.handed import MAX_TEXT, Handed
from protocol.canonical import MAX_INTEGER
from protocol.topics import is_name

# More than this is no message of a hub of ours: ten streams are 3 kB.
MAX_BYTES = 1_000_000
_LATEST_MS = 7_258_118_400_000
_STREAM = re.compile(r"[0-9a-f]{32}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EXCURSION = re.compile(r"[0-9a-f]{16}", re.ASCII)


class DownlinkError(ValueError):
    """The message is none of ours; the text says what is wrong."""


class Mark(NamedTuple):
    """How far without a hole: a seq and the hash there."""

    seq: int
    h: bytes


class Marks(NamedTuple):
    """How far the hub has judged and how far it has stored one stream."""

    judged: Mark
    stored: Mark


def parse_received(payload: bytes) -> dict[str, Marks]:
    """Return the marks of each stream that the hub knows; raise DownlinkError."""
    message = _message(payload)
    streams = _object(message.get("streams"), "streams")
    found = {}
    for stream, item in streams.items():
        if _STREAM.fullmatch(stream) is None:
            raise DownlinkError(f"streams: {stream[:40]!r} is no stream id")
        marks = _object(item, f"streams.{stream}")
        found[stream] = Marks(_mark(marks, "judged"), _mark(marks, "stored"))
    return found


class Work(NamedTuple):
    """Planned work on an asset of this device: what opens within it waits; UTC milliseconds."""

    asset: str
    begin: int
    until: int


class Said(NamedTuple):
    """What `told` says: excursions of which people were told, and what is planned."""

    excursions: frozenset[str] = frozenset()
    works: tuple[Work, ...] = ()


def parse_told(payload: bytes) -> Said:
    """Return of what people were told, and which alarms wait; raise DownlinkError."""
    message = _message(payload)
    ids, works = message.get("excursions"), message.get("works", [])
    if not isinstance(ids, list):
        raise DownlinkError("excursions: a list is missing")
    for item in ids:
        if not isinstance(item, str) or _EXCURSION.fullmatch(item) is None:
            raise DownlinkError(f"excursions: {str(item)[:40]!r} is no excursion id")
    if not isinstance(works, list):
        raise DownlinkError("works: a list is missing")
    return Said(frozenset(ids), tuple(_work(item) for item in works))


def _work(item: Any) -> Work:
    work = _object(item, "works")
    asset = work.get("asset")
    if not isinstance(asset, str) or not is_name(asset):
        raise DownlinkError(f"works: {str(asset)[:40]!r} is no asset")
    begin, until = (
        _integer(work.get(name), f"works.{name}", _LATEST_MS) for name in ("begin", "until")
    )
    return Work(asset, begin, until)


def parse_settings(payload: bytes) -> Handed:
    """Return the settings that the hub hands out; raise DownlinkError. They are not checked yet."""
    message = _message(payload)
    version = _integer(message.get("version"), "version", MAX_INTEGER)
    text, digest = message.get("text"), message.get("sha256")
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise DownlinkError(f"text: a settings file of at most {MAX_TEXT} characters is missing")
    if version == 0:
        raise DownlinkError("version: a whole number from 1 on is missing")
    try:
        handed = Handed(version, text)
        if digest != handed.sha256:
            raise DownlinkError("sha256: it is not that of the text")
    except UnicodeEncodeError:
        raise DownlinkError("text: half a character") from None
    return handed


def _message(payload: bytes) -> Mapping[str, Any]:
    if len(payload) > MAX_BYTES:
        raise DownlinkError(f"{len(payload)} bytes are too many")
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise DownlinkError(f"not JSON: {error}") from None
    fields = _object(message, "message")
    if fields.get("v") != 1 or type(fields["v"]) is not int:
        raise DownlinkError(f"v: this agent speaks 1, not {str(fields.get('v'))[:40]!r}")
    _integer(fields.get("at"), "at", _LATEST_MS)
    return fields


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DownlinkError(f"{where}: an object is missing")
    return value


def _integer(value: Any, where: str, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise DownlinkError(f"{where}: a whole number from 0 on is missing")
    return value


def _mark(marks: Mapping[str, Any], name: str) -> Mark:
    mark = _object(marks.get(name), name)
    h = mark.get("h")
    if not isinstance(h, str) or _HASH.fullmatch(h) is None:
        raise DownlinkError(f"{name}.h: 64 hexadecimal digits are missing")
    return Mark(_integer(mark.get("seq"), f"{name}.seq", MAX_INTEGER), bytes.fromhex(h))
