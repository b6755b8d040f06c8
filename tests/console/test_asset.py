"""One asset's history: nothing hidden in the chart, nothing unknown counted, the rule printed."""

from __future__ import annotations

from typing import Any

import pytest

from history.sqlite import SqliteHistory
from tests.console.client import Client, Reader
from tests.console.story import HOUR, Filled

FRIDGE_3 = "/api/assets/market/fridge-3/history"
RANGES = ["6h", "24h", "7d", "30d", "90d"]
KEYS = [
    "east-gate/fridge-1",
    "east-gate/fridge-2",
    "market/fridge-3",
    "market/fridge-4",
    "van/fridge-5",
    "van/box-6",
]


def readings(story: Filled, key: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the judged readings of an asset's deciding point, from the history itself."""
    site, _, asset = key.partition("/")
    history = SqliteHistory(story.state_dir / "history.db", read_only=True)
    found = history.readings(site, f"{asset}/center/temperature", start, end)
    values = [
        (item.reading.at, item.reading.value)
        for item in found
        if item.reading.judged and item.reading.value is not None
    ]
    history.close()
    return values


def center(shown: dict[str, Any]) -> dict[str, Any]:
    """Return the trace of the deciding point."""
    return next(trace for trace in shown["series"] if trace["decides"])


class TestChart:
    @pytest.mark.parametrize("range_", RANGES)
    @pytest.mark.parametrize("width", [50, 390, 4_000])
    def test_no_crossing_is_hidden(
        self, console: Client, story: Filled, range_: str, width: int
    ) -> None:
        """At every width, a bucket is beyond a limit exactly where one of its readings is."""
        shown = console.json(f"{FRIDGE_3}?range={range_}&width={width}")
        trace = center(shown)
        known = readings(story, "market/fridge-3", shown["start"], shown["end"])
        edges = [*trace["start"], shown["end"]]
        assert len(trace["start"]) <= width
        assert sum(trace["readings"]) == len(known)
        for index, low in enumerate(trace["minimum"]):
            here = [value for at, value in known if edges[index] <= at < edges[index + 1]]
            assert low == min(here, default=None)
            assert trace["maximum"][index] == max(here, default=None)

    @pytest.mark.parametrize("key", KEYS)
    def test_hatching_is_the_unknown_time(self, console: Client, key: str) -> None:
        """What the chart hatches is what the statistics call unknown, to the millisecond."""
        shown = console.json(f"/api/assets/{key}/history?range=24h&width=4000")
        hatched = sum(end - start for start, end in shown["unknown"])
        assert hatched == shown["statistics"]["unknown_ms"]

    def test_hatching_is_widened_by_less_than_a_pixel_each(self, console: Client) -> None:
        """On a narrow chart holes are joined, and none is lost."""
        shown = console.json("/api/assets/van/box-6/history?range=7d&width=50")
        hatched = sum(end - start for start, end in shown["unknown"])
        pixel = (shown["end"] - shown["start"]) // 50
        holes = len(console.json("/api/assets/van/box-6/history?range=7d&width=4000")["unknown"])
        unknown = shown["statistics"]["unknown_ms"]
        assert unknown < hatched < unknown + holes * pixel
        assert len(shown["unknown"]) < holes

    def test_door_and_mains_are_strips(self, console: Client, story: Filled) -> None:
        """The door's 50 min and the three hours without mains stand in the chart."""
        door = console.json("/api/assets/east-gate/fridge-1/history")["door_open"]
        mains = console.json("/api/assets/east-gate/fridge-2/history")["mains_off"]
        assert [(end - start) // 60_000 for start, end in door] == [50]
        assert len(mains) == 1
        assert (story.now - mains[0][0]) // 60_000 == 189


class TestStatistics:
    @pytest.mark.parametrize("range_", RANGES)
    @pytest.mark.parametrize("key", KEYS)
    def test_times_add_up(self, console: Client, key: str, range_: str) -> None:
        """The sum inside + above + below - both + unknown is the range, to the millisecond."""
        shown = console.json(f"/api/assets/{key}/history?range={range_}")["statistics"]
        known = shown["inside_ms"] + shown["above_ms"] + shown["below_ms"] - shown["both_ms"]
        assert known + shown["unknown_ms"] == shown["span_ms"] == shown["end"] - shown["start"]
        assert shown["safe_share"] == shown["inside_ms"] / shown["span_ms"]

    def test_time_before_the_first_reading_is_not_counted_and_said(
        self, console: Client, story: Filled
    ) -> None:
        """Over 90 days chart and statistics begin with the first reading, and the page says so."""
        shown = console.json(f"{FRIDGE_3}?range=90d")
        first = readings(story, "market/fridge-3", 0, story.now)[0][0]
        assert shown["statistics"]["start"] == shown["start"] == shown["begins"] == first
        assert console.json(f"{FRIDGE_3}?range=24h")["start"] == story.now - 24 * HOUR
        page = console.text("/assets/market/fridge-3?range=90d")
        assert "Readings begin at 2025-11-23 08:01; the time before is not counted." in page

    @pytest.mark.parametrize(
        ("language", "lines"),
        [
            (
                "en",
                [
                    "Limits 2.0 to 8.0 °C inclusive: a reading of exactly 2.0 or 8.0 is inside.",
                    "A reading holds until the next one if that comes within 15 min, else for 5 min;",
                    "it never excuses freezing.",
                ],
            ),
            ("zh", ["限值 2.0 至 8.0 °C，含两端：读数恰为 2.0 或 8.0 时算在范围内。"]),
        ],
    )
    def test_the_rule_is_printed(self, console: Client, language: str, lines: list[str]) -> None:
        """Limits, holding rule and MKT stand beside the figures."""
        text = console.text("/assets/market/fridge-3", language).replace("\xa0", " ")
        assert all(line in text for line in lines)

    def test_figures_are_those_of_the_history(self, console: Client, story: Filled) -> None:
        """Extremes and number of readings are those of the readings themselves."""
        shown = console.json(FRIDGE_3)["statistics"]
        known = readings(story, "market/fridge-3", story.now - 24 * HOUR, story.now)
        assert shown["readings"] == len(known)
        assert shown["maximum"] == max(value for _, value in known)
        assert shown["minimum"] == min(value for _, value in known)


class TestTable:
    @pytest.mark.parametrize("range_", RANGES)
    def test_the_table_has_the_figures_of_the_chart(self, console: Client, range_: str) -> None:
        """Rows cover the range; what is outside in the chart is outside in a row."""
        page = Reader.of(console.page(f"/assets/market/fridge-3?range={range_}"))
        marked = [value for tag, name, value in page.attributes if (tag, name) == ("td", "class")]
        assert any("is-below" in value for value in marked)
        # 6 h back it was not too hot
        assert any("is-above" in value for value in marked) == (range_ != "6h")

    def test_rows_name_their_excursions(self, console: Client) -> None:
        """The hour in which fridge 1 was too hot has excursions, the hour after it has none."""
        text = console.text("/assets/east-gate/fridge-1").replace("\xa0", " ")
        assert "2025-11-24 12:00 5.75 9.75 59 min 5" in text
        assert "2025-11-24 14:00 3.625 5.0 2025-11-24 13:00" in text


class TestPage:
    def test_batches_that_stood_here(self, console: Client, story: Filled) -> None:
        """A batch stands with its doses, from when it came."""
        batches = console.json(FRIDGE_3)["batches"]
        assert batches == [
            {
                "batch": "重组乙型肝炎疫苗/HB-7731",
                "doses": 80,
                "start": story.now - 48 * HOUR + 30 * 60_000,
                "end": None,
            }
        ]
        assert "重组乙型肝炎疫苗/HB-7731" in console.text("/assets/market/fridge-3")

    def test_rules_stand_with_their_source(self, console: Client) -> None:
        """Each rule in force is printed with both limits, its duration and where it comes from."""
        text = console.text("/assets/market/fridge-3").replace("\xa0", " ")
        assert "FRZE who-pqs/frze center at or below −0.5 °C for 1 h without a break yes" in text
        assert "WHO PQS E006 FRZE: at or below -0.5 degC for 60 min without a break" in text
        assert "below 2.0 °C or above 8.0 °C for 30 min without a break yes" in text

    def test_excursions_stand_newest_first(self, console: Client) -> None:
        """The list begins with what began last, and has only what touches the range."""
        shown = console.json(f"{FRIDGE_3}?range=24h")["excursions"]
        starts = [excursion["start"] for excursion in shown]
        assert starts == sorted(starts, reverse=True)
        assert len(set(starts)) > 2
        assert len(console.json(f"{FRIDGE_3}?range=6h")["excursions"]) < len(starts)

    def test_an_earlier_range_keeps_its_end(self, console: Client, story: Filled) -> None:
        """The buttons of a range in the past lead to ranges with the same end."""
        end = story.now - 12 * HOUR
        page = console.page(f"/assets/market/fridge-3?range=24h&end={end}")
        assert f'href="?range=24h&amp;end={end - 12 * HOUR}">←' in page
        assert "←" not in console.page("/assets/market/fridge-3?range=7d")
        assert f'href="?range=7d&amp;end={end}"' in page
        assert f'data-source="/api/assets/market/fridge-3/history?range=24h&amp;end={end}"' in page

    def test_an_asset_without_readings_has_a_page(self, tmp_path: Any) -> None:
        """Before anything exists an asset of the settings is shown, without figures."""
        from tests.console.client import open_folder
        from tests.console.story import settings

        client = open_folder(settings(tmp_path / "nothing"), 1_764_028_800_000)
        text = client.text("/assets/van/box-6")
        assert "No data" in text
        assert "There is no reading of a deciding point in this range." in text
        shown = client.json("/api/assets/van/box-6/history")
        assert (shown["statistics"], shown["series"]) == (None, [])
