"""What a person should know of a hub's health: one line for each thing, and how bad it is.

A line is well, something to look at, or bad. The hub is healthy when no line is bad; a device that
is silent is told by SMS, and makes no hub unhealthy. The words are in `hub.health_words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from hub.health import Books, Health, Live
from hub.way_tests import Standing

# Fewer free bytes than this, or a smaller share, and the next days' readings find no room.
LEAST_FREE: Final = 500_000_000
LEAST_FREE_SHARE: Final = 0.05
DAY_MS: Final = 86_400_000
NAMES_SHOWN: Final = 5

Level = Literal["well", "look", "bad"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a person should know: its subject, how it is, and a phrase with its values."""

    subject: str
    level: Level
    code: str
    values: Mapping[str, Any]


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
        _channel(live),
    ]
    if live.database_reason:
        found.append(Line("database", "bad", "database.fails", {"reason": live.database_reason}))
    return found


def _channel(live: Live) -> Line:
    values = {
        "kind": live.channel, "reason": live.channel_reason, "warning": live.channel_warning
    }  # fmt: skip
    if live.channel_reason:
        return Line("channel", "bad", "channel.fails", values)
    if live.channel == "log":
        return Line("channel", "look", "channel.log", values)
    if live.channel_warning:
        return Line("channel", "look", "channel.warns", values)
    return Line("channel", "well", "channel.works", values)


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
        *_tests(books.tests),
        Line("quarantine", "look" if lately else "well",
             "quarantine.some" if books.quarantine else "quarantine.none", kept),
    ]  # fmt: skip


def _tests(tests: Standing) -> Sequence[Line]:
    """Say of whom the newest monthly test is confirmed; nothing where there was none."""
    if not tests.count:
        return []
    shown = tests.unheard[:NAMES_SHOWN]
    values = {
        "at": tests.at, "count": tests.count, "confirmed": tests.confirmed, "blind": tests.blind,
        "waiting": tests.waiting,
        "names": ", ".join(shown) + (" …" if len(tests.unheard) > len(shown) else ""),
    }  # fmt: skip
    if tests.unheard:
        return [Line("test", "look", "test.unconfirmed", values)]
    if tests.waiting:
        return [Line("test", "well", "test.waiting", values)]
    if tests.blind:
        return [Line("test", "look", "test.blind", values)]
    return [Line("test", "well", "test.confirmed", values)]


def _disk(health: Health) -> Line:
    share = health.disk_free / health.disk_total if health.disk_total else 0.0
    short = health.disk_free < LEAST_FREE or share < LEAST_FREE_SHARE
    values = {"free": health.disk_free, "percent": int(share * 100)}
    return Line("disk", "bad" if short else "well", "disk.short" if short else "disk.free", values)
