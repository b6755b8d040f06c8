"""What is an excursion, and what is told of it: design.md, "Excursions, exactly": limits and kinds."""

from __future__ import annotations

from tests.stories.county import County
from tests.stories.settings import EVERYBODY

# --- limits ---


def eight_point_zero_is_inside_for_who_and_eight_point_one_is_not(county: County) -> None:
    """*Limits*: the storage range is inclusive: in a 2 to 8 fridge 2.0 and 8.0 are inside."""
    county.begins(
        "01:00",
        profiles=["who-pqs"],
        sampling="10min",
        record_every="10min",
        hub_looks_every="10min",
    )
    county.fridge("Fridge 1").reads(8.0)
    county.fridge("Fridge 2").reads(8.1)
    county.expect_sms(to=EVERYBODY, between=("11:00", "11:01"), says=["Fridge 2", "TOO HOT", "8.1"])
    county.expect_silence(until="11:30")
    county.expect_excursion("who-pqs/heat", asset="east-gate/fridge-2", opened="11:00")


def gsp_alarms_at_the_limit_already_and_holds_nothing_there(county: County) -> None:
    """*Limits*: a rule may say `at_or_beyond`: `cn-gsp` alarms at the limit already."""
    county.begins("02:00")
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("02:05").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:15", "02:16"), says=["Fridge 1", "TOO HOT", "8.0"])
    county.expect_silence(until="02:50")
    county.expect_excursion("cn-gsp/out-of-range", limit=8_000, end=None)
    assert county.doses_on_hold("A1") == 0
    exposure = county.exposure("Fridge 1", "02:05", "02:45")
    assert (exposure.above_ms, exposure.inside_ms) == (0, 40 * 60_000)


def who_calls_it_frozen_at_minus_a_half_and_not_above(county: County) -> None:
    """*Limits*: WHO FRZE is `<= -0.5`."""
    county.begins("01:55", profiles=["who-pqs"])
    county.at("02:00").fridge("Fridge 1").reads(-0.5)
    county.fridge("Fridge 2").reads(-0.4)
    county.expect_sms(
        to=EVERYBODY, between=("03:00", "03:01"), says=["Fridge 1", "TOO COLD", "-0.5"]
    )
    county.expect_silence(until="03:15")
    county.expect_excursion("who-pqs/frze", asset="east-gate/fridge-1", start="02:00")


# --- consecutive ---


def a_fridge_too_hot_for_ten_minutes_wakes_everybody_once(county: County) -> None:
    """Consecutive.

    it opens at the instant when the held time reaches D; its start is back-dated to the first
    outside reading; its end is the first inside reading.
    """
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="25min")
    county.expect_sms(
        to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "TOO HOT", "9.2", "02:10"]
    )
    county.expect_silence(until="02:44")
    county.expect_sms(
        to=EVERYBODY, between=("02:45", "02:46"), says=["Fridge 1", "RECOVERED", "25 min"]
    )
    county.expect_silence(until="03:00")
    county.expect_excursion(
        "cn-gsp/out-of-range", start="02:10", opened="02:20", end="02:35", held="25min"
    )


def exactly_ten_minutes_count(county: County) -> None:
    """*Consecutive*: held time reaches D (exactly D counts)."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="10min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "TOO HOT"])
    county.expect_sms(to=EVERYBODY, between=("02:30", "02:31"), says=["Fridge 1", "RECOVERED"])
    county.expect_excursion("cn-gsp/out-of-range", opened="02:20", end="02:20", held="10min")


def a_door_held_open_for_nine_minutes_wakes_nobody_and_counts(county: County) -> None:
    """Noise.

    Noise is kept down by delay, never by forgetting: exposure counts from the first outside
    reading.
    """
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="9min")
    county.expect_silence(until="02:40")
    assert county.exposure("Fridge 1", "02:00", "02:30").above_ms == 9 * 60_000


def a_minute_inside_begins_the_ten_minutes_anew(county: County) -> None:
    """*Consecutive*: held time outside, on one side, without inside between."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="8min")
    county.at("02:19").fridge("Fridge 1").reads(9.2, for_="8min")
    county.expect_silence(until="02:45")


def from_too_hot_to_too_cold_is_two_excursions(county: County) -> None:
    """*Consecutive*: a crossing to the other side ends one run and begins another."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.0, for_="20min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "9.0"])
    county.at("02:30").fridge("Fridge 1").reads(1.0, for_="5min")
    county.expect_silence(until="02:44")
    above, below = (row for row in county.excursions() if row.rule == "cn-gsp/at-limit")
    assert (above.side, above.held_ms) == ("above", 20 * 60_000)
    assert (below.side, below.held_ms) == ("below", 5 * 60_000)
    assert above.end == below.start
    # Too cold is no recovery from too hot: ten minutes inside of both limits are.
    county.expect_sms(to=EVERYBODY, between=("02:45", "02:46"), says=["RECOVERED"])


# --- holding, gaps, unknown ---


def three_minutes_without_a_reading_are_held_and_no_hole(county: County) -> None:
    """A reading holds until the next one of its series.

    A reading holds until the next one of its series , if that comes within `max_gap` (default
    three recording intervals).
    """
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="30min")
    county.at("02:12").fridge("Fridge 1").is_silent(for_="2min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:24")
    county.expect_excursion("cn-gsp/out-of-range", certainty="certain", opened="02:20")
    county.expect_silence(until="02:25")


def a_hole_in_the_readings_is_unknown_and_makes_it_possible(county: County) -> None:
    """Possible.

    unknown time between two outside readings suspends the run and does not end it; when held
    plus unknown reaches D before held alone does, it opens with `certainty: possible`, and
    becomes `certain` if later readings make it so.
    """
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="45min")
    county.at("02:13").fridge("Fridge 1").is_silent(for_="9min")
    county.expect_sms(
        to=EVERYBODY, between=("02:22", "02:23"), says=["Fridge 1", "POSSIBLY TOO HOT", "9.2"]
    )
    county.expect_excursion("cn-gsp/out-of-range", certainty="possible", opened="02:20")
    county.expect_silence(until="02:38")
    # Three minutes in front of the hole and seven behind it.
    county.expect_excursion("cn-gsp/out-of-range", certainty="certain")
    exposure = county.exposure("Fridge 1", "02:10", "02:30")
    assert (exposure.above_ms, exposure.unknown_ms) == (11 * 60_000, 9 * 60_000)


def a_probe_that_reads_minus_three_every_sixteen_minutes_is_not_silent_good_news(
    county: County,
) -> None:
    """*Possible*: a probe that reads -3 every sixteen minutes all night is not silent good news."""
    county.begins("22:00")
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("22:08").fridge("Fridge 1").reads(-3.0, every="16min")
    county.expect_sms(to=EVERYBODY, between=("22:23", "22:25"), says=["Fridge 1", "NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("22:24", "22:25"), says=["POSSIBLY TOO COLD", "-3.0"])
    county.expect_sms(
        to=EVERYBODY, between=("22:39", "22:41"), says=["POSSIBLY TOO COLD", "100 doses"]
    )
    county.expect_silence(until="23:30")
    assert county.doses_on_hold("A1") == 100
    for rule in ("cn-gsp/out-of-range", "cn-gsp/isolate"):
        county.expect_excursion(rule, start="22:08", end=None, certainty="possible")


def unknown_time_is_not_inside(county: County) -> None:
    """*Unknown*: never counted as inside: a hole begins the ten minutes of a recovery anew."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="15min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:28").fridge("Fridge 1").is_silent(for_="6min")
    county.expect_silence(until="02:43")
    county.expect_sms(to=EVERYBODY, between=("02:44", "02:45"), says=["RECOVERED"])


def eighty_five_degrees_at_power_on_are_nobodys_fever(county: County) -> None:
    """*A rejected reading* neither extends nor ends a hold; what rejects for long is silence."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(85.0)
    county.expect_sms(to=EVERYBODY, between=("02:24", "02:26"), says=["Fridge 1", "NO READINGS"])
    county.expect_silence(until="02:40")
    assert [row.rule for row in county.excursions()] == ["cn-gsp/silence"]


def a_value_that_is_hard_to_believe_is_judged_all_the_same(county: County) -> None:
    """What is implausible is `suspect`, shown as such **and judged**: a fire looks like that too."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(72.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "72.0"])
    county.expect_silence(until="02:25")


# --- cumulative, instant ---


def three_short_freezes_in_a_day_are_one_long_one(county: County) -> None:
    """Cumulative.

    held time outside within the last W reaches D; every profile that holds stock has a
    cumulative freeze rule beside the consecutive one.
    """
    county.begins("01:00", profiles=["who-pqs"], fridges=1)
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("01:10").fridge("Fridge 1").reads(-1.0, for_="25min")
    county.at("02:00").fridge("Fridge 1").reads(-1.5, for_="25min")
    county.at("02:50").fridge("Fridge 1").reads(-1.0, for_="25min")
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["TOO COLD", "-1.0", "1 h"])
    county.expect_silence(until="03:40")
    county.expect_excursion("who-pqs/freeze-sum", start="01:10", opened="03:00", end=None)
    assert county.doses_on_hold("A1") == 100


def a_sum_that_falls_a_day_later_is_no_news(county: County) -> None:
    """*Cumulative*: it ends when the sum falls below D."""
    county.begins(
        "01:00",
        profiles=["who-pqs"],
        sampling="10min",
        record_every="10min",
        hub_looks_every="10min",
        fridges=1,
    )
    county.at("01:10").fridge("Fridge 1").reads(-1.0, for_="40min")
    county.at("03:00").fridge("Fridge 1").reads(-1.0, for_="40min")
    county.expect_sms(to=EVERYBODY, between=("03:20", "03:21"), says=["TOO COLD"])
    county.expect_silence(until="day 2 01:45")
    county.expect_excursion("who-pqs/freeze-sum", opened="03:20", end="day 2 01:30")


def one_reading_alone_is_no_instant_alarm_and_two_are(county: County) -> None:
    """*Instant*: one valid reading outside, confirmed by the next sample."""
    county.begins("02:05", profiles=["cdc-vfc"], sampling="30s")
    county.at("02:10").fridge("Fridge 1").reads(8.5, for_="30s")
    county.expect_silence(until="02:15")
    county.at("02:20").fridge("Fridge 1").reads(8.5, for_="60s")
    county.expect_sms(to=EVERYBODY, between=("02:20:30", "02:20:40"), says=["TOO HOT", "8.5"])
    county.expect_sms(to=EVERYBODY, between=("02:31", "02:32"), says=["RECOVERED"])
    county.expect_excursion("cdc-vfc/out-of-range", start="02:20", opened="02:20:30")
