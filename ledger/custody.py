"""Parcels and custody, worked out from the movements of one batch. Pure.

A parcel is the doses of one batch that share one path: what stands together in one place and
cannot be told apart. A place is an asset and, where a box is labelled so that it can be told
apart, its label. So there is at most one parcel of a batch in one place at a time; a partial move
makes a parcel that inherits the history of the first, and parcels that meet become one that
takes the worse of both (docs/decisions/008-parcels.md).

Movements count in the order of (time, journal position), whatever order they were entered in:
a back-dated entry simply makes another history, or is refused because that one is impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Kind = Literal["received", "moved", "issued"]


class Key(NamedTuple):
    """The order of movements: event time, then journal position."""

    at: int
    position: int


# Behind every movement of one millisecond; the largest integer that canonical JSON knows.
LAST: Final = 2**53 - 1


class Place(NamedTuple):
    """An asset (``site/asset``) and, of a box that can be told apart, its label."""

    asset: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.asset}#{self.label}" if self.label else self.asset


@dataclass(frozen=True, slots=True)
class Movement:
    """Doses of one batch from one place to another; None is outside (supplier, vaccination).

    Attributes:
        position: of its journal entry.
        batch: ``product/lot``.
        at: when it happened, UTC milliseconds.
        kind: what it was.
        source: where the doses were; None on receipt.
        target: where they went; None on issue.
        doses: how many.
        actor: who entered it.
        recipient: who got the doses on issue, as far as it was said.
    """

    position: int
    batch: str
    at: int
    kind: Kind
    source: Place | None
    target: Place | None
    doses: int
    actor: str
    recipient: str = ""

    @property
    def key(self) -> Key:
        """Its place in the order of movements."""
        return Key(self.at, self.position)


@dataclass(slots=True, eq=False)
class Parcel:
    """A parcel's stay in one place, from the first dose in to the last dose out.

    Attributes:
        id: ``P`` and the journal position of the movement that began it.
        place: where it stands or stood.
        begin: the movement that began it.
        end: the movement that took the last dose; None: it is still there.
        sources: parcels that it came from; empty: all from outside.
        levels: (time, doses from then on), the last of one time counts.
        doses: how many there are now.
        most: the most there ever were.
    """

    id: str
    place: Place
    begin: Key
    end: Key | None = None
    sources: list[Parcel] = field(default_factory=list)
    levels: list[tuple[int, int]] = field(default_factory=list)
    doses: int = 0
    most: int = 0

    def set(self, at: int, doses: int) -> None:
        """Note how many doses there are from ``at`` on."""
        self.doses = doses
        self.most = max(self.most, doses)
        if self.levels and self.levels[-1][0] == at:
            self.levels.pop()
        self.levels.append((at, doses))

    def contains(self, key: Key) -> bool:
        """Whether it was there at that point of the order."""
        return self.begin <= key and (self.end is None or key < self.end)

    def overlaps(self, start: int, end: int | None) -> bool:
        """Whether it was there for any moment of [start, end); an instant has one moment."""
        until = self.end.at if self.end is not None else None
        last = max(end, start + 1) if end is not None else None
        return (
            until != self.begin.at
            and (last is None or self.begin.at < last)
            and (until is None or until > start)
        )


class Flow(NamedTuple):
    """One movement between parcels; None is outside."""

    movement: Movement
    source: Parcel | None
    target: Parcel | None


@dataclass(frozen=True, slots=True)
class Custody:
    """All parcels of a batch in the order in which they began, and the flows between them."""

    parcels: list[Parcel]
    flows: list[Flow]

    def standing(self) -> list[Parcel]:
        """Return the parcels that have doses now."""
        return [parcel for parcel in self.parcels if parcel.end is None]

    def at(self, place: Place) -> Parcel | None:
        """Return the parcel that stands in a place now."""
        return next((parcel for parcel in self.standing() if parcel.place == place), None)


class ImpossibleError(Exception):
    """A movement takes doses that were not there.

    Attributes:
        movement: the one that cannot be.
        there: how many doses were there.
    """

    def __init__(self, movement: Movement, there: int) -> None:
        """Keep both."""
        super().__init__(f"{movement.source} has {there} doses, not {movement.doses}")
        self.movement = movement
        self.there = there


def unfold(movements: Iterable[Movement]) -> Custody:
    """Return what the movements of one batch amount to; raise ImpossibleError where they cannot be."""
    standing: dict[Place, Parcel] = {}
    parcels: list[Parcel] = []
    flows: list[Flow] = []
    for movement in sorted(movements, key=lambda each: each.key):
        source = target = None
        if movement.source is not None:
            source = standing.get(movement.source)
            if source is None or source.doses < movement.doses:
                raise ImpossibleError(movement, source.doses if source is not None else 0)
            source.set(movement.at, source.doses - movement.doses)
            if source.doses == 0:
                source.end = movement.key
                del standing[movement.source]
        if movement.target is not None:
            target = standing.get(movement.target)
            if target is None:
                target = Parcel(f"P{movement.position}", movement.target, movement.key)
                standing[movement.target] = target
                parcels.append(target)
            target.set(movement.at, target.doses + movement.doses)
            if source is not None and source not in target.sources:
                target.sources.append(source)
        flows.append(Flow(movement, source, target))
    return Custody(parcels, flows)


class Spread(NamedTuple):
    """Where something that happened to doses went with them.

    Attributes:
        parcels: by id, since when doses in it may be affected.
        issued: movements that gave affected doses away.
    """

    parcels: dict[str, Key]
    issued: list[Movement]


def spread(custody: Custody, seeds: Mapping[str, Key]) -> Spread:
    """Follow the doses: whatever leaves an affected parcel afterwards carries it on.

    Flows run in the order of time, so one pass finds everything.
    """
    affected = dict(seeds)
    issued = []
    for movement, source, target in custody.flows:
        since = affected.get(source.id) if source is not None else None
        if since is None or movement.key <= since:
            continue
        if target is None:
            issued.append(movement)
        elif target.id not in affected or affected[target.id] > movement.key:
            affected[target.id] = movement.key
    return Spread(affected, issued)


def exposed(custody: Custody, asset: str, start: int, end: int | None) -> dict[str, Key]:
    """Return the parcels that stood in an asset during [start, end), and since when they share it."""
    return {
        parcel.id: Key(max(parcel.begin.at, start), LAST)
        for parcel in custody.parcels
        if parcel.place.asset == asset and parcel.overlaps(start, end)
    }
