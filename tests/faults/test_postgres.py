"""The database server is stopped and started under a running hub: no record is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish
from sqlalchemy import select

from history.sqlite import SqliteHistory
from hub.tables import notices, sms, streams
from journal.database import DatabaseError, open_database, read
from journal.excursions import listing
from journal.journal import entries, verify
from journal.place import find
from tests.support import system
from tests.support.mosquitto import Mosquitto
from tests.support.postgres import Postgres
from tests.support.sender import Sender
from tests.support.system import command, wait_for

TOPIC = "coldwatch/1/east-gate/pi-1/records"
STOPS = ("immediate", "fast", "immediate")


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL that the test may stop and start."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def stored(state: Path, stream: str) -> int:
    """How far the stream is stored as the database says; -1 while it does not answer."""
    try:
        database = open_database(find(state), read_only=True)
        try:
            with read(database) as conn:
                mine = select(streams.c.stored_seq).where(streams.c.stream == stream)
                return conn.execute(mine).scalar() or 0
        finally:
            database.dispose()
    except DatabaseError:
        return -1


def test_a_server_that_goes_and_comes_loses_and_doubles_nothing(
    tmp_path: Path, mosquitto: Mosquitto, server: Postgres
) -> None:
    """Three times in the midst of intake, crashed or in order: the hub goes on by itself."""
    sender = Sender("d" * 32)
    sender.settings()
    for minute in range(200):
        sender.reading(minute, 9_000 if 40 <= minute < 60 or minute >= 150 else 5_000)
    last = len(sender.bodies)
    state = tmp_path / "hub"
    where = server.settings("hub")
    settings = tmp_path / "hub.toml"
    database = f'[database]\nurl = "{where.url}"\npassword_file = "{where.password_file}"\n'
    text = system.HUB.format(state=state, port=mosquitto.port)
    settings.write_text(text.replace("[mqtt]", database + "[mqtt]"), encoding="utf-8")

    def send_up_to(end: int) -> bool:
        """Send as an agent does: from the last mark on, again and again, in small messages."""
        done = stored(state, sender.stream)
        first = max(done, 0) + 1
        messages = [
            (TOPIC, sender.message(seq, min(seq + 4, end)), 1, False)
            for seq in range(first, end + 1, 5)
        ]
        if messages:
            publish.multiple(messages, port=mosquitto.port)
        return done >= end

    with command(tmp_path, "hub", "hub", str(settings)) as hub:
        wait_for("the hub's word", (state / "database.json").exists, 60)
        for turn, how in enumerate(STOPS):
            wait_for("records", lambda end=turn * 60 + 30: send_up_to(end), 60)  # type: ignore[misc]
            # These are on their way when the server goes.
            send_up_to(turn * 60 + 50)
            server.stop(how)
            publish.single(TOPIC, sender.message(1, turn * 60 + 55), qos=1, port=mosquitto.port)
            wait_for("the hub's word of it", lambda n=turn: complaints(tmp_path) > n, 60)  # type: ignore[misc]
            server.start()
        wait_for("all records", lambda: send_up_to(last), 90)
        assert hub.poll() is None
        wait_for("all told", lambda: told(state), 60)

    history = SqliteHistory(state / "history.db", read_only=True)
    found = list(history.records(sender.stream))
    history.close()
    assert [seq for seq, _ in found] == list(range(1, last + 1))
    assert [body for _, body in found] == sender.bodies
    engine = open_database(find(state), read_only=True)
    with read(engine) as conn:
        assert verify(conn) == []
        assert [row.start for row in listing(conn)] == sorted(
            (sender.bodies[1 + minute]["at"] for minute in (40, 150)), reverse=True
        )
        types = Counter(entry.type for entry in entries(conn))
        owed = conn.execute(select(notices.c.excursion, notices.c.happening)).all()
        sent = conn.execute(select(sms.c.state)).scalars().all()
    engine.dispose()
    assert types["excursion.opened"] == 2
    assert types["excursion.closed"] == 1
    assert types["settings.recorded"] == 1
    assert types["hub.started"] == types["hub.stopped"] == 1
    assert types["person.set"] == 1
    assert len(owed) == len(set(owed)) == 3
    assert set(sent) == {"sent"}


def complaints(folder: Path) -> int:
    """How often the hub has said that its intake waits for the database."""
    return (folder / "hub.log").read_text(encoding="utf-8").count("nothing can be taken in")


def told(state: Path) -> bool:
    """Whether every notice has its SMS, and each is sent."""
    engine = open_database(find(state), read_only=True)
    with read(engine) as conn:
        unmade = conn.execute(select(notices.c.id).where(notices.c.sms.is_(None))).all()
        unsent = conn.execute(select(sms.c.id).where(sms.c.state != "sent")).all()
        some = conn.execute(select(sms.c.id)).all()
    engine.dispose()
    return bool(some) and not unmade and not unsent
