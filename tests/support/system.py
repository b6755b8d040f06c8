"""Hub and agents as real processes, for tests of the whole way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from hub.tables import streams
from journal.database import DatabaseError, has_tables, open_database, read

HUB = """
state_dir = "{state}"
lost_contact_after = "30d"
[mqtt]
port = {port}
[console]
enabled = false
[[people]]
id = "li"
name = "李娜"
phone = "+8613900000001"
[[sites]]
id = "east-gate"
name = {{ zh = "东门接种点", en = "East Gate" }}
kind = "fixed"
devices = ["pi-1"]
tell = ["li"]
[[sites.assets]]
id = "fridge-1"
name = {{ zh = "1号冰箱", en = "Fridge 1" }}
"""


def wait_for(what: str, true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait until ``true()``; fail with ``what`` when it does not come to be in time."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.05)


def stored(hub_folder: Path) -> dict[str, int]:
    """Return how far each stream is stored; nothing while there is no database yet."""
    try:
        database = open_database(hub_folder / "hub.db", read_only=True)
        if not has_tables(database, streams):
            return {}
        with read(database) as conn:
            found = {row.stream: row.stored_seq for row in conn.execute(select(streams))}
    except DatabaseError:
        return {}
    database.dispose()
    return found


@contextmanager
def command(folder: Path, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a subcommand of coldwatch until the block ends; its output goes to ``<name>.log``."""
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "coldwatch", *arguments], stdout=log, stderr=log, env=os.environ
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def hub(folder: Path, port: int) -> Iterator[Path]:
    """Run a hub for one device; give the folder of its databases."""
    settings = folder / "hub.toml"
    state = folder / "hub"
    settings.write_text(HUB.format(state=state, port=port), encoding="utf-8")
    with command(folder, "hub", "hub", str(settings)):
        wait_for("the hub's database", (state / "history.db").exists)
        yield state
