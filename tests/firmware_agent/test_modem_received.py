"""What people answer to the agent's own modem: recorded for the hub, and only then forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from firmware_agent.chain import Draft
from firmware_agent.health import Health
from firmware_agent.modem import _HEARD_AN_HOUR, ModemPart, received
from firmware_agent.panel import PanelState, Progress
from firmware_agent.parts import Context, Cycle
from protocol.canonical import check_canonical
from tests.firmware_agent.channels import AnsweringChannel
from tests.firmware_agent.test_modem import SETTINGS, STREAM
from tests.firmware_agent.worlds import HandClock, make_plan


class World:
    """The part with a channel that outlives it; the thread's rounds are made by hand."""

    def __init__(self, folder: Path, channel: AnsweringChannel) -> None:
        self.clock = HandClock()
        context = Context(SETTINGS, make_plan(folder), self.clock, Health(), lambda: None)
        self.part = ModemPart(context, channel, "b" * 32)
        self.seconds = 0.0

    def drafts(self, after_ms: int = 10_000) -> list[dict[str, Any]]:
        """Have what came in fetched, and return the bodies of what a cycle would record."""
        self.seconds += after_ms / 1000
        self.part._teller.round(self.seconds)
        self.clock.pass_ms(after_ms)
        cycle = Cycle(self.clock.now_ms(), self.clock.mono_ms(), True, [])
        return [body(draft) for draft in self.part.drafts(cycle)]

    def committed(self, *problems: str) -> None:
        """Let the cycle end: with the records on the disk, unless the spool has a problem."""
        progress = Progress(STREAM, 10, 10, frozenset(), frozenset())
        self.part.show(PanelState("inside", False, None, (), frozenset(), 0, problems, progress))


def body(draft: Draft) -> dict[str, Any]:
    """Return what an event says."""
    assert draft.fields["event"] == "modem.received"
    said: dict[str, Any] = draft.fields["body"]
    return said


@pytest.fixture
def channel() -> AnsweringChannel:
    """An inbox with one answer in it."""
    made = AnsweringChannel()
    made.put("1", "收到 4831")
    return made


def test_an_answer_is_recorded_once_and_then_forgotten(
    channel: AnsweringChannel, tmp_path: Path
) -> None:
    """With number, text and time; the channel keeps it until the record is on the disk."""
    world = World(tmp_path, channel)
    assert world.drafts() == [
        {
            "key": "1", "sender": "+8613900000001", "text": "收到 4831",
            "received_at": 1_764_000_000_000, "left_out": 0,
        }
    ]  # fmt: skip
    assert channel.inbox
    world.committed()
    assert world.drafts() == []
    assert channel.inbox == {}
    assert world.drafts() == []


def test_what_the_disk_did_not_take_is_kept(channel: AnsweringChannel, tmp_path: Path) -> None:
    """While the spool cannot commit it is not recorded in every cycle, and not forgotten either."""
    world = World(tmp_path, channel)
    assert len(world.drafts()) == 1
    world.committed("spool: the disk is full")
    assert world.drafts() == []
    assert channel.inbox
    world.committed()
    world.drafts()
    assert channel.inbox == {}


@pytest.mark.parametrize("after", ["drafts", "committed"])
def test_a_process_that_dies_records_it_again_and_loses_nothing(
    channel: AnsweringChannel, tmp_path: Path, after: str
) -> None:
    """Under the same key, by which the hub knows it again."""
    first = World(tmp_path, channel)
    drafts = first.drafts()
    if after == "committed":
        first.committed()
    again = World(tmp_path, channel)
    assert again.drafts() == drafts


def test_a_flood_costs_the_card_a_few_records(channel: AnsweringChannel, tmp_path: Path) -> None:
    """Thirty in an hour; the next one says how many were left out; all are forgotten."""
    world = World(tmp_path, channel)
    for number in range(2, 101):
        channel.put(str(number), "WIN A PRIZE", "10690000")
    assert len(world.drafts()) == _HEARD_AN_HOUR
    world.committed()
    world.drafts()
    assert channel.inbox == {}

    channel.put("101", "4831")
    (later,) = world.drafts(3_600_000)
    assert (later["text"], later["left_out"]) == ("4831", 100 - _HEARD_AN_HOUR)


def test_a_channel_that_is_broken_breaks_nothing(channel: AnsweringChannel, tmp_path: Path) -> None:
    """It is asked again."""
    world = World(tmp_path, channel)
    channel.sent.broken = "no modem"
    assert world.drafts() == []
    channel.sent.broken = ""
    assert len(world.drafts()) == 1


def test_any_text_makes_a_record(channel: AnsweringChannel) -> None:
    """Lone surrogates and novels: a record that cannot be hashed would stop the agent's cycle."""
    channel.put("2", "\ud800" + "长" * 5_000, "\udfff" * 99)
    said = received(channel.inbox["2"], 0)
    check_canonical(said)
    assert (len(said["text"]), len(said["sender"])) == (1_000, 40)
