"""What people sent to gammu-smsd's modem: rows of `inbox` put together to messages, each once.

As observed of smsd 1.42: each part of a long message is a row of its own, in `Text` in hexadecimal
UTF-16 with its place in `UDH`; all rows of one message come when its last part has come, or parts
that stayed alone after `multiparttimeout`. smsd stores a message first and deletes it from the card
then, so one that is killed in between stores it again under another ID. The answer of an operator's
service (USSD) is a row of class 127.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from alerts.channels.contract import Inbound

USSD_CLASS: Final = 127
# How long a message is waited for that lacks a part; smsd has waited before.
PATIENCE_MS: Final = 60_000
# Rows of the past that are looked through for one that was stored twice.
_LOOK_BACK: Final = 1000
# TS 23.040 9.2.3.24: information elements of a concatenated message, reference of 8 and 16 bits.
_ELEMENTS: Final = {(0x00, 3): 1, (0x08, 4): 2}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: one part. ``sent`` is the network's stamp, in whichever zone."""

    id: int
    stored: str
    sent: str
    text: str
    sender: str
    coding: str
    udh: str
    decoded: str
    done: bool

    @property
    def part(self) -> tuple[str, int, int]:
        """Reference, number of parts and place; ``("", 1, 1)`` of a message of one part."""
        octets = bytes.fromhex(self.udh)[1:] if self.udh else b""
        while len(octets) >= 2:
            identifier, length = octets[0], octets[1]
            body, octets = octets[2 : 2 + length], octets[2 + length :]
            width = _ELEMENTS.get((identifier, length))
            if width is not None and len(body) == length:
                return body[:width].hex(), body[-2], body[-1]
        return "", 1, 1

    @property
    def words(self) -> str:
        """What this part says; of 8-bit data nothing."""
        if self.coding.startswith("8bit"):
            return ""
        try:
            return bytes.fromhex(self.text).decode("utf-16-be", "surrogatepass")
        except ValueError:
            return self.decoded


def anything(connection: sqlite3.Connection) -> bool:
    """Whether there is a row that was not taken."""
    found = connection.execute(
        "SELECT 1 FROM inbox WHERE Processed <> 'true' AND Class <> ? LIMIT 1", (USSD_CLASS,)
    )
    return found.fetchone() is not None


def stored_again(connection: sqlite3.Connection, places: dict[str, list[int]]) -> list[str]:
    """Return the messages that were taken, and of which smsd has stored another copy since."""
    found = connection.execute("SELECT ID FROM inbox WHERE Processed = 'true'")
    done = {identity for (identity,) in found}
    return [key for key, ids in places.items() if done & set(ids) and not done >= set(ids)]


def rows(connection: sqlite3.Connection) -> list[Row]:
    """Return the newest rows, oldest first, those that were taken among them."""
    found = connection.execute(
        "SELECT ID, UpdatedInDB, ReceivingDateTime, Text, SenderNumber, Coding, UDH, TextDecoded,"
        " Processed = 'true' FROM inbox WHERE Class <> ? ORDER BY ID DESC LIMIT ?",
        (USSD_CLASS, _LOOK_BACK),
    ).fetchall()
    return [Row(*row) for row in reversed(found)]


@dataclass(slots=True)
class _Message:
    """Rows that are parts of one message, by their places."""

    total: int
    parts: dict[int, Row] = field(default_factory=dict)
    copies: list[Row] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return len(self.parts) == self.total

    @property
    def rows(self) -> list[Row]:
        return [*self.parts.values(), *self.copies]

    def holds(self, other: _Message) -> bool:
        """Whether another one is a piece of this one, stored before smsd was killed."""
        return all(
            place in self.parts and _content(self.parts[place]) == _content(row)
            for place, row in other.parts.items()
        )

    @property
    def text(self) -> str:
        words = "".join(self.parts[place].words for place in sorted(self.parts))
        # Characters beyond the BMP are two units, and a telephone may cut between them.
        return words.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")

    @property
    def key(self) -> str:
        """The same for every copy: who, the network's stamp, and what."""
        first = self.parts[min(self.parts)]
        told = "\n".join((first.sender, first.sent, str(self.total), self.text))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def messages(found: Sequence[Row], now_ms: int) -> tuple[list[Inbound], dict[str, list[int]]]:
    """Put rows together; return what was not taken yet, and the rows of each message by its key.

    Of copies of one message, one is returned, and none where any was taken. A message that lacks
    a part is returned as it is when it has waited for a minute.
    """
    whole: dict[str, _Message] = {}
    for one in _joined(found):
        known = whole.setdefault(one.key, one)
        if known is not one:
            known.copies += one.rows
    inbound: list[Inbound] = []
    for key, one in whole.items():
        at_ms = min(milliseconds(row.stored) for row in one.rows)
        ripe = one.whole or now_ms - at_ms >= PATIENCE_MS
        if ripe and not any(row.done for row in one.rows):
            inbound.append(Inbound(key, one.rows[0].sender, one.text, at_ms))
    places = {key: [row.id for row in one.rows] for key, one in whole.items()}
    return sorted(inbound, key=lambda one: one.at_ms), places


def _joined(found: Sequence[Row]) -> list[_Message]:
    """Put each part to its fellows; pieces that smsd left when it was killed go to their whole."""
    joined: dict[tuple[str, str, int], list[_Message]] = {}
    for row in found:
        reference, total, place = row.part
        fellows = joined.setdefault((row.sender, reference, total), [])
        # References come again, and telephones begin anew: a place that is taken is another message.
        if not fellows or fellows[-1].whole or place in fellows[-1].parts:
            fellows.append(_Message(total))
        fellows[-1].parts[place] = row
    kept = []
    for fellows in joined.values():
        for one in fellows:
            home = next((each for each in fellows if each.whole and each.holds(one)), None)
            if one.whole or home is None:
                kept.append(one)
            else:
                home.copies += one.rows
    return kept


def _content(row: Row) -> tuple[str, str]:
    return row.sent, row.text


def milliseconds(stamp: str) -> int:
    """Read a time that our own tables stamp, in UTC."""
    return int(datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() * 1000)
