"""The hub's words: from its tables to what each person reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.codes import code_of
from alerts.facts import Way
from alerts.segments import fits_one
from config.hub import HubSettings, Person
from history.port import HistoryUnavailableError
from history.sqlite import SqliteHistory
from hub.alarms import Alarm, acknowledge, alarm_of
from hub.intake import Incoming, Intake
from hub.notices import Outbox, owe
from hub.said import Saying
from hub.wording import Wording
from journal.database import create_tables, open_database, read, write
from journal.excursions import ExcursionRow, listing
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings
from tests.support.sender import FRIDGE, MINUTE, RULES, START, Sender

SECOND = FRIDGE.replace("fridge-1", "fridge-2")
MAINS = "fridge-1/mains/present"
MAINS_RULES = [{"id": "cn-gsp/mains", "kind": "consecutive", "for_ms": 2_000, "at_or_below": 0,
                "holds": False, "tells": True}]  # fmt: skip


class Said:
    """What somebody's own SMS is answered with."""

    def __init__(self, kind: Any, alarms: tuple[Alarm, ...] = (), code: str = "") -> None:
        self.kind, self.alarms, self.code = kind, alarms, code


class Desk:
    """A hub without threads, with its real words and two fridges."""

    def __init__(self, folder: Path) -> None:
        self.settings: HubSettings = hub_settings(folder)
        self.people = {person.id: person for person in self.settings.people}
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.intake = Intake(self.settings, self.database, self.history, self._tell)
        self.wording = Wording(self.settings, self.intake.newest)
        self.channel = Recorder()
        self.outbox = Outbox(
            self.settings, self.database, self.channel, Saying(self.settings, self.wording).say
        )
        self.now = START

    def _tell(self, conn: Any, decision: Any, row: Any, now: int) -> None:
        owe(conn, self.settings.sites[0], decision.happening, row, now)

    def send(self, sender: Sender) -> None:
        """Take everything in, as of the last record's time."""
        self.now = sender.bodies[-1]["at"]
        topic = "coldwatch/1/east-gate/pi-1/records"
        self.intake.take([Incoming(topic, sender.message(), self.now)], self.now)

    def rows(self) -> list[ExcursionRow]:
        """What was found, oldest first."""
        with read(self.database) as conn:
            return list(reversed(listing(conn)))

    def say(self, method: str, *args: Any, **more: Any) -> str:
        """Have something worded within a transaction."""
        with read(self.database) as conn:
            text: str = getattr(self.wording, method)(conn, *args, **more)
        assert fits_one(text)
        return text

    @property
    def li(self) -> Person:
        """Who reads Chinese."""
        return self.people["li"]

    @property
    def amy(self) -> Person:
        """Who reads English."""
        return self.people["amy"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk in an empty folder."""
    made = Desk(tmp_path)
    yield made
    made.history.close()


def both(first: list[int], second: list[int]) -> Sender:
    """Two fridges of one device, a value a minute each."""
    sender = Sender()
    watch = {"interval_ms": MINUTE, "max_gap_ms": 3 * MINUTE, "storage": [2_000, 8_000],
             "decides": True, "rules": RULES}  # fmt: skip
    body = sender.settings()
    body["series"][SECOND] = watch
    # The record was hashed already: make it again with both series.
    sender = Sender()
    sender.add({key: value for key, value in body.items() if key != "seq"})
    for minute, values in enumerate(zip(first, second, strict=True)):
        for series, value in zip((FRIDGE, SECOND), values, strict=True):
            sender.reading(minute, value, series=series)
    return sender


@pytest.fixture
def hot(desk: Desk) -> Desk:
    """The first fridge has been too hot since minute 2, for twelve minutes; the second is well."""
    desk.send(both([5_000, 5_100, *[9_400] * 13], [4_000, 4_200, *[4_100] * 13]))
    return desk


class TestAlarm:
    def test_its_code_is_that_of_what_began_it(self, hot: Desk) -> None:
        """The text bears the code that answers the alarm, or the one that it is given."""
        (row,) = hot.rows()

        assert hot.say("text", hot.amy, [row], [], hot.now).endswith(f"Answer {code_of(row.id)}.")
        given = hot.say("text", hot.amy, [row], [], hot.now, code="1234")
        assert given.endswith("Answer 1234.")

    def test_the_gravest_speaks_and_the_first_lends_its_code(self, hot: Desk) -> None:
        """Of two rules the one that holds is told, under the code that people know already."""
        (row,) = hot.rows()
        earlier = replace(row, id="0" * 16, opened=row.opened - 1, holds=False, limit=8_500)

        text = hot.say("text", hot.amy, [row, earlier], [], hot.now)

        assert "(max 8C)" in text
        assert text.endswith("Answer 1000.")

    def test_steps(self, hot: Desk) -> None:
        """Who has not answered, and who has, is said by name."""
        (row,) = hot.rows()

        escalated = hot.say(
            "text", hot.li, [row], [], hot.now, step="escalated", unanswered=["李娜", "王军"]
        )
        assert escalated.startswith("【李娜、王军未应答】东门接种点 1号冰箱 温度过高 9.4℃")
        resumed = hot.say(
            "text", hot.amy, [row], [], hot.now, step="resumed", answered_by="Li", answered_at=START
        )
        assert resumed.startswith("STILL OPEN, Li answered 08:00: East Gate, Fridge 1 TOO HOT")

    def test_a_repeat_of_what_was_learned_late_is_no_late_discovery(self, hot: Desk) -> None:
        """Late is said once; a repeat says that nobody has answered."""
        (row,) = hot.rows()
        late = replace(row, learned_at=row.opened + 3_600_000)

        assert "LATE" in hot.say("text", hot.amy, [late], [], hot.now)
        assert "LATE" not in hot.say("text", hot.amy, [late], [], hot.now, step="repeat")

    def test_told_instead_of_somebody(self, hot: Desk) -> None:
        """Whoever is told instead gets the whole alarm, and a code."""
        (row,) = hot.rows()
        text = hot.say("unreachable", hot.amy, ["Wang"], "number refused", [row], hot.now)

        assert text.startswith(
            "Wang could not be told (number refused), you are instead: East Gate"
        )
        assert f"Answer {code_of(row.id)}." in text
        none = hot.say("unreachable", hot.li, ["王军"], "no delivery report", [], hot.now,
                       sites=["east-gate"])  # fmt: skip
        assert none.startswith("【疫苗冷链】东门接种点的报警无法通知王军：无送达回执。")

    def test_work_over_and_answered(self, hot: Desk) -> None:
        """What is still wrong when work has ended is an alarm; that somebody answers is none."""
        (row,) = hot.rows()

        over = hot.say("work_over", hot.amy, [row], hot.now)
        assert over.startswith("PLANNED WORK IS OVER, STILL WRONG: East Gate, Fridge 1 TOO HOT")
        assert f"Answer {code_of(row.id)}." in over
        assert hot.say("answered", hot.li, "王军", [row], hot.now) == (
            "【疫苗冷链】王军已应答并负责处理：东门接种点 1号冰箱 温度过高，08:02起。您暂不必处理。"
        )

    def test_a_forecast_grows_shorter(self, desk: Desk) -> None:
        """What was forecast when the mains were lost is reduced by what has passed since."""
        sender = Sender()
        sender.settings(rules=MAINS_RULES, series=MAINS)
        sender.reading(0, 1_000, series=MAINS)
        sender.reading(1, 0, series=MAINS)
        sender.reading(1 + 2_100 / MINUTE, 0, series=MAINS)
        holds = {"holds": [{"series": FRIDGE, "minutes_low": 95}]}
        sender.event(1 + 2_100 / MINUTE, "power.mains-lost", MAINS, holds)
        desk.send(sender)
        (row,) = desk.rows()

        def said(minutes: int) -> str:
            return desk.say(
                "text", desk.amy, [row], [], row.start + minutes * MINUTE, step="repeat"
            )

        assert "Should hold 1 h 35 min or more." in said(0)
        assert "Should hold 35 min or more." in said(60)
        assert "Should hold" not in said(95)

    def test_two_probes_that_disagree(self, desk: Desk) -> None:
        """The difference is that of the newest readings, and the newest temperature is not it."""
        other = "fridge-1/upper/temperature"
        rule = {"id": "cn-gsp/apart/upper", "kind": "disagreement", "for_ms": 10 * MINUTE,
                "apart": 2_000, "other": other, "holds": False, "tells": True}  # fmt: skip
        sender = Sender()
        body = sender.settings(rules=[rule])
        body["series"][other] = body["series"][FRIDGE] | {"rules": []}
        sender = Sender()
        sender.add({key: value for key, value in body.items() if key != "seq"})
        for minute in range(14):
            sender.reading(minute, 4_000)
            sender.reading(minute, 7_400, series=other)
        desk.send(sender)
        (row,) = desk.rows()
        assert row.side == "apart"

        text = desk.say("text", desk.amy, [row], [], desk.now)

        assert "East Gate, Fridge 1: PROBES DISAGREE by 3.4C (max 2C) since 08:00" in text

    def test_a_warming_fridge_says_when_it_passes_the_limit(self, desk: Desk) -> None:
        """The rate that was found gives the time to the limit of the storage range."""
        rule = {"id": "cn-gsp/warming", "kind": "rate", "for_ms": 5 * MINUTE, "above": 100,
                "holds": False, "tells": True}  # fmt: skip
        sender = Sender()
        sender.settings(rules=[rule])
        for minute in range(16):
            sender.reading(minute, 3_000 + 200 * minute)
        desk.send(sender)
        (row,) = desk.rows()
        assert row.kind == "rate"

        text = desk.say("text", desk.amy, [row], [], desk.now)

        assert "WARMING FAST: 6.0C, 0.2C a minute" in text
        assert "8C in 10 min at this rate." in text


class TestSeveral:
    def test_a_storm(self, desk: Desk) -> None:
        """Two fridges in one SMS, with what to do and one code."""
        desk.send(both([5_000, *[9_400] * 12], [5_000, *[10_900] * 12]))
        rows = desk.rows()
        assert len(rows) == 2

        text = desk.say("storm", desk.amy, rows, [], desk.now)

        first = min(rows, key=lambda row: (row.opened, row.id))
        assert text == (
            "VACCINE ALARM: East Gate: TOO HOT at 2 fridges: Fridge 1, Fridge 2 since 08:01. Worst"
            f" 10.9C (max 8C). Check door and power now. Answer {code_of(first.id)} for all."
        )
        over = desk.say("storm", desk.li, [], rows, desk.now)
        assert over == "【疫苗冷链】已解除：东门接种点 2台冰箱温度过高：1号冰箱、2号冰箱。"


class TestDaily:
    def test_all_well(self, desk: Desk) -> None:
        """The lowest and the highest value of a day stand in it, and nothing to answer."""
        desk.send(both([5_000, 2_900, 5_000], [4_000, 6_100, 4_000]))

        assert desk.say("all_well", desk.amy, ["east-gate"], desk.now) == (
            "ALL WELL at East Gate: 2 fridges 2.9C to 6.1C in the last 24 h."
        )
        assert desk.say("all_well", desk.li, ["east-gate"], desk.now) == (
            "【疫苗冷链】东门接种点 一切正常，24小时内2台冰箱2.9℃至6.1℃。"
        )

    def test_what_is_open_is_said(self, hot: Desk) -> None:
        """A fridge that is too hot now is no "all well"."""
        text = hot.say("all_well", hot.amy, ["east-gate"], hot.now)

        assert text == (
            "NOT ALL WELL at East Gate: Fridge 1 TOO HOT 9.4C. The others: 1 fridge 4.0C to 4.2C."
        )

    def test_a_fridge_without_a_reading_is_not_well(self, desk: Desk) -> None:
        """Nothing known is said as nothing known, whoever was to find it."""
        sender = Sender()
        sender.settings()
        sender.reading(0, 5_000)
        desk.send(sender)

        text = desk.say("all_well", desk.amy, ["east-gate"], desk.now)

        assert text.startswith("NOT ALL WELL at East Gate: Fridge 2 NO READINGS.")

    def test_alarms_that_are_over_are_counted(self, desk: Desk) -> None:
        """A night that was not quiet is told as such in the morning."""
        desk.send(both([5_000, *[9_400] * 12, *[5_000] * 14], [4_000] * 27))

        text = desk.say("all_well", desk.amy, ["east-gate"], desk.now)

        assert "1 alarm meanwhile, over." in text
        assert "1 alarm lacks a reason." in text

    def test_a_dead_way_stands_behind_a_fridge_that_is_too_hot(self, hot: Desk) -> None:
        """Each by its name, with what is wrong with it."""
        ways = [Way("modem", "dead"), Way("aliyun", "other")]
        text = hot.say("all_well", hot.amy, ["east-gate"], hot.now, ways=ways)
        assert text == (
            "NOT ALL WELL at East Gate: Fridge 1 TOO HOT 9.4C. modem FAILS; aliyun needs a look."
            " The others: 1 fridge 4.0C to 4.2C."
        )

    def test_nothing_is_well_without_a_way_out(self, desk: Desk) -> None:
        """The only one is called SMS; what was measured is said all the same."""
        desk.send(both([5_000, 2_900, 5_000], [4_000, 6_100, 4_000]))
        ways = [Way("", "signal")]

        assert desk.say("all_well", desk.li, ["east-gate"], desk.now, ways=ways) == (
            "【疫苗冷链】东门接种点 尚有异常：短信信号弱。测得2台冰箱2.9℃至6.1℃。"
        )
        assert desk.say("all_well", desk.amy, ["east-gate"], desk.now, ways=ways) == (
            "NOT ALL WELL at East Gate: SMS signal weak. Measured: 2 fridges 2.9C to 6.1C."
        )

    def test_a_history_that_is_away_claims_nothing(self, hot: Desk) -> None:
        """Without the history nobody says what was measured, and no living probe is called silent."""

        class Away:
            def envelope(self, *_: Any, **__: Any) -> None:
                raise HistoryUnavailableError("away")

            def last_before(self, *_: Any) -> None:
                raise HistoryUnavailableError("away")

        hot.intake.newest._history = Away()  # type: ignore[assignment]

        text = hot.say("all_well", hot.amy, ["east-gate"], hot.now)

        assert text == "NOT ALL WELL at East Gate: Fridge 1 TOO HOT 9.4C."

    def test_the_monthly_test(self, desk: Desk) -> None:
        """It asks for nothing."""
        assert desk.wording.way_test(desk.li, ["east-gate"], START) == (
            "【疫苗冷链】测试，无需处理：东门接种点的报警短信可送达本机。一个月后再次测试。"
        )

    def test_a_channel(self, desk: Desk) -> None:
        """A channel that fails is told with the one that is used instead, and that it works again."""
        failing = desk.wording.channel(
            desk.amy, ["east-gate"], START + MINUTE, failing=True, since=START, channel="modem",
            instead="aliyun", reason="no network",
        )  # fmt: skip
        assert failing.startswith(
            "East Gate: alarms do not get out by modem since 08:00; aliyun is"
        )
        again = desk.wording.channel(
            desk.amy, ["east-gate"], START + MINUTE, failing=False, since=START, channel="modem"
        )
        assert again == "East Gate: alarms get out by modem again since 08:01."


class TestReplies:
    def test_acknowledged(self, hot: Desk) -> None:
        """Who answers is told for what; who comes second, who was first."""
        with write(hot.database) as conn:
            alarm = alarm_of(conn, hot.rows()[0].id)
            assert alarm is not None
            alarm = acknowledge(conn, alarm.id, person="amy", way="sms", now=hot.now)

        mine = hot.say("reply", hot.amy, Said("acknowledged", (alarm,)), hot.now)
        assert mine == (
            "NOTED at 08:14: you answer for East Gate, Fridge 1 TOO HOT. Now 9.4C. If it goes on"
            " for 30 min, all are told again."
        )
        second = hot.say("reply", hot.li, Said("acknowledged", (alarm,)), hot.now)
        assert second == "【疫苗冷链】Amy已于08:14应答：东门接种点 1号冰箱 温度过高。"

    def test_state(self, hot: Desk) -> None:
        """The gravest first, then every fridge's newest value; an old one with its time."""
        assert hot.say("reply", hot.amy, Said("state"), hot.now) == (
            "East Gate at 08:14: Fridge 1 TOO HOT 9.4C; Fridge 2 4.1C."
        )
        later = hot.say("reply", hot.amy, Said("state"), hot.now + 3_600_000)
        assert later.endswith("Fridge 2 4.1C at 08:14.")

    def test_state_of_a_site_of_which_nothing_is_known(self, desk: Desk) -> None:
        """No value is no good news."""
        text = desk.say("reply", desk.amy, Said("state"), desk.now)

        assert "Fridge" not in text or "unknown" in text
        assert "C" not in text.replace("East Gate", "")

    def test_unknown_code(self, hot: Desk) -> None:
        """Who mistypes reads which codes there are; who was told of nothing reads of none."""
        (row,) = hot.rows()
        hot.outbox.round(hot.now)
        text = hot.say("reply", hot.amy, Said("unknown-code", (), "1111"), hot.now)
        assert text == (
            f"No alarm of yours has that code. Open: {code_of(row.id)} Fridge 1 TOO HOT. Send ? for"
            " the state."
        )
        stranger = hot.amy.model_copy(update={"id": "chen"})
        text = hot.say("reply", stranger, Said("unknown-code", (), "1111"), hot.now)
        assert "Nothing is open" in text

    def test_noted_when_it_is_over(self, desk: Desk) -> None:
        """Who answers behind the end is told that it is over, and asked for the reason."""
        desk.send(both([5_000, *[9_400] * 12, *[5_000] * 14], [4_000] * 27))
        with write(desk.database) as conn:
            alarm = alarm_of(conn, desk.rows()[0].id)
            assert alarm is not None
            alarm = acknowledge(conn, alarm.id, person="amy", way="sms", now=desk.now)

        text = desk.say("reply", desk.amy, Said("acknowledged", (alarm,)), desk.now)

        assert text.startswith("NOTED: East Gate, Fridge 1 TOO HOT is over since ")
        assert text.endswith("Send the code with its reason, or give it at the console.")

    def test_help(self, desk: Desk) -> None:
        """Anything else is answered with what can be sent."""
        assert "4 digits" in desk.say("reply", desk.amy, Said("help"), desk.now)


def test_the_outbox_uses_these_words(hot: Desk) -> None:
    """What is handed to the channel is what is worded here, once to each."""
    hot.outbox.round(hot.now)

    code = code_of(hot.rows()[0].id)
    texts = [text for _, text in hot.channel.taken.values()]
    assert len(texts) == 3
    assert all(code in text for text in texts)
