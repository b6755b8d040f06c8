"""A calibration certificate on its way through the hub: kept in the journal, told once when overdue."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.codes import code_of
from alerts.rules import watches_from_record
from alerts.segments import fits_one
from history.sqlite import SqliteHistory
from hub.certificates import CertificateWatch
from hub.intake import Incoming, Intake
from hub.notices import Outbox, owe, told
from hub.said import Saying
from hub.wording import Wording
from journal import excursions, journal, watches
from journal.certificates import in_force
from journal.database import create_tables, open_database, read, write
from journal.excursions import CALIBRATION, ExcursionRow
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings
from tests.support.sender import FRIDGE, MINUTE, START, Sender

DAY = 24 * 60 * MINUTE


def certificate(number: str = "T-0417", due: str = "2025-11-25") -> dict[str, Any]:
    """As a settings record carries it; START is 2025-11-23, 08:00 at the site."""
    return {"certificate": number, "date": "2024-11-25", "due": due, "points": [[5_120, -120]]}


class County:
    """A hub without threads, with its watch and its real words."""

    def __init__(self, folder: Path) -> None:
        self.settings = hub_settings(folder)
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.channel = Recorder()
        self.sites = {site.id: site for site in self.settings.sites}
        self.intake = Intake(
            self.settings,
            self.database,
            self.history,
            lambda conn, decision, row, now: owe(
                conn, self.sites[row.site], decision.happening, row, now
            ),
        )
        self.sender = Sender()
        self.restart()

    def restart(self) -> None:
        """Forget what is only in memory."""
        self.watch = CertificateWatch(self.settings)
        wording = Wording(self.settings, self.intake.newest)
        self.outbox = Outbox(
            self.settings, self.database, self.channel, Saying(self.settings, wording).say
        )

    def set_up(self, days: float, calibration: dict[str, Any] | None, series: str = FRIDGE) -> None:
        """Take in settings with this certificate, and a reading."""
        minute = days * 24 * 60
        more = {} if calibration is None else {"calibration": calibration}
        self.sender.settings(minute, series=series, **more)
        self.sender.reading(minute, 5_000, raw=5_120)
        self.send(minute)

    def look(self, days: float) -> int:
        """Let watch and outbox do a round."""
        now = START + int(days * DAY)
        with write(self.database) as conn:
            steps = self.watch.round(conn, now)
        self.watch.say()
        self.outbox.round(now)
        return steps

    def texts(self, about: str = "") -> list[str]:
        """Return the SMS so far, or those that have this word in them."""
        return [text for _, text in self.channel.taken.values() if about in text]

    def overdue(self) -> int:
        """Return how many SMS were about calibration."""
        return len(self.texts("CALIBRATION")) + len(self.texts("校准"))

    def send(self, minute: float) -> None:
        """Take in what the device has recorded until now."""
        now = START + int(minute * MINUTE)
        topic = "coldwatch/1/east-gate/pi-1/records"
        self.intake.take([Incoming(topic, self.sender.message(), now)], now)

    def rows(self) -> list[ExcursionRow]:
        """Return what was entered, newest first."""
        with read(self.database) as conn:
            return [row for row in excursions.listing(conn) if row.kind == CALIBRATION]


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    """A hub without threads."""
    made = County(tmp_path)
    yield made
    made.history.close()


def test_it_is_told_once_and_not_before_the_morning_after(
    county: County, caplog: pytest.LogCaptureFixture
) -> None:
    """The due day is good to its end; nobody is woken; one SMS to each, however long it lasts."""
    county.set_up(0, certificate())
    with caplog.at_level(logging.WARNING, "hub.certificates"):
        for days in (0, 1, 2, 2.6, 2.67, 2.9, 2.99):  # 2.67: midnight behind the 25th at the site
            assert county.look(days) == 0
        assert county.texts() == []
        assert county.look(3) == 1
        for days in (3.01, 3.5, 4, 30):
            county.restart()
            assert county.look(days) == 0

    (row,) = county.rows()
    chinese = (
        "【疫苗冷链】东门接种点 1号冰箱 探头校准已过期：证书T-0417有效期至2025-11-25。监测照常，请尽快送检。"
        f"回复{code_of(row.id)}确认"
    )
    english = (
        "CALIBRATION OVERDUE: East Gate, Fridge 1, certificate T-0417 was due 2025-11-25."
        f" It goes on measuring. Have the probe calibrated. Answer {code_of(row.id)}."
    )
    assert county.texts() == [chinese, chinese, english]
    assert all(fits_one(text) for text in county.texts())
    assert (row.asset, row.point, row.end) == ("east-gate/fridge-1", "center", None)
    assert row.start == START + int(2 * DAY + 16 * 60 * MINUTE)
    assert row.snapshot["certificate"] == "T-0417"
    assert caplog.messages == [
        (
            f"calibration of {FRIDGE} at east-gate: certificate T-0417 was due on 2025-11-25; "
            "have the probe calibrated"
        )
    ]


def test_a_new_certificate_ends_it_and_nobody_is_told_of_that(county: County) -> None:
    """It closes with the settings that bring the new one; an old settings file that comes back tells."""
    county.set_up(0, certificate())
    county.look(3)
    county.set_up(4, certificate("T-0999", "2026-11-24"))

    assert county.look(4) == 1
    assert county.overdue() == 3
    (row,) = county.rows()
    assert row.end is not None
    assert row.recovered_at == row.end

    county.set_up(5, certificate())
    county.look(5)
    assert len(county.rows()) == 2
    assert county.overdue() == 6


def test_a_probe_without_a_certificate_is_not_overdue(county: County) -> None:
    """Where it is taken out of the settings, it is over."""
    county.set_up(0, certificate())
    county.look(3)
    county.set_up(4, None)
    county.look(4)

    assert [row.end is not None for row in county.rows()] == [True]
    assert county.overdue() == 3


def test_two_probes_of_one_fridge_are_one_message(county: County) -> None:
    """With both certificates in it."""
    body = county.sender.settings(0, calibration=certificate())
    body["series"]["fridge-1/upper/temperature"] = body["series"][FRIDGE] | {
        "decides": False, "calibration": certificate("T-0418"),
    }  # fmt: skip
    county.sender = Sender()
    county.sender.add(body)
    county.send(1)

    assert county.look(3) == 2
    assert county.overdue() == 3
    assert "T-0417, T-0418" in county.texts("CALIBRATION")[0]


def test_a_silent_probe_and_its_overdue_certificate_are_two_stories(county: County) -> None:
    """Neither message swallows the other, and the recovery is told while the certificate is overdue."""
    three_days = 3 * 24 * 60
    county.set_up(0, certificate())
    county.sender.reading(three_days - 20, 5_000)
    county.sender.event(three_days, "panel.mute", "panel", {})
    county.send(three_days)
    county.look(3)
    assert len(county.texts("NO READINGS")) == 1
    assert county.overdue() == 0
    # What comes together is two messages: the alarm at once, the certificate half a minute later.
    county.look(3 + 30 / 86_400)
    assert county.overdue() == 3

    for minute in range(1, 15):
        county.sender.reading(three_days + minute, 5_000)
    county.send(three_days + 15)
    county.look(3.1)

    assert len(county.texts("READINGS BACK")) == 1
    assert county.overdue() == 3
    assert county.rows()[0].end is None


def test_the_journal_alone_gives_both_projections_again(county: County) -> None:
    """Which certificate was in force, and what was told."""
    county.set_up(0, certificate())
    county.look(3)
    county.set_up(4, certificate("T-0999", "2026-11-24"))
    county.look(4)
    with read(county.database) as conn:
        before = in_force(conn)
        recorded = list(journal.entries(conn, types="settings.recorded"))
    rows = county.rows()
    with write(county.database) as conn:
        watches.rebuild(conn)
        excursions.rebuild(conn)
    with read(county.database) as conn:
        assert in_force(conn) == before
    assert county.rows() == rows

    assert [entry.body["series"][FRIDGE]["calibration"]["certificate"] for entry in recorded] == [
        "T-0417", "T-0999",
    ]  # fmt: skip
    assert before["east-gate", FRIDGE].certificate.number == "T-0999"


def test_of_two_devices_that_claim_a_series_the_newest_is_believed(tmp_path: Path) -> None:
    """A Pi that was replaced: the old one's settings are no longer anybody's."""
    county = County(tmp_path)
    site = county.settings.sites[0].model_copy(update={"devices": ["pi-1", "pi-2"]})
    county.watch = CertificateWatch(county.settings.model_copy(update={"sites": [site]}))
    made = {
        device: watches_from_record({"series": {FRIDGE: _watch(calibration)}})
        for device, calibration in (
            ("pi-1", certificate()), ("pi-2", certificate("T-0999", "2026-11-24")),
        )
    }  # fmt: skip
    with write(county.database) as conn:
        for order, (device, found) in enumerate(made.items()):
            watches.save(
                conn, "east-gate", found, device=device, at=START + order, stream="a" * 32,
                learned_at=START,
            )  # fmt: skip
        assert county.watch.round(conn, START + 30 * DAY) == 0
        assert in_force(conn)["east-gate", FRIDGE].certificate.number == "T-0999"
    county.history.close()


def _watch(calibration: dict[str, Any]) -> dict[str, Any]:
    return Sender().settings(calibration=calibration)["series"][FRIDGE]  # type: ignore[no-any-return]


def test_a_new_certificate_does_not_cut_an_excursion(county: County) -> None:
    """It opens when ten minutes are full, five under the old certificate and five under the new."""
    county.sender.settings(0, calibration=certificate())
    for minute in range(6):
        county.sender.reading(minute, 9_000, raw=9_120)
    county.sender.settings(5.5, calibration=certificate("T-0999", "2026-11-24"))
    for minute in range(6, 13):
        county.sender.reading(minute, 9_000, raw=9_120)
    county.send(13)

    with read(county.database) as conn:
        (row,) = [each for each in excursions.listing(conn) if each.kind == "consecutive"]
    assert (row.start, row.opened) == (START, START + 10 * MINUTE)


def test_told_does_not_list_it(county: County) -> None:
    """`told` is about what the agent's own modem would send for, and it knows no such thing."""
    county.set_up(0, certificate())
    county.look(3)

    with read(county.database) as conn:
        assert told(conn, "pi-1", START + 3 * DAY) == []
