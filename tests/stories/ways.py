"""The ways to people, and who stands in where one of them is dead: modem, gateway, agent, hub."""

from __future__ import annotations

from typing import Any

from tests.stories.county import County
from tests.stories.settings import CENTER, EVERYBODY, MAINS, PHONES

CHAIN = [{"after": "0min", "to": ["li", "wang", "amy"]}, {"after": "20min", "to": ["zhao"]}]
BOTH = ("hub's modem", "cloud")
CHANNELS = [{"id": "modem", "kind": "log"}, {"id": "cloud", "kind": "log"}]

# --- channels ---


def a_message_lies_queued_in_a_dead_modem_while_the_next_way_works(county: County) -> None:
    """Fail-over.

    Queued for 60 s without being sent counts as retry, and the next channel takes over. A
    channel that fails is itself an alarm.
    """
    county.begins("02:05", ways=BOTH, caretakers=["ben"])
    county.modem().state = "jammed"
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:21", "02:21:30"), says=["TOO HOT"], by="cloud")
    county.expect_sms(to="Ben", between=("02:21", "02:22"), says=["do not get out"], by="cloud")
    codes = {name: county.code(name) for name in EVERYBODY}
    county.expect_silence(until="02:40")
    county.modem().state = "works"
    # What it had taken it sends at last: told twice is better than not told, by the same code.
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["TOO HOT"], by="hub's modem")
    assert {name: county.code(name) for name in EVERYBODY} == codes
    county.expect_sms(to="Ben", between=("02:40", "02:42"), says=["get out", "again"])
    county.expect_silence(until="02:50")


def a_gateway_that_takes_nothing_is_passed_over_at_once(county: County) -> None:
    """A channel returns sent, retry or refused with the reason; the next channel takes over."""
    county.begins("02:05", ways=("cloud", "hub's modem"), caretakers=["ben"])
    county.modem("cloud").state = "gone"
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(
        to=EVERYBODY, between=("02:20", "02:20:30"), says=["TOO HOT"], by="hub's modem"
    )
    county.expect_sms(to="Ben", between=("02:20", "02:21"), says=["do not get out", "cloud"])
    county.expect_silence(until="02:30")


def the_only_way_is_dead_and_nothing_is_lost(county: County) -> None:
    """A dead channel is told.

    A dead channel is told: by `coldwatch watch`, where the hub has no other way. And what waits
    goes out when it works again, once.
    """
    county.begins("02:05").is_watched()
    county.modem().state = "gone"
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(
        to="Amy", between=("02:25", "02:27"), says=["DO NOT GET OUT"], by="watcher's modem"
    )
    county.expect_silence(until="02:30")
    county.modem().state = "works"
    county.expect_sms(to=EVERYBODY, between=("02:30", "02:31"), says=["TOO HOT"], by="hub's modem")
    county.expect_sms(
        to="Amy", between=("02:30", "02:34"), says=["SMS WORKS AGAIN"], by="watcher's modem"
    )
    county.expect_silence(until="02:40")


def both_ways_are_dead_for_a_moment_and_nothing_is_lost(county: County) -> None:
    """A dead channel loses nothing: neither the end of an alarm nor the daily word waits in vain."""
    county.begins(
        "07:05", ways=BOTH, channels=CHANNELS, caretakers=["ben"], site={"all_well": "08:00"}
    )
    county.at("07:10").fridge("Fridge 1").reads(8.0, for_="11min")
    county.expect_sms(to=EVERYBODY, between=("07:20", "07:21"), says=["TOO HOT"])
    county.at("07:30:50")
    for way in BOTH:
        county.modem(way).state = "gone"
    county.expect_silence(until="07:33")
    for way in BOTH:
        county.modem(way).state = "works"
    county.expect_sms(to=EVERYBODY, between=("07:33", "07:34"), says=["RECOVERED"])
    county.expect_sms(to="Ben", between=("07:33", "07:34"), says=["do not get out"])
    county.expect_sms(to="Ben", between=("07:33", "07:35"), says=["get out", "again"])
    county.at("07:59:50")
    for way in BOTH:
        county.modem(way).state = "gone"
    county.expect_silence(until="08:20")
    for way in BOTH:
        county.modem(way).state = "works"
    # All well, or not for want of a way out: one that had begun just then looked twice first.
    county.expect_sms(to=EVERYBODY, between=("08:20", "08:21"), says=["5.0"])
    county.expect_silence(until="08:30")


def a_way_that_was_dead_is_not_called_so_when_it_works_again(county: County) -> None:
    """The daily word says how the ways are, and not how they were when they were used last."""
    county.begins(
        "07:05", ways=BOTH, channels=CHANNELS, caretakers=["ben"], site={"all_well": "08:00"}
    )
    county.modem("hub's modem").state = "gone"
    county.at("07:10").fridge("Fridge 1").reads(8.0, for_="11min")
    county.expect_sms(to=EVERYBODY, between=("07:20", "07:21"), says=["TOO HOT"], by="cloud")
    county.expect_sms(to="Ben", between=("07:20", "07:21"), says=["do not get out"], by="cloud")
    county.expect_sms(to=EVERYBODY, between=("07:31", "07:32"), says=["RECOVERED"], by="cloud")
    county.expect_silence(until="07:40")
    county.modem("hub's modem").state = "works"
    # That its service is at work is no proof: Ben hears of it when it has carried something.
    county.expect_silence(until="08:00")
    county.expect_sms(to=EVERYBODY, between=("08:00", "08:03"), says=["ALL WELL"], by="hub's modem")
    county.expect_sms(to="Ben", between=("08:00", "08:04"), says=["get out", "again"])
    county.expect_silence(until="08:10")


def a_number_that_is_refused_is_told_to_the_next(county: County) -> None:
    """A person unreachable (delivery report missing, number refused) is told to the next."""
    county.begins("02:05", steps=CHAIN)
    county.modem().refused_numbers.add(PHONES["Wang"])
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="15min")
    county.expect_sms(to=["Li", "Amy"], between=("02:20", "02:21"), says=["TOO HOT"])
    county.expect_sms(
        to="Zhao", between=("02:20", "02:21"), says=["Wang", "could not be told", "TOO HOT"]
    )
    county.expect_silence(until="02:34")
    assert county.entries("sms.refused")
    county.expect_sms(to=["Li", "Amy", "Zhao"], between=("02:35", "02:36"), says=["RECOVERED"])
    county.expect_silence(until="02:40")


def each_step_has_ways_of_its_own(county: County) -> None:
    """Fail-over order per step; when an answer ends, everybody is told again by their own."""
    steps: list[dict[str, Any]] = [
        {"to": ["li", "wang", "amy"], "channels": ["modem"]},
        {"after": "5min", "to": ["zhao"], "channels": ["cloud"]},
    ]
    county.begins("02:05", steps=steps, ways=BOTH, channels=CHANNELS)
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"], by="hub's modem")
    county.expect_sms(to="Zhao", between=("02:25", "02:26"), says=["TOO HOT"], by="cloud")
    county.at("02:26:30").answers("Amy")
    county.expect_sms(to="Amy", between=("02:26:30", "02:28"), says=["NOTED"])
    county.expect_sms(to=["Li", "Wang", "Zhao"], between=("02:26:30", "02:28"), says=["Amy"])
    county.expect_silence(until="02:56")
    county.expect_sms(
        to=EVERYBODY, between=("02:56:30", "02:58"), says=["STILL OPEN"], by="hub's modem"
    )
    county.expect_sms(to="Zhao", between=("02:56:30", "02:58"), says=["STILL OPEN"], by="cloud")
    county.expect_silence(until="03:10")


def a_message_that_is_not_delivered_is_told_to_the_stand_in(county: County) -> None:
    """Duty roster with times and stand-ins; a delivery that failed is told to the next."""
    duty = [{"role": "pharmacist", "person": "wang", "stand_in": "ben"}]
    steps = [{"to": ["li", "pharmacist", "amy"]}]
    county.begins("02:05", steps=steps, site={"duty": duty})
    county.modem().reports.update({PHONES["Wang"]: "failed", PHONES["Li"]: "delivered"})
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="12min")
    county.expect_sms(to=["Li", "Amy"], between=("02:20", "02:21"), says=["TOO HOT"])
    county.expect_sms(to="Ben", between=("02:20", "02:21"), says=["Wang", "TOO HOT"])
    county.expect_silence(until="02:30")


def a_delivery_report_that_is_missing_is_told_to_the_next(county: County) -> None:
    """Somebody always answers: a report that has not come after a quarter of an hour is none."""
    county.begins("02:05", steps=[CHAIN[0], {"after": "60min", "to": ["zhao"]}])
    county.modem().reports.update({PHONES["Li"]: "delivered", PHONES["Amy"]: "delivered"})
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.expect_silence(until="02:34:30")
    county.expect_sms(to="Zhao", between=("02:35", "02:36"), says=["Wang", "TOO HOT"])
    county.expect_silence(until="02:45")


def a_report_is_missing_and_somebody_has_answered(county: County) -> None:
    """A named answer stops the escalation: nobody else is woken for a report that does not come.

    When the answer holds no more, Wang is told anew; then a report that is missing counts again.
    """
    county.begins("02:05", steps=[CHAIN[0], {"after": "2h", "to": ["zhao"]}])
    county.modem().reports.update({PHONES["Li"]: "delivered", PHONES["Amy"]: "delivered"})
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:22").answers("Li")
    county.expect_sms(to="Li", between=("02:22", "02:23"), says=["NOTED"])
    county.expect_sms(to=["Wang", "Amy"], between=("02:22", "02:23"), says=["Li", "answers"])
    county.expect_silence(until="02:51")
    assert len(county.entries("sms.undelivered")) == 2
    county.expect_sms(to=EVERYBODY, between=("02:52", "02:53"), says=["STILL OPEN"])
    county.expect_silence(until="03:06:30")
    county.expect_sms(to="Zhao", between=("03:07", "03:08"), says=["Wang", "TOO HOT"])
    county.expect_silence(until="03:20")


def a_report_is_missing_and_it_is_over(county: County) -> None:
    """Nobody is woken for what is over and what the others know of."""
    county.begins("02:05", steps=[CHAIN[0], {"after": "2h", "to": ["zhao"]}])
    county.modem().reports.update({PHONES["Li"]: "delivered", PHONES["Amy"]: "delivered"})
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="11min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.expect_sms(to=EVERYBODY, between=("02:31", "02:32"), says=["RECOVERED"])
    county.expect_silence(until="03:00")
    assert county.entries("sms.undelivered")


# --- the agent's own modem ---


def the_hubs_sms_are_dead_and_the_agents_work(county: County) -> None:
    """The agent's own modem.

    The agent sends for itself unless, within two minutes of an excursion's opening, the hub's
    retained `told` lists that excursion; in doubt a second SMS goes out, bearing the same code.
    """
    county.begins("02:05", own_modem=True)
    county.modem().state = "jammed"
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(
        to=EVERYBODY, between=("02:22", "02:22:40"), says=["TOO HOT", "8.0"], by="pi-1's modem"
    )
    by_the_agent = county.code("Amy")
    county.expect_silence(until="02:30")
    county.modem().state = "works"
    county.expect_sms(to=EVERYBODY, between=("02:30", "02:31"), says=["TOO HOT"], by="hub's modem")
    assert county.code("Amy") == by_the_agent
    county.expect_silence(until="02:40")
    assert len(county.entries("device.modem.sent")) == 3


def the_agents_sms_are_dead_and_the_hubs_work(county: County) -> None:
    """... and the other way round."""
    county.begins("02:05", own_modem=True)
    county.modem("pi-1's modem").state = "jammed"
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="15min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"], by="hub's modem")
    county.expect_silence(until="02:34")
    county.expect_sms(to=EVERYBODY, between=("02:35", "02:36"), says=["RECOVERED"])
    county.modem("pi-1's modem").state = "works"
    county.expect_silence(until="02:45")


def told_by_the_hub_the_agent_says_nothing(county: County) -> None:
    """`told` means that a channel reported it sent (modem: SendingOK), not that it lies in a queue."""
    county.begins("02:05", own_modem=True)
    county.modem().state = "jammed"
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.at("02:21")
    county.modem().state = "works"
    county.expect_sms(to=EVERYBODY, between=("02:21", "02:21:30"), says=["TOO HOT"])
    county.expect_silence(until="02:35")


def cut_off_from_the_hub_the_agent_tells_by_itself(county: County) -> None:
    """In the agent it drives buzzer, light and, where fitted, the agent's own modem."""
    county.begins("02:05", own_modem=True, lost_contact_after="60min")
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="15min")
    county.device().loses_its_link()
    county.expect_sms(
        to=EVERYBODY, between=("02:22", "02:22:40"), says=["TOO HOT"], by="pi-1's modem"
    )
    county.expect_silence(until="02:34")
    county.expect_sms(
        to=EVERYBODY, between=("02:35", "02:36"), says=["RECOVERED"], by="pi-1's modem"
    )
    codes = {name: county.code(name) for name in EVERYBODY}
    county.at("02:40").device().has_its_link_again()
    # The hub tells what it learns all the same: it knows the stock, and whose answer it is.
    county.expect_sms(
        to=EVERYBODY, between=("02:40", "02:41"), says=["LATE", "TOO HOT"], by="hub's modem"
    )
    assert {name: county.code(name) for name in EVERYBODY} == codes


def without_mains_and_without_the_hub_the_agent_tells_within_seconds(county: County) -> None:
    """Mains that are lost do not wait two minutes: the site's router has no mains either."""
    county.begins("02:05", points=[CENTER, MAINS], sampling="10s", own_modem=True)
    county.at("02:10")
    county.fridge("Fridge 1").loses_mains()
    county.device().loses_its_link()
    county.expect_sms(
        to=EVERYBODY,
        between=("02:10", "02:10:30"),
        says=["Fridge 1", "MAINS LOST"],
        by="pi-1's modem",
    )
    county.expect_silence(until="02:14")


def the_button_silences_the_buzzer_for_ten_minutes_and_answers_nothing(county: County) -> None:
    """The button on the Pi only silences the buzzer for ten minutes, and is recorded."""
    county.begins("02:05", steps=CHAIN, panel=True)
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    assert county.device().buzzes
    county.at("02:25").device().has_its_button_pressed()
    assert not county.device().buzzes
    county.at("02:34:50")
    assert not county.device().buzzes
    county.at("02:35:10")
    assert county.device().buzzes
    (entry,) = county.entries("device.panel.mute")
    assert entry.body["body"]["for_ms"] == 10 * 60_000
    assert county.entries("alarm.acknowledged") == []
    county.expect_sms(to="Zhao", between=("02:40", "02:41"), says=["NOT ANSWERED"])


# --- the hub ---


def the_hub_is_dead_and_somebody_says_so(county: County) -> None:
    """Who watches the hub.

    `coldwatch watch`, on another power supply and network path, sends when the hub's heartbeat
    is five minutes old.
    """
    county.begins("02:05").is_watched()
    county.at("02:10").hub_dies()
    county.expect_sms(
        to="Amy",
        between=("02:14", "02:15:30"),
        says=["SILENT", "East County"],
        by="watcher's modem",
    )
    county.expect_silence(until="02:30")
    county.hub_begins()
    county.expect_sms(to="Amy", between=("02:31", "02:33"), says=["HUB BACK"])
    county.expect_silence(until="02:40")


def a_hub_that_begins_anew_at_once_is_no_news(county: County) -> None:
    """A restart never loses a notice, and repeats one only where the channel cannot be asked."""
    county.begins("02:05").is_watched()
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="20min")
    for minute in range(11, 38, 3):
        county.at(f"02:{minute}").restart_hub()
        if minute == 20:
            county.expect_sms(to=EVERYBODY, between=("02:20", "02:20:30"), says=["TOO HOT"])
    county.expect_silence(until="02:39")
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["RECOVERED"])


def all_is_not_well_where_a_way_out_is_dead(county: County) -> None:
    """Once a day "all well": never while the next alarm would not leave by one of its ways."""
    county.begins(
        "07:40", ways=BOTH, channels=CHANNELS, caretakers=["ben"], site={"all_well": "08:00"}
    )
    county.modem("hub's modem").state = "gone"
    county.expect_sms(
        to=EVERYBODY,
        between=("08:00", "08:01"),
        says=["NOT ALL WELL", "modem", "FAILS", "Measured"],
    )
    county.expect_sms(to="Ben", between=("08:00", "08:02"), says=["do not get out"])
    county.expect_silence(until="08:20")


def a_card_without_credit_is_told_by_day_and_once(county: County) -> None:
    """Signal strength and balance watched: told by day, once, until it was well in between."""
    county.begins("day 1 08:20", site={"all_well": "08:30"}, hub_looks_every="10min")
    county.expect_sms(to=EVERYBODY, between=("day 1 08:30", "day 1 08:41"), says=["ALL WELL"])
    county.at("day 1 23:00").modem().needs = ("credit",)
    county.expect_silence(until="day 2 07:59")
    county.expect_sms(
        to=EVERYBODY, between=("day 2 08:00", "day 2 08:11"), says=["see to this", "credit low"]
    )
    county.expect_sms(
        to=EVERYBODY, between=("day 2 08:30", "day 2 08:41"), says=["NOT ALL WELL", "credit low"]
    )
    # It comes and goes: that is one matter.
    county.at("day 2 09:00").modem().needs = ()
    county.at("day 2 15:00").modem().needs = ("credit",)
    county.expect_silence(until="day 2 18:00")
    county.modem().needs = ("signal",)
    county.expect_sms(
        to=EVERYBODY, between=("day 3 08:00", "day 3 08:11"), says=["see to this", "signal weak"]
    )
    county.expect_sms(
        to=EVERYBODY, between=("day 3 08:30", "day 3 08:41"), says=["NOT ALL WELL", "signal weak"]
    )
    county.at("day 3 09:00").modem().needs = ()
    county.expect_sms(to=EVERYBODY, between=("day 4 08:30", "day 4 08:41"), says=["ALL WELL"])
    county.at("day 4 12:00").modem().needs = ("credit",)
    county.expect_sms(
        to=EVERYBODY, between=("day 4 12:00", "day 4 12:31"), says=["see to this", "credit low"]
    )
    county.expect_silence(until="day 4 14:00")
    poor = [entry.body["need"] for entry in county.entries("way.poor")]
    assert poor == ["credit", "credit", "signal", "credit"]
    well = [entry.body["need"] for entry in county.entries("way.well")]
    assert well == ["credit", "credit", "signal"]
