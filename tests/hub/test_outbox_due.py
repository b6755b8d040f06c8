"""From alarms to the outbox's rows: who is owed what, as of when, asked of rows written by hand.

test_escalating.py tells stories through the whole hub; here each row is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from alerts.escalation import Span
from hub.alarms import turn
from hub.escalating import _inside, begin_anew
from hub.tables import alarm_excursions, alarm_turns
from journal.database import read, write
from tests.support.book import DUTY, FRIDGE, Book, ms
from tests.support.databases import close_all
from tests.support.sender import START

Make = Callable[..., Book]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a book in an empty folder."""
    yield lambda *steps, **site: Book(tmp_path, steps, **site)
    close_all()


class TestRows:
    def test_everybody_of_a_step_is_owed_one(self, make: Make) -> None:
        """With everything that composing asks for; and it is looked at again for the repeat."""
        book = make()
        book.alarm()
        done = book.due(0)

        common = {
            "excursion": "a", "happening": "opened", "site": "east-gate", "asset": FRIDGE,
            "side": "above", "created_at": START, "sms": None, "alarm": "a", "step": "",
            "facts": "{}", "channels": "",
        }  # fmt: skip
        assert [dict(row._mapping) for row in book.rows()] == [
            {"id": 1, "person": "li"} | common,
            {"id": 2, "person": "wang"} | common,
        ]
        assert (done.notices, done.covered) == (2, set())
        assert book.next_at() == 10

    def test_a_hub_that_looks_late_owes_what_was_due_then(self, make: Make) -> None:
        """To those who were on duty then, by the channels of the step, as of that minute."""
        book = make(
            {"to": ["pharmacist"], "repeat": "10min"},
            {"after": "15min", "to": ["amy"], "channels": ["cloud", "modem"]},
            duty=[  # START is 08:00 at the site
                {"role": "pharmacist", "person": "li", "from": "20:00", "until": "08:09"},
                {"role": "pharmacist", "person": "zhao", "from": "08:09", "until": "20:00"},
            ],
        )
        book.alarm()

        assert book.due(17).notices == 3
        assert book.said() == [
            (0, "li", "opened", "a"),
            (10, "zhao", "repeat", "a"),
            (15, "amy", "escalated", "a"),
        ]
        assert [row.step for row in book.rows()] == ["", "0.0.1", "1"]
        assert [row.channels for row in book.rows()] == ["", "", "cloud,modem"]
        assert book.next_at() == 20

    def test_everybody_is_told_again_by_the_channels_of_their_own_step(self, make: Make) -> None:
        """When an answer ends, all steps are told at once; who is in two goes by the later one."""
        book = make(
            {"to": ["li", "wang"], "channels": ["modem"]},
            {"after": "5min", "to": ["amy", "wang"], "channels": ["cloud"]},
            {"after": "6min", "to": ["zhao"]},
        )
        book.alarm()
        book.answer(7)
        book.due(37)

        resumed = [(row.person, row.channels) for row in book.rows() if row.happening == "resumed"]
        assert resumed == [("li", "modem"), ("wang", "cloud"), ("amy", "cloud"), ("zhao", "")]

    @pytest.mark.parametrize("person", ["zhao", ""])
    def test_whom_the_site_tells_is_told_by_the_channels_of_the_step(
        self, make: Make, person: str
    ) -> None:
        """Nobody of the chain is on duty; so is the notice to nobody."""
        book = make(
            {"to": ["pharmacist"], "channels": ["modem"]},
            {"after": "5min", "to": ["pharmacist"], "channels": ["cloud"]},
            duty=[DUTY[0] | {"days": ["mon"]}],
            tell=[person] if person else [],
        )
        book.alarm()
        book.due(5)

        rows = [(row.person, row.channels) for row in book.rows()]
        assert rows == [(person, "modem"), (person, "cloud")]

    def test_an_alarm_is_looked_at_on_its_turn(self, make: Make) -> None:
        """Not before; and looking again owes nothing twice."""
        book = make()
        book.alarm()
        book.due(0)

        assert book.due(9.99).notices == 0
        assert book.next_at() == 10
        assert book.due(10).notices == 2
        assert book.due(10).notices == 0
        with write(book.database) as conn:
            turn(conn, "a")
        assert book.due(10).notices == 0
        assert len(book.rows()) == 4

    def test_the_oldest_alarm_is_owed_first(self, make: Make) -> None:
        """Those of one instant by their ids, so that each run of a story is the same."""
        book = make({"to": ["li"]})
        for id_, opened in (("c", 0), ("a", 1), ("b", 0), ("0", 2)):
            book.alarm(id_, opened)
        book.due(2)

        assert [row.alarm for row in book.rows()] == ["b", "c", "a", "0"]

    def test_a_site_that_is_gone_from_the_settings_is_asked_no_more(self, make: Make) -> None:
        """The other sites' alarms are."""
        book = make()
        book.alarm("0", site="west-gate")
        book.alarm("a")

        assert book.due(0).notices == 2
        assert book.next_at("0") is None

    def test_a_hub_that_begins_looks_at_every_open_alarm(self, make: Make) -> None:
        """And not at years of those that are over."""
        book = make({"to": ["li"]})
        book.alarm("a")
        book.alarm("b", recovered_at=ms(0), ended_by="b")
        book.due(0)
        assert (book.next_at("a"), book.next_at("b")) == (None, None)

        with write(book.database) as conn:
            begin_anew(conn)
        with read(book.database) as conn:
            assert [tuple(row) for row in conn.execute(select(alarm_turns))] == [("a", 0)]

    @pytest.mark.parametrize("often", [True, False])
    def test_nobody_is_a_row_too_but_hears_of_nothing_else(
        self, make: Make, *, often: bool
    ) -> None:
        """Whether the hub looks each time or only when all is over."""
        book = make({"to": ["pharmacist"]}, duty=[DUTY[0] | {"days": ["mon"]}])
        book.alarm()
        if often:
            book.due(0)
        book.answer(5)
        if often:
            book.due(5)
        book.over(9)
        book.due(9)

        assert book.said() == [(0, "", "opened", "a")]

    def test_a_certificate_is_told_once_to_the_first_step(self, make: Make) -> None:
        """At once, since it is day already; by the step's channels; and not that it is over."""
        book = make(
            {"after": "5min", "to": ["li"], "channels": ["cloud"], "repeat": "10min"},
            {"after": "15min", "to": ["amy"]},
        )
        book.alarm(side="calibration")
        book.due(0)
        assert book.said() == [(0, "li", "opened", "a")]
        assert [row.channels for row in book.rows()] == ["cloud"]
        assert book.next_at() is None

        book.over(60)
        assert book.due(60).notices == 0


class TestFacts:
    def test_what_was_learned_late_has_its_delay_behind_it(self, make: Make) -> None:
        """And a device whose clock is ahead makes nobody wait longer."""
        book = make({"after": "20min", "to": ["li"]})
        book.alarm("a", happened=-5)
        book.alarm("b", happened=5)
        book.due(30)

        assert book.said() == [(15, "li", "opened", "a"), (20, "li", "opened", "b")]

    def test_further_rules_are_told_in_their_order(self, make: Make) -> None:
        """Those that opened before the first step with it; not what continues a known one."""
        book = make({"after": "20min", "to": ["li"]})
        book.alarm()
        book.member("c", 12)
        book.member("b", 11)
        book.member("d", 10, fresh=False)
        book.member("e", 25)
        book.due(30)

        assert book.said() == [
            (20, "li", "opened", "a"),
            (20, "li", "opened", "b"),
            (20, "li", "opened", "c"),
            (25, "li", "opened", "e"),
        ]

    @pytest.mark.parametrize(
        ("more", "breaks"),
        [
            ({"worse": True}, True),
            ({"certain_at": 12}, True),
            ({"worse": False}, False),
            ({"worse": True, "fresh": False}, False),
        ],
    )
    def test_what_is_worse_breaks_an_answer(
        self, make: Make, more: dict[str, Any], *, breaks: bool
    ) -> None:
        """A graver rule, or that it is certain now; not a rule that adds nothing, or is known."""
        book = make()
        book.alarm()
        book.answer(5)
        book.member("b", 12, **more)
        book.due(13)

        assert book.next_at() == (22 if breaks else 35)

    @pytest.mark.parametrize(
        ("opened", "happened", "told"),
        [
            (15, 15, [60]),
            (15, 10, [60]),
            (15, 9.99, [15, 25, 35, 45, 55]),
            (10, 9.99, [10, 20, 30, 40, 50, 60]),
            (9.9, 9, [9.9, 60]),
        ],
    )
    def test_work_keeps_back_what_it_may_have_caused(
        self, make: Make, opened: float, happened: float, told: list[float]
    ) -> None:
        """What began with it or in it, and what was known before; not what is learned late."""
        book = make({"to": ["li"], "repeat": "10min"})
        book.plan(10, 60, now=0)
        book.alarm(opened=opened, happened=happened)
        book.due(60)

        assert [minute for minute, *_ in book.said()] == told

    def test_work_on_one_fridge_keeps_back_nothing_of_another(self, make: Make) -> None:
        """The neighbour is defrosted: this one is told of all the same."""
        book = make({"to": ["li"], "repeat": "10min"})
        book.plan(0, 60, now=0, asset="east-gate/fridge-2")
        book.alarm(opened=5)
        book.due(20)

        assert [minute for minute, *_ in book.said()] == [5, 15]

    def test_a_recovery_ends_what_is_due(self, make: Make) -> None:
        """Nobody hears of a step behind it; whoever was told hears of the end, once."""
        book = make()
        book.alarm()
        book.due(0)
        book.over(12, by="c")
        book.due(30)

        assert book.said(2) == [
            (10, "li", "repeat", "a"),
            (10, "wang", "repeat", "a"),
            (12, "li", "recovered", "c"),
            (12, "wang", "recovered", "c"),
        ]
        assert [row.step for row in book.rows()[4:]] == ["", ""]
        assert book.next_at() is None

    @pytest.mark.parametrize(("by", "kind"), [("", "consecutive"), ("a", "cumulative")])
    def test_an_end_that_is_no_news_is_not_told(self, make: Make, by: str, kind: str) -> None:
        """The rule was taken away; or it was only a sum, which falls hours after."""
        book = make()
        book.alarm(kind=kind)
        book.due(0)
        book.over(5, by=by)

        assert book.due(5).notices == 0

    def test_a_sum_beside_something_else_hides_no_end(self, make: Make) -> None:
        """The fridge was warm as well."""
        book = make({"to": ["li"]})
        book.alarm(kind="cumulative")
        book.member("b", 0)
        book.over(5)
        book.due(5)

        assert book.said()[-1] == (5, "li", "recovered", "a")

    def test_inside_for_a_moment_is_quiet(self, make: Make) -> None:
        """What has closed but not recovered: no repeat until it opens anew."""
        book = make({"to": ["li"], "repeat": "10min"})
        book.alarm()
        with write(book.database) as conn:
            conn.execute(alarm_excursions.update().values(closed_at=ms(8)))
        book.due(12)
        assert book.said(1) == []
        book.member("b", 14, fresh=False, thread="a")
        book.due(24)

        assert book.said(1) == [(24, "li", "repeat", "a")]


def member(opened: float, closed: float | None, kind: str = "consecutive") -> Any:
    """Return an excursion as far as it matters when it was open."""
    return SimpleNamespace(kind=kind, opened_at=opened, closed_at=closed)


def spans(*members: tuple[float, float | None]) -> list[Span]:
    """Return when nothing of these excursions was open."""
    return _inside(member(*each) for each in members)


def test_inside_is_while_nothing_is_open() -> None:
    """From the last close to the next opening, or still."""
    assert spans((0, None)) == []
    assert spans((0, 5)) == [Span(5, None)]
    assert spans((0, 5), (8, None)) == [Span(5, 8)]
    assert spans((0, 5), (8, 9), (12, 20)) == [Span(5, 8), Span(9, 12), Span(20, None)]
    assert spans((0, 5), (3, 9), (4, None)) == []
    assert spans((0, 5), (3, 9)) == [Span(9, None)]
    assert spans((0, 5), (0, 7), (6, 9), (11, None)) == [Span(9, 11)]
    assert spans((0, 5), (5, 9)) == [Span(9, None)], "nothing lies between"


def test_inside_looks_at_sums_only_where_there_is_nothing_else() -> None:
    """A sum falls hours after the fridge is cold again."""
    out, total = member(0, 5), member(3, None, "cumulative")

    assert _inside([out, total]) == [Span(5, None)]
    assert _inside([total]) == []
    assert _inside([member(3, 9, "cumulative")]) == [Span(9, None)]
