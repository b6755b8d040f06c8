"""Planned work on an asset (defrosting, cleaning, moving stock): a projection of the journal.

While it lasts, the asset's alarms wait; exposure and holds count on. Its end is enforced: it can
be four hours away at most, with all plans that adjoin it, nobody has to call it off, and what is
still open then is told at once.

Entries: ``work.planned`` (subject ``site/asset``; body id, from, until, reason, person, way) and
``work.ended`` (body id, person, way). Times are of the hub's clock, UTC milliseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Index,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from journal import projections
from journal.database import Position, metadata, require_write
from journal.journal import Entry, append, entries

PLANNED: Final = "work.planned"
ENDED: Final = "work.ended"
FAMILY: Final = "work."

# Longer work has a second plan by somebody who has looked at the thermometer.
LONGEST_MS: Final = 4 * 3_600_000
# Between two plans people have so long to be told, and to look; nearer ones are one piece of work.
APART_MS: Final = 30 * 60_000
# Who plans for next month has forgotten it by then.
FARTHEST_MS: Final = 14 * 86_400_000

works: Final = Table(
    "works",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("site", String(63), nullable=False),
    Column("asset", String(127), nullable=False),
    Column("begin", Position, nullable=False),
    Column("until", Position, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", String(63), nullable=False),
    Column("way", String(7), nullable=False),
    Column("planned_at", Position, nullable=False),
    Column("ended_at", Position),
    Column("ended_by", String(63), nullable=False),
    Index("works_by_asset", "asset", "begin"),
)


@dataclass(frozen=True, slots=True)
class Work:
    """Planned work.

    Attributes:
        id: 16 hexadecimal digits.
        site: where.
        asset: ``site/asset``.
        begin: from when on its alarms wait; not before it was planned.
        until: when that ends by itself.
        reason: what is done, in the words of who planned it.
        person: who planned it.
        way: ``console`` or ``command``.
        planned_at: when.
        ended_at: when somebody said that it is done; None: nobody did.
        ended_by: who.
    """

    id: str
    site: str
    asset: str
    begin: int
    until: int
    reason: str
    person: str
    way: str
    planned_at: int
    ended_at: int | None
    ended_by: str

    @property
    def over_at(self) -> int:
        """When the alarms wait no longer."""
        return self.until if self.ended_at is None else min(self.until, self.ended_at)


class WorkRefusedError(ValueError):
    """Work that cannot be planned so; the text is one line that says what to do."""


def plan(
    conn: Connection,
    asset: str,
    begin: int,
    until: int,
    reason: str,
    person: str,
    *,
    now: int,
    way: str = "command",
) -> Work:
    """Enter that an asset is worked on from ``begin`` (or now, if that has passed) until ``until``.

    Planning the same twice changes nothing.

    Args:
        conn: the caller's write transaction.
        asset: ``site/asset``.
        begin: when it begins.
        until: when it ends by itself.
        reason: what is done; not empty.
        person: id of who plans it.
        now: the hub's clock.
        way: ``console`` or ``command``.

    Raises:
        WorkRefusedError: too long, also together with other plans of that asset that are not over yet
            and less than half an hour from it; over already, too far away, or without a reason.
    """
    require_write(conn)
    begin, reason = max(begin, now), reason.strip()
    if until <= begin:
        raise WorkRefusedError("the work would be over before it begins; give a later end")
    if until - begin > LONGEST_MS:
        raise WorkRefusedError("work is planned for at most 4 h; plan the rest when these are over")
    if begin - now > FARTHEST_MS:
        raise WorkRefusedError("work is planned at most 14 days ahead; plan it later")
    if not reason:
        raise WorkRefusedError("say what is done, such as defrosting")
    site = asset.partition("/")[0]
    text = f"{asset}\n{begin}\n{until}\n{person}\n{reason}"
    id_ = hashlib.sha256(text.encode()).hexdigest()[:16]
    known = get(conn, id_)
    if known is not None:
        return known
    first, last = _joined(conn, asset, begin, until, now)
    if last - first > LONGEST_MS:
        raise WorkRefusedError(
            "with the plans before and behind it, less than 30 min from it, that would be more than 4 h "
            "of work; plan it when those before are over, or leave 30 min between"
        )
    body = {
        "id": id_, "from": begin, "until": until, "reason": reason, "person": person, "way": way,
    }  # fmt: skip
    entry = append(conn, at=now, actor=person, type=PLANNED, subject=asset, body=body)
    _project(conn, entry)
    planned = get(conn, id_)
    assert planned is not None
    assert planned.site == site
    return planned


def _joined(conn: Connection, asset: str, begin: int, until: int, now: int) -> tuple[int, int]:
    """Return the stretch that a plan makes with those that it adjoins, one by one.

    One that is over was looked at: whoever plans now has been told what was still open.
    """
    rest = [each for each in planned(conn, asset=asset, after=now) if each.over_at > each.begin]
    first, last = begin, until
    while near := [
        each for each in rest if each.begin - last < APART_MS and first - each.over_at < APART_MS
    ]:
        rest = [each for each in rest if each not in near]
        first = min(first, *(each.begin for each in near))
        last = max(last, *(each.over_at for each in near))
    return first, last


def end(conn: Connection, id_: str, *, person: str, now: int, way: str = "command") -> Work:
    """Enter that planned work is done, or will not be; what is over already stays as it is.

    Raises:
        WorkRefusedError: there is no such work.
    """
    require_write(conn)
    known = get(conn, id_)
    if known is None:
        raise WorkRefusedError(f"there is no work {id_}")
    if known.over_at <= now:
        return known
    body = {"id": id_, "person": person, "way": way}
    entry = append(conn, at=now, actor=person, type=ENDED, subject=known.asset, body=body)
    _project(conn, entry)
    ended = get(conn, id_)
    assert ended is not None
    return ended


def get(conn: Connection, id_: str) -> Work | None:
    """Return one plan."""
    row = conn.execute(select(works).where(works.c.id == id_)).one_or_none()
    return Work(**row._mapping) if row is not None else None  # noqa: SLF001 - its public name


def planned(
    conn: Connection, *, asset: str | None = None, site: str | None = None, after: int | None = None
) -> list[Work]:
    """Return what was planned, oldest first: of an asset, of a site, or ending behind a time."""
    query = select(*(works.c[field.name] for field in fields(Work)))
    if asset is not None:
        query = query.where(works.c.asset == asset)
    if site is not None:
        query = query.where(works.c.site == site)
    if after is not None:
        query = query.where(works.c.until > after)
    found = conn.execute(query.order_by(works.c.begin, works.c.id))
    rows = [Work(**row._mapping) for row in found]  # noqa: SLF001 - its public name
    return [work for work in rows if after is None or work.over_at > after]


def _project(conn: Connection, entry: Entry) -> None:
    body = entry.body
    if entry.type == ENDED:
        values: dict[str, Any] = {"ended_at": entry.at, "ended_by": body["person"]}
        conn.execute(update(works).where(works.c.id == body["id"]).values(values))
        return
    row = {
        "id": body["id"],
        "site": entry.subject.partition("/")[0],
        "asset": entry.subject,
        "begin": body["from"],
        "until": body["until"],
        "reason": body["reason"],
        "person": body["person"],
        "way": body["way"],
        "planned_at": entry.at,
        "ended_by": "",
    }
    conn.execute(insert(works).values(row))


def rebuild(conn: Connection) -> None:
    """Make the projection again from the journal alone."""
    require_write(conn)
    conn.execute(delete(works))
    for entry in entries(conn, types=FAMILY):
        _project(conn, entry)


projections.register("works", rebuild, works)
