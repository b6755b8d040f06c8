"""What the reason `probe` does: it closes what is open in a series that has fallen silent.

A probe that died, or was pulled out, while its fridge was too warm will never say that the fridge is
well again. Who says why (by SMS, on the page, by command: "probe dead or lost") ends that excursion
where its last reading ceased to hold; from there on it is unknown how warm it was (design.md,
"Excursions, exactly"). A probe that still speaks is believed, and closes nothing, whatever anybody
says of it; once it is silent as well, the reason that was given does its work. Its silence is an
alarm of its own and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from hub.collecting import end
from hub.streams import Stream
from hub.tables import alarm_excursions, alarms
from journal.excursions import excursions

REASON: Final = "probe"
ENDED_BECAUSE: Final = "its probe is dead or lost"
EVERY_MS: Final = 10_000


class Lost(NamedTuple):
    """A series whose probe people call dead or lost, and that is silent."""

    stream: Stream
    series: str


def find(conn: Connection, streams: Mapping[str, Stream]) -> list[Lost]:
    """Return the silent series of which the reason `probe` was given, where anything is left to end.

    It may have been given to any open alarm about the series: who is woken by "no readings" answers
    that one, and not the older one of the heat.
    """
    said = _series(conn, alarms.c.reason == REASON)
    if not said:
        return []
    left = said & _series(conn, excursions.c.kind != "silence")
    found = []
    for name, series in sorted(left):
        stream = streams.get(name)
        if stream is not None and _is_silent(stream, series):
            found.append(Lost(stream, series))
    return found


def _series(conn: Connection, which: ColumnElement[bool]) -> set[tuple[str, str]]:
    """Return what such excursions speak of that keep alarms open."""
    query = _open(excursions.c.stream, excursions.c.series, excursions.c.snapshot)
    return {each for row in conn.execute(query.where(which)) for each in _about(row)}


def _about(row: Row[Any]) -> set[tuple[str, str]]:
    """Return stream and series of what an excursion speaks of; a disagreement speaks of two."""
    other = row.snapshot.get("other")
    return {(row.stream, row.series)} | ({(row.stream, other)} if other is not None else set())


def _is_silent(stream: Stream, series: str) -> bool:
    """Whether its last reading holds no more, by the stream's own time.

    Not by the hub's clock: what the hub has not heard yet, because it or the link was away, may be
    full of readings. A device that is lost is an alarm of its own.
    """
    unheard = stream.engine.unheard_ms(series)
    return unheard is not None and unheard > stream.engine.watches[series].max_gap_ms


def end_the_rest(conn: Connection, lost: Iterable[Lost], now: int) -> None:
    """End what had closed before and waited for a recovery that nobody will ever see."""
    mine = {(each.stream.stream, each.series) for each in lost}
    waiting: dict[str, list[str]] = {}
    query = _open(
        alarm_excursions.c.alarm,
        alarm_excursions.c.excursion,
        excursions.c.stream,
        excursions.c.series,
        excursions.c.snapshot,
    )
    for row in conn.execute(query.where(excursions.c.kind != "silence")):
        if mine & _about(row):
            waiting.setdefault(row.alarm, []).append(row.excursion)
    for alarm, members in sorted(waiting.items()):
        end(conn, alarm, members, ENDED_BECAUSE, now)


def _open(*columns: Any) -> Select[Any]:
    """Return the question for these columns of what keeps alarms open."""
    return (
        select(*columns)
        .select_from(alarms)
        .join(alarm_excursions, alarm_excursions.c.alarm == alarms.c.id)
        .join(excursions, excursions.c.id == alarm_excursions.c.excursion)
        .where(
            alarms.c.recovered_at.is_(None),
            alarm_excursions.c.recovered_at.is_(None),
            excursions.c.stream != "",
        )
    )
