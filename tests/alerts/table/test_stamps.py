from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.table.refusals import RowError
from alerts.table.stamps import Stamps

SHANGHAI = ZoneInfo("Asia/Shanghai")
PARIS = ZoneInfo("Europe/Paris")


def ms(text: str) -> int:
    """Return UTC milliseconds of an ISO stamp with offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2020-05-05T09:21:56+0200", "2020-05-05T07:21:56+00:00"),
        ("2020-05-05T09:21:56+02:00", "2020-05-05T07:21:56+00:00"),
        ("2020-05-05T09:21:56+02", "2020-05-05T07:21:56+00:00"),
        ("2020-05-05T07:21:56Z", "2020-05-05T07:21:56+00:00"),
        ("2020-05-05 07:21:56", "2020-05-05T07:21:56+00:00"),
        ("2020-05-05T07:21", "2020-05-05T07:21:00+00:00"),
        ("2020-05-05", "2020-05-05T00:00:00+00:00"),
        ("2020-05-05T07:21:56.5-03:30", "2020-05-05T10:51:56.500+00:00"),
        ("2020-05-05T07:21:56,123456", "2020-05-05T07:21:56.123+00:00"),
        ("2020-05-05T24:00", "2020-05-06T00:00:00+00:00"),
        ("20200505T072156Z", "2020-05-05T07:21:56+00:00"),
        ("20200505072156", "2020-05-05T07:21:56+00:00"),
        ("2020/5/5 7:21", "2020-05-05T07:21:00+00:00"),
        (' "2020-05-05 07:21:56" ', "2020-05-05T07:21:56+00:00"),
    ],
)
def test_iso_8601_and_what_spreadsheets_make_of_it(text: str, same: str) -> None:
    """Stamps with and without offset, extended and basic, become UTC milliseconds."""
    assert ms(same) == Stamps(UTC).read(text)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1588663316", "auto", 1_588_663_316_000),
        ("1588663316.25", "auto", 1_588_663_316_250),
        ("1588663316250", "auto", 1_588_663_316_250),
        ("1.588663316E9", "auto", 1_588_663_316_000),
        ("5000", "ms", 5_000),
        ("5000", "s", 5_000_000),
        ("1588663316250.5", "ms", 1_588_663_316_250),
    ],
)
def test_epoch_numbers(text: str, unit: str, expected: int) -> None:
    """Seconds and milliseconds are told apart by size, or as one says; halves go to the even one."""
    assert expected == Stamps(UTC, unit).read(text)  # type: ignore[arg-type]


def test_one_odd_epoch_does_not_decide_for_the_table() -> None:
    """A logger whose first row is 0 still writes milliseconds."""
    stamps = Stamps(UTC)
    stamps.choose_epoch(["0", "1588663316250", "1588663317250", "x"])

    assert stamps.read("1588663318250") == 1_588_663_318_250


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no-time"),
        ("  ", "no-time"),
        ("05/06/2020 07:21", "bad-time"),
        ("2020-02-30 07:21", "bad-time"),
        ("2020-05-05 25:00", "bad-time"),
        ("2020-05-05 24:01", "bad-time"),
        ("2020-05-05 07:61", "bad-time"),
        ("2020-05-05T07:21+25:00", "bad-time"),
        ("yesterday", "bad-time"),
        ("nan", "bad-time"),
        ("1969-12-31T23:59:59Z", "far-time"),
        ("2200-01-01T00:00:00Z", "far-time"),
        ("-5", "far-time"),
        ("1e99", "far-time"),
        ("9" * 60, "far-time"),
    ],
)
def test_what_is_no_time_says_why(text: str, code: str) -> None:
    """A cell that holds no time of 1970 to 2200 is refused with its reason."""
    with pytest.raises(RowError) as caught:
        Stamps(UTC).read(text)

    assert caught.value.code == code


def test_without_offset_the_zone_decides() -> None:
    """08:00 in Shanghai is midnight UTC."""
    stamps = Stamps(SHANGHAI)

    assert ms("2020-05-05T00:00:00+00:00") == stamps.read("2020-05-05 08:00:00")
    assert stamps.naive


def test_the_hour_that_comes_twice_is_told_apart_by_the_row_before() -> None:
    """When clocks go back, the second pass of the hour comes after the first."""
    stamps = Stamps(PARIS)
    first = stamps.read("2020-10-25 02:30")
    second = stamps.read("2020-10-25 02:15", first)

    assert first == ms("2020-10-25T02:30:00+02:00")
    assert second == ms("2020-10-25T02:15:00+01:00")


@given(
    st.integers(31_536_000_000, 7_226_582_400_000),
    st.one_of(st.none(), st.integers(-14 * 4, 14 * 4)),
    st.sampled_from(["T", " "]),
)
def test_the_shortcut_means_the_same_as_the_long_way(
    wall: int, quarters: int | None, between: str
) -> None:
    """Whatever hours and rests remember adds up to what reading the stamp gives."""
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall)).replace(tzinfo=None)
    if quarters is not None:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    text = moment.isoformat(sep=between, timespec="milliseconds")
    stamps = Stamps(PARIS)
    at = stamps.read(text)
    whole = moment if quarters is not None else moment.replace(tzinfo=PARIS)

    assert at == round(whole.timestamp() * 1000)
    if text[:13] in stamps.hours:
        assert at == stamps.hours[text[:13]] + stamps.rests[text[13:]]
    for other in ("2020-05-05T09:00:00+08:00", "2020-05-05 09:00:00"):
        stamps.read(other)
    if text[:13] in stamps.hours and text[13:] in stamps.rests:
        assert at == stamps.hours[text[:13]] + stamps.rests[text[13:]]
