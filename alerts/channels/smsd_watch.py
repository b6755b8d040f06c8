"""Signal and credit of gammu-smsd's modem, from what smsd writes into its database.

The signal is `phones.Signal`, which smsd asks for every `statusfrequency` seconds. The credit is
asked by USSD through the outbox: a row of class 127 makes smsd 1.42 dial the code, and the
operator's answer comes as a row of `inbox` (as observed; operators that only answer an SMS have no
such code, and then nothing is asked).
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Final

from alerts.channels.contract import Condition, Need
from alerts.channels.smsd_inbox import USSD_CLASS, milliseconds

CREATOR: Final = "coldwatch-balance"
_PAST: Final = "2000-01-01 00:00:00"
# The first number with a fraction, or else the first number: "余额12.34元", "Bal: 5".
_AMOUNT: Final = re.compile(r"\d+[.,]\d{1,3}(?!\d)")
_WHOLE: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is worth telling.

    Attributes:
        low_signal: per cent; weaker than this is told; 0 for never.
        balance_code: USSD code that asks for the credit; empty: it is never asked.
        balance_every_ms: how often it is asked.
        low_balance: thousandths of the unit of money; less is told; 0 for never.
    """

    low_signal: int = 20
    balance_code: str = ""
    balance_every_ms: int = 86_400_000
    low_balance: int = 0


def condition(connection: sqlite3.Connection, limits: Limits) -> Condition:
    """Return how the modem is by the newest that smsd has written."""
    row = connection.execute(
        "SELECT Signal FROM phones ORDER BY UpdatedInDB DESC LIMIT 1"
    ).fetchone()
    # 0 is what smsd writes where it did not ask, and -1 where the modem does not know.
    signal = int(row[0]) if row is not None and row[0] > 0 else None
    balance = _newest_balance(connection) if limits.balance_code else ""
    warnings: list[str] = []
    needs: list[Need] = []
    if signal is not None and signal < limits.low_signal:
        warnings.append(f"the modem's signal is weak ({signal} %); move it or its aerial")
        needs.append("signal")
    left = amount(balance)
    if left is not None and left < limits.low_balance:
        warnings.append(f"the card's credit is low ({balance!r}); top it up")
        needs.append("credit")
    return Condition("; ".join(warnings), signal, balance, tuple(needs))


def balance_due(connection: sqlite3.Connection, limits: Limits, now_ms: int) -> bool:
    """Whether the credit is to be asked for: neither asked nor answered within its time."""
    if not limits.balance_code:
        return False
    lying = connection.execute("SELECT 1 FROM outbox WHERE CreatorID = ?", (CREATOR,)).fetchone()
    if lying is not None:
        return False
    (last,) = connection.execute(
        "SELECT max(UpdatedInDB) FROM sentitems WHERE CreatorID = ?", (CREATOR,)
    ).fetchone()
    return last is None or now_ms - milliseconds(last) >= limits.balance_every_ms


def ask_balance(connection: sqlite3.Connection, limits: Limits) -> None:
    """Have smsd dial the code, within a transaction."""
    connection.execute(
        "INSERT INTO outbox (CreatorID, SenderID, DestinationNumber, Class, Coding, Text, UDH,"
        " TextDecoded, SendingDateTime, SendingTimeOut)"
        " VALUES (?, '', ?, ?, 'Default_No_Compression', '', '', '', ?, ?)",
        (CREATOR, limits.balance_code, USSD_CLASS, _PAST, _PAST),
    )


def amount(text: str) -> int | None:
    """Return the amount that an operator's answer holds, in thousandths; None where there is none."""
    found = _AMOUNT.search(text) or _WHOLE.search(text)
    if found is None:
        return None
    whole, _, fraction = found[0].replace(",", ".").partition(".")
    return int(whole) * 1000 + int(fraction.ljust(3, "0") or 0)


def _newest_balance(connection: sqlite3.Connection) -> str:
    row = connection.execute(
        "SELECT TextDecoded FROM inbox WHERE Class = ? ORDER BY ID DESC LIMIT 1", (USSD_CLASS,)
    ).fetchone()
    return "" if row is None else str(row[0])
