"""The verdict on a parcel: usable, hold, or ask the manufacturer, with every reason.

- ``usable``: not expired, no hold reaches it, and no unknown stretch beyond the limit on its way.
- ``ask``: an excursion that is over holds it; what happened is known, so ask the manufacturer.
- ``hold``: everything else that keeps it from leaving: an excursion that goes on, unknown time
  beyond the limit (final, or still to arrive), the expiry date.

It is worked out from what is known now, whatever has been entered as a hold so far; so a parcel
that should be on hold is never usable in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from history.statistics import Exposure
from journal.excursions import ExcursionRow, get
from ledger.batches import expired
from ledger.custody import Custody, Parcel, Spread
from ledger.exposure import UNKNOWN_LIMIT_MS
from ledger.holds import Cause, holds_of, reaches
from ledger.phrases import Moment, Phrase, Span, Value, phrase
from ledger.store import Batch
from ledger.ways import Stretch, Way

Verdict = Literal["usable", "ask", "hold"]

# From best to worst: what is said of several parcels together is the worst of them.
RANK: Final[dict[Verdict, int]] = {"usable": 0, "ask": 1, "hold": 2}


@dataclass(frozen=True, slots=True)
class Judged:
    """A parcel with its verdict.

    Attributes:
        batch: its batch.
        parcel: the parcel, where it stands and how many doses it has.
        way: what it went through.
        exposure: the sum over its way.
        verdict: whether it may leave.
        reasons: why it may not, the gravest first; empty where it may.
        held: whether a hold reaches it (expired and pending ones are refused without a hold).
        causes: what holds it; unknown time that is not entered as a hold yet is among them.
    """

    batch: Batch
    parcel: Parcel
    way: Way
    exposure: Exposure
    verdict: Verdict
    reasons: tuple[Phrase, ...]
    held: bool
    causes: tuple[Cause, ...]

    def arithmetic(self) -> list[Phrase]:
        """Return how its time adds up."""
        return arithmetic(self.way)


def arithmetic(way: Way) -> list[Phrase]:
    """Return how the time of a way adds up, and whose it is where several ways met."""
    sum_ = way.exposure()
    lines = [
        phrase(
            "sum-both" if sum_.both_ms else "sum",
            inside=Span(sum_.inside_ms),
            above=Span(sum_.above_ms),
            below=Span(sum_.below_ms),
            both=Span(sum_.both_ms),
            unknown=Span(sum_.unknown_ms),
            span=Span(sum_.span_ms),
        )
    ]
    return [*lines, phrase("met")] if way.met else lines


def judge(
    conn: Connection,
    batch: Batch,
    custody: Custody,
    ways: dict[str, Way],
    *,
    at: int,
    zone: ZoneInfo,
) -> list[Judged]:
    """Return the verdicts on the parcels whose way is given.

    Args:
        conn: any transaction.
        batch: the batch.
        custody: its parcels.
        ways: by parcel id.
        at: when they would leave, for the day of expiry.
        zone: where that day ends.
    """
    reached = reaches(conn, custody, holds_of(conn, batch.id))
    over = expired(batch.expiry, at, zone)
    return [
        _judged(conn, batch, parcel, ways[parcel.id], reached, expired_now=over)
        for parcel in custody.parcels
        if parcel.id in ways
    ]


def _judged(
    conn: Connection,
    batch: Batch,
    parcel: Parcel,
    way: Way,
    reached: Iterable[tuple[Cause, Spread]],
    *,
    expired_now: bool,
) -> Judged:
    causes = {cause.id: cause for cause, reach in reached if parcel.id in reach.parcels}
    for stretch in way.stretches:
        if stretch.final:
            found = unknown_cause(stretch)
            causes[found.id] = found
    excursions = [
        row
        for cause in causes.values()
        if cause.code == "excursion" and (row := get(conn, cause.id))
    ]
    reasons = [_excursion(batch, row) for row in sorted(excursions, key=_gravest)]
    reasons += [
        _unknown("unknown-time", batch, cause.asset, cause.start - UNKNOWN_LIMIT_MS, cause.end)
        for cause in causes.values()
        if cause.code == "unknown-time"
    ]
    reasons += [
        _unknown("pending", batch, stretch.asset, stretch.start, stretch.end)
        for stretch in way.stretches
        if not stretch.final
    ]
    if expired_now:
        reasons.append(phrase("expired", batch=batch.id, expiry=batch.expiry))
    verdict: Verdict = "hold" if reasons else "usable"
    if excursions and all(row.end is not None for row in excursions):
        verdict = "ask"
    return Judged(
        batch,
        parcel,
        way,
        way.exposure(),
        verdict,
        tuple(reasons),
        bool(causes),
        tuple(causes.values()),
    )


def unknown_cause(stretch: Stretch) -> Cause:
    """Return the cause of a hold for unknown time: it holds from when the limit was passed."""
    return Cause(
        f"unknown:{stretch.asset}:{stretch.start}",
        "unknown-time",
        stretch.asset,
        stretch.start + UNKNOWN_LIMIT_MS,
        stretch.end,
    )


def _gravest(row: ExcursionRow) -> tuple[bool, bool, int]:
    return row.end is not None, row.certainty != "certain", -row.held_ms


def _excursion(batch: Batch, row: ExcursionRow) -> Phrase:
    if row.kind == "cumulative":
        # Its sum lasts as long as the window; the fridge may have been inside again for hours.
        window = Span(int(row.snapshot["window_ms"]))
        until = phrase("summed", start=Moment(row.start), sum=Span(row.held_ms), window=window)
        following = phrase("next-ask")
    elif row.end is None:
        until, following = phrase("since", start=Moment(row.start)), phrase("next-move")
    else:
        until = phrase("from-to", start=Moment(row.start), end=Moment(row.end))
        following = phrase("next-ask")
    return phrase(
        f"held-{row.side}",
        batch=batch.id,
        place=row.asset,
        limit=_value(row.limit),
        extreme=_value(row.extreme),
        until=until,
        rule=row.rule,
        possible=phrase("possibly" if row.certainty == "possible" else "certainly"),
        next=following,
    )


def _value(value: int | None) -> Value | str:
    return Value(value) if value is not None else "?"


def _unknown(code: str, batch: Batch, place: str, start: int, end: int | None) -> Phrase:
    assert end is not None
    return phrase(
        code,
        batch=batch.id,
        place=place,
        start=Moment(start),
        end=Moment(end),
        span=Span(end - start),
        limit=Span(UNKNOWN_LIMIT_MS),
    )
