"""A site that is watched by cn-gsp and whose first step has fewer than three numbers is spoken of."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hub.lineup import LineupWatch
from journal import journal
from journal.database import read, write
from tests.hub.test_notices import Desk
from tests.support.sender import MINUTE, RULES, START, Sender


def look(desk: Desk, watch: LineupWatch, minute: int) -> int:
    """Let the watch look."""
    with write(desk.database) as conn:
        steps = watch.round(conn, START + minute * MINUTE)
    watch.say()
    return steps


def test_it_is_said_once_and_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The rules come with the stream; who is told stands in hub.toml; a restart says nothing new."""
    desk = Desk(tmp_path)
    sender = Sender()
    sender.settings(rules=[RULES[0] | {"id": "cn-gsp/out-of-range"}])
    desk.send(sender, 1, 1)
    site = desk.settings.sites[0]
    few = site.model_copy(update={"tell": ["li", "wang"]})
    short = desk.settings.model_copy(update={"sites": [few]})

    with caplog.at_level(logging.WARNING, "hub.lineup"):
        assert look(desk, LineupWatch(desk.settings), 0) == 0
        watch = LineupWatch(short)
        assert [look(desk, watch, minute) for minute in (1, 2, 3)] == [1, 0, 0]
        assert look(desk, LineupWatch(short), 4) == 0
        assert look(desk, LineupWatch(desk.settings), 5) == 1

    assert caplog.messages == [
        (
            "the first step of site east-gate reaches 2 telephone numbers, and cn-gsp demands at "
            "least 3 different ones; add people to it"
        ),
        "the first step of site east-gate reaches enough people again",
    ]
    with read(desk.database) as conn:
        types = [entry.type for entry in journal.entries(conn, types="site.")]
    assert types == ["site.short", "site.enough"]
    desk.history.close()


def test_other_profiles_demand_nothing(tmp_path: Path) -> None:
    """One person may do for WHO's rules."""
    desk = Desk(tmp_path)
    sender = Sender()
    sender.settings()
    desk.send(sender, 1, 1)
    few = desk.settings.sites[0].model_copy(update={"tell": ["li"]})

    short = desk.settings.model_copy(update={"sites": [few]})
    assert look(desk, LineupWatch(short), 0) == 0
    desk.history.close()
