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

from sqlalchemy import Connection, Select, select

from hub.collecting import end
from hub.streams import Stream
from hub.tables import alarm_excursions, alarms, devices
from journal.excursions import excursions

REASON: Final = "probe"
ENDED_BECAUSE: Final = "its probe is dead or lost"
EVERY_MS: Final = 10_000


class Lost(NamedTuple):
    """A series whose probe people call dead or lost, and that is silent."""

    stream: Stream
    series: str


def find(conn: Connection, streams: Mapping[str, Stream], now: int) -> list[Lost]:
    """Return the silent series of the open alarms whose reason is `probe`."""
    said = _open(excursions.c.stream, excursions.c.series, devices.c.heard_at)
    said = said.outerjoin(devices, devices.c.device == excursions.c.device)
    said = said.where(alarms.c.reason == REASON)
    found = []
    for row in conn.execute(said.distinct().order_by("stream", "series")):
        stream = streams.get(row.stream)
        if stream is not None and _is_silent(stream, row.series, row.heard_at or 0, now):
            found.append(Lost(stream, row.series))
    return found


def _is_silent(stream: Stream, series: str, heard_at: int, now: int) -> bool:
    """Whether its last reading holds no more: by the stream's own time, or nothing comes at all."""
    unheard = stream.engine.unheard_ms(series)
    if unheard is None:
        return False
    watch = stream.engine.watches[series]
    return unheard + max(0, now - heard_at) > watch.max_gap_ms


def end_the_rest(conn: Connection, lost: Iterable[Lost], now: int) -> None:
    """End what had closed before and waited for a recovery that nobody will ever see."""
    waiting: dict[str, list[str]] = {}
    for each in lost:
        mine = (excursions.c.stream == each.stream.stream) & (excursions.c.series == each.series)
        query = _open(alarm_excursions.c.alarm, alarm_excursions.c.excursion).where(mine)
        for row in conn.execute(query):
            waiting.setdefault(row.alarm, []).append(row.excursion)
    for alarm, members in sorted(waiting.items()):
        end(conn, alarm, members, ENDED_BECAUSE, now)


def _open(*columns: Any) -> Select[Any]:
    """Return the question for these columns of what keeps alarms open, but for silences."""
    return (
        select(*columns)
        .select_from(alarms)
        .join(alarm_excursions, alarm_excursions.c.alarm == alarms.c.id)
        .join(excursions, excursions.c.id == alarm_excursions.c.excursion)
        .where(
            alarms.c.recovered_at.is_(None),
            alarm_excursions.c.recovered_at.is_(None),
            excursions.c.stream != "",
            excursions.c.kind != "silence",
        )
    )
