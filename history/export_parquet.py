"""Readings as Parquet: exact integers and decimals, times as timestamps, one row group at a time.

`value` and `raw` are decimals; `value_thousandths` and `raw_thousandths` the same as the integers
that were measured, hashed and judged. `at` is UTC; `local` is the zone's clock, without a zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

from history.export import Export, utc_text, wall_ms
from history.port import StreamReading
from protocol.reading import UNITS, Reading, split_series

ROW_GROUP: Final = 65_536

_THOUSANDTH: Final = Decimal("0.001")


class _Sink:
    """Takes what the Parquet writer writes, until it is fetched; as much of a file as that needs."""

    closed = False

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._written = 0

    def write(self, block: bytes | bytearray | memoryview) -> int:
        taken = bytes(block)
        self._blocks.append(taken)
        self._written += len(taken)
        return len(taken)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        together = b"".join(self._blocks)
        self._blocks.clear()
        return together


def blocks(
    readings: Iterator[StreamReading], export: Export, folder: Path | None = None
) -> Iterator[bytes]:
    """Yield the file, a row group at a time; see `history.export`."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    del folder  # nothing is put together
    schema = _schema(export)
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        while rows := list(islice(readings, ROW_GROUP)):
            writer.write_table(_table(rows, export, schema), row_group_size=ROW_GROUP)
            del rows
            yield sink.taken()
    yield sink.taken()


def _schema(export: Export) -> Any:
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    milliseconds, exact = pa.timestamp("ms", tz="UTC"), pa.decimal128(19, 3)
    fields = [
        ("site", text), ("series", text), ("at", milliseconds), ("local", pa.timestamp("ms")),
        ("value", exact), ("value_thousandths", pa.int64()), ("unit", text), ("raw", exact),
        ("raw_thousandths", pa.int64()), ("quality", text), ("clock", text), ("stream", text),
        ("seq", pa.int64()), ("boot", text), ("mono_ms", pa.int64()),
    ]  # fmt: skip
    about = {
        "coldwatch.site": export.site,
        "coldwatch.series": " ".join(export.series),
        "coldwatch.from": utc_text(export.start),
        "coldwatch.to": utc_text(export.end),
        "coldwatch.zone": export.zone_name,
        "coldwatch.made_at": utc_text(export.made_at),
    }
    return pa.schema(fields, metadata=about)


def _table(rows: Sequence[StreamReading], export: Export, schema: Any) -> Any:
    """Return one row group, column by column."""
    import pyarrow as pa

    found: list[Reading] = [item.reading for item in rows]
    values, raws = [one.value for one in found], [one.raw for one in found]
    columns: dict[str, Any] = {
        "site": [export.site] * len(found),
        "series": [one.series for one in found],
        "at": [one.at for one in found],
        "local": [wall_ms(one.at, export.zone) for one in found],
        "value": _decimals(values),
        "value_thousandths": values,
        "unit": [UNITS.get(split_series(one.series)[2], "") for one in found],
        "raw": _decimals(raws),
        "raw_thousandths": raws,
        "quality": [one.quality for one in found],
        "clock": [one.clock for one in found],
        "stream": [item.stream for item in rows],
        "seq": [one.seq for one in found],
        "boot": [one.boot for one in found],
        "mono_ms": [one.mono_ms for one in found],
    }
    arrays = [
        columns[field.name]
        if isinstance(columns[field.name], pa.Array)
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _decimals(thousandths: Sequence[int | None]) -> Any:
    """Return integers of thousandths as decimals, exactly."""
    import pyarrow as pa
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    whole = pa.array(thousandths, pa.int64()).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(_THOUSANDTH)).cast(pa.decimal128(19, 3))
