"""The InfluxDB adapter on a real server: the shared suite, and what only a server can do to you."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import history.influx
import history.influx_columns
from config.hub import InfluxSettings
from history.influx import InfluxHistory
from history.port import History
from tests.history.suite import HistorySuite
from tests.support.influxd import Influxd

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """One server for all tests of this module; each store has a bucket of its own."""
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.stop()


@contextmanager
def fresh(server: Influxd) -> Iterator[InfluxHistory]:
    """Open a store in a bucket and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(server.token + "\n")
        settings = InfluxSettings(
            url=server.url, org=server.org, bucket=f"b{next(_numbers)}", token_file=token
        )
        store = InfluxHistory(settings, Path(folder))
        try:
            yield store
        finally:
            store.close()


class TestInflux(HistorySuite):
    @pytest.fixture(autouse=True)
    def _server(self, influxd: Influxd) -> None:
        self.server = influxd

    @contextmanager
    def store(self) -> Iterator[History]:
        """Return a store in a bucket of its own."""
        with fresh(self.server) as store:
            yield store


class TestInfluxBySmallPages(TestInflux):
    """The same suite where every page holds two rows: no page border loses or doubles one."""

    @contextmanager
    def store(self) -> Iterator[History]:
        """Return a store in a bucket of its own."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history.influx, "PAGE", 2)
            patch.setattr(history.influx_columns, "PAGE", 2)
            patch.setattr(history.influx_columns, "BLOCK", 2)
            with fresh(self.server) as store:
                yield store
