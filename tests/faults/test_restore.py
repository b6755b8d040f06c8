"""The hub put back from an old backup: agents fill in what is missing, by themselves, once.

Real processes: two agents, mosquitto, the hub, gammu-smsd with the simulated modem. An operator
copies the databases while the hub runs; a fridge warms, people are told, a batch is held; then the
hub is stopped and begins again on the copies: on both of them, or on one, with the other as it was.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.channels.smsd import what_is_missing
from hub.lacking import LACKS
from hub.tables import notices, sms
from journal import journal
from journal.database import open_database, read, write
from journal.excursions import excursions
from ledger import holds
from ledger.batches import receive
from tests.faults.test_kills import (
    DEVICES,
    PEOPLE,
    SPEED,
    Rig,
    Text,
    check,
    running,
    texts,
    wait_until_settled,
)
from tests.support.mosquitto import Mosquitto
from tests.support.system import stored, wait_for

Told = Counter[tuple[str, str, str]]

FILES = ("hub.db", "history.db")


def back_up(hub: Path, to: Path) -> None:
    """Copy the databases beside the running hub, as an operator does: hub.db first."""
    to.mkdir()
    for name in FILES:
        with (
            closing(sqlite3.connect(hub / name)) as source,
            closing(sqlite3.connect(to / name)) as target,
        ):
            source.backup(target)


def put_back(hub: Path, backup: Path, names: tuple[str, ...]) -> None:
    """Replace these files, and what lies beside them, by their copies."""
    for name in names:
        for file in hub.glob(f"{name}*"):
            file.unlink()
        (hub / name).write_bytes((backup / name).read_bytes())


def told(folder: Path) -> tuple[Told, Counter[Text]]:
    """Return who was told of which step, and all SMS (phone, text), by this hub.db.

    Two may read alike: over midnight the date may leave no room for how long it has lasted.
    """
    database = open_database(folder / "hub.db", read_only=True)
    with read(database) as conn:
        steps = conn.execute(
            select(notices.c.excursion, notices.c.happening, notices.c.person).where(
                notices.c.sms.is_not(None)
            )
        )
        found = Counter((row.excursion, row.happening, row.person) for row in steps)
        outbox = Counter((row.phone, row.text) for row in conn.execute(select(sms)))
    database.dispose()
    return found, outbox


def warm_and_cool(rig: Rig, fridge: Path) -> str:
    """Warm a fridge until its stock is set apart, cool it until that is over; return the excursion's id."""
    asset = f"east-gate/{fridge.name}"
    database = open_database(rig.folder / "hub" / "hub.db", read_only=True)

    def found(*, over: bool) -> list[str]:
        mine = (excursions.c.asset == asset) & (excursions.c.rule == "cn-gsp/isolate")
        with read(database) as conn:
            query = select(excursions).where(mine)
            rows = conn.execute(query).all()
        return [row.id for row in rows if not over or row.recovered_at is not None]

    rig.set(fridge, 9_500)
    wait_for(f"{fridge.name} is too hot", lambda: bool(found(over=False)), 90)
    rig.set(fridge, 5_000)
    wait_for(f"{fridge.name} has recovered", lambda: bool(found(over=True)), 90)
    (id_,) = found(over=True)
    database.dispose()
    return id_


def stock(rig: Rig, fridge: Path) -> None:
    """Put a batch into a fridge."""
    database = open_database(rig.folder / "hub" / "hub.db")
    with write(database) as conn:
        receive(
            conn, product="HepB", lot="L1", expiry=date(2030, 1, 1), doses=100,
            asset=f"east-gate/{fridge.name}", now=rig.clock.now_ms(), actor="test",
        )  # fmt: skip
    database.dispose()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("names", [FILES, FILES[:1], FILES[1:]], ids=["both", "hub", "history"])
def test_an_old_backup_is_filled_in(
    tmp_path: Path, mosquitto: Mosquitto, names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """History equals the spools, excursions and holds are as judged afresh, and each step is one notice.

    What the restored hub.db knows as told is not told again. What was told after the backup is told
    a second time, once, under the same id: the hub cannot know any more that it was. Where only the
    history is old, nobody is told anything again.
    """
    if missing := what_is_missing():
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    hub, backup = tmp_path / "hub", tmp_path / "backup"
    with running(Rig(tmp_path, mosquitto, 1)) as (rig, modem):
        wait_for("both devices are stored", (hub / "hub.db").exists, 30)
        before, between = rig.fridges[0], rig.fridges[2]
        wait_for("both devices have sent", lambda: len(stored(hub)) == len(DEVICES), 30)
        stock(rig, between)
        first = warm_and_cool(rig, before)
        wait_until_settled(rig, 60)
        back_up(hub, backup)
        second = warm_and_cool(rig, between)
        wait_until_settled(rig, 60)

        rig.processes["hub"].send_signal(signal.SIGTERM)
        assert rig.processes["hub"].wait(10) == 0
        told_then, texts_then = told(hub)
        told_backup, texts_backup = told(backup)
        arrived_then = texts(modem.messages)
        put_back(hub, backup, names)
        rig.start("hub")
        # ten simulated minutes for what is judged again
        time.sleep(15 * 60 / SPEED)
        wait_until_settled(rig, 120)
        for device in DEVICES:
            rig.processes[device].send_signal(signal.SIGTERM)
        for device in DEVICES:
            assert rig.processes.pop(device).wait(5) == 0
        for device in DEVICES:
            rig.start(device)
        spools = wait_until_settled(rig, 60)

        told_now, _ = told(hub)
        again = told_then - told_backup if "hub.db" in names else Told()
        heard = texts(modem.messages) - arrived_then
        # What is told again may read as before, so one of each is taken away and not all.
        forgotten = texts_then - texts_backup if "hub.db" in names else Counter[Text]()
        counts = check(rig, texts(modem.messages) - forgotten, spools)
    # Each step is one notice to each person; those of the first excursion stand as they stood.
    assert set(told_now.values()) == {1}
    assert told_then - told_now == Told()
    for person in PEOPLE:
        assert (first, "opened", person) in told_backup
        assert (second, "opened", person) not in told_backup
        assert ((second, "opened", person) in again) == ("hub.db" in names)
    # Told again is what the backup does not know, and nothing else.
    known = texts_backup if "hub.db" in names else texts_then
    assert sum(heard.values()) == counts["sms"] - sum(known.values())
    database = open_database(hub / "hub.db", read_only=True)
    with read(database) as conn:
        lacking = [entry.body for entry in journal.entries(conn, types=LACKS)]
        held = [hold for hold in holds.listing(conn) if hold.cause == second]
    database.dispose()
    assert len(held) == 1
    assert len(lacking) == (len(DEVICES) if names == FILES[1:] else 0)
    with capsys.disabled():
        print(f"\n{'+'.join(names)} put back: {counts}, told again {sum(again.values())},"
              f" lacking {lacking}")  # fmt: skip
