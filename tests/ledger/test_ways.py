from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger.ways
from history.statistics import mkt
from journal.database import read
from ledger.custody import ImpossibleError, Movement, Place, unfold
from ledger.exposure import Assets
from ledger.ways import Ways, announce, ways
from tests.ledger.world import MINUTE, World, ms

FRIDGES = ("f1", "f2", "f3")
LENGTH = 60
LIMIT = 6


class TestFigures:
    def test_the_sum_over_three_fridges(self, world: World) -> None:
        """Each custody counts with what its own fridge did in its own time."""
        world.readings("f1", 0, 100, 5000)
        world.readings("f2", 0, 100, 9000)
        world.readings("f3", 0, 100, 1000)
        world.receive(10)
        world.move(40, "f1", "f2")
        world.move(45, "f2", "f3")
        sum_ = world.journey(99).way.exposure()
        assert (sum_.inside_ms, sum_.above_ms, sum_.below_ms, sum_.unknown_ms) == (
            30 * MINUTE,
            5 * MINUTE,
            54 * MINUTE,
            0,
        )
        assert (sum_.minimum, sum_.maximum) == (1000, 9000)
        assert sum_.mean == pytest.approx((30 * 5000 + 5 * 9000 + 54 * 1000) / 89)
        assert sum_.mkt == pytest.approx(mkt([(5000, 30), (9000, 5), (1000, 54)]))

    def test_the_range_is_inclusive_and_is_the_asset_s_own(self, world: World) -> None:
        """2.0 and 8.0 are inside; a thousandth more is not."""
        for minute, value in enumerate((2000, 8000, 1999, 8001)):
            world.readings("f1", minute, minute + 1, value)
        world.receive(0)
        sum_ = world.journey(4).way.exposure()
        assert (sum_.inside_ms, sum_.above_ms, sum_.below_ms) == (2 * MINUTE, MINUTE, MINUTE)

    def test_a_split_inherits_what_was_before_it(self, world: World) -> None:
        """Doses that were moved away took their past along, and nothing that came after."""
        world.readings("f1", 0, 20, 9000)
        world.readings("f1", 20, 100, 5000)
        world.readings("f2", 0, 100, 5000)
        world.receive(0)
        world.move(10, "f1", "f2", 40)
        first, second = world.journey(99).judged
        assert first.exposure.above_ms == 20 * MINUTE
        assert second.exposure.above_ms == 10 * MINUTE
        assert second.exposure.span_ms == 99 * MINUTE

    def test_parcels_that_meet_take_the_worse(self, world: World) -> None:
        """The figures are those of the worse way, and the line says so."""
        world.readings("f1", 0, 50, 9000)
        world.readings("f2", 0, 100, 5000)
        world.receive(0, "f1", 10)
        world.receive(0, "f2", 90)
        world.move(50, "f1", "f2")
        found = world.journey(99)
        (one,) = found.judged
        assert one.exposure.above_ms == 50 * MINUTE
        assert one.way.met
        assert [leg.place.asset for leg in one.way.legs] == ["east/f1", "east/f2"]
        assert found.why[-1].code == "met"

    def test_what_the_better_way_brings_along_counts_too(self, world: World) -> None:
        """Less outside, but colder once and forty minutes unknown: any dose may have had that."""
        world.readings("f1", 0, 100, 9000)
        world.readings("f2", 0, 20, 3000)
        world.readings("f2", 60, 100, 5000)
        world.receive(0, "f1", 10)
        world.receive(0, "f2", 10)
        world.move(70, "f2", "f1")
        (one,) = world.journey(99).judged
        assert one.exposure.above_ms == 99 * MINUTE
        assert (one.exposure.minimum, one.exposure.maximum) == (3000, 9000)
        assert [reason.code for reason in one.reasons] == ["unknown-time"]

    def test_an_unknown_stretch_goes_on_where_they_met(self, world: World) -> None:
        """Twenty minutes unknown before the meeting, and fifteen after it, are thirty-five."""
        world.readings("f1", 0, 80, 9000)
        world.readings("f1", 95, 100, 9000)
        world.readings("f2", 0, 60, 5000)
        world.readings("f2", 96, 100, 5000)
        world.receive(0, "f1", 10)
        world.receive(0, "f2", 10)
        world.move(80, "f2", "f1")
        (stretch,) = world.journey(99).judged[0].way.stretches
        assert (stretch.start, stretch.end, stretch.final) == (ms(60), ms(95), True)

    def test_the_readings_stop_counting_where_the_doses_left(self, world: World) -> None:
        """A batch that is gone has the way of its last issue."""
        world.readings("f1", 0, 100)
        world.receive(0)
        assert world.issue(50, doses=100).refusal is None
        found = world.journey(99)
        assert (found.in_stock, found.issued, found.verdict) == (0, 100, "usable")
        assert found.way.exposure().span_ms == 50 * MINUTE


Step = tuple[int, str | None, str | None]


def states(world: World, fridge: str) -> list[str]:
    """Minute by minute what is known of a fridge."""
    with read(world.engine) as conn:
        found = Assets(conn, world.history)._segments(f"east/{fridge}", ms(0), ms(LENGTH))
        result: list[str] = []
        for segment in found:
            result += [segment.state] * ((segment.end - segment.start) // MINUTE)
    assert len(result) == LENGTH
    return result


def paths(
    moves: list[Movement], last: Movement | None, place: Place, until: int
) -> Iterator[list[tuple[int, int, str]]]:
    """Every way on which a dose may have come to be in ``place`` at minute ``until``.

    Written backwards in time, from one visit to the one before: a dose that is there came with
    any movement into the place since it was last empty.
    """
    limit = last.key if last is not None else (ms(until), 2**60)
    before = sorted((m for m in moves if m.key < limit), key=lambda m: m.key)
    inside = 0
    arrivals: list[Movement] = []
    for move in before:
        if move.target == place:
            arrivals = [*arrivals, move] if inside else [move]
            inside += move.doses
        if move.source == place:
            inside -= move.doses
    for arrival in arrivals:
        start = (arrival.at - ms(0)) // MINUTE
        leg = (start, until, place.asset)
        if arrival.source is None:
            yield [leg]
        else:
            for earlier in paths(moves, arrival, arrival.source, start):
                yield [*earlier, leg]


def longest(path: list[str], kinds: set[str]) -> int:
    """The longest run of minutes in these states."""
    runs = (len(list(run)) for known, run in groupby(path, lambda s: s in kinds) if known)
    return max(runs, default=0)


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Movement], dict[str, list[int | None]]]:
    """Possible movements of one batch, and readings of three fridges with holes."""
    movements = [
        Movement(number, "MMR/A", ms(0), "received", None, Place(f"east/f{number}"), 8, "Li")
        for number in (1, 2)
    ]
    for position in range(3, draw(st.integers(3, 10))):
        at = ms(draw(st.integers(0, LENGTH - 1)))
        source, target = draw(
            st.tuples(st.sampled_from([None, *FRIDGES]), st.sampled_from(FRIDGES)).filter(
                lambda pair: pair[0] != pair[1]
            )
        )
        new = Movement(
            position,
            "MMR/A",
            at,
            "moved" if source else "received",
            Place(f"east/{source}") if source else None,
            Place(f"east/{target}"),
            draw(st.sampled_from([1, 4, 8])),
            "Li",
        )
        try:
            unfold([*movements, new])
        except ImpossibleError:
            continue
        movements.append(new)
    value = st.sampled_from([5000, 5000, 9000, 0, None])
    run = st.tuples(value, st.integers(1, 12))
    readings = {}
    for fridge in FRIDGES:
        minutes: list[int | None] = []
        for each, count in draw(st.lists(run, min_size=3, max_size=10)):
            minutes += [each] * count
        readings[fridge] = minutes[:LENGTH]
    return movements, readings


@settings(max_examples=60, deadline=None)
@given(plan=plans())
def test_ways_are_those_of_the_worst_path_of_all(
    plan: tuple[list[Movement], dict[str, list[int | None]]],
) -> None:
    """Every path that any dose may have taken is tried: the figures are those of the worst one.

    And an unknown stretch beyond the limit is found exactly where one of the paths has it.
    """
    movements, readings = plan
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger.ways, "UNKNOWN_LIMIT_MS", LIMIT * MINUTE)
        world = World(Path(folder))
        for fridge, values in readings.items():
            for minute, value in enumerate(values):
                if value is not None:
                    world.readings(fridge, minute, minute + 1, value)
        found = follow(world, movements)
        known = {f"east/{fridge}": states(world, fridge) for fridge in FRIDGES}
        world.close()
    for parcel in unfold(movements).standing():
        tried = [
            [state for start, end, asset in path for state in known[asset][start:end]]
            for path in paths(movements, None, parcel.place, LENGTH)
        ]
        way = found.parcels[parcel.id]
        sum_ = way.exposure()
        outside = sum_.above_ms + sum_.below_ms
        worst = max(
            (p.count("above") + p.count("below"), p.count("unknown") + p.count("pending"))
            for p in tried
        )
        assert worst == (outside // MINUTE, sum_.unknown_ms // MINUTE)
        assert sum_.inside_ms + outside + sum_.unknown_ms == sum_.span_ms
        final = any(longest(p, {"unknown"}) > LIMIT for p in tried)
        assert final == any(stretch.final for stretch in way.stretches)
        any_ = any(longest(p, {"unknown", "pending"}) > LIMIT for p in tried)
        assert any_ == bool(way.stretches)


def follow(world: World, movements: list[Movement]) -> Ways:
    """Follow a batch, and each standing parcel alone: both must agree."""
    custody = unfold(movements)
    with read(world.engine) as conn:
        assets = Assets(conn, world.history)
        announce(custody, assets, now=ms(LENGTH))
        together = ways(custody, assets, now=ms(LENGTH))
        for parcel in custody.standing():
            alone = Assets(conn, world.history)
            announce(custody, alone, now=ms(LENGTH), only=parcel)
            (way,) = ways(custody, alone, now=ms(LENGTH), only=parcel).parcels.values()
            other = together.parcels[parcel.id]
            assert (way.stretches, way.minimum, way.maximum) == (
                other.stretches,
                other.minimum,
                other.maximum,
            )
            one, two = way.exposure(), other.exposure()
            assert (one.above_ms, one.below_ms, one.unknown_ms, one.span_ms) == (
                two.above_ms,
                two.below_ms,
                two.unknown_ms,
                two.span_ms,
            )
    return together
