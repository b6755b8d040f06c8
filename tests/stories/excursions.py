"""What is an excursion, and what is told of it: design.md, "Excursions, exactly", sentence by sentence."""

from __future__ import annotations

from tests.stories.county import EVERYBODY, County


def a_fridge_too_hot_for_ten_minutes_wakes_everybody_once(county: County) -> None:
    """*Consecutive*: it opens at the instant when the held time reaches D, exactly D counts; its
    start is back-dated to the first outside reading, its end is the first inside reading.
    """
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(9.2, for_="25min")
    county.expect_sms(
        to=EVERYBODY, between=("02:20", "02:21"), says=["Fridge 1", "TOO HOT", "9.2"]
    )
    county.expect_silence(until="02:44")
    county.expect_sms(to=EVERYBODY, between=("02:45", "02:46"), says=["Fridge 1", "RECOVERED"])
    county.expect_silence(until="03:00")
    county.expect_excursion(
        "cn-gsp/out-of-range", start="02:10", opened="02:20", end="02:35", held="25min"
    )
