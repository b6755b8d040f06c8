"""The pages in a real browser: chart, refresh, keyboard, phone; and no complaint in its console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.console.client import copy_of
from tests.console.serving import Serving, hub_toml
from tests.console.story import Filled
from tests.console.test_language import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]
ASSET = "/assets/market/fridge-3"


@pytest.fixture(scope="module")
def address(story: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running console over the story."""
    folder = tmp_path_factory.mktemp("serving")
    process = Serving(story, hub_toml(folder / "hub.toml", story.state_dir, port=0))
    yield process.address().rstrip("/")
    process.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium without a window."""
    if not CHROMIUM.exists():
        reason = "chromium is not installed; as root: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Watched:
    """A page, and everything that its browser complains of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture
def desk(chromium: Browser) -> Iterator[Watched]:
    """An English browser at a desk."""
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.complaints == []


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Watched]:
    """A Chinese browser on a small phone."""
    context = chromium.new_context(
        locale="zh-CN", viewport={"width": 390, "height": 800}, has_touch=True
    )
    watched = Watched(context)
    yield watched
    context.close()
    assert watched.complaints == []


def ink(page: Page) -> int:
    """Return how many pixels of the chart are drawn in the colour of its first line."""
    found: int = page.evaluate("""() => {
        const canvas = document.querySelector("#chart canvas");
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let count = 0;
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] > 200 && Math.abs(data[i] - 0x1b) + Math.abs(data[i + 1] - 0x1f)
                + Math.abs(data[i + 2] - 0x24) < 30) count++;
        }
        return count;
    }""")
    return found


def test_the_chart_is_drawn(desk: Watched, address: str) -> None:
    """The asset's page has a canvas with a line in it; the arrow keys read it out."""
    from playwright.sync_api import expect

    page = desk.page
    page.goto(address + ASSET)
    page.wait_for_selector("#chart canvas")
    assert ink(page) > 500
    page.focus("#chart")
    page.keyboard.press("End")
    page.wait_for_selector("#readout:not(:empty)")
    last = page.inner_text("#readout")
    assert last.startswith("2025-11-25 07:55 · ")
    assert "center \u22121.563 °C" in last
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#readout")).to_contain_text("2025-11-25 07:50 · ")


def test_the_overview_refreshes_itself_and_keeps_the_focus(desk: Watched, address: str) -> None:
    """A refresh that brings something replaces the cards, and the focus stays where it was."""
    page = desk.page
    page.clock.install()
    page.goto(address + "/")
    page.focus("#card-market-fridge-3")
    page.evaluate("document.querySelector('#live .cards').dataset.old = 'yes'")
    with page.expect_response("**/live*") as refreshed:
        page.clock.run_for(6_000)
    assert refreshed.value.status == 200
    # Not wait_for_function: what it evaluates again, the page's own policy forbids.
    page.wait_for_selector("#live .cards:not([data-old])", state="attached")
    assert page.evaluate("document.activeElement.id") == "card-market-fridge-3"
    with page.expect_response("**/live?seen=*") as again:
        page.clock.run_for(6_000)
    assert again.value.status == 204
    assert page.is_hidden("#away")


def test_without_an_answer_the_page_looks_old(
    chromium: Browser, story: Filled, tmp_path: Path
) -> None:
    """When the console is gone, everything that still stands there is struck, and it says so."""
    process = Serving(story, hub_toml(tmp_path / "hub.toml", story.state_dir, port=0))
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.clock.install()
    page.goto(process.address())
    number = ".card.is-inside .value .number"
    style = f"getComputedStyle(document.querySelector('{number}')).textDecorationLine"
    assert page.is_hidden("#away")
    assert page.evaluate(style) == "none"
    process.end()
    page.clock.run_for(25_000)
    page.wait_for_selector("#away", state="visible")
    assert "What you see is old" in page.inner_text("#away")
    assert page.evaluate(style) == "line-through"
    context.close()


def test_the_keyboard_goes_through_in_order(desk: Watched, address: str) -> None:
    """Tab leads from the skip link over the pages and the language to what is worst."""
    page = desk.page
    page.goto(address + "/")
    seen = []
    for _ in range(18):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert seen == [
        "Skip to the content", "coldwatch", "Overview", "Alarms", "Excursions", "Batches", "Lamps", "SMS", "Devices", "Health",
        "中文", "alarms-unanswered", "alarms-unexplained", "lost-pi-van", "sms-failing", "sms-refused", "set-aside", "card-east-gate-fridge-2",
    ]  # fmt: skip
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_scrolling_sideways(phone: Watched, address: str, path: str) -> None:
    """At 390 px no page is wider than the screen."""
    page = phone.page
    page.goto(address + path)
    if "assets" in path:
        page.wait_for_selector("#chart canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_attribute("html", "lang") == "zh-CN"


def test_an_alarm_is_answered_with_the_keyboard_and_without_scripts(
    chromium: Browser, story: Filled, tmp_path: Path
) -> None:
    """A real browser sends what the console asks for: cookie, token, Origin, Sec-Fetch-Site."""
    county = copy_of(story, tmp_path / "state")
    process = Serving(county, hub_toml(tmp_path / "hub.toml", county.state_dir, port=0))
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(process.address() + "alarms")
    first = page.locator("article.alarm").first
    where = first.locator("h3").inner_text()
    first.locator("select[name=person]").first.focus()
    page.keyboard.press("A")  # Amy, as in any list
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alarms?done=answered*")
    assert "Entered: you are seeing to it." in page.inner_text("[role=status]")
    answered = page.locator("section[aria-labelledby=s-answered] article", has_text=where)
    assert "Amy Ó Brien answered it at" in answered.first.inner_text()
    context.close()
    process.close()


def test_without_scripts_the_pages_are_whole(chromium: Browser, address: str) -> None:
    """An old phone without scripts reads the same figures, and loads the overview anew by itself."""
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(address + ASSET)
    assert "\u22121.563" in page.inner_text("section:has(#statistics)")
    page.goto(address + "/")
    assert page.locator("noscript meta[http-equiv=refresh]").count() == 1
    context.close()
