"""Rules beside the limits: probes that disagree, stand still or warm too fast, and what a site changes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.stories.county import County
from tests.stories.settings import CENTER, EVERYBODY, UPPER


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
