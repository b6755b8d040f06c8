"""The certificate in a settings file: two of three figures, the sign, and slips of the finger."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from config.calibration import CalibrationSettings, too_much
from protocol.certificate import certificate_from_body


def settings(*points: dict[str, Any], **changes: Any) -> CalibrationSettings:
    """A certificate with these points."""
    table = {
        "certificate": "T-0417",
        "date": dt.date(2026, 3, 2),
        "due": dt.date(2027, 3, 1),
        "points": list(points),
    }
    return CalibrationSettings.model_validate(table | changes)


def refused(*points: dict[str, Any], **changes: Any) -> str:
    """What is said about these points."""
    with pytest.raises(ValidationError) as raised:
        settings(*points, **changes)
    return raised.value.errors()[0]["msg"]


def test_two_of_three_figures_are_enough() -> None:
    """Reference, reading and correction in any pair mean the same."""
    same = [
        {"reference": 5.0, "reading": 5.12},
        {"reference": 5.0, "correction": -0.12},
        {"reading": 5.12, "correction": -0.12},
        {"reference": 5.0, "reading": 5.12, "correction": -0.12},
        # Zero is a figure.
    ]

    assert {tuple(settings(point).pairs) for point in same} == {((5_120, -120),)}
    assert settings({"reading": 0.0, "correction": 0.0}).pairs == [(0, 0)]


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([{"reference": 5.0}], "needs two figures"),
        ([{"reference": 5.0, "reading": 5.12, "correction": 0.12}], "look at the sign"),
        ([{"reading": 5.12, "error": 0.12}], "other sign"),
        ([{"reading": 5.12, "deviation": 0.12}], "other sign"),
        ([{"reading": 5.0, "correction": 0.0}, {"reading": 5.0, "correction": 0.1}], "two points"),
        ([{"reading": 5.0, "correction": 0.2}, {"reading": 5.1, "correction": 0.1}], "not rise"),
        ([{"reading": 5.0001, "correction": 0.2}], "finer than a thousandth"),
    ],
)
def test_slips_are_refused_in_one_line(points: list[dict[str, Any]], said: str) -> None:
    """Each with what to do."""
    text = refused(*points)

    assert said in text
    assert "\n" not in text


def test_a_due_day_before_the_calibration_is_refused() -> None:
    """Day and month, or the years, the wrong way round."""
    text = refused({"reading": 5.0, "correction": 0.0}, due=dt.date(2026, 3, 2))

    assert "not after" in text


def test_a_correction_of_degrees_is_a_slip() -> None:
    """GSP allows 0.5 degC: a probe that is 12 degC off is not corrected but replaced."""
    slip = too_much(settings({"reading": 5.0, "correction": -1.2}), "temperature")
    assert slip is None

    slip = too_much(settings({"reading": 5.0, "correction": -12}), "temperature")
    assert slip is not None
    assert "-12.0 at 5.0" in slip
    assert too_much(settings({"reading": 50, "correction": -12}), "intensity") is None


def test_it_travels_and_comes_back() -> None:
    """As a settings record carries it."""
    certificate = settings(
        {"reading": 8.1, "correction": -0.1}, {"reading": 2.0, "correction": 0.05}
    ).certificate_in_force()

    assert certificate.points == ((2_000, 50), (8_100, -100))
    assert certificate_from_body(certificate.body()) == certificate


def test_how_long_it_stands() -> None:
    """The due day is the last good one; thirty days before it is soon."""
    certificate = settings({"reading": 0, "correction": 0}).certificate_in_force()
    due = dt.date(2027, 3, 1)

    def standing(days: int) -> str:
        return certificate.standing(due + dt.timedelta(days=days))

    assert [standing(days) for days in (-31, -30, 0, 1)] == ["valid", "soon", "soon", "overdue"]
