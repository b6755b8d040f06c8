from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from alerts.decisions import Decision
from alerts.rules import Rule
from journal.database import read, write
from journal.excursions import (
    ExcursionRow,
    apply,
    apply_lost_contact,
    excursions,
    get,
    listing,
    open_ones,
    overlapping,
    rebuild,
)
from journal.journal import entries, head, verify
from tests.support.databases import new_database

HEAT = Rule("who-pqs/heat", "consecutive", 3_600_000, above=8000, holds=True)
TELLS_ONLY = Rule("cn-gsp/high", "consecutive", 600_000, at_or_above=8000)


@contextmanager
def fresh() -> Iterator[Engine]:
    """A database of its own, for each example that hypothesis tries."""
    with tempfile.TemporaryDirectory() as folder:
        engine = new_database(Path(folder))
        yield engine
        engine.dispose()


@pytest.fixture
def engine(each_database: str) -> Iterator[Engine]:
    """A new database of each kind."""
    with fresh() as engine:
        yield engine


def opened(
    id_: str = "0" * 16, *, start: int = 1000, rule: Rule = HEAT, asset: str = "fridge-1"
) -> Decision:
    """The opening of an excursion above the limit, possible only."""
    return Decision(
        happening="opened",
        reason="held-and-unknown-time-reached",
        id=id_,
        thread=id_,
        stream="ab" * 16,
        series=f"{asset}/center/temperature",
        rule=rule,
        side="above",
        certainty="possible",
        start=start,
        opened=start + rule.for_ms,
        end=None,
        held_ms=rule.for_ms - 5,
        unknown_ms=5,
        extreme=9100,
        first_seq=17,
        seq=77,
        value=9000,
    )


def life(first: Decision) -> list[Decision]:
    """All steps of one excursion."""
    confirmed = dataclasses.replace(
        first, happening="confirmed", certainty="certain", held_ms=first.rule.for_ms, seq=78
    )
    closed = dataclasses.replace(
        confirmed,
        happening="closed",
        reason="first-reading-inside",
        end=first.opened + 500,
        extreme=9900,
        seq=90,
    )
    recovered = dataclasses.replace(
        closed, happening="recovered", reason="ten-minutes-inside", seq=99
    )
    return [first, confirmed, closed, recovered]


def enter(engine: Engine, decision: Decision, learned_at: int = 5_000_000) -> ExcursionRow:
    """Apply one decision in a transaction of its own."""
    with write(engine) as conn:
        return apply(conn, decision, site="east-gate", device="pi-1", learned_at=learned_at)


def everything(engine: Engine) -> list[ExcursionRow]:
    """All rows."""
    with read(engine) as conn:
        return listing(conn)


class TestApply:
    def test_a_row_says_what_the_decision_said(self, engine: Engine) -> None:
        """Site, names, rule, limit, times and evidence are in the row."""
        row = enter(engine, opened())
        with read(engine) as conn:
            assert get(conn, row.id) == row
        expected = {
            "asset": "east-gate/fridge-1",
            "point": "center",
            "quantity": "temperature",
            "rule": "who-pqs/heat",
            "profile": "who-pqs",
            "kind": "consecutive",
            "side": "above",
            "certainty": "possible",
            "holds": True,
            "limit": 8000,
            "snapshot": HEAT.body(),
            "start": 1000,
            "opened": 3_601_000,
            "end": None,
            "extreme": 9100,
            "first_seq": 17,
            "learned_at": 5_000_000,
            "opened_entry": 1,
            "closed_entry": None,
        }
        assert expected == {name: getattr(row, name) for name in expected}

    def test_the_journal_has_every_field_of_the_decision(self, engine: Engine) -> None:
        """From the entry alone the decision can be told again, its rule included."""
        decision = opened()
        enter(engine, decision)
        with read(engine) as conn:
            (entry,) = entries(conn)
        assert (entry.type, entry.subject, entry.at) == ("excursion.opened", decision.id, 5_000_000)
        wanted = dataclasses.asdict(decision) | {"rule": decision.rule.body()}
        del wanted["happening"]
        assert wanted.items() <= entry.body.items()

    def test_a_life_ends_in_one_row(self, engine: Engine) -> None:
        """Confirmed, closed and recovered bring the row up to date; the first hearing stays."""
        for number, step in enumerate(life(opened())):
            enter(engine, step, 5_000_000 + number)
        (row,) = everything(engine)
        assert (row.certainty, row.end, row.extreme) == ("certain", 3_601_500, 9900)
        assert (row.learned_at, row.closed_learned_at, row.recovered_at) == (
            5_000_000,
            5_000_002,
            5_000_003,
        )
        assert (row.opened_entry, row.confirmed_entry, row.closed_entry, row.recovered_entry) == (
            1,
            2,
            3,
            4,
        )

    @settings(max_examples=20, deadline=None)
    @given(done=st.integers(1, 4), repeats=st.lists(st.integers(0, 3), max_size=8))
    def test_repeats_change_nothing(self, done: int, repeats: list[int]) -> None:
        """Whatever is repeated after a crash, in whatever order, adds no entry and no change."""
        with fresh() as engine:
            steps = life(opened())[:done]
            for step in steps:
                enter(engine, step)
            before = everything(engine)
            for index in repeats:
                enter(engine, steps[index % done], 9_999_999)
            with read(engine) as conn:
                assert head(conn).position == done
            assert everything(engine) == before

    def test_closing_without_an_end_is_a_mistake_of_ours(self, engine: Engine) -> None:
        """An excursion that is closed has an end, else it would hold for ever."""
        with pytest.raises(ValueError, match="end"):
            enter(engine, dataclasses.replace(opened(), happening="closed"))

    def test_a_failed_transaction_leaves_neither_row_nor_entry(self, engine: Engine) -> None:
        """Entry and row come together or not at all."""
        with pytest.raises(KeyError), write(engine) as conn:  # noqa: PT012 - it must come after
            apply(conn, opened(), site="east-gate", device="pi-1", learned_at=1)
            raise KeyError
        with read(engine) as conn:
            assert (head(conn).position, listing(conn)) == (0, [])


class TestLostContact:
    def test_it_shares_the_table_and_is_entered_once(self, engine: Engine) -> None:
        """Opened twice and closed twice: two entries, one row, which holds nothing."""
        for _ in range(2):
            with write(engine) as conn:
                apply_lost_contact(
                    conn, "opened", site="van", device="pi-9", since=10, after_ms=900, at=920
                )
        with read(engine) as conn:
            (row,) = open_ones(conn, kind="lost-contact", device=("van", "pi-9"))
        assert (row.start, row.opened, row.kind, row.side) == (10, 910, "lost-contact", "silent")
        assert (row.series, row.holds, row.tells) == ("pi-9/link/contact", False, True)
        for _ in range(2):
            with write(engine) as conn:
                apply_lost_contact(
                    conn,
                    "closed",
                    site="van",
                    device="pi-9",
                    since=row.start,
                    after_ms=900,
                    at=2000,
                    end=1999,
                )
        (row,) = everything(engine)
        assert (row.end, row.held_ms, row.closed_learned_at) == (1999, 1989, 2000)
        with read(engine) as conn:
            assert [entry.type for entry in entries(conn)] == [
                "excursion.opened",
                "excursion.closed",
            ]

    def test_another_silence_is_another_excursion(self, engine: Engine) -> None:
        """Each silence is known by the last message before it."""
        with write(engine) as conn:
            for since in (10, 5000):
                apply_lost_contact(
                    conn, "opened", site="van", device="pi-9", since=since, after_ms=9, at=9999
                )
        assert len({row.id for row in everything(engine)}) == 2


class TestQuestions:
    # an excursion from 1000 to 2000, asked over [start, end)
    @pytest.mark.parametrize(
        ("start", "end", "found"),
        [
            (0, 1000, False),
            (0, 1001, True),
            (1500, 1600, True),
            (1999, None, True),
            (2000, None, False),
            (0, None, True),
        ],
    )
    def test_overlap_is_of_half_open_ranges(
        self, engine: Engine, start: int, end: int | None, found: bool
    ) -> None:
        """What ends as the other begins shares no moment with it."""
        enter(engine, dataclasses.replace(opened(), happening="closed", end=2000))
        with read(engine) as conn:
            assert bool(overlapping(conn, "east-gate/fridge-1", start, end)) == found

    def test_an_open_one_overlaps_all_that_follows(self, engine: Engine) -> None:
        """Without an end it reaches as far as anybody asks."""
        enter(engine, opened())
        with read(engine) as conn:
            assert overlapping(conn, "east-gate/fridge-1", 10**15, None)
            assert not overlapping(conn, "east-gate/fridge-2", 0, None)

    def test_only_rules_that_hold_unless_all_are_wanted(self, engine: Engine) -> None:
        """`cn-gsp` tells people and holds nothing."""
        enter(engine, opened("1" * 16, rule=TELLS_ONLY))
        with read(engine) as conn:
            assert overlapping(conn, "east-gate/fridge-1", 0, None) == []
            assert len(overlapping(conn, "east-gate/fridge-1", 0, None, holds=None)) == 1

    def test_the_list_begins_with_the_newest(self, engine: Engine) -> None:
        """By start, newest first, by site, asset and range."""
        for number, asset in enumerate(("fridge-1", "fridge-2", "fridge-1")):
            enter(engine, opened(str(number) * 16, start=1000 * number, asset=asset))
        enter(engine, life(opened("2" * 16, start=2000))[2])
        with read(engine) as conn:
            starts = [row.start for row in listing(conn)]
            assert starts == [2000, 1000, 0]
            assert [row.start for row in listing(conn, asset="east-gate/fridge-1")] == [2000, 0]
            assert [row.start for row in listing(conn, limit=1)] == [2000]
            assert [row.start for row in listing(conn, end=1500)] == [1000, 0]
            assert [row.start for row in listing(conn, start=10**12)] == [1000, 0]
            assert [row.start for row in open_ones(conn)] == [0, 1000]
            assert listing(conn, site="van") == []


class TestRebuild:
    @settings(max_examples=30, deadline=None)
    @given(
        steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=20),
        silent=st.booleans(),
    )
    def test_the_journal_alone_gives_the_same_rows(
        self, steps: list[tuple[int, int]], silent: bool
    ) -> None:
        """Any steps of any excursions, in any order: the rows made again equal the rows before."""
        with fresh() as engine:
            for number, (which, step) in enumerate(steps):
                enter(engine, life(opened(f"{which:016d}", start=which * 777))[step], number)
            if silent:
                with write(engine) as conn:
                    apply_lost_contact(
                        conn, "opened", site="van", device="pi-9", since=1, after_ms=9, at=20
                    )
            before = everything(engine)
            assert len(before) == len({which for which, _ in steps}) + silent
            with write(engine) as conn:
                conn.execute(excursions.update().values(extreme=1, end=None))
                count = rebuild(conn)
                assert verify(conn) == []
            assert everything(engine) == before
            assert count == len(before)
