"""The monthly test up to its end: what is confirmed, what is not, who hears of it, who reads of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from alerts.channels.contract import Inbound, Outcome
from hub import way_tests
from hub.answers import Answers
from hub.chains import Chains
from hub.health import Books, Health
from hub.health_lines import lines
from hub.health_words import text as worded
from hub.tables import sms
from hub.way_tests import Standing, WayTests, standing
from journal.database import read
from tests.hub.test_escalating import PEOPLE, County
from tests.hub.test_notices import Recorder
from tests.support.sender import MINUTE, START

pytestmark = pytest.mark.usefixtures("each_database")


class Modem(Recorder):
    """A channel that has reports, and through which people can answer."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once: Outcome | None = None

    def outcome(self, key: str) -> Outcome | None:
        """Say what became of it; it may be known as soon as it was taken."""
        return super().outcome(key) if self.at_once is None else self.at_once

    def gives_reports(self) -> bool:
        """Say that it has them."""
        return True

    def received(self) -> list[Inbound]:
        """Return nothing: a test hands over itself what came in."""
        return []

    def becomes(self, end: str, outcome: Outcome) -> None:
        """Let that become of what it took for a number that ends so."""
        for key, (to, _) in self.taken.items():
            if to.endswith(end):
                self.outcomes[key] = outcome


DAY = 24 * 60
DELIVERED = Outcome("sent", delivery="delivered")
Make = Callable[..., tuple[County, Modem]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a county whose test is at minute 120; its first channel has reports."""
    made: list[County] = []

    def one(*channels: str, **more: Any) -> tuple[County, Modem]:
        county, modem = County(tmp_path, *channels, **({"way_test": "10:00"} | more)), Modem()
        county.channel = modem
        made.append(county)
        return county, modem

    yield one
    for each in made:
        each.history.close()


def ends(county: County) -> dict[str, str]:
    """Return how the test of each person stands in the books."""
    with read(county.database) as conn:
        rows = conn.execute(select(sms.c.person, sms.c.delivery).where(sms.c.text.like("%test")))
        return {row.person: row.delivery for row in rows}


def stands(county: County, minute: float) -> Standing:
    """Return how the newest test stands."""
    with read(county.database) as conn:
        return standing(conn, [each["id"] for each in PEOPLE], START + int(minute * MINUTE))


def test_what_nothing_confirms_is_entered_and_told_once(make: Make) -> None:
    """A quarter of an hour after it was sent: who, number, channel, test; all of them in one SMS."""
    county, modem = make()
    county.at(120)
    modem.becomes("3", DELIVERED)
    assert county.until(121, 134) == []
    came = county.until(135, 24 * 60, 5)

    # Amy is of the second step, and the one whom the test has reached.
    assert came == [(135, "amy: unconfirmed li, unconfirmed wang")]
    assert ends(county) == {"li": "unproven", "wang": "unproven", "amy": "delivered"}
    entries = county.entries("way.tested")
    assert [(one["result"], one["phone"], one["channel"], one["test"]) for one in entries] == [
        ("delivered", PEOPLE[2]["phone"], "sms", "2025-11"),
        ("unconfirmed", PEOPLE[0]["phone"], "sms", "2025-11"),
        ("unconfirmed", PEOPLE[1]["phone"], "sms", "2025-11"),
    ]


def test_where_nothing_is_confirmed_the_first_one_hears(make: Make) -> None:
    """That no report comes is no proof that nothing arrives."""
    county, _ = make()
    county.at(120)

    assert county.until(135, 180, 5) == [
        (135, "li: unconfirmed li, unconfirmed wang, unconfirmed amy")
    ]


def test_a_hub_that_was_away_asks_when_it_is_back(make: Make) -> None:
    """What is not known an hour later is not known; what was delivered meanwhile is."""
    county, modem = make()
    county.at(120)
    modem.becomes("1", DELIVERED)
    modem.becomes("3", DELIVERED)

    assert county.until(240, 250) == [(240, "li: unconfirmed wang")]


def test_who_was_refused_hears_of_nobody(make: Make) -> None:
    """A number that is refused is told at once, as ever, and its person is none to be told."""
    county, modem = make()
    modem.slow = True
    county.at(120)
    modem.becomes("1", Outcome("refused", "unknown number"))
    modem.slow = False
    assert county.until(121, 121) == [(121, "wang: unreachable li number refused")]
    modem.becomes("3", DELIVERED)

    assert county.until(122, 180) == [(136, "amy: unconfirmed wang")]


@pytest.mark.parametrize(
    ("leaves", "first"),
    [
        (150, (165, "amy: unconfirmed li, unconfirmed wang")),
        (250, (240, "wang: unconfirmed li")),
    ],
)
def test_it_waits_for_those_that_are_under_way(
    make: Make, leaves: int, first: tuple[int, str]
) -> None:
    """One message of all, also where one of them leaves later; but not for more than two hours."""
    county, modem = make()
    modem.slow = True
    county.at(120)
    modem.becomes("1", Outcome("sent"))
    modem.becomes("3", DELIVERED)
    came = county.until(121, leaves - 1)
    modem.becomes("2", Outcome("sent"))
    came += county.until(leaves, leaves + 20)

    assert came[0] == first


@pytest.mark.parametrize("reports", [True, False])
def test_a_channel_without_reports_is_no_news(make: Make, reports: bool) -> None:
    """Of the modem, which has them, it is told by name; of the cloud nobody hears."""
    county, modem = make("cloud")
    county.at(120)
    if reports:
        for end in "123":
            modem.becomes(end, DELIVERED)
    assert county.until(121, 122) == [(121, "li: way-test")]
    came = county.until(123, 240)

    missed = "li: unconfirmed li modem, unconfirmed wang modem, unconfirmed amy modem"
    assert came == ([] if reports else [(136, missed)])
    found = stands(county, 240)
    assert (found.count, found.confirmed, found.blind) == (4, 3 if reports else 0, 1)
    assert found.unheard == ([] if reports else ["li", "wang", "amy"])
    assert {each["channel"] for each in county.entries("way.tested")} == {"modem"}


def test_whoever_writes_back_has_got_it(make: Make) -> None:
    """By the hub's own modem and from the tested number; before the report is due, or days later."""
    county, _ = make()
    county.at(120)

    def writes(minute: float, number: str, **more: Any) -> None:
        answers = Answers(county.settings, county.database, lambda *_: "help")
        message = Inbound(f"{minute} {number}", PEOPLE[int(number) - 1]["phone"], "ok", 0)
        answers.take(message, START + int(minute * MINUTE), **more)

    writes(119, "1")
    writes(125, "2")
    # A device's own modem shows nothing of the hub's.
    writes(126, "3", site="east-gate", position=1)
    county.until(127, 140)
    assert ends(county) == {"li": "unproven", "wang": "answered", "amy": "unproven"}
    assert [text for _, text in county.came if "unconfirmed" in text] == [
        "wang: unconfirmed li, unconfirmed amy"
    ]

    writes(2 * 24 * 60, "3")
    county.at(2 * 24 * 60 + 1)
    writes(5 * 24 * 60, "1")
    county.at(5 * 24 * 60 + 1)
    assert ends(county) == {"li": "unproven", "wang": "answered", "amy": "answered"}
    results = [each["result"] for each in county.entries("way.tested")]
    assert results == ["unconfirmed", "answered", "unconfirmed", "answered"]


def test_a_report_that_comes_late_is_heeded_for_three_days(make: Make) -> None:
    """A telephone that was off: whoever looks reads that it was reached. Nobody hears of it again."""
    county, modem = make()
    county.at(120)
    county.until(135, 137)
    modem.becomes("1", DELIVERED)
    assert county.until(180, 200, 5) == []
    modem.becomes("2", DELIVERED)
    assert county.until(2 * DAY, 2 * DAY + 20, 5) == []

    assert ends(county) == {"li": "delivered", "wang": "delivered", "amy": "unproven"}
    assert stands(county, 2 * DAY).unheard == ["amy"]


@pytest.mark.parametrize(("fails", "told"), [(180, 180), (13 * 60, DAY)])
def test_a_late_no_is_entered_and_told_by_day(make: Make, fails: int, told: int) -> None:
    """Who is surely not reached is more than not confirmed; but nobody is woken for it, and once."""
    county, modem = make()
    county.at(120)
    modem.becomes("1", DELIVERED)
    modem.becomes("3", DELIVERED)
    assert county.until(121, 140) == [(135, "li: unconfirmed wang")]
    modem.becomes("2", Outcome("sent", delivery="failed"))

    assert county.until(fails, fails + 2 * DAY, 20) == [
        (told, "li: unreachable wang not delivered")
    ]
    assert ends(county)["wang"] == "failed"
    results = [
        one["result"] for one in county.entries("way.tested") if one["result"] != "delivered"
    ]
    assert results == ["unconfirmed", "failed"]
    undelivered = county.entries("sms.undelivered")
    assert [one["reason"] for one in undelivered if one["person"] == "wang"] == ["not delivered"]


def test_a_no_before_the_morning_is_told_as_one(make: Make) -> None:
    """Nothing confirmed it in the evening; by the morning it is known that it did not arrive."""
    county, modem = make(way_test="17:50")
    county.at(590)
    modem.becomes("1", DELIVERED)
    modem.becomes("3", DELIVERED)
    assert county.until(591, 620) == []
    modem.becomes("2", Outcome("sent", delivery="failed"))

    assert county.until(13 * 60, DAY + 60, 20) == [(DAY, "li: unreachable wang not delivered")]


@pytest.mark.parametrize(
    ("end", "result"),
    [(Outcome("sent", delivery="failed"), "failed"), (Outcome("refused"), "refused")],
)
def test_what_is_known_at_once_is_entered_as_what_it_was(
    make: Make, end: Outcome, result: str
) -> None:
    """A channel may have its report before it is asked a second time."""
    county, modem = make()
    modem.at_once = end
    county.at(120)

    entries = county.entries("way.tested")
    assert [(one["result"], one["channel"]) for one in entries] == [(result, "sms")] * 3


@pytest.mark.parametrize("away", [25 * 60, 70 * 60])
def test_a_test_ends_although_the_hub_was_away(make: Make, away: int) -> None:
    """Over a weekend too; behind it nobody hears of it, but whoever looks does."""
    county, _ = make()
    county.at(120)
    came = county.until(120 + away, 120 + away + 24 * 60, 30)

    assert [text for _, text in came] == ["li: unconfirmed li, unconfirmed wang, unconfirmed amy"]
    assert set(ends(county).values()) == {"unproven"}


def test_an_old_test_that_never_ended_is_no_news_and_not_well(make: Make) -> None:
    """So an earlier version left them: of weeks ago no SMS is sent, and health names them."""
    county, _ = make()
    county.at(120)
    assert stands(county, 130).waiting == 3
    county.settings = county.settings.model_copy(update={"way_test": None})

    assert county.until(20 * DAY, 21 * DAY, 120) == []
    found = stands(county, 20 * DAY)
    assert (found.waiting, found.unheard) == (0, ["li", "wang", "amy"])


def test_a_test_of_a_channel_that_is_gone_is_not_confirmed(make: Make) -> None:
    """Its report can be asked of nobody."""
    county, modem = make("cloud")
    county.at(120)
    county.settings = county.settings.model_copy(update={"channels": county.settings.channels[1:]})
    county.channel, county.others = county.others["cloud"], {}
    assert modem.taken
    came = county.until(135, 180, 5)

    assert [text for _, text in came if "unconfirmed" in text] == [
        "li: unconfirmed li, unconfirmed wang, unconfirmed amy"
    ]
    assert stands(county, 180).waiting == 0


def test_a_number_without_its_country_has_no_report(make: Make) -> None:
    """Networks report with the country, and gammu-smsd finds no message of it: that is no news."""
    bare = [each | {"phone": each["phone"].removeprefix("+86")} for each in PEOPLE]
    county, _ = make(people=bare)
    county.at(120)

    assert county.until(121, 200, 5) == []
    assert set(ends(county).values()) == {"none"}


def test_until_the_morning_nothing_is_written(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor ever of a site that has left the settings."""
    county, _ = make(way_test="17:50")
    county.at(590)
    county.until(605, 610)
    assert set(ends(county).values()) == {"unproven"}

    def forbidden(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(way_tests, "write", forbidden)
    tests = WayTests(county.database, Chains(county.settings), {"sms": county.channel})
    assert tests.round(START + 700 * MINUTE) == 0
    gone = county.settings.model_copy(update={"sites": []})
    tests = WayTests(county.database, Chains(gone), {"sms": county.channel})
    assert tests.round(START + 24 * 60 * MINUTE) == 0


@pytest.mark.parametrize(
    ("tests", "code", "english"),
    [
        (Standing(), "", ""),
        (Standing(0, 3, 3), "test.confirmed", "3 SMS of 1970-01-01 00:00, all confirmed"),
        (
            Standing(0, 3, 1, waiting=2),
            "test.waiting",
            "3 SMS of 1970-01-01 00:00, 2 of them still to be confirmed",
        ),
        (
            Standing(0, 3, 1, blind=2),
            "test.blind",
            "1 of 3 SMS of 1970-01-01 00:00 confirmed; 2 by a channel that gives no reports",
        ),
        (
            Standing(0, 9, 2, waiting=1, unheard=["a", "b", "c (cloud)", "d", "e", "f"]),
            "test.unconfirmed",
            "2 of 9 SMS of 1970-01-01 00:00 confirmed; not: a, b, c (cloud), d, e …",
        ),
    ],
)
def test_it_stands_in_the_hubs_health(tests: Standing, code: str, english: str) -> None:
    """For `--status` and the console's page; nothing where the way was never tested."""
    health = Health(0, None, Books(tests=tests), 10**12, 10**12, 60_000)
    found = [line for line in lines(health) if line.subject == "test"]

    assert [line.code for line in found] == ([code] if code else [])
    assert [worded(line, "en", ZoneInfo("UTC")) for line in found] == ([english] if code else [])
