"""Readings as CSV (RFC 4180, UTF-8): times in ISO 8601, values as decimals, nothing rounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final

from history.export import COLUMNS, Export, harmless, local_text, utc_text
from history.port import StreamReading
from protocol.reading import UNITS, decimal, split_series

_ROWS: Final = 1_000  # in a block


def blocks(
    readings: Iterator[StreamReading], export: Export, folder: Path | None = None
) -> Iterator[bytes]:
    """Yield the file, a thousand rows at a time; see `history.export`."""
    del folder  # nothing is put together
    safe = lru_cache(4_096)(harmless)
    unit_of = lru_cache(4_096)(lambda series: UNITS.get(split_series(series)[2], ""))
    text = io.StringIO("\ufeff" if export.bom else "")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    while rows := list(islice(readings, _ROWS)):
        for stream, one in ((item.stream, item.reading) for item in rows):
            writer.writerow(
                (
                    safe(export.site),
                    safe(one.series),
                    utc_text(one.at),
                    local_text(one.at, export.zone),
                    "" if one.value is None else decimal(one.value),
                    unit_of(one.series),
                    "" if one.raw is None else decimal(one.raw),
                    safe(one.quality),
                    safe(one.clock),
                    safe(stream),
                    one.seq,
                    safe(one.boot),
                    one.mono_ms,
                )
            )
        yield _taken(text)
    if text.tell():
        yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    """Empty the buffer."""
    block = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return block
