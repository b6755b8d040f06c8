"""Notices that speak of no alarm: "all well", a monthly test, a way out. One way to owe them.

They have an id of their own where others have their excursion's: the same parts, the same id, so a
hub that begins anew finds what it owed before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from hub.tables import notices


def id_of(*parts: str) -> str:
    """Return the id of a matter that is no alarm."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def is_owed(conn: Connection, id_: str) -> bool:
    """Whether anybody was owed a word of this matter."""
    mine = select(notices.c.id).where(notices.c.excursion == id_)
    return conn.execute(mine.limit(1)).first() is not None


def owe(
    conn: Connection,
    id_: str,
    happening: str,
    person: str,
    now: int,
    *,
    step: str = "",
    site: str = "",
    facts: Mapping[str, Any] | None = None,
    channels: str = "",
) -> None:
    """Owe a person a word.

    Args:
        conn: the caller's write transaction.
        id_: of the matter, see :func:`id_of`.
        happening: what is told (hub/tables.py).
        person: id of who is told.
        now: the hub's clock.
        step: what tells several of one matter apart.
        site: whose matter it is; empty: all sites'.
        facts: what the text is made of (hub/said.py).
        channels: by which it goes, with commas between; empty: as an alarm would.
    """
    values = {
        "excursion": id_, "happening": happening, "step": step, "person": person, "site": site,
        "asset": "", "side": "", "created_at": now, "alarm": "", "channels": channels,
        "facts": json.dumps(dict(facts or {}), ensure_ascii=False),
    }  # fmt: skip
    conn.execute(insert(notices).values(values))
