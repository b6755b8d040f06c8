"""Movements: doses are received into an asset and moved to another one; `issues` gives them out.

Nothing is edited: each movement is a journal entry. An entry may be back-dated; the batch's
history is then worked out anew, and whatever happened to the asset meanwhile holds the doses in
the same transaction. What would make a later entry impossible, or take doses out of a hold, is
refused.

Every function wants a connection from ``journal.database.write`` and raises LedgerError, before
it has changed anything, with one line that says what is wrong and what to do.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from journal.database import require_write
from journal.journal import append, head
from journal.watches import deciding
from ledger.custody import (
    Custody,
    ImpossibleError,
    Kind,
    Movement,
    Parcel,
    Place,
    unfold,
)
from ledger.holds import Hold, held_doses, hold_batch, holds_of, reaches
from ledger.phrases import DEFAULT_ZONE, LedgerError, Moment, Phrase, phrase
from ledger.store import FAMILY, Batch, find_batch, get_batch, movements_of, project
from protocol.canonical import MAX_INTEGER
from protocol.topics import is_name

# A clock of another machine may be a little ahead; an entry for this afternoon is a mistake.
FUTURE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Entered:
    """What a movement did.

    Attributes:
        batch: the batch that moved.
        movement: the movement itself.
        holds: holds that were entered with it.
        warnings: done, but somebody should look.
    """

    batch: Batch
    movement: Movement
    holds: list[Hold] = field(default_factory=list)
    warnings: list[Phrase] = field(default_factory=list)


def place_of(text: str) -> Place:
    """Read ``site/asset`` or, of a labelled box, ``site/asset#label``."""
    asset, mark, label = text.partition("#")
    parts = asset.split("/")
    if len(parts) != 2 or not all(is_name(part) for part in parts):
        raise LedgerError("bad-asset", asset=asset)
    if mark and not _fits(label, 40, " #"):
        raise LedgerError("bad-label", label=label)
    return Place(asset, unicodedata.normalize("NFC", label))


def receive(
    conn: Connection,
    *,
    product: str,
    lot: str,
    expiry: date,
    doses: int,
    asset: str,
    now: int,
    actor: str,
    at: int | None = None,
    zone: ZoneInfo = DEFAULT_ZONE,
) -> Entered:
    """Take doses of a batch from outside into an asset.

    Args:
        conn: a write transaction.
        product: its name, as on the box.
        lot: its lot number.
        expiry: the last day of use.
        doses: how many.
        asset: ``site/asset``, with ``#label`` where the box can be told apart.
        now: the hub's clock, UTC milliseconds.
        actor: who says so.
        at: when it happened; None: now.
        zone: where the day of expiry ends.
    """
    at = check_time(at, now)
    place = place_of(asset)
    product = unicodedata.normalize("NFC", product.strip())
    lot = unicodedata.normalize("NFC", lot.strip())
    if not _fits(product, 80, "/#"):
        raise LedgerError("bad-product", text=product)
    if not _fits(lot, 40, " #"):
        raise LedgerError("bad-lot", text=lot)
    batch = Batch(f"{product}/{lot}", product, lot, expiry)
    known = get_batch(conn, batch.id)
    if known is not None and known.expiry != expiry:
        raise LedgerError("expiry-differs", batch=batch.id, known=known.expiry, given=expiry)
    if expired(expiry, at, zone):
        raise LedgerError("expired-on-receipt", batch=batch.id, expiry=expiry)
    extra = {"product": product, "lot": lot, "expiry": expiry.isoformat()}
    return enter(
        conn, batch, "received", None, place, doses, at=at, now=now, actor=actor, extra=extra
    )


def move(
    conn: Connection,
    *,
    batch: str,
    source: str,
    target: str,
    now: int,
    actor: str,
    doses: int | None = None,
    at: int | None = None,
) -> Entered:
    """Move doses of a batch to another asset or label; doses on hold may move, and stay on hold.

    Args:
        conn: a write transaction.
        batch: ``product/lot``, or the lot where only one product has it.
        source: where they stand, ``site/asset`` or ``site/asset#label``.
        target: where they go.
        now: the hub's clock, UTC milliseconds.
        actor: who says so.
        doses: how many; None: all that stand there.
        at: when it happened; None: now.
    """
    at = check_time(at, now)
    origin, goal = place_of(source), place_of(target)
    found = find_batch(conn, batch)
    if origin == goal:
        raise LedgerError("same-place", place=origin)
    if doses is None:
        doses = standing(conn, found, origin).doses
    return enter(conn, found, "moved", origin, goal, doses, at=at, now=now, actor=actor)


def standing(conn: Connection, batch: Batch, place: Place) -> Parcel:
    """Return the parcel of a batch that stands in a place now; LedgerError where there is none."""
    parcel = unfold(movements_of(conn, batch.id)).at(place)
    if parcel is None:
        raise LedgerError("none-there", place=place, what=batch.id)
    return parcel


def expired(expiry: date, at: int, zone: ZoneInfo) -> bool:
    """Whether the last day of use is over at a place in ``zone``."""
    return datetime.fromtimestamp(at / 1000, zone).date() > expiry


def enter(
    conn: Connection,
    batch: Batch,
    kind: Kind,
    source: Place | None,
    target: Place | None,
    doses: int,
    *,
    at: int,
    now: int,
    actor: str,
    recipient: str = "",
    extra: dict[str, Any] | None = None,
) -> Entered:
    """Check one movement against all others, enter it, and hold what it brings into a hold."""
    require_write(conn)
    if type(doses) is not int or not 0 < doses <= MAX_INTEGER:
        raise LedgerError("bad-doses", doses=doses)
    position = head(conn).position + 1
    movement = Movement(position, batch.id, at, kind, source, target, doses, actor, recipient)
    _check(conn, batch, movement)
    body: dict[str, Any] = {"batch": batch.id, "at": at, "doses": doses, **(extra or {})}
    if source is not None:
        body |= {"source": source.asset, "source_label": source.label}
    if target is not None:
        body |= {"target": target.asset, "target_label": target.label}
    if recipient:
        body["recipient"] = recipient
    entry = append(conn, at=now, actor=actor, type=FAMILY + kind, subject=batch.id, body=body)
    project(conn, entry)
    found = hold_batch(conn, batch.id, at=now)
    return Entered(batch, movement, found, _warnings(conn, movement, found))


def _check(conn: Connection, batch: Batch, movement: Movement) -> None:
    """Raise LedgerError where the movement cannot have been, or would take doses out of a hold."""
    known = movements_of(conn, batch.id)
    try:
        after = unfold([*known, movement])
    except ImpossibleError as error:
        wrong = error.movement
        code = "not-there" if wrong is movement else "later-entry"
        raise LedgerError(
            code,
            place=wrong.source,
            batch=batch.id,
            at=Moment(wrong.at),
            doses=wrong.doses,
            there=error.there,
        ) from None
    entered = holds_of(conn, batch.id)

    def held(custody: Custody) -> dict[str, int]:
        return held_doses(custody, reaches(conn, custody, entered))

    now_held = held(after)
    if any(now_held.get(cause, 0) < doses for cause, doses in held(unfold(known)).items()):
        raise LedgerError("lifts-hold", batch=batch.id, at=Moment(movement.at))


def _warnings(conn: Connection, movement: Movement, found: list[Hold]) -> list[Phrase]:
    warnings = []
    target = movement.target
    if target is not None and not deciding(conn, target.asset):
        warnings.append(phrase("no-deciding-point", asset=target.asset))
    if any(not hold.issued and hold.place == target for hold in found):
        warnings.append(phrase("moved-on-hold"))
    return warnings


def check_time(at: int | None, now: int) -> int:
    """Return when it happened: now where nothing is said; LedgerError for what has not come yet."""
    if at is None:
        return now
    if at > now + FUTURE_MS:
        raise LedgerError("in-future", at=Moment(at), now=Moment(now))
    return min(at, now)


def _fits(text: str, longest: int, without: str) -> bool:
    return (
        0 < len(text) <= longest
        and text.isprintable()
        and text == text.strip()
        and not any(letter in text for letter in without)
    )
