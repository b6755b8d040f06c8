"""The table of excursions and the questions that are asked of it; `excursions` writes it.

Times are UTC milliseconds, values integer thousandths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Index,
    String,
    Table,
    and_,
    or_,
    select,
)

from journal.database import Position, metadata

LOST_CONTACT: Final = "lost-contact"
MISPLACED: Final = "misplaced"

CALIBRATION: Final = "calibration"

# What a device says of its UV lamp that somebody must see to.
LAMP: Final = "lamp"

# Kinds that speak of a device and of no series: the hub's own watch finds them, and no engine.
OF_DEVICE: Final = frozenset({LOST_CONTACT, MISPLACED})
# All that no engine finds; a calibration speaks of a series, a lamp of an asset, and of no value.
OF_HUB: Final = OF_DEVICE | {CALIBRATION, LAMP}

excursions: Final = Table(
    "excursions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("thread", String(16), nullable=False),
    Column("site", String, nullable=False),
    Column("device", String, nullable=False),
    Column("asset", String, nullable=False),
    Column("series", String, nullable=False),
    Column("point", String, nullable=False),
    Column("quantity", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("side", String, nullable=False),
    Column("certainty", String, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("tells", Boolean, nullable=False),
    Column("limit", Position),
    Column("snapshot", JSON, nullable=False),
    Column("start", Position, nullable=False),
    Column("opened", Position, nullable=False),
    Column("end", Position),
    Column("held_ms", Position, nullable=False),
    Column("unknown_ms", Position, nullable=False),
    Column("extreme", Position),
    Column("stream", String, nullable=False),
    Column("first_seq", Position, nullable=False),
    Column("learned_at", Position, nullable=False),
    Column("closed_learned_at", Position),
    Column("recovered_at", Position),
    Column("opened_entry", Position),
    Column("confirmed_entry", Position),
    Column("closed_entry", Position),
    Column("recovered_entry", Position),
    Index("excursions_by_asset", "asset", "start"),
    Index("excursions_by_start", "start"),
    Index("excursions_open", "end"),
)


@dataclass(frozen=True, slots=True)
class ExcursionRow:
    """One excursion.

    Attributes:
        id: hash of stream, series, rule and first seq; 16 hexadecimal digits.
        thread: id of the first excursion of its thread.
        site: the site of the device, as the hub knows it.
        device: the device that reported it, or that is lost.
        asset: ``site/asset``; of OF_DEVICE ``site/device``, which is no asset that holds stock.
        series: ``asset/point/quantity``; of OF_DEVICE ``device/link/contact`` or ``…/claim``.
        point: middle part of the series.
        quantity: last part of the series.
        rule: id of the rule, ``profile/name``.
        profile: first part of it.
        kind: of the rule, or one of OF_HUB.
        side: ``above``, ``below``, ``silent``, ``apart`` or ``stuck``.
        certainty: ``certain`` or ``possible``.
        holds: whether it puts batches on hold.
        tells: whether people are told.
        limit: the limit on its side as printed; None for silence.
        snapshot: the rule as it was in force; of ``misplaced`` with ``cause`` and ``claim``, of
            ``calibration`` with ``certificate`` and ``due``, of ``lamp`` with ``cause``.
        start: time of the first reading outside.
        opened: when the rule was fulfilled.
        end: time of the first reading inside; None while open.
        held_ms: time known to be outside, as of the last step.
        unknown_ms: unknown time in between, as of the last step.
        extreme: the value farthest outside, as of the last step.
        stream: where it was found; empty for OF_HUB.
        first_seq: the record at ``start``; 0 for OF_HUB.
        learned_at: the hub's clock when it first heard of it.
        closed_learned_at: the hub's clock when it heard of the end.
        recovered_at: the hub's clock when it heard of the recovery.
        opened_entry: position of the journal entry of this step, None: not yet.
        confirmed_entry: likewise.
        closed_entry: likewise.
        recovered_entry: likewise.
    """

    id: str
    thread: str
    site: str
    device: str
    asset: str
    series: str
    point: str
    quantity: str
    rule: str
    profile: str
    kind: str
    side: str
    certainty: str
    holds: bool
    tells: bool
    limit: int | None
    snapshot: dict[str, Any]
    start: int
    opened: int
    end: int | None
    held_ms: int
    unknown_ms: int
    extreme: int | None
    stream: str
    first_seq: int
    learned_at: int
    closed_learned_at: int | None
    recovered_at: int | None
    opened_entry: int | None
    confirmed_entry: int | None
    closed_entry: int | None
    recovered_entry: int | None


FIELDS: Final = tuple(field.name for field in fields(ExcursionRow))


def get(conn: Connection, id_: str) -> ExcursionRow | None:
    """Return one excursion."""
    row = conn.execute(select(excursions).where(excursions.c.id == id_)).one_or_none()
    return ExcursionRow(**row._mapping) if row is not None else None  # noqa: SLF001 - its public name


def overlapping(
    conn: Connection,
    asset: str,
    start: int,
    end: int | None,
    *,
    holds: bool | None = True,
) -> list[ExcursionRow]:
    """Return the excursions of an asset that share any moment with [start, end), oldest first.

    Args:
        conn: any transaction.
        asset: ``site/asset``.
        start: first millisecond.
        end: the millisecond after the last one; None: without end.
        holds: only those that put batches on hold; None: all.
    """
    table = excursions.c
    lasting = or_(
        table.end.is_(None),
        table.end > start,
        # An excursion of one instant has no length, and yet it happened.
        and_(table.end == table.start, table.start >= start),
    )
    query = select(excursions).where(table.asset == asset, lasting)
    if end is not None:
        query = query.where(table.start < end)
    if holds is not None:
        query = query.where(table.holds.is_(holds))
    return _rows(conn, query.order_by(table.start, table.id))


def open_ones(
    conn: Connection, *, kind: str | None = None, device: tuple[str, str] | None = None
) -> list[ExcursionRow]:
    """Return the excursions that have not ended, oldest first.

    Args:
        conn: any transaction.
        kind: only of this kind, such as ``lost-contact``.
        device: only of this (site, device).
    """
    query = select(excursions).where(excursions.c.end.is_(None))
    if kind is not None:
        query = query.where(excursions.c.kind == kind)
    if device is not None:
        query = query.where(excursions.c.site == device[0], excursions.c.device == device[1])
    return _rows(conn, query.order_by(excursions.c.start, excursions.c.id))


def listing(
    conn: Connection,
    *,
    site: str | None = None,
    asset: str | None = None,
    start: int | None = None,
    end: int | None = None,
    limit: int | None = None,
) -> list[ExcursionRow]:
    """Return excursions, newest start first.

    Args:
        conn: any transaction.
        site: only of this site.
        asset: only of this ``site/asset``.
        start: only those that had not ended by then.
        end: only those that began before.
        limit: at most so many.
    """
    table = excursions.c
    query = select(excursions)
    if site is not None:
        query = query.where(table.site == site)
    if asset is not None:
        query = query.where(table.asset == asset)
    if start is not None:
        query = query.where(or_(table.end.is_(None), table.end > start))
    if end is not None:
        query = query.where(table.start < end)
    return _rows(conn, query.order_by(table.start.desc(), table.id).limit(limit))


def _rows(conn: Connection, query: Any) -> list[ExcursionRow]:
    found: Sequence[Any] = conn.execute(query).all()
    return [ExcursionRow(**row._mapping) for row in found]  # noqa: SLF001 - its public name
