"""When a certificate is renewed, what is said of it, and that no step of it leaves none."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from config.clock import ScaledClock
from config.files import write_file
from firmware_agent.health import Health
from firmware_agent.renewal import (
    Enrolment,
    Renewal,
    due,
    problem,
    read_enrolment,
    write_enrolment,
)
from tests.firmware_agent.worlds import START_MS, HandClock

DAY_MS = 86_400_000
BEGIN, LIFE = START_MS, 365 * DAY_MS
GOOD = Enrolment("pi-1:1", "hub:8884", BEGIN + LIFE, BEGIN + LIFE * 2 // 3, confirmed=True)
BY_HAND = GOOD._replace(hub=None)


@pytest.mark.parametrize(
    ("enrolment", "day", "what"),
    [
        (GOOD, 0, None),
        (GOOD, 243, None),
        (GOOD, 244, "renew"),
        (GOOD, 364, "renew"),
        (GOOD, -20_000, None),  # a clock in 1970
        (GOOD._replace(confirmed=False), 0, "confirm"),
        (BY_HAND, 300, None),
    ],
)
def test_what_is_due(enrolment: Enrolment, day: int, what: str | None) -> None:
    """After two thirds of its life; by hand only by hand."""
    assert due(enrolment, BEGIN + day * DAY_MS) == what


@pytest.mark.parametrize(
    ("enrolment", "day", "failed", "words"),
    [
        (GOOD, 10, "", None),
        (GOOD, 300, "", None),
        (GOOD, 300, "hub:8884: Connection refused", "could not be renewed: hub:8884"),
        (GOOD, 366, "", "ended on .*; enrol this device again"),
        (BY_HAND, 10, "", None),
        (BY_HAND, 300, "", "made by hand"),
    ],
)
def test_what_people_must_know(
    enrolment: Enrolment, day: int, failed: str, words: str | None
) -> None:
    """In time for somebody to drive there, and not before it matters."""
    said = problem(enrolment, BEGIN + day * DAY_MS, failed)
    if words is None:
        assert said is None
    else:
        assert said is not None
        assert re.search(words, said)


def test_a_hub_that_does_not_answer_is_asked_again_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told on panel and status; the certificate stays in place."""
    write_enrolment(tmp_path, GOOD)
    clock, health, asked = HandClock(BEGIN + 300 * DAY_MS), Health(), []
    renewal = Renewal(
        tmp_path, clock, health, connected=lambda: True, reconnect=lambda: asked.append("again")
    )

    def child(what: str) -> str:
        asked.append(what)
        return "" if len(asked) > 2 else "hub:8884: Connection refused"

    monkeypatch.setattr(renewal, "_child", child)
    renewal.round()
    renewal.round()
    assert asked == ["renew"]
    assert any("could not be renewed: hub:8884" in text for text in health.problems())
    clock.pass_ms(2 * 3_600_000)
    renewal.round()
    clock.pass_ms(2 * 3_600_000)
    renewal.round()
    assert asked == ["renew", "renew", "renew", "again"]
    write_enrolment(tmp_path, GOOD._replace(not_after=BEGIN + 2 * LIFE, renew_after=BEGIN + LIFE))
    renewal.round()
    assert list(health.problems()) == []


def test_a_certificate_is_confirmed_once_it_has_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before that the old one must go on counting."""
    write_enrolment(tmp_path, GOOD._replace(confirmed=False))
    up, asked = threading.Event(), []
    renewal = Renewal(tmp_path, HandClock(BEGIN), Health(), connected=up.is_set, reconnect=up.set)
    monkeypatch.setattr(renewal, "_child", lambda what: asked.append(what) or "")
    renewal.round()
    assert asked == []
    up.set()
    renewal.round()
    assert asked == ["confirm"]


def test_what_is_half_written_counts_as_nothing(tmp_path: Path) -> None:
    """And a file is replaced whole: what a killed process left beside it does not matter."""
    assert read_enrolment(tmp_path) is None
    (tmp_path / "enrolment.json").write_text('{"name": "pi')
    assert read_enrolment(tmp_path) is None
    (tmp_path / ".enrolment.json.new").write_text("left by a killed process")
    write_enrolment(tmp_path, GOOD)
    assert read_enrolment(tmp_path) == GOOD
    write_file(tmp_path / "key", b"secret", 0o600)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_bug_of_ours_is_told_and_ends_no_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that died in silence would be a device that is locked out a year later."""
    health, looked = Health(), threading.Event()
    looks = iter([RuntimeError("a bug"), None])
    renewal = Renewal(
        tmp_path, ScaledClock(0, BEGIN, 1e6), health, connected=lambda: True, reconnect=looked.set
    )

    def look() -> None:
        wrong = next(looks, None)
        if wrong is not None:
            raise wrong
        assert any("a bug" in line for line in health.problems())
        looked.set()

    monkeypatch.setattr(renewal, "round", look)
    renewal.start()
    assert looked.wait(10)
    renewal.stop()
