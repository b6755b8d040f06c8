"""What lies in gammu-smsd's inbox, and its signal and credit, as rows of its own tables."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.contract import Answering, Reporting, Watched
from alerts.channels.gammu_smsd import GammuSmsd
from alerts.channels.smsd_inbox import PATIENCE_MS, Row, messages
from alerts.channels.smsd_watch import Limits, amount

NUMBER = "+8613800000001"
SENT = "2026-11-26 01:07:30"
NOW = int(datetime(2026, 11, 26, 1, 10, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the channel has its tables."""
    return tmp_path / "smsd.db"


@pytest.fixture
def channel(database: Path) -> GammuSmsd:
    """A channel whose tables are there."""
    made = GammuSmsd(database, Limits(20, "*100#", 86_400_000, 5_000))
    made.received()
    return made


def run(database: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Do something in the database, as smsd would."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def store(
    database: Path, text: str, udh: str = "", sender: str = NUMBER, sent: str = SENT, kind: int = -1
) -> None:
    """Store one part."""
    run(
        database,
        "INSERT INTO inbox (ReceivingDateTime, Text, SenderNumber, Coding, UDH, Class, TextDecoded,"
        " RecipientID) VALUES (?, ?, ?, 'Unicode_No_Compression', ?, ?, ?, '')",
        sent, text.encode("utf-16-be", "surrogatepass").hex().upper(), sender, udh, kind,
        text.encode("utf-8", "replace").decode(),
    )  # fmt: skip


def texts(channel: GammuSmsd) -> list[str]:
    """What has come in."""
    return [one.text for one in channel.received()]


class TestInbox:
    def test_handed_out_until_taken(self, channel: GammuSmsd, database: Path) -> None:
        """Whoever dies between reading and writing down reads it again; after that, never."""
        assert isinstance(channel, Answering)
        store(database, "4711")
        store(database, "？", sender="+8613800000002")

        (first, second) = channel.received()
        assert (first.text, first.sender) == ("4711", NUMBER)
        assert abs(first.at_ms / 1000 - datetime.now(UTC).timestamp()) < 60
        assert channel.received() == [first, second]
        channel.taken(first.key)
        assert channel.received() == [second]
        channel.taken("no such key")
        assert channel.received() == [second]

    def test_stored_twice(self, channel: GammuSmsd, database: Path) -> None:
        """Smsd was killed between storing and deleting from the card: it is one message."""
        store(database, "4711")
        (one,) = channel.received()
        store(database, "4711")
        assert channel.received() == [one]
        channel.taken(one.key)
        assert channel.received() == []
        store(database, "4711")
        assert channel.received() == []
        assert run(database, "SELECT DISTINCT Processed FROM inbox") == [("true",)]
        store(database, "4711", sent="2026-11-26 01:09:00")
        assert texts(channel) == ["4711"]

    def test_several_parts(self, channel: GammuSmsd, database: Path) -> None:
        """Put together in the order of their places, a character that was cut in two as well."""
        store(database, "起" * 66 + "\ud83d", "050003070201")
        store(database, "\ude00 已处理", "050003070202")
        store(database, "one", "06080401230201")

        assert texts(channel) == ["起" * 66 + "😀 已处理"]

    def test_a_reference_comes_again(self, channel: GammuSmsd, database: Path) -> None:
        """A telephone that always takes the same reference is understood all the same."""
        for text in ("first ", "second "):
            store(database, text, "050003070201", sent=SENT)
            store(database, "message", "050003070202", sent=SENT)

        assert texts(channel) == ["first message", "second message"]

    def test_what_smsd_left_when_it_was_killed(self, channel: GammuSmsd, database: Path) -> None:
        """Some parts stored, then all of them: one message, whole."""
        store(database, "first ", "050003070201")
        store(database, "first ", "050003070201")
        store(database, "second", "050003070202")

        (one,) = channel.received()
        assert one.text == "first second"
        channel.taken(one.key)
        assert run(database, "SELECT count(*) FROM inbox WHERE Processed = 'true'") == [(3,)]

    def test_a_part_that_never_comes(self, database: Path) -> None:
        """After a minute what is there is read: it may be the code."""
        row = Row(1, "2026-11-26 01:07:32.000", SENT, "0034", NUMBER, "Unicode", "050003070201",
                  "4", False)  # fmt: skip
        stored = int(datetime(2026, 11, 26, 1, 7, 32, tzinfo=UTC).timestamp() * 1000)

        assert messages([row], stored + PATIENCE_MS - 1)[0] == []
        assert [one.text for one in messages([row], stored + PATIENCE_MS)[0]] == ["4"]

    def test_no_answers(self, channel: GammuSmsd, database: Path) -> None:
        """An operator's USSD answer is nobody's SMS; data that is no text has none."""
        store(database, "Balance 12.34", sender="", kind=127)
        run(
            database,
            "INSERT INTO inbox (Text, SenderNumber, Coding, UDH, RecipientID)"
            " VALUES ('00FF', ?, '8bit', '', '')",
            NUMBER,
        )

        assert texts(channel) == [""]

    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=12))
    def test_whatever_is_stored(self, found: list[tuple[int, str]]) -> None:
        """Every row belongs to one message; no message is returned twice."""
        rows = [
            Row(number, "2026-11-26 01:07:32.000", SENT, text.encode("utf-16-be").hex(), NUMBER,
                "Unicode", f"0500030703{place:02x}" if place else "", text, False)
            for number, (place, text) in enumerate(found)
        ]  # fmt: skip
        inbound, places = messages(rows, NOW)

        assert sorted(number for rows_ in places.values() for number in rows_) == [
            row.id for row in rows
        ]
        assert len({one.key for one in inbound}) == len(inbound)
        assert {one.key for one in inbound} == set(places)


def seen(database: Path, signal: int) -> None:
    """Let smsd have written so of its modem, just now."""
    run(
        database,
        "INSERT OR REPLACE INTO phones (IMEI, IMSI, ID, Client, Signal) VALUES ('', '', '', '', ?)",
        signal,
    )


class TestWatch:
    @pytest.mark.parametrize(
        ("signal", "percent", "warning"),
        [
            (60, 60, ""),
            (20, 20, ""),
            (19, 19, "signal is weak (19 %)"),
            (0, None, ""),
            (-1, None, ""),
        ],
    )
    def test_signal(
        self, channel: GammuSmsd, database: Path, signal: int, percent: int | None, warning: str
    ) -> None:
        """Weak is told before messages fail; what is not known is not told as weak."""
        assert isinstance(channel, Watched)
        seen(database, signal)

        found = channel.condition()

        assert found.signal_percent == percent
        assert warning in found.warning
        assert bool(found.warning) is bool(warning)
        assert found.needs == (("signal",) if warning else ())

    def test_before_there_is_a_modem(self, channel: GammuSmsd) -> None:
        """Nothing is known, and nothing is told."""
        assert channel.condition().signal_percent is None

    def test_the_credit_is_asked_once_a_day(self, channel: GammuSmsd, database: Path) -> None:
        """By a row that smsd dials; the next one a day after it was booked."""
        for _ in range(3):
            channel.condition()
        asked = "SELECT DestinationNumber, Class FROM outbox WHERE CreatorID = 'coldwatch-balance'"
        assert run(database, asked) == [("*100#", 127)]

        for ago, count in ((timedelta(hours=23), 0), (timedelta(hours=25), 1)):
            run(database, "DELETE FROM outbox")
            run(database, "DELETE FROM sentitems")
            run(
                database,
                "INSERT INTO sentitems (ID, CreatorID, UpdatedInDB, Text, UDH, SenderID)"
                " VALUES (1, 'coldwatch-balance', ?, '', '', '')",
                f"{datetime.now(UTC) - ago:%Y-%m-%d %H:%M:%S}",
            )
            channel.condition()
            assert len(run(database, asked)) == count

    def test_nobody_asks_where_no_code_is_given(self, database: Path) -> None:
        """Many operators have no such code."""
        GammuSmsd(database).condition()

        assert run(database, "SELECT count(*) FROM outbox") == [(0,)]

    @pytest.mark.parametrize(
        ("answer", "warning"),
        [("Balance 12.34 CNY", ""), ("余额 4.99 元", "credit is low"), ("no figure", "")],
    )
    def test_credit(self, channel: GammuSmsd, database: Path, answer: str, warning: str) -> None:
        """Less than is wanted is told in the operator's own words."""
        store(database, answer, sender="", kind=127)

        found = channel.condition()

        assert found.balance == answer
        assert warning in found.warning
        assert bool(found.warning) is bool(warning)
        assert found.needs == (("credit",) if warning else ())

    def test_a_report_is_expected_of_each_sms(self, channel: GammuSmsd) -> None:
        """The configuration that we make has the network asked for one."""
        assert isinstance(channel, Reporting)
        assert channel.gives_reports()


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [
        ("Balance 12.34 CNY", 12_340),
        ("您的余额为5元", 5_000),
        ("Bal: 0,50 EUR valid to 2026", 500),
        ("2 SMS, 1.5 GB", 1_500),
        ("-", None),
    ],
)
def test_amounts(text: str, thousandths: int | None) -> None:
    """The first figure with a fraction, or else the first."""
    assert amount(text) == thousandths
