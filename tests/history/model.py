"""Records as devices may send them, and the history port over a plain list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from history.port import StoredRecord, StreamReading
from protocol.reading import KNOWN_FIELDS, Reading, reading_from_body

SITES = ("east-gate", "van")
SERIES = ("fridge-1/center/temperature", "fridge-1/upper/temperature", "room/ambient/humidity")
STREAMS = tuple(letter * 32 for letter in "fa3")  # met in another order than their names'
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_integers = st.integers(-(2**53) + 1, 2**53 - 1)


@st.composite
def reading_bodies(draw: st.DrawFn, seq: int) -> dict[str, Any]:
    """The body of a reading as a device may send it, with fields that we do not know."""
    quality = draw(st.sampled_from(["ok", "ok", "suspect:stuck", "rejected:crc", "rejected:a-b_c"]))
    body = {
        "kind": "reading",
        "seq": seq,
        "series": draw(st.sampled_from((*SERIES, *SERIES[:1] * 5))),
        # crowded, with many readings of one time: where streams and pages meet
        "at": draw(
            st.sampled_from([5, 5, 5, 9, 13])
            | st.integers(0, 30)
            | st.integers(0, 7_258_118_400_000)
        ),
        "boot": draw(st.sampled_from(["0a", "b-1", "0"])),
        "mono_ms": draw(st.integers(0, 2**53 - 1)),
        "value": draw(st.none() | st.integers(-5, 9000) | _integers),
        "quality": quality,
        "clock": draw(st.sampled_from(["synced", "estimated"])),
    }
    if draw(st.booleans()):
        body["raw"] = draw(_integers)
    if draw(st.integers(0, 3)) == 0:
        unknown = st.text(max_size=6).filter(lambda name: name not in KNOWN_FIELDS)
        body = draw(st.dictionaries(unknown, _json, max_size=3)) | body
    return body


@st.composite
def other_bodies(draw: st.DrawFn, seq: int) -> dict[str, Any]:
    """The body of a settings version, or of a kind that a later version sends."""
    unknown = draw(st.dictionaries(st.text(max_size=6), _json, max_size=4))
    return unknown | {"kind": draw(st.sampled_from(["settings", "seal", "x"])), "seq": seq}


@st.composite
def stored(draw: st.DrawFn) -> list[StoredRecord]:
    """Records of several streams, each numbered without holes, in the order of their arrival."""
    counts = dict.fromkeys(STREAMS, 0)
    records = []
    for stream in draw(st.lists(st.sampled_from(STREAMS), max_size=25)):
        counts[stream] += 1
        other = draw(st.integers(0, 5)) == 0
        body = draw((other_bodies if other else reading_bodies)(counts[stream]))
        site = SITES[STREAMS.index(stream) % 2]
        records.append(StoredRecord(site, stream, body, draw(st.integers(0, 10**13))))
    return records


@dataclass(frozen=True)
class Model:
    """The history port over a plain list."""

    records: list[StoredRecord]

    def readings(self, site: str, series: str) -> list[StreamReading]:
        """Return all readings of a series in the port's order."""
        found = [
            StreamReading(record.stream, reading_from_body(record.body))
            for record in self.records
            if record.site == site
            and record.body["kind"] == "reading"
            and record.body["series"] == series
        ]
        return sorted(found, key=order)

    def settled(self, site: str, series: str) -> int | None:
        """Return how far the newest stream of a series has come."""
        own = self.readings(site, series)
        if not own:
            return None
        ats: list[int] = [
            record.body["at"]
            for record in self.records
            if record.stream == own[-1].stream and record.body["kind"] == "reading"
        ]
        return max(own[-1].reading.at, ats[-1])


def order(item: StreamReading) -> tuple[int, str, int]:
    """Return by what streams are merged."""
    return item.reading.at, item.stream, item.reading.seq


def reading(seq: int, at: int, value: int | None = 5000, quality: str = "ok") -> dict[str, Any]:
    """Return the body of a plain reading."""
    return Reading(seq, SERIES[0], at, "b1", at, value, quality).body()


def record(stream: str, body: dict[str, Any], site: str = SITES[0]) -> StoredRecord:
    """Return a record as the hub hands it over."""
    return StoredRecord(site, stream, body, 0)
