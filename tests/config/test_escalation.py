"""Escalations and duty rosters: what is refused, in which words, and who has a role when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.escalation import DAYS, Duty, fewest, on_duty
from config.hub import HubSettings
from config.loading import SettingsError, load
from config.units import minute_of_day

HUB = """
[[channels]]
id = "cloud"
kind = "log"
[[people]]
id = "li"
name = "李娜"
phone = "+8613900000001"
[[people]]
id = "wang"
name = "王军"
phone = "+8613900000002"
[[people]]
id = "amy"
name = "Amy"
phone = "+8613900000003"
[[people]]
id = "li-office"
name = "李娜"
phone = "+8613900000001"
[[sites]]
id = "east-gate"
name = { zh = "东门", en = "East Gate" }
kind = "fixed"
devices = ["pi-1"]
"""
COUNTY = """
[[escalations]]
id = "county"
steps = [
  { to = ["pharmacist", "wang", "amy"], repeat = "10min" },
  { after = "15min", to = ["li-office"], channels = ["cloud"] },
]
"""
DUTY = """
[[sites.duty]]
role = "pharmacist"
person = "li"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "20:00"
until = "08:00"
stand_in = "wang"
"""
FRIDGE = """
[[sites.assets]]
id = "fridge-1"
name = { zh = "1号冰箱", en = "Fridge 1" }
"""


def loaded(tmp_path: Path, text: str) -> HubSettings:
    """Load this hub.toml."""
    (tmp_path / "hub.toml").write_text(text)
    return load(tmp_path / "hub.toml", HubSettings)


def refusal(tmp_path: Path, text: str) -> str:
    """Return the one line with which this hub.toml is refused."""
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, text)
    (problem,) = refused.value.problems
    line = str(problem)
    assert "\n" not in line
    return line.partition("hub.toml:")[2]


def test_a_chain_of_people_is_read(tmp_path: Path) -> None:
    """Steps, roles, days and times as they are written."""
    settings = loaded(tmp_path, COUNTY + HUB + 'escalation = "county"\n' + DUTY + FRIDGE)

    first, second = settings.escalations[0].steps
    assert (first.after, first.repeat, first.channels) == (0, 600_000, [])
    assert (second.after, second.repeat, second.channels) == (900_000, None, ["cloud"])
    (site,) = settings.sites
    (duty,) = site.duty
    assert (duty.from_, duty.until, duty.stand_in) == (1_200, 480, "wang")
    assert site.tell == []
    assert settings.first_step(site) == ["pharmacist", "wang", "amy"]


def test_a_file_with_tell_alone_is_as_good_as_before(tmp_path: Path) -> None:
    """One step at once, without an end and without a repeat."""
    settings = loaded(tmp_path, HUB + 'tell = ["li"]\n' + FRIDGE)

    assert settings.first_step(settings.sites[0]) == ["li"]
    assert settings.escalations == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HUB + FRIDGE, 'this setting is missing; write tell = ["li"]'),
        (
            COUNTY + HUB + 'escalation = "count"\n' + DUTY + FRIDGE,
            (
                "site east-gate names the escalation count, which is none of [[escalations]]; "
                "add it there, or write another id"
            ),
        ),
        (
            COUNTY + HUB + 'escalation = "county"\n' + FRIDGE,
            (
                "escalation county tells pharmacist, who is in no [[people]] and no role at site "
                "east-gate; add [[sites.duty]] for it, or write another id"
            ),
        ),
        (
            HUB + 'tell = ["li"]\n' + FRIDGE + DUTY.replace('"wang"', '"zhao"'),
            (
                "the duty roster of site east-gate names zhao, who is in no [[people]]; add the "
                "person there, or write another id"
            ),
        ),
        (
            HUB + 'tell = ["li"]\n' + FRIDGE + DUTY.replace('"pharmacist"', '"amy"'),
            "amy is a role at site east-gate and a person; give the role another name",
        ),
        (
            HUB + 'tell = ["li"]\n' + FRIDGE + DUTY.replace('"08:00"', '"8 pm"'),
            "'8 pm' is no time of day; write for example \"08:00\"",
        ),
        (
            HUB + 'tell = ["li"]\n' + FRIDGE + DUTY.replace('"mon"', '"monday"'),
            '"monday" is none of the choices; write "mon" if that is meant',
        ),
        (
            HUB + 'tell = ["li"]\n' + FRIDGE + DUTY.replace("from =", "form ="),
            "there is no such setting; write from if that is meant",
        ),
        (
            COUNTY.replace('"15min"', '"0s"') + HUB + 'escalation = "county"\n' + DUTY + FRIDGE,
            (
                "the steps of escalation county do not follow each other; let each `after` be "
                "longer than the one before it"
            ),
        ),
        (
            'caretakers = ["zhao"]\n' + HUB + 'tell = ["li"]\n' + FRIDGE,
            "`caretakers` names zhao, who is in no [[people]]; add the person there, or write another id",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    """Each with what to write instead."""
    assert refusal(tmp_path, text).endswith(words)


GSP = FRIDGE + 'profiles = ["cn-gsp"]\n'


@pytest.mark.parametrize(
    ("tell", "count"), [('["li"]', 1), ('["li", "wang"]', 2), ('["li", "wang", "li-office"]', 2)]
)
def test_gsp_demands_three_numbers(tmp_path: Path, tell: str, count: int) -> None:
    """Two people with one telephone are one number."""
    assert refusal(tmp_path, HUB + f"tell = {tell}\n" + GSP).endswith(
        f"the first step of site east-gate reaches {count} telephone numbers, and cn-gsp demands "
        "at least 3 different ones; add people to it"
    )
    loaded(tmp_path, HUB + 'tell = ["li", "wang", "amy"]\n' + GSP)
    loaded(tmp_path, HUB + 'tell = ["li"]\n' + GSP.replace("cn-gsp", "who-pqs"))


@pytest.mark.parametrize("spelling", ["13900000009", "8613900000009", "008613900000009"])
def test_one_telephone_in_two_spellings_is_one_number(tmp_path: Path, spelling: str) -> None:
    """Who is named twice, with and without the country's code, is one telephone that rings."""
    people = "".join(
        f'[[people]]\nid = "{name}"\nname = "{name}"\nphone = "{phone}"\n'
        for name, phone in (("ward", "+8613900000009"), ("ward-2", spelling))
    )
    tell = 'tell = ["li", "ward", "ward-2"]\n'
    assert " reaches 2 telephone numbers, " in refusal(tmp_path, people + HUB + tell + GSP)
    other = people.replace(f'"{spelling}"', '"13900000010"')
    loaded(tmp_path, other + HUB + tell + GSP)


def test_gsp_demands_them_at_every_hour_of_the_week(tmp_path: Path) -> None:
    """By day nobody is the pharmacist: two numbers are left, and the line says when."""
    text = COUNTY + HUB + 'escalation = "county"\n' + DUTY

    assert refusal(tmp_path, text + GSP).endswith(
        "the first step of site east-gate reaches 2 telephone numbers on mon at 00:00, and cn-gsp "
        "demands at least 3 different ones; add people to it"
    )
    always = text.replace('days = ["mon", "tue", "wed", "thu", "fri"]\n', "")
    by_day = '[[sites.duty]]\nrole = "pharmacist"\nperson = "li"\nfrom = "08:00"\nuntil = "20:00"\n'
    loaded(tmp_path, always + by_day + GSP)
    assert "on mon at 08:00" in refusal(tmp_path, always + by_day.replace("08:00", "09:00") + GSP)


@pytest.mark.parametrize(
    ("text", "minute"), [("00:00", 0), ("08:05", 485), ("23:59", 1_439), ("24:00", 1_440)]
)
def test_times_of_day(text: str, minute: int) -> None:
    """From midnight to midnight."""
    assert minute_of_day(text) == minute


@pytest.mark.parametrize("text", ["24:01", "8:00", "08:60", "08.00", "29:00", "٠٨:٠٠", 8, None])
def test_what_is_no_time_of_day(text: Any) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="is no time of day"):
        minute_of_day(text)


def duty(**more: Any) -> Duty:
    """A line of a roster."""
    return Duty.model_validate({"role": "pharmacist", "person": "li"} | more)


@pytest.mark.parametrize(
    ("weekday", "minute", "covered"),
    [
        (4, 1_199, False),
        (4, 1_200, True),
        (5, 0, True),
        (5, 479, True),
        (5, 480, False),
        (5, 1_200, False),
        (6, 0, False),
        (0, 0, False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(
    weekday: int, minute: int, covered: bool
) -> None:
    """Friday from 20:00 until 08:00 ends on Saturday."""
    assert duty(days=["fri"], **{"from": "20:00"}, until="08:00").covers(weekday, minute) is covered


@given(
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 1_439),
    st.integers(1, 1_440),
    st.integers(0, 6),
    st.integers(0, 1_439),
)
def test_covering_is_what_the_minutes_say(
    days: set[str], begin: int, length: int, weekday: int, minute: int
) -> None:
    """A duty of so many minutes from so many beginnings covers exactly these."""
    end = begin + length
    until = end if end <= 1_440 else end - 1_440
    line = duty(
        days=sorted(days),
        **{"from": f"{begin // 60:02d}:{begin % 60:02d}"},
        until=f"{until // 60:02d}:{until % 60:02d}",
    )
    now = weekday * 1_440 + minute
    covered = any(
        0 <= (now - (DAYS.index(day) * 1_440 + begin)) % (7 * 1_440) < length for day in days
    )

    assert line.covers(weekday, minute) is covered


@given(
    st.lists(
        st.builds(
            lambda person, days, begin, until: duty(
                person=person,
                days=sorted(days),
                **{"from": f"{begin:02d}:00"},
                until=f"{until:02d}:30",
            ),
            st.sampled_from(["li", "wang", "amy"]),
            st.sets(st.sampled_from(DAYS), min_size=1),
            st.integers(0, 23),
            st.integers(0, 23),
        ),
        max_size=4,
    )
)
def test_the_fewest_is_that_of_all_minutes(lines: list[Duty]) -> None:
    """Looked at where the roster changes, as if at every half hour of the week."""
    numbers = {"li": "1", "wang": "2", "amy": "3"}
    roles = {line.role for line in lines}

    def count(weekday: int, minute: int) -> int:
        here = on_duty(lines, "pharmacist", weekday, minute) if roles else ["pharmacist"]
        return len({numbers[person] for person in [*here, "amy"] if person in numbers})

    every = min(count(weekday, minute) for weekday in range(7) for minute in range(0, 1_440, 30))
    found, weekday, minute = fewest(["pharmacist", "amy"], lines, numbers)

    assert found == every == count(weekday, minute)
