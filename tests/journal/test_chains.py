"""A chain of people that is loosened is seen: fewer told by some time, or less often again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from config.loosening_chain import Told, later
from journal.database import write
from journal.directory import Said, enter
from journal.journal import Entry
from tests.support.county import hub_settings
from tests.support.databases import new_database

MINUTE = 60_000
CHAIN = [
    {"after": "0min", "to": ["li", "wang"], "repeat": "10min"},
    {"after": "15min", "to": ["amy"]},
]


def steps(*given: tuple[int, str] | tuple[int, str, int]) -> list[Told]:
    """Return steps of minutes, names of a letter each, and minutes."""
    return [Told(a * MINUTE, tuple(to), *(r * MINUTE for r in rest)) for a, to, *rest in given]


WAS = steps((0, "ab", 10), (15, "c"))


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (steps((0, "ab", 10), (20, "c")), ["15 min behind the opening 2 are told instead of 3"]),
        (steps((0, "ab", 10)), ["15 min behind the opening 2 are told instead of 3"]),
        (steps((0, "a", 10), (15, "bc")), ["0 min behind the opening 1 are told instead of 2"]),
        (steps((0, "ab"), (15, "c")), ["they are told again no more instead of every 10 min"]),
        (steps((0, "abc", 11)), ["they are told again every 11 min instead of every 10 min"]),
        # Another person, an earlier step, more people, more often.
        (steps((0, "xy", 10), (15, "z")), []),
        (steps((0, "ab", 10), (14, "c")), []),
        (steps((0, "abc", 10)), []),
        (steps((0, "ab", 5), (15, "cd"), (30, "e")), []),
    ],
)
def test_in_which_ways(now: list[Told], says: list[str]) -> None:
    """Each once; who they are is the site's matter."""
    assert later(WAS, now) == says


_chain = st.lists(
    st.builds(
        lambda a, to, r: Told(a * MINUTE, tuple(to), r and r * MINUTE),
        st.integers(0, 6), st.sets(st.sampled_from("abcd"), min_size=1),
        st.none() | st.integers(1, 3),
    ),
    min_size=1, max_size=3,
)  # fmt: skip


@given(_chain, _chain)
def test_whoever_is_told_later_is_seen(before: list[Told], after: list[Told]) -> None:
    """Minute by minute: as many people have been told, and by as many messages."""
    fewer = any(len(_told(after, minute)) < len(_told(before, minute)) for minute in range(7))
    if fewer:
        assert later(before, after) != []
    assert later(before, before) == []


def _told(chain: list[Told], minute: int) -> set[str]:
    return {name for step in chain if step.after <= minute * MINUTE for name in step.to}


@pytest.fixture
def engine(each_database: str, tmp_path: Path) -> Iterator[Engine]:
    """A new database of each kind."""
    engine = new_database(tmp_path)
    yield engine
    engine.dispose()


def entered(engine: Engine, folder: Path, said: Said, **more: Any) -> dict[str, Entry]:
    """Enter settings; return the entries by type and subject."""
    with write(engine) as conn:
        found = enter(conn, hub_settings(folder, **more), 100, said)
    return {f"{each.type} {each.subject}": each for each in found}


def with_chain(folder: Path, *chain: dict[str, Any]) -> dict[str, Any]:
    """Return the site's settings with a chain."""
    site = hub_settings(folder).sites[0].model_dump(exclude_unset=True)
    return {"sites": [site | {"escalation": "county"}],
            "escalations": [{"id": "county", "steps": list(chain)}]}  # fmt: skip


def test_the_entry_says_what_was_loosened_and_why(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a reason the entry has both; without one the log says so as well."""
    first = entered(engine, tmp_path, Said("one"), **with_chain(tmp_path, *CHAIN))
    assert not any("loosened" in each.body for each in first.values())

    slower = {**CHAIN[1], "after": "30min"}
    why = Said("two", "Zhao", "Amy is far away by night")
    found = entered(engine, tmp_path, why, **with_chain(tmp_path, CHAIN[0], slower))
    entry = found["setting.set escalations"]
    way = "15 min behind the opening 2 are told instead of 3"
    assert entry.body["loosened"] == [f"east-gate: {way}"]
    assert entry.body["because"] == "Amy is far away by night"
    assert caplog.records == []

    with caplog.at_level(logging.WARNING):
        found = entered(engine, tmp_path, Said("three"), **with_chain(tmp_path, CHAIN[0]))
    assert len(found["setting.set escalations"].body["loosened"]) == 1
    (record,) = caplog.records
    assert "loosened, and nobody said why: east-gate: 30 min behind" in record.getMessage()


def test_a_site_that_leaves_its_chain_and_a_device_that_may_be_silent_longer(
    engine: Engine, tmp_path: Path
) -> None:
    """Both are entries of their own."""
    entered(engine, tmp_path, Said("one"), **with_chain(tmp_path, *CHAIN))
    site = with_chain(tmp_path)["sites"][0]
    del site["escalation"]
    found = entered(
        engine, tmp_path, Said("two"), sites=[site | {"tell": ["li"]}], lost_contact_after="20min"
    )

    assert found["site.set east-gate"].body["loosened"] == [
        "0 min behind the opening 1 are told instead of 2",
        "15 min behind the opening 1 are told instead of 3",
    ]
    assert found["setting.set lost_contact_after"].body["loosened"] == [
        "a silent device is told after 1200 s instead of 900 s"
    ]


def test_tightening_says_nothing(engine: Engine, tmp_path: Path) -> None:
    """Sooner, more people, and another one in the place of one who left."""
    entered(engine, tmp_path, Said("one"), **with_chain(tmp_path, *CHAIN))
    sooner = [{**CHAIN[0], "to": ["amy", "li"]}, {"after": "10min", "to": ["wang"]}]
    more = with_chain(tmp_path, *sooner) | {"lost_contact_after": "10min"}
    found = entered(engine, tmp_path, Said("two"), **more)

    assert "setting.set escalations" in found
    assert not any("loosened" in each.body for each in found.values())
