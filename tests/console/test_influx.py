"""The pages over InfluxDB: whatever store the hub has, people see the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from config.hub import HistorySettings
from history.opening import WORD, open_for_hub
from history.port import StoredRecord
from history.sqlite import SqliteHistory
from hub.tables import streams
from journal.database import open_database, read
from tests.console.client import Client, open_console, open_folder
from tests.console.story import Filled
from tests.support.influxd import Influxd

DAY = 86_400_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """A real server."""
    influxd = Influxd(tmp_path_factory.mktemp("influxd"))
    influxd.start()
    yield influxd
    influxd.stop()


@pytest.fixture(scope="module")
def moved(story: Filled, server: Influxd, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """A console over the county's files, whose history has gone to InfluxDB, record by record."""
    folder = tmp_path_factory.mktemp("moved")
    shutil.copy(story.state_dir / "hub.db", folder / "hub.db")
    token = folder / "token"
    token.write_text(server.token)
    settings = HistorySettings.model_validate(
        {
            "kind": "influxdb",
            "influxdb": {"url": server.url, "org": server.org, "token_file": token},
        }
    )
    database = open_database(story.state_dir / "hub.db", read_only=True)
    with read(database) as conn:
        sites = dict(conn.execute(select(streams.c.stream, streams.c.site)).all())
    database.dispose()
    old = SqliteHistory(story.state_dir / "history.db", read_only=True)
    new = open_for_hub(settings, folder)
    for stream in old.streams():
        records = [
            StoredRecord(sites[stream], stream, body, story.now) for _, body in old.records(stream)
        ]
        assert new.append(records) == []
    assert new.count() == old.count() > 1_000
    new.close()
    old.close()
    assert not (folder / "history.db").exists()
    assert (folder / WORD).exists()
    return open_folder(story.settings.model_copy(update={"state_dir": folder}), story.now)


def paths(now: int) -> list[str]:
    """Return what is asked of both."""
    spans = [(now - DAY // 24, now), (now - 2 * DAY, now), (now - 90 * DAY, now + DAY)]
    assets = ["east-gate/fridge-1", "east-gate/fridge-2"]
    histories = [
        f"/api/assets/{asset}/history?from={start}&to={end}&width={width}"
        for asset in assets
        for start, end in spans
        for width in (50, 900)
    ]
    return ["/api/overview", "/api/excursions", "/api/batches", "/api/sms", *histories]


def test_pages_show_the_same(story: Filled, moved: Client) -> None:
    """Overview, charts of every width, excursions and batches: equal to those over SQLite."""
    plain = open_console(story)
    for path in paths(story.now):
        assert plain.json(path) == moved.json(path), path
    assert plain.text("/") == moved.text("/")


def test_a_server_that_is_away_is_said(moved: Client, server: Influxd, tmp_path: Path) -> None:
    """Without its server a page says so in one line, and comes back with it."""
    server.stop()
    response = moved.get("/")
    server.start()

    assert response.status_code == 503
    assert "does not answer" in response.text
    assert moved.get("/").status_code == 200
