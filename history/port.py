"""The history port: what every store of readings must do. SQLite is the first adapter, InfluxDB the next.

All adapters pass the same test suite (tests/history/suite.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from protocol.reading import Reading


class HistoryUnavailableError(Exception):
    """The store cannot take or give anything now; the same call may succeed later."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as it was received, with all that `verify` needs to hash it again.

    Attributes:
        site: the site of the device, as the hub knows it (not as the device says).
        stream: id of the spool that made it.
        body: the validated JSON object, unknown fields included.
        received_at: the hub's clock when it came, UTC milliseconds.
    """

    site: str
    stream: str
    body: dict[str, Any]
    received_at: int


@dataclass(frozen=True, slots=True)
class StreamReading:
    """A reading and the stream it belongs to; (stream, seq) is its identity."""

    stream: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one bucket of an envelope shows: nothing outside is ever hidden by it.

    Times are UTC milliseconds, values thousandths, of judged readings (rejected ones are counted apart).
    """

    start: int
    end: int
    count: int
    minimum: int | None
    maximum: int | None
    first: int | None
    last: int | None
    first_at: int | None
    last_at: int | None
    rejected: int
    suspect: int
    unknown_ms: int


class History(Protocol):
    """A store of readings."""

    def append(self, records: Sequence[StoredRecord]) -> None:
        """Store records durably; one that is stored already, by (stream, seq), is left as it is.

        Raises HistoryUnavailableError where nothing could be stored.
        """

    def readings(self, site: str, series: str, start: int, end: int) -> Iterator[StreamReading]:
        """Yield the readings of a series with start <= at < end, streams merged by (at, stream, seq)."""

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading with a time before ``at``: it may hold into what follows."""

    def latest(self, site: str | None = None) -> dict[tuple[str, str], StreamReading]:
        """Return the newest reading of every (site, series)."""

    def series(self, site: str) -> list[str]:
        """Return the names of all series of a site that have a reading."""

    def envelope(
        self, site: str, series: str, start: int, end: int, buckets: int,
        *, interval_ms: int, max_gap_ms: int,
    ) -> list[Bucket]:
        """Return at most ``buckets`` buckets over [start, end); empty ones are included."""

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (seq, body) of every record of a stream in order, bodies equal to what was appended."""

    def count(self, stream: str | None = None) -> int:
        """Return how many records are stored."""

    def streams(self) -> Iterable[str]:
        """Return the ids of all streams that have a record."""

    def close(self) -> None:
        """Release the store."""
