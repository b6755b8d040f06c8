"""How the hub is: what it says of itself while it runs, and what its books say in any case.

`Live` is only known to the running hub. `Books` is what hub.db says, whether it runs or not.
`hub.health_lines` makes of both what a person reads.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, select

from config.hub import HubSettings
from hub.tables import devices, notices, quarantine, sms, streams
from hub.way_tests import Standing, standing
from journal.excursions import excursions


@dataclass(frozen=True, slots=True)
class Live:
    """What only the running hub knows. Times are UTC milliseconds.

    Attributes:
        since: when it started.
        broker: address of the broker.
        connected: whether it has accepted us; ``connected_since``: since when that is so, or not.
        history: kind of the store.
        history_up: whether it took the last readings; None before any came.
        history_reason: why not.
        database_reason: why hub.db takes nothing just now; empty where it does.
        database_errors: how often it did not since the start.
        waiting: messages in the inbox; ``waiting_bytes``: what they count.
        dropped: messages dropped since the start, by cause.
        dropping: whether the inbox is full just now.
        channel: kinds of the ways out for SMS; ``channel_reason``: why none works, empty where one
            does; ``channel_warning``: what should be seen to, such as a weak signal.
    """

    version: str
    since: int
    broker: str
    connected: bool
    connected_since: int
    history: str
    history_up: bool | None
    history_since: int
    history_reason: str
    database_reason: str
    database_errors: int
    waiting: int
    waiting_bytes: int
    dropped: dict[str, int]
    dropping: bool
    channel: str
    channel_reason: str
    channel_warning: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What hub.db says. Times are UTC milliseconds, ``lag`` is in records judged and not stored.

    ``tests``: how the newest monthly test of the way to people stands.
    """

    streams: int = 0
    behind: int = 0
    lag: int = 0
    lag_max: int = 0
    newest_at: int | None = None
    heard: int = 0
    silent: list[str] = field(default_factory=list)
    excursions: dict[str, int] = field(default_factory=dict)
    notices: dict[str, int] = field(default_factory=dict)
    sms_waiting: int = 0
    oldest_at: int | None = None
    tests: Standing = field(default_factory=Standing)
    quarantine: int = 0
    quarantine_times: int = 0
    quarantine_at: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Everything as of one moment. ``trouble`` says why hub.db could not be read, if it could not.

    Attributes:
        absent: why there is no ``live``: ``away`` (it does not run), ``mute`` (it runs, with
            its metrics off), ``deaf`` (it runs and does not answer); empty where there is one.
        absent_why: the words behind ``deaf``.
    """

    at: int
    live: Live | None
    books: Books
    disk_free: int
    disk_total: int
    queued_too_long: int
    trouble: str = ""
    absent: str = ""
    absent_why: str = ""


HEALTH: Final = TypeAdapter(Health)


def books_of(conn: Connection, settings: HubSettings, now: int) -> Books:
    """Read the books, all within one snapshot."""
    behind = streams.c.judged_seq - streams.c.stored_seq
    marks = conn.execute(
        select(
            func.count(),
            func.count().filter(behind > 0),
            func.coalesce(func.sum(behind).filter(behind > 0), 0),
            func.coalesce(func.max(behind), 0),
            func.max(streams.c.newest_at),
        ).select_from(streams)
    ).one()
    heard_at = {row.device: row.heard_at for row in conn.execute(select(devices)) if row.heard_at}
    names = [device for site in settings.sites for device in site.devices]
    after = now - settings.lost_contact_after
    silent = [name for name in names if heard_at.get(name, -1) <= after]
    is_open = excursions.c.end.is_(None)
    kinds = select(excursions.c.kind, func.count()).where(is_open).group_by(excursions.c.kind)
    kept = conn.execute(
        select(
            func.count(),
            func.coalesce(func.sum(quarantine.c.times), 0),
            func.max(quarantine.c.last_at),
        ).select_from(quarantine)
    ).one()
    owed, waiting, oldest = _owed(conn)
    return Books(
        streams=marks[0], behind=marks[1], lag=int(marks[2]), lag_max=marks[3], newest_at=marks[4],
        heard=len(names) - len(silent), silent=silent,
        excursions={kind: count for kind, count in conn.execute(kinds)},  # noqa: C416 - rows
        notices=owed, sms_waiting=waiting, oldest_at=oldest,
        tests=standing(conn, {person.id for person in settings.people}, now),
        quarantine=kept[0], quarantine_times=int(kept[1]), quarantine_at=kept[2],
    )  # fmt: skip


def _owed(conn: Connection) -> tuple[dict[str, int], int, int | None]:
    """Return notices by what became of them, SMS still to go out, and since when one is owed."""
    joined = select(
        func.coalesce(sms.c.state, "waiting"), func.count(), func.min(notices.c.created_at)
    ).select_from(notices.outerjoin(sms, sms.c.id == notices.c.sms))
    by_state = dict.fromkeys(("waiting", "handed", "sent", "refused"), 0)
    oldest: list[int] = []
    for state, count, created_at in conn.execute(joined.group_by(sms.c.state)):
        by_state[state] = by_state.get(state, 0) + count
        if state in {"waiting", "handed"}:
            oldest.append(created_at)
    made = select(func.count()).select_from(sms).where(sms.c.state.in_(("waiting", "handed")))
    unmade = select(func.count()).select_from(notices).where(notices.c.sms.is_(None))
    waiting = conn.execute(made).scalar_one() + conn.execute(unmade).scalar_one()
    return by_state, waiting, min(oldest, default=None)


def disk_of(state_dir: Path) -> tuple[int, int]:
    """Return free and total bytes of the disk that the state lies on, or will lie on."""
    there = next(
        each for each in (state_dir.absolute(), *state_dir.absolute().parents) if each.exists()
    )
    usage = shutil.disk_usage(there)
    return usage.free, usage.total
