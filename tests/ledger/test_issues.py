from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from config.clock import SystemClock
from journal.database import read, write
from journal.journal import entries
from ledger.batches import receive
from ledger.issues import Attempt, issue
from ledger.phrases import LedgerError
from ledger.store import custody_of
from tests.ledger.world import DAY, EXPIRY, MINUTE, World, ms


def code(attempt: Attempt) -> str | None:
    """Why nothing was issued."""
    return attempt.refusal.code if attempt.refusal is not None else None


def deliver(world: World, lot: str, expiry: date, doses: int = 10, fridge: str = "f1") -> None:
    """A delivery at minute 0."""
    with write(world.engine) as conn:
        receive(
            conn,
            product="MMR",
            lot=lot,
            expiry=expiry,
            doses=doses,
            asset=f"east/{fridge}",
            now=ms(0),
            actor="Li",
        )


def doses_of(world: World, lot: str = "A") -> int:
    """How many are left."""
    with read(world.engine) as conn:
        return sum(parcel.doses for parcel in custody_of(conn, f"MMR/{lot}").standing())


class TestUsable:
    def test_usable_doses_leave(self, world: World) -> None:
        """Covered by readings, not expired, not held: they go, and the entry says to whom."""
        world.readings("f1", 0, 100)
        world.receive(5)
        done = world.issue(99, doses=3)
        assert (code(done), done.holds, done.warnings) == (None, [], [])
        assert doses_of(world) == 97
        with read(world.engine) as conn:
            (entry,) = entries(conn, types="ledger.issued")
        assert entry.body == {
            "batch": "MMR/A",
            "at": ms(99),
            "doses": 3,
            "source": "east/f1",
            "source_label": "",
            "recipient": "township clinic",
        }

    @pytest.mark.parametrize(("doses", "wrong"), [(11, "not-there"), (0, "bad-doses")])
    def test_not_more_than_there_is(self, world: World, doses: int, wrong: str) -> None:
        """What makes no sense is an error, not a verdict."""
        world.readings("f1", 0, 100)
        world.receive(5, doses=10)
        with pytest.raises(LedgerError) as caught:
            world.issue(99, doses=doses)
        assert caught.value.code == wrong

    def test_the_day_of_expiry_is_the_last_day(self, world: World) -> None:
        """Until midnight at the site it is usable, and not a minute longer."""
        world.readings("f1", 0, 2 * 1440)
        deliver(world, "A", date(2026, 3, 2))
        assert code(world.issue(1439)) is None
        assert code(world.issue(1440)) == "expired"
        assert world.journey(1440).verdict == "hold"
        assert world.journey(1440).held == 0


class TestHeld:
    def test_a_held_batch_is_refused_with_the_reason_and_what_to_do(self, world: World) -> None:
        """Which fridge, which limit, from when to when, and to ask the manufacturer."""
        world.readings("f1", 0, 300)
        world.receive(0)
        world.excursion(50, 150, now=200)
        refused = world.issue(250)
        assert code(refused) == "held-above"
        assert str(refused.refusal) == (
            "MMR/A is on hold: east/f1 was above 8.0 from 2026-03-02 00:50 to 2026-03-02 02:30, "
            "highest 9.5 (who-pqs/heat); ask the manufacturer, with what `coldwatch ledger "
            "journey` says"
        )
        assert doses_of(world) == 100

    @pytest.mark.parametrize(("end", "verdict"), [(None, "hold"), (150, "ask")])
    def test_the_verdict_is_ask_once_all_is_known(
        self, world: World, end: int | None, verdict: str
    ) -> None:
        """While it lasts: hold. When it is over: ask the manufacturer."""
        world.receive(0)
        world.excursion(50, end, now=200)
        world.readings("f1", 0, 300)
        assert world.journey(250).verdict == verdict


class TestUnknown:
    def test_half_an_hour_unknown_may_leave(self, world: World) -> None:
        """Exactly the limit is allowed: readings stop at 100, hold to 101, come again at 131."""
        world.readings("f1", 0, 101)
        world.readings("f1", 131, 200)
        world.receive(0)
        assert code(world.issue(199)) is None

    def test_more_is_a_hold_that_is_entered(self, world: World) -> None:
        """One minute longer: refused, and the hold stays although the issue failed."""
        world.readings("f1", 0, 101)
        world.readings("f1", 132, 200)
        world.receive(0)
        refused = world.issue(199)
        assert code(refused) == "unknown-time"
        assert [(hold.code, hold.doses) for hold in refused.holds] == [("unknown-time", 100)]
        assert "31 min from 2026-03-02 01:41 to 2026-03-02 02:12" in str(refused.refusal)
        with read(world.engine) as conn:
            assert [entry.type for entry in entries(conn, types="ledger.held")] == ["ledger.held"]
        assert world.issue(199).holds == []

    def test_reading_alone_enters_nothing_and_says_hold(self, world: World) -> None:
        """`journey` works on a snapshot: the verdict is hold, the journal as it was."""
        world.readings("f1", 0, 101)
        world.readings("f1", 132, 200)
        world.receive(0)
        found = world.journey(199)
        assert (found.verdict, found.held, found.holds) == ("hold", 100, ())

    def test_late_readings_do_not_release(self, world: World) -> None:
        """The hole fills in after it was held: a person looks at it and releases."""
        world.readings("f1", 0, 101)
        world.readings("f1", 132, 200)
        world.receive(0)
        world.issue(199)
        world.readings("f1", 101, 132)
        assert world.journey(199).way.stretches == ()
        assert code(world.issue(199)) == "unknown-time"

    def test_what_may_still_arrive_waits_without_a_hold(self, world: World) -> None:
        """The link is cut since minute 100: refused, nothing held, and free when it fills in."""
        world.readings("f1", 0, 101)
        world.receive(0)
        refused = world.issue(199)
        assert code(refused) == "pending"
        assert refused.holds == []
        assert world.journey(199).verdict == "hold"
        assert world.journey(199).held == 0
        world.readings("f1", 101, 200)
        assert code(world.issue(199)) is None

    def test_a_dead_probe_is_no_cut_link(self, world: World) -> None:
        """Another probe of the same device goes on: the missing readings will not arrive, a hold."""
        world.readings("f1", 0, 101)
        world.readings("f1", 101, 200, point="upper")
        world.receive(0)
        refused = world.issue(199)
        assert code(refused) == "unknown-time"
        assert len(refused.holds) == 1
        sum_ = world.journey(200).way.exposure()
        assert (sum_.unknown_ms, sum_.pending_ms) == (99 * MINUTE, MINUTE)

    def test_a_link_cut_for_less_than_the_limit_is_no_matter(self, world: World) -> None:
        """The last reading is 30 minutes old: as much as one stretch may be unknown."""
        world.readings("f1", 0, 101)
        world.receive(0)
        assert code(world.issue(131)) is None

    def test_the_stretch_goes_on_across_a_move(self, world: World) -> None:
        """20 minutes unknown here and 20 there are one stretch of 40."""
        world.readings("f1", 0, 101)
        world.readings("f1", 121, 200)
        world.readings("f2", 141, 200)
        world.receive(0)
        world.move(121, "f1", "f2", 50)
        assert code(world.issue(199, "f2")) == "unknown-time"
        assert code(world.issue(199, "f1")) is None

    def test_nobody_measures_so_all_is_unknown(self, world: World) -> None:
        """A cool box without a probe: half an hour in it may be, a minute more is a hold."""
        world.readings("f1", 0, 300)
        world.readings("f2", 0, 300)
        world.receive(0)
        world.move(100, "f1", "coolbox", 20)
        world.move(130, "coolbox", "f1#a", 10)
        world.move(131, "coolbox", "f1#b", 10)
        assert code(world.issue(200, "f1#a")) is None
        assert code(world.issue(200, "f1#b")) == "unknown-time"

    def test_a_fridge_that_never_sent_anything_is_pending(self, world: World) -> None:
        """Its settings are known and no reading is: nothing is known to be lost yet."""
        world.receive(0)
        assert code(world.issue(199)) == "pending"

    def test_a_rejected_reading_proves_nothing(self, world: World) -> None:
        """A dead probe that says so every minute leaves its time unknown."""
        world.readings("f1", 0, 50)
        world.readings("f1", 50, 200, quality="rejected:crc")
        world.readings("f1", 200, 210)
        world.receive(0)
        assert code(world.issue(209)) == "unknown-time"


class TestFirstToExpire:
    def test_the_earliest_usable_goes_first(self, world: World) -> None:
        """Not the expired one, not the held one: the next."""
        world.readings("f1", 0, 3000)
        world.readings("f2", 0, 3000)
        deliver(world, "OLD", date(2026, 3, 2))
        deliver(world, "WARM", date(2026, 5, 1), fridge="f2")
        deliver(world, "NEXT", date(2026, 6, 1))
        deliver(world, "LAST", date(2026, 7, 1))
        world.excursion(50, 150, now=200, fridge="f2")
        world.move(210, "f2", "f1", lot="WARM")
        done = world.issue(2000, lot=None, doses=3)
        assert [(one.batch.lot, one.movement.doses) for one in done.entered] == [("NEXT", 3)]

    def test_it_goes_on_with_the_next_batch(self, world: World) -> None:
        """Seven of the first and five of the second, in one transaction."""
        world.readings("f1", 0, 100)
        deliver(world, "B", date(2026, 7, 1))
        deliver(world, "A", date(2026, 6, 1), doses=7)
        done = world.issue(99, lot=None, doses=12)
        assert [(one.batch.lot, one.movement.doses) for one in done.entered] == [("A", 7), ("B", 5)]
        assert [entry.movement.position for entry in done.entered] == [6, 7]

    def test_too_few_usable_ones_give_none(self, world: World) -> None:
        """All or nothing, and what keeps the others is said."""
        world.readings("f1", 0, 300)
        deliver(world, "A", date(2026, 6, 1))
        world.excursion(50, 60, now=200)
        with write(world.engine) as conn:
            receive(
                conn,
                product="MMR",
                lot="B",
                expiry=EXPIRY,
                doses=2,
                asset="east/f1",
                now=ms(210),
                actor="Li",
            )
        refused = world.issue(250, lot=None, doses=3)
        assert code(refused) == "too-few-usable"
        assert "only 2 usable doses of MMR, not 3; MMR/A is on hold" in str(refused.refusal)
        assert (doses_of(world, "A"), doses_of(world, "B")) == (10, 2)

    def test_taking_a_later_one_by_name_is_pointed_out(self, world: World) -> None:
        """It is done, for there may be a reason, and the earlier one is named."""
        world.readings("f1", 0, 100)
        deliver(world, "A", date(2026, 6, 1))
        deliver(world, "B", date(2026, 7, 1))
        done = world.issue(99, lot="B")
        assert code(done) is None
        assert [w.text() for w in done.warnings] == [
            "MMR/A is usable at east/f1 too and expires earlier, on 2026-06-01"
        ]
        assert world.issue(99, lot="A").warnings == []

    def test_nothing_of_the_product_is_there(self, world: World) -> None:
        """An empty shelf is said to be empty."""
        deliver(world, "A", date(2026, 6, 1), fridge="f2")
        with pytest.raises(LedgerError) as caught:
            world.issue(99, lot=None)
        assert caught.value.code == "none-there"


@dataclass(frozen=True)
class _Standing(SystemClock):
    """A clock that stands still."""

    at: int = 0

    def now_ms(self) -> int:
        return self.at


class TestIssueInItsOwnTransaction:
    def test_a_refusal_keeps_the_hold_that_it_found(self, world: World) -> None:
        """`issue` raises after its commit, so the journal knows why."""
        world.readings("f1", 0, 101)
        world.readings("f1", 132, 200)
        world.receive(0)
        with pytest.raises(LedgerError) as caught:
            issue(
                world.engine,
                world.history,
                _Standing(at=ms(199)),
                asset="east/f1",
                doses=1,
                batch="A",
                actor="Li",
            )
        assert caught.value.code == "unknown-time"
        with read(world.engine) as conn:
            assert len(list(entries(conn, types="ledger.held"))) == 1

    def test_time_is_read_with_the_lock_in_hand(self, world: World) -> None:
        """The clock is asked inside the transaction: the entry has that time."""
        world.readings("f1", 0, 100)
        world.receive(0)
        done = issue(
            world.engine,
            world.history,
            _Standing(at=ms(99)),
            asset="east/f1",
            doses=1,
            product="MMR",
            actor="Li",
        )
        assert [one.movement.at for one in done.entered] == [ms(99)]

    def test_a_year_without_any_probe_is_refused_quickly(self, world: World) -> None:
        """Final unknown time of a year is one stretch, not half a million."""
        world.receive(0, "nowhere")
        refused = world.issue(365 * DAY // 60_000, "nowhere")
        assert code(refused) == "unknown-time"
        assert "365 d" in str(refused.refusal)
