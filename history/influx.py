"""The InfluxDB adapter of the history port: one bucket, one writer, readers in any thread or process.

Its server may be away at any time: every method then raises HistoryUnavailableError, and the hub
goes on judging and telling meanwhile.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.hub import InfluxSettings
from history.envelope import check_buckets, in_hours
from history.hours_envelope import Range
from history.influx_columns import LAST_NS, pages, reading_groups, stream_bodies
from history.influx_hours import HourRoller, envelope_by_hours, roll_over
from history.influx_lines import (
    MEASUREMENT,
    NS,
    RECORD_MEASUREMENT,
    REJECTED,
    TAGS,
)
from history.influx_server import Server, of_series, quoted
from history.influx_side import SIDE_FILE, Side
from history.influx_writer import Writer
from history.port import (
    Bucket,
    HistoryUnavailableError,
    RefusedRecord,
    Samples,
    StoredRecord,
    StreamReading,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

# Rows of one answer in JSON.
PAGE: Final = 20_000
# What is newest is looked for in the last days first; series that ended before are remembered.
_RECENT_NS: Final = 3 * 86_400_000 * NS
# How long a stretch of readings is asked for at a time: ten thousand at one a minute are a week.
_FIRST_SPAN_NS: Final = 86_400_000 * NS
_LONGEST_SPAN_NS: Final = 14 * 86_400_000 * NS
_ENDED_FOR_S: Final = 10.0


class InfluxHistory:
    """History in one bucket of InfluxDB.

    Args:
        settings: where the server is.
        state_dir: the hub's folder, where the side file lies.
        read_only: read while another process writes.
    """

    def __init__(
        self, settings: InfluxSettings, state_dir: Path, *, read_only: bool = False
    ) -> None:
        """Open the side file; the server is asked only when it is needed."""
        self._server = Server(settings)
        self._side = Side(state_dir / SIDE_FILE, read_only=read_only)
        self._writer = None if read_only else Writer(self._server, self._side)
        self._roller = None if read_only else HourRoller(self._server, self._side)
        self._ended_at = 0.0
        self._ended: dict[tuple[str, ...], StreamReading] = {}

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records; see the port."""
        if self._writer is None:
            raise HistoryUnavailableError(f"history {self._server.url} is open for reading only")
        return self._writer.append(records)

    def heads(self) -> dict[str, int]:
        """Return the highest number stored of each stream."""
        if self._writer is None:
            raise HistoryUnavailableError(f"history {self._server.url} is open for reading only")
        return self._writer.heads()

    def readings(self, site: str, series: str, start: int, end: int) -> Iterator[StreamReading]:
        """Yield the readings of a series, streams merged by (at, stream, seq)."""
        first, last = _ns(start), _ns(end)
        where = of_series(site, series)
        # With a LIMIT InfluxDB still looks through the whole range: it is asked for in pieces.
        span = _FIRST_SPAN_NS
        while first < last:
            upto = min(last, first + span)
            count = 0
            for item in self._readings(where, first, upto):
                count += 1
                yield item
            if count < PAGE // 4:
                span = min(span * 2, _LONGEST_SPAN_NS)
            elif count > PAGE:
                span //= 2
            first = upto
            if not count and first < last:
                following = self._next_time(where, first)
                first = last if following is None else following // NS * NS

    def _next_time(self, where: str, first: int) -> int | None:
        rows = self._server.rows(
            f'SELECT "seq" FROM "{MEASUREMENT}" WHERE {where} AND time >= {first}'  # noqa: S608
            " ORDER BY time ASC LIMIT 1"
        )
        return next((int(row["time"]) for row in rows), None)

    def _readings(self, where: str, first: int, last: int) -> Iterator[StreamReading]:
        page = PAGE
        while first < last:
            when = f"{where} AND time >= {first} AND time < {last}"
            groups = reading_groups(self._server, when, f"LIMIT {page}")
            items = sorted(chain.from_iterable(group.readings for group in groups), key=_order)
            # of a group that was cut off the last millisecond may go on: it is asked for again
            cuts = [group.last // NS for group in groups if group.points == page]
            if cuts:
                newest = min(cuts)
                items = [item for item in items if item.reading.at < newest]
                page = PAGE if newest * NS > first else page * 2
                first = max(first, _ns(newest))
            yield from items
            if not cuts:
                return

    def samples(self, site: str, series: str, start: int, end: int) -> Samples:
        """Return the judged readings of a series as columns, in the same order."""
        samples = Samples(array("q"), array("q"))
        where = of_series(site, series)
        newest = -1
        for times, values in pages(self._server, "value", MEASUREMENT, where, _ns(start), _ns(end)):
            at = times // NS
            if int(at[0]) == newest or (at[1:] == at[:-1]).any():
                return self._samples_in_order(site, series, start, end)
            newest = int(at[-1])
            samples.times.frombytes(at.tobytes())
            samples.values.frombytes(values.tobytes())
        return samples

    def _samples_in_order(self, site: str, series: str, start: int, end: int) -> Samples:
        """Return the same where readings share a millisecond: the slow way, for they are few."""
        samples = Samples(array("q"), array("q"))
        for item in self.readings(site, series, start, end):
            if item.reading.judged:
                samples.times.append(item.reading.at)
                samples.values.append(item.reading.value or 0)
        return samples

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading with a time before ``at``."""
        return self._nearest(site, series, f"time < {_ns(at)}", "DESC")

    def first_from(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the first judged reading with a time not before ``at``."""
        return self._nearest(site, series, f"time >= {_ns(at)}", "ASC")

    def _nearest(
        self, site: str, series: str, when: str, way: str, field: str = "value"
    ) -> StreamReading | None:
        """Return the first (ASC) or last (DESC) reading that has ``field``, of those of its instant."""
        where = of_series(site, series)
        while found := list(
            self._server.rows(
                f'SELECT "{field}" FROM "{MEASUREMENT}" WHERE {where} AND {when}'  # noqa: S608
                f" ORDER BY time {way} LIMIT 1",
                quick=True,
            )
        ):
            instant = found[0]["time"] // NS * NS
            groups = reading_groups(
                self._server, f"{where} AND time >= {instant} AND time < {instant + NS}", quick=True
            )
            rows = chain.from_iterable(group.readings for group in groups)
            some = [item for item in rows if field != "value" or item.reading.judged]
            if some:
                return max(some, key=_order) if way == "DESC" else min(some, key=_order)
            # That one is being written just now; the answer is the one behind it.
            when += f" AND time < {instant}" if way == "DESC" else f" AND time >= {instant + NS}"
        return None

    def settled(self, site: str, series: str) -> int | None:
        """Return up to when everything of a series has arrived."""
        newest = self._nearest(site, series, f"time < {LAST_NS}", "DESC", "seq")
        if newest is None:
            return None
        return max(newest.reading.at, self._side.head(newest.stream).reading_at)

    def latest(self, site: str | None = None) -> dict[tuple[str, str], StreamReading]:
        """Return the newest reading of every (site, series)."""
        of_site = "" if site is None else f'"site" = {quoted(site)} AND '
        keys = self._series_keys(site)
        newest = self._newest_time(of_site)
        found: dict[tuple[str, ...], StreamReading] = {}
        if newest is not None:
            found = self._last_rows(f"{of_site}time > {newest - _RECENT_NS}")
        ended = [key for key in keys if key not in found]
        # A clock that runs ahead puts everybody else behind the window: looked at again before long.
        old = time.monotonic() - self._ended_at > _ENDED_FOR_S
        if ended and (old or any(key not in self._ended for key in ended)):
            self._ended_at = time.monotonic()
            self._ended |= self._last_rows(f"{of_site}time < {LAST_NS}")
        latest: dict[tuple[str, str], StreamReading] = {}
        for key in keys:
            item = found.get(key) or self._ended.get(key)
            if item is not None:
                name = (key[0], item.reading.series)
                if name not in latest or _order(latest[name]) < _order(item):
                    latest[name] = item
        return latest

    def _newest_time(self, of_site: str) -> int | None:
        rows = self._server.rows(
            f'SELECT "seq" FROM "{MEASUREMENT}" WHERE {of_site}time < {LAST_NS}'  # noqa: S608
            " ORDER BY time DESC LIMIT 1"
        )
        return next((int(row["time"]) for row in rows), None)

    def _last_rows(self, where: str) -> dict[tuple[str, ...], StreamReading]:
        # The newest may be being written just now; then it is the one before it.
        return {
            group.key: group.readings[0]
            for group in reading_groups(self._server, where, "ORDER BY time DESC LIMIT 2")
            if group.readings
        }

    def _series_keys(self, site: str | None) -> list[tuple[str, ...]]:
        """Return the values of TAGS of every series that the server knows."""
        where = "" if site is None else f' WHERE "site" = {quoted(site)}'
        keys = []
        for row in self._server.rows(f'SHOW SERIES FROM "{MEASUREMENT}"{where}'):
            tags = dict(part.split("=", 1) for part in row["key"].split(",")[1:])
            keys.append(tuple(tags[tag] for tag in TAGS))
        return keys

    def series(self, site: str) -> list[str]:
        """Return the names of all series of a site that have a reading, sorted."""
        return sorted({"/".join(key[1:4]) for key in self._series_keys(site)})

    def envelope(
        self,
        site: str,
        series: str,
        start: int,
        end: int,
        buckets: int,
        *,
        interval_ms: int,
        max_gap_ms: int,
    ) -> list[Bucket]:
        """Return at most ``buckets`` buckets over [start, end); see the port."""
        before = self.last_before(site, series, start)
        after = self.first_from(site, series, end)
        asked = Range(
            start,
            end,
            buckets,
            interval_ms,
            max_gap_ms,
            before.reading.at if before else None,
            after.reading.at if after else None,
        )
        check_buckets(start, end, buckets, interval_ms, max_gap_ms)
        if in_hours(start, end, buckets):
            found = envelope_by_hours(self._server, self._side, site, series, asked)
            if found is not None:
                return found
        return self._envelope_of_readings(site, series, asked)

    def _envelope_of_readings(self, site: str, series: str, asked: Range) -> list[Bucket]:
        from history.columns import Point
        from history.envelope_columns import envelope_of_columns

        samples = self.samples(site, series, asked.start, asked.end)
        suspect, rejected = self._odd(site, series, asked.start, asked.end)
        return envelope_of_columns(
            Point(samples.times, samples.values, asked.interval_ms, asked.max_gap_ms),
            suspect=suspect,
            rejected=rejected,
            start=asked.start,
            end=asked.end,
            buckets=asked.buckets,
            before=asked.before,
            after=asked.after,
        )

    def roll_hours(self) -> int:
        """Roll every hour that is over now, and return how many; a thread does it by and by."""
        return roll_over(self._server, self._side)

    def _odd(self, site: str, series: str, start: int, end: int) -> tuple[list[int], list[int]]:
        """Return the times of the suspect and of the rejected readings of a range."""
        suspect: list[int] = []
        rejected: list[int] = []
        for times, kinds in pages(
            self._server, "odd", MEASUREMENT, of_series(site, series), _ns(start), _ns(end)
        ):
            at = times // NS
            suspect += at[kinds != REJECTED].tolist()
            rejected += at[kinds == REJECTED].tolist()
        return suspect, rejected

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (seq, body) of every record of a stream in order."""
        yield from stream_bodies(self._server, stream, first_seq)

    def count(self, stream: str | None = None) -> int:
        """Return how many records are stored."""
        where = "" if stream is None else f' WHERE "stream" = {quoted(stream)}'
        rows = self._server.rows(
            f'SELECT count("seq") FROM "{MEASUREMENT}", "{RECORD_MEASUREMENT}"{where}'  # noqa: S608
        )
        return sum(int(row["count"]) for row in rows)

    def streams(self) -> list[str]:
        """Return the ids of all streams that have a record, sorted."""
        rows = self._server.rows(
            f'SHOW TAG VALUES FROM "{MEASUREMENT}", "{RECORD_MEASUREMENT}" WITH KEY = "stream"'
        )
        return sorted({row["value"] for row in rows})

    def close(self) -> None:
        """Give the connections back."""
        if self._roller is not None:
            self._roller.close()
        if self._writer is not None:
            self._writer.close()
        self._side.close()
        self._server.close()


def _order(item: StreamReading) -> tuple[int, str, int]:
    return item.reading.at, item.stream, item.reading.seq


def _ns(at: int) -> int:
    """Return the beginning of a millisecond in nanoseconds, within what InfluxDB can express."""
    return min(max(at * NS, 0), LAST_NS)
