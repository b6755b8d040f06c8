"""design.md, "Excursions, exactly": silence, lateness, recovery, clocks, and what is away meanwhile."""

from __future__ import annotations

from tests.stories.county import County
from tests.stories.settings import CENTER, DOOR, EVERYBODY, MAINS, UPPER, Point

# --- silence and lost contact ---


def a_dead_probe_is_silence(county: County) -> None:
    """*Silence*: no valid reading of a series for D, on its stream's own time."""
    county.begins("02:00")
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
    county.begins("02:00")
    county.at("02:10").device().loses_power()
    county.expect_sms(
        to=EVERYBODY, between=("02:24", "02:28"), says=["Fridge 1", "Fridge 2", "NO CONTACT", "5.0"]
    )
    county.expect_silence(until="03:00")
    county.device().has_power_again()
    # Nobody knows what happened to the fridges meanwhile: each probe was silent for fifty minutes.
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["Fridge 1", "NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["Fridge 2", "NO READINGS"])
    # Of both in one message: what follows the first within half a minute is joined.
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:11"), says=["OVER", "NO READINGS", "2"])
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:14"), says=["CONTACT BACK"])


def a_broker_that_flaps_puts_off_no_lost_contact(county: County) -> None:
    """*Lost contact*: what the broker had kept, such as "online" of a dead device, is nothing from it."""
    county.begins("02:00")
    # A device that lives is lost by none of it.
    county.broker_flaps(every="3min").expect_silence(until="02:40")
    # Broker and device lose their power together: nobody speaks the device's will.
    county.broker_loses_power().device().loses_power().broker_has_power_again()
    county.expect_sms(
        to=EVERYBODY, between=("02:54", "02:58"), says=["Fridge 1", "Fridge 2", "NO CONTACT", "5.0"]
    )
    county.expect_silence(until="03:30")
    county.device().has_power_again()
    county.expect_sms(to=EVERYBODY, between=("03:30", "03:31"), says=["Fridge 1", "NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("03:30", "03:31"), says=["Fridge 2", "NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("03:40", "03:41"), says=["OVER", "NO READINGS", "2"])
    county.expect_sms(to=EVERYBODY, between=("03:40", "03:44"), says=["CONTACT BACK"])


def a_probe_that_died_is_said_to_be_dead(county: County) -> None:
    """*An excursion*: "probe dead or lost" closes it with the time after that unknown."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "TOO HOT"])
    # It still speaks, and is believed: the reason is noted, and nothing closes.
    county.at("02:25").answers("Li", "probe")
    county.expect_sms(to=EVERYBODY, between=("02:25", "02:26"), says=["Fridge 1"])
    county.expect_silence(until="02:30")
    county.expect_excursion("cn-gsp/out-of-range", end=None)
    county.fridge("Fridge 1").is_silent(for_="60min")
    # That it is silent is an alarm of its own.
    county.expect_sms(to=EVERYBODY, between=("02:44", "02:46"), says=["Fridge 1", "NO READINGS"])
    county.expect_excursion("cn-gsp/out-of-range", start="02:10", end="02:30", held="20min")
    exposure = county.exposure("Fridge 1", "02:05", "03:00")
    assert (exposure.above_ms, exposure.unknown_ms) == (20 * 60_000, 30 * 60_000)
    # Nobody is told that the fridge is well: nobody knows. What the probe says after all counts.
    county.expect_silence(until="03:29")
    county.expect_sms(
        to=EVERYBODY, between=("03:30", "03:31"), says=["Fridge 1", "POSSIBLY TOO HOT", "02:10"]
    )
    # Certainly so, ten minutes later; and that the readings are back, in the same message.
    county.expect_sms(
        to=EVERYBODY, between=("03:40", "03:41"), says=["Fridge 1", "TOO HOT", "03:30"]
    )
    county.at("03:50").fridge("Fridge 1").reads(5.0)
    county.expect_sms(to=EVERYBODY, between=("04:00", "04:01"), says=["RECOVERED"])
    county.expect_silence(until="04:10")
    first, second = (row for row in county.excursions() if row.rule == "cn-gsp/out-of-range")
    assert (first.thread, second.thread) == (first.id, second.id)


def a_probe_that_is_well_is_not_said_to_be_dead(county: County) -> None:
    """Who writes of the probe without saying that it is dead closes nothing, once it falls silent."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "TOO HOT"])
    county.at("02:25").answers("Amy", "checked the probe, it is fine")
    county.expect_sms(to="Amy", between=("02:25", "02:26"), says=["NOTED"])
    county.expect_sms(to=["Li", "Wang"], between=("02:25", "02:26"), says=["Amy", "answers"])
    county.at("02:30").fridge("Fridge 1").is_silent(for_="60min")
    county.expect_sms(to=EVERYBODY, between=("02:44", "02:46"), says=["Fridge 1", "NO READINGS"])
    county.expect_silence(until="02:54")
    county.expect_excursion("cn-gsp/out-of-range", end=None)
    county.expect_sms(to=EVERYBODY, between=("02:55", "02:56"), says=["Fridge 1", "STILL OPEN"])
    assert county.entries("alarm.explained") == []


# --- late ---


def what_is_learned_late_says_so(county: County) -> None:
    """A reading that arrives late.

    A reading that arrives late is judged as of its time, and its notice says so ("happened
    02:10 to 03:40, learned at 07:00").
    """
    county.begins("02:00")
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
    county.begins("02:00", devices=2, fridges=1, lost_contact_after="30min")
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
    county.begins("02:05")
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
    county.begins("02:05")
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
    county.begins("23:00")
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
    county.begins("01:55", profiles=["cdc-vfc", "cn-gsp", "who-pqs"])
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
    county.begins("02:05")
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
    county.begins("02:05")
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
    county.begins("02:05")
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
    county.begins("02:00")
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
    county.begins("02:05", points=[CENTER, UPPER], fridges=1)
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
    county.begins("07:40", points=[center], fridges=1)
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
    county.begins("02:00")
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
    county.begins("02:00")
    county.at("02:05").hub_dies()
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="15min")
    county.at("03:05").hub_begins()
    county.expect_sms(
        to=EVERYBODY, between=("03:05", "03:06"), says=["LATE", "TOO HOT", "02:10", "02:25"]
    )
    county.expect_silence(until="03:30")
    exposure = county.exposure("Fridge 1", "02:00", "03:20")
    assert (exposure.above_ms, exposure.unknown_ms) == (15 * 60_000, 0)
