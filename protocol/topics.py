"""MQTT topics: coldwatch/1/<site>/<device>/<leaf>.

The "1" is the major version of the wire; another one is refused (design.md, "Reading and wire").
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

MAJOR_VERSION = 1
ROOT = "coldwatch"

Leaf = Literal["records", "received", "told", "status", "settings", "command", "result"]

# What the hub says of itself, retained; one level shorter than what bears a site and a device.
HEARTBEAT = f"{ROOT}/{MAJOR_VERSION}/hub/heartbeat"

# A name is one topic level and one part of a series; "+", "#" and "/" can therefore never be in it.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
_NAME = re.compile(NAME_PATTERN)


class Address(NamedTuple):
    """Who a topic belongs to and which kind of message travels on it."""

    version: str
    site: str
    device: str
    leaf: str


def topic(site: str, device: str, leaf: Leaf) -> str:
    """Return the topic of one device's ``leaf``."""
    return f"{ROOT}/{MAJOR_VERSION}/{site}/{device}/{leaf}"


def every(leaf: Leaf) -> str:
    """Return the subscription filter for ``leaf`` of every device, of any major version.

    Other versions are subscribed to as well, so that they are refused aloud and not overheard.
    """
    return f"{ROOT}/+/+/+/{leaf}"


def parse(text: str) -> Address:
    """Split a topic of ours; raise ValueError for any other."""
    parts = text.split("/")
    if len(parts) != 5 or parts[0] != ROOT:
        raise ValueError(f"not a coldwatch topic: {text[:120]!r}")
    return Address(*parts[1:])


def is_name(text: str) -> bool:
    """Tell whether ``text`` may name a site, device, asset, point or quantity."""
    # fullmatch: with match alone, `$` would let a line end pass.
    return _NAME.fullmatch(text) is not None
