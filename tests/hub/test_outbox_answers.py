"""From answers to the outbox's rows: who hears who has it, who need not hear, who is told instead.

The alarms are written by hand; test_escalating.py tells such stories through the whole hub.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.alarms import turn
from hub.escalating import nobody_reached
from hub.tables import alarm_answers, notices, sms
from journal import journal
from journal.database import read, write
from tests.support.book import FRIDGE, Book, ms
from tests.support.databases import close_all
from tests.support.sender import MINUTE, START

Make = Callable[..., Book]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a book in an empty folder."""
    yield lambda *steps, **site: Book(tmp_path, steps, **site)
    close_all()


class TestAnswers:
    def test_the_others_hear_who_has_it(self, make: Make) -> None:
        """Those who had been told by then, with who and when; each time it is taken on anew."""
        book = make({"to": ["li", "wang"]}, {"after": "5min", "to": ["amy"]})
        book.alarm()
        book.answer(5)
        book.answer(6, "amy")
        book.answer(36, "zhao")
        book.due(36)

        rows = [row for row in book.rows() if row.happening == "answered"]
        assert [(row.person, row.step) for row in rows] == [
            ("wang", "100"), ("amy", "100"), ("wang", "102"),
        ]  # fmt: skip
        assert [row.created_at for row in rows] == [ms(5), ms(5), ms(36)]
        assert json.loads(rows[0].facts) == {"by": "li", "at": ms(5)}
        assert json.loads(rows[2].facts) == {"by": "zhao", "at": ms(36)}
        assert {(row.excursion, row.channels) for row in rows} == {("a", "")}

    def test_who_is_told_later_needs_no_word_of_an_earlier_answer(self, make: Make) -> None:
        """They hear of the alarm itself, as it is by then."""
        book = make({"to": ["li", "wang"]}, {"after": "6min", "to": ["amy"]})
        book.alarm()
        book.answer(5)
        book.due(60)

        assert [each for each in book.said() if each[2] == "answered"] == [
            (5, "wang", "answered", "a")
        ]
        assert (36, "amy", "escalated", "a") in book.said()

    def test_what_somebody_has_already_is_not_taken_on(self, make: Make) -> None:
        """While an answer or an explanation holds; what is worse since can be."""
        book = make({"to": ["li", "wang", "amy"]})
        book.alarm()
        book.answer(5, "li", kind="explained", way="command")
        book.answer(60, "wang")
        book.due(61)
        assert [each for each in book.said() if each[2] == "answered"] == []

        book.member("b", 65, worse=True)
        book.answer(66, "wang")
        book.due(66)
        assert [each for each in book.said() if each[2] == "answered"] == [
            (66, "amy", "answered", "a")
        ]

    @pytest.mark.parametrize(("way", "told"), [("sms", [(30, "amy")]), ("console", [])])
    def test_an_explanation_by_sms_leaves_nobody_alone(
        self, make: Make, way: str, told: list[tuple[float, str]]
    ) -> None:
        """Earlier versions took words of an SMS for what was done: such a row holds for nothing."""
        book = make({"to": ["li"]}, {"after": "30min", "to": ["amy"]})
        book.alarm()
        book.answer(5, "li", kind="explained", way=way)
        book.due(60)

        found = [(each[0], each[1]) for each in book.said() if each[2] == "escalated"]
        assert found == told

    @pytest.mark.parametrize(("minute", "hears"), [(19.9, ["wang", "amy"]), (20, []), (60, [])])
    def test_an_answer_to_what_is_over_is_nobodys_news(
        self, make: Make, minute: float, hears: list[str]
    ) -> None:
        """At its very end, or behind it; before it, it is, even if the hub looks only then."""
        book = make()
        book.alarm()
        book.over(20)
        book.answer(minute)
        book.due(60)

        assert [row.person for row in book.rows() if row.happening == "answered"] == hears


class TestCovered:
    def test_who_knows_by_an_sms_needs_no_other(self, make: Make) -> None:
        """Bound to the SMS that told them last; where none is worded yet it speaks of both."""
        book = make()
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.due(10)
        book.answer(11)
        book.member("b", 12)
        done = book.due(12)

        rows = [row for row in book.rows() if row.excursion == "b"]
        assert [(row.person, row.happening, row.sms, row.created_at, row.step) for row in rows] == [
            ("li", "covered", "s1", ms(12), ""),
            ("wang", "opened", None, ms(12), ""),
        ]
        answered = 1
        assert (done.notices, done.covered) == (1 + answered, {"s1"})

        with write(book.database) as conn:
            turn(conn, "a")
        done = book.due(12)
        assert (done.notices, done.covered) == (0, set())

    def test_it_is_the_newest_sms_that_told_of_it(self, make: Make) -> None:
        """A repeat that is sent already; and not an SMS that told of something else."""
        book = make({"to": ["li"], "repeat": "10min"})
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.due(10)
        book.worded("s2", "li")
        book.answer(11, "wang")
        book.due(11)
        book.worded("s3", "li")
        book.member("b", 12)

        assert book.due(12).covered == {"s2"}


class TestUnreachable:
    def gone(self, book: Book, id_: str, minute: float, reason: str = "refused") -> int:
        """Say that an SMS did not get through to its person."""
        with write(book.database) as conn:
            row = conn.execute(select(sms).where(sms.c.id == id_)).one()
            return nobody_reached(conn, book.chains, row, reason, ms(minute))

    def test_somebody_else_is_owed_a_row(self, make: Make) -> None:
        """With everything that composing asks for; once, and the SMS is marked."""
        book = make()
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.worded("s2", "wang")

        assert self.gone(book, "s2", 3, "空号") == 1
        assert self.gone(book, "s2", 4) == 0
        (row,) = book.rows()[2:]
        assert dict(row._mapping) == {
            "id": 3, "excursion": "a", "happening": "unreachable", "person": "amy",
            "site": "east-gate", "asset": FRIDGE, "side": "above", "created_at": ms(3),
            "sms": None, "alarm": "a", "step": "-wang", "channels": "",
            "facts": '{"missed": "wang", "reason": "空号"}',
        }  # fmt: skip
        with read(book.database) as conn:
            marked = conn.execute(select(sms.c.id, sms.c.unreachable_at)).all()
        assert [tuple(each) for each in marked] == [("s1", None), ("s2", ms(4))]

    def test_each_of_those_who_are_missed_has_somebody(self, make: Make) -> None:
        """Amy instead of Li; then, as everybody of the chain knows, whom the site tells."""
        book = make(tell=["zhao"])
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.worded("s2", "wang")

        assert (self.gone(book, "s1", 1), self.gone(book, "s2", 1)) == (1, 1)
        assert book.said(2) == [(1, "amy", "unreachable", "a"), (1, "zhao", "unreachable", "a")]
        assert [row.step for row in book.rows()[2:]] == ["-li", "-wang"]

    def test_who_knows_of_another_rule_of_it_knows_of_it(self, make: Make) -> None:
        """Amy was told of the second excursion alone: she is not told as if she knew nothing."""
        book = make(tell=["zhao"])
        book.alarm()
        book.due(0)
        book.owe("amy", "opened", excursion="b", alarm="a")
        book.worded("s1", "li")

        assert self.gone(book, "s1", 1) == 1
        assert book.said(3) == [(1, "zhao", "unreachable", "a")]

    def test_of_each_alarm_in_it_somebody_hears_once(self, make: Make) -> None:
        """An SMS about two fridges, one of them twice; the end of a third alarm is nobody's news."""
        book = make({"to": ["li"], "repeat": "10min"}, {"after": "2h", "to": ["amy"]})
        for id_ in ("a", "b", "c"):
            book.alarm(id_)
        book.due(10)
        with write(book.database) as conn:
            repeated = (notices.c.alarm != "a") & (notices.c.happening == "repeat")
            conn.execute(notices.delete().where(repeated))
            conn.execute(
                notices.update().where(notices.c.alarm == "c").values(happening="answered")
            )
        book.worded("s1", "li")

        assert self.gone(book, "s1", 11) == 2
        assert book.said(4)[-2:] == [
            (11, "amy", "unreachable", "a"),
            (11, "amy", "unreachable", "b"),
        ]

    def test_an_alarm_of_which_somebody_heard_already_hides_no_other(self, make: Make) -> None:
        """An earlier SMS about the first fridge was lost as well."""
        book = make({"to": ["li"]}, {"after": "2h", "to": ["amy"]})
        for id_ in ("a", "b"):
            book.alarm(id_)
        book.due(0)
        book.worded("s1", "li")
        book.owe("amy", "unreachable", excursion="a", alarm="a", step="-li")

        assert self.gone(book, "s1", 1) == 1
        assert book.said(3) == [(1, "amy", "unreachable", "b")]

    def test_where_everybody_knows_who_was_reached_hears_it(self, make: Make) -> None:
        """Not who was missed in the last half hour as well; who was missed before that may be."""
        book = make({"to": ["li", "wang", "amy"]})
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.worded("s2", "wang", unreachable_at=ms(-20) + 1)
        book.worded("s3", "amy", unreachable_at=ms(-20))

        assert self.gone(book, "s1", 10) == 1
        assert book.said(3) == [(10, "amy", "unreachable", "a")]

    def test_nobody_is_left(self, make: Make, caplog: pytest.LogCaptureFixture) -> None:
        """The journal and the log say so, and the next alarm's is looked at all the same."""
        book = make({"to": ["li"]})
        book.alarm("a")
        book.alarm("b")
        book.due(0)
        book.worded("s1", "li")

        assert self.gone(book, "s1", 2, "the card is gone") == 0
        with read(book.database) as conn:
            entries = list(journal.entries(conn, types="notice."))
        assert [(each.type, each.actor, each.at, each.subject) for each in entries] == [
            ("notice.nobody", "hub", ms(2), "a"),
            ("notice.nobody", "hub", ms(2), "b"),
        ]
        assert entries[0].body == {"person": "li", "reason": "the card is gone"}
        (record, _) = caplog.records
        said: Any = record
        assert (said.event, said.person, said.alarm) == ("nobody-reached", "li", "a")
        assert record.getMessage() == "nobody can be told instead of li"

    def test_of_an_alarm_that_nothing_knows_any_more_somebody_hears(self, make: Make) -> None:
        """Nothing says that it is over, or that somebody has it."""
        book = make()
        book.owe("li", "opened", excursion="x", alarm="x")
        book.worded("s1", "li")

        assert self.gone(book, "s1", 2, "no delivery report") == 1

    def test_a_site_that_is_gone_has_nobody(self, make: Make) -> None:
        """The others in the same SMS have."""
        book = make({"to": ["li"]}, {"after": "1h", "to": ["amy"]})
        book.alarm("a")
        book.alarm("b")
        book.due(0)
        with write(book.database) as conn:
            conn.execute(notices.update().where(notices.c.alarm == "a").values(site="west-gate"))
        book.worded("s1", "li")

        assert self.gone(book, "s1", 2) == 1
        assert book.said(2) == [(2, "amy", "unreachable", "b")]

    @pytest.mark.parametrize(
        ("reason", "made"),
        [("no delivery report", 0), ("not delivered", 0), ("number refused", 1)],
    )
    def test_what_somebody_has_taken_on_wakes_nobody_by_a_report(
        self, make: Make, reason: str, made: int
    ) -> None:
        """A report comes when there was time to answer; a number that is refused says so at once."""
        book = make()
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.answer(3, "wang")

        assert self.gone(book, "s1", 15, reason) == made
        with read(book.database) as conn:
            marked = conn.execute(select(sms.c.unreachable_at)).scalar_one()
        assert marked == ms(15), "li is not one who was reached"

    def test_an_answer_that_has_ended_keeps_nobody_asleep(self, make: Make) -> None:
        """Neither that of half an hour ago, nor one of before it got worse, nor what it kept back."""
        book = make()
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.answer(3, "wang")
        assert self.gone(book, "s1", 33 - 1 / MINUTE, "no delivery report") == 0
        assert self.gone(book, "s1", 33, "no delivery report") == 1

        book.alarm("b", 50)
        book.due(50)
        book.worded("s2", "li")
        with write(book.database) as conn:
            conn.execute(alarm_answers.update().values(alarm="b", at=ms(51)))
        book.member("c", 52, alarm="b", worse=True)
        assert self.gone(book, "s2", 53, "no delivery report") == 1

    @pytest.mark.parametrize(
        ("reason", "wangs", "made"),
        [
            ("no delivery report", {"state": "handed"}, 0),
            ("no delivery report", {}, 0),
            ("not delivered", {}, 0),
            ("number refused", {}, 0),
            ("not delivered", {"state": "handed"}, 1),
            ("number refused", {"state": "refused"}, 1),
            ("number refused", {"unreachable_at": START}, 1),
        ],
    )
    def test_what_is_over_wakes_nobody_if_somebody_knows(
        self, make: Make, reason: str, wangs: dict[str, Any], made: int
    ) -> None:
        """Where a report is only missing, nobody is sure that anybody does not."""
        book = make()
        book.alarm()
        book.due(0)
        book.worded("s1", "li")
        book.worded("s2", "wang", **wangs)
        book.over(12)

        assert self.gone(book, "s1", 15, reason) == made

    @pytest.mark.parametrize(("happening", "made"), [("way-test", 1), ("all-well", 0)])
    def test_a_test_that_fails_is_told_to_who_is_told_first(
        self, make: Make, happening: str, made: int
    ) -> None:
        """Of a daily word that is lost nobody else hears."""
        book = make()
        row = {
            "excursion": "t1", "happening": happening, "person": "li", "site": "east-gate",
            "asset": "", "side": "", "created_at": START, "step": "", "facts": "{}",
        }  # fmt: skip
        with write(book.database) as conn:
            conn.execute(notices.insert().values(row | {"channels": ""}))
        book.worded("s1", "li")

        assert self.gone(book, "s1", 2) == made
        assert self.gone(book, "s1", 3) == 0
        assert book.said(1) == [(2, "wang", "unreachable", "t1")] * made
        assert [(each.alarm, each.asset) for each in book.rows()[1:]] == [("", "")] * made

    def test_for_a_test_that_fails_nobody_else_is_woken(self, make: Make) -> None:
        """Where all who are told first are lost, the journal has it, and no later step is told."""
        book = make()
        book.owe("li", facts="{}", channels="")
        book.worded("s1", "li")
        book.worded("s2", "wang", unreachable_at=ms(1))

        assert self.gone(book, "s1", 2) == 0
        assert len(book.rows()) == 1
