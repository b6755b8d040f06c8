"""Issue: doses leave for good, and only usable ones.

The verdict is worked out inside the very transaction that takes the doses, so two issues of the
last dose give one refusal, and an excursion that the hub enters at the same moment comes before
or after, never in between. Without a batch named, the usable one that expires first goes first
(FEFO: vaccine storage and transport rules of 2017, articles 17 and 18).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from config.clock import Clock
from history.port import History
from journal.database import require_write, write
from ledger.batches import Entered, check_time, enter, place_of, standing
from ledger.custody import Place
from ledger.exposure import Assets
from ledger.holds import Hold, hold_batch
from ledger.phrases import DEFAULT_ZONE, LedgerError, Phrase, phrase
from ledger.store import Batch, all_batches, custody_of, find_batch
from ledger.verdict import Judged, judge
from ledger.ways import announce, ways


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an issue came to.

    Attributes:
        entered: the issues, one for each batch that it took from.
        refusal: why nothing was issued; None where it was.
        holds: holds that were entered on the way: they stay, whatever became of the issue.
        warnings: done, but somebody should look.
    """

    entered: list[Entered]
    refusal: LedgerError | None
    holds: list[Hold]
    warnings: list[Phrase]


def issue(
    engine: Engine,
    history: History,
    clock: Clock,
    *,
    asset: str,
    doses: int,
    actor: str,
    batch: str | None = None,
    product: str | None = None,
    recipient: str = "",
    at: int | None = None,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Attempt:
    """Issue doses in a transaction of its own; raise LedgerError where they may not leave.

    Holds that were found on the way are kept in either case. Arguments as for `attempt`.
    """
    with write(engine) as conn:
        result = attempt(
            conn,
            history,
            asset=asset,
            doses=doses,
            # read with the lock in hand: whoever waited for it must not be back-dated by that
            now=clock.now_ms(),
            actor=actor,
            batch=batch,
            product=product,
            recipient=recipient,
            at=at,
            zone=zone,
        )
    if result.refusal is not None:
        raise result.refusal
    return result


def attempt(
    conn: Connection,
    history: History,
    *,
    asset: str,
    doses: int,
    now: int,
    actor: str,
    batch: str | None = None,
    product: str | None = None,
    recipient: str = "",
    at: int | None = None,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Attempt:
    """Issue doses inside the caller's write transaction, which is to be committed on return.

    LedgerError is raised only for what makes no sense, before or without a change that should
    stay: then the transaction is to be rolled back. Doses that may not leave are a result.

    Args:
        conn: the caller's write transaction.
        history: the readings.
        asset: where the doses stand, ``site/asset`` or ``site/asset#label``.
        doses: how many.
        now: the hub's clock, UTC milliseconds.
        actor: who says so.
        batch: ``product/lot`` or the lot; None: of ``product``, first to expire first.
        product: the product, where no batch is named.
        recipient: who gets them, as far as it is said; no personal data.
        at: when it happened; None: now. The verdict is today's in any case.
        zone: where the day of expiry ends.
    """
    require_write(conn)
    at = check_time(at, now)
    if doses < 1:
        raise LedgerError("bad-doses", doses=doses)
    place = place_of(asset)
    candidates = _candidates(conn, place, batch, product)
    judged, found = [], []
    for candidate in candidates:
        verdict = judge_standing(conn, history, candidate, place, now=now, at=at, zone=zone)
        judged.append(verdict)
        # What is unknown for good and too long becomes a hold here: entered before any refusal.
        found += hold_batch(conn, candidate.id, at=now, causes=verdict.causes)
    shares, refusal = _shares(judged, doses, place, batch or product or "")
    if refusal is not None:
        return Attempt([], refusal, found, [])
    entered = [
        enter(
            conn,
            share.batch,
            "issued",
            place,
            None,
            count,
            at=at,
            now=now,
            actor=actor,
            recipient=recipient,
        )
        for share, count in shares
    ]
    warnings = []
    if batch is not None:
        warnings = _earlier(conn, history, judged[0], place, now=now, zone=zone)
    return Attempt(entered, None, found, warnings)


def _candidates(
    conn: Connection, place: Place, batch: str | None, product: str | None
) -> list[Batch]:
    if batch is not None:
        found = find_batch(conn, batch)
        standing(conn, found, place)
        return [found]
    if product is None:
        raise ValueError("name a batch or a product")
    there = [one for one in all_batches(conn, product) if custody_of(conn, one.id).at(place)]
    if not there:
        raise LedgerError("none-there", place=place, what=product)
    return there


def judge_standing(
    conn: Connection,
    history: History,
    batch: Batch,
    place: Place,
    *,
    now: int,
    at: int,
    zone: ZoneInfo,
) -> Judged:
    """Return the verdict on the parcel of a batch that stands in a place now."""
    custody = custody_of(conn, batch.id)
    parcel = custody.at(place)
    if parcel is None:
        raise LedgerError("none-there", place=place, what=batch.id)
    assets = Assets(conn, history)
    announce(custody, assets, now=now, only=parcel)
    way = ways(custody, assets, now=now, only=parcel).parcels
    return judge(conn, batch, custody, way, at=at, zone=zone)[0]


def _shares(
    judged: Sequence[Judged], doses: int, place: Place, what: str
) -> tuple[list[tuple[Judged, int]], LedgerError | None]:
    """Return how many doses to take from each batch, or why none."""
    usable = [one for one in judged if one.verdict == "usable"]
    if len(judged) == 1 and judged[0].reasons:
        return [], _refusal(judged[0].reasons[0])
    if len(judged) == 1:
        return [(judged[0], doses)], None
    shares, left = [], doses
    for one in usable:
        count = min(left, one.parcel.doses)
        if count:
            shares.append((one, count))
            left -= count
    if not left:
        return shares, None
    reasons = [one.reasons[0] for one in judged if one.reasons]
    because = phrase("because", why=reasons[0]) if reasons else phrase("nothing")
    return [], LedgerError(
        "too-few-usable",
        place=place,
        what=what,
        usable=doses - left,
        doses=doses,
        because=because,
    )


def _refusal(reason: Phrase) -> LedgerError:
    return LedgerError(reason.code, **reason.values)


def _earlier(
    conn: Connection, history: History, taken: Judged, place: Place, *, now: int, zone: ZoneInfo
) -> list[Phrase]:
    """Return a warning where a usable batch of the same product expires earlier."""
    for other in all_batches(conn, taken.batch.product):
        if other.expiry >= taken.batch.expiry:
            break
        if custody_of(conn, other.id).at(place) is None:
            continue
        verdict = judge_standing(conn, history, other, place, now=now, at=now, zone=zone)
        if verdict.verdict == "usable":
            return [phrase("not-first-to-expire", batch=other.id, place=place, expiry=other.expiry)]
    return []
