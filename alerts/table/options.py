"""The options of ``coldwatch excursions``: what they are, and how they fit together."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from alerts.rules import Rule
from alerts.table.refusals import Language
from config.options import duration, language, limit

DEFAULT_PROFILE: Final = "who-pqs"


class UsageError(ValueError):
    """The options do not fit together; the text says what to write."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``coldwatch excursions``."""
    add = parser.add_argument
    add("file", metavar="FILE", help="the table; - is standard input")
    table = parser.add_argument_group("the table")
    add = table.add_argument
    add("--time-column", metavar="NAME", help="its name, or its number from 1; default: guessed")
    add("--value-column", metavar="NAME", help="likewise")
    add(
        "--zone",
        metavar="ZONE",
        help="of times without offset and of the days, such as Asia/Shanghai; default UTC",
    )
    add(
        "--epoch",
        choices=("auto", "s", "ms"),
        default="auto",
        help="unit of numeric times; default: by their size",
    )
    add(
        "--unit",
        choices=("degC", "degF", "mdegC"),
        default="degC",
        help="of the values; default degC",
    )
    rules = parser.add_argument_group("the rules")
    add = rules.add_argument
    add(
        "--profile",
        action="append",
        metavar="NAME",
        help="cn-gsp, who-pqs, cdc-vfc, freezer or ultra-cold; may be given again",
    )
    add("--below", type=limit, metavar="DEGC", help="outside is colder than this (with --for)")
    add("--above", type=limit, metavar="DEGC", help="outside is warmer than this (with --for)")
    add(
        "--for",
        dest="for_ms",
        type=duration,
        metavar="TIME",
        help="D: an excursion when outside this long, such as 60min",
    )
    add(
        "--cumulative-in",
        dest="window_ms",
        type=duration,
        metavar="TIME",
        help="besides: outside for D in all within this window, such as 24h",
    )
    add(
        "--storage",
        nargs=2,
        type=limit,
        metavar=("LOW", "HIGH"),
        help="the storage range of exposure; default the limits, or the profile's",
    )
    add(
        "--interval",
        type=duration,
        metavar="TIME",
        help="the recording interval; default the median spacing",
    )
    add(
        "--max-gap",
        type=duration,
        metavar="TIME",
        help="longest time to the next reading that counts as held; default three intervals, not under 15min",
    )
    answer = parser.add_argument_group("the answer")
    add = answer.add_argument
    add("--json", action="store_true", help="one JSON document on standard output")
    add("--plot", type=Path, metavar="PNG", help="draw the table with its excursions")
    add("--lang", choices=("zh", "en"), default=None, help="of the report; default by LANG")


@dataclass(frozen=True, slots=True)
class Judging:
    """What the table is judged by."""

    rules: tuple[Rule, ...]
    storage: tuple[int | None, int | None]
    remark: str | None = None


def judging_of(args: argparse.Namespace) -> Judging:
    """Return rules and storage range; raise UsageError where the options do not fit together."""
    limited = args.below is not None or args.above is not None
    if args.storage is not None and args.storage[0] >= args.storage[1]:
        raise UsageError("--storage: write the lower end first, such as --storage 2 8")
    given = (args.storage[0], args.storage[1]) if args.storage is not None else None
    if not limited:
        return _by_profiles(args, given)
    if args.profile:
        raise UsageError(
            "--profile brings its own limits: leave out --below and --above, or --profile"
        )
    if args.for_ms is None:
        raise UsageError("--below and --above need --for, such as --for 60min")
    if args.below is not None and args.above is not None and args.below > args.above:
        raise UsageError("--below is above --above: nothing would be inside")
    rules = [
        Rule("limits/consecutive", "consecutive", args.for_ms, above=args.above, below=args.below)
    ]
    if args.window_ms is not None:
        if args.window_ms < args.for_ms:
            raise UsageError("--cumulative-in is shorter than --for: the sum could never reach it")
        rules.append(
            Rule(
                "limits/cumulative",
                "cumulative",
                args.for_ms,
                above=args.above,
                below=args.below,
                window_ms=args.window_ms,
            )
        )
    return Judging(tuple(rules), given or (args.below, args.above))


def _by_profiles(args: argparse.Namespace, given: tuple[int, int] | None) -> Judging:
    from alerts.profiles import names, rules_for, storage_of

    for option, value in (("--for", args.for_ms), ("--cumulative-in", args.window_ms)):
        if value is not None:
            raise UsageError(f"{option} needs --below, --above or both")
    profiles = list(dict.fromkeys(args.profile or [DEFAULT_PROFILE]))
    for profile in profiles:
        if profile not in names():
            raise UsageError(f"--profile: there is no {profile!r}; there are {', '.join(names())}")
    ranges = {storage_of(profile) for profile in profiles}
    if given is None and len(ranges) > 1:
        raise UsageError("the profiles have different storage ranges: give --storage LOW HIGH")
    # A table has one column, of a probe whose steps nobody has told: it cannot disagree with itself,
    # and a logger of half degrees stands still all night.
    rules = tuple(
        rule
        for profile in profiles
        for rule in rules_for(profile, "temperature")
        if rule.kind not in ("disagreement", "stuck")
    )
    remark = None if args.profile else f"no rule was given: judged by the profile {DEFAULT_PROFILE}"
    return Judging(rules, given or ranges.pop(), remark)


def language_of(args: argparse.Namespace) -> Language:
    """Return the language asked for, or the environment's."""
    return language(args)


def zone_of(name: str | None) -> tzinfo:
    """Return a time zone by its IANA name; raise UsageError where there is none such."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"--zone: there is no zone {name!r}; write for example Asia/Shanghai"
        ) from None
