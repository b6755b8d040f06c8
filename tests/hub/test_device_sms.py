"""What a device's stream says of lost mains and of its own SMS, in the hub's words and on its pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from history.sqlite import SqliteHistory
from hub.device_sms import said_with
from hub.intake import Incoming, Intake
from hub.notices import Outbox, owe
from hub.said import Saying
from hub.wording import Wording
from journal import journal
from journal.database import create_tables, open_database, read, write
from journal.excursions import listing
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings
from tests.support.sender import MINUTE, START, Sender

MAINS = "fridge-1/mains/present"
RULES = [{"id": "cn-gsp/mains", "kind": "consecutive", "for_ms": 2_000, "at_or_below": 0,
          "holds": False, "tells": True}]  # fmt: skip


class Desk:
    """A hub without threads, with its real words."""

    def __init__(self, folder: Path) -> None:
        self.settings = hub_settings(folder)
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.channel = Recorder()

        def tell(conn: Any, decision: Any, row: Any, now: int) -> None:
            owe(conn, self.settings.sites[0], decision.happening, row, now)

        self.intake = Intake(self.settings, self.database, self.history, tell)
        words = Wording(self.settings, self.intake.newest)
        self.outbox = Outbox(
            self.settings, self.database, self.channel, Saying(self.settings, words).say
        )

    def send(self, sender: Sender) -> list[str]:
        """Take everything in, and return the SMS of it."""
        now = sender.bodies[-1]["at"]
        topic = "coldwatch/1/east-gate/pi-1/records"
        self.intake.take([Incoming(topic, sender.message(), now)], now)
        self.outbox.round(now)
        return [text for _, text in self.channel.taken.values()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk in an empty folder."""
    made = Desk(tmp_path)
    yield made
    made.history.close()


def lost(holds: Any) -> Sender:
    """A stream in which mains are lost, with this forecast."""
    sender = Sender()
    sender.settings(rules=RULES, series=MAINS)
    sender.reading(0, 1_000, series=MAINS)
    sender.reading(1, 0, series=MAINS)
    sender.reading(1 + 2_100 / MINUTE, 0, series=MAINS)
    if holds is not None:
        sender.event(1 + 2_100 / MINUTE, "power.mains-lost", MAINS, {"holds": holds})
    return sender


def test_lost_mains_are_told_with_how_long_the_fridge_should_hold(desk: Desk) -> None:
    """The cautious end of the worst of its fridges, in both languages, in one SMS."""
    entry = {"known": True, "minutes_likely": 300, "minutes_high": 500}
    texts = desk.send(
        lost(
            [
                entry | {"series": "a", "minutes_low": 130},
                entry | {"series": "b", "minutes_low": 95},
            ]
        )
    )

    assert len(texts) == 3
    assert any("MAINS LOST" in text and "Should hold 1 h 35 min or more." in text for text in texts)
    assert any("停电" in text and "预计可保冷至少1小时35分钟" in text for text in texts)


@pytest.mark.parametrize(
    "holds",
    [
        None,
        [],
        "many",
        [{"series": "a", "known": False}],
        [{"minutes_low": 90}, {"series": "b", "known": False}],
        [{"minutes_low": "90"}],
        [{"minutes_low": -1}],
    ],
)
def test_what_is_not_known_is_not_said(desk: Desk, holds: Any) -> None:
    """Nor what is not known of one of its fridges, nor what a device invents."""
    texts = desk.send(lost(holds))

    assert len(texts) == 3
    assert not any("hold" in text or "保冷" in text for text in texts)


def test_a_forecast_of_an_earlier_loss_is_not_said_of_this_one(desk: Desk) -> None:
    """Each loss has its own."""
    sender = lost([{"minutes_low": 90}])
    assert len(desk.send(sender)) == 3
    sender.reading(2, 1_000, series=MAINS)
    for minute in range(3, 30):
        sender.reading(minute, 1_000, series=MAINS)
    sender.reading(30, 0, series=MAINS)
    sender.reading(31, 0, series=MAINS)
    texts = desk.send(sender)

    again = [text for text in texts[3:] if "停电" in text or "MAINS LOST" in text]
    assert len(again) == 3
    assert not any("hold" in text or "保冷" in text for text in again)


@pytest.mark.parametrize("end", ["Answer 4831 for all.", "Answer 4831.", "回复4831全部确认"])
def test_a_device_s_code_is_what_stands_last(desk: Desk, end: str) -> None:
    """Not the four digits of a fridge's name, nor those within a longer number."""
    body = {
        "said": ["00ab"], "state": "sent", "to": {"person": "li"},
        "text": f"VACCINE ALARM. East Gate, Panasonic MPR-1411 no 48312: DOOR OPEN. {end}",
    }  # fmt: skip
    with write(desk.database) as conn:
        journal.append(
            conn, at=START, actor="hub", type="device.modem.sent", subject="east-gate/modem",
            body={"device": "pi-1", "at": START, "body": body},
        )  # fmt: skip
    with read(desk.database) as conn:
        found = {code: said_with(conn, "li", code, ["east-gate"]) for code in ("1411", "4831")}

    assert found == {"1411": set(), "4831": {("east-gate", "00ab")}}


def test_a_devices_own_sms_is_an_entry_and_stands_at_its_excursion(desk: Desk) -> None:
    """Once by its key, whatever else a device writes there."""
    from console.excursions import _own_sms

    sender = lost(None)
    desk.send(sender)
    with read(desk.database) as conn:
        (row,) = listing(conn)
    said = {
        "key": f"own-{row.id}-opened-li", "step": "opened", "excursions": [row.id],
        "to": {"person": "li", "phone": "+8613900000001"}, "text": "停电", "state": "sent",
        "reason": "", "tries": 1, "written_at": START,
    }  # fmt: skip
    for minute, body in enumerate(
        [said, said, {"excursions": [row.id]}, {"to": {}, "excursions": [[], row.id[:3]]}], 2
    ):
        sender.event(minute, "modem.sent", "modem", body)
    desk.send(sender)

    with read(desk.database) as conn:
        assert len(list(journal.entries(conn, types="device.modem.sent"))) == 4
        found = _own_sms(conn, [row])
    (item,) = found[row.id]
    assert (item.person, item.phone, item.state, item.text) == (
        "li", "+8613900000001", "sent", "停电",
    )  # fmt: skip
