"""Corrections: exact at the points, straight between them, constant beyond; raw never lost."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.calibration import Correction
from sensors.checks import Checker
from sensors.contract import Limits, Range, Sample, Spec
from sensors.rounding import half_even

SPEC = Spec("x", {"temperature": Range(-55_000, 125_000, 63)}, 0, True, "a test", (85_000,))


@st.composite
def certificates(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Points as the settings let them pass: readings rise, and so do the corrected values."""
    readings = sorted(draw(st.sets(st.integers(-50_000, 80_000), min_size=1, max_size=8)))
    corrections = [draw(st.integers(-5_000, 5_000))]
    for before, reading in itertools.pairwise(readings):
        lowest = max(-5_000, corrections[-1] - (reading - before) + 1)
        corrections.append(draw(st.integers(lowest, 5_000)))
    return list(zip(readings, corrections, strict=True))


values = st.integers(-55_000, 125_000)


@given(certificates(), values, values)
def test_what_rises_before_rises_after(points: list[tuple[int, int]], one: int, other: int) -> None:
    """Correction never turns the order of two readings round."""
    correction = Correction(points)
    low, high = sorted((one, other))

    assert correction.value(low) <= correction.value(high)


@given(certificates())
def test_it_is_exact_at_the_points(points: list[tuple[int, int]]) -> None:
    """Where the certificate says something, that and nothing else is used."""
    correction = Correction(points)

    assert [correction.at(reading) for reading, _ in points] == [each for _, each in points]


@given(st.sets(values, min_size=1, max_size=8), values)
def test_zero_corrections_change_nothing(readings: set[int], value: int) -> None:
    """A certificate that found nothing leaves the reading alone, and no raw beside it."""
    correction = Correction([(reading, 0) for reading in sorted(readings)])
    checker = Checker(SPEC, Limits(), "temperature", correction)

    assert correction.value(value) == value
    assert checker.check(Sample(value), 0).raw is None


@given(certificates(), values)
def test_raw_can_always_be_had(points: list[tuple[int, int]], value: int) -> None:
    """What the probe said is `raw`, or the value where there is none; rejected or not."""
    correction = Correction(points)
    said = Checker(SPEC, Limits(), "temperature", correction).check(Sample(value), 0)

    assert (said.value if said.raw is None else said.raw) == value
    if value != 85_000:
        assert said.value == correction.value(value)
        assert said.quality == "ok"
    else:
        assert (said.value, said.raw, said.quality) == (85_000, None, "rejected:power-on")


@given(certificates(), values)
def test_beyond_the_ends_it_stays(points: list[tuple[int, int]], beyond: int) -> None:
    """A certificate says nothing of what lies outside it; a line drawn on would grow and grow."""
    correction = Correction(points)
    (lowest, first), (highest, last) = points[0], points[-1]

    assert correction.at(min(beyond, lowest) - 1) == first
    assert correction.at(max(beyond, highest) + 1) == last


@given(certificates(), values)
def test_the_line_is_exact_to_half_a_thousandth(points: list[tuple[int, int]], value: int) -> None:
    """Beside the same line in fractions: rounded once, and a half to the even one."""
    correction = Correction(points)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= value <= x1:
            exact = Fraction(y0) + Fraction(y1 - y0, x1 - x0) * (value - x0)
            assert correction.at(value) == round(exact)


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_half_even_is_what_python_rounds_a_fraction_to(dividend: int, divisor: int) -> None:
    """Round of a Fraction is half to even, exactly."""
    assert half_even(dividend, divisor) == round(Fraction(dividend, divisor))


def test_the_sign_is_the_certificates() -> None:
    """修正值 = 标准值 - 示值: a probe that shows 5.12 at 5.00 is corrected by -0.12."""
    assert Correction([(5_120, -120)]).value(5_120) == 5_000


@pytest.mark.parametrize(
    ("said", "value", "raw", "quality"),
    [
        # The data sheet's range and the power-on value are about what the probe said.
        (85_000, 85_000, None, "rejected:power-on"),
        (84_700, 85_000, 84_700, "suspect:implausible"),
        (125_000, 125_300, 125_000, "suspect:implausible"),
        (125_001, 125_001, None, "rejected:out-of-range"),
        # What is plausible is about what there is.
        (59_700, 60_000, 59_700, "ok"),
        (59_701, 60_001, 59_701, "suspect:implausible"),
        (60_000, 60_300, 60_000, "suspect:implausible"),
    ],
)
def test_each_check_looks_at_the_figure_it_is_about(
    said: int, value: int, raw: int | None, quality: str
) -> None:
    """With a correction of +0.3 everywhere."""
    checker = Checker(
        SPEC, Limits(plausible=(-50_000, 60_000)), "temperature", Correction([(0, 300)])
    )

    assert checker.check(Sample(said), 0) == Sample(value, quality, raw)


def test_a_rejected_reading_stays_as_it_was() -> None:
    """What the driver rejected is not corrected, whatever the certificate says."""
    checker = Checker(SPEC, Limits(), "temperature", Correction([(0, 300)]))

    for said in (Sample(None, "rejected:crc"), Sample(0, "rejected:all-zero")):
        assert checker.check(said, 0) is said


def test_stuck_goes_by_what_the_probe_said() -> None:
    """Two readings that one correction rounds to one value are two readings."""
    correction = Correction([(5_000, 0), (5_002, -1)])
    checker = Checker(SPEC, Limits(stuck_after_ms=60_000), "temperature", correction)
    assert correction.value(5_000) == correction.value(5_001) - 1

    said = [checker.check(Sample(5_000 + minute % 2), minute * 60_000) for minute in range(5)]
    assert {sample.quality for sample in said} == {"ok"}

    said = [checker.check(Sample(5_000), minute * 60_000) for minute in range(5, 9)]
    assert said[-1].quality == "suspect:stuck"
