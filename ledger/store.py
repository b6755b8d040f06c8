"""The ledger's tables: projections of the journal entries ``ledger.*``, made again by `rebuild`.

`batches` and `movements` hold one row per entry; `custody` says which parcel stood where, from
when to when, with how many doses, and is worked out anew for a batch with each of its movements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    String,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
)

from journal import projections
from journal.database import Position, metadata, require_write
from journal.journal import Entry, entries
from ledger.custody import Custody, Movement, Place, unfold
from ledger.phrases import LedgerError

FAMILY: Final = "ledger."
RECEIVED: Final = "ledger.received"
MOVED: Final = "ledger.moved"
ISSUED: Final = "ledger.issued"
HELD: Final = "ledger.held"
ISSUED_AFFECTED: Final = "ledger.issued-affected"

_MOVEMENTS: Final = {RECEIVED, MOVED, ISSUED}

batches: Final = Table(
    "batches",
    metadata,
    Column("id", String, primary_key=True, comment="product/lot"),
    Column("product", String, nullable=False),
    Column("lot", String, nullable=False, index=True),
    Column("expiry", String(10), nullable=False, comment="last day of use, ISO 8601"),
)

movements: Final = Table(
    "movements",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("batch", ForeignKey("batches.id"), nullable=False),
    Column("at", Position, nullable=False),
    Column("kind", String, nullable=False),
    Column("source", String),
    Column("source_label", String, nullable=False),
    Column("target", String),
    Column("target_label", String, nullable=False),
    Column("doses", Position, nullable=False),
    Column("actor", String, nullable=False),
    Column("recipient", String, nullable=False),
    Index("movements_by_batch", "batch", "at"),
)

custody: Final = Table(
    "custody",
    metadata,
    Column("batch", ForeignKey("batches.id"), primary_key=True),
    Column("parcel", String, primary_key=True),
    Column("from_at", Position, primary_key=True),
    Column("to_at", Position, comment="null: it is there now"),
    Column("asset", String, nullable=False),
    Column("label", String, nullable=False),
    Column("doses", Position, nullable=False),
    Index("custody_by_asset", "asset", "from_at"),
)

holds: Final = Table(
    "holds",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    Column("cause", String, nullable=False),
    Column("code", String, nullable=False, comment="excursion or unknown-time"),
    Column("batch", ForeignKey("batches.id"), nullable=False),
    Column("parcel", String, nullable=False, comment="of issued doses: the one they left"),
    Column("asset", String, nullable=False),
    Column("label", String, nullable=False),
    Column("doses", Position, nullable=False),
    Column("issued", Boolean, nullable=False, comment="the doses had left: nobody can hold them"),
    Column("movement", Position, comment="of issued doses: the entry that says who got them"),
    Column("recipient", String, nullable=False),
    Column("exposed_asset", String, nullable=False),
    Column("exposed_from", Position, nullable=False),
    Column("exposed_to", Position),
    Column("since", Position, nullable=False),
    Column("since_position", Position, nullable=False),
    Column("at", Position, nullable=False),
    Index("holds_by_batch", "batch", "cause"),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """One lot of one product; ``expiry`` is the last day on which it may be used."""

    id: str
    product: str
    lot: str
    expiry: date


def find_batch(conn: Connection, text: str) -> Batch:
    """Return the batch called ``product/lot`` or, where only one product has it, ``lot``."""
    named = select(batches).where(or_(batches.c.id == text, batches.c.lot == text))
    rows = conn.execute(named.order_by(batches.c.id)).all()
    exact = [row for row in rows if row.id == text] or rows
    if not exact:
        raise LedgerError("unknown-batch", batch=text)
    if len(exact) > 1:
        listed = ", ".join(row.id for row in exact)
        raise LedgerError("ambiguous-batch", batch=text, batches=listed)
    return _batch(exact[0])


def get_batch(conn: Connection, id_: str) -> Batch | None:
    """Return the batch with this id."""
    row = conn.execute(select(batches).where(batches.c.id == id_)).one_or_none()
    return _batch(row) if row is not None else None


def all_batches(conn: Connection, product: str | None = None) -> list[Batch]:
    """Return the batches, first to expire first (FEFO)."""
    query = select(batches).order_by(batches.c.expiry, batches.c.id)
    if product is not None:
        query = query.where(batches.c.product == product)
    return [_batch(row) for row in conn.execute(query)]


def _batch(row: Any) -> Batch:
    return Batch(row.id, row.product, row.lot, date.fromisoformat(row.expiry))


def movements_of(conn: Connection, batch: str) -> list[Movement]:
    """Return the movements of a batch in the order in which they were entered."""
    query = select(movements).where(movements.c.batch == batch).order_by(movements.c.position)
    return [
        Movement(
            row.position,
            row.batch,
            row.at,
            row.kind,
            Place(row.source, row.source_label) if row.source is not None else None,
            Place(row.target, row.target_label) if row.target is not None else None,
            row.doses,
            row.actor,
            row.recipient,
        )
        for row in conn.execute(query)
    ]


def custody_of(conn: Connection, batch: str) -> Custody:
    """Return the parcels of a batch."""
    return unfold(movements_of(conn, batch))


def batches_in(conn: Connection, asset: str, start: int, end: int | None) -> list[str]:
    """Return the batches of which any dose stood in an asset at any moment of [start, end)."""
    last = max(end, start + 1) if end is not None else None
    overlap = [custody.c.asset == asset, or_(custody.c.to_at.is_(None), custody.c.to_at > start)]
    if last is not None:
        overlap.append(custody.c.from_at < last)
    found = select(custody.c.batch).where(and_(*overlap)).distinct().order_by(custody.c.batch)
    return list(conn.execute(found).scalars())


def project(conn: Connection, entry: Entry) -> None:
    """Bring the tables up to one more entry; nothing but the entry and the tables decides."""
    _insert(conn, entry)
    if entry.type in _MOVEMENTS:
        _work_out_custody(conn, entry.body["batch"])


def _insert(conn: Connection, entry: Entry) -> None:
    body = entry.body
    if entry.type == RECEIVED and get_batch(conn, body["batch"]) is None:
        names = ("product", "lot", "expiry")
        row = {"id": body["batch"], **{name: body[name] for name in names}}
        conn.execute(insert(batches), row)
    if entry.type in _MOVEMENTS:
        conn.execute(insert(movements), _movement_row(entry))
    elif entry.type in {HELD, ISSUED_AFFECTED}:
        row = {name: body.get(name) for name in holds.c.keys()}  # noqa: SIM118 - columns, no dict
        row.update(position=entry.position, at=entry.at, issued=entry.type == ISSUED_AFFECTED)
        conn.execute(insert(holds), row)


def _movement_row(entry: Entry) -> dict[str, Any]:
    body = entry.body
    return {
        "position": entry.position,
        "batch": body["batch"],
        "at": body["at"],
        "kind": entry.type.removeprefix(FAMILY),
        "source": body.get("source"),
        "source_label": body.get("source_label", ""),
        "target": body.get("target"),
        "target_label": body.get("target_label", ""),
        "doses": body["doses"],
        "actor": entry.actor,
        "recipient": body.get("recipient", ""),
    }


def _work_out_custody(conn: Connection, batch: str) -> None:
    conn.execute(delete(custody).where(custody.c.batch == batch))
    rows = []
    for parcel in custody_of(conn, batch).parcels:
        ends: Sequence[int | None] = [at for at, _ in parcel.levels[1:]] + [None]
        rows += [
            {
                "batch": batch,
                "parcel": parcel.id,
                "from_at": at,
                "to_at": until,
                "asset": parcel.place.asset,
                "label": parcel.place.label,
                "doses": doses,
            }
            for (at, doses), until in zip(parcel.levels, ends, strict=True)
            if doses
        ]
    if rows:
        conn.execute(insert(custody), rows)


def rebuild(conn: Connection) -> None:
    """Make all tables of the ledger again from the journal alone."""
    require_write(conn)
    for table in (custody, holds, movements, batches):
        conn.execute(delete(table))
    for entry in entries(conn, types=FAMILY):
        _insert(conn, entry)
    for batch in all_batches(conn):
        _work_out_custody(conn, batch.id)


projections.register("ledger", rebuild, batches, movements, custody, holds)
