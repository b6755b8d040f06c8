"""The agent and its probes' certificates: applied, recorded, and told when they are overdue."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from alerts.rules import watches_from_record
from config.loading import SettingsError
from firmware_agent.certificates import Certificates
from firmware_agent.health import Health
from firmware_agent.settings import read_plan
from protocol.certificate import Certificate, certificate_from_body
from protocol.messages import record_adapter

DAY = 86_400_000
# Noon in Greenwich on the due day, so that every zone but the farthest has that day.
DUE_NOON = 1_803_902_400_000
CERTIFICATE = certificate_from_body(
    {"certificate": "T-0417", "date": "2026-03-02", "due": "2027-03-01", "points": [[5_120, -120]]}
)
SETTINGS = """
site = "east-gate"
device = "pi-1"
state_dir = "{folder}"
[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
driver = {{ kind = "simulated" }}
[assets.points.calibration]
certificate = "T-0417"
date = 2026-03-02
due = 2027-03-01
points = [{{ reference = 5.0, reading = 5.12 }}, {{ reference = 8.0, correction = -0.2 }}]
"""


def told(health: Health, days: float, *, synced: bool = True) -> tuple[str, ...]:
    """Look once, this many days from the due day on, as after a start."""
    watch = Certificates({"fridge-1/center/temperature": CERTIFICATE}, health)
    watch.look(DUE_NOON + int(days * DAY), synced=synced)
    return health.problems()


def test_an_overdue_certificate_is_a_problem() -> None:
    """Not on its due day; from the next one on, with number, day and what to do."""
    assert told(Health(), 0) == ()
    (problem,) = told(Health(), 2)

    assert problem.startswith(
        "calibration fridge-1/center: certificate T-0417 was due on 2027-03-01"
    )
    assert "calibrated" in problem


def test_without_the_right_time_nothing_is_said() -> None:
    """A Pi that woke up next year has no certificate that is overdue."""
    assert told(Health(), 400, synced=False) == ()


def test_a_new_day_is_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    """A note before, a problem after, one line a day, and the time that comes is heeded at once."""
    health = Health()
    watch = Certificates({"fridge-1/center/temperature": CERTIFICATE}, health)
    with caplog.at_level(logging.INFO, "firmware_agent.certificates"):
        watch.look(DUE_NOON + 3 * DAY, synced=False)
        watch.look(DUE_NOON - 40 * DAY, synced=True)
        assert caplog.messages == []
        for hour in range(12):
            watch.look(DUE_NOON - 10 * DAY + hour * 60_000, synced=True)
        assert health.problems() == ()
        watch.look(DUE_NOON + 2 * DAY, synced=True)

    assert [line.partition(" ")[0] for line in caplog.messages] == [
        "calibration=soon", "calibration=overdue",
    ]  # fmt: skip
    assert "left_d=10" in caplog.messages[0]
    assert len(health.problems()) == 1


def test_the_certificate_is_part_of_the_record(tmp_path: Path) -> None:
    """It is in the settings record, and another certificate is another version."""
    file = tmp_path / "agent.toml"
    file.write_text(SETTINGS.format(folder=tmp_path))
    plan = read_plan(file)
    series = "fridge-1/center/temperature"

    assert plan.series[series]["calibration"] == {
        "certificate": "T-0417",
        "date": "2026-03-02",
        "due": "2027-03-01",
        "points": [[5_120, -120], [8_200, -200]],
    }
    body = {
        "kind": "settings", "seq": 1, "at": 1, "boot": "b", "mono_ms": 1, "clock": "synced",
        "version": plan.version, "series": plan.series,
    }  # fmt: skip
    assert record_adapter.validate_python(body) == body
    watch = watches_from_record(body)[series]
    assert watch.certificate == Certificate(
        "T-0417", CERTIFICATE.date, CERTIFICATE.due, ((5_120, -120), (8_200, -200))
    )
    assert watch.body() == plan.series[series]

    file.write_text(file.read_text().replace("T-0417", "T-0999"))
    assert read_plan(file).version != plan.version


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("correction = -0.2", "correction = -20", "replace the probe"),
        ("reading = 5.12", "readign = 5.12", "needs two figures"),
        ("due = 2027-03-01", "due = 2026-03-01", "not after"),
    ],
)
def test_a_slip_is_one_line_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With the line of the file."""
    file = tmp_path / "agent.toml"
    file.write_text(SETTINGS.format(folder=tmp_path).replace(old, new))
    with pytest.raises(SettingsError) as raised:
        read_plan(file)

    assert said in str(raised.value)
    assert "agent.toml" in str(raised.value)


def test_a_day_in_no_calendar_is_refused_on_the_wire() -> None:
    """The hub need not ask itself whether a due day is one."""
    body = {
        "kind": "settings", "seq": 1, "at": 1, "boot": "b", "mono_ms": 1, "clock": "synced",
        "version": "0" * 16,
        "series": {"fridge-1/center/temperature": {
            "interval_ms": 1, "max_gap_ms": 1, "decides": True, "rules": [],
            "calibration": CERTIFICATE.body() | {"due": "2027-02-31"},
        }},
    }  # fmt: skip
    with pytest.raises(ValueError, match="day"):
        record_adapter.validate_python(body)
