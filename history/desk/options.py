"""The options of ``coldwatch history``: what they are, and how they fit together."""

from __future__ import annotations

import argparse
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.options import add_where_and_how, duration, limit, time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from history.export import SeriesRule

_NOW: Final = "now"
# "three times `--interval` … but not under 15 min, WHO's largest sample gap" (design.md).
_INTERVALS_IN_GAP: Final = 3
_MIN_GAP_MS: Final = 15 * 60_000

_EXAMPLES: Final = {
    "list": ("list", "list east-gate --lang zh", "list --json"),
    "stats": (
        "stats east-gate fridge-1/center/temperature",
        "stats east-gate fridge-1/center/temperature --from 2026-05-01 --to now",
        "stats east-gate fridge-1/center/temperature --below 2 --above 8 --interval 60s --json",
        "stats clinic room/wall/humidity --above 65 --interval 60s",
    ),
    "export": (
        "export east-gate fridge-1/center/temperature > fridge-1.csv",
        "export east-gate fridge-1/center/temperature fridge-1/door/open -o both.xlsx",
        "export east-gate fridge-1/center/temperature --from 2026-05-01 --to 2026-06-01 -o may.csv",
        "export east-gate fridge-1/center/temperature -o fridge-1.parquet --force --json",
    ),
}


class AskedWrongError(ValueError):
    """It cannot be answered like this; the text says what to write."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "which series have readings, and which are stale")
    listing.add_argument("site", nargs="?", metavar="SITE", help="only of this site")
    stats = _action(actions, "stats", "time inside, above, below and unknown; extremes; each day")
    stats.add_argument("site", metavar="SITE", help="the site, such as east-gate")
    stats.add_argument("series", metavar="SERIES", help="such as fridge-1/center/temperature")
    _range(stats)
    rule = stats.add_argument_group("the rule (default: what the hub knows)")
    rule.add_argument("--below", type=limit, metavar="VALUE", help="outside is lower than this")
    rule.add_argument("--above", type=limit, metavar="VALUE", help="outside is higher than this")
    rule.add_argument(
        "--interval", type=duration, metavar="TIME", help="the recording interval, such as 60s"
    )
    rule.add_argument(
        "--max-gap",
        type=duration,
        metavar="TIME",
        help="longest time to the next reading that counts as held; with --interval three of them, not under 15min",
    )
    export = _action(actions, "export", "readings as CSV, XLSX or Parquet")
    export.add_argument("site", metavar="SITE", help="the site, such as east-gate")
    export.add_argument(
        "series",
        metavar="SERIES",
        nargs="+",
        help="one or more, such as fridge-1/center/temperature",
    )
    _range(export)
    file = export.add_argument_group("the file")
    file.add_argument(
        "--format",
        choices=("csv", "xlsx", "parquet"),
        help="default: by the file's name; csv on standard output",
    )
    file.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    file.add_argument("--force", action="store_true", help="replace a file that is there")
    file.add_argument(
        "--bom", action="store_true", help="CSV with a byte order mark, for older spreadsheets"
    )


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog="Examples:\n" + "\n".join(f"  coldwatch history {line}" for line in _EXAMPLES[name]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    where = add_where_and_how(parser)
    where.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _range(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the range (default: all readings)")
    text = "2026-05-01, 2026-05-01T09:30, 2026-05-01T09:30+08:00 or now"
    group.add_argument("--from", dest="start", type=_moment, metavar="WHEN", help=text)
    group.add_argument("--to", dest="end", type=_moment, metavar="WHEN", help="not included")


def _moment(text: str) -> datetime | date | str:
    if text.strip() == _NOW:
        return _NOW
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return time(text)


def _at(given: datetime | date | str, zone: ZoneInfo) -> int:
    """Return UTC milliseconds of what `_moment` read."""
    from history.days import midnight

    if isinstance(given, str):
        return now()
    if not isinstance(given, datetime):
        return midnight(given, zone)
    aware = given if given.tzinfo is not None else given.replace(tzinfo=zone)
    return round(aware.timestamp() * 1000)


def now() -> int:
    """Return the time that everything is judged at, UTC milliseconds."""
    from config.clock import clock_from_environment

    return clock_from_environment().now_ms()


def between(args: argparse.Namespace) -> tuple[int | None, int | None]:
    """Return the range that was asked for."""
    start, end = (
        None if given is None else _at(given, args.zone) for given in (args.start, args.end)
    )
    if start is not None and end is not None and start >= end:
        raise AskedWrongError("--to is not behind --from: nothing lies between them")
    return start, end


def rule_of(args: argparse.Namespace, known: SeriesRule | None) -> tuple[SeriesRule, bool]:
    """Return limits and holding rule, those given before those of the hub; and whether all are its."""
    from history.export import SeriesRule

    low, high = args.below, args.above
    limited = low is not None or high is not None
    if not limited and known is not None:
        low, high = known.low, known.high
    if low is None and high is None:
        raise AskedWrongError(
            f"the hub knows no storage range of {args.series}; give --below, --above or both"
        )
    if low is not None and high is not None and low > high:
        raise AskedWrongError("--below is above --above: nothing would be inside")
    interval, gap = args.interval, args.max_gap
    if interval is None:
        if known is None:
            raise AskedWrongError(
                f"the hub does not know how often {args.series} is recorded; give --interval, such as 60s"
            )
        interval, gap = known.interval_ms, gap or known.max_gap_ms
    gap = gap or max(_INTERVALS_IN_GAP * interval, _MIN_GAP_MS)
    if gap < interval:
        raise AskedWrongError(
            "--max-gap is shorter than the interval: every reading would be followed by unknown time"
        )
    from_hub = not limited and args.interval is None and args.max_gap is None
    return SeriesRule(args.series, low, high, interval, gap), from_hub
