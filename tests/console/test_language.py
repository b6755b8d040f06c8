"""Both languages, fully: nothing of one on the pages of the other."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from typing import Any

import pytest

from console import catalogue
from console.language import choose
from console.words import WORDS
from tests.console.client import Client, Reader, open_console
from tests.console.story import PEOPLE, SITES, Filled

PAGES = [
    "/",
    "/assets/east-gate/fridge-1",
    "/assets/market/fridge-3?range=7d",
    "/assets/market/fridge-4",
    "/assets/van/box-6?range=90d",
    "/alarms",
    "/excursions",
    "/excursions?open=1&site=market",
    "/lamps",
    "/sms",
    "/batches",
    "/batch?id=HB-7731",
    "/batch?id=202509A01",
    "/devices",
    "/health",
]
API = [
    "/api/overview",
    "/api/v1/alarms",
    "/api/excursions",
    "/api/lamps",
    "/api/sms",
    "/api/batches",
    "/api/batches/journey?id=HB-7731",
    "/api/equipment",
    "/api/health",
    "/api/assets/market/fridge-3/history",
]
CHINESE = re.compile(r"[\u3400-\u9fff\uff01-\uff5e\u3001\u3002]")
WORD = re.compile(r"[A-Za-z]{3,}")

# Latin words that Chinese pages rightly have: names, units, technical terms.
PROPER = {
    "coldwatch", "English", "Asia", "Shanghai", "UTC", "MKT", "kJ", "mol", "HEAT", "FRZE", "DOOR",
    "POWR", "CSV", "XLSX", "Parquet", "heat", "powr", "WHO", "PQS", "GSP", "EMS", "SMS", "ledger", "journey", "stock",
}  # fmt: skip


def values(answer: Any, skip: str) -> Iterator[str]:
    """Yield every text in an answer of the API, but those under a key that is skipped."""
    if isinstance(answer, dict):
        for key, item in answer.items():
            if key != skip:
                yield from values(item, skip)
    elif isinstance(answer, list):
        for item in answer:
            yield from values(item, skip)
    elif isinstance(answer, str):
        yield answer


@pytest.fixture(scope="module")
def data(story: Filled) -> dict[str, str]:
    """Everything that pages show and that is no text of theirs, by the language left out."""
    console = open_console(story)
    answers = [console.json(path) for path in API]
    settings = [str(person) for person in PEOPLE]
    settings += [str({k: v for k, v in site.items() if k != "name"}) for site in SITES]
    return {
        skip: " ".join([*settings, *(text for each in answers for text in values(each, skip))])
        for skip in ("zh", "en")
    }


@pytest.mark.parametrize("path", PAGES)
def test_no_english_on_a_chinese_page(console: Client, data: dict[str, str], path: str) -> None:
    """Every Latin word of a Chinese page is data, a name or a unit."""
    known = set(WORD.findall(data["en"])) | PROPER
    reader = Reader.of(console.page(path, "zh"))
    shown = " ".join([*reader.texts, *reader.spoken])
    assert set(WORD.findall(shown)) - known == set()


@pytest.mark.parametrize("path", PAGES)
def test_no_text_of_the_catalogue_stays_untranslated(console: Client, path: str) -> None:
    """No piece of a Chinese page is word for word an English text of the catalogue."""
    english = {
        str(message.id)
        for message in catalogue.known()
        if message.id and message.id != message.string
    }
    reader = Reader.of(console.page(path, "zh"))
    pieces = {text.strip().replace("\xa0", " ") for text in [*reader.texts, *reader.spoken]}
    assert pieces & english == set()


@pytest.mark.parametrize("path", PAGES)
def test_no_chinese_on_an_english_page(console: Client, data: dict[str, str], path: str) -> None:
    """Every Chinese character of an English page is data, or the way to Chinese."""
    known = set(data["zh"]) | set("中文")
    reader = Reader.of(console.page(path, "en"))
    shown = set(" ".join([*reader.texts, *reader.spoken]))
    assert {letter for letter in shown if CHINESE.match(letter)} - known == set()


@pytest.mark.parametrize("path", PAGES)
def test_both_languages_have_the_same_page(console: Client, path: str) -> None:
    """The same elements stand on both pages in the same order."""
    kinds = [
        [
            tag
            for tag, name, _ in Reader.of(console.page(path, language)).attributes
            if name != "lang"
        ]
        for language in ("zh", "en")
    ]
    assert kinds[0] == kinds[1]


def test_the_catalogue_has_exactly_the_texts_of_the_sources() -> None:
    """No text is missing from console.po, and none is left over."""
    known = {message.id for message in catalogue.known() if message.id}
    found = {message.id for message in catalogue.extracted() if message.id}
    assert known == found
    assert len(found) > 250


def test_every_text_has_its_chinese() -> None:
    """Nothing is empty or a guess, and placeholders are the same on both sides."""
    known = catalogue.known()
    assert catalogue.untranslated(known) == []
    for message in known:
        names = re.findall(r"%\((\w+)\)s", str(message.id))
        assert sorted(set(names)) == sorted(set(re.findall(r"%\((\w+)\)s", str(message.string))))


def test_every_word_for_a_code_is_in_the_catalogue() -> None:
    """What codes are called is translated like everything else."""
    known = {message.id for message in catalogue.known()}
    assert {text for family in WORDS.values() for text in family.values()} <= known


def test_the_compiled_file_is_current() -> None:
    """What the pages read from console.mo is what stands in console.po."""
    with catalogue.MO.open("rb") as file:
        texts = gettext.GNUTranslations(file)
    known = {str(message.id): message.string for message in catalogue.known() if message.id}
    assert {text: texts.gettext(text) for text in known} == known


@pytest.mark.parametrize(
    ("asked", "remembered", "accepts", "language"),
    [
        (None, None, None, "zh"),
        (None, None, "en-GB,en;q=0.9", "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "fr-FR, en;q=0.3, zh;q=0.7", "zh"),
        (None, None, "de, fr", "zh"),
        (None, None, "en;q=0, zh;q=0.1", "zh"),
        (None, None, ";;q=,,en;q=x", "zh"),
        (None, "en", "zh-CN", "en"),
        (None, "xx", "en", "en"),
        ("zh", "en", "en", "zh"),
    ],
)
def test_who_asks_decides_the_language(
    asked: str | None, remembered: str | None, accepts: str | None, language: str
) -> None:
    """The address goes before the cookie, the cookie before the browser's wishes."""
    assert choose(asked, remembered, accepts) == language


def test_the_choice_is_remembered_and_the_switch_keeps_the_page(console: Client) -> None:
    """?lang= sets a cookie; the link to the other language keeps what else the address says."""
    page = console.get("/excursions?open=1&site=market&lang=zh", "en")
    assert '<html lang="zh-CN">' in page.text
    assert 'href="?open=1&amp;site=market&amp;lang=en"' in page.text
    assert "HttpOnly" in page.headers["set-cookie"]
    assert '<html lang="zh-CN">' in console.get("/", "en").text


def test_refusals_speak_the_language_of_the_page(console: Client) -> None:
    """A wrong parameter is explained in Chinese to whoever reads Chinese."""
    assert "请写整数" in console.get("/sms?page=x", "zh").text
    assert console.get("/api/sms?page=x", "zh").json() == {"detail": "page=x：请写整数。"}
