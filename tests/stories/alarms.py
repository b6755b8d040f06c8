"""Who is told, when, and who answers: design.md, "Alarms", sentence by sentence."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from journal.work import WorkRefusedError
from tests.stories.county import County
from tests.stories.settings import CENTER, DOOR, EVERYBODY, MAINS, PHONES

# Three people together, again every ten minutes; Zhao after twenty, Chen after forty.
CHAIN = [
    {"after": "0min", "to": ["li", "wang", "amy"], "repeat": "10min"},
    {"after": "20min", "to": ["zhao"]},
    {"after": "40min", "to": ["chen"]},
]
ONCE = [{"after": "0min", "to": ["li", "wang", "amy"]}, {"after": "20min", "to": ["zhao"]}]

# --- escalation ---


def it_sounds_at_once_and_people_follow_after_ten_minutes(county: County) -> None:
    """The buzzer, and the SMS.

    `cn-gsp` sounds at once (instant rule); its SMS follow D = 10 min, the first step to at
    least three persons together.
    """
    county.begins("02:05", sampling="30s")
    county.at("02:10").fridge("Fridge 1").reads(9.2)
    county.at("02:10:31")
    assert county.device().sounds
    county.expect_silence(until="02:20")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:20:30"), says=["TOO HOT", "9.2"])


def fewer_than_three_telephones_are_refused(county: County) -> None:
    """A configuration with fewer distinct numbers is refused."""
    gsp = [{"id": "fridge-1", "name": {"zh": "1", "en": "1"}, "profiles": ["cn-gsp"]}]
    with pytest.raises(ValidationError, match="demands at least 3"):
        county.begins(steps=[{"to": ["li", "wang"]}], site={"assets": gsp})
    # One telephone in three spellings rings once.
    one = ("13900000001", "+8613900000001", "8613900000001")
    people = [
        {"id": name.lower(), "name": name, "phone": phone}
        for name, phone in zip(EVERYBODY, one, strict=True)
    ]
    with pytest.raises(ValidationError, match="reaches 1 telephone numbers"):
        county.begins(steps=[{"to": ["li", "wang", "amy"]}], site={"assets": gsp}, people=people)
    county.begins(steps=[{"to": ["li", "wang", "amy"]}], site={"assets": gsp}, fridges=1)


def nobody_answers_and_it_goes_up_the_chain(county: County) -> None:
    """Escalation is data.

    Escalation is data: steps with `after`, `to`, `channels`, `repeat`. Told: opening, each
    repeat, each escalation, recovery.
    """
    county.begins("02:05", steps=CHAIN)
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="52min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT", "8.0"])
    county.expect_silence(until="02:29")
    county.expect_sms(to=EVERYBODY, between=("02:30", "02:31"), says=["AGAIN", "20 min"])
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["AGAIN", "30 min"])
    county.expect_sms(to="Zhao", between=("02:40", "02:41"), says=["NOT ANSWERED", "TOO HOT"])
    county.expect_sms(to=EVERYBODY, between=("02:50", "02:51"), says=["AGAIN", "40 min"])
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["AGAIN", "50 min"])
    county.expect_sms(to="Chen", between=("03:00", "03:01"), says=["NOT ANSWERED", "TOO HOT"])
    county.expect_silence(until="03:11")
    county.expect_sms(
        to=[*EVERYBODY, "Zhao", "Chen"], between=("03:12", "03:13"), says=["RECOVERED", "52 min"]
    )
    county.expect_silence(until="03:30")


def a_code_by_sms_answers_and_stops_the_escalation(county: County) -> None:
    """A named answer acknowledges (the code by SMS, or the console) and stops the escalation."""
    county.begins("02:05", steps=CHAIN)
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="35min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").answers("Li")
    county.expect_sms(to="Li", between=("02:25", "02:26"), says=["NOTED", "Fridge 1"])
    county.expect_sms(to=["Wang", "Amy"], between=("02:25", "02:26"), says=["Li", "answers"])
    county.expect_silence(until="02:54")
    county.expect_sms(to=EVERYBODY, between=("02:55", "02:56"), says=["RECOVERED"])
    (entry,) = county.entries("alarm.acknowledged")
    assert entry.body == {"person": "li", "way": "sms"}


def the_page_answers_as_the_sms_does(county: County) -> None:
    """The console gives the same acknowledgement."""
    county.begins("02:05", steps=ONCE)
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="35min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").answers_on_the_page("Amy")
    county.expect_sms(to=["Li", "Wang"], between=("02:25", "02:26"), says=["Amy", "answers"])
    county.expect_silence(until="02:54")
    county.expect_sms(to=EVERYBODY, between=("02:55", "02:56"), says=["RECOVERED"])
    assert [entry.body["way"] for entry in county.entries("alarm.acknowledged")] == ["console"]


def thirty_minutes_later_and_still_open_it_resumes(county: County) -> None:
    """... which resumes when the excursion is still open after 30 minutes."""
    county.begins("02:05", steps=ONCE)
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").answers("Li")
    county.expect_sms(to="Li", between=("02:25", "02:26"), says=["NOTED"])
    county.expect_sms(to=["Wang", "Amy"], between=("02:25", "02:26"), says=["Li", "answers"])
    county.expect_silence(until="02:54")
    # Seventy Chinese characters have no room for who had answered.
    county.expect_sms(to=["Li", "Wang"], between=("02:55", "02:56"), says=["STILL OPEN"])
    county.expect_sms(to="Amy", between=("02:55", "02:56"), says=["STILL OPEN", "Li", "02:25"])
    # Of the twenty minutes until Zhao, five had passed when Li answered.
    county.expect_silence(until="03:09")
    county.expect_sms(to="Zhao", between=("03:10", "03:11"), says=["TOO HOT", "NOT ANSWERED"])


def what_gets_worse_is_told_although_somebody_answered(county: County) -> None:
    """... or worsens: another rule opens in it that holds stock."""
    county.begins("02:05", steps=ONCE)
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("02:10").fridge("Fridge 1").reads(9.2)
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").answers("Amy")
    county.expect_sms(to="Amy", between=("02:25", "02:26"), says=["NOTED"])
    county.expect_sms(to=["Li", "Wang"], between=("02:25", "02:26"), says=["Amy", "answers"])
    county.expect_silence(until="02:39")
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["TOO HOT", "100 doses"])
    county.expect_silence(until="02:50")


def two_people_answer_in_the_same_second(county: County) -> None:
    """Every acknowledgement is an entry with who and when; the others hear of it once."""
    county.begins("02:05", steps=ONCE)
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="20min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").answers("Li").answers("Wang")
    county.expect_sms(to="Li", between=("02:25", "02:26"), says=["NOTED"])
    county.expect_sms(to="Wang", between=("02:25", "02:26"), says=["Fridge 1"])
    county.expect_sms(to="Amy", between=("02:25", "02:26"), says=["answers"])
    county.expect_silence(until="02:39")
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["RECOVERED"])
    assert [entry.body["person"] for entry in county.entries("alarm.acknowledged")] == [
        "li",
        "wang",
    ]


def the_duty_changes_in_the_middle(county: County) -> None:
    """Duty roster with times, so that steps name roles and not people."""
    duty = [
        {"role": "pharmacist", "person": "li", "from": "20:00", "until": "03:00"},
        {"role": "pharmacist", "person": "wang", "from": "03:00", "until": "20:00"},
    ]
    steps = [{"to": ["pharmacist", "amy", "zhao"], "repeat": "10min"}]
    county.begins("02:35", steps=steps, site={"duty": duty})
    county.at("02:40").fridge("Fridge 1").reads(8.0, for_="24min")
    county.expect_sms(to=["Li", "Amy", "Zhao"], between=("02:50", "02:51"), says=["TOO HOT"])
    county.expect_sms(to=["Amy", "Zhao"], between=("03:00", "03:01"), says=["AGAIN", "TOO HOT"])
    county.expect_sms(to="Wang", between=("03:00", "03:01"), says=["TOO HOT"])
    county.expect_silence(until="03:13")
    # Whoever was told of it hears of its end.
    county.expect_sms(
        to=["Li", "Amy", "Zhao", "Wang"], between=("03:14", "03:15"), says=["RECOVERED"]
    )


def announced_work_keeps_people_asleep_and_counts_all_the_same(county: County) -> None:
    """Planned work announced with an end: alarms wait, exposure counts, and the end is enforced."""
    county.begins("02:05", steps=ONCE)
    county.at("02:08").fridge("Fridge 1").is_worked_on(until="02:50")
    county.at("02:10").fridge("Fridge 1").reads(8.6)
    county.expect_silence(until="02:49")
    county.expect_sms(to=EVERYBODY, between=("02:50", "02:51"), says=["WORK IS OVER", "TOO HOT"])
    county.expect_silence(until="02:58")
    assert county.exposure("Fridge 1", "02:00", "02:55").above_ms == 45 * 60_000
    assert county.entries("work.planned")


def work_behind_work_does_not_keep_people_asleep_all_night(county: County) -> None:
    """The end of planned work is enforced: plans that adjoin are one, of four hours at most."""
    county.begins("02:05", steps=ONCE)
    county.at("02:08").fridge("Fridge 1").is_worked_on(until="06:08")
    county.at("02:10").fridge("Fridge 1").reads(12.0)
    with pytest.raises(WorkRefusedError, match="more than 4 h of work"):
        county.fridge("Fridge 1").is_worked_on(until="06:10")
    county.expect_silence(until="06:07")
    county.expect_sms(to=EVERYBODY, between=("06:08", "06:09"), says=["WORK IS OVER", "TOO HOT"])


def an_agent_with_a_modem_of_its_own_waits_for_the_work_as_well(county: County) -> None:
    """Planned work: alarms wait; with the hub dead in the midst, they are told when it is over."""
    county.begins("02:05", own_modem=True)
    county.at("02:08").fridge("Fridge 1").is_worked_on(until="02:50")
    county.at("02:10").fridge("Fridge 1").reads(8.6)
    county.expect_silence(until="02:30")
    # It dies before it can tell anybody that the work is over: two minutes behind that the agent does.
    county.hub_dies()
    county.expect_silence(until="02:51")
    county.expect_sms(
        to=EVERYBODY, between=("02:52", "02:54"), says=["Fridge 1", "TOO HOT"], by="pi-1's modem"
    )
    county.expect_silence(until="02:58")


# --- storms ---


def two_fridges_at_once_are_one_message_and_one_more(county: County) -> None:
    """The first message to a person goes at once; further ones within 30 s are joined."""
    county.begins("02:05", fridges=4)
    county.at("02:10")
    for fridge in ("Fridge 1", "Fridge 2", "Fridge 3"):
        county.fridge(fridge).reads(8.4, for_="15min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:20:10"), says=["TOO HOT", "8.4"])
    county.expect_sms(to=EVERYBODY, between=("02:20:25", "02:20:45"), says=["TOO HOT", "2"])
    county.expect_silence(until="02:34")
    county.expect_sms(to=EVERYBODY, between=("02:35", "02:36"), says=["OVER", "3"])


def a_township_of_two_hundred_fridges_without_mains_is_two_messages(county: County) -> None:
    """... so a township without mains is two messages and not forty."""
    county.begins(
        "02:09",
        devices=25,
        fridges=8,
        points=[MAINS],
        profiles=["who-pqs"],
        killed_seldom=True,
    )
    county.at("02:10")
    for number in range(1, 201):
        county.fridge(f"Fridge {number}").loses_mains()
    county.expect_sms(to=EVERYBODY, between=("02:10", "02:11:10"), says=["MAINS LOST"])
    county.expect_sms(to=EVERYBODY, between=("02:10:30", "02:11:50"), says=["MAINS LOST", "199"])
    county.expect_silence(until="02:13")
    assert len({row.asset for row in county.excursions()}) == 200


def a_busy_hour_never_swallows_a_first_alarm(county: County) -> None:
    """Rate limit per person that never swallows a first alarm."""
    county.begins("02:00", steps=[{"to": ["amy"], "repeat": "1min"}], most_sms_an_hour=3)
    county.at("02:05").fridge("Fridge 1").reads(8.0)
    county.at("02:09").fridge("Fridge 2").reads(1.5)
    county.expect_sms(to="Amy", between=("02:15", "02:16"), says=["Fridge 1", "TOO HOT"])
    county.expect_sms(to="Amy", between=("02:16", "02:17"), says=["AGAIN"])
    county.expect_sms(to="Amy", between=("02:17", "02:18:30"), says=["AGAIN"])
    county.expect_silence(until="02:19")
    county.expect_sms(to="Amy", between=("02:19", "02:20"), says=["Fridge 2", "TOO COLD"])
    county.expect_silence(until="02:22")


def a_busy_hour_never_swallows_that_stock_went_on_hold(county: County) -> None:
    """Rate limit per person: what holds the stock is told at once, whatever came before."""
    county.begins("02:00", steps=[{"to": ["amy"], "repeat": "3min"}], most_sms_an_hour=2)
    county.fridge("Fridge 1").receives("A1", 100)
    county.at("02:10").fridge("Fridge 1").reads(9.2)
    county.expect_sms(to="Amy", between=("02:20", "02:21"), says=["TOO HOT"])
    county.expect_sms(to="Amy", between=("02:23", "02:24"), says=["AGAIN"])
    county.expect_silence(until="02:39")
    county.expect_sms(to="Amy", between=("02:40", "02:41"), says=["TOO HOT", "100 doses"])
    county.expect_silence(until="02:50")


# --- answers ---


def wrong_codes_strangers_and_floods_harm_nobody(county: County) -> None:
    """A wrong code, an unknown number and a flood are harmless and recorded."""
    county.begins("02:05", steps=ONCE)
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="40min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    code = county.code("Amy")
    county.at("02:22").writes("Amy", "1000" if code != "1000" else "1001")
    county.expect_sms(to="Amy", between=("02:22", "02:23"), says=["No alarm of yours"])
    county.at("02:24").writes("+8613777777777", code)
    for _ in range(30):
        county.writes("+8613777777778", "win a prize")
    county.expect_silence(until="02:39")
    assert county.entries("alarm.acknowledged") == []
    meanings = [entry.body["meaning"] for entry in county.entries("answer.received")]
    assert meanings[0] == "unknown-code"
    assert set(meanings[1:]) == {"unknown-number"}
    county.expect_sms(to="Zhao", between=("02:40", "02:41"), says=["NOT ANSWERED"])
    county.expect_silence(until="02:50")


def an_answer_to_the_devices_own_modem_waits_for_the_link(county: County) -> None:
    """A named answer stops the escalation: also one that comes to the hub with its alarm."""
    county.begins("02:05", own_modem=True, lost_contact_after="60min", steps=ONCE)
    county.at("02:10").fridge("Fridge 1").reads(8.0)
    county.device().loses_its_link()
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:23"), says=["TOO HOT"], by="pi-1's modem")
    county.at("02:25").answers("Amy", by="pi-1's modem")
    county.expect_silence(until="02:40")
    county.device().has_its_link_again()
    # Nobody had told the hub's people by the hub's modem: it tells them, and what Amy said counts.
    county.expect_sms(to=EVERYBODY, between=("02:40", "02:41"), says=["LATE", "TOO HOT"])
    county.expect_sms(to="Amy", between=("02:40", "02:41"), says=["NOTED", "Fridge 1"])
    (entry,) = county.entries("alarm.acknowledged")
    assert entry.body == {"person": "amy", "way": "sms"}
    # It would be Zhao's turn twenty minutes later.
    county.expect_silence(until="03:09")
    county.expect_sms(to=EVERYBODY, between=("03:10", "03:11"), says=["STILL OPEN"])
    county.expect_silence(until="03:15")


def one_answer_to_the_devices_own_modem_is_for_all_that_its_sms_said(county: County) -> None:
    """Answered is every alarm that the SMS with the code spoke of: too hot, and the door is open."""
    county.begins(
        "02:00", own_modem=True, points=[CENTER, DOOR], lost_contact_after="60min", steps=ONCE
    )
    county.at("02:03").device().loses_its_link()
    county.at("02:05").fridge("Fridge 1").reads(8.0)
    county.at("02:10").fridge("Fridge 1").door_opens()
    county.expect_sms(
        to=EVERYBODY,
        between=("02:17", "02:17:30"),
        says=["Fridge 1", "TOO HOT", "8.0", "DOOR OPEN"],
        by="pi-1's modem",
    )
    county.at("02:25").answers("Amy", by="pi-1's modem")
    county.expect_silence(until="02:30")
    county.device().has_its_link_again()
    # The hub tells one of them and then the other; both have opened at one instant.
    county.expect_sms(to="Amy", between=("02:30", "02:30:20"), says=["NOTED", "Fridge 1"])
    county.expect_sms(to=EVERYBODY, between=("02:30", "02:30:20"), says=["02:30", "Fridge 1"])
    county.expect_sms(to=EVERYBODY, between=("02:30:20", "02:31"), says=["Fridge 1"])
    # It would be Zhao's turn twenty minutes later, for either of them.
    county.expect_silence(until="02:59")
    assert len({entry.subject for entry in county.entries("alarm.acknowledged")}) == 2
    county.expect_sms(to=EVERYBODY, between=("03:00", "03:01"), says=["STILL OPEN"])


def a_word_of_who_answers_keeps_no_alarm_waiting(county: County) -> None:
    """The first message to a person goes at once, also behind one of who answers for another."""
    county.begins("02:00", sampling="10s", steps=ONCE)
    county.at("02:05").fridge("Fridge 1").reads(8.0)
    county.at("02:07:10").fridge("Fridge 2").reads(1.5)
    county.expect_sms(to=EVERYBODY, between=("02:15", "02:15:20"), says=["Fridge 1", "TOO HOT"])
    county.at("02:17").answers("Amy")
    county.expect_sms(to="Amy", between=("02:17", "02:17:08"), says=["NOTED"])
    county.expect_sms(to=["Li", "Wang"], between=("02:17", "02:17:08"), says=["Amy", "answers"])
    county.expect_sms(to=EVERYBODY, between=("02:17:10", "02:17:25"), says=["Fridge 2", "TOO COLD"])
    county.expect_silence(until="02:30")


def a_code_answers_what_its_own_message_said(county: County) -> None:
    """One code for the alarms of one message: not for those that a later one joins with them."""
    steps = [{"to": ["amy"], "repeat": "10min"}]
    county.begins("02:00", fridges=3, steps=steps, sampling="30s")
    county.at("02:05").fridge("Fridge 1").reads(9.0)
    county.at("02:05:30").fridge("Fridge 2").reads(1.0)
    county.fridge("Fridge 3").reads(1.0)
    county.expect_sms(to="Amy", between=("02:15", "02:15:10"), says=["Fridge 1", "TOO HOT"])
    county.expect_sms(
        to="Amy", between=("02:15:20", "02:16"), says=["TOO COLD", "Fridge 2", "Fridge 3"]
    )
    cold = county.code("Amy")
    # What fell due while the hub was away is joined, under the code of Fridge 1.
    county.at("02:24").hub_dies()
    county.at("02:26").hub_begins()
    county.expect_sms(to="Amy", between=("02:26", "02:27"), says=["AGAIN", "3 fridges"])
    assert county.code("Amy") != cold
    county.at("02:28").writes("Amy", cold)
    county.expect_sms(
        to="Amy", between=("02:28", "02:29"), says=["NOTED", "Fridge 2", "Fridge 3", "TOO COLD"]
    )
    # Fridge 1 is too hot, and nobody has answered for it.
    county.expect_sms(
        to="Amy", between=("02:35", "02:35:15"), says=["AGAIN", "Fridge 1", "TOO HOT"]
    )
    county.expect_silence(until="02:35:20")
    assert len(county.entries("alarm.acknowledged")) == 2


def a_question_mark_asks_how_the_fridges_are(county: County) -> None:
    """`?` asks for the state of one's site."""
    county.begins("02:05")
    county.at("02:10").writes("Amy", "?")
    county.expect_sms(to="Amy", between=("02:10", "02:11"), says=["East Gate", "5.0"])
    county.expect_silence(until="02:15")


def a_fridge_that_was_too_hot_stays_on_the_list_until_somebody_says_why(county: County) -> None:
    """A heat or freeze excursion stays on the list until a reason and an action are given."""
    county.begins("02:05")
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="12min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.expect_sms(to=EVERYBODY, between=("02:32", "02:33"), says=["RECOVERED"])
    assert county.unexplained() == ["east-gate/fridge-1"]
    county.at("02:40").answers("Amy", "door")
    county.expect_sms(to="Amy", between=("02:40", "02:41"), says=["NOTED"])
    assert county.unexplained() == ["east-gate/fridge-1"]
    county.at("02:50").explains_on_the_page("Amy", "door", "shut it, moved nothing")
    assert county.unexplained() == []


def words_behind_a_code_hold_no_longer_than_the_code(county: County) -> None:
    """Resumes when still open after 30 minutes, and stays on the list, whatever words an SMS has."""
    county.begins("02:05", steps=ONCE)
    county.at("02:10").fridge("Fridge 1").reads(8.0, for_="55min")
    county.expect_sms(to=EVERYBODY, between=("02:20", "02:21"), says=["TOO HOT"])
    county.at("02:25").answers("Amy", "power is out")
    county.expect_sms(to="Amy", between=("02:25", "02:26"), says=["NOTED"])
    county.expect_sms(to=["Li", "Wang"], between=("02:25", "02:26"), says=["Amy", "answers"])
    county.expect_silence(until="02:54")
    county.expect_sms(to=EVERYBODY, between=("02:55", "02:56"), says=["STILL OPEN"])
    county.at("03:05").answers("Li", "关门了")
    county.expect_sms(to="Li", between=("03:05", "03:06"), says=["NOTED"])
    county.expect_sms(to="Wang", between=("03:05", "03:06"), says=["Li", "answers"])
    county.expect_sms(to=EVERYBODY, between=("03:15", "03:16"), says=["RECOVERED"])
    # Both reasons were noted; what was done nobody has said, for an SMS cannot say it.
    reasons = [entry.body["reason"] for entry in county.entries("alarm.explained")]
    assert reasons == ["power", "door"]
    assert county.unexplained() == ["east-gate/fridge-1"]
    county.at("03:20").explains_on_the_page("Li", "door", "shut it, moved nothing")
    assert county.unexplained() == []


# --- so that silence is never mistaken for safety ---


def once_a_day_all_is_well(county: County) -> None:
    """Once a day at a chosen hour "all well", so that silence is never mistaken for safety."""
    county.begins("07:50", site={"all_well": "08:00"})
    county.expect_sms(to=EVERYBODY, between=("08:00", "08:01"), says=["ALL WELL", "5.0"])
    county.expect_silence(until="08:20")


def all_is_not_well_where_a_fridge_is_too_hot(county: County) -> None:
    """... and what is not well is said instead."""
    county.begins("07:40", site={"all_well": "08:00"})
    county.at("07:45").fridge("Fridge 2").reads(8.0)
    county.expect_sms(to=EVERYBODY, between=("07:55", "07:56"), says=["Fridge 2", "TOO HOT"])
    county.expect_sms(to="Amy", between=("08:00", "08:01"), says=["NOT ALL WELL", "Fridge 2"])
    county.expect_sms(to=["Li", "Wang"], between=("08:00", "08:01"), says=["Fridge 2"])
    county.expect_silence(until="08:10")


def once_a_month_the_whole_way_is_tested(county: County) -> None:
    """Monthly test of the whole way up to a confirmed delivery."""
    county.begins("day 31 09:55", way_test="10:00")
    for name in EVERYBODY:
        county.modem().reports[PHONES[name]] = "delivered"
    county.expect_sms(to=EVERYBODY, between=("day 31 10:00", "day 31 10:01"), says=["TEST"])
    county.expect_silence(until="day 31 10:10")
    results = {entry.subject: entry.body["result"] for entry in county.entries("way.tested")}
    assert results == {"li": "delivered", "wang": "delivered", "amy": "delivered"}


def a_test_that_nothing_confirms_is_told_by_day_in_one_message(county: County) -> None:
    """Monthly test of the whole way up to a confirmed delivery; what is not confirmed is told, once.

    Nobody is woken for it, and who was reached meanwhile is not named.
    """
    county.begins("day 31 17:40", way_test="17:50", hub_looks_every="5min")
    county.expect_sms(to=EVERYBODY, between=("day 31 17:50", "day 31 17:56"), says=["TEST"])
    county.expect_silence(until="day 31 18:30")
    tests = [(entry.subject, entry.body) for entry in county.entries("way.tested")]
    assert {(who, body["result"], body["phone"]) for who, body in tests} == {
        (name.lower(), "unconfirmed", PHONES[name]) for name in EVERYBODY
    }
    assert {(body["channel"], body["test"]) for _, body in tests} == {("modem", "2026-04")}
    # Wang's telephone was off.
    county.at("day 31 20:00")
    county.modem().reports[PHONES["Wang"]] = "delivered"
    county.expect_silence(until="day 32 07:59")
    (text,) = county.expect_sms(
        to="Wang",
        between=("day 32 08:00", "day 32 08:06"),
        says=["nothing confirms", "Li Na", "Amy"],
    )
    assert "Wang Jun" not in text
    county.expect_silence(until="day 33 12:00")


def a_test_that_surely_did_not_arrive_is_told_by_day(county: County) -> None:
    """Monthly test of the whole way: a report that comes by night and says no wakes nobody."""
    county.begins("day 31 17:40", way_test="17:50", hub_looks_every="5min")
    for name in ("Li", "Amy"):
        county.modem().reports[PHONES[name]] = "delivered"
    county.expect_sms(to=EVERYBODY, between=("day 31 17:50", "day 31 17:56"), says=["TEST"])
    county.at("day 31 23:00")
    county.modem().reports[PHONES["Wang"]] = "failed"
    county.expect_silence(until="day 32 07:59")
    county.modem().reports[PHONES["Wang"]] = "delivered"
    county.expect_sms(
        to="Li", between=("day 32 08:00", "day 32 08:06"), says=["无法通知", "Wang Jun", "未送达"]
    )
    county.expect_silence(until="day 32 12:00")
    results = [e.body["result"] for e in county.entries("way.tested") if e.subject == "wang"]
    assert results == ["unconfirmed", "failed"]


def who_answers_a_test_has_got_it(county: County) -> None:
    """Monthly test of the whole way: an SMS from the telephone confirms it, be it soon or late."""
    county.begins("day 31 09:55", way_test="10:00")
    county.expect_sms(to=EVERYBODY, between=("day 31 10:00", "day 31 10:01"), says=["TEST"])
    county.at("day 31 10:05").writes("Wang", "收到")
    county.expect_sms(to="Wang", between=("day 31 10:05", "day 31 10:06"), says=["发？查询"])
    county.expect_silence(until="day 31 10:14:30")
    county.expect_sms(
        to="Wang",
        between=("day 31 10:15", "day 31 10:18:30"),
        says=["nothing confirms", "Li Na", "Amy"],
    )
    county.at("day 31 11:00").writes("Amy", "Here I am")
    county.expect_sms(
        to="Amy", between=("day 31 11:00", "day 31 11:01"), says=["Send the 4 digits"]
    )
    county.expect_silence(until="day 31 11:10")
    results = {entry.subject: entry.body["result"] for entry in county.entries("way.tested")}
    assert results == {"li": "unconfirmed", "wang": "answered", "amy": "answered"}
    assert county.tests().unheard == ["li"]


def a_way_without_reports_brings_no_message_each_month(county: County) -> None:
    """Nobody is told each month that a way has no reports; whoever looks reads it."""
    county.begins("day 31 09:55", way_test="10:00")
    county.modem().knows_reports = False
    county.expect_sms(to=EVERYBODY, between=("day 31 10:00", "day 31 10:01"), says=["TEST"])
    county.expect_silence(until="day 31 12:00")
    assert county.entries("way.tested") == []
    tests = county.tests()
    assert (tests.count, tests.confirmed, tests.blind, tests.unheard) == (3, 0, 3, [])
