"""Notices: who is owed what, once, and what becomes of it when channel or hub fails in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from alerts.channels.contract import ChannelError, Outcome
from config.hub import HubSettings, Person
from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake
from hub.notices import Outbox, owe, told
from hub.said import Matter
from hub.tables import notices, sms
from hub.watchmen import ContactWatch
from journal import journal
from journal.database import read, write
from journal.excursions import ExcursionRow, listing
from tests.support.county import hub_settings
from tests.support.databases import new_database
from tests.support.sender import MINUTE, RULES, START, Sender

pytestmark = pytest.mark.usefixtures("each_database")


class Recorder:
    """A channel in memory that does what it is told."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, str]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.down = ""
        self.slow = False

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] | None = None) -> None:
        """Take a message once."""
        if self.down:
            raise ChannelError(retryable=True, reason=self.down)
        self.taken.setdefault(key, (to, text))

    def outcome(self, key: str) -> Outcome | None:
        """Say what became of it: sent unless told otherwise."""
        if key not in self.taken:
            return None
        return self.outcomes.get(key, Outcome("queued" if self.slow else "sent"))


def words(_conn: Connection, person: Person, matters: Sequence[Matter], _now: int) -> str:
    """Spell a message so that a test can read it."""
    parts = []
    for matter in matters:
        step = "" if matter.step == "first" else f"{matter.step} "
        if matter.happening in ("opened", "recovered"):
            parts += [f"{step}open {row.rule}" for row in matter.opened]
            parts += [f"over {row.rule}" for row in matter.recovered]
        else:
            about = [str(each) for each in matter.facts.values() if isinstance(each, str)]
            parts.append(" ".join([matter.happening, *about]).strip())
    return f"{person.id}: {', '.join(parts)}"


class Desk:
    """A hub without threads: intake, outbox, watch and a channel."""

    def __init__(
        self,
        folder: Path,
        settings: HubSettings | None = None,
        others: Mapping[str, Recorder] | None = None,
    ) -> None:
        self.settings = settings or hub_settings(folder)
        self.database = new_database(folder)
        self.history = SqliteHistory(folder / "history.db")
        self.channel = Recorder()
        # Where there are others, the channel is the first of several.
        self.others = others or {}
        self.now = START
        self.intake = Intake(self.settings, self.database, self.history, self._tell)
        self.restart()
        self.watch = ContactWatch(self.settings, START)

    def restart(self) -> None:
        """Forget what is only in memory."""
        channels: Any = {"modem": self.channel, **self.others} if self.others else self.channel
        self.outbox = Outbox(self.settings, self.database, channels, words)

    def _tell(self, conn: Connection, decision: Any, row: ExcursionRow, now: int) -> None:
        owe(conn, self.settings.sites[0], decision.happening, row, now)

    def send(self, sender: Sender, first: int, last: int) -> None:
        """Take these records in, as of the last one's time."""
        self.now = sender.bodies[last - 1]["at"]
        topic = "coldwatch/1/east-gate/pi-1/records"
        self.intake.take([Incoming(topic, sender.message(first, last), self.now)], self.now)

    def hand_over(self) -> None:
        """Let the channel have what is owed, and leave it in its queue."""
        self.channel.slow = True
        self.outbox.round(self.now)
        self.channel.slow = False

    def texts(self) -> list[str]:
        """Run the outbox and return what the channel has by now."""
        self.outbox.round(self.now)
        return [text for _, text in self.channel.taken.values()]

    def owed(self) -> int:
        """Return how many notices there are, once what is due has been made of the alarms."""
        self.outbox._escalate(self.now)
        with read(self.database) as conn:
            return len(conn.execute(select(notices)).all())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk in an empty folder."""
    made = Desk(tmp_path)
    yield made
    made.history.close()


def story(values: list[int], rules: list[dict[str, Any]] | None = None) -> Sender:
    """A stream with one value a minute behind its settings."""
    sender = Sender()
    sender.settings(rules=rules)
    for minute, value in enumerate(values):
        sender.reading(minute, value)
    return sender


def test_everybody_is_told_once_of_opening_and_recovery(desk: Desk) -> None:
    """Three people, two messages each, however often the hub starts anew."""
    sender = story([5_000] * 2 + [9_000] * 15 + [5_000] * 15)

    for seq in range(1, 33):
        desk.send(sender, seq, seq)
        desk.restart()
        desk.texts()

    assert sorted(desk.texts()) == sorted(
        f"{person}: {what} test/out"
        for person in ("li", "wang", "amy")
        for what in ("open", "over")
    )


def test_a_return_within_ten_minutes_is_not_told_anew(desk: Desk) -> None:
    """Out, in for five minutes, out again: one opening, one recovery, two excursions."""
    sender = story([9_000] * 12 + [5_000] * 5 + [9_000] * 12 + [5_000] * 12)

    desk.send(sender, 1, len(sender.bodies))

    assert desk.texts() == [f"{who}: open test/out, over test/out" for who in ("li", "wang", "amy")]
    with read(desk.database) as conn:
        rows = listing(conn)
    assert len(rows) == 2
    assert {row.thread for row in rows} == {rows[-1].id}
    assert all(row.recovered_at for row in rows)


def test_recovery_waits_for_the_last_rule(desk: Desk) -> None:
    """While one rule still sees trouble on that side, nobody hears that it is over."""
    wide = RULES[0] | {"id": "test/wide", "above": 7_000, "holds": False}
    sender = story([9_000] * 12 + [7_500] * 15 + [5_000] * 15, [RULES[0], wide])

    desk.send(sender, 1, 28)
    assert not [text for text in desk.texts() if "over" in text]

    desk.send(sender, 29, 43)
    assert [text for text in desk.texts() if "over" in text] == [
        f"{who}: over test/wide" for who in ("li", "wang", "amy")
    ]


def test_a_rule_that_tells_nobody_owes_nothing(desk: Desk) -> None:
    """Panel rules make excursions and no notices."""
    sender = story([9_000] * 15, [RULES[0] | {"tells": False}])

    desk.send(sender, 1, 16)

    assert desk.texts() == []
    assert desk.owed() == 0


def test_a_dead_channel_loses_and_doubles_nothing(desk: Desk) -> None:
    """Refused by the channel, notices wait; when it works again each goes out once."""
    sender = story([9_000] * 15)
    desk.channel.down = "no modem"
    desk.send(sender, 1, 16)

    for _ in range(3):
        assert desk.texts() == []
    desk.restart()
    desk.channel.down = ""

    assert len(desk.texts()) == 3
    assert len(desk.texts()) == 3
    with read(desk.database) as conn:
        assert [entry.type for entry in journal.entries(conn, types="channel.")] == [
            "channel.failing",
            "channel.working",
        ]


def test_killed_between_hand_over_and_commit_nothing_is_doubled(desk: Desk) -> None:
    """The channel has the message, the hub forgot: it asks by the same key."""
    sender = story([9_000] * 15)
    desk.send(sender, 1, 16)
    desk.texts()
    with write(desk.database) as conn:
        conn.execute(sms.update().values(state="waiting", handed_at=None, sent_at=None))
    desk.restart()

    assert len(desk.texts()) == 3


def test_a_channel_that_forgot_gets_the_message_again(desk: Desk) -> None:
    """A new modem database has not the message that the old one had queued."""
    sender = story([9_000] * 15)
    desk.send(sender, 1, 16)
    desk.channel.outcomes = dict.fromkeys(desk.channel.taken, Outcome("queued"))
    desk.hand_over()
    desk.channel.taken.clear()

    desk.texts()

    assert len(desk.texts()) == 3


def test_a_refused_message_blocks_no_other(desk: Desk) -> None:
    """One number is refused: the entry says so, and the other two are sent."""
    sender = story([9_000] * 15)
    desk.send(sender, 1, 16)
    desk.hand_over()
    bad = next(key for key, (to, _) in desk.channel.taken.items() if to.endswith("2"))
    desk.channel.outcomes[bad] = Outcome("refused", "unknown number")

    progress = desk.outbox.round(desk.now)

    assert (progress.sent, progress.refused, progress.waiting) == (2, 1, 0)
    with read(desk.database) as conn:
        (entry,) = journal.entries(conn, types="sms.refused")
    assert entry.body == {"reason": "unknown number"}


def test_queued_for_a_minute_is_a_failing_channel(desk: Desk) -> None:
    """A message that lies in the channel's queue for 60 s is an alarm of its own, once."""
    sender = story([9_000] * 15)
    desk.send(sender, 1, 16)
    desk.hand_over()
    desk.channel.outcomes = dict.fromkeys(desk.channel.taken, Outcome("queued"))

    for seconds in (30, 61, 90):
        desk.outbox.round(desk.now + seconds * 1_000)
    desk.channel.outcomes = {}
    desk.outbox.round(desk.now + 100_000)

    with read(desk.database) as conn:
        assert [entry.type for entry in journal.entries(conn, types="channel.")] == [
            "channel.failing",
            "channel.working",
        ]


def test_somebody_who_left_the_settings_is_seen(desk: Desk) -> None:
    """A notice to a person who is no longer there ends as refused, and the others are told."""
    sender = story([9_000] * 15)
    desk.send(sender, 1, 16)
    desk.settings = desk.settings.model_copy(update={"people": desk.settings.people[:2]})
    desk.restart()

    assert len(desk.texts()) == 2
    with read(desk.database) as conn:
        states = conn.execute(select(sms.c.person, sms.c.state).order_by(sms.c.person)).all()
    assert [tuple(row) for row in states] == [("amy", "refused"), ("li", "sent"), ("wang", "sent")]


def test_told_lists_what_was_sent_and_nothing_else(desk: Desk) -> None:
    """Queued is not told; sent is; a day after its end it is listed no longer."""
    sender = story([9_000] * 15 + [5_000])
    desk.send(sender, 1, 17)
    with read(desk.database) as conn:
        (row,) = listing(conn)
        assert told(conn, "pi-1", desk.now) == []
    desk.texts()
    with read(desk.database) as conn:
        assert told(conn, "pi-1", desk.now) == [row.id]
        assert told(conn, "pi-2", desk.now) == []
        assert told(conn, "pi-1", desk.now + 25 * 60 * MINUTE) == []


class TestLostContact:
    def rounds(self, desk: Desk, first: int, last: int) -> None:
        """Let the watch look every minute from one minute to another."""
        for minute in range(first, last + 1):
            desk.now = START + minute * MINUTE
            with write(desk.database) as conn:
                desk.watch.round(conn, desk.now)

    def hear(self, desk: Desk, minute: int) -> None:
        """Let the device say something."""
        desk.now = START + minute * MINUTE
        topic = "coldwatch/1/east-gate/pi-1/status"
        payload = b'{"v":1,"state":"online"}'
        desk.intake.take([Incoming(topic, payload, desk.now)], desk.now)

    def test_a_silent_device_is_told_and_told_back(self, desk: Desk) -> None:
        """15 minutes of nothing are told once; ten minutes of contact end it."""
        self.hear(desk, 1)
        self.rounds(desk, 1, 15)
        assert desk.texts() == []

        self.rounds(desk, 16, 40)
        assert desk.texts() == [f"{who}: open hub/lost-contact" for who in ("li", "wang", "amy")]

        for minute in range(41, 55):
            self.hear(desk, minute)
            self.rounds(desk, minute, minute)
        assert desk.texts()[3:] == [
            f"{who}: over hub/lost-contact" for who in ("li", "wang", "amy")
        ]

    def test_a_link_that_comes_and_goes_is_one_story(self, desk: Desk) -> None:
        """Back for five minutes and lost again: nobody is told twice, and all ends once."""
        self.hear(desk, 1)
        self.rounds(desk, 1, 20)
        self.hear(desk, 21)
        self.rounds(desk, 21, 40)
        assert len(desk.texts()) == 3

        for minute in range(41, 55):
            self.hear(desk, minute)
            self.rounds(desk, minute, minute)
        assert len(desk.texts()) == 6
        with read(desk.database) as conn:
            assert [row.recovered_at is not None for row in listing(conn)] == [True, True]

    def test_a_hub_that_was_away_waits_before_it_cries(self, desk: Desk) -> None:
        """Started after an hour, the hub gives every device the full time to be heard."""
        self.hear(desk, 1)
        desk.watch = ContactWatch(desk.settings, START + 60 * MINUTE)

        self.rounds(desk, 60, 74)
        assert desk.owed() == 0
        self.rounds(desk, 75, 76)
        assert desk.owed() == 3

    def test_the_brokers_word_is_not_the_devices(self, desk: Desk) -> None:
        """The last will that the broker publishes does not count as contact."""
        self.hear(desk, 1)
        desk.now = START + 10 * MINUTE
        topic = "coldwatch/1/east-gate/pi-1/status"
        desk.intake.take([Incoming(topic, b'{"v":1,"state":"offline"}', desk.now)], desk.now)

        self.rounds(desk, 11, 17)
        assert desk.owed() == 3
