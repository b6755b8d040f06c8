from __future__ import annotations

import dataclasses

import pytest

from alerts.rules import Rule
from journal.database import read, write
from journal.journal import entries, head
from ledger.holds import Hold, hold_batch, holds_of, listing
from ledger.phrases import LedgerError
from ledger.store import rebuild
from tests.ledger.world import FREEZE, World, decision, ms

TELLS_ONLY = Rule("cn-gsp/high", "consecutive", 600_000, at_or_above=8000)


def said(holds: list[Hold]) -> list[tuple[str, int, bool]]:
    """Where, how many, and whether they had left."""
    return [(str(hold.place), hold.doses, hold.issued) for hold in holds]


def held(world: World, now: int, lot: str = "A") -> dict[str, int]:
    """Doses on hold by place, as the journey tells."""
    return {
        str(one.parcel.place): one.parcel.doses
        for one in world.journey(now, lot).judged
        if one.held
    }


class TestReach:
    def test_what_stands_there_is_held(self, world: World) -> None:
        """Batches in the asset are held, those in another one are not."""
        world.receive(0, "f1", 10, lot="A")
        world.receive(0, "f1", 20, lot="B")
        world.receive(0, "f2", 30, lot="C")
        assert said(world.excursion(50, 150, now=200)) == [
            ("east/f1", 10, False),
            ("east/f1", 20, False),
        ]

    def test_the_hold_begins_at_the_back_dated_start(self, world: World) -> None:
        """What left between the first outside reading and the opening is held where it is now."""
        world.receive(0)
        world.move(60, "f1", "f2", 40)  # the excursion began at 50 and opened at 110
        assert said(world.excursion(50, 150, now=200)) == [
            ("east/f1", 60, False),
            ("east/f2", 40, False),
        ]

    def test_what_left_before_the_start_is_free(self, world: World) -> None:
        """Moved or issued at the first outside reading or earlier: it was never in it."""
        world.receive(0)
        world.move(50, "f1", "f2", 40)
        world.excursion(50, 150, now=200)
        assert held(world, 200) == {"east/f1": 60}

    def test_what_came_after_the_end_is_free(self, world: World) -> None:
        """A lot that was put there when it was cold again is not held."""
        world.excursion(50, 150, now=160)
        world.receive(150)
        assert held(world, 200) == {}

    def test_a_rule_that_only_tells_holds_nothing(self, world: World) -> None:
        """`cn-gsp` wakes people and leaves the stock alone."""
        world.receive(0)
        assert world.excursion(50, 150, now=200, rule=TELLS_ONLY) == []
        assert held(world, 200) == {}

    def test_too_cold_holds_like_too_warm(self, world: World) -> None:
        """A freeze excursion puts on hold."""
        world.receive(0)
        assert len(world.excursion(50, 150, now=200, side="below", rule=FREEZE)) == 1
        assert world.journey(200).why[0].code == "held-below"

    def test_doses_moved_twice_are_found(self, world: World) -> None:
        """Through two fridges and a split, each part is held where it stands."""
        world.receive(0)
        world.move(80, "f1", "f2", 50)
        world.move(90, "f2", "f3", 20)
        assert said(world.excursion(50, 70, now=200)) == [
            ("east/f1", 50, False),
            ("east/f2", 30, False),
            ("east/f3", 20, False),
        ]

    def test_it_takes_what_it_meets(self, world: World) -> None:
        """Doses of the lot that stood in the new place cannot be told apart, and are held too."""
        world.receive(0, "f1", 10)
        world.receive(0, "f2", 20)
        world.excursion(50, 70, now=80)
        assert held(world, 90) == {"east/f1": 10}
        entered = world.move(90, "f1", "f2")
        assert said(entered.holds) == [("east/f2", 30, False)]
        assert [warning.code for warning in entered.warnings] == ["moved-on-hold"]

    def test_a_labelled_box_is_told_apart(self, world: World) -> None:
        """Put beside the good ones in a box with a label, they hold nothing but themselves."""
        world.receive(0, "f1", 10)
        world.receive(0, "f2", 20)
        world.excursion(50, 70, now=80)
        world.move(90, "f1", "f2#returned")
        assert held(world, 100) == {"east/f2#returned": 10}

    def test_issued_doses_are_told_and_not_held(self, world: World) -> None:
        """Who got them is in the journal; what was issued before it began is not."""
        world.readings("f1", 0, 100)
        world.receive(0)
        for minute in (40, 60):
            assert world.issue(minute, doses=5).refusal is None
        found = world.excursion(50, 150, now=200)
        assert said(found) == [("east/f1", 90, False), ("east/f1", 5, True)]
        assert (found[1].recipient, found[1].movement) == ("township clinic", 6)
        with read(world.engine) as conn:
            (entry,) = entries(conn, types="ledger.issued-affected")
        assert (entry.body["doses"], entry.body["recipient"]) == (5, "township clinic")


class TestEnteredLater:
    def test_a_back_dated_receipt_is_held_at_once(self, world: World) -> None:
        """The excursion is over; then somebody enters that a batch stood there."""
        world.excursion(50, 150, now=200)
        assert said(world.receive(100, now=300).holds) == [("east/f1", 100, False)]

    def test_a_back_dated_visit_is_held_at_once(self, world: World) -> None:
        """Entered later that doses were in the warm fridge and are gone from there again."""
        world.receive(0, "f2")
        world.excursion(50, 150, now=200, fridge="f1")
        first = world.move(60, "f2", "f1", 30, now=300)
        assert said(first.holds) == [("east/f1", 30, False)]
        assert said(world.move(70, "f1", "f3", 30, now=301).holds) == [("east/f3", 30, False)]
        assert held(world, 400) == {"east/f3": 30}

    def test_what_is_put_into_a_warm_fridge_is_held_at_once(self, world: World) -> None:
        """The excursion is open: whatever comes now shares it."""
        world.excursion(50, None, now=111)
        assert said(world.receive(120).holds) == [("east/f1", 100, False)]
        assert world.journey(121).verdict == "hold"

    def test_a_late_excursion_holds_what_has_moved_on(self, world: World) -> None:
        """A link was cut for a day; the doses are two fridges further when the readings come."""
        world.receive(0)
        world.move(1500, "f1", "f2")
        assert said(world.excursion(50, 150, now=3000)) == [("east/f2", 100, False)]

    def test_a_late_excursion_leaves_alone_what_came_after_it(self, world: World) -> None:
        """Its opening is learned before its end; a batch of the next day is not held by that."""
        world.receive(0, lot="A")
        world.receive(1000, lot="B")
        assert [hold.batch for hold in world.excursion(50, 150, now=3000)] == ["MMR/A"]
        assert held(world, 3000, "B") == {}

    def test_until_its_end_is_known_the_verdict_keeps_them(self, world: World) -> None:
        """Learned late and still open: no hold for the later batch, and no leaving either."""
        world.receive(0, lot="A")
        world.receive(1000, lot="B")
        world.readings("f1", 1000, 3001)
        assert [hold.batch for hold in world.excursion(50, None, now=3000)] == ["MMR/A"]
        assert world.issue(3000, lot="B").refusal is not None
        assert world.journey(3000, "B").verdict == "hold"

    def test_when_it_closes_the_later_ones_are_held_if_it_lasted_so_long(
        self, world: World
    ) -> None:
        """Closing looks once more, with the end that is known now."""
        world.receive(0, lot="A")
        world.receive(1000, lot="B")
        opened = decision("f1", 50)
        with write(world.engine) as conn:
            world.apply(conn, opened, 3000)
        closed = dataclasses.replace(opened, happening="closed", end=ms(1001))
        with write(world.engine) as conn:
            found = world.apply(conn, closed, 3001)
        assert [hold.batch for hold in found] == ["MMR/B"]


class TestKept:
    def test_nothing_is_entered_twice(self, world: World) -> None:
        """The same steps again, and a look at every batch: no further entry."""
        world.receive(0)
        world.move(60, "f1", "f2", 40)
        world.excursion(50, 150, now=200)
        with read(world.engine) as conn:
            before = head(conn)
        assert world.excursion(50, 150, now=201) == []
        with write(world.engine) as conn:
            assert hold_batch(conn, "MMR/A", at=ms(202)) == []
            assert head(conn) == before

    def test_a_hold_outlives_the_span_of_its_cause(self, world: World) -> None:
        """Held while it seemed open; that it had ended before does not release: a person does."""
        opened = decision("f1", 50)
        with write(world.engine) as conn:
            world.apply(conn, opened, 111)
        world.receive(140)
        closed = dataclasses.replace(opened, happening="closed", end=ms(130))
        with write(world.engine) as conn:
            world.apply(conn, closed, 150)
        assert held(world, 160) == {"east/f1": 100}
        world.move(170, "f1", "f2", 30)
        assert held(world, 180) == {"east/f1": 70, "east/f2": 30}

    def test_a_hold_stays_beside_one_that_the_cause_still_explains(self, world: World) -> None:
        """Of one lot, a box stood in it and other doses came after its true end: all stay held."""
        world.receive(0, "f1#old", 10)
        opened = decision("f1", 50)
        with write(world.engine) as conn:
            world.apply(conn, opened, 111)
        world.receive(140)
        closed = dataclasses.replace(opened, happening="closed", end=ms(130))
        with write(world.engine) as conn:
            world.apply(conn, closed, 150)
        assert held(world, 160) == {"east/f1#old": 10, "east/f1": 100}

    def test_a_cause_that_shrank_holds_nobody_new(self, world: World) -> None:
        """The same lot, delivered to the same fridge in a labelled box after the end, is free."""
        opened = decision("f1", 50)
        with write(world.engine) as conn:
            world.apply(conn, opened, 111)
        world.receive(140)
        closed = dataclasses.replace(opened, happening="closed", end=ms(130))
        with write(world.engine) as conn:
            world.apply(conn, closed, 150)
        world.receive(160, "f1#new", 5)
        assert held(world, 170) == {"east/f1": 100}

    @pytest.mark.parametrize("doses", [None, 1])
    def test_no_back_dated_movement_takes_doses_out(self, world: World, doses: int | None) -> None:
        """To enter "they had left before" would lift the hold: that is for whoever may release."""
        world.receive(0)
        world.excursion(50, 150, now=200)
        with pytest.raises(LedgerError) as caught:
            world.move(40, "f1", "f2", doses, now=300)
        assert caught.value.code == "lifts-hold"
        assert held(world, 300) == {"east/f1": 100}

    def test_a_back_dated_issue_takes_none_out_either(self, world: World) -> None:
        """Nor do doses leave by an issue that is dated before the excursion."""
        world.readings("f1", 0, 300)
        world.receive(0)
        world.excursion(50, 150, now=200)
        assert world.issue(40, now=250).refusal is not None

    def test_moving_held_doses_keeps_them_held(self, world: World) -> None:
        """They may be brought to a working fridge, now or entered a little later."""
        world.receive(0)
        world.excursion(50, None, now=112)
        world.move(115, "f1", "f2", now=120)
        assert held(world, 130) == {"east/f2": 100}


class TestProjection:
    def test_the_journal_alone_gives_the_same_tables(self, world: World) -> None:
        """Batches, movements, custody and holds, made again, are what they were."""
        world.readings("f1", 0, 60)
        world.receive(0)
        world.receive(0, lot="B")
        world.issue(40, doses=5)
        world.move(45, "f1", "f2", 30)
        world.excursion(30, 150, now=200)
        world.move(210, "f2", "f3", 10)
        with write(world.engine) as conn:
            tables = ("batches", "movements", "custody", "holds")
            queries = [f"SELECT * FROM {table} ORDER BY 1, 2, 3" for table in tables]
            before = [conn.exec_driver_sql(query).all() for query in queries]
            assert all(before)
            rebuild(conn)
            assert before == [conn.exec_driver_sql(query).all() for query in queries]

    def test_holds_are_listed_from_where_one_left_off(self, world: World) -> None:
        """The console asks for what is new behind a journal position."""
        world.receive(0)
        world.excursion(50, 70, now=200)
        world.excursion(80, 140, now=210)
        with read(world.engine) as conn:
            first, second = listing(conn)
            assert listing(conn, after=first.position) == [second]
            assert holds_of(conn, "MMR/A") == [first, second]
            assert holds_of(conn, "MMR/B") == []
