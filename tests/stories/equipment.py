"""Rules beside the limits: probes that disagree, stand still or warm too fast, and what a site changes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.stories.county import County
from tests.stories.settings import CARD, CENTER, DOOR, EVERYBODY, MAINS, UPPER

# A chain that would call its second step, and the first one again, long before the morning is over.
_CHAIN = (
    {"after": "0min", "to": ["li", "wang", "amy"], "repeat": "20min"},
    {"after": "30min", "to": ["zhao"]},
)


def two_probes_that_disagree_are_told_and_hold_nothing(county: County) -> None:
    """*Disagreement*: two points of one asset differ by more than X for D."""
    county.begins("02:00", points=[CENTER, UPPER], fridges=1)
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("02:05").fridge("Fridge 1").reads(7.5, point="upper", for_="70min")
    county.fridge("Fridge 1").reads(3.0)
    county.expect_sms(
        to=EVERYBODY, between=("03:05", "03:06"), says=["Fridge 1", "PROBES DISAGREE", "4.5"]
    )
    county.expect_silence(until="03:24")
    county.expect_sms(to=EVERYBODY, between=("03:25", "03:26"), says=["PROBES AGREE AGAIN"])
    assert county.doses_on_hold("A1") == 0


def a_fridge_that_warms_too_fast_is_told_before_it_is_too_hot(county: County) -> None:
    """*Rate*: warming faster than X per minute for D, for a forecast, not for a hold."""
    county.begins("02:00", profiles=["cn-gsp", "early"], fridges=1)
    county.at("02:05").fridge("Fridge 1").warms(2.5, by=0.13, for_="41min")
    county.expect_sms(to=EVERYBODY, between=("02:34", "02:42"), says=["Fridge 1", "WARMING FAST"])
    county.expect_silence(until="02:46")
    county.expect_excursion("early/warming", holds=False)


def a_probe_that_never_moves_is_stuck(county: County) -> None:
    """Stuck: exactly one value for half a day is no temperature of a fridge that lives."""
    county.begins(
        "01:00", sampling="10min", record_every="10min", hub_looks_every="10min", fridges=2
    )
    county.fridge("Fridge 1").reads(5.0)
    county.expect_silence(until="12:59")
    county.expect_sms(to=EVERYBODY, between=("13:00", "13:11"), says=["Fridge 1", "READING STUCK"])
    county.expect_silence(until="13:30")


def a_site_may_be_stricter_and_not_laxer_without_a_reason(county: County) -> None:
    """A site may tighten, never loosen, without a reason in the journal."""
    with pytest.raises(ValidationError, match="reason"):
        county.begins("02:05", rules=[{"id": "cn-gsp/out-of-range", "delay": "20min"}])


def a_site_that_is_stricter_is_told_sooner(county: County) -> None:
    """Profiles with sources; a site may tighten."""
    county.begins("02:05", rules=[{"id": "cn-gsp/out-of-range", "delay": "5min"}])
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="6min")
    county.expect_sms(to=EVERYBODY, between=("02:15", "02:16"), says=["TOO HOT"])
    county.expect_sms(to=EVERYBODY, between=("02:26", "02:27"), says=["RECOVERED"])


def a_dead_mains_input_is_told_in_the_morning_and_once(county: County) -> None:
    """*Silence*: no valid reading of a series for D, of whatever series; nobody is woken for a wire."""
    county.begins("05:00", points=[CENTER, MAINS], fridges=1, steps=_CHAIN)
    county.at("05:10").fridge("Fridge 1").is_silent(point="mains")
    county.expect_silence(until="07:59")
    county.expect_sms(
        to=EVERYBODY, between=("08:00", "08:01"), says=["Fridge 1", "MAINS INPUT SILENT"]
    )
    county.expect_excursion("equipment/mains-silent", holds=False)
    county.at("08:05").answers("Amy")
    county.expect_sms(to="Amy", between=("08:05", "08:06"), says=["NOTED"])
    county.expect_sms(to=("Li", "Wang"), between=("08:05", "08:06"), says=["answers"])
    county.expect_silence(until="09:00")
    county.fridge("Fridge 1").loses_mains(for_="1min")
    county.expect_sms(to=EVERYBODY, between=("09:00", "09:02"), says=["MAINS LOST"])


def a_contact_is_not_told_for_the_hours_in_which_its_device_had_no_power(county: County) -> None:
    """Two things, two messages: that the probe said nothing is told; of each contact besides, no."""
    county.begins("10:00", points=[CENTER, MAINS, DOOR], fridges=1)
    county.at("10:10").device().loses_power()
    county.expect_sms(to=EVERYBODY, between=("10:20", "10:30"), says=["NO CONTACT"])
    county.at("12:10").device().has_power_again()
    county.expect_sms(to=EVERYBODY, between=("12:10", "12:12"), says=["NO READINGS"])
    county.expect_sms(to=EVERYBODY, between=("12:20", "12:22"), says=["READINGS BACK"])
    county.expect_sms(to=EVERYBODY, between=("12:20", "12:23"), says=["CONTACT BACK"])
    county.expect_silence(until="13:00")


def a_card_that_wears_out_by_night_wakes_nobody(county: County) -> None:
    """It needs a new card, and somebody by day; the chain behind the first step never hears of it."""
    county.begins("05:00", points=[CENTER, CARD], fridges=1, steps=_CHAIN)
    county.at("05:10").fridge("Fridge 1").wears_its_card(85)
    county.expect_silence(until="07:59")
    county.expect_sms(to=EVERYBODY, between=("08:00", "08:01"), says=["MEMORY CARD WORN OUT"])
    county.expect_silence(until="09:30")


def a_lamp_that_must_be_wiped_is_told_once_by_day(county: County) -> None:
    """A lamp that cannot be put out is told at once; everything else of it by day, to one step."""
    county.begins("07:45", fridges=1, steps=_CHAIN)
    county.at("07:50").device().warns_of_its_lamp("wipe-due")
    county.expect_silence(until="07:59")
    county.expect_sms(to=EVERYBODY, between=("08:00", "08:02"), says=["WEEKLY WIPE DUE"])
    county.expect_silence(until="09:20")
