"""The words of the agent's own modem: the code that the hub's message bears, and what can be forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.codes import code_of
from alerts.rules import Rule
from firmware_agent.judging import Excursion
from firmware_agent.modem_steps import Step
from firmware_agent.modem_texts import Words

SERIES = "fridge-1/center/temperature"
MAINS = "fridge-1/mains/present"
NOW = 1_763_856_000_000
SETTINGS: dict[str, Any] = {
    "site_name": {"zh": "东门接种点", "en": "East Gate"},
    "zone": "Asia/Shanghai",
    "assets": [{"id": "fridge-1", "name": {"zh": "1号冰箱", "en": "Fridge 1"}}],
}
RULES = {
    SERIES: {
        "cn-gsp/out-of-range": Rule("cn-gsp/out-of-range", "consecutive", 600_000, above=8000),
        "cn-gsp/isolate": Rule("cn-gsp/isolate", "consecutive", 1_800_000, above=8000, holds=True),
    },
    MAINS: {"cn-gsp/mains": Rule("cn-gsp/mains", "consecutive", 2_000, at_or_below=0)},
}


def words(rules: Any = None) -> Words:
    """The words of a part with these rules."""
    body = {"decides": True, "storage": [2000, 8000]}
    series = {SERIES: body, MAINS: {"decides": False}}
    return Words(SETTINGS, series, RULES if rules is None else rules)


def excursion(digit: str, rule: str, opened: int = NOW, **other: Any) -> Excursion:
    """An excursion above 8 degC."""
    made = Excursion(
        digit * 16, digit * 16, SERIES, rule, "above", "certain", opened - 600_000, opened, None,
        9_500, 3, True,
    )  # fmt: skip
    return replace(made, **other)


def test_a_later_rule_bears_the_code_of_the_alarm_that_it_joins() -> None:
    """Isolation opens twenty minutes behind the alarm; its SMS is answered with the first code."""
    first = excursion("a", "cn-gsp/out-of-range")
    later = excursion("b", "cn-gsp/isolate", NOW + 1_200_000)

    text = words().text(Step("opened", (later,)), "en", {SERIES: 9_500}, NOW, open_=(first, later))

    assert text.endswith(f" Answer {code_of(first.id)}.")


@pytest.mark.parametrize(
    "other",
    [
        excursion("a", "cn-gsp/out-of-range", NOW - 1, side="below"),
        excursion("a", "cn-gsp/mains", NOW - 1, series=MAINS),
        excursion("a", "cn-gsp/at-limit", NOW - 1, tells=False),
        excursion("a", "cn-gsp/out-of-range", NOW - 1, series="fridge-2/center/temperature"),
    ],
    ids=["other side", "other quantity", "not told", "other fridge"],
)
def test_what_is_another_alarm_has_another_code(other: Excursion) -> None:
    """Another side, quantity or fridge, and what nobody is told of, lends its code to nothing."""
    mine = excursion("b", "cn-gsp/isolate")

    text = words().text(Step("opened", (mine,)), "zh", {SERIES: 9_500}, NOW, open_=(other, mine))

    assert text.endswith(f"回复{code_of(mine.id)}确认")


def test_a_warming_fridge_says_when_it_passes_the_limit() -> None:
    """The rate that was found gives the time to the end of the storage range, as in the hub."""
    rules = {SERIES: {"early/warming": Rule("early/warming", "rate", 600_000, above=100)}}
    warm = excursion("c", "early/warming", extreme=200)

    text = words(rules).text(Step("opened", (warm,)), "en", {SERIES: 6_000}, NOW)

    assert "Fridge 1 WARMING FAST: 6.0C, 0.2C a minute" in text
    assert "8C in 10 min at this rate." in text
    unknown = words(rules).text(Step("opened", (warm,)), "en", {}, NOW)
    assert "at this rate" not in unknown


def test_two_probes_that_disagree_say_by_how_much() -> None:
    """The difference of the newest readings; where one says nothing, the largest that was found."""
    other = "fridge-1/upper/temperature"
    rule = Rule("equipment/apart/upper", "disagreement", 600_000, apart=2_000, other=other)
    apart = excursion("d", "equipment/apart/upper", side="apart", extreme=3_600)
    mine = words({SERIES: {rule.id: rule}})

    text = mine.text(Step("opened", (apart,)), "zh", {SERIES: 4_000, other: 7_400}, NOW)
    assert "探头读数不一致 相差3.4℃（上限2℃）" in text
    alone = mine.text(Step("opened", (apart,)), "zh", {SERIES: 4_000}, NOW)
    assert "相差3.6℃" in alone


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "East Gate, Fridge 1: TOO HOT 9.5C, DOOR OPEN since"),
        ("zh", "东门接种点，1号冰箱报警：温度过高9.5℃、门未关，"),
    ],
)
def test_what_is_joined_is_said(language: str, says: str) -> None:
    """Two alarms of one moment: both by name, the value, and one code for all."""
    door = "fridge-1/door/open"
    rules = RULES | {door: {"cn-gsp/door": Rule("cn-gsp/door", "consecutive", 1, at_or_above=1)}}
    warm = excursion("a", "cn-gsp/out-of-range")
    both = Step(
        "opened",
        (
            warm,
            excursion("b", "cn-gsp/isolate"),
            excursion("c", "cn-gsp/door", series=door, extreme=1_000),
        ),
    )

    text = words(rules).text(both, language, {SERIES: 9_500, door: 1_000}, NOW)

    assert says in text
    code = code_of(warm.id)
    assert text.endswith((f"Answer {code} for all.", f"回复{code}全部确认"))


def test_a_reading_that_is_inside_again_is_not_what_is_said_of_a_joined_alarm() -> None:
    """As where it is told alone: "TOO HOT 7.5C" helps nobody."""
    door = "fridge-1/door/open"
    both = Step("opened", (excursion("a", "cn-gsp/out-of-range"), excursion("c", "x", series=door)))

    text = words().text(both, "en", {SERIES: 7_500}, NOW)

    assert "TOO HOT 9.5C" in text
