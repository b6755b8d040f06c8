"""What people write back: codes in every spelling, reasons, questions; and what is no answer."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.answers import MOST_CODES, REASONS, Answer, read
from config.phones import number


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("4831", ("4831",)),
        (" 4831\n", ("4831",)),
        ("４８３１", ("4831",)),
        ("４８　３１", ("4831",)),
        ("48 31", ("4831",)),
        ("4 8 3 1", ("4831",)),
        ("收到 4831", ("4831",)),
        ("收到4831，马上去", ("4831",)),
        ("4831!", ("4831",)),
        ("4831。", ("4831",)),
        ("4831?", ("4831",)),
        ("OK 4831 going there now", ("4831",)),
        ("code:4831", ("4831",)),
        ("4831,5522", ("4831", "5522")),
        ("4831、5522", ("4831", "5522")),
        ("4831 5522 4831", ("4831", "5522")),
        ("5522/4831", ("5522", "4831")),
        ("fridge 3: 4831", ("4831",)),
        ("139 0000 0001 4831", ("4831",)),
    ],
)
def test_a_code_is_found_however_it_is_written(text: str, codes: tuple[str, ...]) -> None:
    """Blanks, full-width digits, words round it, several at once."""
    answer = read(text)
    assert (answer.meaning, answer.codes) == ("answer", codes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "收到",
        "OK",
        "483",
        "48310",
        "0483",
        "+8613900000001",
        "139 1234 5678",
        "call 139-1234-5678",
        "4831.5",
        "2026-11-26",
        "2026/11/26 03:10",
        "1 4 8 3 1",
        "४८३१",
        "四八三一",
        "\ud800",
        "\x00",
    ],
)
def test_what_is_no_code_answers_nothing(text: str) -> None:
    """Figures of another kind and words alone are not taken for a code."""
    assert read(text) == Answer("unknown")


@pytest.mark.parametrize("text", ["?", "？", "??", " ？ ", "? fridge", "状态", "Status", "情况？"])
def test_a_question_mark_asks_for_the_state(text: str) -> None:
    """Of either width, alone or before words."""
    assert read(text) == Answer("state")


@pytest.mark.parametrize("text", ["help", "HELP!", "帮助", "帮助？", "Ｈｅｌｐ"])
def test_help_is_asked_for_in_both_languages(text: str) -> None:
    """In small and capital letters."""
    assert read(text) == Answer("help")


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("4831 door", "door", ""),
        ("4831 Door closed it", "door", "closed it"),
        ("4831 除霜", "defrost", ""),
        ("收到4831除霜，已停", "defrost", "已停"),
        ("除霜 4831", "defrost", ""),
        ("4831 门", "door", ""),
        ("4831 门没关，已关好", "door", "已关好"),
        ("4831 东门接种点", "", "东门接种点"),
        ("4831 outdoor unit iced", "", "outdoor unit iced"),
        ("4831 power cut, moved all to fridge 2", "power", "cut, moved all to fridge 2"),
        ("4831 停电 已转移", "power", "已转移"),
        ("4831 补货", "restocking", ""),
        ("4831 压缩机坏了", "equipment", "坏了"),
        ("4831 探头没问题, 门没关", "door", "探头没问题"),
        ("4831 探头坏了吗", "equipment", "探头 吗"),
        ("4831 sensor bent the door", "door", "sensor bent the"),
        ("4831 探头", "probe", ""),
        ("4831 演练", "test", ""),
        ("4831 other: cleaning", "other", "cleaning"),
        ("收到 4831", "", ""),
        ("4831!", "", ""),
        ("4831 on my way", "", "on my way"),
        ("4831 the test of the door", "test", "the of the door"),
    ],
)
def test_a_reason_behind_a_code_is_read(text: str, reason: str, words: str) -> None:
    """The first that is named; what is left are their own words."""
    answer = read(text)
    assert (answer.codes, answer.reason, answer.words) == (("4831",), reason, words)


@pytest.mark.parametrize(
    "text",
    [
        "4831 probe",
        "OK 4831 sensor.",
        "4831 Probe: dead!",
        "4831 broken probe",
        "probe lost, 4831",
        "收到4831探头",
        "4831 探头坏",
        "收到探头坏了 4831",
        "4831 确认，探头 丢失",
        "4831 传感器故障",
        "4831 探头脱落了",
        *(f"4831 probe {word}" for word in ("gone", "faulty", "failed", "unplugged", "missing")),
        *(f"4831 探头{word}" for word in ("丢", "丢了", "没了", "失灵", "断了")),
    ],
)
def test_that_the_probe_is_lost_is_said_by_nothing_else(text: str) -> None:
    """The word for it, alone or with one for dead or lost: this closes what is open."""
    assert read(text).reason == "probe"


@pytest.mark.parametrize(
    "text",
    [
        "4831 checked the probe, it is fine",
        "4831 sensor says 9, moving stock now",
        "4831 probe 9.2",
        "4831 probe ok",
        "4831 probe, yes",
        "4831 probe not dead",
        "4831 probe dead?",
        "4831 探头？",
        "4831 探头没坏",
        "4831 探头丢了吗",
        "4831 探头好的",
        "4831 确认探头",
        "4831 探头没问题",
        "4831 probes",
        "4831 dead",
    ],
)
def test_who_speaks_of_the_probe_otherwise_gives_no_reason(text: str) -> None:
    """A probe that is well must not be taken for a dead one."""
    assert read(text).codes == ("4831",)
    assert read(text).reason == ""


def test_a_text_of_many_codes_is_cut() -> None:
    """A text that tries codes gets ten tries and no more."""
    assert len(read(" ".join(str(code) for code in range(1_000, 1_200))).codes) == MOST_CODES


@given(st.text(max_size=400) | st.text("0123456789 ,.:/-?？收到门４８３１doråK\n", max_size=60))
def test_reading_never_fails_and_never_invents_a_code(text: str) -> None:
    """Any text: each code found stands in it digit for digit, and only an answer has codes."""
    answer = read(text)
    plain = unicodedata.normalize("NFKC", text)
    figures = "".join(re.findall("[0-9]| +", re.sub(r"\s", " ", plain))).replace(" ", "")
    for code in answer.codes:
        assert code in figures
        assert 1_000 <= int(code) <= 9_999
    assert (answer.meaning == "answer") == bool(answer.codes)
    assert answer.reason in {"", *REASONS}
    if answer.meaning != "answer":
        assert answer.reason == answer.words == ""


@given(
    st.integers(1_000, 9_999),
    st.sampled_from(["{}", "收到 {}", "{}!", "ok {} 门", " {} \n", "{} 8.5"]),
)
def test_a_code_in_usual_words_is_always_found(code: int, words: str) -> None:
    """No code is unreadable."""
    assert read(words.format(code)).codes == (str(code),)


@given(st.lists(st.integers(1_000, 9_999), min_size=1, max_size=5), st.integers(1_000, 9_999))
def test_a_code_that_is_not_in_the_text_is_not_answered(held: list[int], other: int) -> None:
    """Neither by joining digits of two codes nor by any other way."""
    found = read(" ".join(map(str, held))).codes
    assert set(found) == {str(code) for code in held}
    if other not in held:
        assert str(other) not in found


@pytest.mark.parametrize(
    "text",
    [
        "+8613900000001",
        "+86 139 0000 0001",
        "+86-139-0000-0001",
        "008613900000001",
        "8613900000001",
        "13900000001",
        "１３９０００００００１",
        " 139 0000 0001 ",
    ],
)
def test_one_number_in_all_its_spellings(text: str) -> None:
    """What the network gives and what the settings say are the same number."""
    assert number(text) == "+8613900000001"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("+49 171 1234567", "+491711234567"),
        ("0049 171 1234567", "+491711234567"),
        ("+13900000001", "+13900000001"),
        ("10086", "10086"),
        ("106900001234", "106900001234"),
        ("CMCC", "CMCC"),
        ("", ""),
        ("+861390000000", "+861390000000"),
        ("+86139000000012", "+86139000000012"),
    ],
)
def test_other_numbers_stand_for_themselves(text: str, form: str) -> None:
    """A service's number, a name, another country: none becomes a Chinese mobile number."""
    assert number(text) == form


@given(st.text(max_size=40))
def test_any_sender_has_one_form(text: str) -> None:
    """Never raises, and the form of a form is itself."""
    assert number(number(text)) == number(text)
