"""The UV lamps, from the entries that the hub makes of their devices' event records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from console.directory import Directory
from console.models import LampEvent, LampList, LampNow
from journal.journal import journal

PAGE: Final = 50
_PREFIX: Final = "device.lamp."
_WHAT: Final = ("cycle", "refused", "fault", "warning", "wiped", "replaced", "reset")
_TYPES: Final = [f"{_PREFIX}{what}" for what in _WHAT]
# Faults that keep the lamp off until a person has looked into them (firmware_agent/lamp/machine.py).
_LATCHED: Final = ("relay-welded", "lamp-dark", "lines-unwritable")
# Behind so many warnings or faults of one lamp an older one is of no interest.
_MOST: Final = 50


def lamp_list(conn: Connection, directory: Directory, *, page: int = 1) -> LampList:
    """Return the lamps and one page of what happened to them; pages count from 1."""
    query = (
        select(journal)
        .where(journal.c.type.in_(_TYPES))
        .order_by(journal.c.position.desc())
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    rows = conn.execute(query).all()
    return LampList(
        lamps=list(_lamps(conn, directory)),
        events=list(_once(_event(row, directory) for row in rows[:PAGE])),
        more=len(rows) > PAGE,
    )


def _once(events: Iterator[tuple[str, LampEvent]]) -> Iterator[LampEvent]:
    """Leave out a cycle that a device repeated: a power cut came before it knew that it was kept."""
    seen = set()
    for cycle, event in events:
        if not cycle or (event.asset, cycle) not in seen:
            yield event
        seen.add((event.asset, cycle))


def _event(row: Row[Any], directory: Directory) -> tuple[str, LampEvent]:
    said = json.loads(row.body)
    body = said["body"]
    return _text(body, "cycle"), LampEvent(
        position=row.position,
        asset=row.subject,
        site=row.subject.partition("/")[0],
        name=directory.asset_name(row.subject),
        what=row.type.removeprefix(_PREFIX),
        at=said["at"],
        start=_whole(body, "start"),
        end=_whole(body, "end"),
        minutes=_whole(body, "minutes"),
        by=_text(body, "by"),
        who=_text(body, "name"),
        why=next(
            filter(None, (_text(body, key) for key in ("cut", "why", "fault", "warning"))), ""
        ),
        intensity_min=_whole(body, "intensity_min"),
        hours_after=_whole(body, "hours_after"),
        low=body.get("low") is True,
    )


def _lamps(conn: Connection, directory: Directory) -> Iterator[LampNow]:
    """Yield each lamp of which the journal has heard, by site and name."""
    newest = (
        select(func.max(journal.c.position))
        .where(journal.c.type.in_(_TYPES))
        .group_by(journal.c.subject, journal.c.type)
    )
    last: dict[str, dict[str, LampEvent]] = {}
    for row in conn.execute(select(journal).where(journal.c.position.in_(newest))):
        _, event = _event(row, directory)
        last.setdefault(event.asset, {})[event.what] = event
    for asset, events in sorted(last.items()):
        cycle, wiped, replaced = (events.get(what) for what in ("cycle", "wiped", "replaced"))
        warned = _newest(conn, asset, "warning")
        faults = _newest(conn, asset, "fault")
        looked = max(
            (events[each].position for each in ("reset", "replaced") if each in events), default=0
        )
        found: list[Any] = [each for each in _LATCHED if faults.get(each, 0) > looked]
        if warned.get("wipe-due", 0) > (wiped.position if wiped else 0):
            found.append("wipe-due")
        if warned.get("hours", 0) > (replaced.position if replaced else 0):
            found.append("hours")
        fresh = replaced is not None and (cycle is None or replaced.position > cycle.position)
        if cycle is not None and cycle.low and not fresh:
            found.append("intensity")
        if cycle is not None and cycle.why:
            found.append("cut")
        hours = 0 if fresh else cycle.hours_after if cycle else None
        yield LampNow(
            asset=asset,
            site=asset.partition("/")[0],
            name=directory.asset_name(asset),
            last=cycle.end if cycle else None,
            hours=hours,
            wiped_at=wiped.at if wiped else None,
            warnings=found,
        )


def _newest(conn: Connection, asset: str, what: str) -> dict[str, int]:
    """Return the position of the newest warning or fault of each kind."""
    query = (
        select(journal.c.position, journal.c.body)
        .where(journal.c.subject == asset, journal.c.type == f"{_PREFIX}{what}")
        .order_by(journal.c.position.desc())
        .limit(_MOST)
    )
    found: dict[str, int] = {}
    for position, body in conn.execute(query):
        found.setdefault(_text(json.loads(body)["body"], what), position)
    return found


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key, "")
    return value if isinstance(value, str) else ""


def _whole(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    return value if type(value) is int else None
