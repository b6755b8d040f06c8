"""The messages: what each must say, in one SMS, whatever the names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.facts import Happening, MessageFacts, Reply, Step, Trouble
from alerts.messages import compose, several, several_sites
from alerts.segments import encoding_of, fits_one, units
from alerts.wording import N_, Language, several_people
from tests.alerts.cases import CASES, CODE, LONG_NAMES, NAMES, TITLES, Names, at, facts_of

LANGUAGES: tuple[Language, ...] = ("zh", "en")

# What people get with ordinary names, word for word: a change of these is seen and meant.
TEXTS = {
    ("hot", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 温度过高 9.2℃（上限8℃），14:05起。"
    "请立即查门和电源。已停用3批126剂。回复4831确认",
    ("hot", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1 TOO HOT: 9.2C (max 8C)"
    " since 14:05. Check door and power now. On hold: 3 batches, 126 doses. Answer 4831.",
    ("cold", "zh"): "东门预防接种门诊 1号冰箱 温度过低 -1.2℃（下限2℃），14:05起。"
    "请立即检查，疫苗勿用。已停用3批126剂。回复4831确认",
    ("cold", "en"): "East Gate Vaccination Point, Fridge 1 TOO COLD: -1.2C (min 2C) since 14:05,"
    " 12 min. Check it now, use no vaccine. On hold: 3 batches, 126 doses. Answer 4831.",
    ("possible", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 疑似温度过高 9.2℃（上限8℃），"
    "14:05起已12分钟。请立即查门和电源。回复4831确认",
    ("cumulative", "zh"): "东门预防接种门诊 1号冰箱 温度过低 -0.7℃（下限-0.5℃），累计1小时2分钟。"
    "请立即检查，疫苗勿用。已停用1批1剂。回复4831确认",
    (
        "late",
        "zh",
    ): "【冷链迟报】东门预防接种门诊 1号冰箱 02:10至03:40温度过高，最高11.3℃（上限8℃）。"
    "已停用2批40剂。回复4831确认",
    ("late and open", "en"): "VACCINE ALARM, LATE: East Gate Vaccination Point, Fridge 1 TOO HOT:"
    " 9.2C (max 8C) since 1 Jul 22:10. Learned at 07:00. Check door and power now. Answer 4831.",
    ("escalated", "zh"): "【无人应答】东门预防接种门诊 1号冰箱 温度过高 9.2℃（上限8℃），14:05起。"
    "请立即查门和电源。已停用3批126剂。回复4831确认",
    ("lost contact, escalated", "en"): "NOT ANSWERED by Li Na, Wang Jun: East Gate Vaccination"
    " Point, Fridge 1: NO CONTACT since 14:05. Temperature unknown. Check power and network."
    " Answer 4831.",
    ("resumed", "en"): "STILL OPEN, Li Na answered 14:21: East Gate Vaccination Point, Fridge 1 TOO"
    " HOT: 9.2C (max 8C) since 14:05, 46 min. Check door and power now. Answer 4831.",
    (
        "recovered",
        "zh",
    ): "【疫苗冷链】东门预防接种门诊 1号冰箱 已恢复5.2℃，14:10起。曾温度过高42分钟，"
    "最高11.3℃（上限8℃）。停用批次放行前勿用。",
    ("recovered", "en"): "RECOVERED: East Gate Vaccination Point, Fridge 1: 5.2C since 14:10. Was"
    " TOO HOT for 42 min, highest 11.3C (max 8C). Batches on hold stay so until released.",
    ("warming", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 升温过快 现6.4℃，14:05起每分钟0.1℃。"
    "照此12分钟后到8℃。请立即检查。回复4831确认",
    ("apart, late", "en"): "VACCINE ALARM, LATE: East Gate Vaccination Point, Fridge 1: PROBES"
    " DISAGREE 14:05 to 14:12; learned at 14:17. Answer 4831.",
    ("silent", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1: NO READINGS since"
    " 14:05. Temperature unknown. Last value 5.2C. Check probe and fridge now. Answer 4831.",
    ("mains lost, holds", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 停电，14:05起已12分钟。"
    "箱内5.2℃。预计可保冷至少2小时10分钟。请勿开门。回复4831确认",
    ("door open", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1: DOOR OPEN since"
    " 14:05, 12 min. Inside 7.2C. Shut it now. Answer 4831.",
    ("uv welded", "zh"): "【危险！紫外线灯】东门预防接种门诊 1号紫外线灯 关不掉，14:05起已12分钟。"
    "勿入房间，在室外断电。回复4831确认",
    ("unreachable", "en"): "Li Na could not be told, you are instead: East Gate Vaccination Point,"
    " Fridge 1 TOO HOT: 9.2C (max 8C) since 14:05. Check door and power now. Answer 4831.",
    (
        "work over",
        "zh",
    ): "【计划作业已结束，仍异常】东门预防接种门诊 1号冰箱 温度过高 9.2℃（上限8℃），"
    "14:05起。请立即查门和电源。回复4831确认",
    ("answered", "en"): "Li Na answers for it: East Gate Vaccination Point, Fridge 1 TOO HOT since"
    " 14:05. You need do nothing now.",
    (
        "storm",
        "en",
    ): "VACCINE ALARM: East Gate Vaccination Point: MAINS LOST at 4 fridges: Fridge 1,"
    " Fridge 2, Fridge 3 and 1 more since 14:05. Keep it shut. Answer 4831 for all.",
    (
        "storm, sites",
        "zh",
    ): "【冷链再次报警】3处9台冰箱停电：东门预防接种门诊、西门接种点、南门接种点，"
    "14:05起。请勿开门。回复4831全部确认",
    ("all well", "zh"): "【疫苗冷链】东门预防接种门诊 一切正常，24小时内6台冰箱2.9℃至6.1℃。",
    (
        "all well",
        "en",
    ): "ALL WELL at East Gate Vaccination Point: 6 fridges 2.9C to 6.1C in the last 24 h.",
    ("not all well", "zh"): "【疫苗冷链】东门预防接种门诊 尚有异常：1号冰箱温度过高9.3℃；"
    "2号冰箱探头无数据。其余4台冰箱2.9℃至6.1℃。",
    (
        "way test",
        "en",
    ): "TEST, no action needed: vaccine alarms of East Gate Vaccination Point reach"
    " this phone. The next test comes in a month.",
    ("noted", "zh"): "14:17已记录，由您负责：东门预防接种门诊 1号冰箱 温度过高。现9.2℃。"
    "30分钟后仍未恢复将再次通知。",
    (
        "state",
        "zh",
    ): "东门预防接种门诊 14:17：1号冰箱温度过高9.2℃；2号冰箱 4.1℃；3号冰箱 3.9℃（13:02）。",
    ("unknown code", "en"): "No alarm of yours has that code. Open: 4831 Fridge 1 TOO HOT; 4832"
    " Fridge 2 NO READINGS. Send ? for the state.",
    ("calibration", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 探头校准已过期：证书T-0417有效期至"
    "2027-03-01。监测照常，请尽快送检。回复4831确认",
}

TWO_WRONG: dict[Language, tuple[str, str]] = {
    "en": ("TOO HOT", "DOOR OPEN"),
    "zh": ("温度过高", "门未关"),
}


def answer(language: Language, case: str = "") -> str:
    """How a message ends that bears the code; one that speaks of several alarms says so."""
    if case.startswith("storm"):
        return f"回复{CODE}全部确认" if language == "zh" else f"Answer {CODE} for all."
    return f"回复{CODE}确认" if language == "zh" else f"Answer {CODE}."


class TestWords:
    @pytest.mark.parametrize(("case", "language"), TEXTS)
    def test_word_for_word(self, case: str, language: Language) -> None:
        """With ordinary names a message has all that matters, and is one SMS."""
        assert compose(facts_of(case, language)) == TEXTS[case, language]

    @pytest.mark.parametrize("names", [NAMES, LONG_NAMES], ids=["ordinary", "long"])
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_what_is_never_given_up(
        self, case: str, language: Language, names: dict[Language, Names]
    ) -> None:
        """Site, fridge, direction, value and code stand whole in one SMS, with the longest real names."""
        known, mine = CASES[case], names[language]
        text = compose(facts_of(case, language, names))

        assert fits_one(text), (units(text), text)
        if language == "en":
            assert encoding_of(text) == "gsm7", text
        if names is NAMES:
            assert known.wrong[language == "en"] in text
            assert known.value in text
        elif case != "state":
            assert known.wrong[language == "en"] in text
            assert known.value in text or case == "storm, hot"
        if "troubles" not in known.names and case not in {"help", "unknown code, nothing open"}:
            assert mine.site in text
        if known.placed:
            assert facts_of(case, language, names).asset in text
        assert text.endswith(answer(language, case)) == known.code
        assert "%(" not in text
        assert "?" not in text or facts_of(case, language).happening == "reply"

    def test_every_happening_has_its_case(self) -> None:
        """No happening, no step and no kind of reply is left out of these tests."""
        tested = [facts_of(case, "en") for case in CASES]

        assert {facts.happening for facts in tested} == set(get_args(Happening))
        assert {facts.step for facts in tested} == set(get_args(Step))
        replies = {facts.reply for facts in tested if facts.happening == "reply"}
        assert replies == set(get_args(Reply))

    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_sentences_are_sentences(self, case: str, language: Language) -> None:
        """Each text ends as a sentence does, with no double blank or stop in it."""
        text = compose(facts_of(case, language))

        assert (
            text.endswith((".", "。", answer(language, case))) or "Reason" in text or "原因" in text
        )
        assert "  " not in text
        assert ".." not in text
        assert "。。" not in text
        assert "：，" not in text

    def test_the_point_where_there_are_several(self) -> None:
        """A point's label is named, and given up before a name is cut."""
        assert "1号冰箱（上层） 温度过高" in compose(facts_of("hot", "zh", point="上层"))
        assert "Fridge 1 (upper) TOO HOT" in compose(facts_of("hot", "en", point="upper"))
        site, asset = "某" * 24, "第" * 14 + "号箱"
        text = compose(
            facts_of("hot", "zh", site=site, asset=asset, point="上层靠门一侧的第二探头")
        )
        assert site in text
        assert asset in text
        assert "上层" not in text

    @pytest.mark.parametrize("case", ["hot", "cold", "late", "recovered", "warming", "apart"])
    def test_two_languages_say_the_same(self, case: str) -> None:
        """The two texts of one happening hold the same value and the same code."""
        texts = [compose(facts_of(case, language)) for language in LANGUAGES]

        assert all(CASES[case].value in text for text in texts)
        assert all((CODE in text) == CASES[case].code for text in texts)


class TestTruth:
    @pytest.mark.parametrize(("value", "text"), [(8040, "8.04℃"), (8004, "8.004℃")])
    def test_never_rounded_to_the_limit(self, value: int, text: str) -> None:
        """A value just outside is not shown as the limit."""
        assert f"温度过高 {text}" in compose(facts_of("possible", "zh", value=value, extreme=value,
                                                  certainty="certain"))  # fmt: skip

    def test_a_value_inside_is_no_alarm(self) -> None:
        """Where the newest reading is inside already, the alarm shows the worst one instead."""
        assert "TOO HOT: 9.4C" in compose(facts_of("hot", "en", value=7500))
        assert "TOO HOT: 9.4C" in compose(facts_of("hot", "en", value=None))
        assert "TOO COLD: -1.2C" in compose(facts_of("cold", "en", value=3000, extreme=-1200))
        assert "DISAGREE by 3.6C" in compose(facts_of("apart", "en", value=300))

    def test_a_recovery_shows_what_is_now(self) -> None:
        """A recovery shows the newest value, and "in range" where there is none."""
        assert "Fridge 1: 5.2C since 14:10" in compose(facts_of("recovered", "en"))
        assert "Fridge 1: in range since 14:10" in compose(facts_of("recovered", "en", value=None))

    def test_the_temperature_inside_has_its_own_limit(self) -> None:
        """The temperature in a message about mains is not rounded by the limit of mains."""
        assert "Inside 1.0C." in compose(facts_of("mains lost", "en", temperature=1004))

    @pytest.mark.parametrize("case", ["silent", "mains lost", "door open", "hot"])
    def test_learned_late(self, case: str) -> None:
        """What was learned late and goes on says when it was learned."""
        text = compose(facts_of(case, "zh", learned_at=at(14, 17), value=None, batches=0))

        assert "14:17才获知" in text

    @pytest.mark.parametrize("case", ["silent", "mains lost", "door open"])
    def test_learned_late_and_over(self, case: str) -> None:
        """What is over when it is learned is told as something past."""
        text = compose(facts_of(case, "en", learned_at=at(14, 17), end=at(14, 12)))

        assert text.startswith("VACCINE ALARM, LATE: ")
        assert "14:05 to 14:12; learned at 14:17." in text

    def test_no_forecast_is_invented(self) -> None:
        """A warming fridge of which nothing can be forecast is told without a figure."""
        text = compose(facts_of("warming", "en", bound_minutes=None))

        assert "WARMING FAST: 6.4C, 0.1C a minute" in text
        assert "at this rate" not in text
        nothing = compose(facts_of("warming", "en", bound_minutes=None, rate=None))
        assert "WARMING FAST: 6.4C since 14:05." in nothing

    def test_mains_and_warming_say_how_long_it_holds(self) -> None:
        """The time to the limit stands in both messages, in both languages, with long names too."""
        assert "Should hold 2 h 10 min or more." in compose(facts_of("mains lost, holds", "en"))
        assert "8C in 12 min at this rate." in compose(facts_of("warming", "en"))
        assert "至少2小时10分钟" in compose(facts_of("mains lost, holds", "zh"))
        assert "照此12分钟后到8℃" in compose(facts_of("warming", "zh"))

    def test_a_welded_lamp_says_stay_out_whatever_the_names(self) -> None:
        """UV-C burns eyes and skin: danger and what to do outlive since when."""
        for names in (NAMES, LONG_NAMES):
            english = compose(facts_of("uv welded", "en", names))
            assert english.startswith("DANGER")
            assert "STAY OUT" in english
            chinese = compose(facts_of("uv welded", "zh", names))
            assert chinese.startswith("【危险")
            assert "勿入" in chinese

    def test_nobody_is_told_that_all_is_well_when_it_is_not(self) -> None:
        """A daily text with something open never says that all is well."""
        for names in (NAMES, LONG_NAMES):
            assert "一切正常" not in compose(facts_of("not all well", "zh", names))
            assert compose(facts_of("not all well", "en", names)).startswith("NOT ALL WELL")

    def test_an_old_value_has_its_time(self) -> None:
        """In an answer to ? a value of an hour ago is not shown as if it were now."""
        text = compose(facts_of("state", "en"))

        assert "Fridge 2 4.1C;" in text
        assert "Fridge 3 3.9C at 13:02." in text


class TestWho:
    def test_a_test_asks_for_nothing(self) -> None:
        """Neither the daily text nor the monthly test bears a code."""
        for case in ("all well", "way test", "help", "answered", "recovered"):
            for language in LANGUAGES:
                text = compose(facts_of(case, language))
                assert "Answer" not in text
                assert "确认" not in text

    @pytest.mark.parametrize("happening", ["opened", "lost-contact", "unreachable", "work-over"])
    @pytest.mark.parametrize("step", get_args(Step))
    def test_why_somebody_is_told_now_is_said_in_a_word(self, happening: Any, step: Step) -> None:
        """A repeat, an escalation and a resumption say so, with the longest names too."""
        words = {"first": ("",), "repeat": ("AGAIN",), "escalated": ("NOT ANSWERED",),
                 "resumed": ("STILL OPEN",)}  # fmt: skip
        for names in (NAMES, LONG_NAMES):
            text = compose(
                facts_of("hot", "en", names, happening=happening, step=step, person="Li Na",
                         reason="not delivered")
            )  # fmt: skip
            if happening in {"opened", "lost-contact"}:
                assert any(word in text for word in words[step]), text

    def test_a_chinese_name_does_not_cost_an_english_text_its_room(self) -> None:
        """Who has not answered is left out of an English text before it becomes 70 characters."""
        text = compose(facts_of("escalated", "en", unanswered=("李娜", "王军")))

        assert text.startswith("NOT ANSWERED: East Gate Vaccination Point, Fridge 1 TOO HOT: 9.2C")
        assert encoding_of(text) == "gsm7"

    def test_the_reason_is_said_in_both_languages(self) -> None:
        """Why somebody could not be told is in the reader's language."""
        assert "(number refused)" in compose(facts_of("unreachable", "en", batches=0, site="East"))
        assert "李娜无法通知：号码被拒，转告您" in compose(
            facts_of("unreachable", "zh", batches=0, site="东门")
        )

    def test_without_a_way_out_nobody_is_sent_to_look_at_a_telephone(self) -> None:
        """Where no channel took it, the modem is what to look at."""
        for language, why, look, phone in (
            ("en", "no way out", "Check modem", "telephone"),
            ("zh", "无可用通道", "检查短信猫", "号码"),
        ):
            text = compose(facts_of("unreachable for all", language, reason="no way out"))
            assert why in text
            assert look in text
            assert phone not in text


class TestStorm:
    def test_everything_is_counted_once(self) -> None:
        """Fridges are counted once each, however many rules see the same trouble."""
        one = facts_of("storm", "en")
        twice = facts_of("storm", "en", troubles=(*one.troubles, *one.troubles))

        assert compose(twice) == compose(one)

    def test_nothing_is_left_out_of_the_count(self) -> None:
        """With names too long to say, the counts still speak of all."""
        for language in LANGUAGES:
            text = compose(facts_of("storm, mixed", language, LONG_NAMES))
            for figure in ("12", "6", "4", "2"):
                assert figure in text, text

    def test_what_is_over_meanwhile_is_said(self) -> None:
        """A storm of which a part has recovered says so."""
        over = facts_of("storm over", "en").ended[:1]
        facts = facts_of("storm", "en", ended=over, troubles=facts_of("storm", "en").troubles[:2])

        assert "1 other is over." in compose(facts)


class TestFit:
    names = st.text(
        alphabet=st.one_of(
            st.sampled_from("abc XYZ019[]€’"),
            st.sampled_from("东门预防接种点号冰箱 "),
            st.just("😀"),
        ),
        min_size=1,
        max_size=90,
    ).filter(lambda name: name.strip() != "")

    @settings(max_examples=400)
    @given(
        st.sampled_from(sorted(CASES)),
        st.sampled_from(LANGUAGES),
        names,
        names,
        st.sampled_from(["", "上层", "upper shelf, behind the door"]),
        st.integers(-120_000, 150_000),
    )
    def test_one_sms_whatever_the_names(
        self, case: str, language: Language, site: str, asset: str, point: str, value: int
    ) -> None:
        """Any names, any figures: one SMS, and it still says what is wrong and how to answer."""
        known = CASES[case]
        other: dict[str, Any] = {"point": point, "site": site}
        if known.placed:
            other["asset"] = asset
        if known.facts.get("value", 0) is not None:
            other |= {"value": value, "extreme": value}

        text = compose(facts_of(case, language, **other))

        assert fits_one(text), (units(text), text)
        if case != "state":
            assert known.wrong[language == "en"] in text
        assert text.endswith(answer(language, case)) == known.code

    @settings(max_examples=200)
    @given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=3),
           st.sampled_from(LANGUAGES), st.sampled_from(["storm", "storm, mixed", "not all well",
                                                        "state", "unknown code"]))  # fmt: skip
    def test_a_list_of_any_names_fits(
        self, assets: list[str], sites: list[str], language: Language, case: str
    ) -> None:
        """Whatever assets and sites are called, a message about several of them is one SMS."""
        mine = Names(
            sites[0], assets[0], assets[0], tuple(sites * 3), tuple(assets * 4), ("Li", "Wang")
        )

        text = compose(facts_of(case, language, {language: mine}))

        assert fits_one(text), (units(text), text)

    @pytest.mark.parametrize("length", [19, 26, 60, 160])
    @pytest.mark.parametrize("many", [1, 2, 4])
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize(
        "case", [name for name, known in CASES.items() if {"person", "unanswered"} & {*known.names}]
    )
    def test_people_of_any_names_fit(
        self, case: str, language: Language, many: int, length: int
    ) -> None:
        """A name in Latin letters is long in a Chinese text, and the longest is cut."""
        people = tuple(letter * length for letter in "ABCD"[:many])
        known = CASES[case]
        given_: dict[str, Any] = {
            "unanswered": people if "person" not in known.names or not known.placed else ()
        }
        if "person" in known.names:
            given_["person"] = several_people(people, language)

        for names in (NAMES, LONG_NAMES):
            text = compose(facts_of(case, language, names, **given_))

            assert fits_one(text), (units(text), text)
            assert known.wrong[language == "en"] in text

    def test_before_a_name_is_cut_the_others_are_counted(self) -> None:
        """Of two long names the first is said whole."""
        people = ("Abdurehman Muhammad Tursun", "Muhammad Abdurehman Tursun")
        facts = facts_of(
            "unreachable for all", "zh", LONG_NAMES, person="、".join(people), unanswered=people
        )

        assert "无法通知Abdurehman Muhammad Tursun及另1人。" in compose(facts)

    @pytest.mark.parametrize("over", [False, True])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_two_matters_of_one_fridge_are_no_storm(self, language: Language, over: bool) -> None:
        """A fridge that is warm because its door stands open is named, and not counted."""
        mine = NAMES[language]
        both = tuple(
            Trouble(mine.sites[0], mine.assets[0], quantity=quantity, since=at(14, 5))
            for quantity in ("temperature", "open")
        )
        given_ = {"troubles": (), "ended": both} if over else {"troubles": both, "ended": ()}

        text = compose(facts_of("storm", language, **given_))

        assert mine.sites[0] in text
        assert mine.assets[0] in text
        assert all(word in text for word in TWO_WRONG[language]), text

    @pytest.mark.parametrize("names", [NAMES, LONG_NAMES], ids=["ordinary names", "long names"])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_two_matters_of_one_fridge_say_how_warm_it_is(
        self, language: Language, names: dict[Language, Names]
    ) -> None:
        """With the longest names as well: those are cut before the value is given up."""
        mine = names[language]
        both = tuple(
            Trouble(mine.sites[0], mine.assets[0], quantity=quantity, value=value, since=at(14, 5))
            for quantity, value in (("temperature", 9_200), ("open", 1_000))
        )

        text = compose(facts_of("storm", language, names, troubles=both))

        assert fits_one(text)
        assert "9.2" in text
        assert "1.0" not in text
        assert all(word in text for word in TWO_WRONG[language]), text

    def test_english_with_a_chinese_name(self) -> None:
        """A Chinese name makes an English text UCS-2, and it is measured so."""
        mine = NAMES["zh"]
        text = compose(facts_of("hot", "en", site=mine.site, asset=mine.asset, batches=0))

        assert text == ("东门预防接种门诊 1号冰箱 TOO HOT 9.2C, max 8C. Check it now. Answer 4831.")
        assert units(text) <= 70

    def test_a_curly_apostrophe_costs_nothing(self) -> None:
        """An English name with a typographer's apostrophe stays in 160 characters."""
        text = compose(facts_of("hot", "en", site="Women’s Clinic", asset="Fridge №2"))

        assert text.startswith("VACCINE ALARM: Women's Clinic, Fridge No.2 TOO HOT")

    def test_names_are_cut_last_and_in_the_middle(self) -> None:
        """Where nothing else is left to give up, both names stay recognisable."""
        site = "内蒙古自治区呼伦贝尔市莫力达瓦达斡尔族自治旗尼尔基镇中心卫生院预防接种门诊"
        asset = "青岛海尔生物医疗冷藏箱HYC-1378大容量双门款式（备用）第12号"

        text = compose(facts_of("possible", "zh", site=site, asset=asset))

        assert fits_one(text)
        assert text.startswith("内蒙古自治")
        assert "第12号 疑似温度过高9.2℃。回复4831确认" in text
        assert text.count("…") in {1, 2}

    def test_what_is_given_up_is_taken_back_where_there_is_room(self) -> None:
        """No message is shorter by a sentence that would have fitted."""
        text = compose(facts_of("cold", "en"))

        # The tag had to go; how long it has lasted did not, after all.
        assert "since 14:05, 12 min." in text
        assert not fits_one(f"VACCINE ALARM: {text}")


class TestSeveral:
    @pytest.mark.parametrize(
        ("names", "english", "chinese"),
        [
            (["A"], "A", "A"),
            (["A", "B"], "A, B", "A、B"),
            (["A", "B", "C"], "A and 2 more", "A及另2台"),
        ],
    )
    def test_several(self, names: list[str], english: str, chinese: str) -> None:
        """Two assets are named; of more the first, and how many others."""
        assert several(names, "en") == english
        assert several(names, "zh") == chinese

    def test_several_sites(self) -> None:
        """Sites are counted as sites."""
        assert several_sites(["A", "B", "C"], "en") == "A and 2 more sites"
        assert several_sites(["A", "B"], "zh") == "A、B"
        assert several_sites(["A", "B", "C"], "zh") == "A等另2处"


def test_a_marker_changes_nothing() -> None:
    """Marking a sentence for the catalogue leaves it as it is."""
    assert N_("Shut it now.") == "Shut it now."


def test_facts_have_defaults_that_say_nothing() -> None:
    """Facts without an alarm need no figure of one."""
    facts = MessageFacts("way-test", "en", "UTC", "East Gate", "", at(14, 0))

    assert compose(facts).startswith("TEST, no action needed")


def test_the_page_of_messages_is_up_to_date(house: Path) -> None:
    """docs/messages.md is what `make docs` writes: a text that changes is seen by whoever reads it."""
    done = subprocess.run(
        [sys.executable, "tools/messages.py", "--check"],
        cwd=house,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert set(TITLES) == set(CASES)
