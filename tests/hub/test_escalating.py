"""The outbox: steps, answers, storms, channels that fail, people who cannot be reached, planned work.

Everything is told minute by minute, with a hub that begins anew before each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.channels.contract import Outcome
from hub import alarms
from hub.alarms import acknowledge, alarms_open, by_code, explain
from hub.intake import Incoming
from hub.notices import owe_text, told
from hub.tables import notices, sms
from journal import journal, work
from journal.database import read, write
from journal.excursions import listing
from journal.work import WorkRefusedError
from tests.hub.test_notices import Desk, Recorder, story
from tests.support.county import hub_settings
from tests.support.sender import FRIDGE, MINUTE, RULES, START, Sender

SECOND = 1_000
COUNTY = [
    {"id": "county", "steps": [
        {"to": ["pharmacist", "wang"], "repeat": "10min"},
        {"after": "15min", "to": ["amy"]},
    ]},
]  # fmt: skip
DUTY = [{"role": "pharmacist", "person": "li"}]
PEOPLE = [
    {"id": "li", "name": "李娜", "phone": "+8613900000001"},
    {"id": "wang", "name": "王军", "phone": "+8613900000002"},
    {"id": "amy", "name": "Amy", "phone": "+8613900000003", "language": "en"},
    {"id": "zhao", "name": "赵敏", "phone": "+8613900000004"},
]


class County(Desk):
    """A desk whose hub begins anew before each round, and that keeps what came to whom when."""

    def __init__(self, folder: Path, *channels: str, site: Any = None, **more: Any) -> None:
        base = {
            "id": "east-gate", "name": {"zh": "东门接种点", "en": "East Gate"}, "kind": "fixed",
            "devices": ["pi-1"], "escalation": "county", "duty": DUTY,
            "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
        }  # fmt: skip
        if channels:
            ways = [{"id": name, "kind": "log"} for name in ("modem", *channels)]
            more = {"channels": ways} | more
        settings = hub_settings(
            folder,
            **({"people": PEOPLE, "escalations": COUNTY, "sites": [base | (site or {})]} | more),
        )
        self.came: list[tuple[float, str]] = []
        super().__init__(folder, settings, {name: Recorder() for name in channels})

    def at(self, minute: float) -> list[str]:
        """Begin anew, do two rounds as of this minute, and return what came by them."""
        self.now = START + int(minute * MINUTE)
        fresh: list[str] = []
        for _ in range(2):
            self.restart()
            before = [dict(each.taken) for each in (self.channel, *self.others.values())]
            self.outbox.round(self.now)
            for known, each in zip(before, (self.channel, *self.others.values()), strict=True):
                fresh += [text for key, (_, text) in each.taken.items() if key not in known]
        self.came += [(minute, text) for text in fresh]
        return fresh

    def until(self, first: float, last: float, step: float = 1) -> list[tuple[float, str]]:
        """Do rounds from one minute to another, and return what came when."""
        begin = len(self.came)
        minute = first
        while minute <= last:
            self.at(minute)
            minute = round(minute + step, 6)
        return self.came[begin:]

    def live(self, sender: Sender) -> list[tuple[float, str]]:
        """Take in a stream record by record with a round behind each."""
        begin = len(self.came)
        for seq in range(1, len(sender.bodies) + 1):
            self.send(sender, seq, seq)
            self.at((self.now - START) / MINUTE)
        return self.came[begin:]

    def alarm(self) -> alarms.Alarm:
        """Return the one alarm that is open."""
        with read(self.database) as conn:
            (one,) = alarms_open(conn)
        return one

    def acknowledge(self, minute: float, person: str = "li") -> None:
        """Let somebody take the alarm on."""
        with write(self.database) as conn:
            acknowledge(
                conn, self.alarm().id, person=person, way="sms", now=START + int(minute * MINUTE)
            )

    def entries(self, family: str) -> list[dict[str, Any]]:
        """Return the bodies of entries."""
        with read(self.database) as conn:
            return [entry.body for entry in journal.entries(conn, types=family)]


Make = Callable[..., County]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a county in an empty folder."""
    made: list[County] = []

    def one(*channels: str, **more: Any) -> County:
        made.append(County(tmp_path, *channels, **more))
        return made[-1]

    yield one
    for each in made:
        each.history.close()


def warm(county: County, minutes: int = 11) -> None:
    """Let the fridge be warm: its alarm opens in minute ten."""
    county.live(story([9_000] * minutes))


class TestSteps:
    def test_repeats_and_the_next_step_come_when_they_are_due(self, make: Make) -> None:
        """At once, each ten minutes, and after a quarter of an hour somebody else as well."""
        county = make()
        warm(county)
        county.until(11, 31)

        assert county.came == [
            (10, "li: open test/out"),
            (10, "wang: open test/out"),
            (20, "li: repeat open test/out"),
            (20, "wang: repeat open test/out"),
            (25, "amy: escalated open test/out"),
            (30, "li: repeat open test/out"),
            (30, "wang: repeat open test/out"),
        ]

    def test_an_answer_stops_it_and_the_others_hear_who_has_it(self, make: Make) -> None:
        """Half an hour of silence; still open, everybody who knew hears again."""
        county = make()
        warm(county)
        county.acknowledge(12)

        assert county.until(12, 50) == [
            (12, "wang: answered li"),
            (42, "li: resumed open test/out"),
            (42, "wang: resumed open test/out"),
        ]
        assert county.until(51, 55) == [
            (52, "li: repeat open test/out"),
            (52, "wang: repeat open test/out"),
            (55, "amy: escalated open test/out"),
        ]

    def test_everybody_who_knows_hears_of_the_end(self, make: Make) -> None:
        """Those of each step that was reached, and nobody else."""
        county = make()
        warm(county)
        county.until(11, 26)
        more = story([9_000] * 27 + [5_000] * 11)
        for seq in range(13, len(more.bodies) + 1):
            county.send(more, seq, seq)
        county.came.clear()

        assert county.until(37, 60) == [
            (37, "li: over test/out"),
            (37, "wang: over test/out"),
            (37, "amy: over test/out"),
        ]

    def test_a_graver_rule_breaks_an_answer(self, make: Make) -> None:
        """Stock is held: they hear of that; a rule that adds nothing is told to the agent alone."""
        holds = RULES[0] | {"id": "test/hold", "for_ms": 20 * MINUTE}
        light = RULES[0] | {"id": "test/light", "for_ms": 15 * MINUTE, "holds": False}
        first = RULES[0] | {"holds": False}
        county = make()
        sender = story([9_000] * 30, [first, holds, light])
        for seq in range(1, 13):
            county.send(sender, seq, seq)
            county.at(seq - 2)
        county.acknowledge(10.5)
        for seq in range(13, 30):
            county.send(sender, seq, seq)
            county.at((county.now - START) / MINUTE)

        assert county.came[2:] == [
            (11, "wang: answered li"),
            (20, "li: open test/hold"),
            (20, "wang: open test/hold"),
        ]
        with read(county.database) as conn:
            assert set(told(conn, "pi-1", county.now)) == {row.id for row in listing(conn)}

    def test_who_says_why_and_what_was_done_is_left_alone(self, make: Make) -> None:
        """Not for half an hour but for a shift; an explanation without an action is none."""
        county = make()
        warm(county)
        with write(county.database) as conn:
            explain(
                conn, county.alarm().id, person="li", reason="equipment", action="stock moved",
                text="", way="console", now=START + 12 * MINUTE,
            )  # fmt: skip

        assert county.until(12, 700, 20) == []
        assert [text for _, text in county.until(732, 733)] == [
            "li: resumed open test/out",
            "wang: resumed open test/out",
        ]

    def test_nobody_on_duty_is_the_next_role_and_then_whom_the_site_tells(self, make: Make) -> None:
        """A roster with a hole wakes somebody all the same."""
        steps = [{"to": ["pharmacist"]}, {"after": "1h", "to": ["manager"]}]
        county = make(
            escalations=[{"id": "county", "steps": steps}],
            site={
                "tell": ["zhao"],
                "duty": [
                    {"role": "pharmacist", "person": "li", "from": "20:00", "until": "22:00"},
                    {"role": "manager", "person": "amy", "days": ["sun"]},
                ],
            },
        )  # START is a Sunday, 08:00 at the site
        warm(county)
        assert county.came == [(10, "amy: open test/out")]

    def test_whom_the_site_tells_is_the_last_resort(self, make: Make) -> None:
        """No step has anybody: `tell` has."""
        county = make(
            escalations=[{"id": "county", "steps": [{"to": ["pharmacist"]}]}],
            site={
                "tell": ["zhao"],
                "duty": [{"role": "pharmacist", "person": "li", "days": ["mon"]}],
            },
        )
        warm(county)
        assert county.came == [(10, "zhao: open test/out")]

    def test_nobody_at_all_is_seen(self, make: Make, caplog: pytest.LogCaptureFixture) -> None:
        """The notice ends as refused, and the log says so once."""
        county = make(
            escalations=[{"id": "county", "steps": [{"to": ["pharmacist"]}]}],
            site={"duty": [{"role": "pharmacist", "person": "li", "days": ["mon"]}]},
        )
        warm(county, 14)

        assert county.came == []
        assert [record.event for record in caplog.records if hasattr(record, "event")] == [
            "nobody-to-tell"
        ]
        with read(county.database) as conn:
            assert [row.state for row in conn.execute(select(sms))] == ["refused"]


def storm(count: int, minutes: int = 12) -> Sender:
    """A device of so many fridges, all warm from the beginning."""
    body = Sender().settings()
    watch = body["series"].pop(FRIDGE)
    names = [f"fridge-{number}/center/temperature" for number in range(1, count + 1)]
    body["series"] = dict.fromkeys(names, watch)
    del body["seq"]
    sender = Sender()
    sender.add(body)
    for minute in range(minutes):
        for name in names:
            sender.reading(minute, 9_000, series=name)
    return sender


def bears(county: County, id_: str, code: str) -> None:
    """Let an SMS bear a code: the words of these tests have none."""
    with write(county.database) as conn:
        mine = sms.update().where(sms.c.id == id_)
        conn.execute(mine.values(text=sms.c.text + f" Answer {code}."))


class TestStorms:
    def test_forty_fridges_are_two_messages(self, make: Make) -> None:
        """The first one at once, the other thirty-nine half a minute later, together."""
        county = make()
        sender = storm(40)
        county.send(sender, 1, len(sender.bodies))

        came = county.until(11, 13, 0.25)

        assert [(minute, text[:3], text.count("open")) for minute, text in came] == [
            (11, "li:", 1),
            (11, "wan", 1),
            (11.5, "li:", 39),
            (11.5, "wan", 39),
        ]

    def test_one_code_answers_for_all_of_one_message(self, make: Make) -> None:
        """Whoever answers the message about thirty-nine has answered for them."""
        county = make()
        sender = storm(5)
        county.send(sender, 1, len(sender.bodies))
        county.until(11, 12, 0.25)
        with read(county.database) as conn:
            rows = conn.execute(
                select(notices.c.alarm, notices.c.sms).where(notices.c.person == "li")
            ).all()
            joined = [row.alarm for row in rows if row.sms != rows[0].sms]
            code = alarms.code_of(joined[0])
        bears(county, rows[-1].sms, code)
        with read(county.database) as conn:
            assert {one.id for one in by_code(conn, "li", code, county.now)} == set(joined)
            alone = alarms.code_of(rows[0].alarm)
            assert [one.id for one in by_code(conn, "li", alone, county.now)] == [rows[0].alarm]
            # The others' own codes stand in no message.
            unsaid = alarms.code_of(joined[1])
            assert [one.id for one in by_code(conn, "li", unsaid, county.now)] == [joined[1]]
        with write(county.database) as conn:
            # Of what somebody else has answered the message says nothing.
            mine = (notices.c.alarm == joined[1]) & (notices.c.person == "li")
            conn.execute(notices.update().where(mine).values(happening="answered"))
            found = {one.id for one in by_code(conn, "li", code, county.now)}
            assert found == {joined[0], *joined[2:]}

    def test_a_code_answers_nothing_that_was_joined_later_under_another(self, make: Make) -> None:
        """Only a message that bears the code itself says what it answers for."""
        county = make()
        sender = storm(5)
        county.send(sender, 1, len(sender.bodies))
        county.until(11, 23, 0.25)
        with read(county.database) as conn:
            query = select(notices.c.alarm, notices.c.sms).where(notices.c.person == "li")
            rows = conn.execute(query.order_by(notices.c.id)).all()
        first, joint, again = dict.fromkeys(row.sms for row in rows)
        carried = {
            id_: {row.alarm for row in rows if row.sms == id_} for id_ in (first, joint, again)
        }
        assert carried[again] == carried[first] | carried[joint]
        alone = alarms.code_of(rows[0].alarm)
        code = alarms.code_of(min(carried[joint]))
        for id_, printed in ((first, alone), (joint, code), (again, alone)):
            bears(county, id_, printed)
        with read(county.database) as conn:
            assert {one.id for one in by_code(conn, "li", code, county.now)} == carried[joint]
            assert {one.id for one in by_code(conn, "li", alone, county.now)} == carried[again]

    def test_a_second_fridge_a_minute_later_is_told_at_once(self, make: Make) -> None:
        """Joined is only what comes within half a minute."""
        county = make()
        names = [f"fridge-{number}/center/temperature" for number in (1, 2)]
        sender = storm(2, 0)
        for minute in range(14):
            sender.reading(minute, 9_000, series=names[0])
            sender.reading(minute, 9_000 if minute else 5_000, series=names[1])

        assert [minute for minute, _ in county.live(sender)] == [10, 10, 11, 11]

    def test_no_more_than_so_many_an_hour_but_never_no_first_alarm(self, make: Make) -> None:
        """Repeats wait and are joined; another fridge is told at once."""
        steps = [{"to": ["li"], "repeat": "1min"}]
        county = make(escalations=[{"id": "county", "steps": steps}], most_sms_an_hour=3)
        warm(county)
        assert [minute for minute, _ in county.until(11, 40)] == [11, 12]

        second = Sender("c" * 32)
        second.settings(series="fridge-2/center/temperature")
        for minute in range(30, 42):
            second.reading(minute, 9_000, series="fridge-2/center/temperature")
        county.send(second, 1, len(second.bodies))
        assert county.at(41) == ["li: open test/out"]

    def test_a_reply_is_sent_at_once_and_keeps_no_alarm_waiting(self, make: Make) -> None:
        """Somebody asks for the state, and a moment later something happens."""
        county = make()
        with write(county.database) as conn:
            owe_text(conn, county.settings.people[0], "all is well", START + 10 * MINUTE)
        sender = story([9_000] * 11)
        county.send(sender, 1, len(sender.bodies))

        assert county.at(10) == ["all is well", "li: open test/out", "wang: open test/out"]


class TestChannels:
    def test_the_next_channel_takes_over_and_tells_of_the_first(self, make: Make) -> None:
        """The modem is gone: the alarm goes by the cloud, and so does that the modem is gone."""
        county = make("cloud")
        county.channel.down = "no modem"
        warm(county)
        county.until(11, 12)

        assert [text for _, text in county.others["cloud"].taken.values()] == [
            "li: open test/out",
            "wang: open test/out",
            "li: channel-failing modem no modem cloud",
            "wang: channel-failing modem no modem cloud",
        ]
        assert county.outbox.failing == ""
        assert county.outbox.trouble == "modem: no modem"

        county.channel.down = ""
        county.came.clear()
        assert county.until(20, 21)[:2] == [
            (20, "li: repeat open test/out"),
            (20, "wang: repeat open test/out"),
        ]
        assert [entry["reason"] for entry in county.entries("channel.failing")] == ["no modem"]
        assert len(county.entries("channel.working")) == 1
        assert [text for _, text in county.came[2:]] == [
            f"{who}: channel-back modem  cloud" for who in ("li", "wang")
        ]

    def test_what_lies_queued_for_a_minute_goes_by_the_next(self, make: Make) -> None:
        """The dead modem keeps its message; when it is back that comes too, and nothing else."""
        county = make("cloud")
        county.channel.slow = True
        warm(county)
        assert county.others["cloud"].taken == {}
        with read(county.database) as conn:
            assert told(conn, "pi-1", county.now) == []

        county.until(11, 12, 0.5)
        cloud = [text for _, text in county.others["cloud"].taken.values()]
        assert cloud[:2] == ["li: open test/out", "wang: open test/out"]
        with read(county.database) as conn:
            assert len(told(conn, "pi-1", county.now)) == 1

        county.channel.slow = False
        taken = len(county.channel.taken)
        county.until(12.5, 14)
        assert len(county.channel.taken) - taken <= 2, "only that it works again"
        assert county.outbox.trouble == ""

    def test_both_gone_is_said_to_the_watcher_and_nothing_is_lost(self, make: Make) -> None:
        """What waits goes out by whichever comes back first."""
        county = make("cloud")
        county.channel.down = county.others["cloud"].down = "no network"
        warm(county)
        assert county.outbox.failing == "modem: no network; cloud: no network"

        county.others["cloud"].down = ""
        county.until(11, 13)
        assert [text for _, text in county.others["cloud"].taken.values()][:2] == [
            "li: open test/out",
            "wang: open test/out",
        ]
        assert county.outbox.failing == ""

    def test_a_step_may_name_its_channels(self, make: Make) -> None:
        """The manager is called by the cloud; all others as the hub has it."""
        steps = [{"to": ["li"]}, {"after": "5min", "to": ["amy"], "channels": ["cloud"]}]
        county = make("cloud", escalations=[{"id": "county", "steps": steps}])
        warm(county)
        county.until(11, 16)

        assert [text for _, text in county.channel.taken.values()] == ["li: open test/out"]
        assert [text for _, text in county.others["cloud"].taken.values()] == [
            "amy: escalated open test/out"
        ]


class TestUnreachable:
    def test_a_number_that_is_refused_has_the_next_one_told(self, make: Make) -> None:
        """Wang's number is wrong: Amy, who would be next, is told now, and not again as that."""
        county = make()
        sender = story([9_000] * 11)
        county.send(sender, 1, len(sender.bodies))
        county.now = START + 10 * MINUTE
        county.hand_over()
        for key, (to, _) in county.channel.taken.items():
            if to.endswith("2"):
                county.channel.outcomes[key] = Outcome("refused", "unknown number")

        assert county.at(10) == ["amy: unreachable wang number refused"]
        assert [body["reason"] for body in county.entries("sms.refused")] == ["unknown number"]
        later = county.until(10.5, 25, 0.5)
        assert [text for _, text in later if "unreachable" in text] == []
        # The number is tried again all the same: it may have been the network.
        assert [minute for minute, text in later if text == "wang: open test/out"] != []

    def test_a_stand_in_comes_first(self, make: Make) -> None:
        """Li's stand-in is told before Amy."""
        county = make(site={"duty": [{"role": "pharmacist", "person": "li", "stand_in": "zhao"}]})
        sender = story([9_000] * 11)
        county.send(sender, 1, len(sender.bodies))
        county.hand_over()
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("1"))
        county.channel.outcomes[key] = Outcome("refused", "unknown number")

        assert county.at(10) == ["zhao: unreachable li number refused"]

    def test_a_report_that_says_no_has_the_next_one_told(self, make: Make) -> None:
        """The network could not deliver it."""
        county = make()
        warm(county)
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("1"))
        county.channel.outcomes[key] = Outcome("sent", delivery="failed")

        assert county.at(12) == ["amy: unreachable li not delivered"]

    def test_a_report_that_was_there_at_the_first_look_is_none_of_a_wrong_number(
        self, make: Make
    ) -> None:
        """The hub was away while the network sent it, and reported that it could not deliver it."""
        county = make()
        sender = story([9_000] * 11)
        county.send(sender, 1, len(sender.bodies))
        county.now = START + 10 * MINUTE
        county.hand_over()
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("1"))
        county.channel.outcomes[key] = Outcome("sent", delivery="failed")

        assert county.at(10) == ["amy: unreachable li not delivered"]

    def test_a_report_that_does_not_come_is_awaited_for_a_quarter_of_an_hour(
        self, make: Make
    ) -> None:
        """Of a channel that has reports; Li's came."""
        steps = [{"to": ["li", "wang"]}, {"after": "2h", "to": ["amy"]}]
        county = make(escalations=[{"id": "county", "steps": steps}])
        warm(county)
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("1"))
        county.channel.outcomes[key] = Outcome("sent", delivery="delivered")

        assert county.until(11, 39) == [(25, "amy: unreachable wang no delivery report")]

    def test_a_number_without_its_country_lacks_no_report(self, make: Make) -> None:
        """gammu-smsd does not find its report, so that it does not come says nothing of Wang."""
        steps = [{"to": ["li", "wang"]}, {"after": "2h", "to": ["amy"]}]
        phones = {"li": "+8613900000001", "wang": "13900000002", "amy": "+8613900000003"}
        people = [{"id": one, "name": one, "phone": phone} for one, phone in phones.items()]
        county = make(escalations=[{"id": "county", "steps": steps}], people=people)
        warm(county)
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("1"))
        county.channel.outcomes[key] = Outcome("sent", delivery="delivered")

        assert county.until(11, 39) == []

    def test_without_reports_nothing_is_missing(self, make: Make) -> None:
        """A channel that has none says nothing by that."""
        steps = [{"to": ["li", "wang"]}, {"after": "2h", "to": ["amy"]}]
        county = make(escalations=[{"id": "county", "steps": steps}])
        warm(county)

        assert county.until(11, 40) == []

    def test_where_everybody_knows_one_of_them_hears_who_does_not(self, make: Make) -> None:
        """There is nobody new to tell."""
        county = make(escalations=[{"id": "county", "steps": [{"to": ["li", "wang"]}]}])
        sender = story([9_000] * 11)
        county.send(sender, 1, len(sender.bodies))
        county.hand_over()
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("1"))
        county.channel.outcomes[key] = Outcome("refused", "unknown number")
        county.at(10)

        assert county.at(10.5) == ["wang: unreachable li number refused"]


def plan(county: County, begin: float, until: float, now: float = 0) -> str:
    """Plan work on the fridge, in minutes."""
    with write(county.database) as conn:
        planned = work.plan(
            conn, "east-gate/fridge-1", START + int(begin * MINUTE), START + int(until * MINUTE),
            "defrosting", "li", now=START + int(now * MINUTE),
        )  # fmt: skip
    return planned.id


class TestWork:
    def test_alarms_wait_for_the_end_of_the_work(self, make: Make) -> None:
        """Nobody is told before; exposure is counted; still open then, it is told at once."""
        county = make()
        plan(county, 0, 60)
        warm(county)
        assert county.until(11, 59) == []
        with read(county.database) as conn:
            (row,) = listing(conn)
            assert row.holds
            assert told(conn, "pi-1", county.now) == []

        assert county.until(60, 76) == [
            (60, "li: work-over"),
            (60, "wang: work-over"),
            (70, "li: repeat open test/out"),
            (70, "wang: repeat open test/out"),
            (75, "amy: escalated open test/out"),
        ]
        with read(county.database) as conn:
            assert told(conn, "pi-1", county.now) == [row.id]

    def test_work_that_is_done_early_is_over(self, make: Make) -> None:
        """Whoever says so hears at once what is still open."""
        county = make()
        id_ = plan(county, 0, 60)
        warm(county)
        county.until(11, 20)
        with write(county.database) as conn:
            work.end(conn, id_, person="li", now=START + 21 * MINUTE)

        assert county.until(21, 22) == [(21, "li: work-over"), (21, "wang: work-over")]

    def test_a_fridge_that_is_cold_again_in_time_was_none(self, make: Make) -> None:
        """Neither its opening nor its recovery is told, and the journal has both."""
        county = make()
        plan(county, 0, 60)
        county.live(story([9_000] * 15 + [5_000] * 15))

        assert county.until(30, 90, 10) == []
        with read(county.database) as conn:
            assert alarms_open(conn) == []
            assert len(alarms.unexplained(conn)) == 1

    def test_what_happened_before_the_work_is_told_during_it(self, make: Make) -> None:
        """Last night's excursion, learned while the fridge is defrosted, is not of the work."""
        county = make()
        plan(county, 100, 160, now=90)
        sender = story([9_000] * 15 + [5_000] * 15)
        county.now = START + 120 * MINUTE
        topic = "coldwatch/1/east-gate/pi-1/records"
        county.intake.take([Incoming(topic, sender.message(), county.now)], county.now)

        assert county.at(120) == [
            "li: open test/out, over test/out",
            "wang: open test/out, over test/out",
        ]

    @pytest.mark.parametrize(
        ("begin", "until", "words"),
        [
            (0, 241, "at most 4 h"),
            (10, 10, "would be over before it begins"),
            (-20, -10, "would be over before it begins"),
            (15 * 1_440, 15 * 1_440 + 60, "at most 14 days ahead"),
        ],
    )
    def test_work_has_an_end_and_a_reason(
        self, make: Make, begin: int, until: int, words: str
    ) -> None:
        """What would switch alarms off for good is refused in one line."""
        county = make()
        with pytest.raises(WorkRefusedError, match=words):
            plan(county, begin, until)
        assert county.entries("work.") == []

    @pytest.mark.parametrize(
        ("case", "plans", "one_more", "refused"),
        [
            ("behind another at once", [(0, 240)], (240, 250), True),
            ("behind another after 29 min", [(0, 240)], (269, 270), True),
            ("half an hour between", [(0, 240)], (270, 510), False),
            ("before another", [(300, 540)], (271, 299), True),
            ("half an hour before another", [(300, 540)], (30, 270), False),
            ("four hours together", [(0, 120)], (120, 240), False),
            ("a minute more", [(0, 120)], (120, 241), True),
            ("between two of which it makes one", [(0, 100), (200, 300)], (120, 180), True),
            ("joined one by one", [(0, 100), (129, 200)], (229, 250), True),
            ("joined one by one from behind", [(229, 250), (129, 200)], (0, 100), True),
            ("within another", [(0, 240)], (60, 120), False),
        ],
    )
    def test_plans_that_adjoin_are_one_work(
        self,
        make: Make,
        case: str,
        plans: list[tuple[int, int]],
        one_more: tuple[int, int],
        refused: bool,
    ) -> None:
        """Twenty plans of four hours, one behind the other, would switch alarms off for days."""
        county = make()
        for begin, until in plans:
            plan(county, begin, until)
        if not refused:
            plan(county, *one_more)
        else:
            with pytest.raises(WorkRefusedError, match="more than 4 h of work") as caught:
                plan(county, *one_more)
            assert "\n" not in str(caught.value)
        assert len(county.entries("work.")) == len(plans) + (not refused), case

    def test_after_work_that_is_over_another_may_be_planned(self, make: Make) -> None:
        """Until it is over it could be joined; then people know what is still open."""
        county = make()
        plan(county, 0, 240)
        with pytest.raises(WorkRefusedError, match="more than 4 h of work"):
            plan(county, 240, 480, now=239)
        plan(county, 240, 480, now=240)
        assert len(county.entries("work.")) == 2

    def test_after_work_that_is_done_another_may_be_planned(self, make: Make) -> None:
        """Whoever said so has looked."""
        county = make()
        id_ = plan(county, 0, 240)
        with write(county.database) as conn:
            work.end(conn, id_, person="li", now=START + 60 * MINUTE)
        plan(county, 60, 300, now=61)
        assert len(county.entries("work.")) == 3

    def test_the_journal_alone_gives_the_plans_again(self, make: Make) -> None:
        """Entered once, however often it is asked for; ended once."""
        county = make()
        id_ = plan(county, 0, 60)
        assert plan(county, 0, 60) == id_
        with write(county.database) as conn:
            ended = work.end(conn, id_, person="wang", now=START + MINUTE)
            assert work.end(conn, id_, person="li", now=START + 2 * MINUTE) == ended
            work.rebuild(conn)
            assert work.planned(conn) == [ended]
            assert work.planned(conn, site="east-gate", after=START + MINUTE) == []
        assert [body["id"] for body in county.entries("work.")] == [id_, id_]


class TestChores:
    def test_all_well_comes_once_a_day_at_its_hour(self, make: Make) -> None:
        """By the site's clock, to those who would be told of an alarm, over any restarts."""
        county = make(site={"all_well": "09:00"})  # START is 08:00 there
        came = county.until(0, 3 * 1_440, 30)

        assert came == [
            (day * 1_440 + 60, f"{who}: all-well") for day in range(3) for who in ("li", "wang")
        ]

    def test_a_hub_that_was_away_says_it_when_it_is_back_but_not_at_night(self, make: Make) -> None:
        """The same day still; what the day before did not say is not said after midnight."""
        county = make(site={"all_well": "09:00"})

        assert [minute for minute, _ in county.until(300, 301)] == [300, 300]
        assert county.until(1_440 * 2 - 7 * 60, 1_440 * 2 + 59, 30) == []

    def test_several_sites_are_one_message(self, make: Make) -> None:
        """Somebody who looks after many is not written to by each."""
        county = make()
        site = county.settings.sites[0].model_copy(update={"all_well": 540})
        sites = [
            site.model_copy(update={"id": f"site-{number}", "devices": [f"pi-{number}"]})
            for number in range(40)
        ]
        county.settings = county.settings.model_copy(update={"sites": sites})

        assert [text.count("all-well") for text in county.at(60)] == [40, 40]
        assert county.until(61, 65) == []

    def test_the_way_is_tested_once_a_month_to_everybody(self, make: Make) -> None:
        """Whole chain, and each further channel once; entered when it was delivered."""
        county = make("cloud", way_test="10:00")
        county.until(120, 125)
        texts = [sorted(text for _, text in each.taken.values())
                 for each in (county.channel, county.others["cloud"])]  # fmt: skip

        assert texts == [
            ["amy: way-test", "li: way-test", "wang: way-test"],
            ["li: way-test"],
        ]
        # START is the 23rd of November.
        assert county.until(126, 7 * 1_440, 360) == []
        assert len(county.until(7 * 1_440 + 360, 30 * 1_440, 360)) == 4

    def test_a_test_that_does_not_arrive_is_told(self, make: Make) -> None:
        """Somebody else hears who could not be reached, and the journal has it."""
        county = make(way_test="10:00")
        county.channel.slow = True
        county.at(120)
        key = next(key for key, (to, _) in county.channel.taken.items() if to.endswith("3"))
        county.channel.slow = False
        county.channel.outcomes[key] = Outcome("refused", "unknown number")
        came = county.until(121, 123)

        assert [text for _, text in came] == ["li: unreachable amy number refused"]
        results = {(body["result"]) for body in county.entries("way.tested")}
        assert results == {"refused"}

    def test_a_test_that_no_channel_took_says_nothing_of_the_number(self, make: Make) -> None:
        """Both ways were dead for more than an hour: there was no way out."""
        county = make("cloud", way_test="10:00")
        ways = (county.channel, county.others["cloud"])
        for way in ways:
            way.down = "no network"
        assert county.until(120, 190) == []
        for way in ways:
            way.down = ""
        came = [text for _, text in county.until(191, 200)]

        missed = [text for text in came if "unreachable" in text]
        assert missed
        assert all(text.endswith("no way out") for text in missed)

    def test_a_test_that_was_delivered_is_entered(self, make: Make) -> None:
        """Up to the report of the telephone."""
        county = make(way_test="10:00")
        county.at(120)
        for key in county.channel.taken:
            county.channel.outcomes[key] = Outcome("sent", delivery="delivered")
        county.at(121)

        assert [body["result"] for body in county.entries("way.tested")] == ["delivered"] * 3
