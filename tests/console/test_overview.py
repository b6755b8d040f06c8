"""The overview: states, since when, what is stale, and what is wrong with the system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.tables import sms
from journal import journal
from journal.database import open_database, write
from tests.console.client import Client, Reader, copy_of, open_console, open_folder
from tests.console.story import HOUR, SITES, Filled, settings
from tests.support.sender import MINUTE

STATES = {
    "east-gate/fridge-1": "inside",
    "east-gate/fridge-2": "above",
    "market/fridge-3": "below",
    "market/fridge-4": "silent",
    "van/fridge-5": "lost",
    "van/box-6": "lost",
}


def assets(console: Client) -> dict[str, Any]:
    """Return the overview's assets by key."""
    shown = console.json("/api/overview")
    return {asset["key"]: asset for site in shown["sites"] for asset in site["assets"]}


class TestStates:
    def test_each_asset_has_the_state_of_its_worst_deciding_point(self, console: Client) -> None:
        """Each asset of the story is in the state that its newest readings say."""
        assert {key: asset["state"] for key, asset in assets(console).items()} == STATES

    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("en", ["Inside", "Too hot", "Too cold", "Silent", "Lost contact"]),
            ("zh", ["范围内", "温度过高", "温度过低", "无读数", "失去联系"]),
        ],
    )
    def test_a_state_is_word_and_shape(
        self, console: Client, language: str, words: list[str]
    ) -> None:
        """Every state stands on the page as a word beside an icon, and not as colour alone."""
        page = console.page("/", language)
        for word, state in zip(words, ["inside", "above", "below", "silent", "lost"], strict=True):
            badge = f'<use href="#i-{state}"/></svg>{word}</span>'
            assert f'<span class="badge is-{state}">' in page
            assert badge in page

    def test_since_is_the_first_reading_of_the_stretch(
        self, console: Client, story: Filled
    ) -> None:
        """An asset is in its state since the first reading outside, or the first one back inside."""
        found = assets(console)
        since = {key: (story.now - asset["since"]) / HOUR for key, asset in found.items()}
        # readings come each 5 min, at minute 1, 6, 11 ... from the start
        assert since["east-gate/fridge-2"] == pytest.approx(3 - 1 / 60)
        assert since["market/fridge-3"] == pytest.approx(5 - 1 / 60)
        assert since["east-gate/fridge-1"] == pytest.approx(18.4)
        assert since["van/fridge-5"] == pytest.approx(44 / 60)
        assert since["market/fridge-4"] == pytest.approx(54 / 60)

    def test_trouble_stands_first(self, story: Filled) -> None:
        """Sites are ordered by their worst asset, and assets by their state."""
        order = ["van", "market", "east-gate"]
        turned = settings(story.state_dir, sites=sorted(SITES, key=lambda s: order.index(s["id"])))
        sites = open_folder(turned, story.now).json("/api/overview")["sites"]
        assert [site["id"] for site in sites] == ["east-gate", "market", "van"]
        assert [asset["id"] for asset in sites[0]["assets"]] == ["fridge-2", "fridge-1"]

    def test_door_and_mains_say_since_when(self, console: Client, story: Filled) -> None:
        """Mains lost 3.2 h ago are shown as lost since the first reading without them."""
        mains = assets(console)["east-gate/fridge-2"]["mains"]
        assert mains["on"] is False
        assert (story.now - mains["since"]) / MINUTE == pytest.approx(189)
        assert "Mains lost since 04:51" in console.text("/")

    def test_an_open_excursion_shows_how_far_it_has_come(self, console: Client) -> None:
        """The extreme of an open excursion is the newest one, and not that of its opening."""
        for key in ("market/fridge-3", "east-gate/fridge-2"):
            shown = assets(console)[key]
            extremes = {e["extreme"] for e in shown["excursions"] if e["quantity"] == "temperature"}
            assert extremes == {shown["points"][0]["value"]}


class TestStaleLooksStale:
    def test_only_stale_values_are_struck(self, console: Client) -> None:
        """Values too old to speak of now are struck; fresh ones are not."""
        struck = [text for text in Reader.of(console.page("/")).struck if text]
        assert struck == ["5.5", "°C"] * 3
        assert "last heard 07:06, 54 min ago" in console.text("/")

    def test_all_of_it_ages_when_nothing_comes(self, story: Filled) -> None:
        """An hour after the last message nothing looks fresh, although no hub says so."""
        console = open_console(story, later_ms=HOUR)
        found = assets(console)
        assert {asset["state"] for asset in found.values()} == {"lost"}
        assert all(point["stale"] for asset in found.values() for point in asset["points"])
        assert len([text for text in Reader.of(console.page("/")).struck if "." in text]) == 6
        assert "Nothing reaches the hub" in console.text("/")

    def test_unknown_time_is_never_safe(self, story: Filled) -> None:
        """What inside, above, below and unknown add up to is the range, an hour later as well."""
        before = assets(open_console(story))
        after = assets(open_console(story, later_ms=HOUR))
        for key, asset in after.items():
            day = asset["day"]
            known = day["inside_ms"] + day["above_ms"] + day["below_ms"] - day["both_ms"]
            assert known + day["unknown_ms"] == day["span_ms"] == 24 * HOUR
            assert day["unknown_ms"] > before[key]["day"]["unknown_ms"]

    def test_shares_on_the_card_leave_unknown_time_apart(self, console: Client) -> None:
        """The share of safe time is what was known to be inside, and unknown stands beside it."""
        day = assets(console)["market/fridge-4"]["day"]
        assert day["inside_ms"] + day["unknown_ms"] == day["span_ms"]
        safe = day["inside_ms"] * 1_000 // day["span_ms"] / 10
        text = console.text("/").replace("\xa0", " ")
        assert f"24 h, shares safe {safe} %, unknown {round(100 - safe, 1)} % 7 d" in text

    def test_a_rejected_reading_is_named_and_does_not_speak(self, console: Client) -> None:
        """Behind rejected readings the newest valid one is shown as old as it is, with the reason."""
        point = assets(console)["market/fridge-4"]["points"][0]
        assert (point["trouble"], point["stale"], point["state"]) == ("rejected:crc", True, None)
        assert "reading rejected (wrong checksum)" in console.text("/")
        assert "读数无效（校验错误）" in console.text("/", "zh")


class TestNotices:
    def test_what_is_wrong_with_the_system_stands_on_top(self, console: Client) -> None:
        """Lost devices, a failing SMS channel, refused SMS and quarantine are told, with since when."""
        text = console.text("/")
        for line in (
            "No contact with pi-van (Vaccination Van), last heard 07:20, 40 min ago",
            "SMS do not leave since 07:40: the modem does not answer on /dev/ttyUSB0",
            "SMS refused in the last 24 h: 1",
            "Messages in quarantine: 2",
        ):
            assert line in text

    def test_a_channel_that_sent_since_is_not_failing(self, story: Filled, tmp_path: Path) -> None:
        """A hub started again enters no `channel.working`; an SMS sent since shows that it works."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            conn.execute(sms.update().values(state="sent", sent_at=county.now - MINUTE))
        engine.dispose()
        channel = open_console(county).json("/api/overview")["channel"]
        assert (channel["failing"], channel["waiting"], channel["refused"]) == (False, 0, 0)

    def test_a_stopped_hub_is_told(self, story: Filled, tmp_path: Path) -> None:
        """After the hub's own word that it stopped, the page says that nobody judges."""
        county = copy_of(story, tmp_path / "state")
        engine = open_database(county.state_dir / "hub.db")
        with write(engine) as conn:
            journal.append(
                conn, at=county.now - MINUTE, actor="hub", type="hub.stopped", subject="hub",
                body={},
            )  # fmt: skip
        engine.dispose()
        console = open_console(county)
        assert console.json("/api/overview")["hub"] == {
            "state": "stopped",
            "since": county.now - MINUTE,
        }
        assert "nobody judges readings, and nobody is told" in console.text("/")


class TestLive:
    def test_what_was_seen_is_not_sent_again(self, console: Client) -> None:
        """The inner part is answered with nothing when the browser has it already."""
        first = console.get("/live")
        again = console.get(f"/live?seen={first.headers['x-seen']}")
        assert (first.status_code, again.status_code, again.content) == (200, 204, b"")
        assert again.headers["x-as-of"] == "08:00:00"

    def test_it_changes_with_the_minute(self, console: Client) -> None:
        """A minute later the ages have changed, so the page is sent."""
        seen = console.get("/live").headers["x-seen"]
        console.clock.at += MINUTE
        assert console.get(f"/live?seen={seen}").status_code == 200

    def test_it_is_the_inner_part_of_the_overview(self, console: Client) -> None:
        """What replaces the overview is what the overview shows."""
        assert console.get("/live").text.strip() in console.page("/")
