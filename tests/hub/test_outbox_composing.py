"""From the outbox's rows to SMS: what goes at once, what waits, what one speaks of, and to whom.

The rows are written by hand; test_escalating.py tells such stories through the whole hub.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from alerts.channels.contract import Outcome
from config.hub import Person
from hub.notices import Outbox, Progress, owe_text, told, told_message
from hub.said import Matter
from hub.tables import alarm_turns, notices, sms
from journal import work
from journal.database import read, write
from tests.hub.test_notices import Recorder
from tests.support.book import FRIDGE, Book, ms
from tests.support.databases import close_all
from tests.support.sender import START

SECOND = 1 / 60


def words(conn: Connection, person: Person, matters: Sequence[Matter], now: int) -> str:
    """Spell who is told what, of which alarms; the real words ask the database more."""
    assert conn.in_transaction()
    said = [each.alarm.id if each.alarm else each.happening for each in matters]
    return f"{person.id} {(now - START) // 1_000}s: {' '.join(said)}"


class Post(Book):
    """A book with an outbox that is never begun anew, and the channel's side of it."""

    def __init__(self, folder: Path, steps: Sequence[dict[str, Any]] = (), **site: Any) -> None:
        super().__init__(folder, steps, **site)
        self.channel = Recorder()
        self.cloud = Recorder()
        channels: Mapping[str, Any] = {"modem": self.channel, "cloud": self.cloud}
        self.outbox = Outbox(self.settings, self.database, channels, words)

    def compose(self, minute: float) -> tuple[int, int]:
        """Make what is due, word what may be, and return how many were, and how many wait."""
        self.due(minute)
        return self.outbox._compose(ms(minute))

    def worded_rows(self) -> list[Any]:
        """Return all SMS as they were made."""
        with read(self.database) as conn:
            return list(conn.execute(select(sms).order_by(sms.c.created_at, sms.c.id)))

    def texts(self) -> list[str]:
        """Return the texts of all SMS."""
        return [row.text for row in self.worded_rows()]


Make = Callable[..., Post]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a post in an empty folder."""
    yield lambda *steps, **site: Post(tmp_path, steps, **site)
    close_all()


class TestSms:
    def test_one_is_made_of_what_somebody_is_owed(self, make: Make) -> None:
        """With everything that sending asks for; and it carries its notices."""
        post = make({"to": ["li"], "channels": ["cloud", "modem"]})
        post.excursion("a")
        post.alarm()
        assert post.compose(0.1) == (1, 0)

        (row,) = post.worded_rows()
        number, _, rest = row.id.partition("-")
        assert (number, len(rest), int(rest, 16) > 0) == ("000000000001", 16, True)
        assert {name: value for name, value in row._mapping.items() if value not in ("", None)} == {
            "id": row.id, "person": "li", "phone": "+8613900000000", "language": "zh",
            "text": "li 6s: a", "created_at": ms(0.1), "state": "waiting",
            "channels": "cloud,modem", "first": True, "params": row.params,
        }  # fmt: skip
        pieces = json.loads(row.params)
        assert (pieces["text"], pieces["site"]) == ("li 6s: a", "东门")
        assert "东门" in row.params, "as a person reads it"
        assert [each.sms for each in post.rows()] == [row.id]
        assert post.compose(0.2) == (0, 0)

    def test_no_two_have_one_id(self, make: Make) -> None:
        """Not even of a hub that was begun anew and counts from one again."""
        post = make()
        with write(post.database) as conn:
            person = post.settings.people[0]
            ids = {owe_text(conn, person, "well", START) for _ in range(20)}
        assert {row.channels for row in post.worded_rows()} == {""}, "any"

        assert len(ids) == 20
        assert {id_.partition("-")[0] for id_ in ids} == {"0" * 12}

    def test_a_reply_is_worded_already(self, make: Make) -> None:
        """In the order of what is owed by then; by the channel that is asked for."""
        post = make()
        for _ in range(12):
            post.owe()
        with write(post.database) as conn:
            id_ = owe_text(conn, post.settings.people[1], "all 好", ms(3), channels="cloud")

        (row,) = post.worded_rows()
        assert row.id == id_
        assert id_.startswith("000000000012-")
        assert {name: value for name, value in row._mapping.items() if value not in ("", None)} == {
            "id": id_, "person": "wang", "phone": "+8613900000001", "language": "zh",
            "text": "all 好", "created_at": ms(3), "state": "waiting", "channels": "cloud",
            "first": False, "params": "{}",
        }  # fmt: skip

    def test_a_repeat_is_given_up_sooner_or_later_and_a_first_word_never(self, make: Make) -> None:
        """That somebody has it is no word of the alarm either."""
        post = make({"to": ["li", "wang"], "repeat": "10min"})
        post.excursion("a")
        post.alarm()
        post.compose(0)
        post.compose(10)
        post.answer(11)
        post.compose(11)

        assert [(row.text, row.first) for row in post.worded_rows()] == [
            ("li 0s: a", True),
            ("wang 0s: a", True),
            ("li 600s: a", True),
            ("wang 600s: a", True),
            ("wang 660s: a", False),
        ]

    def test_what_is_owed_to_who_has_left_is_seen(
        self, make: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It ends as refused, all of it by one, and the log says who and how much."""
        post = make()
        for _ in range(2):
            post.owe("zhou")
        post.owe("li")
        post.owe("")
        caplog.set_level(logging.INFO)
        assert post.compose(1) == (3, 0)

        left, (li, nobody) = post.worded_rows()[0], post.worded_rows()[1:]
        assert {
            name: value for name, value in left._mapping.items() if value not in ("", None)
        } == {
            "id": left.id, "person": "zhou", "language": "en", "created_at": ms(1),
            "state": "refused", "reason": "no longer in the settings", "first": False,
            "params": "{}",
        }  # fmt: skip
        assert (left.id[:13], li.id[:13], nobody.id[:13]) == (
            "000000000001-", "000000000003-", "000000000004-",
        )  # fmt: skip
        assert [row.sms for row in post.rows()] == [left.id, left.id, li.id, nobody.id]
        assert (nobody.person, nobody.state) == ("", "refused")
        records: list[Any] = [each for each in caplog.records if each.name == "hub.notices"]
        assert [(each.event, each.person, each.getMessage()) for each in records] == [
            ("nobody-to-tell", "zhou", "zhou is no longer in [[people]]; 2 notices were not sent"),
            (
                "nobody-to-tell", "",
                "nobody is on duty, and is no longer in [[people]]; 1 notices were not sent",
            ),
        ]  # fmt: skip

    def test_one_may_carry_more_than_a_statement_takes(self, make: Make) -> None:
        """Of 1,203 sites."""
        post = make()
        with write(post.database) as conn:
            row = {
                "happening": "all-well", "person": "li", "asset": "", "side": "",
                "created_at": START,
            }  # fmt: skip
            rows = [row | {"excursion": f"n{n}", "site": f"s{n}"} for n in range(1_203)]
            conn.execute(insert(notices), rows)
        assert post.compose(0) == (1, 0)

        (one,) = post.worded_rows()
        assert {row.sms for row in post.rows()} == {one.id}


class TestJoining:
    def test_what_follows_within_half_a_minute_waits_for_its_end(self, make: Make) -> None:
        """To the millisecond; and other people's do not."""
        post = make({"to": ["li"]})
        post.alarm("a")
        post.compose(0)
        post.alarm("b")
        assert post.compose(0) == (0, 1)
        post.alarm("c", 2 * SECOND)
        post.owe("wang")

        assert post.compose(29.999 * SECOND) == (1, 1)
        assert post.compose(30 * SECOND) == (1, 0)
        assert post.texts() == ["li 0s: a", "wang 29s: way-test", "li 30s: b c"]

    def test_a_clock_that_was_set_back_keeps_nobody_waiting(self, make: Make) -> None:
        """By hours, perhaps."""
        post = make({"to": ["li"]})
        post.alarm("a", 60)
        post.compose(60)
        post.alarm("b", 59.9)

        assert post.compose(59.9) == (1, 0)

    def test_it_counts_from_the_newest(self, make: Make) -> None:
        """And from none that carries no notice: a reply keeps no alarm waiting."""
        post = make({"to": ["li"]})
        for number, id_ in enumerate("abc"):
            post.alarm(id_, number)
            post.compose(number)
        post.alarm("d", 2.1)
        assert post.compose(2.1) == (0, 1)
        with write(post.database) as conn:
            owe_text(conn, post.settings.people[0], "well", ms(2.5))

        assert post.compose(2.6) == (1, 0)

    def test_a_word_of_who_answers_keeps_no_alarm_waiting(self, make: Make) -> None:
        """What is new goes at once; what the others answer is joined as ever."""
        post = make({"to": ["li"]})
        post.alarm("a")
        post.compose(0)
        post.answer(1, person="wang")
        post.compose(1)
        post.alarm("b", 1.1)
        post.alarm("c", 1.1)

        assert post.compose(1.1) == (1, 0)
        assert post.texts() == ["li 0s: a", "li 60s: a", "li 66s: b"]
        assert post.compose(1.2) == (0, 1)

    def test_words_of_who_answers_are_joined(self, make: Make) -> None:
        """Nobody wants them one by one."""
        post = make({"to": ["li"]})
        for id_ in "abc":
            post.alarm(id_)
        post.compose(0)
        post.compose(0.5)
        post.answer(2, person="wang")
        post.compose(2)
        for id_ in "bc":
            post.answer(2.1, person="wang", alarm=id_)
        assert post.compose(2.1) == (0, 1)
        assert post.compose(2.5) == (1, 0)
        assert post.texts()[2:] == ["li 120s: a", "li 150s: b c"]

    def test_a_first_alarm_goes_alone_where_it_is_quiet(self, make: Make) -> None:
        """The gravest; the others follow half a minute later, together."""
        post = make({"to": ["li"]})
        for id_, facts in (
            ("a", {"holds": False}),
            ("b", {"certainty": "possible"}),
            ("c", {}),
            ("d", {}),
        ):
            post.excursion(id_, **facts)
            post.alarm(id_)
        post.alarm("0", side="calibration")
        post.compose(0)
        assert post.texts() == ["li 0s: c"]

        post.compose(0.5)
        assert post.texts() == ["li 0s: c", "li 30s: a b d"]
        post.compose(1)
        assert post.texts()[2:] == ["li 60s: 0"]

    @pytest.mark.parametrize(
        ("holds", "certainty", "first"),
        [(False, "certain", "b"), (False, "possible", "b"), (True, "possible", "a")],
    )
    def test_what_holds_stock_is_graver_than_what_is_certain(
        self, make: Make, certainty: str, first: str, *, holds: bool
    ) -> None:
        """Then what is certain; of the same the one that is owed longer."""
        post = make({"to": ["li"]})
        post.excursion("a", holds=holds, certainty=certainty)
        post.alarm("a")
        post.excursion("b", holds=True, certainty="possible")
        post.alarm("b")
        post.compose(0)

        assert post.texts() == [f"li 0s: {first}"]

    def test_what_waited_for_the_day_is_told_behind_what_could_not(self, make: Make) -> None:
        """Of the same morning, however long it is owed and however certain it is."""
        post = make({"to": ["li"]})
        post.excursion("a", kind="stuck", side="stuck", holds=False)
        post.alarm("a", side="stuck", kind="stuck")
        post.excursion("b", quantity="card_worn", side="below", holds=False)
        post.alarm("b", quantity="card_worn", side="below")
        post.excursion("l", kind="lamp", quantity="wiping_due", side="lamp", holds=False)
        post.alarm("l", kind="lamp", quantity="wiping_due", side="lamp")
        post.excursion("c", holds=False, certainty="possible")
        post.alarm("c")
        post.compose(0)
        assert post.texts() == ["li 0s: c"]

        post.compose(0.5)
        assert post.texts()[1:] == ["li 30s: a b l"]

    @pytest.mark.parametrize(("seconds", "alone"), [(59.999, False), (60, True)])
    def test_quiet_is_a_minute(self, make: Make, seconds: float, *, alone: bool) -> None:
        """Before it what is new is told together."""
        post = make({"to": ["li"]})
        post.alarm("a")
        post.compose(0)
        post.alarm("b", 0.5)
        post.alarm("c", 0.5)
        post.compose(seconds * SECOND)

        assert post.texts()[1].partition(": ")[2] == ("b" if alone else "b c")

    def test_what_is_told_again_is_told_together(self, make: Make) -> None:
        """Two fridges' repeats are one message, however quiet it was."""
        post = make({"to": ["li"], "repeat": "10min"})
        for id_ in "ab":
            post.alarm(id_)
        post.compose(0)
        post.compose(1)
        post.compose(10)

        assert post.texts()[2:] == ["li 600s: a b"]

    def test_alarms_go_before_everything_else(self, make: Make) -> None:
        """Then what was owed first, with all of its kind and channels."""
        post = make({"to": ["li"]})
        post.owe(channels="cloud")
        post.owe(channels="modem")
        post.owe(happening="all-well")
        post.owe(channels="cloud")
        post.alarm("a", 0.1)
        for minute in (0.1, 1, 2, 3):
            post.compose(minute)

        assert [(row.text, row.channels) for row in post.worded_rows()] == [
            ("li 6s: a", ""),
            ("li 60s: way-test way-test", "cloud"),
            ("li 120s: way-test", "modem"),
            ("li 180s: all-well", ""),
        ]


class TestMost:
    def test_no_more_in_an_hour_but_a_first_word(self, make: Make) -> None:
        """Whatever carried them; what waits so is not waited for; each person for themselves."""
        post = make({"to": ["li"], "repeat": "10min"}, most_sms_an_hour=3)
        post.alarm("a")
        post.compose(0)
        with write(post.database) as conn:
            owe_text(conn, post.settings.people[0], "well", ms(1))
            for _ in range(3):
                owe_text(conn, post.settings.people[1], "well", ms(1))
        assert post.compose(10) == (1, 0)
        assert post.compose(20) == (0, 0)

        post.alarm("b", 21)
        assert post.compose(21) == (1, 0)
        post.owe("li", excursion="a", happening="answered", alarm="a", step="1", facts="{}")
        assert post.compose(22) == (0, 0)
        # The first of them was an hour ago.
        assert post.compose(59.999) == (0, 0)
        with write(post.database) as conn:
            conn.execute(sms.delete().where(sms.c.text == "well", sms.c.person == "li"))
        assert post.compose(59.9999) == (0, 0)
        assert post.compose(60) == (1, 0)

    @pytest.mark.parametrize(
        ("happening", "worse", "made"),
        [
            ("opened", True, (1, 0)),
            ("work-over", True, (1, 0)),
            ("opened", False, (0, 0)),
            ("recovered", True, (0, 0)),
        ],
    )
    def test_what_is_worse_is_held_back_by_no_number(
        self, make: Make, happening: str, made: tuple[int, int], *, worse: bool
    ) -> None:
        """Such as stock that is on hold now; not a further rule that adds nothing, nor an end."""
        post = make({"to": ["li"], "repeat": "10min"}, most_sms_an_hour=1)
        post.alarm("a")
        assert post.compose(0) == (1, 0)
        # That the alarm itself is graver than none lets no repeat of it through.
        assert post.compose(10) == (0, 0)
        post.member("b", 12, worse=worse, fresh=False)
        post.owe("li", happening, excursion="b", alarm="a", facts="{}")

        assert post.compose(12) == made


class TestRound:
    def test_it_says_what_was_done(self, make: Make) -> None:
        """And whose people were told: their agents hear of it."""
        post = make({"to": ["li", "wang"]})
        post.excursion("a")
        post.alarm()
        post.channel.slow = True
        assert post.outbox.round(ms(0)) == Progress(composed=2, waiting=2)
        post.alarm("b", 0.1)
        assert post.outbox.round(ms(0.1)) == Progress(waiting=2, owed=2)
        post.channel.slow = False
        for key, (to, _) in post.channel.taken.items():
            if to.endswith("1"):
                post.channel.outcomes[key] = Outcome("refused", "unknown number")
        post.cloud.outcomes = post.channel.outcomes
        done = post.outbox.round(ms(0.2))

        assert (done.composed, done.sent) == (0, 1)
        assert done.told == {"pi-1"}

    def test_what_has_just_come_up_is_owed_as_well(self, make: Make) -> None:
        """The modem fails: that is told by the other channel, and soon, with whatever waits."""
        post = make({"to": ["li", "wang"]})
        post.alarm()
        post.outbox.round(ms(0))
        post.alarm("b", 0.1)
        post.channel.down = "no modem"
        post.owe("amy")
        done = post.outbox.round(ms(0.1))

        failing = [row for row in post.rows() if row.happening == "channel-failing"]
        assert len(failing) == 2
        assert done == Progress(composed=1, sent=1, owed=4, told=done.told)

    def test_a_device_hears_that_what_it_found_is_covered(self, make: Make) -> None:
        """Its people know by an SMS that left before."""
        post = make({"to": ["li"]})
        post.excursion("a")
        post.alarm()
        post.outbox.round(ms(0))
        post.answer(5)
        post.excursion("b")
        post.member("b", 6)

        assert post.outbox.round(ms(6)).told == {"pi-1"}
        assert post.outbox.round(ms(7)) == Progress()

    def test_work_that_is_planned_or_done_is_seen_at_once(self, make: Make) -> None:
        """Whoever plans it asks nobody to look again; the hub is not begun anew for it."""
        post = make({"to": ["li"], "repeat": "10min"})
        post.alarm()
        post.outbox.round(ms(0))
        assert post.next_at() == 10

        post.plan(5, 60, now=5)
        post.outbox.round(ms(5))
        assert post.next_at() == 60
        with write(post.database) as conn:
            (planned,) = work.planned(conn)
            work.end(conn, planned.id, person="li", now=ms(20))
        post.outbox.round(ms(20))
        assert post.texts() == ["li 0s: a", "li 1200s: a"]

    def test_a_turn_that_has_not_come_is_not_taken(self, make: Make) -> None:
        """At its very millisecond it is."""
        post = make({"to": ["li"], "repeat": "10min"})
        post.alarm()
        post.outbox.round(ms(0))
        post.outbox.round(ms(10) - 1)
        assert len(post.rows()) == 1
        post.outbox.round(ms(10))
        assert len(post.rows()) == 2

    def test_a_hub_that_begins_looks_at_what_is_open(self, make: Make) -> None:
        """Its settings may be others."""
        post = make({"to": ["li"]})
        post.alarm()
        post.outbox.round(ms(0))
        assert post.next_at() is None
        Outbox(post.settings, post.database, post.channel, words)

        with read(post.database) as conn:
            assert [tuple(row) for row in conn.execute(select(alarm_turns))] == [("a", 0)]


class TestTold:
    def sent(self, post: Post, id_: str, happening: str = "opened", **more: Any) -> None:
        """Write an excursion that somebody was told of by an SMS that left."""
        post.excursion(id_, **more)
        post.owe(happening=happening, excursion=id_, alarm="a")
        post.worded(f"s-{id_}", "li")

    def test_it_lists_what_people_know(self, make: Make) -> None:
        """Of that device; not what the hub found itself, and not that one is over or answered."""
        post = make()
        self.sent(post, "b")
        self.sent(post, "a", "covered")
        self.sent(post, "c", device="pi-2")
        self.sent(post, "d", kind="lost-contact")
        self.sent(post, "e", "answered")
        self.sent(post, "f", "recovered")
        post.owe("wang", excursion="a", happening="repeat", alarm="a")
        post.worded("s-again", "wang")
        post.excursion("g")
        post.owe("amy", excursion="g", happening="opened", alarm="a")
        post.worded("s-g", "amy", state="handed")

        with read(post.database) as conn:
            assert told(conn, "pi-1", START) == ["a", "b"]
            assert json.loads(told_message(conn, "pi-1", "east-gate", START)) == {
                "v": 1, "at": START, "excursions": ["a", "b"], "works": [],
            }  # fmt: skip

    def test_it_lists_the_work_of_the_site(self, make: Make) -> None:
        """Until a day behind its end; not what was called off before it began, nor another site's."""
        post = make()
        post.plan(10, 60, now=0)
        post.plan(20, 80, now=0, asset="east-gate/fridge-2")
        post.plan(100, 160, now=0)
        post.plan(10, 60, now=0, asset="west-gate/fridge-1")
        with write(post.database) as conn:
            ids = {(each.asset, each.begin): each.id for each in work.planned(conn)}
            work.end(conn, ids["east-gate/fridge-2", ms(20)], person="li", now=ms(20.1))
            work.end(conn, ids[FRIDGE, ms(100)], person="li", now=ms(100))

        def listed(now: int) -> list[dict[str, Any]]:
            with read(post.database) as conn:
                found: list[dict[str, Any]] = json.loads(
                    told_message(conn, "pi-1", "east-gate", now)
                )["works"]
            return found

        first = {"asset": "fridge-1", "begin": ms(10), "until": ms(60)}
        second = {"asset": "fridge-2", "begin": ms(20), "until": ms(20.1)}
        day = 1_440
        assert listed(ms(20)) == [first, second]
        assert listed(ms(20.2 + day)) == [first]
        assert listed(ms(60.1 + day)) == []

    def test_what_is_over_is_listed_for_a_day(self, make: Make) -> None:
        """So that an agent that was away for a night still finds it."""
        post = make()
        self.sent(post, "a", end=START)
        with read(post.database) as conn:
            assert told(conn, "pi-1", ms(1_440) - 1) == ["a"]
            assert told(conn, "pi-1", ms(1_440)) == []
