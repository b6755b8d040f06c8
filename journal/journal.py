"""The journal: the append-only, hash-chained record of everything a person or the system decided.

hash(n) = SHA-256(hash(n-1) || canonical bytes of {actor, at, body, position, subject, type});
hash(0) is a constant of the journal. Positions count from 1 without holes. The table's triggers
keep honest programs from changing it; the chain finds what a dishonest one did to the file
(21 CFR 11.10(e): "record changes shall not obscure previously recorded information").

Stock, custody, holds and excursions are projections of it and can be made again from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
)

from journal.database import Position, append_only, metadata, require_write
from protocol.canonical import canonical_bytes, check_canonical
from protocol.chain import link

GENESIS: Final = sha256(b"coldwatch/1 journal").hexdigest()

# How many findings `verify` lists: the first is what matters, ten thousand help nobody.
MAX_FINDINGS: Final = 20

journal: Final = append_only(
    Table(
        "journal",
        metadata,
        Column("position", Position, primary_key=True, autoincrement=False),
        Column("at", Position, nullable=False, comment="the hub's clock, UTC milliseconds"),
        Column("actor", String, nullable=False, comment="a person's name, or the program"),
        Column("type", String, nullable=False),
        Column("subject", String, nullable=False),
        Column("body", Text, nullable=False, comment="canonical JSON"),
        Column("prev", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
        Index("journal_by_type", "type", "position"),
        Index("journal_by_subject", "subject", "position"),
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is stored; `prev` and `hash` are hexadecimal SHA-256."""

    position: int
    at: int
    actor: str
    type: str
    subject: str
    body: dict[str, Any]
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry's position and hash; position 0 of an empty journal."""

    position: int
    hash: str


def append(
    conn: Connection,
    *,
    at: int,
    actor: str,
    type: str,  # noqa: A002 - the column's name
    subject: str,
    body: Mapping[str, Any],
) -> Entry:
    """Add one entry inside the caller's write transaction and return it.

    Raises:
        protocol.canonical.NotCanonicalError: a fraction, a huge integer, a lone surrogate.
    """
    require_write(conn)
    last = head(conn)
    hashed: dict[str, Any] = {
        "position": last.position + 1,
        "at": at,
        "actor": actor,
        "type": type,
        "subject": subject,
        "body": dict(body),
    }
    check_canonical(hashed)
    digest = link(bytes.fromhex(last.hash), canonical_bytes(hashed)).hex()
    text = canonical_bytes(hashed["body"]).decode()
    conn.execute(insert(journal), {**hashed, "body": text, "prev": last.hash, "hash": digest})
    return Entry(last.position + 1, at, actor, type, subject, json.loads(text), last.hash, digest)


def head(conn: Connection) -> Head:
    """Return the newest position and hash: shown to devices, so that neither side can rewrite."""
    newest = select(journal.c.position, journal.c.hash).order_by(journal.c.position.desc()).limit(1)
    row = conn.execute(newest).one_or_none()
    return Head(row.position, row.hash) if row is not None else Head(0, GENESIS)


def entries(
    conn: Connection,
    *,
    types: str | Sequence[str] | None = None,
    subject: str | None = None,
    after: int = 0,
    limit: int | None = None,
    newest_first: bool = False,
) -> Iterator[Entry]:
    """Yield entries in order.

    Args:
        conn: any transaction.
        types: a type (``ledger.moved``), several of them, or, ending in a dot, a family
            (``ledger.``).
        subject: only entries about this subject.
        after: only entries with a higher position.
        limit: at most so many.
        newest_first: from the newest backwards.
    """
    query = select(journal).where(journal.c.position > after)
    if types is not None and not isinstance(types, str):
        query = query.where(journal.c.type.in_(types))
    elif types is not None:
        family = types.endswith(".")
        query = query.where(
            journal.c.type.startswith(types, autoescape=True) if family else journal.c.type == types
        )
    if subject is not None:
        query = query.where(journal.c.subject == subject)
    order = journal.c.position.desc() if newest_first else journal.c.position
    for row in conn.execute(query.order_by(order).limit(limit)):
        yield _entry(row)


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.position,
        row.at,
        row.actor,
        row.type,
        row.subject,
        json.loads(row.body),
        row.prev,
        row.hash,
    )


def verify(conn: Connection, known: Mapping[int, str] | None = None) -> list[str]:
    """Return what is wrong with the journal, first finding first; an empty list: it is whole.

    Each finding names the entry that differs, is missing or was added. Entries cut off at the end
    leave no trace in the chain itself: ``known`` gives hashes by position that were seen
    elsewhere before (in a device's seal, on a printed report).
    """
    findings = list(_findings(conn, dict(known or {})))
    if len(findings) > MAX_FINDINGS:
        more = len(findings) - MAX_FINDINGS
        return [*findings[:MAX_FINDINGS], f"and {more} more"]
    return findings


_TEXTS: Final = ("actor", "type", "subject", "body", "prev", "hash")


def _raw(conn: Connection) -> Any:
    """Read all, texts as bytes: text that is no text any more is found and stops no search."""
    as_bytes = "CAST({} AS BLOB)" if conn.dialect.name == "sqlite" else "textsend({}::text)"
    texts = ", ".join(as_bytes.format(name) for name in _TEXTS)
    query = f"SELECT position, at, {texts} FROM journal ORDER BY position"  # noqa: S608 - our own names
    # Millions of entries: not all at once.
    return conn.exec_driver_sql(query, execution_options={"stream_results": True})


def _findings(conn: Connection, known: dict[int, str]) -> Iterator[str]:
    expected, last = 1, GENESIS.encode()
    for position, at, actor, type_, subject, body, prev, stored in _raw(conn):
        if position < expected:
            yield f"entry {position} was added: positions begin with 1"
            continue
        if position > expected:
            span = (
                f"entry {expected} is"
                if position == expected + 1
                else (f"entries {expected} to {position - 1} are")
            )
            yield f"{span} missing"
        name = f"entry {position} ({type_.decode(errors='replace')})"
        if position == expected and prev != last:
            yield f"{name} does not follow entry {position - 1}: one of the two was added or changed"
        if _hash(position, at, (actor, type_, subject, body), prev) != stored:
            yield f"{name} differs from what was entered: its hash does not fit"
        seen = known.pop(position, None)
        if seen is not None and seen.encode() != stored:
            yield f"{name} differs from the one that was seen before"
        expected, last = position + 1, stored
    for position in sorted(known):
        yield f"entry {position} is missing: it was seen before, and the journal ends before it"


def _hash(position: int, at: int, texts: tuple[bytes, bytes, bytes, bytes], prev: bytes) -> bytes:
    """Return the hash (hexadecimal) of an entry as it lies in the file; b"" where it is unreadable."""
    try:
        actor, type_, subject, body = (text.decode() for text in texts)
        # The body's own bytes are hashed, not what a parser makes of them: a blank counts too.
        frame = canonical_bytes(
            {"actor": actor, "at": at, "position": position, "subject": subject, "type": type_}
        )
        begin, end = frame.split(b',"position":', 1)
        canonical = begin + b',"body":' + body.encode() + b',"position":' + end
        return link(bytes.fromhex(prev.decode()), canonical).hex().encode()
    except (ValueError, AttributeError):
        return b""
