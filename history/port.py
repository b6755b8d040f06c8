"""The history port: what every store of readings must do. SQLite and InfluxDB are its adapters.

All adapters pass the same test suite (tests/history/suite.py). Nothing here imports numpy.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from protocol.reading import Reading


class HistoryUnavailableError(Exception):
    """The store cannot take or give anything now; the same call may succeed later."""


class RecordDiffersError(ValueError):
    """Another body is stored already under this stream and seq; nothing stored is ever changed.

    The hub checks the hash chain before it stores, so this means a fault, not a bad message.
    """


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
class RefusedRecord:
    """A record that the store will never take, with its reason; those around it are stored."""

    record: StoredRecord
    reason: str


@dataclass(frozen=True, slots=True)
class StreamReading:
    """A reading and the stream it belongs to; (stream, seq) is its identity."""

    stream: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Samples:
    """The judged readings of a range as two columns, in the order of ``History.readings``.

    For whoever adds up a year: columns are a tenth of the cost of as many readings.

    Attributes:
        times: UTC milliseconds, typecode ``q``.
        values: thousandths of the quantity's unit, typecode ``q``.
    """

    times: array[int]
    values: array[int]


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
    """A store of readings.

    Every method may be called from any thread, and raises HistoryUnavailableError where the store
    cannot answer. Times are UTC milliseconds, ranges are start <= at < end.
    """

    def append(self, records: Sequence[StoredRecord]) -> list[RefusedRecord]:
        """Store records durably; one that is stored already, by (stream, seq), is left as it is.

        Returns those that the store itself refuses for good; all others are stored.

        Raises:
            RecordDiffersError: a reading is stored already with another body; none is stored.
            HistoryUnavailableError: the same call must come again. SQLite has then stored none of
                them; InfluxDB, which knows no transaction, may have stored some.
        """

    def readings(self, site: str, series: str, start: int, end: int) -> Iterator[StreamReading]:
        """Yield the readings of a series, rejected ones too, streams merged by (at, stream, seq)."""

    def samples(self, site: str, series: str, start: int, end: int) -> Samples:
        """Return the judged readings of a series as columns, in the same order."""

    def last_before(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the newest judged reading with a time before ``at``: it may hold into what follows."""

    def first_from(self, site: str, series: str, at: int) -> StreamReading | None:
        """Return the first judged reading with a time not before ``at``: until then the last holds."""

    def settled(self, site: str, series: str) -> int | None:
        """Return up to when everything has arrived; unknown time before it is final.

        That is the time of the last reading, of whatever series, in the stream that has the newest
        reading of this one; None where this one has no reading. A dead probe beside a living one
        is thereby known to be silent, and not merely late.
        """

    def latest(self, site: str | None = None) -> dict[tuple[str, str], StreamReading]:
        """Return the newest reading of every (site, series), rejected ones too."""

    def series(self, site: str) -> list[str]:
        """Return the names of all series of a site that have a reading, sorted."""

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
        """Return at most ``buckets`` buckets of one width over [start, end); empty ones are included."""

    def records(self, stream: str, first_seq: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (seq, body) of every record of a stream in order, bodies equal to what was appended."""

    def count(self, stream: str | None = None) -> int:
        """Return how many records are stored."""

    def heads(self) -> dict[str, int]:
        """Return the highest seq that is stored of each stream; one without a record is not in it."""

    def streams(self) -> Iterable[str]:
        """Return the ids of all streams that have a record."""

    def close(self) -> None:
        """Release the store."""
