from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.custody import (
    LAST,
    ImpossibleError,
    Key,
    Kind,
    Movement,
    Place,
    exposed,
    spread,
    unfold,
)

A, B, C = Place("east/f1"), Place("east/f2"), Place("east/f3", "box")


def movement(
    position: int, at: int, source: Place | None, target: Place | None, doses: int
) -> Movement:
    """A movement of batch MMR/A."""
    kind: Kind = "received" if source is None else "issued" if target is None else "moved"
    return Movement(position, "MMR/A", at, kind, source, target, doses, "Li")


class TestUnfold:
    def test_a_split_inherits_and_the_rest_stays(self) -> None:
        """Part of a parcel that moves becomes a parcel with the first as its source."""
        custody = unfold([movement(1, 10, None, A, 100), movement(2, 20, A, B, 40)])
        first, second = custody.parcels
        assert (first.doses, second.doses, second.sources) == (60, 40, [first])
        assert first.levels == [(10, 100), (20, 60)]
        assert (first.id, second.id) == ("P1", "P2")

    def test_doses_that_meet_become_one_parcel(self) -> None:
        """What stands in one place cannot be told apart."""
        custody = unfold(
            [
                movement(1, 10, None, A, 5),
                movement(2, 10, None, B, 7),
                movement(3, 20, A, B, 5),
            ]
        )
        (parcel,) = custody.standing()
        assert (parcel.id, parcel.doses, parcel.most) == ("P2", 12, 12)
        assert [source.id for source in parcel.sources] == ["P1"]

    def test_a_label_keeps_a_box_apart(self) -> None:
        """One asset, two places, two parcels."""
        box = Place(A.asset, "blue")
        custody = unfold([movement(1, 10, None, A, 5), movement(2, 10, None, box, 7)])
        assert [str(parcel.place) for parcel in custody.standing()] == ["east/f1", "east/f1#blue"]

    def test_an_emptied_place_begins_a_new_parcel(self) -> None:
        """After the last dose has left, what comes later shares nothing with what was there."""
        custody = unfold(
            [
                movement(1, 10, None, A, 5),
                movement(2, 20, A, None, 5),
                movement(3, 30, None, A, 5),
            ]
        )
        assert [(p.id, p.begin.at, p.end.at if p.end else None) for p in custody.parcels] == [
            ("P1", 10, 20),
            ("P3", 30, None),
        ]

    def test_the_order_is_that_of_events_not_of_entries(self) -> None:
        """A movement entered last and dated first comes first."""
        custody = unfold(
            [
                movement(1, 30, A, B, 5),
                movement(2, 10, None, A, 5),
            ]
        )
        assert [parcel.place for parcel in custody.parcels] == [A, B]

    def test_what_was_not_there_cannot_be_taken(self) -> None:
        """The movement at fault and what was there instead are named."""
        taken = movement(3, 30, A, B, 5)
        with pytest.raises(ImpossibleError) as caught:
            unfold([movement(1, 10, None, A, 5), movement(2, 20, A, None, 1), taken])
        assert (caught.value.movement, caught.value.there) == (taken, 4)

    def test_a_stay_of_no_time_overlaps_nothing(self) -> None:
        """Doses that were booked in and out within one millisecond stood there for no time."""
        custody = unfold([movement(1, 10, None, A, 5), movement(2, 10, A, B, 5)])
        assert exposed(custody, A.asset, 0, None) == {}

    @given(
        moves=st.lists(
            st.tuples(
                st.integers(0, 5),
                st.sampled_from([None, A, B, C]),
                st.sampled_from([None, A, B, C]),
                st.integers(1, 5),
            ).filter(lambda move: move[1] != move[2]),
            max_size=12,
        ),
        order=st.randoms(use_true_random=False),
    )
    def test_doses_are_conserved_whatever_the_order_of_entry(
        self, moves: list[tuple[int, Place | None, Place | None, int]], order: object
    ) -> None:
        """In = out + there, in every place; shuffled entries give the same custody."""
        movements: list[Movement] = []
        for position, (at, source, target, doses) in enumerate(moves, start=1):
            new = movement(position, at, source, target, doses)
            try:
                unfold([*movements, new])
            except ImpossibleError:
                continue
            movements.append(new)
        custody = unfold(movements)
        came = sum(m.doses for m in movements if m.source is None)
        went = sum(m.doses for m in movements if m.target is None)
        assert came - went == sum(parcel.doses for parcel in custody.standing())
        for place in (A, B, C):
            ins = sum(m.doses for m in movements if m.target == place)
            outs = sum(m.doses for m in movements if m.source == place)
            there = custody.at(place)
            assert ins - outs == (there.doses if there is not None else 0)
        order.shuffle(movements)  # type: ignore[attr-defined]
        again = unfold(movements)
        assert [(p.id, p.levels, p.end) for p in custody.parcels] == [
            (p.id, p.levels, p.end) for p in again.parcels
        ]


class TestSpread:
    def test_what_leaves_afterwards_carries_it_on(self) -> None:
        """Moved and split again: each parcel behind an affected one is affected since it began."""
        custody = unfold(
            [
                movement(1, 10, None, A, 100),
                movement(2, 20, A, B, 40),
                movement(3, 30, B, C, 10),
                movement(4, 40, C, None, 1),
            ]
        )
        found = spread(custody, {"P1": Key(15, LAST)})
        assert found.parcels == {"P1": Key(15, LAST), "P2": Key(20, 2), "P3": Key(30, 3)}
        assert [issue.position for issue in found.issued] == [4]

    def test_what_left_before_is_free(self) -> None:
        """Doses that went before it began, or at that very moment, never shared it."""
        custody = unfold(
            [
                movement(1, 10, None, A, 100),
                movement(2, 20, A, B, 40),
                movement(3, 20, A, None, 1),
            ]
        )
        assert spread(custody, {"P1": Key(20, LAST)}).parcels.keys() == {"P1"}
        assert spread(custody, {"P1": Key(20, LAST)}).issued == []

    def test_it_spreads_to_what_it_meets(self) -> None:
        """Doses that stood there before are affected from the meeting on, and not what left earlier."""
        custody = unfold(
            [
                movement(1, 10, None, A, 5),
                movement(2, 10, None, B, 5),
                movement(3, 15, B, None, 1),
                movement(4, 20, A, B, 5),
                movement(5, 25, B, None, 1),
            ]
        )
        found = spread(custody, {"P1": Key(12, LAST)})
        assert found.parcels["P2"] == Key(20, 4)
        assert [issue.position for issue in found.issued] == [5]

    @pytest.mark.parametrize(
        ("start", "end", "since"),
        [(0, 10, None), (0, 11, 10), (15, 16, 15), (19, None, 19), (20, None, None), (12, 12, 12)],
    )
    def test_exposed_is_who_stood_there(
        self, start: int, end: int | None, since: int | None
    ) -> None:
        """A stay over [10, 20) shares what overlaps it, from the later of the two beginnings."""
        custody = unfold([movement(1, 10, None, A, 5), movement(2, 20, A, B, 5)])
        found = exposed(custody, A.asset, start, end)
        assert found == ({"P1": Key(since, LAST)} if since is not None else {})
