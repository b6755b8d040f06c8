"""Records as line protocol of InfluxDB, and back, so that every hash can be computed again.

Measurement `reading`: tags site, asset, point, quantity and stream; every hashed field is a field.
A point's time is `at` in nanoseconds plus `seq` modulo 10^6, so a repeat overwrites only itself.
`value` stands there for judged readings alone; what the probe gave with a rejected one is
`rejected_value`: no chart that somebody draws of `value` can show a power-on 85 degC. `odd` is
there for the few readings that are not plainly ok (1 suspect, -1 rejected), so that they are
counted without reading the others.

InfluxDB shows the fields of a point one by one while it takes a batch in (seen with 2.9.1). `has` says
which of those that a reading may lack were written: a point that does not show them all, or lacks
one that every reading has, is not there yet.

Measurement `record`: all other kinds (settings, seals), as canonical text.

Syntax: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from history.port import StoredRecord, StreamReading
from protocol.canonical import canonical_bytes
from protocol.reading import KNOWN_FIELDS, Reading, split_series

MEASUREMENT: Final = "reading"
TAGS: Final = ("site", "asset", "point", "quantity", "stream")
FIELDS: Final = (
    "seq",
    "value",
    "rejected_value",
    "raw",
    "mono_ms",
    "boot",
    "quality",
    "clock",
    "extra",
    "odd",
    "has",
    "received_at",
)
RECORD_MEASUREMENT: Final = "record"
RECORD_TAGS: Final = ("site", "stream")
RECORD_FIELDS: Final = ("seq", "kind", "body", "received_at")

HAS_VALUE: Final = 1
HAS_REJECTED_VALUE: Final = 2
HAS_RAW: Final = 4
HAS_EXTRA: Final = 8

SUSPECT: Final = 1
REJECTED: Final = -1

# Nanoseconds in a millisecond, and so how many numbers find room in it.
NS: Final = 1_000_000

_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_PLAIN_LENGTH: Final = len(KNOWN_FIELDS) - 1  # all but `raw`


def point_time(at: int, seq: int) -> int:
    """Return the time of a record's point, nanoseconds since 1970."""
    return at * NS + seq % NS


def record_at(body: Mapping[str, Any]) -> int:
    """Return when a record that is no reading was made, UTC milliseconds; 0 where it does not say.

    The hub's clock is of no use: the same record, sent again, must find itself.
    """
    at = body.get("at")
    return at if type(at) is int and 0 <= at <= 9_000_000_000_000 else 0


class Lines:
    """Spells records; remembers the beginnings of lines, which repeat."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, str, str], str] = {}
        self._texts: dict[str, str] = {}

    def spell(self, record: StoredRecord) -> str:
        """Return the line of a record, without its end."""
        body = record.body
        if body["kind"] != "reading":
            return self._record(record)
        key = (record.site, record.stream, body["series"])
        head = self._heads.get(key) or self._head(key)
        quality, value, seq = body["quality"], body["value"], body["seq"]
        odd = ""
        name, has = "value", HAS_VALUE
        if quality != "ok" or value is None:
            judged = value is not None and not quality.startswith("rejected")
            odd = f",odd={SUSPECT if judged else REJECTED}i"
            if not judged:
                name, has = "rejected_value", HAS_REJECTED_VALUE
        if value is not None:
            odd += f",{name}={value}i"
        else:
            has = 0
        raw = body.get("raw")
        if raw is not None:
            odd += f",raw={raw}i"
            has |= HAS_RAW
        if len(body) != _PLAIN_LENGTH + (raw is not None):
            odd += f",extra={_quoted(extra_of(body))}"
            has |= HAS_EXTRA
        texts = self._texts
        boot, clock = body["boot"], body["clock"]
        return (
            f"{head}seq={seq}i,mono_ms={body['mono_ms']}i"
            f",boot={texts.get(boot) or self._text(boot)}"
            f",quality={texts.get(quality) or self._text(quality)}"
            f",clock={texts.get(clock) or self._text(clock)}"
            f",received_at={record.received_at}i,has={has}i{odd} {body['at'] * NS + seq % NS}"
        )

    def _record(self, record: StoredRecord) -> str:
        body = record.body
        text = canonical_bytes(body).decode()
        return (
            f"{RECORD_MEASUREMENT},site={_tag(record.site)},stream={_tag(record.stream)}"
            f" seq={body['seq']}i,kind={_quoted(body['kind'])},body={_quoted(text)}"
            f",received_at={record.received_at}i {point_time(record_at(body), body['seq'])}"
        )

    def _head(self, key: tuple[str, str, str]) -> str:
        if len(self._heads) > 100_000:  # nor must one that invents assets
            self._heads.clear()
        site, stream, series = key
        asset, point, quantity = split_series(series)
        # tags in the order of their names: the server need not sort them
        head = self._heads[key] = (
            f"{MEASUREMENT},asset={_tag(asset)},point={_tag(point)},quantity={_tag(quantity)}"
            f",site={_tag(site)},stream={_tag(stream)} "
        )
        return head

    def _text(self, text: str) -> str:
        if len(self._texts) > 10_000:  # a device that invents names must not fill the memory
            self._texts.clear()
        quoted = self._texts[text] = _quoted(text)
        return quoted


def extra_of(body: Mapping[str, Any]) -> str:
    """Return the fields of a reading that have no place of their own, as canonical text."""
    return canonical_bytes(
        {
            key: item
            for key, item in body.items()
            if key not in KNOWN_FIELDS or (key == "raw" and item is None)
        }
    ).decode()


COLUMNS: Final = (
    "seq",
    "value",
    "rejected_value",
    "raw",
    "mono_ms",
    "boot",
    "quality",
    "clock",
    "extra",
    "has",
)
"""What a reading is made from again, besides its tags and its time."""


def stream_reading(tags: Mapping[str, str], row: Sequence[Any]) -> StreamReading | None:
    """Return the reading of a point: its tags by name, its time (nanoseconds) and COLUMNS.

    None where the point is being written just now, and some of its fields are not shown yet.
    """
    time, seq, value, rejected, raw, mono_ms, boot, quality, clock, extra, has = row
    shown = (
        (value is not None) * HAS_VALUE
        | (rejected is not None) * HAS_REJECTED_VALUE
        | (raw is not None) * HAS_RAW
        | (extra is not None) * HAS_EXTRA
    )
    if has != shown or seq is None or mono_ms is None or not boot or not quality or not clock:
        return None
    reading = Reading(
        seq,
        f"{tags['asset']}/{tags['point']}/{tags['quantity']}",
        time // NS,
        boot,
        mono_ms,
        rejected if value is None else value,
        quality,
        clock,
        raw,
        json.loads(extra) if extra is not None else None,
    )
    return StreamReading(tags["stream"], reading)


def joined(lines: Iterable[str]) -> bytes:
    """Return the body of a write request."""
    return "\n".join(lines).encode()


def _tag(text: str) -> str:
    return text.translate(_TAG)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
