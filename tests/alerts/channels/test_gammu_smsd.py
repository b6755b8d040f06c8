"""The channel against the tables alone; what gammu-smsd would write is written by hand."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from alerts.channels.contract import ChannelError, Delivery, Outcome
from alerts.channels.gammu_smsd import GammuSmsd
from alerts.channels.smsd_schema import prepare_database

KEY = "000000000007-0123456789abcdef"
NUMBER = "+8613800000001"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An empty database of gammu-smsd."""
    prepare_database(tmp_path / "smsd.db")
    return tmp_path / "smsd.db"


@pytest.fixture
def channel(database: Path) -> GammuSmsd:
    """The channel on it."""
    return GammuSmsd(database)


def run(database: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement as smsd would, and return what it gives."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def book(database: Path, status: str, *, position: int = 1, code: int = -1) -> None:
    """Do what smsd does when a part is sent or given up; the outbox is left as it is."""
    run(
        database,
        "INSERT INTO sentitems (ID, SequencePosition, CreatorID, Status, StatusCode, Text, UDH,"
        " SenderID, UpdatedInDB) SELECT ID, ?, CreatorID, ?, ?, '', '', '',"
        " '2024-07-01 06:05:12.345' FROM outbox",
        position,
        status,
        code,
    )


def leave_outbox(database: Path) -> None:
    """Do what smsd does when it is done with a message."""
    run(database, "DELETE FROM outbox")
    run(database, "DELETE FROM outbox_multipart")


class TestSubmit:
    def test_a_chinese_one(self, channel: GammuSmsd, database: Path) -> None:
        """One part: its key, its number, UTF-16 in hexadecimal, a day's validity, sent at once."""
        channel.submit(KEY, NUMBER, "温度过高 9.2℃")

        (row,) = run(
            database,
            "SELECT CreatorID, DestinationNumber, Coding, Text, TextDecoded, MultiPart, UDH, Class,"
            " RelativeValidity, SenderID, DeliveryReport FROM outbox",
        )
        assert row == (
            f"coldwatch:{KEY}", NUMBER, "Unicode_No_Compression",
            "6E295EA68FC79AD800200039002E00322103", "温度过高 9.2℃", "false", "", -1, 167, "",
            "default",
        )  # fmt: skip

    @pytest.mark.parametrize("column", ["SendingDateTime", "SendingTimeOut"])
    def test_its_time_has_come_in_every_zone(
        self, channel: GammuSmsd, database: Path, column: str
    ) -> None:
        """The times lie days back: smsd compares them with its local time, and "now" is UTC."""
        channel.submit(KEY, NUMBER, "x")

        (row,) = run(database, f"SELECT {column} < datetime('now', '-2 days') FROM outbox")
        assert row == (1,)

    def test_a_long_one(self, channel: GammuSmsd, database: Path) -> None:
        """Three parts: the first in outbox, the others numbered from two, one reference in all."""
        channel.submit("other", NUMBER, "x")
        channel.submit(KEY, NUMBER, "中" * 67 + "国" * 67 + "文")

        (first,) = run(database, "SELECT MultiPart, TextDecoded, UDH FROM outbox WHERE ID = 2")
        others = run(
            database,
            "SELECT ID, SequencePosition, TextDecoded, UDH, Coding FROM outbox_multipart",
        )
        assert first == ("true", "中" * 67, "050003020301")
        assert others == [
            (2, 2, "国" * 67, "050003020302", "Unicode_No_Compression"),
            (2, 3, "文", "050003020303", "Unicode_No_Compression"),
        ]

    def test_english_is_gsm7(self, channel: GammuSmsd, database: Path) -> None:
        """A text of the GSM alphabet is not sent as UCS-2."""
        channel.submit(KEY, NUMBER, "TOO HOT: 9.2C [max 8C]")

        assert run(database, "SELECT Coding FROM outbox") == [("Default_No_Compression",)]

    def test_twice_is_once(self, channel: GammuSmsd, database: Path) -> None:
        """A key that lies in the outbox is not handed over again, by whomever."""
        channel.submit(KEY, NUMBER, "first")
        channel.submit(KEY, NUMBER, "again")
        GammuSmsd(database).submit(KEY, NUMBER, "after a restart")

        assert run(database, "SELECT TextDecoded FROM outbox") == [("first",)]

    @pytest.mark.parametrize("status", ["SendingOKNoReport", "SendingError"])
    def test_after_it_is_done(self, channel: GammuSmsd, database: Path, status: str) -> None:
        """Nor is one that was sent or given up meanwhile."""
        channel.submit(KEY, NUMBER, "first")
        book(database, status)
        leave_outbox(database)

        channel.submit(KEY, NUMBER, "again")

        assert run(database, "SELECT count(*) FROM outbox") == [(0,)]

    def test_keys_are_whole(self, channel: GammuSmsd, database: Path) -> None:
        """A key that begins like another one is another one."""
        channel.submit("a", NUMBER, "x")
        channel.submit("a%", NUMBER, "y")
        channel.submit("ab", NUMBER, "z")

        assert run(database, "SELECT count(*) FROM outbox") == [(3,)]

    @pytest.mark.parametrize(("key", "text"), [("", "x"), ("k" * 121, "x"), (KEY, "")])
    def test_nonsense(self, channel: GammuSmsd, key: str, text: str) -> None:
        """No key, a key that smsd would cut off, and no text are mistakes of the caller."""
        with pytest.raises(ValueError, match="1 to 120"):
            channel.submit(key, NUMBER, text)

    def test_a_novel(self, channel: GammuSmsd, database: Path) -> None:
        """A text of more than ten SMS is refused, and nothing of it is written."""
        with pytest.raises(ChannelError, match="needs 11 SMS") as error:
            channel.submit(KEY, NUMBER, "中" * (67 * 10 + 1))
        assert not error.value.retryable
        assert run(database, "SELECT count(*) FROM outbox") == [(0,)]


class TestOutcome:
    AT = 1_719_813_912_345  # 2024-07-01 06:05:12.345 UTC

    def test_unknown(self, channel: GammuSmsd) -> None:
        """A key that was never handed over has no outcome."""
        assert channel.outcome(KEY) is None

    def test_queued_without_smsd(self, channel: GammuSmsd, database: Path) -> None:
        """Queued where smsd never had a modem says so, for that is not going to change."""
        channel.submit(KEY, NUMBER, "x")

        outcome = channel.outcome(KEY)

        assert outcome is not None
        assert outcome.state == "queued"
        assert "has never had a modem" in outcome.reason
        assert str(database) in outcome.reason

    @pytest.mark.parametrize(
        ("age", "reason"),
        [("-10 seconds", ""), ("-2 hours", "gammu-smsd was last at work at 20")],
    )
    def test_queued(self, channel: GammuSmsd, database: Path, age: str, reason: str) -> None:
        """Queued needs no reason while smsd shows that it lives, and has one when it does not."""
        channel.submit(KEY, NUMBER, "x")
        run(
            database,
            "INSERT INTO phones (IMEI, IMSI, ID, Client, UpdatedInDB)"
            " VALUES ('', '', '', '', strftime('%Y-%m-%d %H:%M:%f', 'now', ?))",
            age,
        )

        outcome = channel.outcome(KEY)

        assert outcome is not None
        assert outcome.state == "queued"
        assert outcome.reason.startswith(reason)
        assert bool(outcome.reason) is bool(reason)

    def test_retry(self, channel: GammuSmsd, database: Path) -> None:
        """After a refusal it says how often, and what the code means."""
        channel.submit(KEY, NUMBER, "x")
        run(database, "UPDATE outbox SET Retries = 2, StatusCode = 38")

        assert channel.outcome(KEY) == Outcome(
            "retry", "try 2 failed: the modem said error 38 (the network is out of order)"
        )

    def test_retry_of_a_later_part(self, channel: GammuSmsd, database: Path) -> None:
        """The code of a second part is found where smsd writes it."""
        channel.submit(KEY, NUMBER, "中" * 71)
        book(database, "SendingOKNoReport")
        run(database, "UPDATE outbox SET Retries = 1")
        run(database, "UPDATE outbox_multipart SET StatusCode = 500")

        outcome = channel.outcome(KEY)

        assert outcome is not None
        assert (outcome.state, outcome.at_ms) == ("retry", None)
        assert "error 500" in outcome.reason

    @pytest.mark.parametrize(
        ("status", "delivery"),
        [
            ("SendingOK", ""),
            ("SendingOKNoReport", ""),
            ("DeliveryPending", ""),
            ("DeliveryUnknown", ""),
            ("DeliveryOK", "delivered"),
            ("DeliveryFailed", "failed"),
        ],
    )
    def test_sent(
        self, channel: GammuSmsd, database: Path, status: str, delivery: Delivery
    ) -> None:
        """Sent has the time at which smsd booked it, and what the network reported since."""
        channel.submit(KEY, NUMBER, "x")
        book(database, status)
        leave_outbox(database)

        assert channel.outcome(KEY) == Outcome("sent", "", self.AT, delivery)

    def test_refused(self, channel: GammuSmsd, database: Path) -> None:
        """Given up is refused, with the modem's reason."""
        channel.submit(KEY, NUMBER, "x")
        book(database, "SendingError", code=21)
        leave_outbox(database)

        assert channel.outcome(KEY) == Outcome(
            "refused",
            "the modem said error 21 (rejected by the network; check the card's credit)",
            self.AT,
        )

    def test_half_sent_is_refused(self, channel: GammuSmsd, database: Path) -> None:
        """A message of which a part was given up is not sent, and says how much is missing."""
        channel.submit(KEY, NUMBER, "中" * 71)
        book(database, "SendingOKNoReport")
        book(database, "SendingError", position=2)
        leave_outbox(database)

        outcome = channel.outcome(KEY)

        assert outcome is not None
        assert outcome.state == "refused"
        assert outcome.reason.startswith("1 of 2 parts failed: the modem did not answer")

    @pytest.mark.parametrize(
        ("second", "delivery"),
        [("SendingOK", ""), ("DeliveryOK", "delivered"), ("DeliveryFailed", "failed")],
    )
    def test_each_part_is_reported(
        self, channel: GammuSmsd, database: Path, second: str, delivery: Delivery
    ) -> None:
        """A message of two parts has arrived when both have, and failed when one has."""
        channel.submit(KEY, NUMBER, "中" * 71)
        book(database, "DeliveryOK")
        book(database, second, position=2)
        leave_outbox(database)

        assert channel.outcome(KEY) == Outcome("sent", "", self.AT, delivery)

    def test_half_booked_is_open(self, channel: GammuSmsd, database: Path) -> None:
        """A message of two parts of which one is booked is not sent yet."""
        channel.submit(KEY, NUMBER, "中" * 71)
        book(database, "SendingOKNoReport")

        outcome = channel.outcome(KEY)

        assert outcome is not None
        assert outcome.state == "queued"

    def test_smsd_died_between_booking_and_deleting(
        self, channel: GammuSmsd, database: Path
    ) -> None:
        """A booked message that still lies in the outbox is taken out, or it would go out again."""
        channel.submit(KEY, NUMBER, "中" * 71)
        channel.submit("other", NUMBER, "y")
        for position in (1, 2):
            run(
                database,
                "INSERT INTO sentitems (ID, SequencePosition, CreatorID, Status, Text, UDH,"
                " SenderID) VALUES (1, ?, ?, 'SendingOKNoReport', '', '', '')",
                position,
                f"coldwatch:{KEY}",
            )

        outcome = channel.outcome(KEY)

        assert outcome is not None
        assert outcome.state == "sent"
        assert run(database, "SELECT CreatorID FROM outbox") == [("coldwatch:other",)]
        assert run(database, "SELECT count(*) FROM outbox_multipart") == [(0,)]


class TestOutOfOrder:
    def test_missing_is_made(self, tmp_path: Path) -> None:
        """A database that is not there is made, so that a message has a place to wait."""
        channel = GammuSmsd(tmp_path / "new" / "smsd.db")

        assert channel.outcome(KEY) is None
        channel.submit(KEY, NUMBER, "x")
        assert run(tmp_path / "new" / "smsd.db", "SELECT count(*) FROM outbox") == [(1,)]

    def test_nowhere(self, tmp_path: Path) -> None:
        """A place where nothing can be made is told with the place."""
        (tmp_path / "file").write_text("")
        channel = GammuSmsd(tmp_path / "file" / "smsd.db")

        with pytest.raises(ChannelError, match="cannot be made") as error:
            channel.submit(KEY, NUMBER, "x")
        assert not error.value.retryable

    def test_damaged(self, channel: GammuSmsd, database: Path) -> None:
        """A damaged file is told with what to do, and somebody must do it."""
        database.write_bytes(b"no database at all" * 500)

        for call in (lambda: channel.submit(KEY, NUMBER, "x"), lambda: channel.outcome(KEY)):
            with pytest.raises(ChannelError, match="is damaged; stop gammu-smsd") as error:
                call()
            assert not error.value.retryable

    def test_locked(
        self, channel: GammuSmsd, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lock that another program does not give up is worth another try."""
        monkeypatch.setattr("alerts.channels.gammu_smsd._PATIENCE_S", 0.05)
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(ChannelError, match="locked by another program") as error:
            channel.submit(KEY, NUMBER, "x")
        other.close()

        assert error.value.retryable
        channel.submit(KEY, NUMBER, "x")
        assert channel.outcome(KEY) is not None

    def test_other_tables(self, channel: GammuSmsd, database: Path) -> None:
        """Tables that are not gammu's are told with SQLite's own words."""
        run(database, "ALTER TABLE outbox RENAME TO elsewhere")

        with pytest.raises(ChannelError, match="no such table: outbox"):
            channel.submit(KEY, NUMBER, "x")
