"""The channel `gammu-smsd`: a GSM modem through gammu-smsd's SQL service on SQLite.

gammu-smsd is a process of its own (it is GPL, it hangs when its modem hangs); all that the two
share is the database file. We write `outbox` as gammu-smsd-inject does, and our key stands in
`CreatorID`, which smsd copies to `sentitems` when a message is sent or given up.

What smsd 1.42 does, as observed: a refused message waits `retrytimeout` seconds while later ones
pass it, is tried `maxretries` + 1 times, and is booked as SendingError one more `retrytimeout`
later. A message of several parts goes on with the part that was not sent yet. One case cannot be
asked: the modem took the message and its answer was lost. smsd then sends again, so a person may
get the same text twice; that is meant, for the other way somebody might get none.

Delivery reports change `Status` of the row in `sentitems` later: DeliveryOK, DeliveryPending (the
network goes on trying), DeliveryFailed with TP-ST in `StatusError`. smsd finds the row by TP-MR and
number, so a report that names the number otherwise than we wrote it (+86… of a national one) is lost.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from alerts import segments
from alerts.channels import smsd_inbox, smsd_watch
from alerts.channels.contract import (
    NO_PARAMS,
    ChannelError,
    Condition,
    Delivery,
    Inbound,
    Outcome,
)
from alerts.channels.smsd_inbox import milliseconds
from alerts.channels.smsd_schema import DatabaseUnusableError, prepare_database
from alerts.channels.smsd_watch import Limits

_CREATOR: Final = "coldwatch:"
_LONGEST_KEY: Final = 120
# How long a lock of smsd's is waited for, seconds.
_PATIENCE_S: Final = 5.0
_MOST_PARTS: Final = 10
# 24 h (TS 23.040 9.2.3.12.1): an alarm that a telephone gets days later only misleads.
_VALIDITY_ONE_DAY: Final = 167
_PAST: Final = "2000-01-01 00:00:00"
_CODINGS: Final = {"gsm7": "Default_No_Compression", "ucs2": "Unicode_No_Compression"}
# smsd writes to `phones` every 30 s while it has a modem (see `smsd_config`).
_SEEN_WITHIN: Final = timedelta(seconds=75)
# TS 27.005 3.2.5 and TS 24.011 annex E-2: what people can do something about.
_CODES: Final = {
    8: "operator barring; ask the operator whether the card may send SMS",
    10: "call barred; ask the operator whether the card may send SMS",
    21: "rejected by the network; check the card's credit",
    27: "destination out of order; the other telephone cannot be reached",
    28: "the network does not know the number; correct it",
    38: "the network is out of order",
    50: "SMS is not subscribed; ask the operator",
    96: "the network did not understand the message; check the number",
    310: "there is no SIM card",
    311: "the SIM card wants its PIN; switch the PIN off",
    330: "the service centre is not known; set it on the card",
    331: "no network; check aerial and place",
    332: "the network did not answer in time",
}


class GammuSmsd:
    """Hands messages to gammu-smsd and asks what became of them.

    Each call opens the file anew: a file that was replaced while we held it open would take
    messages that nobody ever sends. One that is missing is made; smsd wants it at its start.
    """

    def __init__(self, database: Path, limits: Limits | None = None) -> None:
        """Use the database of gammu-smsd; ``limits`` say what of the modem is worth telling."""
        self._database = database
        self._limits = limits or Limits()

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] = NO_PARAMS) -> None:
        """Put a message into the outbox, in one transaction, unless its key is there already."""
        del params
        if not text or not key or len(key) > _LONGEST_KEY:
            raise ValueError(f"a message needs text and a key of 1 to {_LONGEST_KEY} characters")
        parts = segments.split(text)
        if len(parts) > _MOST_PARTS:
            reason = f"the text needs {len(parts)} SMS; at most {_MOST_PARTS} are sent, shorten it"
            raise ChannelError(retryable=False, reason=reason)
        creator = _CREATOR + key
        with self._transaction("IMMEDIATE") as connection:
            known = connection.execute(
                "SELECT 1 FROM outbox WHERE CreatorID = ?1"
                " UNION ALL SELECT 1 FROM sentitems WHERE CreatorID = ?1",
                (creator,),
            ).fetchone()
            if known is None:
                _insert(connection, creator, to, parts, _CODINGS[segments.encoding_of(text)])

    def outcome(self, key: str) -> Outcome | None:
        """Say what smsd has written about a message so far."""
        creator = _CREATOR + key
        with self._transaction("DEFERRED") as connection:
            done = connection.execute(
                "SELECT Status, StatusCode, UpdatedInDB FROM sentitems WHERE CreatorID = ?"
                " ORDER BY SequencePosition",
                (creator,),
            ).fetchall()
            waiting = connection.execute(
                "SELECT ID, Retries, StatusCode FROM outbox WHERE CreatorID = ?", (creator,)
            ).fetchone()
            if waiting is None:
                return _finished(done) if done else None
            identity, retries, code = waiting
            more, code_of_more = connection.execute(
                "SELECT count(*), ifnull(max(StatusCode), -1) FROM outbox_multipart WHERE ID = ?",
                (identity,),
            ).fetchone()
            if len(done) < more + 1:
                if retries:
                    why = _explain(max(code, code_of_more))
                    return Outcome("retry", f"try {retries} failed: {why}")
                return Outcome("queued", self._absence(connection))
        # smsd died between booking and deleting; it would send again when its lock of 60 s ends.
        self._take_out(identity)
        return _finished(done)

    def absence(self) -> str:
        """Say so where gammu-smsd does not seem to be at work; empty where it is.

        Raises:
            ChannelError: its database cannot be asked.
        """
        with self._transaction("DEFERRED") as connection:
            return self._absence(connection)

    def gives_reports(self) -> bool:
        """Expect a report of each SMS: `smsd_config` has the network asked for them."""
        return True

    def received(self) -> list[Inbound]:
        """Return what came in and was not taken, of the newest thousand parts."""
        with self._transaction("DEFERRED") as connection:
            if not smsd_inbox.anything(connection):
                return []
            inbound, places = smsd_inbox.messages(smsd_inbox.rows(connection), _now_ms())
            again = smsd_inbox.stored_again(connection, places)
        for key in again:
            self.taken(key)
        return inbound

    def taken(self, key: str) -> None:
        """Mark all rows of a message as processed."""
        with self._transaction("IMMEDIATE") as connection:
            _, places = smsd_inbox.messages(smsd_inbox.rows(connection), _now_ms())
            connection.executemany(
                "UPDATE inbox SET Processed = 'true' WHERE ID = ?",
                [(identity,) for identity in places.get(key, ())],
            )

    def condition(self) -> Condition:
        """Return signal and credit; ask for the credit where that is due."""
        with self._transaction("DEFERRED") as connection:
            found = smsd_watch.condition(connection, self._limits)
            due = smsd_watch.balance_due(connection, self._limits, _now_ms())
        if due:
            with self._transaction("IMMEDIATE") as connection:
                smsd_watch.ask_balance(connection, self._limits)
        return found

    def _take_out(self, identity: int) -> None:
        with self._transaction("IMMEDIATE") as connection:
            connection.execute("DELETE FROM outbox WHERE ID = ?", (identity,))
            connection.execute("DELETE FROM outbox_multipart WHERE ID = ?", (identity,))

    def _absence(self, connection: sqlite3.Connection) -> str:
        """Say so where smsd does not seem to be at work."""
        (seen,) = connection.execute("SELECT max(UpdatedInDB) FROM phones").fetchone()
        if seen is None:
            return (
                f"gammu-smsd has never had a modem and {self._database}; look whether it runs, and"
                " whether its configuration names this file and the right device"
            )
        last = datetime.fromtimestamp(milliseconds(seen) / 1000, UTC)
        if datetime.now(UTC) - last > _SEEN_WITHIN:
            return (
                f"gammu-smsd was last at work at {last:%Y-%m-%d %H:%M:%S} UTC; look whether it runs"
            )
        return ""

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction; every failure becomes a ChannelError."""
        try:
            if not self._database.exists():
                prepare_database(self._database)
            connection = sqlite3.connect(
                f"{self._database.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=_PATIENCE_S,
                isolation_level=None,
            )
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(f"BEGIN {kind}")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._channel_error(error) from error
        except (OSError, DatabaseUnusableError) as error:
            reason = f"gammu-smsd's database cannot be made: {error}"
            raise ChannelError(retryable=False, reason=reason) from error

    def _channel_error(self, error: sqlite3.Error) -> ChannelError:
        """Say what is wrong with the file and what to do."""
        name = getattr(error, "sqlite_errorname", "")
        where = f"gammu-smsd's database {self._database}"
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return ChannelError(retryable=True, reason=f"{where} is locked by another program")
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            remedy = "cannot be written; give the hub and gammu-smsd rights on file and folder"
        elif name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            remedy = (
                "is damaged; stop gammu-smsd, move the file away, start gammu-smsd a minute later"
            )
        elif name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
            remedy = "cannot grow; look at the disk and make room"
        else:
            remedy = f"is not as gammu-smsd 1.42 has it ({error}); move it away, restart gammu-smsd"
        return ChannelError(retryable=False, reason=f"{where} {remedy}")


def _insert(
    connection: sqlite3.Connection, creator: str, to: str, parts: tuple[str, ...], coding: str
) -> None:
    """Write the first part to `outbox` and the others to `outbox_multipart`."""
    # The times are given, and have passed: gammu's own defaults are UTC and are compared with
    # local time, and "now" would cost the rest of this second.
    identity = connection.execute(
        "INSERT INTO outbox (CreatorID, SenderID, DeliveryReport, MultiPart, SendingDateTime,"
        " SendingTimeOut, DestinationNumber, RelativeValidity, Coding, Text, UDH, Class,"
        " TextDecoded) VALUES (?, '', 'default', ?, ?, ?, ?, ?, ?, ?, '', -1, ?)",
        (
            creator,
            "true" if len(parts) > 1 else "false",
            _PAST,
            _PAST,
            to,
            _VALIDITY_ONE_DAY,
            coding,
            _hexadecimal(parts[0]),
            parts[0],
        ),
    ).lastrowid
    if len(parts) == 1 or identity is None:
        return
    # Consecutive ids: two messages to one telephone share a reference only 256 messages apart.
    headers = [f"050003{identity % 256:02X}{len(parts):02X}{n + 1:02X}" for n in range(len(parts))]
    connection.execute("UPDATE outbox SET UDH = ? WHERE ID = ?", (headers[0], identity))
    connection.executemany(
        "INSERT INTO outbox_multipart (ID, SequencePosition, Coding, Text, UDH, Class, TextDecoded)"
        " VALUES (?, ?, ?, ?, ?, -1, ?)",
        [
            (identity, position, coding, _hexadecimal(part), header, part)
            for position, (part, header) in enumerate(
                zip(parts[1:], headers[1:], strict=True), start=2
            )
        ],
    )


def _hexadecimal(text: str) -> str:
    """Spell a text as smsd reads it, for both codings: UTF-16 in hexadecimal."""
    return text.encode("utf-16-be").hex().upper()


def _finished(rows: list[tuple[str, int, str]]) -> Outcome:
    """Sum up the booked parts of a message."""
    at_ms = max(milliseconds(updated) for _, _, updated in rows)
    lost = [(status, code) for status, code, _ in rows if _lost(status)]
    if not lost:
        return Outcome("sent", "", at_ms, _delivery({status for status, _, _ in rows}))
    _, code = lost[0]
    reason = _explain(code)
    if len(rows) > 1:
        reason = f"{len(lost)} of {len(rows)} parts failed: {reason}"
    return Outcome("refused", reason, at_ms)


def _lost(status: str) -> bool:
    return status in ("SendingError", "Error")


def _delivery(statuses: set[str]) -> Delivery:
    """Sum up the reports of a message's parts: all of them must arrive."""
    if "DeliveryFailed" in statuses:
        return "failed"
    return "delivered" if statuses == {"DeliveryOK"} else ""


def _explain(code: int) -> str:
    """Say what the modem's error code means; smsd writes -1 where there was no answer."""
    if code == -1:
        return "the modem did not answer; look at its power and cable"
    return f"the modem said error {code} ({_CODES.get(code, 'no further reason')})"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
