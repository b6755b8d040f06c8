"""Bad messages over a real broker: each in quarantine with its reason, while good ones flow."""

from __future__ import annotations

import json
from pathlib import Path

from paho.mqtt import publish
from sqlalchemy import select

from history.sqlite import SqliteHistory
from hub.tables import quarantine
from journal.database import open_database, read
from tests.support.mosquitto import Mosquitto
from tests.support.sender import Sender
from tests.support.system import hub, stored, wait_for

TOPIC = "coldwatch/1/east-gate/pi-1/records"


def bad_messages() -> dict[str, tuple[str, bytes]]:
    """Return topic and bytes by the beginning of the reason that each must get."""
    whole = json.loads(_one_reading().message())
    huge = whole | {"padding": "x" * 1_200_000}
    return {
        "not JSON: unexpected end": (TOPIC, b'{"v":1,"stream":'),
        "not UTF-8: byte 0xff": (TOPIC, b'{"v":1,"stream":"\xff"}'),
        "wire version 7 is not spoken here": (TOPIC, json.dumps(whole | {"v": 7}).encode()),
        "wire version 2 is not spoken here": (
            TOPIC.replace("/1/", "/2/"),
            json.dumps(whole | {"v": 2}).encode(),
        ),
        "1200": (TOPIC, json.dumps(huge).encode()),
        "not JSON: ": (TOPIC, json.dumps(whole).encode().replace(b"5000", b"NaN")),
        "device pi-9 is not in the hub's settings": (
            TOPIC.replace("pi-1", "pi-9"),
            json.dumps(whole).encode(),
        ),
    }


def _one_reading() -> Sender:
    sender = Sender("c" * 32)
    sender.reading(0, 5_000)
    return sender


def test_bad_messages_are_kept_with_their_reason_while_good_ones_flow(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """Seven kinds of bad message between good ones: all good ones stored, all bad ones named."""
    good = Sender("d" * 32)
    good.settings()
    for minute in range(60):
        good.reading(minute, 5_000)
    bad = bad_messages()
    with hub(tmp_path, mosquitto.port) as state:
        messages = [(TOPIC, good.message(1, 1), 1, False)]
        for number, (topic, payload) in enumerate(bad.values()):
            messages.append((topic, payload, 1, False))
            first = 2 + number * 8
            messages.append((TOPIC, good.message(first, min(first + 7, 61)), 1, False))
        messages.append((TOPIC, good.message(50, 61), 1, False))

        def arrived() -> bool:
            # What came before the hub had subscribed is not there: the agent would send again.
            publish.multiple(list(messages), port=mosquitto.port)
            return stored(state).get(good.stream) == 61

        wait_for("all good records stored", arrived)
        database = open_database(state / "hub.db", read_only=True)
        with read(database) as conn:
            rows = conn.execute(select(quarantine.c.reason, quarantine.c.bytes)).all()
        database.dispose()
    reasons = [row.reason for row in rows]
    for beginning, (_, payload) in bad.items():
        assert [reason for reason in reasons if reason.startswith(beginning)], (beginning, reasons)
        assert payload[:65_536] in [row.bytes for row in rows]
    assert len(rows) == len(bad)
    history = SqliteHistory(state / "history.db", read_only=True)
    assert [body for _, body in history.records(good.stream)] == good.bodies
    history.close()
