from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import colors, font_manager
from matplotlib.image import imread

from alerts.table import plot
from coldwatch.cli import main

ABOVE, BELOW, SILENT = "#D55E00", "#0072B2", "#CC79A7"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Draw a table that is too warm, then unknown for hours, then too cold."""
    lines = ["time,temperature"]
    for first, last, value in ((0, 59, 5.0), (60, 179, 11.0), (180, 239, 5.0), (480, 599, 0.5)):
        for minute in range(first, last + 1):
            lines.append(f"2024-05-01T{minute // 60:02d}:{minute % 60:02d}:00Z,{value}")
    table, target = tmp_path / "t.csv", tmp_path / "out.png"
    table.write_text("\n".join(lines))
    options = ["--below", "2", "--above", "8", "--for", "60min", "--json"]
    assert main(["excursions", str(table), *options, "--plot", str(target)]) == 0
    return target


def band(pixels: np.ndarray, colour: str) -> np.ndarray:
    """Return where a colour laid thinly over white stands, as columns of the picture."""
    over_white = np.array(colors.to_rgb(colour)) * 0.28 + 0.72
    row = pixels[int(pixels.shape[0] * 0.09)]
    return np.flatnonzero(np.abs(row[:, :3] - over_white).max(axis=1) < 0.02)


def test_excursions_are_bands_in_their_place(picture: Path) -> None:
    """The warm hours are a band left of the cold ones, each as wide as it lasted."""
    pixels = imread(picture)
    warm, cold = band(pixels, ABOVE), band(pixels, BELOW)

    assert pixels.shape[:2] == (600, 1320)
    assert warm.max() < cold.min()
    # Two hours each of ten.
    for found in (warm, cold):
        assert found.max() - found.min() == pytest.approx(0.2 * 1260, rel=0.06)
    assert len(band(pixels, SILENT)) == 0


def test_unknown_time_is_hatched(picture: Path) -> None:
    """Between the last reading inside and the first cold one there are strokes, and elsewhere none."""
    pixels = imread(picture)
    warm, cold = band(pixels, ABOVE), band(pixels, BELOW)
    row = pixels[int(pixels.shape[0] * 0.09)]
    per_minute = (warm.max() - warm.min()) / 120
    hole = row[int(cold.min() - 235 * per_minute) : cold.min() - 3]
    inside = row[int(warm.max() + 4) : int(warm.max() + 55 * per_minute)]

    # Strokes are thin: grey of some kind, not the grid's, which is one or two columns.
    assert (hole.mean(axis=1) < 0.97).sum() > 20
    assert (inside.mean(axis=1) < 0.97).sum() <= 4


def test_without_a_chinese_font_it_says_what_to_install(
    picture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture full of empty boxes is never written: the font to install is named."""
    monkeypatch.setattr(plot, "_CHINESE", ("No Such Font",))
    table, target = picture.with_name("t.csv"), picture.with_name("zh.png")

    assert main(["excursions", str(table), "--lang", "zh", "--json", "--plot", str(target)]) == 2
    assert "apt-get install fonts-noto-cjk" in capsys.readouterr().err
    assert not target.exists()


def test_chinese_is_drawn_with_a_chinese_font(picture: Path) -> None:
    """Where a CJK font is installed, the Chinese picture is drawn without a missing glyph."""
    if not {font.name for font in font_manager.fontManager.ttflist} & set(plot._CHINESE):
        pytest.skip("no Chinese font here; as root: apt-get install fonts-noto-cjk")
    table, target = picture.with_name("t.csv"), picture.with_name("zh.png")

    # A missing glyph is a warning, and warnings are errors in tests.
    assert main(["excursions", str(table), "--lang", "zh", "--json", "--plot", str(target)]) == 0
    assert imread(target).shape == (600, 1320, 4)


def test_a_place_that_cannot_be_written_is_told(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path is named, without a traceback."""
    table = picture.with_name("t.csv")

    assert main(["excursions", str(table), "--json", "--plot", str(table / "x.png")]) == 2
    assert "x.png: Not a directory" in capsys.readouterr().err
