"""Fixtures that every part of the tests may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import databases
from tests.support.mosquitto import Mosquitto
from tests.support.ports import unused_port
from tests.support.postgres import Postgres

# No deadline: a busy machine is no fault of the code. In CI the same examples each time, so that a
# red run is the change's own doing; at a desk new ones, so that there are more of them.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

HOUSE = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def house() -> Path:
    """The checkout's own folder."""
    return HOUSE


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded real data, which lies beside the checkout and is no part of it."""
    given = os.environ.get("COLDWATCH_SHARED_DATA")
    folder = Path(given) if given else HOUSE.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no recorded data at {folder}; COLDWATCH_SHARED_DATA may name its folder")
    return folder


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    return unused_port()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real mosquitto on a free loopback port, which the test may stop, kill and start again."""
    if Mosquitto.program() is None:
        reason = "mosquitto is not installed; as root: apt-get install mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder, unused_port())
    broker.start()
    yield broker
    broker.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for the whole run; a test takes a schema of its own."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the test with each kind of the hub's database; see tests/support/databases.py."""
    kind = str(request.param)
    if kind == "postgresql":
        settings = request.getfixturevalue("postgres").settings()
        monkeypatch.setenv(databases.URL, settings.url)
        monkeypatch.setenv(databases.PASSWORD, str(settings.password_file))
    yield kind
    databases.close_all()
