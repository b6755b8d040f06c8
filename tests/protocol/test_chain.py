"""The chain: published vectors hold, and no record can be changed, moved, left out or added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import canonical_bytes
from protocol.chain import HASH_BYTES, genesis, link, links


@pytest.fixture(scope="module")
def vectors(house: Path) -> Any:
    """The published vectors; their hashes come from sha256sum and not from this code."""
    return json.loads((house / "docs" / "vectors" / "chain.json").read_text(encoding="utf-8"))


def test_published_vectors(vectors: Any) -> None:
    """Our canonical bytes and our hashes are those that we have published."""
    h = genesis(vectors["stream"])
    assert vectors["h0"] == h.hex()

    for record in vectors["records"]:
        canonical = canonical_bytes(json.loads(record["canonical"]))
        assert record["canonical"].encode() == canonical
        h = link(h, canonical)
        assert record["h"] == h.hex()


RECORDS = st.lists(st.binary(max_size=20), min_size=1, max_size=12)


@given(RECORDS)
def test_links_are_link_after_link(records: list[bytes]) -> None:
    """Hashing many at once gives what hashing one by one gives."""
    h = genesis("s")
    expected = []
    for record in records:
        h = link(h, record)
        expected.append(h)

    assert expected == links(genesis("s"), records)
    assert {len(one) for one in expected} == {HASH_BYTES}


@given(RECORDS.flatmap(lambda records: st.tuples(
    st.just(records), st.integers(0, len(records) - 1), st.binary(min_size=1, max_size=3)
)))  # fmt: skip
def test_a_change_changes_every_hash_that_follows(case: tuple[list[bytes], int, bytes]) -> None:
    """A changed record leaves the hashes before it and changes its own and all behind it."""
    records, index, change = case
    changed = records.copy()
    changed[index] += change

    before, after = links(genesis("s"), records), links(genesis("s"), changed)

    assert before[:index] == after[:index]
    assert all(old != new for old, new in zip(before[index:], after[index:], strict=True))


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8), st.data())
def test_one_flipped_bit_is_seen_at_the_end(records: list[bytes], data: Any) -> None:
    """Any single bit flipped anywhere changes the last hash."""
    index = data.draw(st.integers(0, len(records) - 1))
    bit = data.draw(st.integers(0, 8 * len(records[index]) - 1))
    flipped = bytearray(records[index])
    flipped[bit // 8] ^= 1 << bit % 8
    changed = [*records[:index], bytes(flipped), *records[index + 1 :]]

    assert links(genesis("s"), records)[-1] != links(genesis("s"), changed)[-1]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8, unique=True), st.data())
def test_leaving_out_and_swapping_are_seen(numbers: list[int], data: Any) -> None:
    """A record left out, and two that changed places, change the last hash."""
    records = [canonical_bytes({"seq": number}) for number in numbers]
    index = data.draw(st.integers(0, len(records) - 2))
    without = records[:index] + records[index + 1 :]
    swapped = records.copy()
    swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]

    last = links(genesis("s"), records)[-1]

    assert last != links(genesis("s"), without)[-1]
    assert last != links(genesis("s"), swapped)[-1]


@given(st.text("0123456789abcdef", min_size=32, max_size=32), RECORDS)
def test_the_stream_binds(stream: str, records: list[bytes]) -> None:
    """The same records in another stream have other hashes: none can be moved over."""
    other = stream[:-1] + ("0" if stream[-1] != "0" else "1")

    pairs = zip(links(genesis(stream), records), links(genesis(other), records), strict=True)
    assert all(here != there for here, there in pairs)
