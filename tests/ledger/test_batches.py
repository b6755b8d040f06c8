from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from journal.database import read, write
from journal.journal import entries, head, verify
from ledger.batches import receive
from ledger.phrases import LedgerError
from ledger.store import all_batches, custody_of
from tests.ledger.world import EXPIRY, World, ms


def refusal(action: Callable[[], Any]) -> LedgerError:
    """The refusal that an action meets."""
    with pytest.raises(LedgerError) as caught:
        action()
    return caught.value


def stock(world: World, lot: str = "A") -> dict[str, int]:
    """Doses by place."""
    with read(world.engine) as conn:
        return {str(p.place): p.doses for p in custody_of(conn, f"MMR/{lot}").standing()}


def take(world: World, **given: Any) -> None:
    """Receive, with anything in it changed."""
    usual: dict[str, Any] = {
        "product": "MMR",
        "lot": "A",
        "expiry": EXPIRY,
        "doses": 10,
        "asset": "east/f1",
        "now": ms(10),
        "actor": "Li",
    }
    with write(world.engine) as conn:
        receive(conn, **{**usual, **given})


class TestReceive:
    def test_it_is_one_journal_entry(self, world: World) -> None:
        """Who, what, where, how many, and when it happened, beside when it was entered."""
        world.receive(5, now=7)
        with read(world.engine) as conn:
            (entry,) = entries(conn, types="ledger.")
            assert verify(conn) == []
        assert (entry.type, entry.actor, entry.subject, entry.at) == (
            "ledger.received",
            "Li",
            "MMR/A",
            ms(7),
        )
        assert entry.body == {
            "batch": "MMR/A",
            "product": "MMR",
            "lot": "A",
            "expiry": "2027-12-31",
            "doses": 100,
            "at": ms(5),
            "target": "east/f1",
            "target_label": "",
        }

    def test_a_second_delivery_adds(self, world: World) -> None:
        """The same lot comes twice; a Chinese name is a name."""
        world.receive(5, doses=10)
        world.receive(6, doses=20)
        take(world, product="麻腮风联合减毒活疫苗")
        assert stock(world) == {"east/f1": 30}
        with read(world.engine) as conn:
            assert [batch.id for batch in all_batches(conn)] == ["MMR/A", "麻腮风联合减毒活疫苗/A"]

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"doses": 0}, "bad-doses"),
            ({"doses": -1}, "bad-doses"),
            ({"doses": 2.5}, "bad-doses"),
            ({"doses": True}, "bad-doses"),
            ({"doses": 2**53}, "bad-doses"),
            ({"product": " "}, "bad-product"),
            ({"product": "a/b"}, "bad-product"),
            ({"product": "x" * 81}, "bad-product"),
            ({"lot": ""}, "bad-lot"),
            ({"lot": "A B"}, "bad-lot"),
            ({"lot": "A\n"}, None),
            ({"lot": "A\x07"}, "bad-lot"),
            ({"asset": "f1"}, "bad-asset"),
            ({"asset": "east/f1/center"}, "bad-asset"),
            ({"asset": "East/F1"}, "bad-asset"),
            ({"asset": "east/f1#"}, "bad-label"),
            ({"asset": "east/f1#a b"}, "bad-label"),
            ({"asset": "east/f1#蓝箱"}, None),
            ({"at": ms(12)}, "in-future"),
            ({"at": ms(11)}, None),
            ({"expiry": date(2026, 3, 1)}, "expired-on-receipt"),
            ({"expiry": date(2026, 3, 2)}, None),
        ],
    )
    def test_what_cannot_be_is_refused_in_one_line(
        self, world: World, given: dict[str, Any], code: str | None
    ) -> None:
        """Each mistake has its own line in both languages, and nothing of it is kept."""
        with read(world.engine) as conn:
            before = head(conn)
        if code is None:
            take(world, **given)
            return
        error = refusal(lambda: take(world, **given))
        assert error.code == code
        assert "\n" not in str(error)
        assert error.phrase.text("zh") != str(error)
        with read(world.engine) as conn:
            assert head(conn) == before

    def test_one_lot_has_one_expiry(self, world: World) -> None:
        """Another date for a known lot means that one of the two was misread."""
        take(world)
        error = refusal(lambda: take(world, expiry=date(2028, 1, 1)))
        assert error.code == "expiry-differs"
        assert "2027-12-31" in str(error)
        assert stock(world) == {"east/f1": 10}

    def test_an_asset_that_nobody_measures_is_pointed_out(self, world: World) -> None:
        """A misspelt fridge would make all its time unknown: said at once, and not refused."""
        assert [w.code for w in world.receive(5, "f9").warnings] == ["no-deciding-point"]
        assert world.receive(5, "f1").warnings == []


class TestMove:
    def test_all_or_some(self, world: World) -> None:
        """Without a number all that stands there moves."""
        world.receive(5)
        world.move(10, "f1", "f2", 30)
        assert stock(world) == {"east/f1": 70, "east/f2": 30}
        world.move(20, "f1", "f3")
        assert stock(world) == {"east/f2": 30, "east/f3": 70}

    @pytest.mark.parametrize(
        ("source", "target", "doses", "code"),
        [
            ("f1", "f2", 101, "not-there"),
            ("f1", "f1", 1, "same-place"),
            ("f2", "f1", 1, "not-there"),
            ("f2", "f1", None, "none-there"),
            ("f1#box", "f2", 1, "not-there"),
        ],
    )
    def test_what_is_not_there_stays(
        self, world: World, source: str, target: str, doses: int | None, code: str
    ) -> None:
        """Not more than there is, from where it is, to somewhere else."""
        world.receive(5)
        assert refusal(lambda: world.move(10, source, target, doses)).code == code
        assert stock(world) == {"east/f1": 100}

    def test_a_box_is_labelled_in_its_place(self, world: World) -> None:
        """From the shelf into a labelled box of the same fridge."""
        world.receive(5)
        world.move(10, "f1", "f1#returned", 4)
        assert stock(world) == {"east/f1": 96, "east/f1#returned": 4}

    def test_the_batch_is_named_by_its_lot_where_that_is_enough(self, world: World) -> None:
        """A lot that two products share is asked back; a wrong name is said to be unknown."""
        from ledger.batches import move

        def go(batch: str) -> None:
            with write(world.engine) as conn:
                move(
                    conn,
                    batch=batch,
                    source="east/f1",
                    target="east/f2",
                    doses=1,
                    now=ms(20),
                    actor="Li",
                )

        world.receive(5)
        go("A")
        assert refusal(lambda: go("B")).code == "unknown-batch"
        take(world, product="BCG")
        error = refusal(lambda: go("A"))
        assert error.code == "ambiguous-batch"
        assert "BCG/A, MMR/A" in str(error)
        go("MMR/A")
        assert stock(world) == {"east/f1": 98, "east/f2": 2}


class TestBackDated:
    def test_an_earlier_movement_makes_another_history(self, world: World) -> None:
        """Entered at noon that half of it moved in the morning: so it stood there since."""
        world.receive(0)
        world.issue(100, doses=10)  # no readings: refused, and so all are still there
        world.move(50, "f1", "f2", 40, now=120)
        with read(world.engine) as conn:
            first, second = custody_of(conn, "MMR/A").parcels
        assert first.levels == [(ms(0), 100), (ms(50), 60)]
        assert second.begin.at == ms(50)

    def test_doses_are_not_taken_from_under_a_later_entry(self, world: World) -> None:
        """The later entry that would be left without doses is named."""
        world.receive(0)
        world.move(100, "f1", "f2", 90)
        error = refusal(lambda: world.move(50, "f1", "f3", 20, now=120))
        assert error.code == "later-entry"
        assert "2026-03-02 01:40" in str(error)
        assert stock(world) == {"east/f1": 10, "east/f2": 90}

    def test_before_the_receipt_nothing_was_there(self, world: World) -> None:
        """A movement dated before the doses came is refused as it stands."""
        world.receive(50)
        error = refusal(lambda: world.move(40, "f1", "f2", 1, now=60))
        assert error.code == "not-there"
        assert "0 doses" in str(error)
