"""The end of a stream: its last number, its last hash, and the judge of what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware_agent.judging import Judge
from firmware_agent.spool import Row
from firmware_agent.stamping import Place
from protocol.canonical import canonical_bytes
from protocol.chain import link
from sensors.contract import Sample


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it has its number.

    Attributes:
        kind: ``reading``, ``settings`` or ``event``.
        mono_ms: when it was made, CLOCK_BOOTTIME.
        fields: the rest of its body.
        at: its UTC, where that is known otherwise (a replayed recording).
    """

    kind: str
    mono_ms: int
    fields: Mapping[str, Any]
    at: int | None = None

    def body(self, seq: int, place: Place, clock: str) -> dict[str, Any]:
        """Return the JSON object that travels and is hashed."""
        return {
            **self.fields,
            "kind": self.kind,
            "seq": seq,
            "at": place.at,
            "boot": place.boot,
            "mono_ms": place.mono_ms,
            "clock": clock,
        }


def reading_draft(series: str, mono_ms: int, sample: Sample, at: int | None = None) -> Draft:
    """Return the draft of a reading."""
    fields = {"series": series, "value": sample.value, "quality": sample.quality}
    if sample.raw is not None:
        fields["raw"] = sample.raw
    return Draft("reading", mono_ms, fields, at)


def settings_draft(mono_ms: int, version: str, series: Mapping[str, Any]) -> Draft:
    """Return the draft of a settings record."""
    return Draft("settings", mono_ms, {"version": version, "series": series})


def event_draft(mono_ms: int, event: str, subject: str, body: Mapping[str, Any]) -> Draft:
    """Return the draft of an event record (protocol/messages.py, EventBody).

    ``body`` holds integers, text, booleans, lists and objects of them: what may be hashed.
    """
    return Draft("event", mono_ms, {"event": event, "subject": subject, "body": dict(body)})


@dataclass(slots=True)
class Chain:
    """Where a stream ends, in memory.

    Attributes:
        judge: has judged every record.
        seq: the last record.
        head: the last record whose stamp is final; the rest wait for theirs.
        h: the hash there.
        place: when that one was made.
        last: when the last record was made, as far as is known.
    """

    judge: Judge
    seq: int
    head: int
    h: bytes
    place: Place | None
    last: Place | None

    @property
    def pending(self) -> int:
        """How many records wait for their stamp."""
        return self.seq - self.head

    def seal(self, body: Mapping[str, Any]) -> Row:
        """Add a record, or the final form of the first pending one, with its final stamp."""
        assert body["seq"] == self.head + 1
        row = _row(body)
        self.h = link(self.h, row.body)
        self.head = row.seq
        self.place = Place(body["at"], row.boot, row.mono_ms)
        if row.seq > self.seq:
            self.seq = row.seq
            self.last = self.place
        self.judge.final(body)
        if self.pending == 0:
            self.judge.settle()
            self.last = self.place
        return row._replace(at=self.place.at, h=self.h)

    def add_pending(self, body: Mapping[str, Any]) -> Row:
        """Add a record whose `at` is a guess."""
        assert body["seq"] == self.seq + 1
        row = _row(body)
        self.seq = row.seq
        self.last = Place(body["at"], row.boot, row.mono_ms)
        self.judge.provisional(body)
        return row


def _row(body: Mapping[str, Any]) -> Row:
    return Row(
        body["seq"],
        body["kind"],
        body["boot"],
        body["mono_ms"],
        canonical_bytes(body),
        None,
        None,
    )
