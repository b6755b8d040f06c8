"""A picture of a table: its readings, the storage range, excursions as bands, unknown as hatching.

Colours are those of Okabe and Ito, which the colour-blind tell apart; hatching and position say
the same once more, for a black and white printer.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib import dates
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.patches import Patch

from alerts.rules import OF_VALUES, Side
from alerts.table.refusals import Language
from alerts.table.report import Findings
from alerts.table.words import celsius, word

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BANDS: Final[dict[Side, str]] = {"above": "#D55E00", "below": "#0072B2", "silent": "#CC79A7",
    "apart": "#009E73", "stuck": "#F0E442",
}  # fmt: skip
_RANGE: Final = "#009E73"
_INK: Final = "#222222"
_UNKNOWN: Final = "#888888"
# Years, months, days, hours, minutes, seconds: in figures, which need no language.
_TICKS: Final = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S"]
_CORNER: Final = ["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"]
# This module of matplotlib has no types.
_DATES: Final[Any] = dates
_DAY_MS: Final = 86_400_000
# A line of a million points is drawn in pieces: Agg refuses more cells at once.
_PIECE: Final = 20_000
# Chinese, in the order of our liking; fonts-wqy-microhei has an empty glyph for the degree sign.
_CHINESE: Final = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Source Han Sans SC",
)


class NoChineseFontError(Exception):
    """No installed font has Chinese characters; the text says what to install."""


def draw(findings: Findings, path: Path, language: Language) -> None:
    """Write the picture as PNG; raise NoChineseFontError where Chinese could not be read on it."""
    settings: Any = {"agg.path.chunksize": _PIECE, "hatch.linewidth": 0.6}
    settings["font.family"] = [*_fonts(language), "DejaVu Sans"]
    with mpl.rc_context(settings):
        figure = Figure(figsize=(11, 5), dpi=120, layout="constrained")
        axes = figure.add_subplot()
        _limits(axes, findings)
        _line(axes, findings)
        _bands(axes, findings)
        _unknown(axes, findings)
        _frame(axes, findings, language)
        figure.savefig(path, format="png")


def _fonts(language: Language) -> list[str]:
    if language != "zh":
        return []
    installed = {font.name for font in fontManager.ttflist}
    found: list[str] = [name for name in _CHINESE if name in installed]
    if not found:
        raise NoChineseFontError(
            "no Chinese font is installed; write: apt-get install fonts-noto-cjk, or give --lang en"
        )
    return found


def _days(ms: Any) -> Any:
    """Return matplotlib's own unit, days since 1970."""
    return np.asarray(ms, dtype=np.float64) / _DAY_MS


def _line(axes: Axes, findings: Findings) -> None:
    """Draw each reading as long as it holds, and nothing where nobody knows."""
    times = np.array(findings.table.times, dtype=np.int64)
    values = np.array(findings.table.values, dtype=np.float64) / 1000
    ends = times[:-1] + findings.interval_ms
    holes = np.flatnonzero(np.diff(times) > findings.max_gap_ms)
    x = np.insert(times, np.repeat(holes + 1, 2), np.repeat(np.minimum(ends, times[1:])[holes], 2))
    blanks = np.column_stack((values[holes], np.full(len(holes), np.nan))).ravel()
    y = np.insert(values, np.repeat(holes + 1, 2), blanks)
    x = np.append(x, times[-1] + findings.interval_ms)
    y = np.append(y, values[-1])
    axes.plot(_days(x), y, color=_INK, linewidth=1.0, drawstyle="steps-post", zorder=3)


def _limits(axes: Axes, findings: Findings) -> None:
    low, high = findings.storage
    if low is not None and high is not None:
        axes.axhspan(low / 1000, high / 1000, color=_RANGE, alpha=0.10, linewidth=0, zorder=0)
    for limit in (low, high):
        if limit is not None:
            axes.axhline(limit / 1000, color=_RANGE, linewidth=1.2, zorder=1)
    others = {
        limit
        for rule in findings.rules
        if rule.kind in OF_VALUES
        for limit in (rule.above, rule.below, rule.at_or_above, rule.at_or_below)
        if limit is not None and limit not in findings.storage
    }
    for limit in sorted(others):
        axes.axhline(limit / 1000, color=_INK, linewidth=0.8, linestyle="--", zorder=1)


def _bands(axes: Axes, findings: Findings) -> None:
    end_of_table = findings.table.times[-1] + findings.interval_ms
    for side, colour in _BANDS.items():
        spans = _union(
            (one.start, one.end if one.end is not None else end_of_table)
            for one in findings.excursions
            if one.side == side
        )
        _vertical(axes, spans, facecolor=colour, alpha=0.28, linewidth=0, zorder=1.5)


def _unknown(axes: Axes, findings: Findings) -> None:
    times = np.array(findings.table.times, dtype=np.int64)
    holes = np.flatnonzero(np.diff(times) > findings.max_gap_ms)
    spans = [
        (start, end)
        for start, end in zip(
            (times[holes] + findings.interval_ms).tolist(), times[holes + 1].tolist(), strict=True
        )
        if end > start
    ]
    _vertical(axes, spans, facecolor="none", edgecolor=_UNKNOWN, hatch="///", linewidth=0, zorder=2)


def _vertical(axes: Axes, spans: list[tuple[int, int]], **look: Any) -> None:
    """Draw bands over the whole height of the picture."""
    if spans:
        ranges = [(start / _DAY_MS, (end - start) / _DAY_MS) for start, end in spans]
        axes.broken_barh(ranges, (0, 1), transform=axes.get_xaxis_transform(), **look)


def _union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that overlap, so that two rules on one side do not darken each other."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _frame(axes: Axes, findings: Findings, language: Language) -> None:
    """Set the scales, the title, and a legend of what is to be seen in this picture."""
    table = findings.table
    low, high = findings.storage
    shown = [
        value for value in (low, high, min(table.values), max(table.values)) if value is not None
    ]
    margin = max(0.5, (max(shown) - min(shown)) / 1000 * 0.08)
    axes.set_ylim(min(shown) / 1000 - margin, max(shown) / 1000 + margin)
    axes.set_xlim(table.times[0] / _DAY_MS, (table.times[-1] + findings.interval_ms) / _DAY_MS)
    locator = _DATES.AutoDateLocator(tz=findings.zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        _DATES.ConciseDateFormatter(
            locator, tz=findings.zone, formats=_TICKS, offset_formats=_CORNER
        )
    )
    axes.set_ylabel(word("plot-value", language))
    axes.set_xlabel(findings.zone_name)
    name = Path(findings.file).name
    axes.set_title(word("plot-title", language, file=name, n=len(findings.excursions)), loc="left")
    handles: list[Any] = []
    if low is not None and high is not None:
        label = f"{word('plot-range', language)} {celsius(low, language)}–{celsius(high, language)}"
        handles.append(Patch(facecolor=_RANGE, alpha=0.25, label=label))
    sides = {one.side for one in findings.excursions}
    handles += [
        Patch(facecolor=colour, alpha=0.4, label=word(f"plot-{side}", language))
        for side, colour in _BANDS.items()
        if side in sides
    ]
    if findings.exposure is not None and findings.exposure.unknown_ms:
        label = word("plot-unknown", language)
        handles.append(Patch(facecolor="none", edgecolor=_UNKNOWN, hatch="///", label=label))
    if handles:
        axes.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4, frameon=False
        )
    axes.grid(visible=True, color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
