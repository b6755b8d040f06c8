"""What doses went through: the way of a parcel back through all parcels that it came from.

Where parcels met that cannot be told apart, the figures are those of the worst way (longest
outside, then longest unknown), while extremes and unknown stretches count from every way, for
any of the doses may have taken it. Times are UTC milliseconds, values integer thousandths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from history.statistics import Exposure, total
from ledger.custody import Custody, Flow, Parcel, Place
from ledger.exposure import UNKNOWN_LIMIT_MS, Assets, Blank


@dataclass(frozen=True, slots=True)
class Stretch:
    """Unknown time beyond the limit, in one go, wherever the doses stood meanwhile.

    Attributes:
        asset: where they stood when the limit was passed.
        start: when it began.
        end: when it ended, or until when it is known to last.
        final: nothing more will arrive; else it may (a cut link).
    """

    asset: str
    start: int
    end: int
    final: bool


@dataclass(frozen=True, slots=True)
class Leg:
    """One custody on a way."""

    parcel: str
    place: Place
    start: int
    end: int
    exposure: Exposure


@dataclass(frozen=True, slots=True)
class Way:
    """What doses went through up to a moment.

    Attributes:
        legs: the custodies of the worst way, oldest first.
        minimum: the lowest value on any way.
        maximum: the highest one.
        stretches: unknown stretches beyond the limit on any way, oldest first.
        met: whether doses of several ways are in it.
    """

    legs: tuple[Leg, ...]
    minimum: int | None
    maximum: int | None
    stretches: tuple[Stretch, ...]
    met: bool

    def exposure(self) -> Exposure:
        """Return the sum over the legs, with the extremes of every way."""
        if not self.legs:
            return Exposure(0, 0)
        added = total([leg.exposure for leg in self.legs])
        return replace(added, minimum=self.minimum, maximum=self.maximum)


class Ways(NamedTuple):
    """The ways of a batch.

    Attributes:
        parcels: by id: what its doses had gone through when the last left, or until now.
        stays: by id: the exposure of the place while the parcel was there.
        issued: by journal position: what doses had gone through when they were issued.
    """

    parcels: dict[str, Way]
    stays: dict[str, Exposure]
    issued: dict[int, Way]


def announce(custody: Custody, assets: Assets, *, now: int, only: Parcel | None = None) -> None:
    """Tell ``assets`` every time that `ways` will ask about."""
    for flow in _flows(custody, only):
        for parcel in (flow.source, flow.target):
            if parcel is not None:
                assets.need(parcel.place.asset, [flow.movement.at])
    for parcel in _last_asked(custody, only):
        assets.need(parcel.place.asset, [_until(parcel, now)])


def ways(custody: Custody, assets: Assets, *, now: int, only: Parcel | None = None) -> Ways:
    """Follow the doses through time.

    Args:
        custody: the batch.
        assets: where exposures come from; `announce` was called with the same arguments.
        now: until when to follow.
        only: one parcel, and what it came from; None: everything.
    """
    running: dict[Parcel, _Running] = {}
    issued = {}
    for movement, source, target in _flows(custody, only):
        came = None
        if source is not None:
            running[source].advance(assets, movement.at)
            came = running[source]
        if target is None:
            assert came is not None
            issued[movement.position] = came.way()
        elif target in running:
            running[target].advance(assets, movement.at)
            running[target].meet(came, movement.at)
        else:
            running[target] = _Running.begun(target, came, movement.at)
    result = Ways({}, {}, issued)
    for parcel in _last_asked(custody, only):
        last = running[parcel]
        last.advance(assets, _until(parcel, now))
        result.parcels[parcel.id] = last.way()
        result.stays[parcel.id] = total(last.stay) if last.stay else Exposure(last.at, last.at)
    return result


def _until(parcel: Parcel, now: int) -> int:
    return parcel.end.at if parcel.end is not None else max(now, parcel.levels[-1][0])


def _last_asked(custody: Custody, only: Parcel | None) -> Sequence[Parcel]:
    return custody.parcels if only is None else [only]


def _flows(custody: Custody, only: Parcel | None) -> Iterable[Flow]:
    """Return the flows that bear on what is asked, in order."""
    if only is None:
        return custody.flows
    wanted, todo = {only}, [only]
    while todo:
        fresh = [source for source in todo.pop().sources if source not in wanted]
        wanted.update(fresh)
        todo += fresh
    return [flow for flow in custody.flows if flow.target in wanted]


@dataclass(slots=True)
class _Running:
    """A parcel while time passes.

    Attributes:
        parcel: the parcel.
        at: how far it was followed.
        past: finished legs of the worst way.
        leg_start: when the worst way came here.
        pieces: the exposures of the worst way here.
        stay: the exposures here since the parcel began.
        outside_ms: of the worst way.
        unknown_ms: of the worst way.
        stretches: by start, of every way.
        unknown_since: begin of the unknown or pending stretch that lasts, on any way.
        final_since: begin of the final unknown stretch that lasts, on any way.
    """

    parcel: Parcel
    at: int
    past: tuple[Leg, ...] = ()
    leg_start: int = 0
    pieces: list[Exposure] = field(default_factory=list)
    stay: list[Exposure] = field(default_factory=list)
    outside_ms: int = 0
    unknown_ms: int = 0
    minimum: int | None = None
    maximum: int | None = None
    stretches: dict[tuple[int, bool], Stretch] = field(default_factory=dict)
    unknown_since: int | None = None
    final_since: int | None = None
    met: bool = False

    @classmethod
    def begun(cls, parcel: Parcel, came: _Running | None, at: int) -> _Running:
        """Return a parcel that begins with doses from another one, or from outside."""
        new = cls(parcel, at, leg_start=at)
        if came is not None:
            new._take_figures(came, at)
            new._take_marks(came)
        return new

    def meet(self, came: _Running | None, at: int) -> None:
        """Add doses from another parcel, or from outside: they cannot be told apart from now on."""
        self.met = True
        if came is None:
            return
        if (came.outside_ms, came.unknown_ms) > (self.outside_ms, self.unknown_ms):
            self._take_figures(came, at)
        self._take_marks(came)

    def _take_figures(self, came: _Running, at: int) -> None:
        self.past, self.leg_start, self.pieces = came.legs(), at, []
        self.outside_ms, self.unknown_ms = came.outside_ms, came.unknown_ms

    def _take_marks(self, came: _Running) -> None:
        self.minimum = _least(self.minimum, came.minimum)
        self.maximum = _most(self.maximum, came.maximum)
        self.stretches = came.stretches | self.stretches
        self.unknown_since = _least(self.unknown_since, came.unknown_since)
        self.final_since = _least(self.final_since, came.final_since)
        self.met = self.met or came.met

    def advance(self, assets: Assets, to: int) -> None:
        """Let the doses stand here until ``to``."""
        if to <= self.at:
            return
        asset = self.parcel.place.asset
        piece = assets.between(asset, self.at, to)
        self.pieces.append(piece)
        self.stay.append(piece)
        self.outside_ms += piece.above_ms + piece.below_ms - piece.both_ms
        self.unknown_ms += piece.unknown_ms
        self.minimum = _least(self.minimum, piece.minimum)
        self.maximum = _most(self.maximum, piece.maximum)
        for blank in assets.blanks(asset, piece, UNKNOWN_LIMIT_MS):
            self._pass(blank)
        if self.at < to:
            self.unknown_since = self.final_since = None
        self.at = to

    def _pass(self, blank: Blank) -> None:
        """Go through a blank; one that begins where the last ended goes on."""
        if blank.start > self.at or self.unknown_since is None:
            self.unknown_since, self.final_since = blank.start, None
        if not blank.final:
            self.final_since = None
        elif self.final_since is None:
            self.final_since = blank.start
        for since, final in ((self.unknown_since, False), (self.final_since, True)):
            if since is not None and blank.end - since > UNKNOWN_LIMIT_MS:
                known = self.stretches.get((since, final))
                asset = known.asset if known is not None else self.parcel.place.asset
                self.stretches[since, final] = Stretch(asset, since, blank.end, final)
        self.at = blank.end

    def legs(self) -> tuple[Leg, ...]:
        """Return the custodies of the worst way so far."""
        here = self.parcel
        exposure = total(self.pieces) if self.pieces else Exposure(self.at, self.at)
        return (*self.past, Leg(here.id, here.place, self.leg_start, self.at, exposure))

    def way(self) -> Way:
        """Return what the doses went through so far."""
        final = {since for since, is_final in self.stretches if is_final}
        shown = (
            s for (since, is_final), s in self.stretches.items() if is_final or since not in final
        )
        return Way(
            self.legs(),
            self.minimum,
            self.maximum,
            tuple(sorted(shown, key=lambda stretch: stretch.start)),
            self.met,
        )


def _least(one: int | None, other: int | None) -> int | None:
    return min((x for x in (one, other) if x is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((x for x in (one, other) if x is not None), default=None)
