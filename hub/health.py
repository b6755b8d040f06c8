"""How the hub is: what it says of itself while it runs, and what its books say in any case.

`Live` is only known to the running hub. `Books` is what hub.db says, whether it runs or not. From
both, :func:`lines` makes what a person reads: each line is well, something to
look at, or bad. The hub is healthy when no line is bad; a device that is silent is told by SMS and
makes no hub unhealthy.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, select

from config.hub import HubSettings
from hub.tables import devices, notices, quarantine, sms, streams
from journal.excursions import excursions

# Fewer free bytes than this, or a smaller share, and the next days' readings find no room.
LEAST_FREE: Final = 500_000_000
LEAST_FREE_SHARE: Final = 0.05
DAY_MS: Final = 86_400_000
NAMES_SHOWN: Final = 5

Level = Literal["well", "look", "bad"]


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
        channel: kind of the way out for SMS; ``channel_reason``: why it fails, empty where it works.
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


@dataclass(frozen=True, slots=True)
class Books:
    """What hub.db says. Times are UTC milliseconds, ``lag`` is in records judged and not stored."""

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


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a person should know: its subject, how it is, and a phrase with its values."""

    subject: str
    level: Level
    code: str
    values: Mapping[str, Any]


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
        streams=marks[0], behind=marks[1], lag=marks[2], lag_max=marks[3], newest_at=marks[4],
        heard=len(names) - len(silent), silent=silent,
        excursions={kind: count for kind, count in conn.execute(kinds)},  # noqa: C416 - rows
        notices=owed, sms_waiting=waiting, oldest_at=oldest,
        quarantine=kept[0], quarantine_times=kept[1], quarantine_at=kept[2],
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
    """Return free and total bytes of the disk that the state lies on; zeros where it is gone."""
    try:
        usage = shutil.disk_usage(state_dir)
    except OSError:
        return 0, 0
    return usage.free, usage.total


def healthy(health: Health) -> bool:
    """Whether no line is bad."""
    return all(line.level != "bad" for line in lines(health))


def lines(health: Health) -> list[Line]:
    """Return what a person reads, in the order of the way of a reading."""
    found = _of_live(health.live, health)
    if health.trouble:
        return [*found, Line("database", "bad", "database.fails", {"reason": health.trouble})]
    return [*found, *_of_books(health.books, health), _disk(health)]


def _of_live(live: Live | None, health: Health) -> Sequence[Line]:
    if live is None:
        return [Line("hub", "bad", f"hub.{health.absent}", {"reason": health.absent_why})]
    since = {"address": live.broker, "since": live.connected_since}
    taking: dict[str, Any] = {
        "kind": live.history, "since": live.history_since, "reason": live.history_reason
    }  # fmt: skip
    code = {None: "untried", True: "up", False: "down"}[live.history_up]
    queue = {"count": live.waiting, "dropped": sum(live.dropped.values())}
    found = [
        Line("hub", "well", "hub.runs", {"since": live.since, "version": live.version}),
        Line("broker", "well", "broker.connected", since)
        if live.connected
        else Line("broker", "bad", "broker.lost", since),
        Line("history", "bad" if code == "down" else "well", f"history.{code}", taking),
        Line("queue", "bad", "queue.dropping", queue)
        if live.dropping
        else Line("queue", "well", "queue.fine", queue),
        Line(
            "channel", "bad", "channel.fails", {"kind": live.channel, "reason": live.channel_reason}
        )
        if live.channel_reason
        else Line("channel", "well", "channel.works", {"kind": live.channel}),
    ]
    if live.database_reason:
        found.append(Line("database", "bad", "database.fails", {"reason": live.database_reason}))
    return found


def _of_books(books: Books, health: Health) -> Sequence[Line]:
    total = books.heard + len(books.silent)
    shown = books.silent[:NAMES_SHOWN]
    names = ", ".join(shown) + (" …" if len(books.silent) > len(shown) else "")
    contact = {"heard": books.heard, "count": total, "names": names}
    marks = {
        "count": books.streams, "behind": books.behind, "lag": books.lag, "newest": books.newest_at
    }  # fmt: skip
    open_ = sum(books.excursions.values())
    waits = max(0, health.at - books.oldest_at) if books.oldest_at is not None else 0
    owed = {"count": books.sms_waiting, "span": waits}
    kept = {"count": books.quarantine, "times": books.quarantine_times, "at": books.quarantine_at}
    lately = books.quarantine_at is not None and health.at - books.quarantine_at < DAY_MS
    late = waits > health.queued_too_long
    return [
        Line("devices", "look" if books.silent else "well",
             "devices.some" if books.silent else "devices.all", contact),
        Line("streams", "look" if books.behind else "well",
             "streams.behind" if books.behind else "streams.level" if books.streams
             else "streams.none", marks),
        Line("excursions", "look" if open_ else "well",
             "excursions.open" if open_ else "excursions.none", {"count": open_}),
        Line("sms", "bad" if late else "well",
             "sms.waiting" if books.sms_waiting else "sms.none", owed),
        Line("quarantine", "look" if lately else "well",
             "quarantine.some" if books.quarantine else "quarantine.none", kept),
    ]  # fmt: skip


def _disk(health: Health) -> Line:
    share = health.disk_free / health.disk_total if health.disk_total else 0.0
    short = health.disk_free < LEAST_FREE or share < LEAST_FREE_SHARE
    values = {"free": health.disk_free, "percent": int(share * 100)}
    return Line("disk", "bad" if short else "well", "disk.short" if short else "disk.free", values)
