"""Each story as it is told, then with the hub killed between all steps and behind all that it does."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stories.book import Story, stories
from tests.stories.county import County

STORIES = stories()
# A tree in memory where there is one: what a disk costs is no part of a story.
MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="coldwatch-", dir=MEMORY) as name:
        yield Path(name)


def _tellings() -> list[Any]:
    """Every story in both ways. In turn one of them is left to `make soak`: it takes its time."""
    found = []
    for n, story in enumerate(STORIES):
        for hub in ("lives", "is killed"):
            later = (n % 2 == 0) == (hub == "is killed")
            name = f"{story.chapter}.{story.name} - hub {hub}"
            found.append(
                pytest.param(story, hub, id=name, marks=[pytest.mark.soak] if later else [])
            )
    return found


@pytest.mark.parametrize(("story", "hub"), _tellings())
def test_story(story: Story, hub: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same messages to the same people at the same times, whenever the hub is killed."""
    logging.disable(logging.CRITICAL)
    county = County(folder, monkeypatch, hub_is_killed=hub == "is killed")
    try:
        story.tell(county)
        county.ends()
    finally:
        county.close()
        logging.disable(logging.NOTSET)


def test_there_are_at_least_forty_and_each_says_what_it_holds() -> None:
    """Acceptance of issue 5, line 1; and no two stories have one name."""
    assert len(STORIES) >= 40
    assert len({story.name for story in STORIES}) == len(STORIES)
    assert not [story.name for story in STORIES if not story.holds]
