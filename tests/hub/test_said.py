"""The words of the outbox, with the real catalogue: each kind of message fits one SMS and says its thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.channels.contract import Outcome
from alerts.codes import code_of
from alerts.segments import fits_one
from hub.notices import Outbox
from hub.said import Matter, Saying
from hub.wording import Wording
from journal.database import read
from tests.hub.test_escalating import County, plan, storm, warm
from tests.hub.test_notices import story
from tests.support.sender import MINUTE, START

AMY = {"to": ["amy", "li"], "repeat": "10min"}
ZHAO = {"id": "zhao", "name": "Zhao", "phone": "+8613900000004", "language": "en"}


class Worded(County):
    """A county that speaks with the real words, mostly to Amy, in English."""

    def restart(self) -> None:
        """Forget what is only in memory."""
        saying = Saying(self.settings, Wording(self.settings, self.intake.newest))
        channels: Any = {"modem": self.channel, **self.others} if self.others else self.channel
        self.outbox = Outbox(self.settings, self.database, channels, saying.say)

    def english(self, begin: int = 0) -> list[str]:
        """Return what came to people who read English, since so many messages."""
        texts = [text for _, text in self.came[begin:]]
        assert all(fits_one(text) for text in texts)
        return [text for text in texts if text.isascii()]


@pytest.fixture
def county(tmp_path: Path) -> Iterator[Worded]:
    """Amy and Li are told first, Zhao after a quarter of an hour."""
    people = [
        {"id": "li", "name": "李娜", "phone": "+8613900000001"},
        {"id": "amy", "name": "Amy", "phone": "+8613900000003", "language": "en"},
        ZHAO,
    ]
    steps = [AMY, {"after": "15min", "to": ["zhao"]}]
    made = Worded(
        tmp_path, "cloud", people=people, escalations=[{"id": "county", "steps": steps}],
        site={"duty": []}, way_test="23:00",
    )  # fmt: skip
    yield made
    made.history.close()


def test_steps_say_why_they_come(county: Worded) -> None:
    """Opening, repeat and escalation bear the code; the last one says that nobody answered."""
    warm(county)
    county.until(11, 25)
    code = code_of(county.alarm().id)

    opening, repeat, escalated = county.english()
    assert "Fridge 1" in opening
    assert all(code in text for text in (opening, repeat, escalated))
    assert opening != repeat
    assert escalated.startswith("NOT ANSWERED")


def test_an_answer_its_end_and_the_recovery(county: Worded) -> None:
    """Amy answers: Zhao is not woken; half an hour later it goes on."""
    warm(county)
    county.acknowledge(12, "amy")
    county.until(12, 41)
    assert len(county.english()) == 1
    county.until(42, 42)
    assert "Amy" in county.english()[1]


def test_others_hear_who_answers(county: Worded) -> None:
    """Li answers, Amy need do nothing."""
    warm(county)
    county.acknowledge(12, "li")
    county.until(12, 12)
    assert "李娜" in [text for _, text in county.came][-1]


def test_a_storm_is_counted(county: Worded) -> None:
    """The second message names some and counts the others, with one code."""
    sender = storm(9)
    county.send(sender, 1, len(sender.bodies))
    county.until(11, 12, 0.25)

    first, second = county.english()
    assert "fridge" in first.lower()
    assert "8" in second


def test_who_was_not_reached_is_named(county: Worded) -> None:
    """Zhao hears why she is told now."""
    sender = story([9_000] * 11)
    county.send(sender, 1, len(sender.bodies))
    for each in (county.channel, county.others["cloud"]):
        each.slow = True
    county.at(10)
    for each in (county.channel, county.others["cloud"]):
        each.slow = False
    for key, (to, _) in county.channel.taken.items():
        if to.endswith("1"):
            county.channel.outcomes[key] = Outcome("refused", "unknown number")
            county.others["cloud"].outcomes[key] = Outcome("refused", "no such number")
    county.until(10.1, 11, 0.1)

    assert [text for _, text in county.came if "李娜" in text and "Fridge 1" in text]


def test_work_that_is_over_is_said(county: Worded) -> None:
    """The end is enforced, in words."""
    plan(county, 0, 30)
    warm(county)
    county.until(30, 30)

    (text,) = county.english()
    assert "Fridge 1" in text
    assert code_of(county.alarm().id) in text


def test_a_channel_that_fails_is_named(county: Worded) -> None:
    """And which one is used instead."""
    county.channel.down = "no modem"
    warm(county)
    county.until(11, 11)
    assert any("modem" in text and "cloud" in text for text in county.english())


def test_all_whom_a_test_has_not_reached_are_named(county: Worded) -> None:
    """One message of several people, whether they were refused or nothing confirms it."""
    saying = Saying(county.settings, Wording(county.settings, county.intake.newest))
    amy = next(each for each in county.settings.people if each.id == "amy")

    def said(happening: str, *facts: dict[str, str]) -> str:
        with read(county.database) as conn:
            matters = [Matter(happening, "east-gate", facts=each) for each in facts]
            return saying.say(conn, amy, matters, START)

    refused = {"missed": "zhao", "reason": "number refused"}
    failed = {"missed": "ben", "reason": "not delivered"}
    assert "DO NOT REACH Zhao: number refused." in said("unreachable", refused)
    assert "DO NOT REACH Zhao, ben: not delivered." in said(
        "unreachable", refused | {"reason": "not delivered"}, failed
    )
    assert "DO NOT REACH Zhao, ben." in said("unreachable", refused, failed)

    several = [{"missed": f"{n}" * 40, "reason": "no way out"} for n in range(3)]
    with read(county.database) as conn:
        matters = [Matter("unreachable", "east-gate", facts=each) for each in several]
        li = next(each for each in county.settings.people if each.id == "li")
        text = saying.say(conn, li, matters, START)
    assert "0" * 40 + "及另2人" in text
    assert fits_one(text)

    tests = [
        {"missed": who, "channel": by}
        for who, by in (("zhao", "modem"), ("ben", "modem"), ("zhao", "cloud"))
    ]
    assert "the TEST by modem reached: Zhao, ben." in said("unconfirmed", *tests[:2])
    assert "the monthly TEST reached: Zhao, ben." in said("unconfirmed", *tests)
    poor = [{"channel": "modem", "need": need} for need in ("signal", "credit")]
    assert said("channel-poor", *poor).startswith("East Gate: ")
    assert "modem signal weak; modem credit low." in said("channel-poor", *poor)


def test_daily_and_monthly_texts(county: Worded, tmp_path: Path) -> None:
    """They are worded from the hub's own tables."""
    site = county.settings.sites[0].model_copy(update={"all_well": 9 * 60})
    county.settings = county.settings.model_copy(update={"sites": [site], "way_test": 10 * 60})
    sender = story([5_000] * 60)
    county.send(sender, 1, len(sender.bodies))
    county.now = START + 61 * MINUTE
    county.until(61, 61)
    county.until(121, 122)

    assert len(county.english()) >= 2
    assert tmp_path.exists()
