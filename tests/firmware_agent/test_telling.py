"""Seeing SMS through: the book on the card, and the thread that hands over and asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.channels.contract import ChannelError, Outcome
from firmware_agent.telling import Book, Message, Teller
from tests.firmware_agent.channels import MemoryChannel


def message(key: str = "own-e1-opened-li", **changes: object) -> Message:
    """Return what Li is owed."""
    made = Message(key, "li", "+8613900000001", "冰箱", "opened", ["e1"], 1)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Rig:
    """A teller that the test turns by hand."""

    def __init__(self, path: Path, channel: MemoryChannel) -> None:
        self.problems: list[str | None] = []
        self.book = Book.open(path)
        self.teller = Teller(self.book, channel, self.problems.append)

    def state(self, key: str = "own-e1-opened-li") -> str:
        """Return what has become of a message."""
        return self.book.messages[key].state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the book is."""
    return tmp_path / "modem.json"


def test_a_message_is_handed_over_and_followed(path: Path) -> None:
    """Handed over under its key, asked about, and sent."""
    channel = MemoryChannel()
    channel.outcomes["own-e1-opened-li"] = Outcome("queued")
    rig = Rig(path, channel)
    rig.teller.add([message()])

    rig.teller.round(0.0)
    assert rig.state() == "handed"
    assert channel.taken == {"own-e1-opened-li": ("+8613900000001", "冰箱")}
    del channel.outcomes["own-e1-opened-li"]
    rig.teller.round(1.0)
    assert rig.state() == "sent"
    assert set(rig.problems) == {None}


def test_whoever_is_killed_in_between_tells_once(path: Path) -> None:
    """Owed, killed; handed over, killed before that was written: one SMS, and it is known as sent."""
    channel = MemoryChannel()
    Rig(path, channel).teller.add([message()])
    # A second one hands over, and its book is lost with it: the card took nothing.
    before = path.read_bytes()
    Rig(path, channel).teller.round(0.0)
    path.write_bytes(before)

    third = Rig(path, channel)
    third.teller.add([message(text="written anew")])
    third.teller.round(0.0)
    assert third.state() == "sent"
    assert list(channel.taken.values()) == [("+8613900000001", "冰箱")]


def test_what_the_channel_refused_is_tried_again_later_under_another_key(path: Path) -> None:
    """After a minute, then two; the reason is on health until it is sent."""
    channel = MemoryChannel()
    channel.outcomes["own-e1-opened-li"] = Outcome("refused", "no network", 1)
    rig = Rig(path, channel)
    rig.teller.add([message()])
    rig.teller.round(0.0)
    assert rig.problems[-1] == "an SMS to li was refused: no network"
    rig.teller.round(59.0)
    assert len(channel.taken) == 1
    assert rig.problems[-1] == "an SMS to li was refused: no network"
    rig.teller.round(60.0)
    assert list(channel.taken) == ["own-e1-opened-li", "own-e1-opened-li~2"]
    assert rig.state() == "sent"
    rig.teller.round(61.0)
    assert rig.problems[-1] is None


def test_it_gives_up_in_the_end(path: Path) -> None:
    """A number that does not exist does not cost an SMS an hour for ever."""
    channel = MemoryChannel()
    rig = Rig(path, channel)
    rig.teller.add([message()])
    for n in range(20):
        key = rig.book.messages["own-e1-opened-li"].channel_key
        channel.outcomes[key] = Outcome("refused", "unknown number", 1)
        rig.teller.round(n * 4_000.0)
    assert rig.state() == "refused"
    assert len(channel.taken) == 12


def test_a_channel_that_stalls_or_is_broken_is_told(path: Path) -> None:
    """Queued for a minute, or not taken at all: on health, tried again, and taken back when well."""
    channel = MemoryChannel()
    channel.broken = "the database is locked"
    rig = Rig(path, channel)
    rig.teller.add([message()])
    assert rig.teller.round(0.0) < 10
    assert rig.problems[-1] == "SMS cannot be handed over: the database is locked"
    channel.broken = ""
    channel.outcomes["own-e1-opened-li"] = Outcome("queued", "gammu-smsd does not run")
    rig.teller.round(5.0)
    assert rig.problems[-1] is None
    rig.teller.round(65.0)
    assert rig.problems[-1] is not None
    assert "queued for more than a minute: gammu-smsd does not run" in rig.problems[-1]
    del channel.outcomes["own-e1-opened-li"]
    rig.teller.round(66.0)
    assert (rig.state(), rig.problems[-1]) == ("sent", None)


def test_what_the_channel_forgot_is_handed_over_again(path: Path) -> None:
    """Its database was made anew before it had sent."""
    channel = MemoryChannel()
    channel.outcomes["own-e1-opened-li"] = Outcome("queued")
    rig = Rig(path, channel)
    rig.teller.add([message()])
    rig.teller.round(0.0)
    channel.taken.clear()
    rig.teller.round(1.0)
    assert rig.state() == "waiting"
    rig.teller.round(2.0)
    assert rig.state() == "handed"


def test_what_somebody_else_told_is_taken_back_only_before_it_is_handed_over(path: Path) -> None:
    """The hub told it while our modem was broken."""
    channel = MemoryChannel()
    channel.broken = "no modem"
    rig = Rig(path, channel)
    rig.teller.add([message(), message("own-e2-opened-li", state="handed")])
    rig.teller.spare(list(rig.book.messages), "told meanwhile")
    assert [rig.state(key) for key in rig.book.messages] == ["spared", "handed"]


def test_what_an_earlier_process_owed_is_not_taken_back(path: Path) -> None:
    """It may be with the channel: that it was spared would be a guess."""
    channel = MemoryChannel()
    Rig(path, channel).teller.add([message()])
    rig = Rig(path, channel)
    rig.teller.spare(list(rig.book.messages), "told meanwhile")
    assert rig.state() == "waiting"
    rig.teller.round(0.0)
    assert rig.state() == "sent"


def test_a_card_that_takes_nothing_costs_no_message(tmp_path: Path) -> None:
    """It is told, and the message goes out from memory."""
    file = tmp_path / "file"
    file.write_text("no folder")
    channel = MemoryChannel()
    rig = Rig(file / "modem.json", channel)
    rig.teller.add([message()])
    rig.teller.round(0.0)
    assert rig.state() == "sent"
    rig.teller.round(1.0)
    assert rig.problems[-1] is not None
    assert "in memory only" in rig.problems[-1]


def test_a_damaged_book_is_kept_aside(path: Path) -> None:
    """Evidence stays; a new book is begun."""
    path.write_text('{"messages": [{"key": 1}]}')
    book = Book.open(path)
    assert book.messages == {}
    assert [item.name.partition(".corrupt-")[0] for item in path.parent.iterdir()] == ["modem.json"]


def test_settled_messages_do_not_pile_up(path: Path) -> None:
    """The newest two hundred stay, and whatever is not in the stream yet."""
    book = Book.open(path)
    for n in range(300):
        book.messages[f"k{n}"] = message(f"k{n}", state="sent", recorded=n != 3)
    book.save()
    assert len(Book.open(path).messages) == 201
    assert "k3" in book.messages


class _Choking(MemoryChannel):
    """A channel that cannot digest one message, by a bug of ours."""

    def submit(self, key: str, to: str, text: str) -> None:
        """Fail with the one, take the others."""
        if key.startswith("own-e0"):
            raise ValueError("a message needs text")
        super().submit(key, to, text)


def test_a_message_that_cannot_be_handed_over_keeps_no_other_waiting(path: Path) -> None:
    """It is tried again later and told; the one behind it goes out at once."""
    rig = Rig(path, _Choking())
    rig.teller.add([message("own-e0-opened-li"), message()])
    rig.teller.round(0.0)
    assert rig.state() == "sent"
    assert rig.state("own-e0-opened-li") == "waiting"
    assert rig.problems[-1] == "an SMS to li was refused: ValueError: a message needs text"
    rig.teller.round(1.0)
    assert rig.book.messages["own-e0-opened-li"].tries == 2, "a minute, then two"


class _Attended(MemoryChannel):
    """A channel behind which a service must be at work."""

    away = ""

    def absence(self) -> str:
        """Say what the test has set."""
        if self.broken:
            raise ChannelError(retryable=True, reason=self.broken)
        return self.away


def test_a_modem_that_is_dead_is_told_before_it_is_needed(path: Path) -> None:
    """At the second look a minute later, and no longer when it is back."""
    channel = _Attended()
    rig = Rig(path, channel)

    def told(second: float) -> str | None:
        rig.teller.round(second)
        return rig.problems[-1]

    assert told(0.0) is None
    channel.away = "gammu-smsd was last at work yesterday"
    assert told(60.0) is None
    assert told(90.0) is None
    assert told(120.0) == "no SMS would get out: gammu-smsd was last at work yesterday"
    assert told(125.0) == "no SMS would get out: gammu-smsd was last at work yesterday"
    channel.away = ""
    assert told(180.0) is None
    channel.broken = "the database is damaged"
    assert told(240.0) is None
    assert told(300.0) == "no SMS would get out: the database is damaged"
