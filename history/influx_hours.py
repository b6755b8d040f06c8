"""The hours of a bucket, kept in the side file: marked when readings come, rolled soon after.

An hour is marked as touched in the commit in which its readings count as stored, and rolled from
the server's own points once its series goes on behind it. Until then, and whenever a late reading
touches it again, a chart reads its readings: whatever was rolled when, it shows the same.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from history import hours as rule
from history.hours import Hour, RawReading, hour_from, hour_of, roll_all
from history.hours_envelope import Range, columns_of, envelope_of_hours
from history.influx_columns import pages
from history.influx_lines import MEASUREMENT, NS
from history.influx_server import Server, of_series
from history.influx_side import Side, Touched
from history.port import Bucket, HistoryUnavailableError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

log = logging.getLogger(__name__)

# About how many readings are asked for at a time, at one a minute.
_READINGS: Final = 20_000
_EVERY_S: Final = 20.0


class HourRoller:
    """Rolls hours that are over, in a thread of its own, for as long as the writer is open."""

    def __init__(self, server: Server, side: Side) -> None:
        """Begin after the first pause."""
        self._server = server
        self._side = side
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="hours", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, after the piece of work at hand."""
        self._stop.set()
        self._thread.join(10)

    def _loop(self) -> None:
        failing = False
        while not self._stop.wait(_EVERY_S):
            try:
                roll_over(self._server, self._side, self._stop)
                failing = False
            except HistoryUnavailableError as error:
                # charts read readings meanwhile, so this is no more than slow
                if not failing:
                    log.warning("hours wait: %s", error)
                failing = True


def roll_over(server: Server, side: Side, stop: threading.Event | None = None) -> int:
    """Roll every touched hour that is over; return how many."""
    with side.rolling:
        return _roll_over(server, side, stop)


def _roll_over(server: Server, side: Side, stop: threading.Event | None) -> int:
    over = side.over()
    done = 0
    for site, touched in groupby(sorted(over), key=lambda item: item[0]):
        for some in _slices(list(touched)):
            if stop is not None and stop.is_set():
                return done
            _roll(server, side, site, some, over)
            done += len(some)
    return done


def _slices(touched: Sequence[Touched]) -> Iterator[list[Touched]]:
    """Yield the hours of a site in slices of neighbouring times that one question can answer."""
    left = sorted(touched, key=lambda item: item[2])
    span = max(1, _READINGS // 60 // len({series for _, series, _ in left})) * rule.HOUR_MS
    while left:
        end = left[0][2] + span
        some = [item for item in left if item[2] < end]
        yield some
        left = left[len(some) :]


def _roll(
    server: Server, side: Side, site: str, some: Sequence[Touched], over: Mapping[Touched, int]
) -> None:
    wanted: dict[str, dict[int, int]] = {}
    for item in some:
        wanted.setdefault(item[1], {})[item[2]] = over[item]
    first, last = some[0][2], some[-1][2] + rule.HOUR_MS
    for series, taken in wanted.items():
        raw = _raw(server, of_series(site, series), first, last)
        found = [hour for hour in roll_all(raw) if hour.start in taken]
        side.rolled(site, series, found, taken)


def _raw(server: Server, where: str, start: int, end: int) -> list[RawReading]:
    """Return the readings of a series in start <= at < end, in the port's order."""
    if start >= end:
        return []
    rows = sorted(
        (row["time"] // NS, row["stream"], row["seq"], row.get("value"), row.get("odd"))
        for row in server.rows(
            f'SELECT "seq", "value", "odd", "stream" FROM "{MEASUREMENT}" WHERE {where}'  # noqa: S608
            f" AND time >= {start * NS} AND time < {end * NS}"
        )
    )
    return [(at, value, odd or 0) for at, _, _, value, odd in rows]


def envelope_by_hours(
    server: Server, side: Side, site: str, series: str, asked: Range
) -> list[Bucket] | None:
    """Return the envelope from the side file's hours; None where there is none.

    Readings are read at the two ends of the range, in hours not rolled yet, and where one was late.
    ``asked`` knows its neighbours already.
    """
    import numpy as np

    start, end = asked.start, asked.end
    first, last = hour_from(start), hour_of(end)
    if first >= last:
        first = last = end
    found = side.hours(site, series, first, last)
    if found is None:
        return None
    kept, touched = found
    kept = kept[:, ~np.isin(kept[0], touched)]
    where = of_series(site, series)
    raw: list[Hour] = []
    for begin, finish in _runs(touched):
        hours = roll_all(_raw(server, where, begin, finish))
        raw += [hour for hour in hours if hour.start in set(touched)]
    whole = np.concatenate([kept, columns_of(raw)], axis=1)
    whole = whole[:, np.argsort(whole[0], kind="stable")]
    return envelope_of_hours(
        [
            columns_of(roll_all(_raw(server, where, start, first))),
            whole,
            columns_of(roll_all(_raw(server, where, last, end))),
        ],
        lambda begins: _judged_times(server, where, begins),
        asked,
    )


def _judged_times(server: Server, where: str, begins: Sequence[int]) -> Integers:
    """Return the times of the judged readings in some hours."""
    import numpy as np

    found: list[Integers] = [np.empty(0, dtype=np.int64)]
    for begin, finish in _runs(begins):
        for times, _ in pages(server, "value", MEASUREMENT, where, begin * NS, finish * NS):
            found.append(times // NS)
    return np.concatenate(found)


def _runs(begins: Sequence[int]) -> list[tuple[int, int]]:
    """Return start and end of each run of neighbouring hours."""
    length = rule.HOUR_MS
    if not begins:
        return []
    cuts = [(one + length, two) for one, two in pairwise(begins) if two - one > length]
    return list(
        zip(
            [begins[0], *(two for _, two in cuts)],
            [*(one for one, _ in cuts), begins[-1] + length],
            strict=True,
        )
    )
