"""Disagreement, rate and stuck on their way through the hub: journal, people, pages; never a hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from alerts.facts import MessageFacts
from alerts.messages import compose
from alerts.rules import Side
from alerts.segments import fits_one
from console.models import Excursion
from console.words import WORDS, what
from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake
from hub.notices import Outbox, owe
from hub.said import Saying
from hub.wording import Wording
from journal import excursions, journal, watches
from journal.database import create_tables, open_database, read, write
from journal.excursions import ExcursionRow
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings
from tests.support.sender import FRIDGE, MINUTE, START, Sender

UPPER = "fridge-1/upper/temperature"
RULES: list[dict[str, Any]] = [
    {"id": "equipment/stuck", "kind": "stuck", "for_ms": 30 * MINUTE},
    {"id": "early/warming", "kind": "rate", "for_ms": 10 * MINUTE, "above": 100},
    {"id": "equipment/apart/upper", "kind": "disagreement", "for_ms": 20 * MINUTE, "apart": 2_000,
     "other": UPPER, "reason": "one lies in the door"},
    {"id": "later/kind", "kind": "of-a-later-version", "for_ms": 1},
]  # fmt: skip


class County:
    """A hub without threads, whose device has two points in one fridge."""

    def __init__(self, folder: Path) -> None:
        self.settings = hub_settings(folder)
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.channel = Recorder()
        sites = {site.id: site for site in self.settings.sites}
        self.intake = Intake(
            self.settings,
            self.database,
            self.history,
            lambda conn, decision, row, now: owe(
                conn, sites[row.site], decision.happening, row, now
            ),
        )
        self.outbox = Outbox(
            self.settings,
            self.database,
            self.channel,
            Saying(self.settings, Wording(self.settings, self.intake.newest)).say,
        )
        self.sender = Sender()
        rules = [rule | {"holds": False, "tells": True} for rule in RULES]
        body = self.sender.settings(0, rules=rules)
        body["series"][UPPER] = body["series"][FRIDGE] | {"rules": []}
        # Hash and chain are of what is sent.
        self.sender = Sender()
        self.sender.add({key: value for key, value in body.items() if key != "seq"})

    def run(self, minutes: int, center: Any, upper: Any) -> None:
        """Feed both points a minute at a time, in two messages, and do a round."""
        for minute in range(minutes):
            self.sender.reading(minute, center(minute))
            self.sender.reading(minute, upper(minute), series=UPPER)
        now = START + minutes * MINUTE
        topic = "coldwatch/1/east-gate/pi-1/records"
        half = len(self.sender.bodies) // 2
        for first, last in ((1, half), (half + 1, None)):
            message = self.sender.message(first, last)
            self.intake.take([Incoming(topic, message, now)], now)
        self.outbox.round(now)

    def rows(self) -> list[ExcursionRow]:
        """Return what was entered, newest first."""
        with read(self.database) as conn:
            return excursions.listing(conn)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    """A hub without threads."""
    made = County(tmp_path)
    yield made
    made.history.close()


def test_each_is_entered_told_and_holds_nothing(county: County) -> None:
    """One stands still, then warms, and lies far from the other: three kinds, three sides."""
    county.run(90, lambda m: 5_000 if m < 45 else 5_000 + 200 * (m - 45), lambda _: 8_000)

    rows = {row.kind: row for row in county.rows()}
    assert {kind: row.side for kind, row in rows.items()} == {
        "stuck": "stuck", "rate": "above", "disagreement": "apart",
    }  # fmt: skip
    assert rows["disagreement"].limit == 2_000
    assert rows["disagreement"].snapshot["reason"] == "one lies in the door"
    assert not any(row.holds for row in rows.values())
    for minute in (91, 92):
        county.outbox.round(START + minute * MINUTE)
    texts = [text for _, text in county.channel.taken.values()]
    english = " ".join(text for text in texts if text.isascii())
    for wrong in ("READING STUCK", "WARMING FAST", "PROBES DISAGREE"):
        assert wrong in english
    assert all(fits_one(text) for text in texts)
    with write(county.database) as conn:
        assert not list(journal.entries(conn, types="ledger."))
        before = county.rows()
        excursions.rebuild(conn)
    assert county.rows() == before


def test_why_a_rule_is_looser_stands_in_the_journal(county: County) -> None:
    """Beside the rule; a rule of a kind that this version does not judge is not said to be in force."""
    county.run(2, lambda _: 5_000, lambda _: 5_000)
    with read(county.database) as conn:
        (entry,) = journal.entries(conn, types=watches.RECORDED)

    rules = {rule["id"]: rule for rule in entry.body["series"][FRIDGE]["rules"]}
    assert rules["equipment/apart/upper"]["reason"] == "one lies in the door"
    assert "later/kind" not in rules


def test_pages_have_a_word_for_each(county: County) -> None:
    """No kind and no side is left without what people call it."""
    base = dict.fromkeys(Excursion.model_fields)
    for kind, side, word in (
        ("stuck", "stuck", "stuck"),
        ("disagreement", "apart", "apart"),
        ("rate", "above", "warming"),
        ("rate", "below", "cooling"),
        ("lamp", "silent", "lamp"),
    ):
        values = base | {"kind": kind, "side": side, "quantity": "temperature"}
        assert what(Excursion.model_construct(**values)) == word
        assert word in WORDS["excursion"]
        assert kind in WORDS["rule"]


@pytest.mark.parametrize("side", get_args(Side))
@pytest.mark.parametrize("quantity", ["temperature", "charge", "disk_free", "clock_synced", "x"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_message_of_any_side_fails(side: Any, quantity: str, language: Any) -> None:
    """Whatever a rule is on, something is said, in one SMS."""
    for happening in ("opened", "recovered"):
        for value in (None, 5_000):
            facts = MessageFacts(
                happening=happening, language=language, zone="Asia/Shanghai", site="东门", asset="1号",
                at=START, since=START - MINUTE, lasting_ms=MINUTE, quantity=quantity, side=side,
                value=value, limit=value, extreme=value, end=START,
            )  # fmt: skip
            assert fits_one(compose(facts))
