"""What every adapter of the history port must do. An adapter's own test module subclasses it.

The answers of the store are compared with those of a plain list of the same records.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history import hours
from history.columns import Point, exposures
from history.envelope import envelope
from history.port import Bucket, History, RecordDiffersError, StoredRecord, StreamReading
from history.statistics import Exposure
from protocol.canonical import canonical_bytes
from protocol.messages import record_adapter
from tests.history.model import (
    SERIES,
    SITES,
    STREAMS,
    Model,
    order,
    reading,
    reading_bodies,
    record,
    stored,
)

QUALITIES = ("ok", "ok", "ok", "suspect:stuck", "rejected:crc")

slower = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)


class HistorySuite:
    """Subclass it, implement ``store``, and the adapter is tested."""

    @abstractmethod
    def store(self) -> AbstractContextManager[History]:
        """Return a fresh, empty store that is closed and removed at the end."""

    @slower
    @given(stored(), st.lists(st.integers(0, 25), max_size=4))
    def test_bodies_come_back(self, records: list[StoredRecord], cuts: list[int]) -> None:
        """However they are batched, bodies come back equal to the canonical byte, in order of seq."""
        with self.store() as history:
            append_in_batches(history, records, cuts)

            for stream in STREAMS:
                expected = [item.body for item in records if item.stream == stream]
                found = list(history.records(stream))
                assert [body["seq"] for body in expected] == [seq for seq, _ in found]
                assert [canonical_bytes(body) for body in expected] == [
                    canonical_bytes(body) for _, body in found
                ]
                assert found[1:] == list(history.records(stream, 2))
                assert len(expected) == history.count(stream)
            assert len(records) == history.count()
            assert sorted({item.stream for item in records}) == sorted(history.streams())
            heads: dict[str, int] = {}
            for item in records:
                heads[item.stream] = max(heads.get(item.stream, 0), item.body["seq"])
            assert heads == history.heads()

    @slower
    @given(stored(), st.integers(0, 32), st.integers(0, 32))
    def test_questions_about_series(
        self, records: list[StoredRecord], start: int, end: int
    ) -> None:
        """Each question about a series has the answer that a plain list of the records gives."""
        model = Model(records)
        with self.store() as history:
            history.append(records)
            latest = {}
            for site in SITES:
                names = [name for name in SERIES if model.readings(site, name)]
                assert sorted(names) == history.series(site)
                for name in SERIES:
                    own = model.readings(site, name)
                    judged = [item for item in own if item.reading.judged]
                    within = [item for item in own if start <= item.reading.at < end]
                    past = [item for item in judged if item.reading.at < start]
                    future = [item for item in judged if item.reading.at >= start]
                    samples = history.samples(site, name, start, end)

                    assert within == list(history.readings(site, name, start, end))
                    assert [
                        (item.reading.at, item.reading.value)
                        for item in within
                        if item.reading.judged
                    ] == list(zip(samples.times, samples.values, strict=True))
                    assert (past[-1] if past else None) == history.last_before(site, name, start)
                    assert (future[0] if future else None) == history.first_from(site, name, start)
                    assert model.settled(site, name) == history.settled(site, name)
                    if own:
                        latest[site, name] = own[-1]
            assert latest == history.latest()
            assert {key: item for key, item in latest.items() if key[0] == SITES[0]} == (
                history.latest(SITES[0])
            )

    @slower
    @given(
        stored(),
        st.integers(0, 32),
        st.integers(0, 40),
        st.integers(1, 50),
        st.tuples(st.integers(1, 9), st.integers(1, 15)),
    )
    def test_envelope(
        self,
        records: list[StoredRecord],
        start: int,
        length: int,
        buckets: int,
        rule: tuple[int, int],
    ) -> None:
        """The store's envelope is the one of its readings, neighbours included."""
        end = start + length
        expected = envelope_of(records, start, end, buckets, rule)
        with self.store() as history:
            history.append(records)

            assert expected == history.envelope(
                SITES[0],
                SERIES[0],
                start,
                end,
                buckets,
                interval_ms=rule[0],
                max_gap_ms=rule[1],
            )

    @slower
    @given(
        stored(),
        st.lists(st.tuples(st.integers(0, 25), st.integers(0, 6)), max_size=4),
        st.integers(1, 12),
        st.tuples(st.integers(0, 32), st.integers(0, 40)),
        st.integers(1, 6),
        st.tuples(st.integers(1, 9), st.integers(1, 15)),
    )
    def test_envelope_of_hours(
        self,
        records: list[StoredRecord],
        cuts: list[tuple[int, int]],
        hour: int,
        asked: tuple[int, int],
        buckets: int,
        rule: tuple[int, int],
    ) -> None:
        """Where a roll-up serves, it gives what the readings give, whenever and however they came.

        The hour is a few milliseconds here. Each batch begins with some of what came before it.
        """
        start, end = asked[0], sum(asked)
        borders = [(0, 0), *sorted(cuts), (len(records), 0)]
        with pytest.MonkeyPatch.context() as patch, self.store() as history:
            patch.setattr(hours, "HOUR_MS", hour)
            for (begin, again), (finish, _) in pairwise(borders):
                history.append(records[max(0, begin - again) : finish])
                found = history.envelope(
                    SITES[0],
                    SERIES[0],
                    start,
                    end,
                    buckets,
                    interval_ms=rule[0],
                    max_gap_ms=rule[1],
                )
                assert envelope_of(records[:finish], start, end, buckets, rule) == found
                assert_shows_every_crossing(records[:finish], found)

    @slower
    @given(
        st.lists(st.tuples(st.integers(0, 120), st.sampled_from(QUALITIES)), max_size=40),
        st.integers(8, 30),
        st.tuples(st.integers(0, 60), st.integers(30, 90)),
        st.integers(1, 3),
        st.tuples(st.integers(1, 6), st.integers(1, 10)),
    )
    def test_late_readings_within_hours(
        self,
        items: list[tuple[int, str]],
        hour: int,
        asked: tuple[int, int],
        buckets: int,
        rule: tuple[int, int],
    ) -> None:
        """Where readings within an hour are further apart than the rule holds, the rest is unknown.

        Crowded with hours of which the extremes are known and the unknown time is not.
        """
        start, end = asked[0], sum(asked)
        records = [
            record(STREAMS[0], reading(seq, at, 4000 + seq, quality))
            for seq, (at, quality) in enumerate(sorted(items), start=1)
        ]
        with pytest.MonkeyPatch.context() as patch, self.store() as history:
            patch.setattr(hours, "HOUR_MS", hour)
            history.append(records)
            found = history.envelope(
                SITES[0], SERIES[0], start, end, buckets, interval_ms=rule[0], max_gap_ms=rule[1]
            )
            assert envelope_of(records, start, end, buckets, rule) == found
        assert_shows_every_crossing(records, found)

    @slower
    @given(
        st.lists(
            st.tuples(st.integers(0, 90), st.sampled_from([1000, 5000, 9000]), st.booleans()),
            max_size=20,
            unique_by=lambda item: item[0],
        )
    )
    def test_split_stream(self, items: list[tuple[int, int, bool]]) -> None:
        """Readings spread over two streams, as after a change of card, give the same exposure."""
        found: list[Exposure] = []
        for apart in (False, True):
            counts = dict.fromkeys(STREAMS, 0)
            records = []
            for at, value, other in sorted(items, key=lambda item: item[0]):
                stream = STREAMS[int(apart and other)]
                counts[stream] += 1
                records.append(record(stream, reading(counts[stream], at, value)))
            with self.store() as history:
                history.append(records)
                samples = history.samples(SITES[0], SERIES[0], 0, 100)
            point = Point(samples.times, samples.values, 5, 12)
            found += exposures([point], [0, 100], low=2000, high=8000)

        assert found[0] == found[1]

    def test_many_readings_of_one_time(self) -> None:
        """Readings of one time come by the stream's id, then by seq, and none is lost or doubled."""
        ats = [10, 20, 20, 20, 20, 20, 30, 30]
        with self.store() as history:
            for stream in STREAMS:
                history.append(
                    [
                        record(stream, reading(seq, at, seq + 100 * STREAMS.index(stream)))
                        for seq, at in enumerate(ats, start=1)
                    ]
                )
            expected = sorted(
                (at, stream, seq) for stream in STREAMS for seq, at in enumerate(ats, start=1)
            )
            samples = history.samples(SITES[0], SERIES[0], 0, 99)
            last = history.last_before(SITES[0], SERIES[0], 30)
            first = history.first_from(SITES[0], SERIES[0], 20)

            assert expected == [
                order(item) for item in history.readings(SITES[0], SERIES[0], 0, 99)
            ]
            assert [
                (at, seq + 100 * STREAMS.index(stream)) for at, stream, seq in expected
            ] == list(zip(samples.times, samples.values, strict=True))
            assert last is not None
            assert order(last) == (20, max(STREAMS), 6)
            assert first is not None
            assert order(first) == (20, min(STREAMS), 2)
            assert history.latest()[SITES[0], SERIES[0]].stream == max(STREAMS)

    def test_sent_again(self) -> None:
        """A record that is stored already is left as it is, alone or among new ones."""
        bodies = [reading(seq, seq * 10) for seq in (1, 2, 3)]
        bodies.append({"kind": "settings", "seq": 4, "version": "0"})
        with self.store() as history:
            for upto in (2, 2, 4, 4):
                history.append([record(STREAMS[0], body) for body in bodies[:upto]])

            assert bodies == [body for _, body in history.records(STREAMS[0])]

    @pytest.mark.parametrize(
        "other",
        [
            reading(2, 20, 5001),
            reading(2, 20) | {"raw": 4990},
            reading(2, 20) | {"unknown": None},
            reading(2, 20) | {"series": SERIES[1]},
            {"kind": "settings", "seq": 3, "version": "1"},
        ],
    )
    def test_another_body(self, other: dict[str, Any]) -> None:
        """Another body under a stored number is refused, and nothing of its batch is stored."""
        bodies = [reading(1, 10), reading(2, 20), {"kind": "settings", "seq": 3, "version": "0"}]
        with self.store() as history:
            history.append([record(STREAMS[0], body) for body in bodies])
            with pytest.raises(RecordDiffersError, match=f"seq {other['seq']}: another body"):
                history.append([record(STREAMS[0], reading(9, 90)), record(STREAMS[0], other)])

            assert bodies == [body for _, body in history.records(STREAMS[0])]
            history.append([record(STREAMS[0], reading(4, 40))])
            assert history.count() == 4

    def test_device_moved_to_another_site(self) -> None:
        """What a device sends again after it moved stays with the site where it was recorded."""
        with self.store() as history:
            history.append([record(STREAMS[0], reading(1, 10), SITES[0])])
            history.append([record(STREAMS[0], reading(1, 10), SITES[1])])
            assert history.series(SITES[1]) == []
            history.append([record(STREAMS[0], reading(seq, seq * 10), SITES[1]) for seq in (1, 2)])

            assert seqs(history.readings(SITES[0], SERIES[0], 0, 99)) == [1]
            assert seqs(history.readings(SITES[1], SERIES[0], 0, 99)) == [2]

    def test_a_dead_probe_beside_a_living_one(self) -> None:
        """Unknown time of a silent series is settled as far as its stream has come."""
        with self.store() as history:
            dead, living = reading(1, 10), reading(2, 500) | {"series": SERIES[1]}
            history.append([record(STREAMS[0], dead), record(STREAMS[0], living)])

            assert history.settled(SITES[0], SERIES[0]) == 500

    def test_protocol_accepts_what_is_tested(self) -> None:
        """The bodies of these tests are bodies that the protocol lets in."""

        @settings(max_examples=50)
        @given(reading_bodies(7))
        def check(body: dict[str, Any]) -> None:
            assert body == record_adapter.validate_python(body)

        check()

    def test_threads(self) -> None:
        """Readers in other threads see whole readings in whole batches, in order, while one appends."""
        seen: list[list[StreamReading]] = []
        newest: list[StreamReading] = []
        failures: list[BaseException] = []
        done = threading.Event()
        with self.store() as history:

            def read() -> None:
                try:
                    while not done.is_set():
                        seen.append(list(history.readings(SITES[0], SERIES[0], 0, 10**6)))
                        newest.extend(history.latest().values())
                        last = history.last_before(SITES[0], SERIES[0], 10**6)
                        newest.extend([last] if last else [])
                except BaseException as error:  # noqa: BLE001
                    failures.append(error)

            threads = [threading.Thread(target=read) for _ in range(3)]
            for thread in threads:
                thread.start()
            for batch in range(30):
                first = batch * 20 + 1
                history.append(
                    [record(STREAMS[0], reading(seq, seq)) for seq in range(first, first + 20)]
                )
            done.set()
            for thread in threads:
                thread.join()

            assert not failures
            whole = {seq: reading(seq, seq) for seq in range(1, 601)}
            for items in (*seen, newest):
                assert [
                    item for item in items if item.reading.body() != whole[item.reading.seq]
                ] == []
            for items in seen:
                assert [item.reading.seq for item in items] == list(range(1, len(items) + 1))
            assert {len(items) % 20 for items in seen} == {0}
            assert history.count() == 600


def envelope_of(
    records: list[StoredRecord], start: int, end: int, buckets: int, rule: tuple[int, int]
) -> list[Bucket]:
    """Return the envelope of the first series by its definition, neighbours included."""
    own = [item.reading for item in Model(records).readings(SITES[0], SERIES[0])]
    judged = [item for item in own if item.judged]
    return envelope(
        [item for item in own if start <= item.at < end],
        start=start,
        end=end,
        buckets=buckets,
        interval_ms=rule[0],
        max_gap_ms=rule[1],
        before=next((item for item in reversed(judged) if item.at < start), None),
        after=next((item for item in judged if item.at >= end), None),
    )


def assert_shows_every_crossing(records: list[StoredRecord], buckets: list[Bucket]) -> None:
    """For every limit: a bucket's extreme is beyond it exactly if one of its judged readings is."""
    own = [item.reading for item in Model(records).readings(SITES[0], SERIES[0])]
    for bucket in buckets:
        values = {
            item.value
            for item in own
            if item.judged and item.value is not None and bucket.start <= item.at < bucket.end
        }
        for limit in {value + step for value in values | {0} for step in (-1, 0, 1)}:
            above = bucket.maximum is not None and bucket.maximum > limit
            below = bucket.minimum is not None and bucket.minimum < limit
            assert any(value > limit for value in values) == above
            assert any(value < limit for value in values) == below


def append_in_batches(history: History, records: list[StoredRecord], cuts: list[int]) -> None:
    """Append records in batches that begin at the cuts."""
    borders = [0, *sorted(cuts), len(records)]
    for begin, end in pairwise(borders):
        history.append(records[begin:end])


def seqs(items: Iterable[StreamReading]) -> list[int]:
    """Return the numbers of readings."""
    return [item.reading.seq for item in items]
