"""What is an excursion, and what is told of it: design.md, "Excursions, exactly", sentence by sentence."""

from __future__ import annotations

from tests.stories.county import CENTER, DOOR, EVERYBODY, MAINS, UPPER, County, Point

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
    county.begins("01:55", profiles=["who-pqs"], sampling="1min")
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
    county.expect_silence(until="02:39")
    above, below = (row for row in county.excursions() if row.rule == "cn-gsp/at-limit")
    assert (above.side, above.held_ms) == ("above", 20 * 60_000)
    assert (below.side, below.held_ms) == ("below", 5 * 60_000)
    assert above.end == below.start
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["RECOVERED"])


# --- holding, gaps, unknown ---


def three_minutes_without_a_reading_are_held_and_no_hole(county: County) -> None:
    """A reading holds until the next one of its series.

    A reading holds until the next one of its series , if that comes within `max_gap` (default
    three recording intervals).
    """
    county.begins("02:05", sampling="1min")
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
    county.begins("02:05", sampling="1min")
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
    county.begins("22:00", sampling="1min")
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
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="15min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:28").fridge("Fridge 1").is_silent(for_="6min")
    county.expect_silence(until="02:43")
    county.expect_sms(to=EVERYBODY, between=("02:44", "02:45"), says=["RECOVERED"])


def eighty_five_degrees_at_power_on_are_nobodys_fever(county: County) -> None:
    """*A rejected reading* neither extends nor ends a hold; what rejects for long is silence."""
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(85.0)
    county.expect_sms(to=EVERYBODY, between=("02:24", "02:26"), says=["Fridge 1", "NO READINGS"])
    county.expect_silence(until="02:40")
    assert [row.rule for row in county.excursions()] == ["cn-gsp/silence"]


def a_value_that_is_hard_to_believe_is_judged_all_the_same(county: County) -> None:
    """What is implausible is `suspect`, shown as such **and judged**: a fire looks like that too."""
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(72.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "72.0"])
    county.expect_silence(until="02:25")


# --- cumulative, instant ---


def three_short_freezes_in_a_day_are_one_long_one(county: County) -> None:
    """Cumulative.

    held time outside within the last W reaches D; every profile that holds stock has a
    cumulative freeze rule beside the consecutive one.
    """
    county.begins("01:00", profiles=["who-pqs"], sampling="1min", fridges=1)
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("01:10").fridge("Fridge 1").reads(-1.0, for_="25min")
    county.at("02:00").fridge("Fridge 1").reads(-1.5, for_="25min")
    county.at("02:50").fridge("Fridge 1").reads(-1.0, for_="25min")
    county.expect_sms(
        to=EVERYBODY, between=("03:00", "03:01"), says=["TOO COLD", "-1.0", "1 h", "24 h"]
    )
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
    county.begins("02:05", profiles=["cdc-vfc"])
    county.at("02:10").fridge("Fridge 1").reads(8.5, for_="30s")
    county.expect_silence(until="02:15")
    county.at("02:20").fridge("Fridge 1").reads(8.5, for_="60s")
    county.expect_sms(to=EVERYBODY, between=("02:20:30", "02:20:40"), says=["TOO HOT", "8.5"])
    county.expect_sms(to=EVERYBODY, between=("02:31", "02:32"), says=["RECOVERED"])
    county.expect_excursion("cdc-vfc/out-of-range", start="02:20", opened="02:20:30")


# --- silence and lost contact ---


def a_dead_probe_is_silence(county: County) -> None:
    """*Silence*: no valid reading of a series for D, on its stream's own time."""
    county.begins("02:00", sampling="1min")
    county.at("02:05").fridge("Fridge 1").is_silent(for_="40min")
    county.expect_sms(
        to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "NO READINGS", "5.0"]
    )
    county.expect_silence(until="02:54")
    county.expect_sms(
        to=EVERYBODY, between=("02:55", "02:56"), says=["Fridge 1", "READINGS BACK", "41 min"]
    )


def a_dead_device_is_lost_contact_and_another_message(county: County) -> None:
    """*Lost contact*: nothing from a device for D on the hub's clock. Two things, two messages."""
    county.begins("02:00", sampling="1min")
    county.at("02:10").device().loses_power()
    county.expect_sms(
        to=EVERYBODY, between=("02:24", "02:28"), says=["Fridge 1", "Fridge 2", "NO CONTACT", "5.0"]
    )
    county.expect_silence(until="03:00")
    county.device().has_power_again()
    # Nobody knows what happened to the fridges meanwhile: each probe was silent for fifty minutes.
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["Fridge 1", "NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["Fridge 2", "NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:14"), says=["CONTACT BACK"])
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:12"), says=["Fridge 1", "READINGS BACK"])
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:12"), says=["Fridge 2", "READINGS BACK"])


# --- late ---


def what_is_learned_late_says_so(county: County) -> None:
    """A reading that arrives late.

    A reading that arrives late is judged as of its time, and its notice says so ("happened
    02:10 to 03:40, learned at 07:00").
    """
    county.begins("02:00", sampling="1min")
    county.at("02:05").device().loses_its_link()
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="20min")
    county.expect_sms(to=EVERYBODY, between=("02:19", "02:28"), says=["NO CONTACT"])
    county.expect_silence(until="03:00")
    county.device().has_its_link_again()
    county.expect_sms(
        to=EVERYBODY,
        between=("03:00", "03:01"),
        says=["LATE", "Fridge 1", "TOO HOT", "02:10", "02:30", "03:00"],
    )
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:14"), says=["CONTACT BACK"])
    county.expect_excursion("cn-gsp/out-of-range", opened="02:20", end="02:30", held="20min")


def a_stream_that_comes_late_changes_no_other(county: County) -> None:
    """The engine's state is per stream and series, so a stream recovered late changes no other."""
    county.begins("02:00", devices=2, fridges=1, sampling="1min", lost_contact_after="30min")
    county.at("02:09").fridge("Fridge 2").reads(9.2, for_="12min")
    county.at("02:09:30").device("pi-2").loses_its_link()
    county.at("02:12").fridge("Fridge 1").reads(1.0, for_="20min")
    county.expect_sms(to=EVERYBODY, between=("02:22", "02:23"), says=["Fridge 1", "TOO COLD"])
    county.at("02:24:10").device("pi-2").has_its_link_again()
    county.expect_sms(
        to=EVERYBODY, between=("02:24", "02:25"), says=["LATE", "Fridge 2", "TOO HOT", "02:09"]
    )
    county.expect_sms(to=EVERYBODY, between=("02:31", "02:32"), says=["Fridge 2", "RECOVERED"])
    county.expect_sms(to=EVERYBODY, between=("02:42", "02:43"), says=["Fridge 1", "RECOVERED"])
    rows = {row.asset: row for row in county.excursions() if row.rule == "cn-gsp/out-of-range"}
    assert rows["east-gate/fridge-1"].held_ms == 20 * 60_000
    assert rows["site-2/fridge-2"].held_ms == 12 * 60_000


# --- recovery, threads ---


def recovery_is_told_after_ten_minutes_inside(county: County) -> None:
    """Noise is kept down by the recovery rule.

    Noise is kept down by the recovery rule: told after ten minutes inside; an earlier return
    continues the same thread.
    """
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="12min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:31").fridge("Fridge 1").reads(9.5, for_="12min")
    county.expect_silence(until="02:52")
    county.expect_sms(to=EVERYBODY, between=("02:53", "02:54"), says=["RECOVERED"])
    rows = [row for row in county.excursions() if row.rule == "cn-gsp/out-of-range"]
    assert len(rows) == 2
    assert {row.thread for row in rows} == {rows[0].id}


def a_value_that_flaps_round_the_limit_is_one_alarm(county: County) -> None:
    """*Noise*: an earlier return continues the same thread."""
    county.begins("02:05", sampling="1min")
    for minute in range(10, 60, 14):
        county.at(f"02:{minute}").fridge("Fridge 1").reads(8.1, for_="11min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "8.1"])
    county.expect_silence(until="03:12")
    county.expect_sms(to=EVERYBODY, between=("03:13", "03:14"), says=["RECOVERED"])
    rows = [row for row in county.excursions() if row.rule == "cn-gsp/out-of-range"]
    assert len(rows) == 4
    assert len({row.thread for row in rows}) == 1


def an_excursion_over_midnight_and_a_reconnect_is_one_thing(county: County) -> None:
    """An excursion is one thing from start to end, across midnights and reconnects."""
    county.begins("23:00", sampling="1min")
    county.fridge("Fridge 1").receives("A1", 60)
    county.at("23:20").fridge("Fridge 1").reads(9.2, for_="80min")
    county.expect_sms(to=EVERYBODY, between=("23:30", "23:31"), says=["TOO HOT", "23:20"])
    county.expect_sms(to=EVERYBODY, between=("23:50", "23:51"), says=["TOO HOT", "60 doses"])
    county.at("23:55").device().loses_its_link()
    county.at("00:07").device().has_its_link_again()
    county.expect_silence(until="00:49")
    county.expect_sms(
        to=EVERYBODY, between=("00:50", "00:51"), says=["RECOVERED", "00:40", "1 h 20 min"]
    )
    for rule in ("cn-gsp/out-of-range", "cn-gsp/isolate"):
        county.expect_excursion(rule, start="23:20", end="day 2 00:40", held="80min")


# --- rules and clocks ---


def three_profiles_at_once_each_make_their_own(county: County) -> None:
    """Several profiles may watch one asset at once; each makes its own excursions."""
    county.begins("01:55", profiles=["cdc-vfc", "cn-gsp", "who-pqs"], sampling="1min")
    county.at("02:00").fridge("Fridge 1").reads(-1.0, for_="65min")
    county.expect_sms(to=EVERYBODY, between=("02:01", "02:02"), says=["TOO COLD", "2"])
    county.expect_sms(to=EVERYBODY, between=("02:10", "02:11"), says=["TOO COLD", "10 min"])
    county.expect_sms(to=EVERYBODY, between=("02:30", "02:31"), says=["TOO COLD", "30 min"])
    # FRZE and the sums of three profiles, all of them at the sixtieth minute: one message.
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["TOO COLD", "-0.5"])
    county.expect_silence(until="03:14")
    county.expect_sms(to=EVERYBODY, between=("03:15", "03:16"), says=["RECOVERED"])
    found = {row.rule: row for row in county.excursions()}
    assert set(found) == {
        "cdc-vfc/out-of-range", "cdc-vfc/freeze-sum", "cn-gsp/at-limit", "cn-gsp/out-of-range",
        "cn-gsp/isolate", "cn-gsp/freeze-sum", "who-pqs/frze", "who-pqs/freeze-sum",
    }  # fmt: skip
    assert {row.held_ms for row in found.values() if row.kind != "cumulative"} == {65 * 60_000}


def an_open_excursion_keeps_the_rule_it_opened_under(county: County) -> None:
    """It snapshots its rule."""
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="40min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").device().is_watched_by("who-pqs")
    county.expect_silence(until="02:59")
    county.expect_excursion(
        "cn-gsp/out-of-range", start="02:10", end="02:50", held="40min", limit=8_000
    )


def a_step_of_the_clock_makes_nothing_and_hides_nothing(county: County) -> None:
    """Time.

    within one boot the rules use monotonic differences, so a clock step never makes or hides an
    excursion.
    """
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="8min")
    county.at("02:14").device().clock_jumps("2h")
    county.expect_silence(until="02:20")
    county.at("02:25").fridge("Fridge 2").reads(9.7, for_="15min")
    county.at("02:30").device().clock_jumps("-2h")
    county.expect_sms(to=EVERYBODY, between=("02:35", "02:36"), says=["Fridge 2", "TOO HOT"])
    county.expect_sms(to=EVERYBODY, between=("02:50", "02:51"), says=["Fridge 2", "RECOVERED"])
    county.expect_excursion("cn-gsp/out-of-range", asset="east-gate/fridge-2", held="15min")


def a_pi_that_boots_anew_goes_on_where_it_was(county: County) -> None:
    """*Time*: between boots the rules use `at`, where both sides are certain."""
    county.begins("02:05", sampling="1min")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="20min")
    county.at("02:14:10").device().loses_power()
    county.at("02:15:50").device().has_power_again()
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "02:10"])
    county.expect_silence(until="02:39")
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:42"), says=["RECOVERED"])
    county.expect_excursion("cn-gsp/out-of-range", certainty="certain", start="02:10")


def a_pi_that_wakes_in_1970_sounds_at_once_and_tells_when_it_knows_the_time(
    county: County,
) -> None:
    """Time.

    decisions across a boot are provisional (panel and own modem) until the stamps are final;
    only then is a record sent.
    """
    county.begins("02:00", sampling="1min")
    county.at("02:05").device().loses_power()
    county.fridge("Fridge 1").reads(9.2)
    county.at("02:06").device().has_power_again(clock="1970")
    county.expect_silence(until="02:12")
    assert county.device().sounds
    county.at("02:14").device().learns_the_time()
    # One interval of the reading in front is known; what the Pi slept through is not.
    county.expect_sms(to=EVERYBODY, between=("02:16", "02:17"), says=["TOO HOT", "9.2", "02:06"])
    county.expect_silence(until="02:20")


# --- several points ---


def the_warmest_point_speaks_for_the_stock(county: County) -> None:
    """Several points of one asset.

    An asset's points marked `decides` speak for its stock: each second counts as the worst of
    them; unknown if one is unknown and none is outside.
    """
    county.begins("02:05", points=[CENTER, UPPER], sampling="1min", fridges=1)
    county.at("02:10").fridge("Fridge 1").reads(8.6, for_="8min", point="upper")
    county.at("02:30").fridge("Fridge 1").is_silent(for_="12min", point="upper")
    county.expect_silence(until="02:50")
    exposure = county.exposure("Fridge 1", "02:10", "02:45")
    assert (exposure.above_ms, exposure.unknown_ms) == (8 * 60_000, 12 * 60_000)


def a_certificate_that_is_overdue_wakes_nobody_at_night(county: County) -> None:
    """Calibration due is told once, by day; a probe that is overdue goes on being judged."""
    overdue = {
        "certificate": "T-0417",
        "date": "2025-03-01",
        "due": "2026-02-28",
        "points": [{"reference": 5.0, "reading": 5.0}],
    }
    center = Point("center", "temperature", 5_000, decides=True, calibration=overdue)
    county.begins("07:40", points=[center], sampling="1min", fridges=1)
    county.at("07:45").fridge("Fridge 1").reads(8.0, for_="11min")
    county.expect_sms(to=EVERYBODY, between=("07:55", "07:56"), says=["TOO HOT"])
    county.expect_silence(until="07:59")
    county.expect_sms(to=EVERYBODY, between=("08:00", "08:04"), says=["Fridge 1", "T-0417"])
    county.expect_sms(to=EVERYBODY, between=("08:06", "08:07"), says=["RECOVERED"])
    county.expect_silence(until="08:20")


# --- other quantities ---


def a_door_left_open_for_five_minutes(county: County) -> None:
    """Everything measured is a reading: DOOR is an ordinary rule on another series."""
    county.begins("02:05", points=[CENTER, DOOR])
    county.at("02:10").fridge("Fridge 1").door_opens(for_="4min")
    county.expect_silence(until="02:25")
    county.at("02:30").fridge("Fridge 1").door_opens(for_="7min")
    county.expect_sms(to=EVERYBODY, between=("02:35", "02:36"), says=["Fridge 1", "DOOR OPEN"])
    county.expect_sms(to=EVERYBODY, between=("02:47", "02:48"), says=["Fridge 1", "DOOR SHUT"])


def lost_mains_tell_people_at_once(county: County) -> None:
    """*Power*: mains loss tells people at once."""
    county.begins("02:05", points=[CENTER, MAINS], sampling="10s")
    county.at("02:10").fridge("Fridge 1").loses_mains(for_="20min")
    county.expect_sms(to=EVERYBODY, between=("02:10", "02:10:30"), says=["Fridge 1", "MAINS LOST"])
    county.expect_silence(until="02:39")
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["Fridge 1", "MAINS BACK"])


# --- the store, the hub ---


def the_history_is_away_for_an_hour_and_judging_goes_on(county: County) -> None:
    """The way of a reading.

    when the history store is down the hub goes on judging, telling and holding, and what it
    judged is sent again and only stored when the store returns.
    """
    county.begins("02:00", sampling="1min")
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("02:05").history_is_away()
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="35min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "9.2"])
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["TOO HOT", "100 doses"])
    county.expect_sms(to=EVERYBODY, between=("02:55", "02:56"), says=["RECOVERED"])
    county.at("03:05").history_is_back()
    county.expect_silence(until="03:25")
    exposure = county.exposure("Fridge 1", "02:00", "03:20")
    assert (exposure.above_ms, exposure.unknown_ms) == (35 * 60_000, 0)


def the_hub_is_away_for_an_hour_and_nothing_is_lost(county: County) -> None:
    """Invariant 1: a record that the spool committed ends exactly once in history."""
    county.begins("02:00", sampling="1min")
    county.at("02:05").hub_dies()
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="15min")
    county.at("03:05").hub_begins()
    county.expect_sms(
        to=EVERYBODY, between=("03:05", "03:06"), says=["LATE", "TOO HOT", "02:10", "02:25"]
    )
    county.expect_silence(until="03:30")
    exposure = county.exposure("Fridge 1", "02:00", "03:20")
    assert (exposure.above_ms, exposure.unknown_ms) == (15 * 60_000, 0)
