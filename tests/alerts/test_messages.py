"""The messages: what each must say, in one SMS, whatever the names."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.composing import N_
from alerts.facts import Happening, MessageFacts
from alerts.messages import compose, several
from alerts.segments import fits_one, units

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = 60_000


def at(hour: int, minute: int, day: int = 1) -> int:
    """A time of July 2024 in Shanghai."""
    return int(datetime(2024, 7, day, hour, minute, tzinfo=ZONE).timestamp() * 1000)


NAMES = {"zh": ("东门预防接种门诊", "1号冰箱"), "en": ("East Gate Vaccination Point", "Fridge 1")}
LONG_NAMES = {
    "zh": ("柳河县三源浦朝鲜族镇中心卫生院预防接种门诊", "海尔医用冷藏箱HYC-390第3号"),
    "en": (
        "Sanyuanpu Korean Town Central Hospital Vaccination Clinic, Liuhe",
        "Haier HYC-390 vaccine refrigerator no. 3",
    ),
}


def facts(language: str, names: dict[str, tuple[str, str]] = NAMES, **other: Any) -> MessageFacts:
    """An opening above 8 degC, unless it is said otherwise."""
    site, asset = names[language]
    values: dict[str, Any] = {
        "happening": "opened",
        "language": language,
        "zone": "Asia/Shanghai",
        "site": site,
        "asset": asset,
        "at": at(14, 17),
        "since": at(14, 5),
        "lasting_ms": 12 * MINUTE,
        "value": 9200,
        "limit": 8000,
        "extreme": 9400,
    }
    return MessageFacts(**(values | other))


CASES: dict[str, dict[str, Any]] = {
    "hot": {"batches": 3, "doses": 126},
    "cold": {
        "side": "below", "value": -1200, "limit": 2000, "extreme": -1250, "batches": 3, "doses": 126,
    },
    "possible": {"certainty": "possible"},
    "cumulative": {
        "side": "below", "value": -700, "limit": -500, "extreme": -900, "batches": 1, "doses": 1,
        "window_ms": 24 * 60 * MINUTE, "lasting_ms": 62 * MINUTE,
    },
    "late": {
        "since": at(2, 10), "end": at(3, 40), "at": at(7, 0), "learned_at": at(7, 0),
        "extreme": 11_300, "lasting_ms": 90 * MINUTE, "batches": 2, "doses": 40,
    },
    "late and open": {
        "since": at(22, 10), "at": at(7, 0, 2), "learned_at": at(7, 0, 2),
        "lasting_ms": 530 * MINUTE,
    },
    "recovered": {
        "happening": "recovered", "value": 5200, "since": at(13, 28), "end": at(14, 10),
        "lasting_ms": 42 * MINUTE, "extreme": 11_300, "batches": 3, "doses": 126,
    },
    "silent": {"side": "silent", "value": 5200, "limit": None, "extreme": None},
    "readings back": {
        "happening": "recovered", "side": "silent", "value": 5200, "limit": None, "extreme": None,
        "end": at(14, 17),
    },
    "mains lost": {
        "quantity": "present", "side": "below", "value": 0, "limit": 1000, "extreme": 0,
        "temperature": 5230,
    },
    "mains back": {
        "happening": "recovered", "quantity": "present", "side": "below", "value": 1000,
        "limit": 1000, "extreme": 0, "end": at(14, 17), "temperature": 5230,
    },
    "door open": {"quantity": "open", "value": 1000, "limit": 0, "temperature": 7230},
    "door shut": {"happening": "recovered", "quantity": "open", "value": 0, "limit": 0,
                  "end": at(14, 17)},
    "lost contact": {"happening": "lost-contact", "side": "silent", "value": 5200, "limit": None},
    "contact back": {"happening": "contact-back", "side": "silent", "end": at(14, 17)},
    "foreign site": {"happening": "foreign-site", "side": "silent", "limit": None,
                     "device": "pi-1", "claim": "van"},
    "foreign stream": {"happening": "foreign-stream", "side": "silent", "limit": None,
                       "device": "pi-1", "claim": "pi-2"},
    "own again": {"happening": "own-again", "side": "silent", "end": at(14, 17)},
    "calibration": {"happening": "calibration-overdue", "side": "silent", "value": None,
                    "limit": None, "extreme": None, "certificate": "T-0417", "due": "2027-03-01"},
    "lamp welded": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                    "extreme": None, "reason": "relay-welded"},
    "lamp to wipe": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                     "extreme": None, "reason": "wipe-due"},
    "lamp too weak": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                      "extreme": None, "reason": "intensity"},
    "lamp past its hours": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                            "extreme": None, "reason": "hours"},
    "lamp dark": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                  "extreme": None, "reason": "lamp-dark"},
    "lamp not switched": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                          "extreme": None, "reason": "lines-unwritable"},
    "lamp of a later version": {"happening": "lamp", "side": "silent", "value": None, "limit": None,
                                "extreme": None, "reason": "of-2031"},
    "lamp out": {"happening": "lamp-seen-to", "side": "silent", "end": at(14, 17)},
    "channel failing": {"happening": "channel-failing", "waiting": 3, "reason": "no network"},
    "mains lost, holds": {
        "quantity": "present", "side": "below", "value": 0, "limit": 0, "extreme": 0,
        "temperature": 5200, "holds_minutes": 130,
    },
    "hub silent": {"happening": "hub-silent", "asset": "", "value": None, "limit": None},
    "hub unreachable": {"happening": "hub-unreachable", "asset": "", "value": None, "limit": None},
    "hub back": {
        "happening": "hub-back", "asset": "", "value": None, "limit": None, "end": at(14, 16),
    },
    "channel back": {"happening": "channel-back", "end": at(14, 17)},
    "humid": {"quantity": "humidity", "value": 81_000, "limit": 75_000, "extreme": 82_000},
    "intense": {"quantity": "intensity", "side": "below", "value": 60_000, "limit": 70_000,
                "extreme": 59_000},
}  # fmt: skip

# What people get with ordinary names, word for word: a change of these is seen and meant.
TEXTS = {
    ("hot", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 温度过高 9.2℃（上限8℃），14:05起已12分钟。"
    "请立即查门和电源。已停用3批126剂。",
    ("hot", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1 TOO HOT: 9.2C (max 8C)"
    " since 14:05, 12 min. Check door and power now. On hold: 3 batches, 126 doses.",
    (
        "cold",
        "zh",
    ): "【疫苗冷链】东门预防接种门诊 1号冰箱 温度过低 -1.2℃（下限2℃），14:05起已12分钟。"
    "请立即检查，疫苗勿用。已停用3批126剂。",
    ("cold", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1 TOO COLD: -1.2C (min 2C)"
    " since 14:05, 12 min. Check it now, use no vaccine. On hold: 3 batches, 126 doses.",
    (
        "possible",
        "zh",
    ): "【疫苗冷链】东门预防接种门诊 1号冰箱 疑似温度过高 9.2℃（上限8℃），14:05起已"
    "12分钟。请立即查门和电源，不降温即转移疫苗。",
    (
        "cumulative",
        "zh",
    ): "【疫苗冷链】东门预防接种门诊 1号冰箱 温度过低 -0.7℃（下限-0.5℃），24小时内"
    "累计1小时2分钟。请立即检查。已停用1批1剂。",
    ("cumulative", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1 TOO COLD: -0.7C"
    " (min -0.5C), 1 h 2 min in all within 24 h. Check it now. On hold: 1 batch, 1 dose.",
    (
        "late",
        "zh",
    ): "【冷链迟报】东门预防接种门诊 1号冰箱 02:10至03:40温度过高，最高11.3℃（上限8℃），"
    "07:00才获知。已停用2批40剂。",
    ("late", "en"): "VACCINE ALARM, LATE: East Gate Vaccination Point, Fridge 1 was TOO HOT 02:10"
    " to 03:40, highest 11.3C (max 8C); learned at 07:00. On hold: 2 batches, 40 doses.",
    ("late and open", "zh"): "【冷链迟报】东门预防接种门诊 1号冰箱 7月1日22:10起温度过高 9.2℃"
    "（上限8℃），07:00才获知。请立即检查。",
    (
        "recovered",
        "zh",
    ): "【疫苗冷链】东门预防接种门诊 1号冰箱 已恢复5.2℃，14:10起。曾温度过高42分钟，"
    "最高11.3℃（上限8℃）。停用批次放行前勿用。",
    ("recovered", "en"): "RECOVERED: East Gate Vaccination Point, Fridge 1: 5.2C since 14:10. Was"
    " TOO HOT for 42 min, highest 11.3C (max 8C). Batches on hold stay so until released.",
    ("silent", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 探头无数据，14:05起已12分钟，温度未知。"
    "最后读数5.2℃。请立即检查探头和冰箱。",
    ("silent", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1: NO READINGS since"
    " 14:05, 12 min. Temperature unknown. Last value 5.2C. Check probe and fridge now.",
    ("mains lost", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 停电，14:05起已12分钟。箱内5.2℃。"
    "请勿开门，尽快恢复供电或转移疫苗。",
    ("door open", "en"): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1: DOOR OPEN since"
    " 14:05, 12 min. Inside 7.2C. Shut it now.",
    ("lost contact", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 失联，14:05起已12分钟，温度未知。"
    "最后读数5.2℃。请检查供电和网络，查看冰箱显示温度。",
    ("foreign site", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 设备pi-1自称属于站点van，14:05起"
    "其数据不予接收。请检查其设置。",
    (
        "foreign site",
        "en",
    ): "VACCINE ALARM: East Gate Vaccination Point, Fridge 1: device pi-1 speaks"
    " for site van. Its readings are NOT TAKEN since 14:05. Check its settings.",
    ("foreign stream", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 设备pi-1冒用设备pi-2的数据流，"
    "14:05起其数据不予接收。请检查其设置和存储卡。",
    ("calibration", "zh"): "【疫苗冷链】东门预防接种门诊 1号冰箱 探头校准已过期：证书T-0417有效期至"
    "2027-03-01。监测照常，请尽快送检。",
    ("calibration", "en"): "CALIBRATION OVERDUE: East Gate Vaccination Point, Fridge 1, certificate"
    " T-0417 was due 2027-03-01. It goes on measuring. Have the probe calibrated.",
}

# The words that name the direction, or what else is wrong.
WRONG = {
    "hot": ("温度过高", "TOO HOT"),
    "cold": ("温度过低", "TOO COLD"),
    "possible": ("疑似温度过高", "POSSIBLY TOO HOT"),
    "cumulative": ("温度过低", "TOO COLD"),
    "late": ("温度过高", "TOO HOT"),
    "late and open": ("温度过高", "TOO HOT"),
    "recovered": ("温度过高", "TOO HOT"),
    "silent": ("探头无数据", "NO READINGS"),
    "readings back": ("探头数据已恢复", "READINGS BACK"),
    "mains lost": ("停电", "MAINS LOST"),
    "mains back": ("来电", "MAINS BACK"),
    "door open": ("门未关", "DOOR OPEN"),
    "door shut": ("门已关", "DOOR SHUT"),
    "lost contact": ("失联", "NO CONTACT"),
    "contact back": ("已恢复联系", "CONTACT BACK"),
    "foreign site": ("数据不予接收", "NOT TAKEN"),
    "foreign stream": ("数据不予接收", "NOT TAKEN"),
    "own again": ("数据已恢复接收", "READINGS TAKEN AGAIN"),
    "calibration": ("校准已过期", "CALIBRATION OVERDUE"),
    "lamp welded": ("紫外线灯无法关闭", "CANNOT BE PUT OUT"),
    "lamp to wipe": ("擦拭", "WIPED"),
    "lamp too weak": ("强度不足", "TOO WEAK"),
    "lamp past its hours": ("额定时数", "HOURS"),
    "lamp dark": ("不亮", "DARK"),
    "lamp not switched": ("无法开关", "SWITCHED"),
    "lamp of a later version": ("需要处理", "needs somebody"),
    "lamp out": ("已关闭", "UV LAMP IS OUT"),
    "channel failing": ("短信通道", "SMS"),
    "channel back": ("短信通道已恢复", "SMS WORKS AGAIN"),
    "mains lost, holds": ("停电", "MAINS LOST"),
    "hub silent": ("无响应", "SILENT"),
    "hub unreachable": ("无法连接", "CANNOT BE REACHED"),
    "hub back": ("恢复", "HUB BACK"),
    "humid": ("湿度过高", "TOO HUMID"),
    "intense": ("读数过低", "READS TOO LOW"),
}
VALUES = {
    "hot": "9.2", "cold": "-1.2", "possible": "9.2", "cumulative": "-0.7", "late": "11.3",
    "late and open": "9.2", "recovered": "5.2", "humid": "81.0", "intense": "60.0",
}  # fmt: skip


class TestWords:
    @pytest.mark.parametrize(("case", "language"), TEXTS)
    def test_word_for_word(self, case: str, language: str) -> None:
        """With ordinary names a message has all its sentences, and is one SMS."""
        assert compose(facts(language, **CASES[case])) == TEXTS[case, language]

    @pytest.mark.parametrize("names", [NAMES, LONG_NAMES], ids=["ordinary", "long"])
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_what_is_never_given_up(
        self, case: str, language: str, names: dict[str, tuple[str, str]]
    ) -> None:
        """Site, fridge, direction and value stand whole in one SMS, with the longest real names."""
        text = compose(facts(language, names, **CASES[case]))

        assert fits_one(text), text
        site, asset = names[language]
        assert site in text
        if not case.startswith(("channel", "hub")):
            assert asset in text
        assert WRONG[case][language == "en"] in text
        assert VALUES.get(case, "") in text
        assert "%(" not in text
        assert "?" not in text

    def test_every_happening_has_its_case(self) -> None:
        """No happening is left out of these tests."""
        tested = {facts("en", **case).happening for case in CASES.values()}

        assert tested == set(get_args(Happening))

    @pytest.mark.parametrize("case", ["hot", "cold", "late and open", "silent", "mains lost"])
    def test_what_to_do_outlives_the_longest_names(self, case: str) -> None:
        """Even where only a short form fits, an English alarm says since when."""
        text = compose(facts("en", LONG_NAMES, **CASES[case]))

        assert "since" in text

    def test_the_point_where_there_are_several(self) -> None:
        """A point's label is named, and given up before a name is cut."""
        assert "1号冰箱（上层） 温度过高" in compose(facts("zh", point="上层"))
        assert "Fridge 1 (upper) TOO HOT" in compose(facts("en", point="upper"))
        longest = {"zh": ("某" * 30, "第" * 19 + "号箱")}
        text = compose(facts("zh", longest, point="上层靠门一侧的第二探头"))
        assert "某" * 30 in text
        assert "第" * 19 + "号箱" in text
        assert "上层" not in text

    def test_two_languages_say_the_same(self) -> None:
        """The two texts of one happening hold the same figures."""
        for case in ("hot", "cold", "late", "recovered"):
            texts = [compose(facts(language, **CASES[case])) for language in ("zh", "en")]
            figures = [
                sorted(part for part in text.replace("℃", " ").replace("C", " ").split() if part)
                for text in texts
            ]
            assert figures[0], case
            for figure in (VALUES[case],):
                assert all(figure in text for text in texts), case


class TestTruth:
    @pytest.mark.parametrize(("value", "text"), [(8040, "8.04℃"), (8004, "8.004℃")])
    def test_never_rounded_to_the_limit(self, value: int, text: str) -> None:
        """A value just outside is not shown as the limit."""
        assert f"温度过高 {text}" in compose(facts("zh", value=value, extreme=value))

    def test_a_value_inside_is_no_alarm(self) -> None:
        """Where the newest reading is inside already, the alarm shows the worst one instead."""
        assert "TOO HOT: 9.4C" in compose(facts("en", value=7500))
        assert "TOO HOT: 9.4C" in compose(facts("en", value=None))
        cold = compose(facts("en", side="below", value=3000, limit=2000, extreme=-100))
        assert "TOO COLD: -0.1C" in cold

    def test_a_recovery_shows_what_is_now(self) -> None:
        """A recovery shows the newest value, and "in range" where there is none."""
        again = {"happening": "recovered", "end": at(14, 10)}
        assert "Fridge 1: 5.2C since 14:10" in compose(facts("en", value=5200, **again))
        assert "Fridge 1: in range since 14:10" in compose(facts("en", value=None, **again))

    def test_the_temperature_inside_has_its_own_limit(self) -> None:
        """The temperature in a message about mains is not rounded by the limit of mains."""
        text = compose(facts("en", **CASES["mains lost"] | {"temperature": 1004}))

        assert "Inside 1.0C." in text

    def test_learned_late(self) -> None:
        """A late silence, cut or open door says when it was learned."""
        for case in ("silent", "mains lost", "door open"):
            text = compose(facts("zh", **CASES[case] | {"learned_at": at(14, 17), "value": None}))
            assert "14:17才获知" in text, text

    def test_no_answer_code_is_promised(self) -> None:
        """Answers by SMS come later: no text asks for one."""
        for case in CASES.values():
            for language in ("zh", "en"):
                text = compose(facts(language, **case)).lower()
                assert "reply" not in text
                assert "answer" not in text
                assert "回复" not in text


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

    @settings(max_examples=300)
    @given(
        st.sampled_from(sorted(CASES)),
        st.sampled_from(["zh", "en"]),
        names,
        names,
        st.sampled_from(["", "上层", "upper shelf, behind the door"]),
        st.integers(-120_000, 150_000),
    )
    def test_one_sms_whatever_the_names(
        self, case: str, language: str, site: str, asset: str, point: str, value: int
    ) -> None:
        """Any names, any figures: one SMS, and it still says what is wrong."""
        given_facts = dict(CASES[case]) | {"point": point}
        if given_facts.get("value", 0) is not None:
            given_facts |= {"value": value, "extreme": value}

        text = compose(facts(language, {language: (site, asset)}, **given_facts))

        assert fits_one(text), (units(text), text)
        assert WRONG[case][language == "en"] in text

    def test_english_with_a_chinese_name(self) -> None:
        """A Chinese name makes an English text UCS-2, and it is measured so."""
        text = compose(facts("en", {"en": NAMES["zh"]}))

        assert text == "东门预防接种门诊, 1号冰箱 TOO HOT: 9.2C (max 8C) since 14:05. Check it now."
        assert units(text) <= 70

    def test_a_curly_apostrophe_costs_nothing(self) -> None:
        """An English name with a typographer's apostrophe stays in 160 characters."""
        text = compose(facts("en", {"en": ("Women’s Clinic", "Fridge №2")}))

        assert text.startswith("VACCINE ALARM: Women's Clinic, Fridge No.2 TOO HOT")

    def test_names_are_cut_last_and_in_the_middle(self) -> None:
        """Where nothing else is left to give up, both names stay recognisable."""
        site = "内蒙古自治区呼伦贝尔市莫力达瓦达斡尔族自治旗尼尔基镇中心卫生院预防接种门诊"
        asset = "青岛海尔生物医疗冷藏箱HYC-1378大容量双门款式（备用）第12号"

        text = compose(facts("zh", {"zh": (site, asset)}, certainty="possible"))

        assert fits_one(text)
        assert text.startswith("内蒙古自治区")
        assert "第12号 疑似温度过高9.2℃，上限8℃" in text
        assert text.count("…") in (1, 2)


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


def test_a_marker_changes_nothing() -> None:
    """Marking a sentence for the catalogue leaves it as it is."""
    assert N_("Shut it now.") == "Shut it now."
