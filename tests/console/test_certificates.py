"""Calibration on the pages: the certificate of each point, in words, and the raw value beside."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pytest

from hub.certificates import CertificateWatch
from journal.database import open_database, write
from tests.console.client import Client, Reader, open_console
from tests.console.story import Filled


@pytest.fixture
def overdue(story: Filled, tmp_path: Path) -> Client:
    """The county after the hub's watch has looked at it by day."""
    folder = tmp_path / "state"
    shutil.copytree(story.state_dir, folder)
    database = open_database(folder / "hub.db")
    with write(database) as conn:
        # The story ends at eight in the morning, when people may be told.
        assert CertificateWatch(story.settings).round(conn, story.now) == 1
    database.dispose()
    settings = story.settings.model_copy(update={"state_dir": folder})
    return open_console(Filled(settings, story.now, folder))


def section(page: str, name: str) -> str:
    """Return what a person reads in a section of a page, by the id of its heading."""
    inside = page.partition(f'aria-labelledby="{name}"')[2].partition("</section>")[0]
    return " ".join("".join(Reader.of(f"<section>{inside}</section>").texts).split())


@pytest.mark.parametrize(
    ("asset", "language", "said"),
    [
        ("east-gate/fridge-1", "en", ["T-0417", "2025-11-13", "overdue for 12", "−0.12 at 5.12"]),
        ("east-gate/fridge-1", "zh", ["T-0417", "2025-11-13", "已过期", "12"]),
        ("east-gate/fridge-2", "en", ["T-0418", "2025-12-07", "due in 12", "+0.05 at 5.0"]),
        ("market/fridge-3", "en", ["T-0419", "in force"]),
        ("market/fridge-4", "en", ["No probe of this asset has a certificate"]),
    ],
)
def test_each_point_shows_its_certificate(
    console: Client, asset: str, language: str, said: list[str]
) -> None:
    """Number, days, standing in words, and the corrections with their sign."""
    shown = section(console.page(f"/assets/{asset}?lang={language}"), "calibration")

    for text in said:
        assert text in shown.replace("\u00a0", " ")


def test_the_page_shows_what_the_probe_said(console: Client) -> None:
    """Beside the corrected value; where there is no correction there is no second figure."""
    (point,) = [
        each
        for site in console.json("/api/overview")["sites"]
        for asset in site["assets"]
        for each in asset["points"]
        if asset["key"] == "east-gate/fridge-1"
    ]
    assert point["raw"] == point["value"] + 120
    assert point["certificate"]["standing"] == "overdue"
    assert point["certificate"]["left_days"] == -12

    assert "probe shows" in console.text("/assets/east-gate/fridge-1?lang=en")
    assert "probe shows" not in console.text("/assets/market/fridge-4?lang=en")


def test_the_export_has_both_figures(console: Client) -> None:
    """Value and raw, in each row."""
    address = "/assets/east-gate/fridge-1/export?range=6h&format=csv&lang=en"
    text = console.get(address).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    head = next(row for row in rows if "raw" in row)
    found = [
        (float(row[head.index("value")]), float(row[head.index("raw")]))
        for row in rows[rows.index(head) + 1 :]
        if row[head.index("series")] == "fridge-1/center/temperature"
    ]

    assert found
    assert all(raw == pytest.approx(value + 0.12) for value, raw in found)


@pytest.mark.parametrize(
    ("language", "word"), [("en", "calibration overdue"), ("zh", "校准已过期")]
)
def test_what_was_told_stands_in_the_lists(overdue: Client, language: str, word: str) -> None:
    """On the overview's card, among the excursions, and in the asset's own list."""
    assert word in overdue.text(f"/?lang={language}")
    assert word in overdue.text(f"/excursions?open=1&lang={language}")
    shown = section(overdue.page(f"/assets/east-gate/fridge-1?lang={language}"), "excursions")
    assert word in shown


def test_it_is_no_trouble_of_the_fridge(overdue: Client) -> None:
    """A fridge that is inside stays inside, and no hour of its table has an excursion more."""
    overview = overdue.json("/api/overview")
    states = {
        asset["key"]: asset["state"] for site in overview["sites"] for asset in site["assets"]
    }
    assert states["east-gate/fridge-1"] == "inside"
    (each,) = [
        one
        for one in overdue.json("/api/excursions?open=1")["excursions"]
        if one["kind"] == "calibration"
    ]
    assert (each["asset"], each["holds"], each["ours"]) == ("east-gate/fridge-1", False, True)
