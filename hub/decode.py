"""From the bytes of a records message to checked bodies with their hashes.

What cannot be read as a whole moves nothing and goes into quarantine. A single record that is
refused although its seq and hash are known goes into quarantine alone and blocks none behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from alerts.rules import watches_from_record
from protocol.canonical import NotCanonicalError, check_canonical
from protocol.chain import links
from protocol.messages import (
    MAX_MESSAGE_BYTES,
    Envelope,
    Gap,
    readings_adapter,
    record_adapter,
)
from protocol.reading import KNOWN_FIELDS

# All fields of a reading but `raw`; one with more of them carries something that we do not know.
_REQUIRED = len(KNOWN_FIELDS - {"raw"})

_TAGS = frozenset({("reading",), ("settings",), ("event",)})


@dataclass(frozen=True, slots=True)
class Refused:
    """A record with a known seq and hash that may not be taken in."""

    seq: int
    canonical: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A records message that could be read.

    Attributes:
        stream: id of the spool.
        prev: h of the record before the first one.
        first: seq of the first record.
        bodies: the validated records in order; None where one was refused.
        hashes: h of each record.
        refused: the refused ones.
        gap: the gap message, where it is one (then there are no bodies).
        broken: why the records behind the last of `bodies` could not be read; empty when all could.
    """

    stream: str
    prev: bytes
    first: int
    bodies: list[dict[str, Any] | None]
    hashes: list[bytes]
    refused: list[Refused]
    gap: Gap | None
    broken: str


class UnreadableError(ValueError):
    """The message cannot be read; the text is the reason kept in quarantine."""


def decode(payload: bytes) -> Decoded:
    """Return the checked content of a records message; raise UnreadableError for the rest."""
    if len(payload) > MAX_MESSAGE_BYTES:
        raise UnreadableError(
            f"{len(payload)} bytes; a message of 500 records has about 100,000, more than "
            f"{MAX_MESSAGE_BYTES} is refused"
        )
    try:
        raw = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise UnreadableError(_json_trouble(payload, error)) from None
    if not isinstance(raw, dict):
        raise UnreadableError(f"a JSON object was expected, not {type(raw).__name__}")
    if raw.get("v") != 1 or isinstance(raw.get("v"), bool):
        raise UnreadableError(
            f"wire version {raw.get('v')!r} is not spoken here; this hub speaks 1"
        )
    try:
        envelope = Envelope.model_validate(raw)
    except ValidationError as error:
        raise UnreadableError(_first_trouble(error)) from None
    if envelope.gap is None and not envelope.records:
        raise UnreadableError("no records and no gap in it")
    if envelope.gap is not None and envelope.records:
        raise UnreadableError("records and a gap in one message")
    prev = bytes.fromhex(envelope.prev)
    if envelope.gap is not None:
        if envelope.gap.last < envelope.gap.first:
            raise UnreadableError("the gap ends before it begins")
        return Decoded(envelope.stream, prev, envelope.gap.first, [], [], [], envelope.gap, "")
    return _decode_records(envelope.stream, prev, envelope.records)


def _decode_records(stream: str, prev: bytes, records: list[Any]) -> Decoded:
    head = records[0]
    first = head.get("seq") if isinstance(head, dict) else None
    if type(first) is not int or first < 1:
        raise UnreadableError("the first record has no seq")
    try:
        bodies: list[Any] = list(readings_adapter.validate_python(records))
    except ValidationError:
        return _decode_one_by_one(stream, prev, first, records)
    if all(
        body["seq"] == seq and len(body) == _REQUIRED + ("raw" in body)
        for seq, body in enumerate(bodies, first)
    ):
        # Nothing but known fields, all of them checked to be integers and text.
        spelled = [orjson.dumps(body, option=orjson.OPT_SORT_KEYS) for body in bodies]
        return Decoded(stream, prev, first, bodies, links(prev, spelled), [], None, "")
    return _decode_one_by_one(stream, prev, first, records)


def _decode_one_by_one(stream: str, prev: bytes, first: int, records: list[Any]) -> Decoded:
    """Check each record apart: some are of another kind, carry unknown fields, or are bad."""
    bodies: list[dict[str, Any] | None] = []
    spelled: list[bytes] = []
    refused: list[Refused] = []
    broken = ""
    for seq, record in enumerate(records, first):
        if not isinstance(record, dict) or record.get("seq") != seq or record.get("seq") is True:
            broken = f"record {seq - first + 1} is not the one with seq {seq}"
            break
        try:
            check_canonical(record)
        except NotCanonicalError as error:
            broken = f"seq {seq}: {error}"
            break
        canonical = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
        spelled.append(canonical)
        try:
            body: Any = record_adapter.validate_python(record)
            if body["kind"] == "settings":
                watches_from_record(body)  # refuses rules that cannot be judged
        except ValueError as error:  # a ValidationError is one too
            trouble = _first_trouble(error) if isinstance(error, ValidationError) else str(error)
            refused.append(Refused(seq, canonical, f"seq {seq}: {trouble}"))
            body = None
        bodies.append(body)
    if not bodies:
        raise UnreadableError(broken)
    return Decoded(stream, prev, first, bodies, links(prev, spelled), refused, None, broken)


def _json_trouble(payload: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        payload.decode()
    except UnicodeDecodeError as wrong:
        return f"not UTF-8: byte 0x{payload[wrong.start]:02x} at position {wrong.start}"
    return f"not JSON: {error.msg} at position {error.pos}"


def _first_trouble(error: ValidationError) -> str:
    """Return the first thing that is wrong, as `field: what`."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # A discriminated union puts its tag in front; people look for the field.
    way = first["loc"][1:] if first["loc"][:1] in _TAGS else first["loc"]
    where = ".".join(str(part) for part in way)
    return f"{where or 'message'}: {first['msg']}"
