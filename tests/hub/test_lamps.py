"""What a device says of its UV lamp on its way to people: told once, and over when the device says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from history.sqlite import SqliteHistory
from hub.intake import Incoming, Intake
from hub.lamps import LampWatch
from hub.notices import Outbox, told
from hub.said import Saying
from hub.wording import Wording
from journal import excursions
from journal.database import create_tables, open_database, read, write
from journal.excursions import LAMP, ExcursionRow
from tests.hub.test_notices import Recorder
from tests.support.county import hub_settings
from tests.support.sender import MINUTE, START, Sender

# START is 08:00 at the site.
NIGHT = 18 * 60


class Lamp:
    """A hub without threads, and a device with a lamp."""

    def __init__(self, folder: Path) -> None:
        self.settings = hub_settings(folder)
        self.database = open_database(folder / "hub.db")
        create_tables(self.database)
        self.history = SqliteHistory(folder / "history.db")
        self.channel = Recorder()
        self.intake = Intake(
            self.settings, self.database, self.history, lambda *_: pytest.fail("no rule here")
        )
        self.sender = Sender()
        self.sender.settings(0)
        self.restart()

    def restart(self) -> None:
        """Forget what is only in memory."""
        self.watch = LampWatch(self.settings)
        wording = Wording(self.settings, self.intake.newest)
        saying = Saying(self.settings, wording)
        self.outbox = Outbox(self.settings, self.database, self.channel, saying.say)

    def says(self, minute: float, what: str, late: float = 0, **body: Any) -> list[str]:
        """Let the device say something, and the hub do a round; return the new SMS to Amy."""
        self.sender.event(minute, f"lamp.{what}", "lamp-1", body)
        now = START + int((minute + late) * MINUTE)
        topic = "coldwatch/1/east-gate/pi-1/records"
        self.intake.take([Incoming(topic, self.sender.message(), now)], now)
        return self.round(minute + late)

    def round(self, minute: float) -> list[str]:
        """Do a round; return the new SMS to Amy."""
        before = len(self.channel.taken)
        now = START + int(minute * MINUTE)
        with write(self.database) as conn:
            self.watch.round(conn, now)
        self.watch.say()
        self.outbox.round(now)
        return [text for _, text in list(self.channel.taken.values())[before:] if text.isascii()]

    def rows(self) -> list[ExcursionRow]:
        """Return what was entered, newest first."""
        with read(self.database) as conn:
            return [row for row in excursions.listing(conn) if row.kind == LAMP]


@pytest.fixture
def lamp(tmp_path: Path) -> Iterator[Lamp]:
    """A hub without threads."""
    made = Lamp(tmp_path)
    yield made
    made.history.close()


def test_a_lamp_that_cannot_be_put_out_is_told_at_once_by_night(lamp: Lamp) -> None:
    """One SMS to each, naming the danger, however often the hub restarts and the device repeats."""
    (text,) = lamp.says(NIGHT, "fault", fault="relay-welded", phase="off")
    assert text.startswith("DANGER, UV LAMP: East Gate, lamp-1: CANNOT BE PUT OUT since 02:00")
    assert text.count("STAY OUT of the room, cut the power outside it.")
    for minute in (1, 5, 700):
        lamp.restart()
        assert lamp.round(NIGHT + minute) == []
    assert lamp.says(NIGHT + 701, "fault", fault="relay-welded", phase="off") == []
    (row,) = lamp.rows()
    assert (row.asset, row.quantity, row.end) == ("east-gate/lamp-1", "relay_welded", None)
    with read(lamp.database) as conn:
        # It is no excursion of the agent's engine: its own modem knows nothing of it.
        assert told(conn, "pi-1", START) == []


def test_it_ends_when_the_device_says_so_and_not_when_it_is_still_lit(lamp: Lamp) -> None:
    """A person who looks into it ends it; where the device finds it again in that very step, no."""
    lamp.says(NIGHT, "fault", fault="relay-welded", phase="off")
    assert lamp.says(NIGHT + 5, "reset", by="button", name="", still="relay-welded") == []
    assert lamp.rows()[0].end is None

    (text,) = lamp.says(NIGHT + 9, "reset", by="button", name="")
    assert text.startswith("UV LAMP IS OUT: East Gate, lamp-1")
    (row,) = lamp.rows()
    assert row.end == row.recovered_at == START + (NIGHT + 9) * MINUTE

    (again,) = lamp.says(NIGHT + 60, "fault", fault="relay-welded", phase="off")
    assert "CANNOT BE PUT OUT" in again
    assert len(lamp.rows()) == 2


def test_a_reset_that_comes_late_ends_nothing_that_began_after_it(lamp: Lamp) -> None:
    """What counts is when the device says that it was."""
    lamp.says(NIGHT, "fault", fault="relay-welded", phase="off")
    lamp.says(NIGHT - 30, "reset", late=40, by="button", name="")

    assert lamp.rows()[0].end is None


@pytest.mark.parametrize(
    ("begins", "says", "ends"),
    [
        (("fault", {"fault": "lamp-dark"}), "DOES NOT BURN", ("reset", {})),
        (("fault", {"fault": "lines-unwritable"}), "CANNOT BE SWITCHED", ("reset", {})),
        (("warning", {"warning": "hours"}), "PAST ITS HOURS", ("replaced", {})),
        (("warning", {"warning": "intensity"}), "TOO WEAK", ("cycle", {"low": False})),
        (("warning", {"warning": "wipe-due"}), "WEEKLY WIPE DUE", ("wiped", {})),
    ],
)
def test_everything_else_waits_for_the_morning_and_its_end_is_told_to_nobody(
    lamp: Lamp,
    begins: tuple[str, dict[str, Any]],
    says: str,
    ends: tuple[str, dict[str, Any]],
) -> None:
    """By night it harms nobody; whoever wiped the lamp or replaced its tube knows."""
    assert lamp.says(NIGHT, begins[0], **begins[1]) == []
    (text,) = lamp.round(24 * 60 + 1)
    assert says in text
    assert lamp.says(24 * 60 + 5, ends[0], **ends[1]) == []
    assert lamp.rows()[0].recovered_at is not None


def test_a_cycle_that_is_still_too_weak_ends_nothing(lamp: Lamp) -> None:
    """The tube stays the one to replace."""
    assert len(lamp.says(60, "warning", warning="intensity")) == 1
    lamp.says(120, "cycle", low=True)
    assert lamp.rows()[0].end is None


def test_what_is_seen_to_before_the_morning_is_told_to_nobody(lamp: Lamp) -> None:
    """A lamp that was wiped at five is no news at eight."""
    lamp.says(NIGHT, "warning", warning="wipe-due")
    lamp.says(NIGHT + 180, "wiped")

    assert lamp.round(24 * 60 + 1) == []
    assert lamp.rows() == []


@pytest.mark.parametrize("body", [{"fault": 7}, {"fault": "door-open"}, {}, {"warning": []}])
def test_a_device_may_write_what_it_likes(lamp: Lamp, body: dict[str, Any]) -> None:
    """Nothing that it says of a lamp stops the hub."""
    for what in ("fault", "warning", "reset", "cycle"):
        assert lamp.says(1, what, **body) == []


def test_the_projection_is_the_journal(lamp: Lamp) -> None:
    """Made again from the journal alone it is the same."""
    lamp.says(NIGHT, "fault", fault="relay-welded", phase="off")
    lamp.says(NIGHT + 9, "reset", by="button", name="")
    before = lamp.rows()
    with write(lamp.database) as conn:
        excursions.rebuild(conn)

    assert lamp.rows() == before
