"""The county with a bad day, filled once for all tests of the console."""

from __future__ import annotations

import pytest

from tests.console.client import Client, open_console
from tests.console.story import Filled, fill


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The county's files; only to be read."""
    return fill(tmp_path_factory.mktemp("county") / "state")


@pytest.fixture
def console(story: Filled) -> Client:
    """The console over the county, at the moment where its story ends."""
    return open_console(story)
