"""Ways out that need somebody: told once, over restarts and outages, by day; and the daily word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from alerts.channels.contract import Channel, Condition, Need
from hub import poor_ways
from hub.chains import Chains
from hub.channel_watch import EVERY_S, ChannelWatch
from hub.notices import Outbox
from hub.poor_ways import CHANNEL_POOR, PoorWays
from hub.tables import notices
from hub.way_tests import UNCONFIRMED
from journal.database import DatabaseError, write
from tests.hub.test_escalating import County
from tests.hub.test_notices import Desk, Recorder, words
from tests.support.sender import MINUTE, START

pytestmark = pytest.mark.usefixtures("each_database")

HOUR = 60 * MINUTE


class Modem(Recorder):
    """A channel with a service, a signal and a credit."""

    def __init__(self) -> None:
        super().__init__()
        self.absent = ""
        self.needs: tuple[Need, ...] = ()

    def absence(self) -> str:
        """Say whether its service is at work."""
        return self.absent

    def condition(self) -> Condition:
        """Say how it is."""
        return Condition(" ".join(self.needs), needs=self.needs)


class Seen:
    """In the place of the watch: what two looks have shown."""

    def __init__(self) -> None:
        self.needs: dict[str, tuple[Need, ...]] = {}
        self.away: set[str] = set()
        self.doubtful: set[str] = set()

    def words(self, _channel: str) -> str:
        """Say anything."""
        return "see to it"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk in an empty folder; at START it is 08:00 there."""
    made = Desk(tmp_path)
    yield made
    made.history.close()


def ways(desk: Desk, seen: Seen, *names: str) -> PoorWays:
    """Begin anew."""
    watch, zone = cast("ChannelWatch", seen), ZoneInfo("Asia/Shanghai")
    return PoorWays(desk.database, watch, list(names or ("sms",)), Chains(desk.settings), zone)


def away(*_: object) -> Any:
    """Be a database that is not there."""
    raise DatabaseError("hub.db", "the server is away")


def test_a_need_is_known_behind_any_number_of_another(desk: Desk) -> None:
    """A signal that comes and goes does not make a hub that begins anew forget the credit."""
    seen = Seen()
    seen.needs = {"sms": ("credit",)}
    one = ways(desk, seen)
    now = START
    told = one.round(now)
    for _ in range(11):
        seen.needs = {"sms": ("credit", "signal")}
        told += one.round(now)
        now += 30 * MINUTE
        seen.needs = {"sms": ("credit",)}
        one.round(now)
        now += HOUR
        one.round(now)
    assert told == 6

    assert ways(desk, seen).round(START + 26 * HOUR) == 0


def test_a_need_is_told_once_over_a_database_that_goes_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its beginning nor its end is taken for known that could not be entered."""

    def round_(minutes: int) -> int:
        with monkeypatch.context() as broken:
            broken.setattr(poor_ways, "write", away)
            with pytest.raises(DatabaseError):
                one.round(START + minutes * MINUTE)
        return one.round(START + (minutes + 1) * MINUTE)

    seen = Seen()
    one = ways(desk, seen)
    seen.needs = {"sms": ("signal",)}
    assert round_(0) == 3
    seen.needs = {}
    one.round(START + 2 * MINUTE)
    assert round_(62) == 0
    seen.needs = {"sms": ("signal",)}

    assert round_(90) == 0
    assert one.round(START + 92 * MINUTE) == 0
    seen.needs = {}
    one.round(START + 93 * MINUTE)
    round_(153)
    assert ways(desk, seen)._since == {}


def test_a_failure_of_long_ago_is_worth_a_look(desk: Desk) -> None:
    """Nobody knows whether it lasts: it is neither well nor dead."""
    seen = Seen()
    seen.needs, seen.away, seen.doubtful = {"c": ("credit",)}, {"d", "e"}, {"e"}
    one = ways(desk, seen, "a", "b", "c", "d", "e", "f")

    assert one.wrong({"a", "b", "c"}, {"a"}) == [
        ("a", "dead"), ("b", "other"), ("c", "credit"), ("d", "dead"), ("e", "other"),
    ]  # fmt: skip


class Daily:
    """A hub with "all well" at 09:00, and what its daily words say of the ways out."""

    def __init__(self, folder: Path, *others: str) -> None:
        self.county = County(folder, *others, site={"all_well": "09:00"})
        self.modem = self.county.channel = Modem()
        self.said: list[Any] = []
        self.begin()

    def begin(self) -> None:
        """Begin anew."""
        county = self.county
        by_name: Mapping[str, Channel] = {"modem": county.channel, **county.others}
        self.watch = ChannelWatch(by_name)
        self.outbox = Outbox(county.settings, county.database, by_name, self._words, self.watch)

    def round(self, minute: float) -> list[Any]:
        """Let the watch and the outbox look; return what a daily word said of the ways, each."""
        self.said.clear()
        self.watch.round(minute * EVERY_S)
        self.outbox.round(START + int(minute * MINUTE))
        return list(self.said)

    def _words(self, conn: Any, person: Any, matters: Any, now: int) -> str:
        for each in matters:
            if each.happening == "all-well" and person.id == "li":
                self.said.append(each.facts.get("ways", "all well"))
        return words(conn, person, matters, now)


@pytest.fixture
def daily(tmp_path: Path) -> Iterator[Callable[..., Daily]]:
    """Make a hub with a daily word in an empty folder."""
    made: list[Daily] = []

    def one(*others: str) -> Daily:
        made.append(Daily(tmp_path, *others))
        return made[-1]

    yield one
    for each in made:
        each.county.history.close()


@pytest.mark.parametrize(
    ("needs", "absent", "said"),
    [
        (("credit",), "", [("", "credit")]),
        ((), "smsd is away", [("", "dead")]),
        ((), "", "all well"),
    ],
)
def test_a_hub_that_begins_behind_its_hour_looks_twice_before_it_says_all_well(
    daily: Callable[..., Daily], needs: tuple[Need, ...], absent: str, said: Any
) -> None:
    """It was without power at 09:00, and does not know how its modem is."""
    hub = daily()
    hub.round(0)
    hub.modem.needs, hub.modem.absent = needs, absent
    hub.begin()

    assert hub.round(70) == hub.round(70.5) == []
    assert hub.round(71) == [said]
    assert hub.round(72) == []


def test_a_way_that_failed_once_is_well_when_its_service_is_at_work(
    daily: Callable[..., Daily],
) -> None:
    """One message was not taken in the night, and nothing was sent by it since."""
    hub = daily("cloud")
    fails_once(hub, 1)
    hub.round(2)
    assert hub.outbox.trouble
    hub.round(3)
    assert not hub.outbox.trouble
    hub.round(4)
    assert hub.round(60) == ["all well"]


def test_a_way_whose_looks_were_wrong_before_is_not_well_by_looks(
    daily: Callable[..., Daily],
) -> None:
    """Its service is at work, and it has taken no message twice: only one that it takes counts."""
    hub = daily("cloud")
    fails_once(hub, -40)
    hub.modem.down = "the disk is full"
    hub.round(-39)
    hub.round(-38)
    fails_once(hub, -10)
    for minute in range(-9, 60):
        hub.round(minute)

    assert hub.outbox.trouble == "modem: the disk is full"
    hub.modem.down = ""
    assert hub.round(60) == [[("modem", "other")]]
    assert not hub.outbox.trouble


def test_a_way_in_which_a_message_lies_is_not_well_by_looks(daily: Callable[..., Daily]) -> None:
    """Its service is at work, but has no network."""
    hub = daily("cloud")
    hub.modem.slow = True
    owe(hub, -5)
    for minute in range(-5, 60):
        hub.round(minute)
    assert "queued" in hub.outbox.trouble

    assert hub.round(60) == [[("modem", "dead")]]


def fails_once(hub: Daily, minute: float) -> None:
    """Let the modem not take a message; the next channel does."""
    down, hub.modem.down = hub.modem.down, "the disk is full"
    owe(hub, minute)
    hub.round(minute)
    hub.modem.down = down


def owe(hub: Daily, minute: float, happening: str = "way-test", site: str = "east-gate") -> None:
    """Owe Zhao, who hears nothing else, a message."""
    values = {
        "excursion": f"{happening} {minute}", "happening": happening, "step": "", "person": "zhao",
        "site": site, "asset": "", "side": "", "created_at": START, "alarm": "",
        "facts": '{"channel": "modem"}', "channels": "",
    }  # fmt: skip
    with write(hub.county.database) as conn:
        conn.execute(insert(notices).values(values))


@pytest.mark.parametrize(("happening", "site"), [(CHANNEL_POOR, ""), (UNCONFIRMED, "east-gate")])
def test_what_could_not_leave_by_day_waits_for_the_next(
    daily: Callable[..., Daily], happening: str, site: str
) -> None:
    """Twenty messages an hour had been sent at 17:59."""
    hub = daily()
    owe(hub, 0, happening, site)

    for minute in (10 * 60, 23 * 60):
        hub.round(minute)
        assert not texts(hub)
    hub.round(24 * 60)
    assert len(texts(hub)) == 1


def test_each_waits_for_the_day_where_it_belongs(daily: Callable[..., Daily]) -> None:
    """A site's matter for that site's; the hub's own for the first site's, elsewhere in this test."""
    hub = daily()
    hub.outbox._zone = ZoneInfo("America/New_York")
    owe(hub, 0, CHANNEL_POOR, "")
    owe(hub, 1, UNCONFIRMED, "east-gate")

    hub.round(60)
    assert len(texts(hub)) == 1
    hub.round(13 * 60)
    assert len(texts(hub)) == 2


def texts(hub: Daily) -> list[str]:
    """Return what Zhao has got."""
    return [text for _, text in hub.modem.taken.values() if text.startswith("zhao")]
