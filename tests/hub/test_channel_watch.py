"""Ways out that get worse: told in health before a message fails."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.channels.contract import ChannelError, Condition, Need, Outcome
from alerts.channels.log import LogChannel
from hub import channel_watch
from hub.channel_watch import EVERY_S, ChannelWatch
from hub.health import Books, Health, Live
from hub.health_lines import healthy, lines
from hub.health_words import text
from tests.support.instructions import between_instructions


class Modem:
    """A channel that says what it is told to say of itself."""

    def __init__(self) -> None:
        self.warning = self.absent = self.broken = ""
        self.needs: tuple[Need, ...] = ()
        self.asked = 0

    def submit(self, key: str, to: str, text: str, params: Mapping[str, str] | None = None) -> None:
        """Take nothing; no test hands anything over."""

    def outcome(self, key: str) -> Outcome | None:
        """Know nothing."""

    def absence(self) -> str:
        """Say whether its service is at work."""
        self.asked += 1
        if self.broken:
            raise ChannelError(retryable=True, reason=self.broken)
        return self.absent

    def condition(self) -> Condition:
        """Say how it is."""
        return Condition(self.warning, needs=self.needs)


@pytest.fixture
def modem() -> Modem:
    """A modem that is well."""
    return Modem()


@pytest.mark.parametrize("field", ["warning", "absent", "broken"])
def test_told_at_the_second_look(
    modem: Modem, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A weak signal, a service that is away, a database that cannot be read: said once each."""
    caplog.set_level(logging.WARNING)
    watch = ChannelWatch({"sms": modem})
    setattr(modem, field, "something")

    for look in range(4):
        watch.round(look * EVERY_S)
        assert watch.warning == ("something" if look else "")
    setattr(modem, field, "")
    watch.round(4 * EVERY_S)

    assert watch.warning == ""
    assert [record.getMessage() for record in caplog.records] == [
        "channel sms: something", "channel sms is well again",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("looks", "needs", "away"),
    [
        ("weak weak busy", ("signal",), False),
        ("weak weak busy weak busy", ("signal",), False),
        ("weak weak busy busy", (), True),
        # Two looks that were not well: it needs what one of them has shown.
        ("weak busy", ("signal",), False),
        ("busy weak", ("signal",), False),
        ("busy busy", (), True),
        ("busy", (), False),
    ],
)
def test_what_is_away_at_one_look_is_not_away(
    modem: Modem, looks: str, needs: tuple[Need, ...], away: bool
) -> None:
    """A database that was locked just once says nothing of the signal, nor of the service."""
    watch = ChannelWatch({"sms": modem})
    for minute, look in enumerate(looks.split()):
        modem.broken = "database is locked" if look == "busy" else ""
        modem.warning, modem.needs = "weak", ("signal",)
        watch.round(minute * EVERY_S)

    assert watch.needs.get("sms", ()) == needs
    assert watch.away == ({"sms"} if away else set())


def test_a_look_that_fails_in_whatever_way_ends_no_thread(
    modem: Modem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alarms go out by the thread that looks: a mistake in a channel is a trouble of that channel."""

    def broken() -> str:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(modem, "absence", broken)
    watch = ChannelWatch({"sms": modem})
    watch.round(0.0)
    watch.round(EVERY_S)

    assert watch.warning == "cannot be asked: RuntimeError"
    assert watch.away == {"sms"}


def test_it_says_when_what_it_knows_counts(modem: Modem) -> None:
    """That is at once where no channel can be asked."""
    watch = ChannelWatch({"sms": modem})
    for minute, looked in enumerate((False, True, True)):
        watch.round(minute * EVERY_S)
        watch.round(minute * EVERY_S + 1)
        assert watch.looked == looked

    assert ChannelWatch({"log": LogChannel()}).looked


def test_a_service_is_there_at_two_looks_behind_a_failure(modem: Modem) -> None:
    """Of a channel without one nobody knows."""
    watch = ChannelWatch({"modem": modem, "log": LogChannel()})
    there = []
    for minute, broken in enumerate(("", "", "", "", "locked", "", "")):
        modem.broken, modem.warning, modem.needs = broken, "weak", ("signal",)
        watch.round(minute * EVERY_S)
        if minute == 1:
            watch.failed("modem")
            watch.failed("log")
        there.append(bool(watch.there))

    assert there == [False, False, False, True, False, False, True]
    assert watch.there == {"modem"}


class Gateway(Modem):
    """A channel that knows of itself what its last try has shown."""

    lately = True

    def tried_lately(self) -> bool:
        """Say whether that was within the last hour."""
        return self.lately


def test_what_was_tried_long_ago_is_in_doubt() -> None:
    """A gateway without messages does not know whether it would take one."""
    gateway = Gateway()
    watch = ChannelWatch({"cloud": gateway, "modem": Modem()})
    gateway.lately = False
    assert watch.doubtful == set()
    gateway.absent = "no connection"
    for look in range(2):
        watch.round(look * EVERY_S)
    assert (watch.away, watch.doubtful) == ({"cloud"}, {"cloud"})
    gateway.lately = True
    assert (watch.away, watch.doubtful) == ({"cloud"}, set())


def test_it_is_asked_once_a_minute(modem: Modem) -> None:
    """The hub's thread goes round four times a second; the modem is left in peace."""
    watch = ChannelWatch({"sms": modem})
    for quarter in range(240):
        watch.round(1000.0 + quarter / 4)

    assert modem.asked == 1


def test_of_several_it_is_said_which(modem: Modem) -> None:
    """Others that say nothing of themselves are well."""
    watch = ChannelWatch({"modem": modem, "log": LogChannel()})
    modem.warning = "weak"
    for look in range(2):
        watch.round(look * EVERY_S)

    assert watch.warning == "modem: weak"


@pytest.mark.parametrize(
    ("said", "needs", "away"),
    [
        ({"warning": "weak", "needs": ("signal",)}, {"modem": ("signal",)}, set()),
        ({"warning": "odd"}, {"modem": ("other",)}, set()),
        ({"absent": "away"}, {}, {"modem"}),
        ({"broken": "locked"}, {}, {"modem"}),
        ({}, {}, set()),
    ],
)
def test_what_it_needs_is_known_apart_from_its_words(
    modem: Modem, said: dict[str, Any], needs: dict[str, tuple[Need, ...]], away: set[str]
) -> None:
    """For messages in two languages; one that cannot be asked needs nothing that is known."""
    watch = ChannelWatch({"modem": modem, "log": LogChannel()})
    for name, value in said.items():
        setattr(modem, name, value)
    watch.round(0.0)
    assert (watch.needs, watch.away) == ({}, set())
    watch.round(EVERY_S)

    assert (watch.needs, watch.away) == (needs, away)


def test_it_stands_in_the_hubs_health() -> None:
    """Something to look at, not an unhealthy hub: messages still leave."""
    live = Live(
        "1", 0, "b:1", True, 0, "sqlite", True, 0, "", "", 0, 0, 0, {}, False,
        "gammu-smsd, aliyun", "", "modem: the modem's signal is weak (9 %)",
    )  # fmt: skip
    health = Health(0, live, Books(), 10**12, 10**12, 60_000)

    (line,) = [one for one in lines(health) if one.subject == "channel"]
    assert line.level == "look"
    assert text(line, "en", ZoneInfo("UTC")) == (
        "gammu-smsd, aliyun, works, but see to it: modem: the modem's signal is weak (9 %)"
    )
    assert healthy(health)


def test_other_threads_may_ask_while_a_warning_ends(modem: Modem) -> None:
    """The figures ask while the thread that hands messages over takes note that all is well."""
    watch = ChannelWatch({"sms": modem})
    instructions = itertools.count()

    def looks_between(ends: int) -> bool:
        """Let the warning end before that instruction; tell whether there is one."""
        modem.warning = "weak"
        watch._looked_s = None
        watch.round(0.0)
        watch.round(EVERY_S)
        passed = itertools.count()

        def end() -> None:
            if next(passed) == ends:
                modem.warning = ""
                watch.round(2 * EVERY_S)

        with between_instructions(channel_watch, end):
            said = watch.warning
        assert said in {"weak", ""}
        return next(passed) > ends

    assert next(n for n in instructions if not looks_between(n)) > 10
