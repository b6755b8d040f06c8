"""A lamp's book: hours, records and warnings, also across crashes and power cuts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firmware_agent.chain import Draft
from firmware_agent.lamp.book import Book
from firmware_agent.lamp.facts import Happening
from firmware_agent.lamp.kept import Kept, load, save
from firmware_agent.parts import Cycle
from tests.firmware_agent.lamp.scenes import lamp_table

NOON = 1_764_043_200_000  # 2025-11-25T12:00 in Shanghai
DAY = 86_400_000


def cycle(minutes: float = 0, *, synced: bool = True) -> Cycle:
    """Return an agent's cycle, some minutes after noon."""
    ms = int(minutes * 60_000)
    return Cycle(NOON + ms, 1_000_000 + ms, synced, ())


def book(folder: Path, **changes: Any) -> Book:
    """Open the book of a lamp."""
    return Book(lamp_table(**changes), "Asia/Shanghai", folder, NOON)


def at(minutes: float) -> int:
    """Return monotonic milliseconds, some minutes after noon."""
    return 1_000_000 + int(minutes * 60_000)


def begun(minutes: float = 0, by: str = "button", name: str = "") -> Happening:
    """Return that the lamp went on."""
    return Happening("begun", at(minutes), {"by": by, "name": name, "planned_minutes": 30})


def ended(minutes: float, lasted: float = 30, cut: str = "", **facts: Any) -> Happening:
    """Return that a cycle ended."""
    body = {"by": "button", "name": "", "planned_minutes": 30, "lasted_ms": int(lasted * 60_000)}
    return Happening("cycle", at(minutes), body | {"cut": cut} | facts)


def events(drafts: list[Draft], event: str = "lamp.cycle") -> list[Mapping[str, Any]]:
    """Return the bodies of these events."""
    return [draft.fields["body"] for draft in drafts if draft.fields["event"] == event]


def test_a_cycle_becomes_a_record_with_its_hours(tmp_path: Path) -> None:
    """Start, end, minutes, who asked, what the hours are now; integers only, for they are hashed."""
    kept = book(tmp_path)
    kept.take(begun(0), cycle(0))
    kept.take(ended(30), cycle(30.1))
    (draft,) = kept.drafts(cycle(30.1))
    assert (draft.kind, draft.mono_ms) == ("event", cycle(30.1).mono_ms)
    assert draft.fields["subject"] == "lamp-1"
    body = dict(draft.fields["body"])
    assert body.pop("cycle").endswith("-1000000")
    assert body == {
        "start": NOON, "end": NOON + 30 * 60_000, "minutes": 30, "lasted_ms": 1_800_000,
        "planned_minutes": 30, "by": "button", "name": "", "cut": "", "hours_after": 500,
        "low": False,
    }  # fmt: skip


def test_what_was_not_committed_is_said_again_after_a_crash(tmp_path: Path) -> None:
    """Until the cycle that carried it was committed; then never again."""
    first = book(tmp_path)
    first.take(begun(0), cycle(0))
    first.take(ended(30), cycle(30))
    first.drafts(cycle(30))
    first.save(at(30))
    second = book(tmp_path)
    (again,) = events(second.drafts(cycle(40)))
    assert again["hours_after"] == 500
    second.committed()
    second.save(at(41))
    assert book(tmp_path).drafts(cycle(50)) == []


@pytest.mark.parametrize(("same_boot", "cut"), [(True, "agent-died"), (False, "power-cut")])
def test_a_cycle_under_way_is_recorded_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same_boot: bool, cut: str
) -> None:
    """As far as it is known: the hours are written each minute."""
    first = book(tmp_path)
    first.take(begun(0, "page", "li"), cycle(0))
    first.save(at(0))
    for minute in (0.5, 1, 1.5, 2, 2.9):
        first.lasted(int(minute * 60_000))
        first.save(at(minute))
    if not same_boot:
        monkeypatch.setattr("firmware_agent.lamp.book.boot_id", lambda: "f" * 32)
    second = book(tmp_path)
    (body,) = events(second.drafts(cycle(60)))
    assert (body["cut"], body["by"], body["name"]) == (cut, "page", "li")
    assert (body["start"], body["end"]) == (NOON, NOON + 120_000)
    assert second.kept.total_ms == 120_000
    second.save(at(60))
    assert book(tmp_path).kept.total_ms == 120_000


def test_a_new_tube_begins_at_nothing(tmp_path: Path) -> None:
    """The hours of the old one stand in the record."""
    kept = book(tmp_path)
    kept.kept.total_ms = 1_100 * 3_600_000
    kept.take(Happening("replaced", at(0), {"by": "page", "name": "li"}), cycle(0))
    assert events(kept.drafts(cycle(1)), "lamp.replaced") == [
        {"by": "page", "name": "li", "hours_before": 1_100_000}
    ]
    assert kept.kept.total_ms == 0


class TestWarnings:
    """Each is on the panel while it holds, and recorded when it begins."""

    def test_wipe(self, tmp_path: Path) -> None:
        """Weekly; a clock that is not right warns of nothing."""
        kept = book(tmp_path)
        kept.scheduled(cycle(0))
        week = 7 * 24 * 60
        assert kept.warnings(cycle(week - 1)) == []
        assert kept.warnings(cycle(week, synced=False)) == []
        assert kept.warnings(cycle(week)) == ["the weekly wipe with alcohol is due"]
        kept.warnings(cycle(week + 1))
        assert [body["warning"] for body in events(kept.drafts(cycle(week)), "lamp.warning")] == [
            "wipe-due"
        ]
        kept.take(Happening("wiped", at(week + 2), {"by": "button", "name": ""}), cycle(week + 2))
        assert kept.warnings(cycle(week + 3)) == []

    def test_hours(self, tmp_path: Path) -> None:
        """Past the rating it is a reminder and no refusal."""
        kept = book(tmp_path, rated_hours=1)
        kept.take(begun(0), cycle(0))
        kept.take(ended(60, 60), cycle(60))
        assert kept.warnings(cycle(61)) == ["the tube has burned 1 h, rated are 1"]

    def test_intensity(self, tmp_path: Path) -> None:
        """Under 70 uW/cm2 the tube is to be replaced; 70 is enough."""
        kept = book(tmp_path, intensity={"series": "lamp-1/lamp/uv"})
        for least, count in ((70_000, 0), (69_999, 1), (70_000, 0)):
            kept.take(begun(0), cycle(0))
            kept.take(ended(30, intensity_min=least, intensity_mean=80_000), cycle(30))
            assert len(kept.warnings(cycle(31))) == count
        lows = [body["low"] for body in events(kept.drafts(cycle(32)))]
        assert lows == [False, True, False]

    def test_cut_short(self, tmp_path: Path) -> None:
        """Until a whole cycle has passed."""
        kept = book(tmp_path)
        kept.take(begun(0), cycle(0))
        kept.take(ended(3, 3, "door-open"), cycle(3))
        assert kept.warnings(cycle(4)) == ["the last cycle was cut short: door-open"]
        kept.take(begun(5), cycle(5))
        kept.take(ended(35), cycle(35))
        assert kept.warnings(cycle(36)) == []


class TestTimetable:
    """The timetable as the book keeps it."""

    def test_nothing_starts_without_a_right_clock(self, tmp_path: Path) -> None:
        """Not even at its time."""
        kept = book(tmp_path, schedule={"times": ["12:00"]})
        assert kept.scheduled(cycle(1, synced=False)) is None
        request = kept.scheduled(cycle(1))
        assert request is not None
        assert (request.by, request.name, request.minutes) == ("schedule", "2025-11-25T12:00", 30)
        assert request.until_ms == at(15)

    def test_it_is_asked_once_and_is_done_across_a_restart(self, tmp_path: Path) -> None:
        """When the lamp went on, a restart within the quarter of an hour asks no second time."""
        kept = book(tmp_path, schedule={"times": ["12:00"]})
        assert kept.scheduled(cycle(1)) is not None
        assert kept.scheduled(cycle(2)) is None
        kept.take(begun(2, "schedule", "2025-11-25T12:00"), cycle(2))
        kept.save(at(2))
        again = book(tmp_path, schedule={"times": ["12:00"]})
        assert again.scheduled(cycle(3)) is None
        assert events(again.drafts(cycle(60)), "lamp.refused") == []

    def test_a_restart_before_it_began_asks_again(self, tmp_path: Path) -> None:
        """It was not done."""
        kept = book(tmp_path, schedule={"times": ["12:00"]})
        assert kept.scheduled(cycle(1)) is not None
        kept.save(at(1))
        assert book(tmp_path, schedule={"times": ["12:00"]}).scheduled(cycle(3)) is not None

    def test_a_missed_one_is_recorded(self, tmp_path: Path) -> None:
        """Once."""
        kept = book(tmp_path, schedule={"times": ["12:30"]})
        kept.scheduled(cycle(0))
        for minute in (60, 61):
            assert kept.scheduled(cycle(minute)) is None
        assert events(kept.drafts(cycle(61)), "lamp.refused") == [
            {"by": "schedule", "name": "2025-11-25T12:30", "why": "missed"}
        ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"total_ms": -1}', '{"total_ms": "5"}', '{"other": 1}', "\x00" * 90]
)
def test_a_damaged_file_is_put_aside_and_told(tmp_path: Path, text: str) -> None:
    """The hours begin anew, and nobody takes them for the whole."""
    path = tmp_path / "lamp-1.json"
    path.write_text(text)
    kept, problem = load(path, 77)
    assert kept == Kept()
    assert problem is not None
    assert "counted from 0" in problem
    assert (tmp_path / "lamp-1.json.corrupt-77").read_text() == text


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    """Every field."""
    kept = Kept(
        5, 1, 2, 3, 4, "t", 6, ["a"], ["w"], "door-open", 7, {"boot": "b"}, [{"event": "e"}]
    )
    save(tmp_path / "x" / "lamp.json", kept)
    assert load(tmp_path / "x" / "lamp.json", 0) == (kept, None)
    assert json.loads((tmp_path / "x" / "lamp.json").read_text())["total_ms"] == 5


def test_a_card_that_takes_nothing_is_told_and_tried_again(tmp_path: Path) -> None:
    """The records still go out: they are in memory."""
    (tmp_path / "full").write_text("a file where the folder should be")
    kept = book(tmp_path / "full")
    kept.take(begun(0), cycle(0))
    kept.take(ended(30), cycle(30))
    kept.save(at(30))
    assert kept.unwritten is not None
    assert len(kept.drafts(cycle(31))) == 1
    (tmp_path / "full").unlink()
    kept.save(at(32))
    assert kept.unwritten is None
