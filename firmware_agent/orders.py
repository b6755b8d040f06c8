"""What the hub asks a device to do: `command` down, `result` up.

The contract is protocol.messages.Command and Result; this is the same check without pydantic. A
command names its deadline, for a broker may keep one for hours: what comes later does nothing, and
one that was heard already does nothing again. Only what makes things safer (a stop) has no deadline.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.canonical import MAX_INTEGER

log = logging.getLogger(__name__)

MAX_BYTES = 10_000
# A deadline further off is none: somebody's clock is wrong, or the sender did not understand.
LONGEST_MS = 600_000
_HEARD = 100
_ID = re.compile(r"[0-9a-f]{16,64}", re.ASCII)
_DO = re.compile(r"[a-z][a-z0-9-]{0,39}\.[a-z][a-z0-9-]{0,39}", re.ASCII)
_TO = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Order:
    """A command that was checked.

    Attributes:
        id: names it; the answer bears it.
        until: UTC, milliseconds: void behind it.
        to: the asset or part.
        do: what, such as ``lamp.start``.
        name: who asks.
        minutes: of a lamp's cycle; 0 for as the settings say.
    """

    id: str
    until: int
    to: str
    do: str
    name: str
    minutes: int


# Takes an order and tells why it is refused; None where it is taken.
Taker = Callable[[Order], str | None]


class OrderError(ValueError):
    """The message is none of ours; the text says what is wrong."""


def parse_order(payload: bytes) -> Order:
    """Return a command; raise OrderError."""
    if len(payload) > MAX_BYTES:
        raise OrderError(f"{len(payload)} bytes are too many")
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise OrderError(f"not JSON: {error}") from None
    if not isinstance(fields, dict) or type(fields.get("v")) is not int or fields["v"] != 1:
        raise OrderError("v: this agent speaks 1")
    return Order(
        _text(fields, "id", _ID),
        _whole(fields, "until", MAX_INTEGER),
        _text(fields, "to", _TO),
        _text(fields, "do", _DO),
        _name(fields),
        _whole(fields, "minutes", 720, 0),
    )


class Orders:
    """Answers commands. Used by the uplink's thread."""

    def __init__(
        self, takers: Mapping[str, Taker], now_ms: Callable[[], int], synced: Callable[[], bool]
    ) -> None:
        """Hand each order to the taker named by the first half of its ``do``."""
        self._takers = takers
        self._now_ms = now_ms
        self._synced = synced
        self._heard: dict[str, None] = {}

    def came(self, payload: bytes) -> bytes | None:
        """Obey a command, or not; return the result to publish, None for one heard before.

        Raises OrderError.
        """
        order = parse_order(payload)
        if order.id in self._heard:
            return None
        self._heard[order.id] = None
        if len(self._heard) > _HEARD:
            del self._heard[next(iter(self._heard))]
        why = self._refusal(order)
        body = {
            "v": 1,
            "id": order.id,
            "at": self._now_ms(),
            "taken": why is None,
            "why": why or "",
        }
        return json.dumps(body, ensure_ascii=False).encode()

    def _refusal(self, order: Order) -> str | None:
        part, _, what = order.do.partition(".")
        taker = self._takers.get(part)
        if taker is None:
            return "not-here"
        if what != "stop":
            left_ms = order.until - self._now_ms()
            if not self._synced():
                return "clock-unsynchronised"
            if left_ms <= 0:
                return "late"
            if left_ms > LONGEST_MS:
                return "deadline-too-far"
        try:
            return taker(order)
        except Exception:
            # A part that fails must not end the uplink; whoever asked is told.
            log.exception("order=failed do=%s to=%s", order.do, order.to)
            return "failed"


def _text(fields: Mapping[str, Any], key: str, form: re.Pattern[str]) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise OrderError(f"{key}: {str(value)[:40]!r} is not one")
    return value


def _name(fields: Mapping[str, Any]) -> str:
    value = fields.get("name", "")
    if not isinstance(value, str) or len(value) > 80:
        raise OrderError("name: a text of at most 80 letters is missing")
    return value


def _whole(fields: Mapping[str, Any], key: str, most: int, default: int | None = None) -> int:
    value = fields.get(key, default)
    if type(value) is not int or not 0 <= value <= most:
        raise OrderError(f"{key}: a whole number from 0 on is missing")
    return value
