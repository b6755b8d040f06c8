"""Which channels fail: what other threads see of it, and what a database that goes away leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import channel_states
from hub.chains import Chains
from hub.channel_states import ChannelStates
from journal import journal
from journal.database import DatabaseError, read
from tests.hub.test_notices import Desk, Recorder, story
from tests.support.instructions import between_instructions


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with two channels in an empty folder."""
    made = Desk(tmp_path, others={"cloud": Recorder()})
    yield made
    made.history.close()


@pytest.fixture
def states(desk: Desk) -> ChannelStates:
    """What is known of its channels."""
    return ChannelStates(desk.database, ["modem", "cloud"], Chains(desk.settings))


def test_other_threads_may_ask_at_any_time(states: ChannelStates) -> None:
    """The heartbeat and the figures ask while a channel begins to fail, or works again."""
    seen: list[dict[str, str]] = []

    with between_instructions(channel_states, lambda: seen.append(states.failing)):
        states.says("modem", "no modem")
        states.round({"modem"}, set(), {}, 1_000)
        states.says("modem", "no SIM")
        states.round(set(), {"modem"}, {}, 2_000)

    steps = [one for one, next_ in zip(seen, [*seen[1:], None], strict=True) if one != next_]
    assert steps == [{}, {"modem": "no modem"}, {"modem": "no SIM"}, {}]


def test_a_database_that_goes_away_loses_no_change(
    desk: Desk, states: ChannelStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known is what was entered: what could not be is entered, and told, with the next round."""

    def away(*_: object) -> Any:
        raise DatabaseError("hub.db", "the server is away")

    def round_(down: set[str], worked: set[str]) -> int:
        before = states.failing
        with monkeypatch.context() as broken:
            broken.setattr(channel_states, "write", away)
            with pytest.raises(DatabaseError):
                states.round(down, worked, {}, 1_000)
        assert states.failing == before
        return states.round(down, worked, {}, 2_000)

    states.says("modem", "no modem")
    assert round_({"modem"}, set()) == 3
    assert states.failing == {"modem": "no modem"}
    assert round_(set(), {"modem"}) == 3
    assert states.failing == {}
    with read(desk.database) as conn:
        assert [entry.type for entry in journal.entries(conn, types="channel.")] == [
            "channel.failing",
            "channel.working",
        ]


def test_how_long_ago_it_failed_is_known(desk: Desk, states: ChannelStates) -> None:
    """By the newest failure; a hub that begins anew knows of the first."""
    hour = channel_states.LATELY_MS
    states.round({"modem"}, set(), {}, 1_000)
    states.round(set(), set(), {"cloud": 2}, 2_000)
    states.round({"modem"}, set(), {}, 9_000)

    assert states.failed_lately(8_999 + hour) == {"modem"}
    assert states.failed_lately(1_999 + hour) == {"modem", "cloud"}
    assert states.failed_lately(9_000 + hour) == set()
    anew = ChannelStates(desk.database, ["modem", "cloud"], Chains(desk.settings))
    assert anew.failed_lately(1_999 + hour) == {"cloud"}
    assert anew.failing.keys() == {"modem", "cloud"}


def test_that_it_worked_is_remembered_over_a_round_that_breaks_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a channel would count as failing until somebody is told something again."""

    def away(*_: object) -> Any:
        raise DatabaseError("hub.db", "the server is away")

    desk.others = {}
    desk.restart()
    desk.channel.down = "no modem"
    desk.send(story([9_000] * 15), 1, 16)
    desk.outbox.round(desk.now)
    assert desk.outbox.failing == "no modem"

    desk.channel.down = ""
    with monkeypatch.context() as broken:
        broken.setattr("hub.sending.Sending._reports", away)
        with pytest.raises(DatabaseError):
            desk.outbox.round(desk.now + 1_000)
    desk.outbox.round(desk.now + 2_000)

    assert desk.outbox.failing == ""
