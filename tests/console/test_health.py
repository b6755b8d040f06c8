"""The page of health: what the hub says of itself, or why it says nothing, and what is set aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from config.loopback import LoopbackPages
from hub.health import HEALTH, Books, Health, Live
from hub.presence import Presence
from hub.way_tests import Standing
from tests.console.client import Client, Reader
from tests.console.story import Filled

LIVE = Live(
    version="0.1.0", since=0, broker="127.0.0.1:1883", connected=True, connected_since=0,
    history="influxdb", history_up=True, history_since=0, history_reason="", database_reason="",
    database_errors=0, waiting=0, waiting_bytes=0, dropped={}, dropping=False,
    channel="gammu-smsd", channel_reason="",
)  # fmt: skip


class Answering:
    """A hub that says of itself what the test lets it say."""

    def __init__(self, health: Health) -> None:
        self.health = health

    def page(self) -> tuple[str, bytes]:
        """Answer."""
        return "application/json", HEALTH.dump_json(self.health)


@pytest.fixture
def answering(story: Filled) -> Iterator[Answering]:
    """A healthy hub on the story's state directory."""
    hub = Answering(Health(story.now, LIVE, Books(heard=2), 8 * 10**10, 2 * 10**11, 60_000))
    pages = LoopbackPages("127.0.0.1", 0, {"/health": hub.page})
    with Presence(story.state_dir, story.now, pages.url):
        yield hub
    pages.close()


def test_a_hub_that_does_not_run_is_told_with_what_its_books_say(console: Client) -> None:
    """The page says first that nobody is told of anything, then streams, quarantine and notices."""
    answer = console.json("/api/health")

    assert not answer["running"]
    assert not answer["healthy"]
    assert answer["lines"][0]["code"] == "hub.away"
    assert {"devices.some", "streams.level", "quarantine.some", "sms.waiting"} <= {
        line["code"] for line in answer["lines"]
    }
    assert "The hub is not running Nobody is told" in console.text("/health")
    assert "中心服务没有运行" in console.text("/health", "zh")


def test_a_healthy_hub_is_called_well(console: Client, answering: Answering) -> None:
    """A hub that answers and has nothing bad is well, in both languages."""
    assert console.json("/api/health")["healthy"]
    assert "The hub is well" in console.text("/health")
    assert "中心服务正常" in console.text("/health", "zh")


TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "broker": ({"connected": False}, "no connection to 127.0.0.1:1883"),
    "history": ({"history_up": False, "history_reason": "refused"}, "takes nothing since"),
    "queue": ({"dropping": True, "dropped": {"hub full": 7}}, "7 messages dropped"),
    "channel": ({"channel_reason": "no signal"}, "nobody is told by SMS"),
    "database": ({"database_reason": "disk full"}, "disk full"),
}


@pytest.mark.parametrize("part", TROUBLES)
def test_each_trouble_is_shown_with_its_reason(
    console: Client, answering: Answering, part: str
) -> None:
    """What keeps the hub from its work is bad, alone, and says what it means."""
    change, said = TROUBLES[part]
    answering.health = replace(answering.health, live=replace(LIVE, **change))

    answer = console.json("/api/health")

    assert [
        line["code"].partition(".")[0] for line in answer["lines"] if line["level"] == "bad"
    ] == [part]
    assert said in console.text("/health")
    assert "Something is wrong" in console.text("/health")


def test_a_test_that_is_not_confirmed_is_shown_with_a_way_to_its_sms(
    console: Client, answering: Answering
) -> None:
    """Something to look at: whose, in both languages; the list of SMS has the rest."""
    tests = Standing(0, 3, 1, unheard=["li", "wang"])
    answering.health = replace(answering.health, books=Books(heard=2, tests=tests))

    assert "confirmed; not: li, wang show" in console.text("/health")
    assert "未确认：li, wang" in console.text("/health", "zh")
    assert '<a href="/sms">' in console.page("/health")
    assert console.json("/api/health")["healthy"]


def test_no_level_is_told_by_its_colour_alone(console: Client) -> None:
    """Each line has a word and a picture for how it is."""
    page = console.page("/health")
    lines = console.json("/api/health")["lines"]

    assert page.count('<span class="side is-') == len(lines)
    text = " ".join(Reader.of(page).texts)
    words = {"well": "Well", "look": "Look at it", "bad": "Bad"}
    assert all(words[line["level"]] in text for line in lines)


def test_a_hostile_answer_is_no_page(console: Client, answering: Answering) -> None:
    """What the hub passes on of others' words is escaped."""
    evil = replace(LIVE, channel_reason="<script>alert(1)</script>")
    answering.health = replace(answering.health, live=evil)

    page = console.page("/health")

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_answer_of_another_version_is_no_answer(
    console: Client, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that says what this console does not understand is told as such."""
    monkeypatch.setattr(answering, "health", replace(answering.health, at="noon"))  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="noon"):
        line = console.json("/api/health")["lines"][0]

    assert line["code"] == "hub.deaf"
    assert "another version" in line["text"]["en"]
