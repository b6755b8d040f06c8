"""What can be reckoned of the design: contrast, and that the style is small."""

from __future__ import annotations

import re

import pytest

from console.templating import STATIC

CSS = (STATIC / "console.css").read_text()
COLOURS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", CSS))
STATES = ["above", "below", "silent", "lost", "none"]


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", *(COLOURS[f"{state}-tint"] for state in STATES)])
@pytest.mark.parametrize("ink", ["text", "quiet", "inside", *STATES])
def test_every_ink_is_read_on_every_ground(ink: str, ground: str) -> None:
    """Every text colour has the contrast of WCAG 2.2, 1.4.3 (AA) on every card."""
    assert contrast(COLOURS[ink], ground) >= 4.5


def test_white_is_read_on_every_badge_and_on_the_header() -> None:
    """Badges and header bear white text."""
    for colour in ["brand", "inside", *STATES]:
        assert contrast("#ffffff", COLOURS[colour]) >= 4.5


def test_the_chart_uses_the_colours_of_the_page() -> None:
    """Too hot and too cold look the same in the chart and beside it."""
    script = (STATIC / "chart.js").read_text()
    assert f'HOT = "{COLOURS["above"]}", COLD = "{COLOURS["below"]}"' in script
    assert f'LIMIT = "{COLOURS["inside"]}"' in script


def test_it_is_quick_on_an_old_phone() -> None:
    """What we wrote for the overview is under 20 kB, and nothing comes from elsewhere."""
    ours = sum((STATIC / name).stat().st_size for name in ("console.css", "live.js", "icon.svg"))
    assert ours < 20_000
    assert "url(http" not in CSS
    assert "@import" not in CSS
