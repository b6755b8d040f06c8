"""The files: absent, half made, damaged, replaced, written to meanwhile; and never written by us."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from console.store import Store
from history.port import StoredRecord
from history.sqlite import SqliteHistory
from hub.tables import quarantine
from journal.database import create_tables, open_database, write
from ledger import batches
from tests.console.client import Client, copy_of, open_console, open_folder
from tests.console.story import HOUR, Filled, fill, settings
from tests.console.test_language import API, PAGES

NOW = 1_764_028_800_000
# Pages of things that are there only once something exists.
ALWAYS = [path for path in PAGES if not path.startswith("/batch?")]


@pytest.fixture
def nothing(tmp_path: Path) -> Client:
    """A console whose state directory does not even exist."""
    return open_folder(settings(tmp_path / "nothing"), NOW)


class TestNothing:
    @pytest.mark.parametrize("path", ALWAYS)
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_every_page_answers_before_anything_exists(
        self, nothing: Client, path: str, language: str
    ) -> None:
        """No page needs a hub to have run."""
        assert nothing.get(path, language).status_code == 200

    @pytest.mark.parametrize("path", [path for path in API if "journey" not in path])
    def test_the_api_answers_before_anything_exists(self, nothing: Client, path: str) -> None:
        """No question needs a hub to have run."""
        assert nothing.get(path).status_code == 200

    def test_nothing_is_made_by_looking(self, nothing: Client, tmp_path: Path) -> None:
        """Looking makes neither the folder nor a file in it."""
        nothing.get("/")
        assert not (tmp_path / "nothing").exists()

    def test_it_says_so(self, nothing: Client) -> None:
        """The overview shows the assets of the settings without data, and that no hub has run."""
        shown = nothing.json("/api/overview")
        assert shown["hub"] == {"state": "never", "since": None}
        assert {a["state"] for site in shown["sites"] for a in site["assets"]} == {"none"}
        assert "No hub has run here yet" in nothing.text("/")


class TestHalfMade:
    def test_tables_that_are_missing_are_empty(self, tmp_path: Path) -> None:
        """A database in which only the ledger has been at work is shown, and the rest comes later."""
        folder = tmp_path / "state"
        folder.mkdir()
        engine = open_database(folder / "hub.db")
        create_tables(engine)
        with write(engine) as conn:
            for table in ("notices", "sms", "quarantine", "devices", "streams"):
                conn.exec_driver_sql(f"DROP TABLE {table}")
            batches.receive(
                conn, product="MMR", lot="A1", expiry=date(2027, 1, 1), doses=10,
                asset="van/box-6", now=NOW - HOUR, actor="test",
            )  # fmt: skip
        console = open_folder(settings(folder), NOW)
        assert console.json("/api/equipment")["quarantined"] == 0
        assert console.json("/api/batches")["batches"][0]["lot"] == "A1"
        create_tables(engine)
        with write(engine) as conn:
            conn.execute(
                quarantine.insert().values(
                    digest="d", topic="t", reason="r", bytes=b"", size=0, times=1, first_at=1,
                    last_at=1,
                )
            )  # fmt: skip
        engine.dispose()
        assert console.json("/api/equipment")["quarantined"] == 1

    def test_an_empty_file_is_no_trouble(self, tmp_path: Path) -> None:
        """Files that were made a moment ago hold nothing yet."""
        for name in ("hub.db", "history.db"):
            (tmp_path / name).touch()
        assert open_folder(settings(tmp_path), NOW).get("/").status_code == 200

    def test_a_file_that_appears_is_found(self, tmp_path: Path) -> None:
        """A console that was started first shows what a hub writes later."""
        folder = tmp_path / "state"
        console = open_folder(settings(folder), NOW)
        assert console.json("/api/overview")["hub"]["state"] == "never"
        fill(folder, hours=2)
        assert console.json("/api/overview")["hub"]["state"] == "quiet"
        assert console.json("/api/assets/van/box-6")["points"][0]["value"] is not None


class TestReplaced:
    @pytest.fixture
    def console(self, story: Filled, tmp_path: Path) -> tuple[Client, Filled]:
        """A console that has read its files."""
        county = copy_of(story, tmp_path / "state")
        console = open_console(county)
        assert console.json("/api/overview")["quarantined"] == 2
        return console, county

    def test_a_restored_backup_is_shown(
        self, console: tuple[Client, Filled], tmp_path: Path
    ) -> None:
        """Files put in the place of the old ones are opened anew."""
        client, county = console
        other = fill(tmp_path / "other", hours=3)
        for name in ("hub.db", "history.db"):
            for suffix in ("-wal", "-shm"):
                (county.state_dir / f"{name}{suffix}").unlink(missing_ok=True)
            (other.state_dir / name).replace(county.state_dir / name)
        client.clock.at = other.now
        begins = client.json("/api/assets/market/fridge-3/history?range=7d")["begins"]
        assert other.now - begins < 3 * HOUR

    @pytest.mark.parametrize("name", ["hub.db", "history.db"])
    def test_a_damaged_file_is_said_in_one_line(
        self, console: tuple[Client, Filled], name: str
    ) -> None:
        """What cannot be read is named, with what to do, in both ways of asking."""
        client, county = console
        (county.state_dir / "new").write_bytes(b"no database at all" * 1_000)
        (county.state_dir / "new").replace(county.state_dir / name)
        for suffix in ("-wal", "-shm"):
            (county.state_dir / f"{name}{suffix}").unlink(missing_ok=True)
        response = client.get("/api/overview")
        assert response.status_code == 503
        line = response.json()["detail"]
        assert name in line
        assert "\n" not in line
        page = client.get("/", "zh")
        assert (page.status_code, "现在无法读取中心的数据文件" in page.text) == (503, True)


class TestBesideAWriter:
    def test_it_reads_while_the_hub_writes(self, story: Filled, tmp_path: Path) -> None:
        """A transaction under way delays no page, and is not seen before it is committed."""
        county = copy_of(story, tmp_path / "state")
        console = open_console(county)
        engine = open_database(county.state_dir / "hub.db")
        history = SqliteHistory(county.state_dir / "history.db")
        with write(engine) as conn:
            conn.execute(quarantine.delete())
            history.append([_reading(county.now, 7_125)])
            shown = console.json("/api/overview")
            assert shown["quarantined"] == 2
            assert console.json("/api/assets/van/box-6")["points"][0]["value"] == 7_125
        assert console.json("/api/overview")["quarantined"] == 0
        engine.dispose()
        history.close()

    def test_nothing_is_written(self, story: Filled, tmp_path: Path) -> None:
        """After every page was looked at both files are what they were, byte for byte."""
        county = copy_of(story, tmp_path / "state")
        files = [county.state_dir / name for name in ("hub.db", "history.db")]
        before = [hashlib.sha256(path.read_bytes()).digest() for path in files]
        console = open_console(county)
        for path in [*PAGES, *API, "/live"]:
            assert console.get(path).status_code in {200, 204}
        assert [hashlib.sha256(path.read_bytes()).digest() for path in files] == before

    def test_the_database_refuses_to_be_written(self, story: Filled) -> None:
        """Even our own code cannot change anything through the console's connection."""
        store = Store(story.state_dir)
        with pytest.raises(Exception, match="readonly"), store.hub() as conn:
            conn.execute(quarantine.delete())
        store.close()


def _reading(at: int, value: int) -> StoredRecord:
    body = {
        "kind": "reading", "seq": 999_999, "series": "box-6/center/temperature", "at": at,
        "boot": "b" * 32, "mono_ms": 1, "value": value, "quality": "ok", "clock": "synced",
    }  # fmt: skip
    return StoredRecord("van", "0" * 31 + "3", body, at)
